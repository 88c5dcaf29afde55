"""Trading sessions as dated facts: when a market closes, which days it opens, how much open time has passed.

Days are UTC calendar days. The market ``"24/7"`` is open every second and its session of day d closes at midnight at
the end of d. All other calendars come from ``exchange_calendars`` and are loaded once per process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.instrument import CALENDARS

__all__ = [
    "ALWAYS_OPEN",
    "FIRST_DAY",
    "LAST_DAY",
    "is_session",
    "market_age_s",
    "session_close",
    "session_seconds",
    "sessions_between",
]

ALWAYS_OPEN: Final = "24/7"
FIRST_DAY: Final = date(1998, 1, 1)
LAST_DAY: Final = date(2035, 12, 31)
"""Calendars are asked for FIRST_DAY..LAST_DAY, cut to what each of them knows (Mumbai's holidays are published yearly)."""

_DAY_US: Final = 86_400_000_000
_US_PER_S: Final = 1e6
_NAT: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class _Schedule:
    """Sessions of one calendar: day numbers, opens and closes in microseconds UTC, open time before each open."""

    first_day: int
    last_day: int
    days: NDArray[np.int64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    elapsed: NDArray[np.int64]


def _day_number(day: date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))


@lru_cache(maxsize=16)
def _schedule(calendar: str) -> _Schedule:
    import warnings

    import exchange_calendars
    import pandas as pd

    if calendar not in CALENDARS or calendar == ALWAYS_OPEN:
        raise ConfigError(f"calendar {calendar!r} is not known; allowed: {list(CALENDARS)}")
    factory = exchange_calendars.calendar_utils._default_calendar_factories[calendar]
    lower, upper = factory.bound_min(), factory.bound_max()
    first = pd.Timestamp(FIRST_DAY) if lower is None else max(pd.Timestamp(FIRST_DAY), lower)
    last = pd.Timestamp(LAST_DAY) if upper is None else min(pd.Timestamp(LAST_DAY), upper)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # exchange_calendars 4.13 on pandas 3.1: deprecated `Series.values`
        table = exchange_calendars.get_calendar(calendar, start=first, end=last).schedule
    if table["break_start"].notna().any():
        raise ConfigError(
            f"calendar {calendar} has midday breaks, which market time does not count yet; use a calendar without"
        )
    opens = table["open"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    closes = table["close"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    elapsed = np.concatenate(([0], np.cumsum(closes - opens)[:-1])).astype(np.int64)
    days = table.index.to_numpy().astype("datetime64[D]").astype(np.int64)
    for array in (days, opens, closes, elapsed):
        array.flags.writeable = False  # one copy serves every caller of the process
    return _Schedule(_day_number(first.date()), _day_number(last.date()), days, opens, closes, elapsed)


def _days(values: ArrayLike | Sequence[date]) -> NDArray[np.int64]:
    """Day numbers of dates, datetime64 of any unit, or a pandas column of either; NaT is the smallest int64."""
    return np.asarray(values, dtype="datetime64[D]").astype(np.int64)


def _micros(values: Any) -> NDArray[np.int64]:
    """Microseconds UTC of datetime64 arrays or pandas time columns (aware ones are turned to UTC)."""
    if getattr(getattr(values, "dtype", None), "tz", None) is not None:
        from pandas import DatetimeIndex

        values = DatetimeIndex(values).tz_convert("UTC").tz_localize(None)
    return np.asarray(values, dtype="datetime64[us]").astype(np.int64)


def _refuse_unknown_days(
    calendar: str, schedule: _Schedule, days: NDArray[np.int64], what: str, *, both_ends: bool = True
) -> None:
    known = days[days != _NAT]
    outside = known[(known > schedule.last_day) | (both_ends & (known < schedule.first_day))]
    if outside.size:
        first, last, found = (
            np.datetime64(int(day), "D") for day in (schedule.first_day, schedule.last_day, outside[0])
        )
        raise ConfigError(
            f"calendar {calendar}: {what} {found} lies outside its known days {first}..{last} "
            f"({outside.size} such value(s)); a newer exchange_calendars release may know it"
        )


def _position(schedule: _Schedule, days: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    position = np.clip(np.searchsorted(schedule.days, days), 0, schedule.days.size - 1)
    return position, schedule.days[position] == days


def is_session(calendar: str, days: ArrayLike | Sequence[date]) -> NDArray[np.bool_]:
    """Whether the market opens on each day.

    Parameters
    ----------
    calendar
        One of :data:`liquidity.domain.instrument.CALENDARS`.
    days
        Dates or datetime64, any shape. NaT gives False.

    Returns
    -------
    NDArray[np.bool_]
        Shape of ``days``.

    Raises
    ------
    ConfigError
        The calendar is unknown, or a day lies outside the days it knows.

    Examples
    --------
    >>> is_session("XNYS", [date(2026, 11, 25), date(2026, 11, 26)]).tolist()  # Thanksgiving
    [True, False]
    """
    numbers = _days(days)
    if calendar == ALWAYS_OPEN:
        always: NDArray[np.bool_] = numbers != _NAT
        return always
    schedule = _schedule(calendar)
    _refuse_unknown_days(calendar, schedule, numbers, "day")
    open_that_day: NDArray[np.bool_] = _position(schedule, numbers)[1]
    return open_that_day


def session_close(calendar: str, days: ArrayLike | Sequence[date]) -> NDArray[np.datetime64]:
    """Close of the session of each day, as naive datetime64[us] in UTC.

    NaT where the market does not open that day (or the day is NaT). Half days close early, as published.
    For ``"24/7"`` it is the midnight that ends the day. Errors as :func:`is_session`.

    Examples
    --------
    >>> session_close("XNYS", [date(2026, 11, 27), date(2026, 11, 28)]).astype("datetime64[m]").tolist()
    [datetime.datetime(2026, 11, 27, 18, 0), None]
    >>> str(session_close("24/7", [date(2026, 11, 28)])[0])
    '2026-11-29T00:00:00.000000'
    """
    numbers = _days(days)
    if calendar == ALWAYS_OPEN:
        closes = np.where(numbers == _NAT, _NAT, (np.where(numbers == _NAT, 0, numbers) + 1) * _DAY_US)
        return closes.astype("datetime64[us]")
    schedule = _schedule(calendar)
    _refuse_unknown_days(calendar, schedule, numbers, "day")
    position, is_open = _position(schedule, numbers)
    return np.where(is_open, schedule.closes[position], _NAT).astype("datetime64[us]")


def sessions_between(calendar: str, start: date, end: date) -> list[date]:
    """Days of [start, end], both included, on which the market opens; ascending, empty when ``end < start``.

    Errors as :func:`is_session`.

    Examples
    --------
    >>> [day.day for day in sessions_between("XNYS", date(2026, 11, 25), date(2026, 11, 30))]
    [25, 27, 30]
    """
    if end < start:
        return []
    wanted = np.arange(np.datetime64(start, "D"), np.datetime64(end, "D") + 1)
    kept: list[date] = wanted[is_session(calendar, wanted)].tolist()
    return kept


def market_age_s(from_times: Any, to_times: Any, calendar: str) -> NDArray[np.float64]:
    """Open seconds of the calendar between two moments: nights, weekends and holidays do not age a fact.

    Parameters
    ----------
    from_times
        When the fact was observed: naive datetime64 in UTC, or aware pandas times; any shape.
    to_times
        As-of moments, broadcast against ``from_times``.
    calendar
        One of :data:`liquidity.domain.instrument.CALENDARS`; ``"24/7"`` counts every second.

    Returns
    -------
    NDArray[np.float64]
        Seconds of market time in (from, to]. 0 when the market was shut throughout; negative when the fact is of a
        later open moment than the as-of moment (a look-ahead, which table contracts refuse); NaN where either is NaT.

    Raises
    ------
    ConfigError
        The calendar is unknown, or a moment lies beyond the days it knows. A moment before its first day counts as
        that first day: the age is then a lower bound of several decades.

    Examples
    --------
    >>> friday_noon, monday_close = np.datetime64("2026-11-20T17:00"), np.datetime64("2026-11-23T21:00")
    >>> market_age_s(friday_noon, monday_close, "XNYS").item() / 3600  # 4 h on Friday, 6.5 h on Monday
    10.5
    """
    start, stop = np.broadcast_arrays(_micros(from_times), _micros(to_times))
    missing = (start == _NAT) | (stop == _NAT)
    if calendar == ALWAYS_OPEN:
        return np.where(missing, np.nan, (np.where(missing, 0, stop) - np.where(missing, 0, start)) / _US_PER_S)
    schedule = _schedule(calendar)
    for name, moments in (("observation", start), ("as-of moment", stop)):
        days = np.where(moments == _NAT, _NAT, moments // _DAY_US)
        _refuse_unknown_days(calendar, schedule, days, name, both_ends=False)
    return np.where(missing, np.nan, (_elapsed(schedule, stop) - _elapsed(schedule, start)) / _US_PER_S)


def session_seconds(calendar: str) -> float:
    """Open seconds of a usual session: the median over the calendar's known sessions (XNYS 23400, "24/7" 86400)."""
    if calendar == ALWAYS_OPEN:
        return _DAY_US / _US_PER_S
    schedule = _schedule(calendar)
    return float(np.median(schedule.closes - schedule.opens)) / _US_PER_S


def _elapsed(schedule: _Schedule, moments: NDArray[np.int64]) -> NDArray[np.int64]:
    """Open microseconds from the calendar's first open until each moment; NaT is treated as before the first."""
    position = np.searchsorted(schedule.opens, moments, side="right") - 1
    inside = np.maximum(position, 0)
    length = schedule.closes[inside] - schedule.opens[inside]
    since_open = np.clip(moments, schedule.opens[0], None) - schedule.opens[inside]
    return np.where(position < 0, 0, schedule.elapsed[inside] + np.clip(since_open, 0, length))
