"""The market an emulator shows: instruments, books, trades and candles that advance event by event.

A market is an iterator of events in time order. Events are the same for every venue; ``body`` holds the venue's own JSON
where the event was recorded, and is served verbatim. ``recorded.py`` reads events from captures, ``generated.py`` makes
them; the venue modules put them into their venue's words.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

__all__ = ["Book", "Candle", "DepthEvent", "Event", "ListedMarket", "Market", "OtherEvent", "Side", "TradeEvent"]

Side = Literal["bids", "asks"]
TRADES_KEPT = 1000
CANDLES_KEPT = 1500
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class ListedMarket:
    """An instrument as listed: the venue's symbol, its currencies, and its exact steps.

    ``contract_size`` is what one lot of size 1 stands for (base units; quote units where ``kind`` is ``inverse``).
    """

    symbol: str
    base: str
    quote: str
    kind: Literal["spot", "linear", "inverse"]
    tick_size: Decimal
    lot_size: Decimal
    contract_size: Decimal = Decimal(1)
    min_notional: Decimal = Decimal(5)


@dataclass(frozen=True, slots=True)
class DepthEvent:
    """A change of a book, or (``snapshot``) a whole one; levels as text, size 0 removes; ids as in ``BookMessage``."""

    at_ns: int
    symbol: str
    event_ms: int
    bids: Sequence[Sequence[str]]
    asks: Sequence[Sequence[str]]
    first_id: int = 0
    last_id: int = 0
    previous_id: int = 0
    transaction_ms: int = 0
    snapshot: bool = False
    body: Any = None


@dataclass(frozen=True, slots=True)
class TradeEvent:
    """A public trade; ``aggregate`` marks a series of taker orders, whose ids are a series of their own."""

    at_ns: int
    symbol: str
    event_ms: int
    trade_id: int
    price: str
    amount: str
    buyer_is_maker: bool
    aggregate: bool = False
    body: Any = None


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """A recorded message of any other stream (best quote, ticker); ``candle`` where it reported a minute of trading."""

    at_ns: int
    symbol: str
    stream: str
    body: Any
    candle: "Candle | None" = None


Event = DepthEvent | TradeEvent | OtherEvent


@dataclass(slots=True)
class Book:
    """Levels of one book as price and size text by exact price; ``last_id`` is the venue's id of the last change."""

    bids: dict[Decimal, tuple[str, str]] = field(default_factory=dict)
    asks: dict[Decimal, tuple[str, str]] = field(default_factory=dict)
    last_id: int = 0
    event_ms: int = 0
    transaction_ms: int = 0

    def apply(self, event: DepthEvent) -> None:
        """Take over a snapshot, or a change that is not older than the book."""
        if event.snapshot:
            self.bids.clear()
            self.asks.clear()
        elif event.last_id and event.last_id <= self.last_id:
            return
        for levels, changes in ((self.bids, event.bids), (self.asks, event.asks)):
            for price, size, *_ in changes:
                key = Decimal(price)
                if Decimal(size):
                    levels[key] = (price, size)
                else:
                    levels.pop(key, None)
        self.last_id = event.last_id or self.last_id + 1
        self.event_ms = event.event_ms
        self.transaction_ms = event.transaction_ms or event.event_ms

    def top(self, side: Side, count: int | None = None) -> list[list[str]]:
        """The best ``count`` levels (all by default) as ``[price, size]`` text, best first."""
        levels = self.bids if side == "bids" else self.asks
        return [list(levels[key]) for key in sorted(levels, reverse=side == "bids")[:count]]

    def best(self, side: Side) -> tuple[Decimal, Decimal] | None:
        """Best price and its size; ``None`` on an empty side."""
        levels = self.bids if side == "bids" else self.asks
        if not levels:
            return None
        price = max(levels) if side == "bids" else min(levels)
        return price, Decimal(levels[price][1])

    def mid(self) -> Decimal | None:
        """Mean of the best prices; ``None`` where a side is empty."""
        bid, ask = self.best("bids"), self.best("asks")
        return None if bid is None or ask is None else (bid[0] + ask[0]) / 2


@dataclass(slots=True)
class Candle:
    """One minute of trading; prices and base volume as text, exact."""

    open_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str = "0"
    quote_volume: str = "0"
    trades_n: int = 0

    def take(self, price: str, amount: str) -> None:
        """Add one trade."""
        if Decimal(price) > Decimal(self.high):
            self.high = price
        if Decimal(price) < Decimal(self.low):
            self.low = price
        self.close = price
        self.volume = str(Decimal(self.volume) + Decimal(amount))
        self.quote_volume = str(Decimal(self.quote_volume) + Decimal(price) * Decimal(amount))
        self.trades_n += 1


