"""Did low scores, and low forecasts, come before trouble? Rank correlations and deciles with intervals, beside a naive guess.

Everything reduces to ranks within a session (or within an instrument) and sums over sessions, so that a bootstrap over
sessions is one matrix product. Read next: ``docs/methodology/score_validation.md``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.backtest.outcomes import Outcome, market_facts, outcomes, places_of
from liquidity.backtest.rank_bootstrap import block_counts, block_interval, centred_ranks
from liquidity.contracts.evidence import SCORE_VALIDATION, VALIDATION_VIEWS
from liquidity.domain.errors import ConfigError
from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.panel import ScorePanel

__all__ = ["ValidationSettings", "validate_scores"]

_DECILES: Final = 10
_LEAST: Final = {"across_names": 5, "over_time": 30}  # values that a rank within a session, an instrument, needs

_Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ValidationSettings:
    """How far back to look and how to resample.

    Parameters
    ----------
    window_sessions
        Sessions whose scores are looked at, the latest last.
    min_sessions
        Sessions with a pair of score and outcome below which nothing is said.
    blocks
        Parts of the window that are drawn as wholes. Few and long: scores and outcomes persist for weeks.
    resamples
        Draws behind each interval.
    max_instruments
        Instruments looked at, evenly spaced over the sorted names: more of them hardly narrow an interval over sessions.
    seed
        Of the draws and of the shuffled labels.
    """

    window_sessions: int = 250
    min_sessions: int = 40
    blocks: int = 8
    resamples: int = 400
    max_instruments: int = 400
    seed: int = 20

    def __post_init__(self) -> None:
        """Refuse values that cannot be used."""
        for name, low in (
            ("window_sessions", 10),
            ("min_sessions", 10),
            ("blocks", 3),
            ("resamples", 50),
            ("max_instruments", 1),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if value < low:
                raise ConfigError(f"score validation: {name} is {value}, allowed from {low}")


def validate_scores(
    panels: Sequence[ScorePanel],
    features: pd.DataFrame,
    session: np.datetime64,
    forecasts: pd.DataFrame | None = None,
    settings: ValidationSettings | None = None,
) -> pd.DataFrame:
    """Compare scores, and forecasts of them, with what followed.

    Parameters
    ----------
    panels
        Scores by market and target; sessions before the window serve averages and usual spreads.
    features
        ``liquidity_features`` rows of the panels' days: key and ``outcomes.FACT_COLUMNS``.
    session
        Last session whose outcomes are known: nothing after it is read.
    forecasts
        ``INDEX_FORECAST`` rows (``session_date, instrument_id, target, horizon_sessions, forecast_score``); those
        made in the window are predictors too.

    Returns
    -------
    pd.DataFrame
        Rows of ``SCORE_VALIDATION`` dated ``session``, sorted by the key. Figures are null with a reason where there is
        too little to compare.

    Notes
    -----
    With ranks of score x, outcome y and the outcome's own last value z, all taken over the same pairs, the correlations
    are those of ranks within a session (``across_names``) or within an instrument (``over_time``), summed over all. The
    partial correlation is (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2)(1 - r_yz^2)): what the score adds to the naive guess.
    Intervals: see :func:`liquidity.backtest.rank_bootstrap.block_interval`.
    """
    chosen = settings or ValidationSettings()
    rows: list[dict[str, Any]] = []
    for panel in panels:
        rows += _of_panel(_thinned(panel.up_to(session), chosen.max_instruments), features, session, forecasts, chosen)
    table = pd.DataFrame(rows, columns=list(SCORE_VALIDATION.column_names))
    table["session_date"] = pd.to_datetime(table["session_date"]).astype("datetime64[s]")
    table["window_from"] = pd.to_datetime(table["window_from"]).astype("datetime64[s]")
    numbers = {c.name: c.dtype for c in SCORE_VALIDATION.columns if c.dtype in ("float64", "int64")}
    return table.astype(numbers).sort_values(list(SCORE_VALIDATION.key), ignore_index=True)


def _thinned(panel: ScorePanel, most: int) -> ScorePanel:
    """The panel with at most so many instruments, evenly spaced; signals are not needed here."""
    n = len(panel.instrument_ids)
    kept = np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64)) if n else np.arange(0)
    return ScorePanel(
        panel.group,
        panel.target,
        panel.sessions,
        panel.instrument_ids[kept],
        panel.scores[:, kept],
        {},
        panel.sectors[kept],
        panel.ratings[kept],
    )


def _of_panel(
    panel: ScorePanel,
    features: pd.DataFrame,
    session: np.datetime64,
    forecasts: pd.DataFrame | None,
    settings: ValidationSettings,
) -> Iterator[dict[str, Any]]:
    if not len(panel.sessions):
        return
    facts = market_facts(features, panel.sessions, panel.instrument_ids)
    window = slice(max(len(panel.sessions) - settings.window_sessions, 0), None)
    predictors = {panel.target: np.stack([panel.scores] * len(HORIZONS))}
    if forecasts is not None and len(forecasts):
        predictors[f"{panel.target}_forecast"] = _forecast_matrices(forecasts, panel)
    draws = block_counts(len(panel.sessions[window]), settings.blocks, settings.resamples, settings.seed)
    base = {
        "session_date": session.astype("datetime64[D]").item(),
        "asset_class": panel.group.asset_class,
        "calendar": panel.group.calendar,
        "origin": panel.group.origin,
        "window_from": panel.sessions[window][0].astype("datetime64[D]").item(),
    }
    for outcome in outcomes(facts):
        for name, predictor in predictors.items():
            for view in VALIDATION_VIEWS:
                for place, horizon in enumerate(HORIZONS):
                    key = {"predictor": name, "outcome": outcome.name, "view": view, "horizon_sessions": horizon}
                    compared = _compared(predictor[place][window], outcome, place, window, view, draws, settings)
                    yield base | key | compared


def _forecast_matrices(forecasts: pd.DataFrame, panel: ScorePanel) -> _Matrix:
    """(5, T, N): median forecast for each horizon, by the session it was made on."""
    of_target = forecasts[(forecasts["target"] == panel.target).to_numpy(dtype=np.bool_)]
    made = np.full((len(HORIZONS), *panel.scores.shape), np.nan)
    if not len(of_target):
        return made
    row, column = places_of(of_target, panel.sessions, panel.instrument_ids)
    horizon = of_target["horizon_sessions"].to_numpy(dtype=np.int64) - HORIZONS[0]
    here = (row >= 0) & (column >= 0)
    told = of_target["forecast_score"].to_numpy(dtype=np.float64, na_value=np.nan)
    made[horizon[here], row[here], column[here]] = told[here]
    return made


# --- one comparison -------------------------------------------------------------------------------------------------


def _compared(
    score: _Matrix,
    outcome: Outcome,
    place: int,
    window: slice,
    view: str,
    draws: _Matrix,
    settings: ValidationSettings,
) -> dict[str, Any]:
    followed, latest = outcome.ahead[place][window], outcome.latest[place][window]
    paired = np.isfinite(score) & np.isfinite(followed) & np.isfinite(latest)
    axis = 1 if view == "across_names" else 0
    paired &= np.expand_dims(np.count_nonzero(paired, axis=axis) >= _LEAST[view], axis)
    counts = {
        "points_n": int(np.count_nonzero(paired)),
        "sessions_n": int(np.count_nonzero(paired.any(axis=1))),
        "instruments_n": int(np.count_nonzero(paired.any(axis=0))),
    }
    if counts["sessions_n"] < settings.min_sessions:
        return _nothing(
            counts, f"{counts['sessions_n']} sessions with score and outcome, {settings.min_sessions} needed"
        )
    values = (np.where(paired, each, np.nan) for each in (score, followed, latest))
    x, y, z = (centred_ranks(each, axis) for each in values)
    if not (y**2).sum() > 0.0:
        return _nothing(counts, f"{outcome.name} is the same for all that are compared")
    if not (x**2).sum() > 0.0:
        return _nothing(counts, "the score is the same for all that are compared")
    told = _correlations(_sums(x, y, z), draws, settings.blocks)
    shuffled = _shuffled(y, paired, axis, settings.seed)
    noise = float((x * shuffled).sum() / np.sqrt((x**2).sum() * (shuffled**2).sum()))
    figures = {name: None if value is None else float(np.clip(value, -1.0, 1.0)) for name, value in told.items()}
    return (
        counts
        | figures
        | {
            "shuffled_rank_correlation": float(np.clip(noise, -1.0, 1.0)),
            "base_rate": float(followed[paired].mean()),
            "deciles_json": json.dumps(_deciles(x, score, followed, paired, axis, draws, settings.blocks)),
            "verdict": _verdict(figures),
            "reason": "",
        }
    )


def _nothing(counts: Mapping[str, int], reason: str) -> dict[str, Any]:
    return {**counts, "deciles_json": "[]", "verdict": "insufficient_data", "reason": reason}


def _verdict(figures: Mapping[str, float | None]) -> str:
    low, high = figures["rank_correlation_low"], figures["rank_correlation_high"]
    if low is None or high is None:
        return "no_evidence"
    if low > 0.0:
        return "wrong_sign"
    if high >= 0.0:
        return "no_evidence"
    partial = figures["partial_high"]
    return "adds_to_naive" if partial is not None and partial < 0.0 else "predicts"


def _sums(x: _Matrix, y: _Matrix, z: _Matrix) -> _Matrix:
    """(T, 6): sums over the instruments of each session of xx, yy, zz, xy, xz, yz."""
    return np.column_stack([(a * b).sum(axis=1) for a, b in ((x, x), (y, y), (z, z), (x, y), (x, z), (y, z))])


def _correlations(sums: _Matrix, draws: _Matrix, blocks: int) -> dict[str, float | None]:
    point = _three(sums.sum(axis=0)[np.newaxis])
    resampled = _three(draws @ sums)
    told: dict[str, float | None] = {}
    for at, (name, stem) in enumerate(
        (
            ("rank_correlation", "rank_correlation"),
            ("naive_rank_correlation", "naive"),
            ("partial_rank_correlation", "partial"),
        )
    ):
        value = float(point[0, at])
        low, high = block_interval(value, resampled[:, at], blocks)
        known = bool(np.isfinite(value) and np.isfinite(low))
        told |= {
            name: value if known else None,
            f"{stem}_low": low if known else None,
            f"{stem}_high": high if known else None,
        }
    return told


def _three(sums: _Matrix) -> _Matrix:
    """(R, 3) correlations from (R, 6) sums: score and outcome, naive and outcome, score and outcome given naive."""
    xx, yy, zz, xy, xz, yz = sums.T

    def ratio(above: _Matrix, below: _Matrix) -> _Matrix:
        found: _Matrix = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 1e-12)
        return found

    r_xy, r_xz, r_yz = (ratio(c, np.sqrt(a * b)) for c, a, b in ((xy, xx, yy), (xz, xx, zz), (yz, yy, zz)))
    left = np.sqrt(np.clip(1.0 - r_xz**2, 0.0, None) * np.clip(1.0 - r_yz**2, 0.0, None))
    # Where the naive guess does not vary it explains nothing: the partial correlation is the plain one.
    partial = np.where(zz > 1e-12, ratio(r_xy - r_xz * r_yz, left), r_xy)
    return np.column_stack([r_xy, r_yz, partial])


def _shuffled(ranks: _Matrix, paired: NDArray[np.bool_], axis: int, seed: int) -> _Matrix:
    """The ranks dealt anew among those they are compared with."""
    lines, there = (ranks, paired) if axis == 1 else (ranks.T, paired.T)
    keys = np.where(there, np.random.default_rng(seed).random(lines.shape), np.inf)
    dealt = np.take_along_axis(lines, np.argsort(keys, axis=1, kind="stable"), axis=1)
    order = np.argsort(~there, axis=1, kind="stable")  # the paired places first, in their own order
    found = np.zeros(lines.shape)
    np.put_along_axis(found, order, dealt, axis=1)
    found = np.where(there, found, 0.0)
    return found if axis == 1 else found.T


def _deciles(
    x: _Matrix,
    score: _Matrix,
    followed: _Matrix,
    paired: NDArray[np.bool_],
    axis: int,
    draws: _Matrix,
    blocks: int,
) -> list[dict[str, float | int | None]]:
    """Mean outcome by decile of the score among those it is compared with, with its interval."""
    decile = np.clip(((x + 0.5) * _DECILES).astype(np.int64), 0, _DECILES - 1)
    told: list[dict[str, float | int | None]] = []
    for at in range(_DECILES):
        inside = paired & (decile == at)
        n = inside.sum(axis=1).astype(np.float64)
        if not n.any():
            continue
        total = np.where(inside, followed, 0.0).sum(axis=1)
        drawn_n, drawn = draws @ n, draws @ total
        mean = float(total.sum() / n.sum())
        low, high = block_interval(mean, drawn[drawn_n > 0] / drawn_n[drawn_n > 0], blocks)
        told.append(
            {
                "decile": at,
                "score": round(float(score[inside].mean()), 3),
                "outcome": round(mean, 6),
                "low": round(low, 6) if np.isfinite(low) else None,
                "high": round(high, 6) if np.isfinite(high) else None,
                "n": int(n.sum()),
            }
        )
    return told
