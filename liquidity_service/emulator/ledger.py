"""An exchange's own ledger: orders, fills, positions and balance of one account, in exact decimal arithmetic.

Taker orders walk the book as it stands. A resting order is filled at its own price when the opposite best price reaches it
(no more than the levels there hold) or when a public trade prints through it; a trade at its price alone does not fill it,
because its place in the queue is unknown. Own fills do not change the market's book, which follows the tape. Conditional
orders are triggered by the last trade, or the mid before any. Only linear contracts are kept here.

The sum of all fills of a symbol is its position, always (:meth:`Ledger.audit`).
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from liquidity_service.emulator.market import DepthEvent, Event, ListedMarket, Market, TradeEvent

__all__ = ["Account", "Fill", "Ledger", "Order", "OrderSide", "Position", "Rejected", "TimeInForce"]

OrderSide = Literal["buy", "sell"]
TimeInForce = Literal["GTC", "IOC", "FOK", "GTX"]
State = Literal["untriggered", "open", "partial", "filled", "canceled", "expired"]
Reason = Literal[
    "lot",
    "tick",
    "quantity",
    "notional",
    "price",
    "margin",
    "reduce_only",
    "post_only",
    "fill_or_kill",
    "trigger",
    "duplicate",
]
ZERO = Decimal(0)
CENT = Decimal("1e-8")
"""Smallest amount of money kept; profit (the entry price is a quotient) and fees are rounded to it, once per fill."""
OPEN_STATES = ("untriggered", "open", "partial")


class Rejected(Exception):  # noqa: N818 - an answer of the venue, not a failure of the program
    """The venue refuses an order; ``reason`` decides its code."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(slots=True)
