"""Trust in the inputs of a feature: how old they are in market time, and how good they were.

Weight = 0.5 ** (age / half-life), 0 beyond the maximal age, times the quality of the row. Nights, weekends and holidays
do not age a fact. Half-lives count sessions of the instrument's own calendar: one session is 23,400 s of market time
in New York and 86,400 s for a market that never shuts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.session import is_session, market_age_s, session_close, session_seconds
from liquidity.features.freshness import freshness_weights

__all__ = ["FreshnessPolicy", "GroupTrust", "MarketTime", "Reading", "group_trust"]

_GROUPS: Final = ("micro", "alt", "auction", "sentiment")


@dataclass(frozen=True, slots=True)
class FreshnessPolicy:
    """How fast each group of signals loses its worth.

    Parameters
    ----------
    micro_half_life_sessions
        Quotes, depth and trades of a session's close: halved after one session.
    auction_half_life_sessions, alt_half_life_sessions, sentiment_half_life_sessions
        14, 30 and 1 market days.
    max_age_half_lives
        Beyond this many half-lives (inclusive bound) the weight is 0: at 3 it would be 0.125.
    """

    micro_half_life_sessions: float = 1.0
    auction_half_life_sessions: float = 14.0
    alt_half_life_sessions: float = 30.0
    sentiment_half_life_sessions: float = 1.0
    max_age_half_lives: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what cannot be a half-life."""
        for name in (*(f"{group}_half_life_sessions" for group in _GROUPS), "max_age_half_lives"):
            value = getattr(self, name)
            if not 0.0 < value < float("inf"):
                raise ConfigError(
                    f"FreshnessPolicy.{name}: {value} is not above 0 and finite; the default is 1 to 30 sessions"
                )

    def half_life_sessions(self, group: str) -> float:
        """Half-life of ``micro``, ``alt``, ``auction`` or ``sentiment`` in sessions."""
        if group not in _GROUPS:
            raise ConfigError(f"FreshnessPolicy: no group {group!r}; there are {list(_GROUPS)}")
        return float(getattr(self, f"{group}_half_life_sessions"))


class MarketTime:
    """Market seconds from the close of each of some days to the close of the last of them, per calendar.

    Parameters
    ----------
    calendars
        Names; codes into this tuple choose the calendar.
    days
        Day numbers, ascending. A day on which the calendar is shut closes at its end.
    """

    def __init__(self, calendars: tuple[str, ...], days: NDArray[np.int64]) -> None:
        dates = days.astype("datetime64[D]")
        self._calendars = calendars
        self._dates = dates
        self._until_last = np.zeros((len(calendars), days.size))
        self.session_s = np.array([session_seconds(calendar) for calendar in calendars], dtype=np.float64)
        for code, calendar in enumerate(calendars):
            close = session_close(calendar, dates)
            close = np.where(np.isnat(close), (dates + 1).astype(close.dtype), close)
            self._until_last[code] = market_age_s(close, close[-1:], calendar) if days.size else 0.0

    def sessions(self, code: int, first_day: int) -> NDArray[np.int64]:
        """Day numbers on which calendar ``code`` opens, from ``first_day`` to the last day, both included."""
        every = np.arange(first_day, int(self._dates[-1].astype(np.int64)) + 1)
        opened: NDArray[np.int64] = every[is_session(self._calendars[code], every.astype("datetime64[D]"))]
        return opened

    def since(self, calendar_codes: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float64]:
        """Market seconds from the close of day ``column`` to the last close; NaN for column -1."""
        return np.where(column >= 0, self._until_last[calendar_codes, column], np.nan)


@dataclass(frozen=True, slots=True)
class Reading:
    """Age at today's close (s of market time) and quality (0-1) of one value used, per instrument; NaN where absent."""

    age_s: NDArray[np.float64]
    quality_frac: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GroupTrust:
    """Weight 0-1 (0 where absent), age of the oldest value used (s, NaN where absent), and which readings to drop."""

    weight_frac: NDArray[np.float64]
    age_s: NDArray[np.float64]
    dropped: list[NDArray[np.bool_]]


def group_trust(readings: Sequence[Reading], half_life_s: NDArray[np.float64], max_age_half_lives: float) -> GroupTrust:
    """Weigh a group by the oldest and the worst of the values it uses.

    A reading past the maximal age is dropped when another of the group is still fresh, so that one forgotten number
    does not silence the others; when all are past it they stay, with their age shown and weight 0: stale, not absent.

    Parameters
    ----------
    readings
        One for each value of the group, shapes (instruments,).
    half_life_s
        Per instrument, seconds of market time.
    max_age_half_lives
        Weight is 0 above this many half-lives.

    Examples
    --------
    >>> day = np.array([86400.0])
    >>> trust = group_trust([Reading(day, np.array([0.5]))], half_life_s=day, max_age_half_lives=3.0)
    >>> trust.weight_frac.tolist(), trust.age_s.tolist()
    ([0.25], [86400.0])
    """
    ages = np.stack([reading.age_s for reading in readings])
    quality = np.stack([reading.quality_frac for reading in readings])
    fresh = ages / half_life_s <= max_age_half_lives
    dropped = np.isfinite(ages) & ~fresh & fresh.any(axis=0)
    used = np.isfinite(ages) & ~dropped
    age = np.where(used, ages, -np.inf).max(axis=0)
    age = np.where(used.any(axis=0), age, np.nan)
    worst = np.where(used, np.nan_to_num(quality, nan=0.0), 1.0).min(axis=0)
    weight = np.where(used.any(axis=0), freshness_weights(age / half_life_s, 1.0, max_age_half_lives) * worst, 0.0)
    return GroupTrust(weight, age, list(dropped))
