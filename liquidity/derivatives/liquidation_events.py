"""Forced orders that venues report: told once each, and totals that add up to the tape."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from liquidity.domain.market_data import LiquidationEvent

__all__ = ["DistinctEvents", "LiquidationTotals", "distinct_events", "totals"]

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class DistinctEvents:
    """Events told once.

    ``events`` in order of arrival; ``duplicates_n`` repeats that said the same; ``conflicts`` later tellings of a known
    id that say something else: the first one stands, these are for a person to look at.
    """

    events: tuple[LiquidationEvent, ...]
    duplicates_n: int
    conflicts: tuple[LiquidationEvent, ...]


@dataclass(frozen=True, slots=True)
class LiquidationTotals:
    """Notional closed by force in quote currency, of longs and of shorts, and the number of events."""

    long_quote: float
    short_quote: float
    events_n: int

    @property
    def total_quote(self) -> float:
        """Both sides together."""
        return self.long_quote + self.short_quote

    def difference_frac(self, reported_total_quote: float) -> float | None:
        """Share of a venue's own total that the events do not explain; negative when they exceed it.

        ``None`` for a reported total that is not above 0.

        Examples
        --------
        >>> LiquidationTotals(60.0, 30.0, 2).difference_frac(100.0)
        0.1
        """
        if not 0.0 < reported_total_quote < math.inf:
            return None
        return (reported_total_quote - self.total_quote) / reported_total_quote


def distinct_events(events: Iterable[LiquidationEvent], known: Iterable[LiquidationEvent] = ()) -> DistinctEvents:
    """Tell each event once, by venue, symbol and the venue's event id.

    Parameters
    ----------
    events
        In order of arrival, for example after a reconnect that repeats the last ones.
    known
        Events already stored; they are not told again.
    """
    stored: dict[_Key, LiquidationEvent] = {_key(event): event for event in known}
    fresh, conflicts, duplicates = [], [], 0
    for event in events:
        first = stored.get(_key(event))
        if first is None:
            stored[_key(event)] = event
            fresh.append(event)
        elif first == event:
            duplicates += 1
        else:
            conflicts.append(event)
    return DistinctEvents(tuple(fresh), duplicates, tuple(conflicts))


def _key(event: LiquidationEvent) -> _Key:
    return event.venue, event.venue_symbol, event.event_id


def totals(events: Iterable[LiquidationEvent]) -> LiquidationTotals:
    """Totals by side, exactly rounded, so that parts of a tape add up to the whole in any order."""
    sides: dict[str, list[float]] = {"long": [], "short": []}
    for event in events:
        sides[event.side].append(event.notional_quote)
    return LiquidationTotals(math.fsum(sides["long"]), math.fsum(sides["short"]), sum(map(len, sides.values())))
