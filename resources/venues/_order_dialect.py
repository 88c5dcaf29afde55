"""What the order adapter asks of a venue's own words, and exact readings of them. Pure.

Figures are read from the venue's raw rows as ``Decimal``: the library's own are floats. Read next: ``_binance_orders.py``,
``_hyperliquid_orders.py``, ``_ccxt_orders.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, Protocol

from liquidity.domain.errors import VenueUnavailableError
from liquidity.domain.market_data import Market
from liquidity.domain.order import AccountTerms, Balance, Fill, OrderIntent, OrderState, VenuePosition
from resources.venues._ccxt_parse import moment

__all__ = ["Fired", "OrderDialect", "PricedOrder", "Refused", "at", "exact", "exact_or_none", "field", "plain"]


@dataclass(frozen=True, slots=True)
class PricedOrder:
    """An intent with its figures as they go on the wire: in the venue's units, rounded, without trailing zeros.

    ``worst_price`` is the bound of a market order or stop, where the venue's are bounded.
    """

    intent: OrderIntent
    amount: str
    limit_price: str | None
    trigger_price: str | None
    worst_price: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """What a venue says in a refusal: its code, or its text where it has none."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Fired:
    """The plain order that a conditional one became, and the trigger that made it."""

    venue_order_id: str
    trigger_price: Decimal | None


class OrderDialect(Protocol):
    """One venue's order words; rows are the venue's own, ``market_of`` finds a market by the symbol in them."""

    def request(self, order: PricedOrder) -> tuple[Literal["market", "limit"], str | None, dict[str, Any]]:
        """Type, price and parameters of the library's ``create_order``."""
        ...

    def named(self, row: Any) -> tuple[str | None, str | None]:
        """Venue id and our id in the answer to a create request; ``None`` where it names none."""
        ...

    def refused(self, body: Any) -> Refused | None:
        """The refusal in an answer; ``None`` where it is none."""
        ...

    def missing(self, body: Any) -> bool:
        """Whether an answer to a lookup says that there is no such order."""
        ...

    def lookups(self, client_id: str) -> Sequence[dict[str, Any]]:
        """Parameters of the reads that may know an order, in the order to ask them."""
        ...

    def fired_as(self, row: Any) -> Fired | None:
        """What a triggered conditional order became, where that has an id of its own."""
        ...

    def order_state(self, row: Any, market: Market) -> OrderState:
        """Read an order."""
        ...

    def symbol_of(self, row: Any) -> str:
        """Venue symbol of an order, fill or position row."""
        ...

    def fill(self, row: Any, market: Market) -> Fill:
        """Read an execution."""
        ...

    def fill_ms(self, row: Any) -> int:
        """Time of an execution, milliseconds."""
        ...

    def position(self, row: Any, market: Market) -> VenuePosition | None:
        """Read a position; ``None`` where it is flat."""
        ...

    def balances(self, body: Any) -> tuple[Balance, ...]:
        """Read the account's money."""
        ...

    async def hedged(self, client: Any) -> bool:
        """Whether the account keeps long and short positions of one symbol side by side."""
        ...

    async def account_terms(self, client: Any, symbol: str, market: Market) -> AccountTerms:
        """Read leverage and modes of a symbol."""
        ...

    async def set_leverage(self, client: Any, symbol: str, leverage: int, terms: AccountTerms) -> None:
        """Ask for another leverage under the margin mode of ``terms``."""
        ...


def plain(number: Decimal) -> str:
    """Write without exponent and trailing zeros; signed requests are refused with them.

    Examples
    --------
    >>> plain(Decimal("100.00")), plain(Decimal("0.0140"))
    ('100', '0.014')
    """
    return format(number.normalize(), "f")


def field(row: Any, name: str, where: str) -> Any:
    """Read a field; :class:`VenueUnavailableError` where the row has none or is no mapping."""
    if not isinstance(row, Mapping) or row.get(name) is None:
        raise VenueUnavailableError(f"{where}: the answer carries no {name}")
    return row[name]


def exact(row: Any, name: str, where: str) -> Decimal:
    """Read a finite number; :class:`VenueUnavailableError` where it is none."""
    text = field(row, name, where)
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise VenueUnavailableError(f"{where}: {name} {text!r} is no finite number")
    return number


def exact_or_none(row: Any, name: str, where: str) -> Decimal | None:
    """Read a number that the venue leaves out or writes as 0 where there is none."""
    if not isinstance(row, Mapping) or row.get(name) in (None, ""):
        return None
    return exact(row, name, where) or None


def at(row: Any, name: str, where: str) -> datetime:
    """Read a time in milliseconds."""
    return moment(field(row, name, where), where)
