"""How the served forecasts did: judged rows added up by market, score, horizon and slice.

Read next: ``scoring.py`` judges the rows, ``track_record.py`` adds sessions up, ``drift.py`` asks for a training.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.contracts.forecast import FORECAST_ACCURACY
from liquidity.domain.columns import day_numbers
from liquidity.domain.errors import ConfigError
from liquidity.forecast.coverage import coverage_range, effective_n
from liquidity.forecast.scoring import RowLosses

__all__ = ["accuracy_table"]

_CELL: Final = ("asset_class", "calendar", "origin", "target", "horizon_sessions")
_CUTS: Final = ("sector", "liquidity_decile", "liquidity_group")
_RANGED: Final = (80, 95)


def accuracy_table(scores: pd.DataFrame, session: date, window_sessions: int) -> pd.DataFrame:
    """Accuracy of the forecasts judged in a window.

    Parameters
    ----------
    scores
        Rows of ``FORECAST_SCORES``, any order.
    session
        Last session of the window; later rows are ignored.
    window_sessions
        Sessions with judged forecasts that enter, of each market its own; fewer where there are not as many yet.

    Returns
    -------
    pd.DataFrame
        Rows of ``FORECAST_ACCURACY``, sorted by its key; no row for a slice without a judged forecast. The shift of the
        inputs is null: judged rows do not tell it (``daily.py`` adds it).

    Raises
    ------
    ConfigError
        ``window_sessions`` is below 1.

    Notes
    -----
    The range that a calibrated band's coverage stays in counts the sessions' differences (``coverage.effective_n``):
    instruments of one session share their surprises, and forecasts over several sessions overlap.
    """
    if window_sessions < 1:
        raise ConfigError(f"accuracy_table: window_sessions is {window_sessions}, allowed 1 or more")
    today = int(np.datetime64(session, "D").astype(np.int64))
    days = day_numbers(scores["session_date"])
    rows = scores[(days <= today) & scores["error_points"].notna().to_numpy()]
    pieces = []
    for _, market in rows.groupby(list(_CELL[:4]), sort=True):
        numbers = day_numbers(market["session_date"])
        first = np.unique(numbers)[-window_sessions:][0]
        pieces += [_cell(cell) for _, cell in market[numbers >= first].groupby("horizon_sessions", sort=True)]
    if not pieces:
        return frame_from_table(empty_table(FORECAST_ACCURACY))
    table = pd.concat(pieces, ignore_index=True)
    table["session_date"] = np.full(len(table), np.datetime64(session, "D")).astype("datetime64[ms]")
    table["window_sessions"] = window_sessions
    table["coverage_alarm"] = np.any(
        [
            (table[f"coverage_{band}_frac"] < table[f"coverage_{band}_low_frac"])
            | (table[f"coverage_{band}_frac"] > table[f"coverage_{band}_high_frac"])
            for band in _RANGED
        ],
        axis=0,
    )
    table["input_shift_psi"], table["shifted_input"] = np.nan, None
    return table[list(FORECAST_ACCURACY.column_names)].sort_values(list(FORECAST_ACCURACY.key), ignore_index=True)


def _cell(rows: pd.DataFrame) -> pd.DataFrame:
    """All slices of one market, score and horizon."""
    losses = RowLosses.of_table(rows)
    still = rows["persistence_abs_error_points"].to_numpy(dtype=np.float64)
    _, time = np.unique(day_numbers(rows["session_date"]), return_inverse=True)
    horizon = int(rows["horizon_sessions"].iloc[0])
    parts = [_of_cut(*cut, losses, still, time, horizon) for cut in _slices(rows)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    n = len(columns["slice"])
    return pd.DataFrame(columns | {name: [rows[name].iloc[0]] * n for name in _CELL})


def _of_cut(
    name: str,
    values: list[str],
    codes: NDArray[np.int64],
    losses: RowLosses,
    still: NDArray[np.float64],
    time: NDArray[np.intp],
    horizon: int,
) -> dict[str, NDArray[Any]]:
    """Columns of one way to cut, one row for each of ``values``."""
    n, some = len(values), codes >= 0
    means = losses.means(codes, n)
    count = np.bincount(codes[some], minlength=n)
    unchanged = np.bincount(codes[some], still[some], n) / count
    against = np.divide(means["mae_points"], unchanged, out=np.full(n, np.nan), where=unchanged > 0.0)
    judged = _by_session(codes, time, np.ones(len(codes)), n)
    columns: dict[str, NDArray[Any]] = {
        "slice": np.array([name] * n, dtype=object),
        "slice_value": np.array(values, dtype=object),
        **means,
        "points_n": means["points_n"].astype(np.int64),
        "persistence_mae_points": unchanged,
        "skill_frac": 1.0 - against,
        "sessions_n": (judged > 0).sum(axis=1),
    }
    for band in _RANGED:
        nominal = band / 100.0
        inside = _by_session(codes, time, getattr(losses, f"inside_{band}"), n)
        worth = [effective_n(inside[at], judged[at].astype(np.int64), nominal, horizon) for at in range(n)]
        ranges = np.array([coverage_range(int(count[at]), nominal, worth[at]) for at in range(n)])
        columns[f"coverage_{band}_low_frac"], columns[f"coverage_{band}_high_frac"] = ranges.T
    return columns


def _slices(rows: pd.DataFrame) -> Iterator[tuple[str, list[str], NDArray[np.int64]]]:
    """Name, values that occur and code of each row (-1: none) of every way to cut."""
    yield "all", ["all"], np.zeros(len(rows), dtype=np.int64)
    for name in _CUTS:
        codes, values = rows[name].factorize(sort=True)
        if len(values):
            yield name, [str(value) for value in values.tolist()], codes.astype(np.int64)


def _by_session(codes: NDArray[np.int64], time: NDArray[np.intp], weights: NDArray[Any], n: int) -> NDArray[np.float64]:
    """(slices, sessions) sums of the rows that belong to a slice."""
    some = codes >= 0
    sessions_n = int(time.max()) + 1
    cell = codes[some] * sessions_n + time[some]
    sums: NDArray[np.float64] = np.bincount(cell, weights[some], n * sessions_n).astype(np.float64)
    return sums.reshape(n, sessions_n)
