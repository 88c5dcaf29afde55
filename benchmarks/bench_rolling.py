"""Rolling windows: our spans and nine-statistic kernel beside pandas and polars, and the newest day beside history.

Figures without a peer are processor seconds of one process, figures with a peer wall seconds.
Run ``python -m benchmarks.bench_rolling`` (all sizes, a few minutes) or ``... --quick`` (small sizes, for a look).
Rounds alternate between the candidates, so that load hits both; the median of the rounds counts. One core each:
polars is held to one thread before its import.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import itertools
import resource
import statistics
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.table import Row
from liquidity.contracts.features import PANEL_SIGNALS
from liquidity.domain.session import sessions_between
from liquidity.features.assemble import FEATURE_INPUTS, liquidity_features
from liquidity.features.nine import rolling_nine
from liquidity.features.rolling import ROLLING_INPUTS, rolling_moments, rolling_spans, rolling_statistics
from liquidity.measures import measure_sessions

WINDOWS_DAYS = (7, 30, 90)
ROUNDS = 3


def alternate(rounds: int, *candidates: Callable[[], Any]) -> list[float]:
    """Median seconds of each candidate over alternating rounds, after one round that does not count."""
    seconds: list[list[float]] = [[] for _ in candidates]
    for turn in range(rounds + 1):
        for mine, candidate in zip(seconds, candidates, strict=True):
            began = time.perf_counter()
            candidate()
            if turn:
                mine.append(time.perf_counter() - began)
    return [statistics.median(mine) for mine in seconds]


def row(name: str, ours_s: float, peer: str, peer_s: float | None, goal: str, met: bool, n: str) -> Row:
    """One line of the table."""
    return Row(name, ours_s, n, goal, met, peer, peer_s)


def year_of_sessions() -> NDArray[np.int64]:
    return np.array(sessions_between("XNYS", date(2025, 11, 21), date(2026, 11, 20)), dtype="datetime64[D]").astype(
        np.int64
    )


def long_rows(
    instruments: int, columns: int, newest: int = 251
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Codes, days and values (3 % missing) of the newest sessions of a year, sorted by instrument and day."""
    sessions, rng = year_of_sessions()[-newest:], np.random.default_rng(7)
    groups = np.repeat(np.arange(instruments), sessions.size)
    days = np.tile(sessions, instruments)
    values = rng.lognormal(size=(groups.size, columns))
    values[rng.random(values.shape) < 0.03] = np.nan
    return groups, days, values


def spans_beside_groupby(instruments: int, sessions: int, goal_ratio: float) -> Row:
    groups, days, values = long_rows(instruments, 12, sessions)
    frame = pd.DataFrame(values, columns=list(PANEL_SIGNALS))
    dated = frame.assign(g=groups).set_index(days.astype("datetime64[D]").astype("datetime64[s]"))

    def ours() -> dict[Any, pd.DataFrame]:
        return rolling_moments(frame, *rolling_spans(groups, days, 30))

    def peer() -> dict[str, pd.DataFrame]:
        rolling = dated.groupby("g").rolling("30D")
        return {"mean": rolling.mean(), "std": rolling.std(), "min": rolling.min(), "max": rolling.max()}

    mine, theirs = ours(), peer()
    equal = all(np.array_equal(mine[name].to_numpy(), theirs[name].to_numpy(), equal_nan=True) for name in mine)  # type: ignore[index]
    ours_s, peer_s = alternate(ROUNDS, ours, peer)
    met = equal and peer_s / ours_s >= goal_ratio
    goal = f">= {goal_ratio:g} x, bit-equal ({'yes' if equal else 'NO'})"
    return row(
        "rolling mean/std/min/max, spans",
        ours_s,
        "pandas groupby.rolling('30D')",
        peer_s,
        goal,
        met,
        f"{len(frame):,} rows x 12",
    )


