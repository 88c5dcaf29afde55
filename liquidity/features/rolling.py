"""Rolling statistics of every panel signal over 7, 30 and 90 calendar days, past only.

A window is (t - w, t]: open on the left, closed on the right, in calendar days, whatever sessions exist inside it.
The newest day alone and a long history give the same numbers, because a window's result depends only on the
observations in it. Read next: ``nine.py`` (the statistics), ``windows.py`` (the panel as matrices).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.api.indexers import BaseIndexer

from liquidity.contracts.features import PANEL_SIGNALS, ROLLING_STATISTICS, ROLLING_WINDOWS_DAYS
from liquidity.domain.columns import text_column
from liquidity.features.nine import STATISTICS, nine_of_observations
from liquidity.features.windows import PanelCube, float_column, panel_cube

__all__ = ["ROLLING_INPUTS", "observed_returns", "rolling_moments", "rolling_spans", "rolling_statistics"]

LONGEST_DAYS: Final = max(ROLLING_WINDOWS_DAYS)
ROLLING_INPUTS: Final = (
    "session_date",
    "instrument_id",
    *(name for name in PANEL_SIGNALS if name != "return_frac"),
    "close",
)
"""Columns of signal_panel that :func:`rolling_statistics` reads; the rest need not be loaded."""


def rolling_spans(
    groups: NDArray[Any], days: NDArray[Any], window_days: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row spans of the window (t - window_days, t] of every row, within its group.

    Parameters
    ----------
    groups
        Integer code of the instrument of each row, >= 0, ascending.
    days
        Calendar day number of each row, ascending within the group, at most one row per group and day.
    window_days
        Length in calendar days.

    Returns
    -------
    starts, stops
        int64, shape (rows,): the window of row i is ``[starts[i], stops[i])`` and ends with row i itself.

    Examples
    --------
    >>> starts, stops = rolling_spans(np.array([0, 0, 0, 1]), np.array([1, 6, 8, 8]), window_days=7)
    >>> starts.tolist(), stops.tolist()
    ([0, 0, 1, 3], [1, 2, 3, 4])
    """
    days = np.asarray(days, dtype=np.int64)
    if days.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    since_first = days - days.min()
    key = np.asarray(groups, dtype=np.int64) * (since_first.max() + window_days + 1) + since_first
    starts = np.searchsorted(key, key - window_days, side="right").astype(np.int64)
    return starts, np.arange(1, days.size + 1, dtype=np.int64)


