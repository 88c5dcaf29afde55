"""Orders, fills, positions and balances of an account, exact: amounts and money are ``Decimal``, never float.

An order that was sent has exactly three outcomes: :class:`Ack` (the venue named it), :class:`Reject` (the venue refused it
with a code known to be final) and :class:`Unknown` (anything else). After ``Unknown`` the order may exist; it is looked up
by our own id before anything else is sent. Amounts are base units (``Market.contract_size`` is the adapter's business).
Read next: ``liquidity/ports/order_entry.py``.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final, Literal, get_args

from liquidity.domain.errors import ConfigError, ContractError

__all__ = [
    "LIVE_STATUSES",
    "AccountTerms",
    "Ack",
    "Balance",
    "Fill",
    "OrderIntent",
    "OrderOutcome",
    "OrderState",
    "OrderStatus",
    "OrderTerms",
    "OrderType",
    "Reject",
    "Sign",
    "TimeInForce",
    "Unknown",
    "VenuePosition",
    "floor_to_step",
    "passive_price",
    "unique_fills",
]

Sign = Literal[1, -1]
"""+1 buys (or is long), -1 sells (or is short)."""
OrderType = Literal["market", "limit", "stop", "stop_limit"]
TimeInForce = Literal["GTC", "IOC", "FOK"]
OrderTerms = Literal["GTC", "IOC", "FOK", "POST_ONLY"]
OrderStatus = Literal["untriggered", "triggered", "open", "partial", "filled", "canceled", "expired", "rejected"]
"""``untriggered`` waits for its trigger price; ``triggered`` has fired, and no order of it is in the book yet."""
LIVE_STATUSES: Final[frozenset[OrderStatus]] = frozenset({"untriggered", "triggered", "open", "partial"})
"""Statuses in which an order may still be filled."""

_LONGEST_ID: Final = 128


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """One order as we mean it, before any rounding.

    Attributes
    ----------
    client_id
        Our id, never used again whatever becomes of the order.
    amount
        Base units, above 0.
    limit_price
        Of ``limit`` and ``stop_limit``, quote currency per base unit; nothing is bought above or sold below it.
    trigger_price
        Of ``stop`` and ``stop_limit``: a buy fires when the market rises to it, a sell when it falls to it.
    reference_price
        Of ``market``: a fresh price of the market. The notional is judged by it, and where the venue's market order is a
        bounded one, its worst price is set around it.
    time_in_force
        Only of ``limit`` and ``stop_limit``; the two others fill at once what they can.
    post_only
        Refused by the venue rather than taking liquidity.
    reduce_only
        Never takes the position through zero.

    Raises
    ------
    ConfigError
        When a field is missing, not positive and finite, or does not go with the type.
    """

    client_id: str
    venue_symbol: str
    side_sign: Sign
    order_type: OrderType
    amount: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    reference_price: Decimal | None = None
    time_in_force: TimeInForce = "GTC"
    post_only: bool = False
    reduce_only: bool = False

    def __post_init__(self) -> None:
        """Refuse an order that means two things, or none."""
        where = f"order {self.client_id!r} in {self.venue_symbol!r}"
        if not 0 < len(self.client_id) <= _LONGEST_ID or not self.venue_symbol:
            raise ConfigError(f"{where}: needs a client id of 1 to {_LONGEST_ID} characters and a symbol")
        if self.side_sign not in (1, -1):
            raise ConfigError(f"{where}: side_sign {self.side_sign!r}, allowed 1 (buy) and -1 (sell)")
        if self.order_type not in get_args(OrderType) or self.time_in_force not in get_args(TimeInForce):
            raise ConfigError(
                f"{where}: {self.order_type!r} {self.time_in_force!r}; allowed types {', '.join(get_args(OrderType))}, "
                f"times in force {', '.join(get_args(TimeInForce))}"
            )
        _require_positive(self.amount, f"{where}: amount")
        needed = {
            "limit_price": self.order_type in ("limit", "stop_limit"),
            "trigger_price": self.conditional,
            "reference_price": self.order_type == "market",
        }
        for name, wanted in needed.items():
            price: Decimal | None = getattr(self, name)
            if (price is not None) != wanted:
                raise ConfigError(f"{where}: a {self.order_type} order {'needs' if wanted else 'takes no'} {name}")
            if price is not None:
                _require_positive(price, f"{where}: {name}")
        if self.limit_price is None and (self.post_only or self.time_in_force != "GTC"):
            raise ConfigError(f"{where}: a {self.order_type} order fills at once; leave time_in_force and post_only")
        if self.post_only and self.time_in_force != "GTC":
            raise ConfigError(f"{where}: post_only rests in the book; it cannot be {self.time_in_force}")

    @property
    def conditional(self) -> bool:
        """Whether it waits for a trigger price."""
        return self.order_type in ("stop", "stop_limit")

    @property
    def terms(self) -> OrderTerms:
        """Time in force, with post-only as a fourth."""
        return "POST_ONLY" if self.post_only else self.time_in_force

    @property
    def valuation_price(self) -> Decimal:
        """Price by which its notional is judged: limit, else trigger, else reference."""
        price = self.limit_price or self.trigger_price or self.reference_price
        assert price is not None  # __post_init__
        return price


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as the venue keeps it at one moment; the filled part of a cancelled order stays filled.

    ``average_price`` is ``None`` without fills, and where the venue tells none (fills are the truth: :class:`Fill`).
    """

    venue: str
    venue_symbol: str
    client_id: str | None
    venue_order_id: str
    side_sign: Sign
    status: OrderStatus
    amount: Decimal
    filled_amount: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    average_price: Decimal | None
    reduce_only: bool
    updated_at: datetime

    def __post_init__(self) -> None:
        """Refuse what no order can be."""
        where = f"{self.venue}:{self.venue_symbol} order {self.venue_order_id}"
        if not self.venue_order_id:
            raise ContractError(f"{where}: no id")
        # A stop that closes whatever is open has amount 0 at some venues.
        for name, number in (("amount", self.amount), ("filled", self.filled_amount)):
            if not number.is_finite() or number < 0:
                raise ContractError(f"{where}: {name} {number}, allowed finite and from 0")
        if self.amount and self.filled_amount > self.amount:
            raise ContractError(f"{where}: filled {self.filled_amount} of {self.amount}")
        _require_aware(self.updated_at, where)

    @property
    def live(self) -> bool:
        """Whether it may still be filled."""
        return self.status in LIVE_STATUSES

    @property
    def open_amount(self) -> Decimal:
        """What may still be filled; 0 once it has ended."""
        return self.amount - self.filled_amount if self.live else Decimal(0)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution; ``fee`` is positive where it costs and negative where it is a rebate, in ``fee_currency``."""

    venue: str
    venue_symbol: str
    trade_id: str
    venue_order_id: str
    client_id: str | None
    side_sign: Sign
    amount: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    at: datetime

    def __post_init__(self) -> None:
        """Refuse a fill without identity or size."""
        where = f"{self.venue}:{self.venue_symbol} fill {self.trade_id!r}"
        if not self.trade_id or not self.venue_order_id or not self.fee_currency:
            raise ContractError(f"{where}: needs a trade id, an order id and a fee currency")
        for name, number in (("amount", self.amount), ("price", self.price)):
            if not number.is_finite() or number <= 0:
                raise ContractError(f"{where}: {name} {number}, allowed finite and above 0")
        if not self.fee.is_finite():
            raise ContractError(f"{where}: fee {self.fee} is not finite")
        _require_aware(self.at, where)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it one: venue, symbol, trade id. Booking a key twice must change nothing."""
        return (self.venue, self.venue_symbol, self.trade_id)

    @property
    def signed_amount(self) -> Decimal:
        """Change of the position, base units."""
        return self.side_sign * self.amount


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """Open position of one symbol; ``amount`` is signed base units and never 0, profit in the settlement currency."""

    venue: str
    venue_symbol: str
    amount: Decimal
    entry_price: Decimal
    unrealised_profit: Decimal | None
    liquidation_price: Decimal | None

    def __post_init__(self) -> None:
        """Refuse a flat or unpriced position."""
        if not self.amount.is_finite() or self.amount == 0 or not self.entry_price.is_finite():
            raise ContractError(
                f"{self.venue}:{self.venue_symbol} position: amount {self.amount} at {self.entry_price}; "
                "allowed finite, amount not 0"
            )


