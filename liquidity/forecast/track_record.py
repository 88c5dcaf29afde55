"""How the served forecasts did over many sessions, added up from one-session rows; and the levels that follow from it.

A day's judged forecasts are summed once, when they are judged. Windows and adaptive levels are made from those sums: a
large universe is never read again. Read next: ``accuracy.py`` (one session), ``daily.py`` (who calls this).
"""

from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.forecast import FORECAST_ACCURACY
from liquidity.domain.columns import day_numbers
from liquidity.forecast.adaptive import AdaptiveLevels
from liquidity.forecast.bands import LIQUIDITY_GROUPS
from liquidity.forecast.coverage import coverage_range, effective_n
from liquidity.forecast.horizons import BANDS, HORIZONS
from liquidity.forecast.panel import MarketGroup

__all__ = ["levels_from", "rolling_accuracy"]

_MARKET: Final = ["asset_class", "calendar", "origin"]
_CELL: Final = [*_MARKET, "target", "horizon_sessions", "slice", "slice_value"]
_MEANS: Final = (
    "mae_points",
    "bias_points",
    "pinball_points",
    "crps_points",
    "interval_score_80_points",
    "interval_score_95_points",
    "coverage_50_frac",
    "coverage_80_frac",
    "coverage_95_frac",
    "persistence_mae_points",
)
_RANGED: Final = (80, 95)


def rolling_accuracy(daily: pd.DataFrame, session: date, window_sessions: int) -> pd.DataFrame:
    """Accuracy over the last ``window_sessions`` sessions of each market that had a forecast judged on ``session``.

    Parameters
    ----------
    daily
        ``FORECAST_ACCURACY`` rows of one session each (``window_sessions`` 1), any order; later sessions are ignored.
    window_sessions
        Sessions with judged forecasts that enter, the session itself included; fewer where there are not as many yet.

    Returns
    -------
    pd.DataFrame
        ``FORECAST_ACCURACY`` rows. Means are weighted by the judged forecasts of each session, so that they equal those
        over all rows of the window; the range of the coverage counts sessions, not names, where names move together. The
        shift of the inputs, a fact of one session, is null.
    """
    days = day_numbers(daily["session_date"])
    today = int(np.datetime64(session, "D").astype(np.int64))
    known = daily[days <= today]
    market = known.groupby(_MARKET, sort=False).ngroup().to_numpy()
    kept = np.zeros(len(known), dtype=np.bool_)
    for code in np.unique(market[days[days <= today] == today]):
        mine = market == code
        sessions = np.unique(days[days <= today][mine])
        kept |= mine & (days[days <= today] >= sessions[-window_sessions:][0])
    rows = known[kept]
    if not len(rows):
        return daily.iloc[:0]
    cells = rows.groupby(_CELL, sort=True, dropna=False)
    code, first = cells.ngroup().to_numpy(), cells.head(1).sort_values(_CELL)
    n = rows["points_n"].to_numpy(dtype=np.float64)
    count = np.bincount(code, weights=n)
    table = first[_CELL].reset_index(drop=True)
    table["session_date"] = pd.Series([pd.Timestamp(session)] * len(table)).astype(daily["session_date"].dtype)
    table["window_sessions"] = window_sessions
    table["points_n"] = count.astype(np.int64)
    table["sessions_n"] = np.bincount(code, weights=n > 0).astype(np.int64)
    for name in _MEANS:
        values = np.nan_to_num(rows[name].to_numpy(dtype=np.float64, na_value=np.nan))
        table[name] = np.divide(
            np.bincount(code, weights=values * n), count, out=np.full(len(count), np.nan), where=count > 0
        )
    still = table["persistence_mae_points"].to_numpy(dtype=np.float64)
    table["skill_frac"] = 1.0 - np.divide(
        table["mae_points"].to_numpy(dtype=np.float64), still, out=np.full(len(table), np.nan), where=still > 0
    )
    _ranges(table, rows, code)
    table["input_shift_psi"], table["shifted_input"] = np.nan, None
    return table[list(FORECAST_ACCURACY.column_names)]


def levels_from(daily: pd.DataFrame, group: MarketGroup, target: str, since: date) -> NDArray[np.float64]:
    """(5, 3, 4) probability outside to aim at next, from the sessions judged after ``since``.

    Parameters
    ----------
    daily
        One-session rows of ``FORECAST_ACCURACY``; those of other markets and scores are ignored.
    since
        Last session that the serving model's own calibration has seen.
    """
    judged_later = day_numbers(daily["session_date"]) > int(np.datetime64(since, "D").astype(np.int64))
    rows = daily[
        judged_later
        & ((daily["slice"] == "liquidity_group") & (daily["target"] == target)).to_numpy(dtype=np.bool_)
        & ((daily["asset_class"] == group.asset_class) & (daily["calendar"] == group.calendar)).to_numpy(dtype=np.bool_)
        & ((daily["origin"] == group.origin) & (daily["points_n"] > 0)).to_numpy(dtype=np.bool_)
    ]
    levels = AdaptiveLevels.start()
    for _, session in rows.groupby("session_date", sort=True):
        inside = np.full((len(HORIZONS), len(BANDS), LIQUIDITY_GROUPS), np.nan)
        horizon = session["horizon_sessions"].to_numpy(dtype=np.int64) - 1
        liquidity_group = session["slice_value"].astype(np.int64).to_numpy()
        for place, percent in enumerate(BANDS):
            inside[horizon, place, liquidity_group] = session[f"coverage_{percent}_frac"].to_numpy(dtype=np.float64)
        levels = levels.step(inside)
    return levels.alphas


def _ranges(table: pd.DataFrame, rows: pd.DataFrame, code: NDArray[Any]) -> None:
    """Add the ranges of calibrated coverage and the alarm to each cell of ``table``."""
    order = np.lexsort((day_numbers(rows["session_date"]), code))
    bounds = np.searchsorted(code[order], np.arange(len(table) + 1))
    judged = rows["points_n"].to_numpy(dtype=np.int64)[order]
    horizons = table["horizon_sessions"].to_numpy(dtype=np.int64)
    alarm = np.zeros(len(table), dtype=np.bool_)
    for percent in _RANGED:
        share = np.nan_to_num(rows[f"coverage_{percent}_frac"].to_numpy(dtype=np.float64, na_value=np.nan))[order]
        found = table[f"coverage_{percent}_frac"].to_numpy(dtype=np.float64)
        ranges = np.empty((len(table), 2))
        for cell in range(len(table)):
            here = slice(bounds[cell], bounds[cell + 1])
            n = judged[here]
            worth = effective_n(share[here] * n, n, percent / 100.0, int(horizons[cell]))
            ranges[cell] = coverage_range(int(n.sum()), percent / 100.0, worth)
        table[f"coverage_{percent}_low_frac"], table[f"coverage_{percent}_high_frac"] = ranges.T
        alarm |= (found < ranges[:, 0]) | (found > ranges[:, 1])
    table["coverage_alarm"] = alarm
