"""Market data of one venue as a port: every caller asks for these and never sees a library's dictionaries.

Symbols are the venue's own (``BTCUSDT``), as in ``binanceusdm:BTCUSDT``. A call the venue does not offer raises
:class:`~liquidity.domain.errors.UnsupportedError` before anything is sent; it never answers ``None`` or an empty list for
that. Read next: ``market_stream.py`` (live messages), ``resources/venues/`` (adapters).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from liquidity.domain.book_message import BookMessage
from liquidity.domain.market_data import (
    Candle,
    FundingRate,
    LeverageTier,
    LiquidationEvent,
    Market,
    OpenInterest,
    PublicTrade,
)

__all__ = ["Capabilities", "ClockReading", "ExchangeInterface", "MarkPrice"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a venue offers. ``unsupported`` maps a call or ``stream.<channel>`` to the reason."""

    proven: frozenset[str]
    claimed: frozenset[str]
    unsupported: dict[str, str]

    def offers(self, call: str) -> bool:
        """Whether ``call`` may be asked for, shown by a test or only claimed."""
        return call in self.proven or call in self.claimed


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The venue's clock beside ours.

    ``offset_ms`` is venue minus ours at the middle of the round trip; it is wrong by at most half of ``round_trip_ms``.
    """

    at: datetime
    offset_ms: float
    round_trip_ms: float


@dataclass(frozen=True, slots=True)
class MarkPrice:
    """The price at which the venue values positions; ``at`` is the venue's time, ``None`` where it tells none."""

    venue: str
    venue_symbol: str
    at: datetime | None
    mark_price: float
    index_price: float | None


class ExchangeInterface(Protocol):
    """Market data of one venue.

    Every call may raise: ``UnsupportedError`` (not offered here), ``VenueUnavailableError`` (no usable answer after
    retries), ``VenueRateLimitedError`` (still limited after the waits), ``VenueAuthError`` (this call needs a key),
    ``VenueRejectedError`` (refused), ``IdentifierError`` (symbol not listed). Sequences are in ascending time. ``since`` is
    included and aware; without it the newest come. ``limit`` above one page is cut to the venue's page; ask on with the
    last time seen. An adapter belongs to the event loop that first used it.
    """

    @property
    def venue(self) -> str:
        """Venue id, for example ``binanceusdm``."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this venue offers; known without a request."""
        ...

    async def markets(self, *, reload: bool = False) -> dict[str, Market]:
        """Every listed symbol of the venue's kinds by venue symbol; asked once, then remembered until ``reload``."""
        ...

    async def candles(
        self, venue_symbol: str, timeframe: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[Candle]:
        """Bars of ``1m``, ``1h``, ``1d``...; the last may still be open. Volume in amount units."""
        ...

    async def order_book(self, venue_symbol: str, *, limit: int | None = None) -> BookMessage:
        """Ask for a full book: a ``snapshot`` message, levels best first, ``last_id`` where the venue numbers its books.

        The deepest levels of a cut book are the least sure: of 1000 levels trust the inner nine tenths.
        """
        ...

    async def trades(
        self, venue_symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[PublicTrade]:
        """Trades of the market, never those of an account."""
        ...

    async def funding(self, venue_symbol: str) -> FundingRate:
        """Current rate with the venue's own interval, and the coming payment where the venue tells it."""
        ...

    async def funding_history(
        self, venue_symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[FundingRate]:
        """Paid rates, each with the interval it was paid for."""
        ...

    async def open_interest(self, venue_symbol: str) -> OpenInterest:
        """Contracts outstanding now, in base units and at the mark price in quote currency; changes are ``None``."""
        ...

    async def open_interest_history(
        self, venue_symbol: str, timeframe: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[OpenInterest]:
        """Past readings every ``timeframe``, with changes against the readings 1 h and 24 h before where they came."""
        ...

    async def mark_price(self, venue_symbol: str) -> MarkPrice:
        """Price at which positions are valued now."""
        ...

    async def liquidations(
        self, venue_symbol: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[LiquidationEvent]:
        """Forced orders of the market that the venue reports over REST (most report them in the stream only)."""
        ...

    async def leverage_tiers(self, venue_symbol: str) -> Sequence[LeverageTier]:
        """Maintenance-margin brackets, smallest notional first."""
        ...

    async def clock(self) -> ClockReading:
        """Read the venue's clock beside ours."""
        ...

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        ...
