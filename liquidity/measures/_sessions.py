"""From the daily panel to matrices and back: how the registered measures reach every instrument at once.

Instruments are worked on in blocks so that memory follows the block, not the market; a block's signals are
(instruments, sessions of the calendar) matrices and every window is a slice of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from liquidity.contracts.features import LIQUIDITY_MEASURES
from liquidity.domain.columns import NO_DAY, coded, day_numbers, text_column
from liquidity.domain.errors import ContractError
from liquidity.domain.session import FIRST_DAY, sessions_between
from liquidity.measures._registry import Matrix, Measure
from liquidity.measures._rows import positive

__all__ = ["apply_measures", "close_returns"]

_HISTORY_DAYS: Final = 90
_BLOCK_INSTRUMENTS: Final = 8192
_SESSIONS_AT_ONCE: Final = 16
_KEYS: Final = ("session_date", "instrument_id", "calendar")


@dataclass(frozen=True, slots=True)
class _Calendar:
    """Instruments of one trading calendar: ``cell`` (instruments, sessions) is the row of the panel, -1 without."""

    codes: NDArray[np.int64]
    days: NDArray[np.int64]
    cell: NDArray[np.int32]


@dataclass(slots=True)
class _Found:
    """What was measured on one session, (instruments, measures)."""

    kept: NDArray[np.bool_]
    values: Matrix
    observations_n: Matrix


def apply_measures(measures: Sequence[Measure], panel: pd.DataFrame, sessions: Sequence[date]) -> pd.DataFrame:
    """Apply measures to a panel; see :func:`liquidity.measures.measure_sessions` for the promise."""
    wanted = sorted({_day_number(session) for session in sessions})
    inputs = sorted({name for measure in measures for name in measure.inputs})
    columns = sorted({"close" if name == "return_frac" else name for name in inputs})
    missing = [name for name in (*_KEYS, *columns) if name not in panel.columns]
    if missing:
        raise ContractError(f"signal_panel: columns {missing} are missing; found {list(panel.columns)}")
    days = day_numbers(panel["session_date"])
    if (days == NO_DAY).any():
        raise ContractError("signal_panel.session_date: a row is null; none may be")
    if wanted:  # rows no window reaches cost memory only
        used = (days > wanted[0] - _HISTORY_DAYS) & (days <= wanted[-1])
        if not used.all():
            panel, days = panel.loc[used], days[used]
    names, codes = _keys(panel, "instrument_id")
    markets, market_of_row = _keys(panel, "calendar")
    signals = {name: panel[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in columns}

    frames = []
    for first in range(0, len(wanted), _SESSIONS_AT_ONCE):
        batch = wanted[first : first + _SESSIONS_AT_ONCE]
        shape = (len(names), len(measures))
        found = {day: _Found(np.zeros(shape, bool), np.full(shape, np.nan), np.zeros(shape)) for day in batch}
        for calendar in _calendars(markets.to_pylist(), market_of_row, codes, days, batch):
            for block in range(0, len(calendar.codes), _BLOCK_INSTRUMENTS):
                _measure_block(measures, calendar, slice(block, block + _BLOCK_INSTRUMENTS), signals, found)
        frames += [_frame(day, found[day], names, measures) for day in batch]
    return pd.concat(frames, ignore_index=True) if frames else _frame(0, _nothing(measures), names, measures)


def _nothing(measures: Sequence[Measure]) -> _Found:
    shape = (0, len(measures))
    return _Found(np.zeros(shape, bool), np.zeros(shape), np.zeros(shape))


def _calendars(
    markets: Sequence[str],
    market_of_row: NDArray[np.int64],
    codes: NDArray[np.int64],
    days: NDArray[np.int64],
    batch: Sequence[int],
) -> Iterator[_Calendar]:
    for number, market in enumerate(markets):
        opened = np.array(
            [
                _day_number(day)
                for day in sessions_between(
                    market, max(_date(batch[0] - _HISTORY_DAYS + 1), FIRST_DAY), _date(batch[-1])
                )
            ],
            dtype=np.int64,
        )
        if len(opened) == 0:
            continue
        at = np.minimum(np.searchsorted(opened, days), len(opened) - 1)
        rows = np.flatnonzero((market_of_row == number) & (opened[at] == days))
        used = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.bool_)
        used[codes[rows]] = True
        mine = np.flatnonzero(used)
        cell = np.full((len(mine), len(opened)), -1, dtype=np.int32)
        cell[(np.cumsum(used) - 1)[codes[rows]], at[rows]] = rows
        if np.count_nonzero(cell >= 0) != len(rows):
            raise ContractError(
                "signal_panel: an instrument has two rows on one day; its key is (session_date, instrument_id)"
            )
        yield _Calendar(mine, opened, cell)


def _measure_block(
    measures: Sequence[Measure],
    calendar: _Calendar,
    block: slice,
    signals: dict[str, NDArray[np.float64]],
    found: dict[int, _Found],
) -> None:
    cell, codes, days = calendar.cell[block], calendar.codes[block], calendar.days
    longest = max(measure.window_days for measure in measures)
    recent = int(np.searchsorted(days, min(found) - longest, side="right"))
    there = cell >= 0
    matrices = {name: np.where(there[:, recent:], column[cell[:, recent:]], np.nan) for name, column in signals.items()}
    closes = np.where(there, signals["close"][cell], np.nan) if "close" in signals else np.full(cell.shape, np.nan)
    returns, earlier = (matrix[:, recent:] for matrix in close_returns(closes, days))

    for day, result in found.items():
        stop = int(np.searchsorted(days, day, side="right"))
        if stop == 0 or days[stop - 1] != day:
            continue
        listed = there[:, stop - 1]
        within = {
            window: slice(int(np.searchsorted(days, day - window, side="right")) - recent, stop - recent)
            for window in {measure.window_days for measure in measures}
        }
        matrices["return_frac"] = np.where(earlier > day - _HISTORY_DAYS, returns, np.nan)
        seen = {
            (name, window): ~np.isnan(matrices[name][:, columns]).all(axis=1)
            for window, columns in within.items()
            for name in {name for measure in measures if measure.window_days == window for name in measure.inputs}
        }
        for column, measure in enumerate(measures):
            cut = within[measure.window_days]
            values, observations_n = measure.compute({name: matrices[name][:, cut] for name in measure.inputs})
            has_input = np.logical_or.reduce([seen[name, measure.window_days] for name in measure.inputs])
            result.kept[codes, column] = listed & has_input
            result.values[codes, column] = np.where(np.isfinite(values), values, np.nan)
            result.observations_n[codes, column] = observations_n


def close_returns(closes: Matrix, days: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
    """Return of each close over the instrument's previous observed close, and the day of that close.

    Parameters
    ----------
    closes
        Adjusted prices, shape (instruments, sessions), NaN where not observed.
    days
        Day of each session, ascending.

    Returns
    -------
    tuple of arrays
        Returns as fractions and previous days, both (instruments, sessions); NaN without a close or a previous one.

    Examples
    --------
    >>> returns, previous = close_returns(np.array([[100.0, np.nan, 110.0]]), np.array([1, 2, 3]))
    >>> returns.round(12).tolist(), previous.tolist()
    ([[nan, nan, 0.1]], [[nan, nan, 1.0]])
    """
    prices = positive(closes)
    observed = ~np.isnan(prices)
    newest = np.maximum.accumulate(np.where(observed, np.arange(prices.shape[1]), -1), axis=1)
    before = np.concatenate((np.full((len(prices), 1), -1), newest[:, :-1]), axis=1)
    usable = observed & (before >= 0)
    base = np.take_along_axis(prices, np.maximum(before, 0), axis=1)
    return np.where(usable, prices / base - 1.0, np.nan), np.where(usable, days[before], np.nan)


def _frame(day: int, found: _Found, names: Any, measures: Sequence[Measure]) -> pd.DataFrame:
    """Rows of one session, in the order of the key: instruments and measures are both sorted."""
    row, column = np.nonzero(found.kept)
    values, counts = found.values[row, column], found.observations_n[row, column]
    least = np.array([measure.min_observations for measure in measures])[column]
    reason = np.where(np.isnan(values), np.where(counts < least, 2 * column + 1, 2 * column + 2), 0)
    reasons = [""]
    for measure in measures:
        few = f"fewer than {measure.min_observations} usable sessions"
        reasons += [few if measure.min_observations > 1 else measure.undefined_reason, measure.undefined_reason]
    frame = pd.DataFrame(
        {
            "session_date": pd.Series(np.datetime64(day, "D").astype("datetime64[s]"), index=range(len(row))),
            "instrument_id": text_column(names, row),
            "measure": _text([measure.name for measure in measures], column),
            "value": values,
            "unit": _text([measure.unit for measure in measures], column),
            "observations_n": counts.astype(np.int64),
            "reason": _text(reasons, reason),
        }
    )
    return frame[list(LIQUIDITY_MEASURES.column_names)]


def _keys(panel: pd.DataFrame, name: str) -> tuple[Any, NDArray[np.int64]]:
    """Distinct values of a text column, ascending, and the position of each row's value among them."""
    codes, values = coded(panel[name])
    nulls = int(np.count_nonzero(codes < 0))
    if nulls:
        raise ContractError(f"signal_panel.{name}: {nulls} of {len(panel)} rows are null; none may be")
    return values, codes


def _text(values: Sequence[str], codes: NDArray[np.int64]) -> "pd.Series[str]":
    return text_column(pa.array(values, type=pa.large_string()), codes)


def _day_number(day: date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))


def _date(day_number: int) -> date:
    day: date = np.datetime64(day_number, "D").item()
    return day
