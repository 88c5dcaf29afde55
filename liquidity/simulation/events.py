"""Planted events: what happens to whom, when and how hard, known before the market is simulated.

Events are drawn per block of 60 calendar days (market crises: 360) counted from the start of the market, each block
from its own stream. A longer run therefore has the same events, and more.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.simulation.config import ADAPTER_TABLES, MarketConfig
from liquidity.simulation.streams import stream

__all__ = [
    "BLOCK_DAYS",
    "EventKind",
    "GroundTruth",
    "PlantedEvent",
    "dealer_name",
    "ground_truth",
    "issuer_intensity",
    "issuer_name",
    "market_intensity",
]

EventKind = Literal["market_crisis", "issuer_crisis", "dealer_outage", "adapter_outage"]

BLOCK_DAYS: Final = 60
_YEAR_DAYS: Final = 360
_QUIET_DAYS: Final = 12  # undisturbed days at the start of the market, so that a base level exists
_ISSUER_RAMP_DAYS: Final = 3
_MARKET_RAMP_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class PlantedEvent:
    """One event of the ground truth.

    Parameters
    ----------
    subject
        ``"market"``, an issuer_id, a dealer, or the name of the silent table.
    first_day, last_day
        First and last calendar day with any effect, inclusive.
    ramp_days, hold_days
        Calendar days of linear rise (full strength on the last of them), then of full strength; the rest decays
        linearly. Outages have no ramp.
    size
        In ``unit``: natural log of the spread factor at the peak, or the share of each session that the subject
        (``"market"``: every dealer) is gone.
    """

    kind: EventKind
    subject: str
    first_day: date
    last_day: date
    ramp_days: int
    hold_days: int
    size: float
    unit: Literal["log spread", "frac 0-1"]

    def intensity_frac(self, day: date) -> float:
        """Strength on a day over the peak, fraction 0-1; 0 outside the event.

        Examples
        --------
        >>> first = date(2026, 3, 3)
        >>> crisis = PlantedEvent("issuer_crisis", "SIM00001", first, date(2026, 3, 16), 3, 7, 1.4, "log spread")
        >>> [round(crisis.intensity_frac(first + timedelta(days=k)), 2) for k in (-1, 0, 2, 9, 10, 13, 14)]
        [0.0, 0.33, 1.0, 1.0, 0.8, 0.2, 0.0]
        """
        if not self.first_day <= day <= self.last_day:
            return 0.0
        age = (day - self.first_day).days
        decay_days = (self.last_day - self.first_day).days + 1 - self.ramp_days - self.hold_days
        fallen = age - self.ramp_days - self.hold_days + 1
        rise = (age + 1) / self.ramp_days if self.ramp_days else 1.0
        return min(1.0, rise, 1.0 - max(0, fallen) / (decay_days + 1))


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """What was planted in a market over ``start``..``end``, for tests to find again.

    ``trading_weekday_frac`` and ``spread_weekday_frac`` run Monday..Friday, ``traffic_weekday_frac`` Monday..Sunday.
    """

    start: date
    end: date
    events: tuple[PlantedEvent, ...]
    trading_weekday_frac: tuple[float, ...]
    spread_weekday_frac: tuple[float, ...]
    traffic_weekday_frac: tuple[float, ...]

    def of_kind(self, kind: EventKind) -> tuple[PlantedEvent, ...]:
        """Events of one kind, by first day."""
        return tuple(event for event in self.events if event.kind == kind)


def issuer_name(index: int) -> str:
    """Give the issuer_id of an issuer's number, for example ``SIM00012``."""
    return f"SIM{index:05d}"


def dealer_name(index: int) -> str:
    """Give the name of a dealer's number, for example ``dealer_03``."""
    return f"dealer_{index:02d}"


def ground_truth(config: MarketConfig, start: date, end: date) -> GroundTruth:
    """All events that begin in ``start``..``end``, and the planted weekday effects.

    Parameters
    ----------
    start
        First day of the market (the epoch of every block), not of the period looked at.
    end
        Last day, inclusive; a later one only adds events.

    Raises
    ------
    ConfigError
        ``end`` is before ``start``.
    """
    if end < start:
        raise ConfigError(f"simulated market: end {end} is before start {start}")
    events: list[PlantedEvent] = []
    for first in range(0, (end - start).days + 1, BLOCK_DAYS):
        events += _block_events(config, start + timedelta(days=first), quiet_days=_QUIET_DAYS if first == 0 else 0)
    for first in range(0, (end - start).days + 1, _YEAR_DAYS):
        events += _market_crises(config, start + timedelta(days=first))
    begun = (event for event in events if event.first_day <= end)
    return GroundTruth(
        start,
        end,
        tuple(sorted(begun, key=lambda event: (event.first_day, event.kind, event.subject))),
        config.trading_weekday_frac,
        config.spread_weekday_frac,
        config.traffic_weekday_frac,
    )