def nine_of_year(groups: NDArray[np.int64], days: NDArray[np.int64], values: NDArray[np.float64]) -> None:
    """All windows of one signal, 1,000 instruments at a time as in production: results stay in warm memory."""
    borders = np.searchsorted(groups, np.arange(groups[0], groups[-1] + 1001, 1000))
    for first, stop in itertools.pairwise(borders.tolist()):
        block = slice(first, stop)
        for window in WINDOWS_DAYS:
            starts, stops = rolling_spans(groups[block], days[block], window)
            rolling_nine(values[block], days[block], starts, stops)


def nine_beside_polars(instruments: int) -> Row:
    import polars as pl

    groups, days, values = long_rows(instruments, 1)
    table = pl.DataFrame({"g": groups, "day": days, "x": values[:, 0]}).with_columns(pl.col("x").fill_nan(None))

    def peer() -> Any:
        x = pl.col("x")
        frames = []
        for window in WINDOWS_DAYS:
            rolling = table.rolling("day", period=f"{window}i", group_by="g", closed="right")
            frames.append(
                rolling.agg(
                    x.mean().alias("mean"), x.std().alias("std"), x.min().alias("min"), x.max().alias("max"),
                    x.median().alias("median"), x.quantile(0.9, "linear").alias("q90"),
                )
            )  # fmt: skip
        return frames

    def by_expression() -> Any:
        def rolled(method: str, window: int, **extra: Any) -> Any:
            function = getattr(pl.col("x"), f"rolling_{method}_by")
            return (
                function("day", window_size=f"{window}i", closed="right", **extra).over("g").alias(f"{method}{window}")
            )

        wanted = [
            rolled(method, window) for window in WINDOWS_DAYS for method in ("mean", "std", "min", "max", "median")
        ]
        wanted += [rolled("quantile", window, quantile=0.9, interpolation="linear") for window in WINDOWS_DAYS]
        return table.select(wanted)

    ours_s, aggregated_s, expressed_s = alternate(
        ROUNDS, lambda: nine_of_year(groups, days, values[:, 0]), peer, by_expression
    )
    peer_s, how = min((aggregated_s, "rolling().agg"), (expressed_s, "rolling_*_by().over"))
    return row("nine statistics, 7/30/90 days", ours_s, f"polars {how}, six of them", peer_s, ">= 2.5 x", peer_s / ours_s >= 2.5, f"{groups.size:,} rows x 1 signal x 3 windows")  # fmt: skip


def nine_absolute(instruments: int, signals: int = 12) -> Row:
    groups, days, values = long_rows(instruments, 1)
    sessions = groups.size // instruments
    nine_of_year(groups[:sessions], days[:sessions], values[:sessions, 0])
    began = time.process_time()
    for _ in range(signals):
        nine_of_year(groups, days, values[:, 0])
    ours_s = time.process_time() - began
    n = f"{instruments:,} ISINs x {signals} signals x {sessions} sessions x 3 windows x 9"
    return row(
        "nine statistics, a year of history (CPU s)",
        ours_s,
        "",
        None,
        "<= 15 s on one core at 10,000 ISINs",
        ours_s <= 15.0,
        n,
    )


