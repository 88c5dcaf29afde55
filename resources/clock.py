"""The wall clock behind :class:`liquidity.ports.clock.Clock`, and one that stands still."""

from dataclasses import dataclass
from datetime import UTC, datetime

from liquidity.domain.errors import ConfigError

__all__ = ["FixedClock", "SystemClock"]


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class FixedClock:
    """A clock that shows what it is set to: replays, tests, "as of" runs.

    Examples
    --------
    >>> clock = FixedClock(datetime(2026, 11, 20, 21, tzinfo=UTC))
    >>> clock.now().isoformat()
    '2026-11-20T21:00:00+00:00'
    """

    moment: datetime

    def now(self) -> datetime:
        """Return the moment the clock is set to, in UTC; :class:`ConfigError` when it is naive."""
        if self.moment.tzinfo is None:
            raise ConfigError(f"clock set to {self.moment.isoformat()} without a time zone; give an aware time")
        return self.moment.astimezone(UTC)