class _Spans(BaseIndexer):
    """Window bounds computed beforehand."""

    def __init__(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> None:
        super().__init__()
        self.starts = starts
        self.stops = stops

    def get_window_bounds(
        self,
        num_values: int = 0,
        min_periods: int | None = None,
        center: bool | None = None,
        closed: str | None = None,
        step: int | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the spans, whatever is asked."""
        return self.starts, self.stops


def rolling_moments(
    frame: pd.DataFrame, starts: NDArray[np.int64], stops: NDArray[np.int64], min_periods: int = 1
) -> dict[Literal["mean", "std", "min", "max"], pd.DataFrame]:
    """Mean, sample deviation, minimum and maximum of all columns at once, by pandas with our own spans.

    Equal bit for bit to ``frame.groupby(...).rolling("30D")`` and several times faster, because no group is visited.
    For these four alone; all nine come cheaper from :func:`liquidity.features.nine.rolling_nine`.

    Parameters
    ----------
    frame
        Numeric columns, rows as given to :func:`rolling_spans`; NaN is skipped.
    min_periods
        Fewest observations for a number.
    """
    rolling = frame.rolling(_Spans(starts, stops), min_periods=min_periods)
    return {"mean": rolling.mean(), "std": rolling.std(), "min": rolling.min(), "max": rolling.max()}


def observed_returns(close: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return of each observed close over the previous observed one, and where that previous one lies.

    Parameters
    ----------
    close
        Shape (instruments, days), NaN where there was none.

    Returns
    -------
    return_frac
        Same shape, fraction; NaN without a close or without an earlier one. A gap of days is bridged.
    previous
        Column of the earlier close, -1 where there is none.
    """
    columns = np.arange(close.shape[1])
    latest = np.maximum.accumulate(np.where(np.isfinite(close), columns, -1), axis=1)
    previous = np.full(close.shape, -1, dtype=np.int64)
    previous[:, 1:] = latest[:, :-1]
    before = np.take_along_axis(close, np.maximum(previous, 0), axis=1) if close.shape[1] else close
    with np.errstate(divide="ignore", invalid="ignore"):
        return_frac = np.where((previous >= 0) & (before > 0.0), close / before - 1.0, np.nan)
    return return_frac, previous


def rolling_statistics(
    panel: pd.DataFrame,
    sessions: Sequence[date],
    engine: Literal["auto", "numba", "numpy"] = "auto",
) -> pd.DataFrame:
    """Nine statistics of every signal, window and instrument of each session.

    Parameters
    ----------
    panel
        Rows of ``signal_panel`` with the columns :data:`ROLLING_INPUTS` (more are ignored), holding the sessions and
        their 90 days before. Rows after the last session are ignored. NaN or null is a missing observation.
    sessions
        Days to report. One day costs one window per cell; a long range slides its windows.
    engine
        See :func:`liquidity.features.nine.rolling_nine`.

    Returns
    -------
    pd.DataFrame
        Columns and order of ``ROLLING_STATISTICS``, sorted by its key: one row for each instrument that has a panel
        row that session and at least one observation in the window. About 110 bytes a row: ask for a long history
        in pieces (10,000 instruments give 360,000 rows a session).

    Notes
    -----
    ``return_frac`` is made from closes of the 90 days up to the session only, so its first observation in there has
    no return, and a session is reproduced from its own 90 days.
    """
    wanted = np.unique(np.asarray(sessions, dtype="datetime64[D]").astype(np.int64))
    signals = tuple(sorted(PANEL_SIGNALS))
    if not wanted.size or panel.empty:
        return _empty()
    first = (np.datetime64(int(wanted[0]), "D").item()) - timedelta(days=LONGEST_DAYS - 1)
    cube = panel_cube(panel, first, np.datetime64(int(wanted[-1]), "D").item())
    columns = np.flatnonzero(np.isin(cube.days, wanted))
    if wanted.size == 1 and columns.size:
        cube = cube.of_rows_on(int(wanted[0]))
    if not columns.size or not len(cube.cell):
        return _empty()
    shape = (columns.size, len(cube.cell), len(signals), len(ROLLING_WINDOWS_DAYS))
    count = np.zeros(shape, dtype=np.int64)
    statistics = [np.empty(shape) for _ in STATISTICS]
    for s, signal in enumerate(signals):
        source = float_column(panel, "close" if signal == "return_frac" else signal)
        for block in cube.blocks():
            matrix = cube.take(source, block)
            if signal == "return_frac":
                matrix = np.where(matrix > 0.0, matrix, np.nan)
            rows, across = np.nonzero(cube.cell[block][:, columns] >= 0)
            for w, (starts, stops, observed, days, newest) in enumerate(
                _spans_of_matrix(matrix, cube.days, rows, columns[across], signal == "return_frac")
            ):
                nine = nine_of_observations(observed, days, starts, stops, newest, engine)
                count[across, rows + block.start, s, w] = nine.n
                for statistic, values in zip(statistics, nine.values, strict=True):
                    statistic[across, rows + block.start, s, w] = values
    return _as_frame(cube, columns, signals, count, statistics)


def _spans_of_matrix(
    matrix: NDArray[np.float64],
    days: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    of_returns: bool,
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]]:
    """Spans into the observations of a (instruments, days) matrix, per window, for the cells (rows, columns)."""
    width = matrix.shape[1]
    seen = np.isfinite(matrix)
    place = np.zeros(seen.size + 1, dtype=np.int64)
    np.cumsum(seen, out=place[1:])
    observed = matrix[seen]
    observed_days = np.broadcast_to(days, matrix.shape)[seen]
    flat = rows * width
    stops = place[flat + columns + 1]
    newest = seen[rows, columns]

    def first_after(window_days: int) -> NDArray[np.int64]:
        left = np.searchsorted(days, days - window_days, side="right")
        starts: NDArray[np.int64] = place[flat + left[columns]]
        return starts

    if not of_returns:
        return [(first_after(window), stops, observed, observed_days, newest) for window in ROLLING_WINDOWS_DAYS]
    return_frac = observed_returns(matrix)[0][
        seen
    ]  # the first close of an instrument holds NaN and is never inside a span
    earliest = first_after(LONGEST_DAYS) + 1
    has_earlier = newest & (stops > earliest)
    starts = [np.minimum(np.maximum(first_after(window), earliest), stops) for window in ROLLING_WINDOWS_DAYS]
    return [(start, stops, return_frac, observed_days, has_earlier) for start in starts]


def _as_frame(
    cube: PanelCube,
    columns: NDArray[np.int64],
    signals: tuple[str, ...],
    count: NDArray[np.int64],
    statistics: list[NDArray[np.float64]],
) -> pd.DataFrame:
    kept = np.flatnonzero(count.ravel())
    n_instruments, n_signals, n_windows = count.shape[1:]
    window = kept % n_windows
    cell = kept // n_windows
    signal = (cell % n_signals).astype(np.int16)
    cell //= n_signals
    table: dict[str, Any] = {
        "session_date": cube.days[columns][cell // n_instruments].astype("datetime64[D]").astype("datetime64[s]"),
        "instrument_id": text_column(cube.instruments, (cell % n_instruments).astype(np.int32)),
        "signal": text_column(pa.array(signals, pa.large_string()), signal),
        "window_days": np.asarray(ROLLING_WINDOWS_DAYS, dtype=np.int64)[window],
        "n": count.ravel()[kept],
    }
    del window, cell, signal
    for position, name in enumerate(STATISTICS):
        table[name] = statistics[position].ravel()[kept]
        statistics[position] = np.empty(0)  # one statistic at a time keeps the peak low
    return pd.DataFrame(table, columns=list(ROLLING_STATISTICS.column_names), copy=False)


def _empty() -> pd.DataFrame:
    empty: pd.DataFrame = ROLLING_STATISTICS.arrow_schema.empty_table().to_pandas(date_as_object=False)
    return empty