def random_panel(instruments: int, sessions: int) -> pd.DataFrame:
    """Make a dense signal panel of the newest sessions with the columns the features read; 5 % missing."""
    rng = np.random.default_rng(5)
    days = np.array(sessions_between("XNYS", date(2025, 6, 1), date(2026, 11, 20))[-sessions:], dtype="datetime64[s]")
    rows = instruments * days.size
    names = pd.Index([f"US{k:09d}0" for k in range(instruments)])
    one = np.zeros(rows, dtype=np.int8)
    table: dict[str, Any] = {
        "session_date": np.repeat(days, instruments),
        "instrument_id": pd.Categorical.from_codes(np.tile(np.arange(instruments), days.size), names),
        "maturity_date": np.full(rows, np.datetime64("2031-01-01", "s")),
        "issue_date": np.full(rows, np.datetime64("2020-01-01", "s")),
        "amount_outstanding": np.full(rows, 1e9),
    }
    text = {"asset_class": "bond_corporate", "calendar": "XNYS", "currency": "USD", "source": "simulated"}
    for name in dict.fromkeys((*FEATURE_INPUTS, *ROLLING_INPUTS)):
        if name in table:
            continue
        if name in (*text, "issuer_id", "sector", "rating"):
            table[name] = pd.Categorical.from_codes(one, [text.get(name, "A")])
        elif name.endswith("_quality_frac"):
            table[name] = np.full(rows, 0.9)
        else:
            drawn = rng.lognormal(size=rows)
            drawn[rng.random(rows) < 0.05] = np.nan
            table[name] = drawn
    price = 100.0 * np.exp(rng.normal(0.0, 0.01, rows))
    table |= {"open": price, "high": price * 1.01, "low": price * 0.99, "close": price * 1.001}
    table["sentiment_signed"] = np.tanh(table["sentiment_signed"] - 1.0)
    return pd.DataFrame(table, copy=False)


def newest_beside_history(instruments: int) -> list[Row]:
    """Compute the same day once alone and once as the last of all sessions since 63 sessions ago."""
    panel = random_panel(instruments, 126)
    days = [moment.date() for moment in pd.DatetimeIndex(panel["session_date"].unique())]
    newest_s, plain_s, history_s = alternate(
        ROUNDS,
        lambda: rolling_statistics(panel, days[-1:]),
        lambda: rolling_statistics(panel, days[-1:], "numpy"),
        lambda: rolling_statistics(panel, days[-63:]),
    )
    n = f"{instruments:,} ISINs x 12 x 3"
    return [
        row(
            "newest day alone",
            newest_s,
            "63 sessions of history",
            history_s,
            ">= 10 x",
            history_s / newest_s >= 10.0,
            n,
        ),
        row("newest day alone", newest_s, "the same by np.sort tensor", plain_s, ">= 1 x", plain_s >= newest_s, n),
    ]


def newest_absolute(instruments: int) -> list[Row]:
    panel = random_panel(instruments, 62)
    session = [panel["session_date"].iloc[-1].date()]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    n = f"{instruments:,} ISINs, 62 sessions of past"
    began = time.process_time()
    rolling_statistics(panel, session)
    rolling_s = time.process_time() - began
    after_rolling = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    measures = measure_sessions(panel, session)
    began = time.process_time()
    liquidity_features(panel, measures, session)
    features_s = time.process_time() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown, whole = (after_rolling - before) / 1e6, after / 1e6
    held = panel.memory_usage(index=False).sum() / 1e9
    return [
        row(f"newest day, rolling (peak +{grown:.1f} GB)", rolling_s, "", None, "<= 6 s, < 1.5 GB beside the panel", rolling_s <= 6 and grown < 1.5, n),
        row(f"newest day, features (process {whole:.1f} GB, of it panel {held:.1f})", features_s, "", None, "<= 20 s, < 2.5 GB", features_s <= 20 and whole < 2.5, n),
    ]  # fmt: skip


def run(quick: bool = False) -> list[Row]:
    """All rows of the table; ``quick`` at a tenth of the sizes."""
    cut = 10 if quick else 1
    return [
        # Memory is measured first: the peak of a process never falls.
        *newest_absolute(100_000 // cut),
        spans_beside_groupby(10_000 // cut, 62, 6.0),
        spans_beside_groupby(800, 251, 3.0),
        nine_beside_polars(4_000 // cut),
        nine_absolute(10_000 // cut),
        *newest_beside_history(4_000 // cut),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    for line in run(parser.parse_args().quick):
        print(f"{'met   ' if line.met else 'MISSED'} {line.text()}")


if __name__ == "__main__":
    main()