class Market:
    """State of one venue's market; :meth:`advance` applies the next events, everything else reads.

    Parameters
    ----------
    listings
        Instruments that have a book.
    events
        Events in time order; may be endless.
    start_ns
        Market time of the first event, nanoseconds since 1970 UTC.
    first_books
        Books known before the first event. A capture's snapshot usually arrives after its first changes; it is then given
        here, ahead of the stream, and the changes it already holds are passed over (as every client must).
    listing_body
        The venue's own list of instruments where it was recorded.
    """

    def __init__(
        self,
        listings: Iterable[ListedMarket],
        events: Iterable[Event],
        *,
        start_ns: int,
        first_books: Iterable[DepthEvent] = (),
        listing_body: Any = None,
        rest_bodies: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.listings = {listing.symbol: listing for listing in listings}
        self.start_ns = start_ns
        self.now_ns = start_ns
        self.listing_body = listing_body
        self.rest_bodies = dict(rest_bodies or {})
        self.seed = seed
        self.books = {symbol: Book() for symbol in self.listings}
        self.trades: dict[str, deque[TradeEvent]] = {name: deque(maxlen=TRADES_KEPT) for name in self.listings}
        self.candles: dict[str, dict[int, Candle]] = {name: {} for name in self.listings}
        self._reported_candles: set[str] = set()
        self.ended = False
        self._events = iter(events)
        self._next: Event | None = next(self._events, None)
        for event in first_books:
            self.books[event.symbol].apply(event)

    @property
    def next_ns(self) -> int | None:
        """Market time of the next event; ``None`` after the last."""
        return None if self._next is None else self._next.at_ns

    def step(self) -> Event | None:
        """Apply the next event and return it; ``None`` after the last."""
        event = self._next
        if event is None:
            self.ended = True
            return None
        self._next = next(self._events, None)
        self.now_ns = max(self.now_ns, event.at_ns)
        self._apply(event)
        return event

    def due(self, until_ns: int) -> Iterator[Event]:
        """Apply and yield the events up to ``until_ns`` (inclusive)."""
        while self._next is not None and self._next.at_ns <= until_ns:
            event = self.step()
            assert event is not None
            yield event
        self.now_ns = max(self.now_ns, until_ns)
        self.ended = self._next is None

    def candle_rows(self, symbol: str, interval_ms: int) -> list[Candle]:
        """Candles of a multiple of a minute, oldest first; minutes without trades are absent."""
        rows: dict[int, Candle] = {}
        for minute in sorted(self.candles[symbol].values(), key=lambda row: row.open_ms):
            opened = minute.open_ms - minute.open_ms % interval_ms
            known = rows.get(opened)
            if known is None:
                rows[opened] = Candle(
                    opened,
                    minute.open,
                    minute.high,
                    minute.low,
                    minute.close,
                    minute.volume,
                    minute.quote_volume,
                    minute.trades_n,
                )
                continue
            known.high = max(known.high, minute.high, key=Decimal)
            known.low = min(known.low, minute.low, key=Decimal)
            known.close = minute.close
            known.volume = str(Decimal(known.volume) + Decimal(minute.volume))
            known.quote_volume = str(Decimal(known.quote_volume) + Decimal(minute.quote_volume))
            known.trades_n += minute.trades_n
        return list(rows.values())

    def set_candle(self, symbol: str, candle: Candle) -> None:
        """Take over a minute as the venue itself reported it."""
        kept = self.candles[symbol]
        kept[candle.open_ms] = candle
        if len(kept) > CANDLES_KEPT:
            del kept[min(kept)]

    def _apply(self, event: Event) -> None:
        if isinstance(event, DepthEvent):
            self.books[event.symbol].apply(event)
        elif isinstance(event, TradeEvent):
            self.trades[event.symbol].append(event)
            if event.symbol in self._reported_candles:
                return
            opened = event.event_ms - event.event_ms % MINUTE_MS
            candle = self.candles[event.symbol].get(opened)
            if candle is None:
                candle = Candle(opened, event.price, event.price, event.price, event.price)
                self.set_candle(event.symbol, candle)
            candle.take(event.price, event.amount)
        elif event.candle is not None:
            self._reported_candles.add(event.symbol)
            self.set_candle(event.symbol, event.candle)