@dataclass(frozen=True, slots=True)
class Balance:
    """Money of one currency: ``equity`` with unrealised profit, ``free`` of it may back new orders."""

    venue: str
    currency: str
    equity: Decimal
    free: Decimal


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """How the account trades one symbol now."""

    venue_symbol: str
    leverage: int
    margin_mode: Literal["cross", "isolated"]
    position_mode: Literal["one_way", "hedge"]


@dataclass(frozen=True, slots=True)
class Ack:
    """The venue has the order; ``state`` is as read after it, ``None`` where that read failed."""

    venue_order_id: str
    state: OrderState | None


@dataclass(frozen=True, slots=True)
class Reject:
    """The venue refused the order with a code known to be final: it does not exist and never will."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The order may exist. Look it up by its client id; send nothing in its place before that is answered.

    ``expires_at`` is the time, by the venue's clock as last measured, after which the venue accepts the request no more:
    "not found" is final only then. ``None``: never.
    """

    cause: str
    expires_at: datetime | None


OrderOutcome = Ack | Reject | Unknown


def floor_to_step(number: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of ``step`` that is not above ``number``.

    Examples
    --------
    >>> floor_to_step(Decimal("1000.543543"), Decimal("0.1"))
    Decimal('1000.5')
    """
    return (number / step).to_integral_value(ROUND_FLOOR) * step


def passive_price(
    price: Decimal, side_sign: Sign, tick_size: Decimal, significant_digits: int | None = None
) -> Decimal:
    """Round a price to the side that gives less away: a buy down, a sell up.

    ``significant_digits`` is for venues that limit them: the step then grows with the price, to 1 at most, because whole
    prices are always allowed there.

    Examples
    --------
    >>> passive_price(Decimal("7.6126"), 1, Decimal("0.001")), passive_price(Decimal("7.6121"), -1, Decimal("0.001"))
    (Decimal('7.612'), Decimal('7.613'))
    >>> passive_price(Decimal("3500.19"), 1, Decimal("0.01"), 5), passive_price(Decimal("100000.4"), -1, Decimal("0.1"), 5)
    (Decimal('3500.1'), Decimal('100001'))
    """
    step = tick_size
    if significant_digits is not None:
        coarse = Decimal(1).scaleb(price.adjusted() + 1 - significant_digits)
        step = max(tick_size, min(coarse, Decimal(1)))
    return (price / step).to_integral_value(ROUND_FLOOR if side_sign > 0 else ROUND_CEILING) * step


def unique_fills(fills: "list[Fill]") -> tuple[Fill, ...]:
    """Fills by key, each once, in ascending time and trade id.

    Raises
    ------
    ContractError
        Two fills share a key and differ: one of them is wrong, and neither is taken.
    """
    found: dict[tuple[str, str, str], Fill] = {}
    for fill in fills:
        known = found.setdefault(fill.key, fill)
        if known != fill:
            raise ContractError(f"{':'.join(fill.key)}: told twice with other figures ({known} and {fill})")
    return tuple(sorted(found.values(), key=lambda fill: (fill.at, len(fill.trade_id), fill.trade_id)))


def _require_positive(number: Decimal, where: str) -> None:
    if not isinstance(number, Decimal) or not number.is_finite() or number <= 0:
        raise ConfigError(f"{where} {number!r}; allowed is a finite Decimal above 0")


def _require_aware(at: datetime, where: str) -> None:
    if at.tzinfo is None:
        raise ContractError(f"{where}: time {at.isoformat()} has no zone")
