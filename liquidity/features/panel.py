"""The daily panel: instruments and their four signals side by side, one row per instrument and session.

Nothing is carried from day to day and nothing is estimated here: a signal that is absent today is null today.
Read next: ``rolling.py`` and ``assemble.py``, which read panels.
"""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.features import SIGNAL_PANEL
from liquidity.contracts.signals import ALT_SIGNALS, AUCTION_MM, INSTRUMENTS, MICROSTRUCTURE, SENTIMENT
from liquidity.contracts.table import TableContract
from liquidity.domain.columns import coded, day_numbers
from liquidity.domain.errors import ContractError
from liquidity.domain.origin import SIMULATED, is_simulated
from liquidity.domain.session import market_age_s, session_close
from liquidity.features.windows import float_column

__all__ = ["build_signal_panel"]

_PRICES: Final = ("open", "high", "low", "close")
_S_PER_H: Final = 3600.0


def build_signal_panel(
    instruments: pd.DataFrame,
    microstructure: pd.DataFrame,
    alt_signals: pd.DataFrame,
    auction_mm: pd.DataFrame,
    sentiment: pd.DataFrame,
) -> pd.DataFrame:
    """Join the four signals to the instruments, venues added up.

    Parameters
    ----------
    instruments, microstructure, alt_signals, auction_mm, sentiment
        Rows under their contracts, any number of sessions, any order. A frame without rows may have no columns.

    Returns
    -------
    pd.DataFrame
        Columns of ``SIGNAL_PANEL``, sorted by its key: exactly one row for each row of ``instruments``. Signals of
        instruments that are not listed that session are dropped. Missing is null (NaN), never 0.

    Notes
    -----
    Over the venues of one instrument and session:

    - ``turnover_ccy``, ``trades_count``: sum of the known ones; null when no venue knows.
    - ``spread_bps``: mean of the quoted spreads weighted by resting depth when every quoting venue shows a positive
      depth, else their plain mean (bps, full spread over mid).
    - ``depth_density``: sum of depth_ccy / (2 depth_band_bps). depth_ccy rests on both sides within depth_band_bps of
      mid, so the band is 2 depth_band_bps wide (instrument currency per bp).
    - open, high, low, close: of the venue with most turnover that traded (the first by name where equal), times its
      adj_factor where given.
    - ``micro_age_s`` is that of the freshest venue, ``micro_quality_frac`` that of the worst.

    ``turnover_velocity`` is turnover over amount outstanding (fraction per day). ``time_since_last_trade_h`` counts
    open hours of the calendar from the latest trade of any venue to the close; a trade stamped after the close is 0.
    ``alt_age_s`` is the oldest and ``alt_quality_frac`` the lowest of the traffic and utilities readings; ESG scores
    are not signals of the panel and do not count. ``source`` is ``simulated`` when any contribution is, else the
    source of the instrument row.

    Raises
    ------
    ContractError
        A column is missing, a key repeats, or a calendar is null.
    """
    _require(instruments, INSTRUMENTS)
    base = _Base(instruments)
    panel = {name: base.frame[name] for name in INSTRUMENTS.column_names if name in SIGNAL_PANEL.column_names}
    simulated = is_simulated(base.frame["source"]).copy()
    numbers: dict[str, NDArray[np.float64]] = {
        name: np.full(base.n, np.nan)
        for name in SIGNAL_PANEL.column_names
        if name not in panel and SIGNAL_PANEL.column(name).dtype in ("float64", "int64")
    }
    for contract, frame, fill in (
        (MICROSTRUCTURE, microstructure, _fill_microstructure),
        (ALT_SIGNALS, alt_signals, _fill_alt),
        (AUCTION_MM, auction_mm, _fill_auction),
        (SENTIMENT, sentiment, _fill_sentiment),
    ):
        if frame.empty or not base.n:
            continue
        _require(frame, contract)
        at = base.rows_of(frame)
        if (at < 0).any():
            frame, at = frame.iloc[np.flatnonzero(at >= 0)], at[at >= 0]
        simulated[at[is_simulated(frame["source"])]] = True
        fill(numbers, frame, at, base)
    with np.errstate(divide="ignore", invalid="ignore"):
        outstanding = float_column(base.frame, "amount_outstanding")
        numbers["turnover_velocity"] = np.where(outstanding > 0.0, numbers["turnover_ccy"] / outstanding, np.nan)
    columns: dict[str, Any] = {**panel, **numbers}
    columns["session_date"] = base.days.astype("datetime64[D]").astype("datetime64[s]")
    columns["trades_count"] = pd.Series(numbers["trades_count"]).astype("Int64")
    columns["source"] = base.frame["source"].where(~simulated, SIMULATED)
    return pd.DataFrame(columns, columns=list(SIGNAL_PANEL.column_names), copy=False)