class Order:
    """An order as the venue keeps it; ``price`` ``None`` is a market order, ``trigger_price`` makes it conditional.

    ``trigger_above`` tells on which side of the trigger the order fires.
    """

    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = "GTC"
    reduce_only: bool = False
    client_id: str = ""
    trigger_price: Decimal | None = None
    trigger_above: bool = False
    kind: str = ""
    order_id: int = 0
    state: State = "open"
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    created_ms: int = 0
    updated_ms: int = 0

    @property
    def left(self) -> Decimal:
        """Quantity not filled yet."""
        return self.quantity - self.filled

    @property
    def sign(self) -> int:
        """+1 buys, -1 sells."""
        return 1 if self.side == "buy" else -1

    @property
    def live(self) -> bool:
        """Whether it can still be filled or cancelled."""
        return self.state in OPEN_STATES

    @property
    def average_price(self) -> Decimal:
        """Mean price of the fills; 0 without any."""
        return self.cost / self.filled if self.filled else ZERO


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution; ``fee`` is positive where it costs, in the quote currency."""

    fill_id: int
    order_id: int
    client_id: str
    symbol: str
    side: OrderSide
    price: Decimal
    quantity: Decimal
    fee: Decimal
    maker: bool
    realised: Decimal
    position_before: Decimal
    at_ms: int


@dataclass(slots=True)
class Position:
    """Signed quantity and mean entry price."""

    quantity: Decimal = ZERO
    entry_price: Decimal = ZERO

    def take(self, signed: Decimal, price: Decimal) -> Decimal:
        """Add a fill; profit realised by the part that closed."""
        realised = ZERO
        if self.quantity * signed < 0:
            closed = min(abs(self.quantity), abs(signed))
            realised = closed * (price - self.entry_price) * (1 if self.quantity > 0 else -1)
        after = self.quantity + signed
        if self.quantity * after <= 0:
            self.entry_price = price if after else ZERO
        elif abs(after) > abs(self.quantity):
            self.entry_price = (self.quantity * self.entry_price + signed * price) / after
        self.quantity = after
        return realised


@dataclass(frozen=True, slots=True)
class Account:
    """Terms of the account: starting balance in quote currency, fees as fractions of notional, leverage where unset."""

    balance: Decimal = Decimal(1_000_000)
    taker_fee_frac: Decimal = Decimal("0.0005")
    maker_fee_frac: Decimal = Decimal("0.0002")
    leverage: int = 20


@dataclass
class Ledger:
    """Orders and positions of one account on one market."""

    market: Market
    now_ms: Callable[[], int]
    account: Account = field(default_factory=Account)
    orders: dict[int, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    leverage: dict[str, int] = field(default_factory=dict)
    isolated: dict[str, bool] = field(default_factory=dict)
    changed: list[Order] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cash = self.account.balance
        self._live: dict[int, Order] = {}
        self._order_ids = itertools.count(8_000_000_001)
        self._fill_ids = itertools.count(7_000_001)

    def position(self, symbol: str) -> Position:
        """Position of a symbol, flat where never traded."""
        return self.positions.setdefault(symbol, Position())

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Orders that are not at their end, oldest first."""
        return [order for order in self._live.values() if symbol in (None, order.symbol)]

    def find(self, *, order_id: int | None = None, client_id: str | None = None) -> Order | None:
        """An order by the venue's id, or the newest by the client's."""
        if order_id is not None:
            return self.orders.get(order_id)
        matching = (order for order in reversed(list(self.orders.values())) if order.client_id == client_id)
        return next(matching, None)

    def place(self, order: Order) -> Order:
        """Check, number, and execute or rest an order.

        Raises
        ------
        Rejected
            When the venue's rules refuse it; nothing is kept then.
        """
        self._check(order)
        order.order_id = next(self._order_ids)
        order.created_ms = order.updated_ms = self.now_ms()
        self.orders[order.order_id] = self._live[order.order_id] = order
        if order.trigger_price is not None:
            order.state = "untriggered"
            self._note(order)
            return order
        self._enter(order)
        return order

    def cancel(self, order: Order) -> bool:
        """Cancel what is left of an order; ``False`` where it had ended."""
        if not order.live:
            return False
        self._end(order, "canceled")
        return True

    def on_event(self, event: Event) -> bool:
        """Fill and trigger by a market event already applied; whether anything changed."""
        before = len(self.changed)
        if isinstance(event, DepthEvent | TradeEvent):
            for order in self.open_orders(event.symbol):
                if order.state == "untriggered":
                    self._try_trigger(order)
                elif isinstance(event, TradeEvent):
                    self._meet_trade(order, event)
                else:
                    self._meet_book(order)
        return len(self.changed) > before

    def reference_price(self, symbol: str) -> Decimal | None:
        """Last trade, or the mid before any; ``None`` without a book."""
        traded = self.market.trades[symbol]
        return Decimal(traded[-1].price) if traded else self.market.books[symbol].mid()

    def unrealised(self, symbol: str) -> Decimal:
        """Profit of the open position at the reference price."""
        held, price = self.position(symbol), self.reference_price(symbol)
        return ZERO if price is None else held.quantity * (price - held.entry_price)

    def margin(self, symbol: str) -> Decimal:
        """Initial margin of the position."""
        price = self.reference_price(symbol) or ZERO
        return abs(self.position(symbol).quantity) * price / self.leverage.get(symbol, self.account.leverage)

    def free(self) -> Decimal:
        """Balance that may back new orders."""
        held = list(self.positions)
        return self.cash + sum(map(self.unrealised, held), ZERO) - sum(map(self.margin, held), ZERO)

    def audit(self) -> None:
        """Raise :class:`AssertionError` unless fills, positions, orders and cash agree to the last digit."""
        for symbol, held in self.positions.items():
            total = sum(
                (f.quantity if f.side == "buy" else -f.quantity for f in self.fills if f.symbol == symbol), ZERO
            )
            assert total == held.quantity, f"{symbol}: fills sum to {total}, position is {held.quantity}"
        for order in self.orders.values():
            total = sum((fill.quantity for fill in self.fills if fill.order_id == order.order_id), ZERO)
            assert total == order.filled <= order.quantity, (
                f"order {order.order_id}: fills {total}, kept {order.filled}"
            )
        cash = self.account.balance + sum((fill.realised - fill.fee for fill in self.fills), ZERO)
        assert cash == self.cash, f"cash is {self.cash}, fills say {cash}"

    def _check(self, order: Order) -> None:
        listing = self.market.listings[order.symbol]
        if order.client_id and any(known.client_id == order.client_id for known in self.open_orders()):
            raise Rejected("duplicate", f"client id {order.client_id} is in use by an open order")
        if order.quantity <= 0:
            raise Rejected("quantity", f"quantity {order.quantity} is not above 0")
        if order.quantity % listing.lot_size:
            raise Rejected("lot", f"quantity {order.quantity} is no multiple of {listing.lot_size}")
        for price in (order.price, order.trigger_price):
            if price is not None and price <= 0:
                raise Rejected("price", f"price {price} is not above 0")
            if price is not None and price % listing.tick_size:
                raise Rejected("tick", f"price {price} is no multiple of {listing.tick_size}")
        reference = self.reference_price(order.symbol)
        if reference is None:
            raise Rejected("price", f"no market in {order.symbol}")
        if order.trigger_price is not None and self._fires(order, reference):
            raise Rejected("trigger", "the order would trigger at once")
        self._check_risk(order, listing, reference)

    def _check_risk(self, order: Order, listing: ListedMarket, reference: Decimal) -> None:
        held = self.position(order.symbol).quantity
        opposite = held * order.sign < 0
        if order.reduce_only:
            if order.trigger_price is None and not opposite:
                raise Rejected("reduce_only", "the order would not reduce the position")
            return
        notional = order.quantity * (order.price or reference)
        if notional < listing.min_notional:
            raise Rejected("notional", f"notional {notional} is below {listing.min_notional}")
        added = max(ZERO, order.quantity - abs(held)) if opposite else order.quantity
        needed = added * (order.price or reference) / self.leverage.get(order.symbol, self.account.leverage)
        if needed > self.free():
            raise Rejected("margin", f"margin of {needed} exceeds the free {self.free()}")

    def _enter(self, order: Order) -> None:
        """Execute against the book, then rest, expire or kill what is left."""
        reachable = list(self._reachable(order))
        if order.time_in_force == "GTX" and reachable:
            self._forget(order)
            raise Rejected("post_only", "the order would take liquidity")
        allowed = self._allowed(order)
        if order.time_in_force == "FOK" and sum((size for _, size in reachable), ZERO) < min(order.left, allowed):
            self._forget(order)
            raise Rejected("fill_or_kill", "the order cannot be filled at once in full")
        for price, size in reachable:
            quantity = min(size, order.left, allowed)
            if quantity > 0:
                self._fill(order, price, quantity, maker=False)
                allowed -= quantity
        if order.left and (order.price is None or order.time_in_force in ("IOC", "FOK")):
            self._end(order, "expired")
        elif order.live:
            self._note(order)

    def _reachable(self, order: Order) -> Iterator[tuple[Decimal, Decimal]]:
        """Levels of the opposite side within the limit, best first."""
        book = self.market.books[order.symbol]
        best = book.best("asks" if order.side == "buy" else "bids")
        if best is None or (order.price is not None and (best[0] - order.price) * order.sign > 0):
            return
        for price_text, size_text in book.top("asks" if order.side == "buy" else "bids"):
            price = Decimal(price_text)
            if order.price is not None and (price - order.price) * order.sign > 0:
                return
            yield price, Decimal(size_text)

    def _allowed(self, order: Order) -> Decimal:
        """Quantity that may be filled now: a reduce-only order never passes through zero."""
        if not order.reduce_only:
            return order.left
        held = self.position(order.symbol).quantity
        return min(order.left, abs(held)) if held * order.sign < 0 else ZERO

    def _meet_book(self, order: Order) -> None:
        for _, size in list(self._reachable(order)):
            if (quantity := min(size, self._allowed(order))) > 0:
                assert order.price is not None
                self._fill(order, order.price, quantity, maker=True)
        self._drop_spent_reduction(order)

    def _meet_trade(self, order: Order, event: TradeEvent) -> None:
        if order.price is not None and (order.price - Decimal(event.price)) * order.sign > 0:
            quantity = min(Decimal(event.amount), self._allowed(order))
            if quantity > 0:
                self._fill(order, order.price, quantity, maker=True)
        self._drop_spent_reduction(order)

    def _drop_spent_reduction(self, order: Order) -> None:
        if order.live and order.reduce_only and not self._allowed(order):
            self._end(order, "expired")

    def _fires(self, order: Order, price: Decimal) -> bool:
        assert order.trigger_price is not None
        return price >= order.trigger_price if order.trigger_above else price <= order.trigger_price

    def _try_trigger(self, order: Order) -> None:
        price = self.reference_price(order.symbol)
        if price is None or not self._fires(order, price):
            return
        order.state = "open"
        if order.reduce_only and not self._allowed(order):
            self._end(order, "expired")
            return
        try:
            self._enter(order)
        except Rejected:  # post-only or fill-or-kill at the moment of its trigger
            self.orders[order.order_id] = order
            self._end(order, "expired")

    def _fill(self, order: Order, price: Decimal, quantity: Decimal, *, maker: bool) -> None:
        rate = self.account.maker_fee_frac if maker else self.account.taker_fee_frac
        held = self.position(order.symbol)
        before = held.quantity
        realised = held.take(quantity * order.sign, price).quantize(CENT)
        fee = (quantity * price * rate).quantize(CENT)
        self.cash += realised - fee
        order.filled += quantity
        order.cost += quantity * price
        order.state = "filled" if not order.left else "partial"
        order.updated_ms = self.now_ms()
        self.fills.append(
            Fill(
                next(self._fill_ids),
                order.order_id,
                order.client_id,
                order.symbol,
                order.side,
                price,
                quantity,
                fee,
                maker,
                realised,
                before,
                order.updated_ms,
            )
        )
        self._note(order)

    def _end(self, order: Order, state: State) -> None:
        order.state = state
        order.updated_ms = self.now_ms()
        self._note(order)

    def _forget(self, order: Order) -> None:
        del self.orders[order.order_id], self._live[order.order_id]

    def _note(self, order: Order) -> None:
        if not order.live:
            self._live.pop(order.order_id, None)
        self.changed.append(order)
