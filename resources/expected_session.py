"""Which session's pulse should be there by now.

Tables are partitioned by UTC day, and a day's partition exists once the day has ended; every market of the day has
closed by then. So a pulse is expected from the midnight that ends its day, plus the time that publishing may take.
"""

from datetime import UTC, date, datetime, timedelta

from liquidity.domain.errors import ConfigError
from liquidity.domain.session import sessions_between

__all__ = ["expected_session"]

_LONGEST_REST = timedelta(days=21)
"""No calendar rests longer between two sessions."""


def expected_session(calendar: str, now: datetime, grace: timedelta) -> date:
    """Newest session of ``calendar`` whose UTC day ended at least ``grace`` before ``now``.

    Parameters
    ----------
    calendar
        One of :data:`liquidity.domain.instrument.CALENDARS`.
    now
        Aware.
    grace
        Time that publishing may take.

    Raises
    ------
    ConfigError
        ``now`` is naive, or the calendar knows no session in the three weeks before it.

    Examples
    --------
    >>> saturday = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
    >>> expected_session("XNYS", saturday, timedelta(hours=6)).isoformat()
    '2026-11-19'
    >>> expected_session("XNYS", saturday + timedelta(hours=1), timedelta(hours=6)).isoformat()
    '2026-11-20'
    >>> expected_session("XNYS", saturday + timedelta(days=2), timedelta(hours=6)).isoformat()
    '2026-11-20'
    >>> expected_session("24/7", saturday + timedelta(days=2), timedelta(hours=6)).isoformat()
    '2026-11-21'
    """
    if now.tzinfo is None:
        raise ConfigError(f"now {now.isoformat()} has no time zone; give an aware time")
    last = (now.astimezone(UTC) - grace).date() - timedelta(days=1)
    days = sessions_between(calendar, last - _LONGEST_REST, last)
    if not days:
        raise ConfigError(
            f"calendar {calendar}: no session in the {_LONGEST_REST.days} days up to {last}; update exchange_calendars"
        )
    return days[-1]