def _require(frame: pd.DataFrame, contract: TableContract) -> None:
    missing = [name for name in contract.column_names if name not in frame.columns]
    # Ages and qualities are added by the adapters; a frame without them is not ready for the panel.
    if missing:
        raise ContractError(
            f"{contract.name}: columns {missing} are missing; the panel needs every column of the contract"
        )


class _Base:
    """The instruments in key order, and the way from any signal row to its instrument row."""

    def __init__(self, instruments: pd.DataFrame) -> None:
        codes, self.ids = coded(instruments["instrument_id"])
        days = day_numbers(instruments["session_date"])
        order = np.lexsort((codes, days))
        self.frame = instruments.iloc[order].reset_index(drop=True)
        self.days, codes = days[order], codes[order]
        self.n = len(order)
        self.first_day = int(self.days[0]) if self.n else 0
        self.key = (self.days - self.first_day) * (len(self.ids) + 1) + codes
        repeated = np.flatnonzero(self.key[1:] == self.key[:-1])
        if repeated.size:
            row = self.frame.iloc[int(repeated[0])]
            raise ContractError(
                f"instruments: {repeated.size} row(s) repeat their key; first: {row['instrument_id']} on {row['session_date']}"
            )

    def rows_of(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        """Row of the panel for each row of ``frame``; -1 where its instrument is not listed that session."""
        import pyarrow.compute as pc

        codes, ids = coded(frame["instrument_id"])
        here = pc.fill_null(pc.index_in(ids, value_set=self.ids), -1).to_numpy(zero_copy_only=False).astype(np.int64)
        code, day = here[codes], day_numbers(frame["session_date"]) - self.first_day
        key = day * (len(self.ids) + 1) + code
        at = np.minimum(np.searchsorted(self.key, key), self.n - 1)
        return np.where((code >= 0) & (self.key[at] == key), at, -1)

    def closes(self, rows: NDArray[np.int64]) -> dict[str, tuple[NDArray[np.int64], NDArray[np.datetime64]]]:
        """For each calendar: which of ``rows`` follow it, and the close of their session (end of day without one)."""
        codes, calendars = coded(self.frame["calendar"])
        if self.n and codes.min() < 0:
            raise ContractError("instruments.calendar: null found; each instrument needs a trading calendar")
        found = {}
        for code, calendar in enumerate(calendars.to_pylist()):
            mine = np.flatnonzero(codes[rows] == code)
            days = self.days[rows[mine]].astype("datetime64[D]")
            close = session_close(calendar, days)
            found[calendar] = (mine, np.where(np.isnat(close), (days + 1).astype(close.dtype), close))
        return found


def _sum_known(values: NDArray[np.float64], at: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    known = np.isfinite(values)
    total = np.bincount(at[known], weights=values[known], minlength=n)
    return np.where(np.bincount(at[known], minlength=n) > 0, total, np.nan)


def _extreme(values: NDArray[np.float64], at: NDArray[np.int64], n: int, *, largest: bool) -> NDArray[np.float64]:
    found = np.full(n, np.nan)
    (np.fmax if largest else np.fmin).at(found, at, values)
    return found


def _fill_microstructure(
    numbers: dict[str, NDArray[np.float64]], frame: pd.DataFrame, at: NDArray[np.int64], base: _Base
) -> None:
    n = base.n
    venues, _ = coded(frame["venue"])
    order = np.lexsort((venues, at))  # the result must not depend on the order of rows
    frame, at = frame.iloc[order], at[order]
    if np.any((at[1:] == at[:-1]) & (np.diff(venues[order]) == 0)):
        raise ContractError(
            "microstructure: rows repeat (session_date, instrument_id, venue); check the table against its contract"
        )
    value = {
        name: float_column(frame, name)
        for name in ("quoted_spread_bps", "depth_ccy", "depth_band_bps", *_PRICES, "adj_factor", "trades_count",
                     "turnover_ccy", "age_market_s", "quality_frac")
    }  # fmt: skip
    numbers["turnover_ccy"] = _sum_known(value["turnover_ccy"], at, n)
    numbers["trades_count"] = _sum_known(value["trades_count"], at, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        density = np.where(value["depth_band_bps"] > 0.0, value["depth_ccy"] / (2.0 * value["depth_band_bps"]), np.nan)
    numbers["depth_density"] = _sum_known(density, at, n)
    numbers["spread_bps"] = _mean_spread(value["quoted_spread_bps"], value["depth_ccy"], at, n)
    numbers["micro_age_s"] = _extreme(value["age_market_s"], at, n, largest=False)
    numbers["micro_quality_frac"] = _extreme(value["quality_frac"], at, n, largest=False)

    traded = np.isfinite(value["close"])
    rank = np.where(traded, np.nan_to_num(value["turnover_ccy"], nan=0.0), -1.0)
    best = np.lexsort((-np.arange(at.size), rank, at))  # within an instrument: most turnover last, first venue on ties
    last = np.flatnonzero(np.append(at[best][1:] != at[best][:-1], True)) if at.size else np.zeros(0, np.int64)
    main = best[last]
    main = main[traded[main]]
    factor = np.where(np.isfinite(value["adj_factor"]), value["adj_factor"], 1.0)
    for name in _PRICES:
        numbers[name][at[main]] = value[name][main] * factor[main]

    traded_at = frame["last_trade_at"]
    for calendar, (mine, close) in base.closes(at).items():
        hours = np.maximum(market_age_s(traded_at.iloc[mine], close, calendar), 0.0) / _S_PER_H
        np.fmin.at(numbers["time_since_last_trade_h"], at[mine], hours)


def _mean_spread(
    spread: NDArray[np.float64], depth: NDArray[np.float64], at: NDArray[np.int64], n: int
) -> NDArray[np.float64]:
    quoted = np.isfinite(spread)
    spread, depth, at = spread[quoted], depth[quoted], at[quoted]
    deep = np.isfinite(depth) & (depth > 0.0)
    all_deep = np.bincount(at[~deep], minlength=n)[at] == 0
    venues = np.bincount(at, minlength=n)
    weight = np.where(all_deep, depth, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(at, weights=weight * spread, minlength=n) / np.bincount(at, weights=weight, minlength=n)
    only = venues[at] == 1
    mean[at[only]] = spread[only]  # one venue: its own number, untouched by rounding
    return mean


def _fill_alt(numbers: dict[str, NDArray[np.float64]], frame: pd.DataFrame, at: NDArray[np.int64], base: _Base) -> None:
    kind = frame["kind"]
    value, age, quality = (float_column(frame, name) for name in ("value", "age_market_s", "quality_frac"))
    chosen = np.zeros(len(frame), dtype=bool)
    for name, column in (("traffic", "traffic_index"), ("utilities", "utilities_index")):
        mine = (kind == name).to_numpy(dtype=bool)
        numbers[column][at[mine]] = value[mine]
        chosen |= mine
    numbers["alt_age_s"] = _extreme(age[chosen], at[chosen], base.n, largest=True)
    numbers["alt_quality_frac"] = _extreme(quality[chosen], at[chosen], base.n, largest=False)


def _fill_auction(
    numbers: dict[str, NDArray[np.float64]], frame: pd.DataFrame, at: NDArray[np.int64], base: _Base
) -> None:
    del base
    for column, source in (
        ("auction_demand", "auction_demand"),
        ("mm_online_ratio", "mm_online_ratio"),
        ("auction_age_s", "age_market_s"),
        ("auction_quality_frac", "quality_frac"),
    ):
        numbers[column][at] = float_column(frame, source)


def _fill_sentiment(
    numbers: dict[str, NDArray[np.float64]], frame: pd.DataFrame, at: NDArray[np.int64], base: _Base
) -> None:
    del base
    for column, source in (
        ("sentiment_signed", "sentiment_score"),
        ("buzz_volume", "buzz_volume"),
        ("sentiment_age_s", "age_market_s"),
        ("sentiment_quality_frac", "quality_frac"),
    ):
        numbers[column][at] = float_column(frame, source)
