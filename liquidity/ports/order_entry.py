"""Orders and account of one venue as a port.

What a venue answers to an order decides its outcome, never the kind of exception: see ``liquidity/domain/order.py``. An
adapter sends a create request at most once for a client id; it never repeats one. Symbols are the venue's own, and a
lookup names the symbol because venues ask for it. Read next: ``resources/venues/_ccxt_orders.py`` (adapter),
``resources/venues/positions.py`` (open, reduce, close on top of this).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from liquidity.domain.market_data import Market
from liquidity.domain.order import (
    AccountTerms,
    Balance,
    Fill,
    OrderIntent,
    OrderOutcome,
    OrderState,
    OrderTerms,
    VenuePosition,
)
from liquidity.ports.exchange import ClockReading

__all__ = ["OrderEntry", "OrderFacts"]


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What a caller must know of a venue before it plans orders there.

    Attributes
    ----------
    request_expiry_ms
        How long after its sending the venue may still accept an order; ``None``: for ever, so that "not found" never
        becomes final and an unresolved order is a person's to decide.
    terms, conditional_terms
        Times in force (and post-only) of plain orders and of those with a trigger.
    market_slippage_frac
        Bound of a market order around its reference price; ``None``: the venue's own, unbounded market order.
    """

    request_expiry_ms: int | None
    terms: tuple[OrderTerms, ...]
    conditional_terms: tuple[OrderTerms, ...]
    market_slippage_frac: Decimal | None


class OrderEntry(Protocol):
    """Orders and account of one venue.

    Reads are repeated by the adapter's policy and may raise what ``ExchangeInterface`` raises. Nothing that changes the
    account is ever repeated by the adapter.
    """

    @property
    def venue(self) -> str:
        """Venue id."""
        ...

    @property
    def facts(self) -> OrderFacts:
        """What is known of the venue's orders, without a request."""
        ...

    async def markets(self, *, reload: bool = False) -> dict[str, Market]:
        """Markets by venue symbol, with the steps orders must keep."""
        ...

    async def submit(self, intent: OrderIntent) -> OrderOutcome:
        """Send one order, once.

        The amount is floored to the lot, the limit price rounded to the passive side and the trigger away from the market.

        Raises
        ------
        ConfigError
            Before anything is sent: the id was sent already or is none of the venue's form, the amount or notional is
            below the venue's least, or the account is not in one-way mode.
        UnsupportedError
            Before anything is sent: the venue has no such terms.
        VenueError
            Before anything is sent: what must be known first (markets, position mode, clock) could not be read.
        """
        ...

    async def lookup(self, client_id: str, venue_symbol: str) -> OrderState | None:
        """The order of our id; ``None`` when the venue says it has none (final only after the request's expiry)."""
        ...

    async def cancel(self, client_id: str, venue_symbol: str) -> OrderState | None:
        """Cancel what is left of an order and read it back; ``None`` when the venue has no such order.

        An order that has ended is returned as it is: cancelling twice changes nothing. Where the request failed and the
        order is still live the error is raised; ask again.
        """
        ...

    async def cancel_all(self, venue_symbol: str) -> Sequence[OrderState]:
        """Cancel every order of a symbol, ours or not; those still live in a read after it (none: done)."""
        ...

    async def open_orders(self, venue_symbol: str | None = None) -> Sequence[OrderState]:
        """Live orders of the account, ours or not, conditional ones included."""
        ...

    async def fills(self, since: datetime, venue_symbol: str) -> Sequence[Fill]:
        """Executions of a symbol from ``since`` (included) to now, each once, in ascending time."""
        ...

    async def positions(self) -> Sequence[VenuePosition]:
        """Open positions of every symbol."""
        ...

    async def balances(self) -> Sequence[Balance]:
        """Money by currency."""
        ...

    async def account_terms(self, venue_symbol: str) -> AccountTerms:
        """Leverage, margin mode and position mode of a symbol now."""
        ...

    async def set_leverage(self, venue_symbol: str, leverage: int) -> AccountTerms:
        """Set the leverage once, keep the margin mode, and read the terms back; a lost answer raises."""
        ...

    async def clock_offset(self) -> ClockReading:
        """The venue's clock beside ours."""
        ...

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        ...