def market_intensity(events: tuple[PlantedEvent, ...], day: date) -> float:
    """Strength of the market-wide crisis on a day, fraction 0-1; overlapping crises do not add up."""
    return max((event.intensity_frac(day) for event in events if event.kind == "market_crisis"), default=0.0)


def issuer_intensity(events: tuple[PlantedEvent, ...], day: date, issuers: int) -> NDArray[np.float64]:
    """Strength of each issuer's own crisis on a day, fraction 0-1, shape (issuers,)."""
    strength = np.zeros(issuers)
    for event in events:
        if event.kind == "issuer_crisis":
            index = int(event.subject.removeprefix("SIM"))
            strength[index] = max(strength[index], event.intensity_frac(day))
    return strength


def _block_events(config: MarketConfig, first: date, quiet_days: int) -> list[PlantedEvent]:
    rng = stream(config.seed, first, "events")
    events: list[PlantedEvent] = []
    for _ in range(config.issuer_crises_per_block):
        begin = _next_tuesday(first + timedelta(days=int(rng.integers(quiet_days, BLOCK_DAYS - 6))))
        hold, decay = int(rng.integers(7, 12)), int(rng.integers(10, 21))
        last = begin + timedelta(days=_ISSUER_RAMP_DAYS + hold + decay - 1)
        size = config.issuer_crisis_log_spread * float(rng.uniform(0.85, 1.15))
        subject = issuer_name(int(rng.integers(config.issuers)))
        events.append(PlantedEvent("issuer_crisis", subject, begin, last, _ISSUER_RAMP_DAYS, hold, size, "log spread"))
    for _ in range(config.dealer_outages_per_block):
        begin = _next_tuesday(first + timedelta(days=int(rng.integers(quiet_days, BLOCK_DAYS - 6))))
        # All dealers withdraw for most of one session, as on the recorded day, or one dealer is away for a week.
        everyone = bool(rng.random() < 0.5)
        subject, days = ("market", 1) if everyone else (dealer_name(int(rng.integers(config.dealers))), 5)
        last = begin + timedelta(days=days - 1)
        events.append(
            PlantedEvent("dealer_outage", subject, begin, last, 0, days, 0.65 if everyone else 1.0, "frac 0-1")
        )
    for _ in range(config.adapter_outages_per_block):
        begin = _next_tuesday(first + timedelta(days=int(rng.integers(quiet_days, BLOCK_DAYS - 6))))
        table = ADAPTER_TABLES[int(rng.integers(len(ADAPTER_TABLES)))]
        days = 1 if table == "microstructure" else int(rng.integers(2, 4))
        last = begin + timedelta(days=days - 1)
        events.append(PlantedEvent("adapter_outage", table, begin, last, 0, days, 1.0, "frac 0-1"))
    return events


def _market_crises(config: MarketConfig, first: date) -> list[PlantedEvent]:
    rng = stream(config.seed, first, "crises")
    crises: list[PlantedEvent] = []
    for _ in range(config.market_crises_per_year):
        begin = _next_tuesday(first + timedelta(days=int(rng.integers(60, _YEAR_DAYS - 30))))
        hold, decay = int(rng.integers(10, 18)), int(rng.integers(25, 45))
        last = begin + timedelta(days=_MARKET_RAMP_DAYS + hold + decay - 1)
        size = config.market_crisis_log_spread * float(rng.uniform(0.85, 1.15))
        crises.append(PlantedEvent("market_crisis", "market", begin, last, _MARKET_RAMP_DAYS, hold, size, "log spread"))
    return crises


def _next_tuesday(day: date) -> date:
    """Give the day itself or the next Tuesday: three days of rise then fall on Tuesday to Thursday."""
    return day + timedelta(days=(1 - day.weekday()) % 7)
