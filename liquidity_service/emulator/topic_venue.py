"""What venues have in common that send a snapshot on subscription and then the changes of their best levels."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from liquidity_service.emulator.connections import Connection
from liquidity_service.emulator.market import DepthEvent, Event, Market, TradeEvent
from liquidity_service.emulator.venue import Shared, Venue

__all__ = ["TopicVenue", "iso_time"]

Levels = Sequence[Sequence[str]]


@dataclass(slots=True)
class _Told:
    """What a subscription was last told: the best levels, the book's id, and the number of the message."""

    bids: dict[str, str]
    asks: dict[str, str]
    last_id: int
    number: int


class TopicVenue(Venue):
    """Subscriptions by (symbol, channel); books of the best ``levels`` are told as changes since the last message.

    A venue gives the words: :meth:`book_message` and :meth:`trade_message`.
    """

    def __init__(self, venue_id: str, market: Market, shared: Shared) -> None:
        super().__init__(venue_id, market, shared)
        self._told: dict[tuple[int, str], _Told] = {}

    @abstractmethod
    def book_message(
        self, symbol: str, name: str, bids: Levels, asks: Levels, *, previous_id: int | None, number: int
    ) -> Any:
        """The changed levels (size ``0`` removed) of the subscription ``name``, or a snapshot.

        ``previous_id`` is the book's id at the message before on this subscription, ``None`` for a snapshot; ``number``
        counts the subscription's messages.
        """

    @abstractmethod
    def trade_message(self, event: TradeEvent, name: str) -> Any:
        """One public trade."""

    def levels_of(self, name: str) -> int | None:
        """Levels a side of a book subscription; ``None`` is all."""
        return None

    def subscribe(self, connection: Connection, symbol: str, channel: str, name: str) -> None:
        """Let a connection listen to ``book`` or ``trades``; the book's snapshot follows at once."""
        self.subscribers.add(symbol, channel, connection, name)
        if channel == "book" and symbol in self.market.books and self.market.books[symbol].mid() is not None:
            self._tell(connection, symbol, name)
        self.shared.on_subscribe()

    def unsubscribe(self, connection: Connection, symbol: str, channel: str, name: str) -> None:
        """Stop telling."""
        self.subscribers.remove(symbol, channel, connection, name)
        self._told.pop((connection.number, name), None)

    def publish(self, event: Event) -> None:
        """Send the changed best levels, or the trade."""
        if isinstance(event, DepthEvent):
            for connection, name in self.subscribers.of(event.symbol, "book"):
                self._tell(connection, event.symbol, name, event)
        elif isinstance(event, TradeEvent):
            for connection, name in self.subscribers.of(event.symbol, "trades"):
                connection.publish(name, self.trade_message(event, name))

    def _tell(self, connection: Connection, symbol: str, name: str, event: DepthEvent | None = None) -> None:
        """Tell what changed since the last message; the whole book where there was none or ``event`` is ``None``."""
        book, count = self.market.books[symbol], self.levels_of(name)
        anew = event is None or (event.snapshot and count is None)
        told = None if anew else self._told.get((connection.number, name))
        now = _Told({}, {}, book.last_id, 1 if told is None else told.number + 1)
        if told is not None and count is None and event is not None and not event.snapshot:
            bids, asks = event.bids, event.asks
        else:
            now.bids = {level[0]: level[1] for level in book.top("bids", count)}
            now.asks = {level[0]: level[1] for level in book.top("asks", count)}
            bids = _changed({} if told is None else told.bids, now.bids)
            asks = _changed({} if told is None else told.asks, now.asks)
        if told is None or bids or asks:
            self._told[connection.number, name] = now
            previous_id = None if told is None else told.last_id
            body = self.book_message(symbol, name, bids, asks, previous_id=previous_id, number=now.number)
            connection.publish(name, body)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one WebSocket and forget what it was told."""
        try:
            return await super().socket(request)
        finally:
            open_numbers = {connection.number for connection in self.shared.open if not connection.closed}
            self._told = {key: told for key, told in self._told.items() if key[0] in open_numbers}


def _changed(before: dict[str, str], now: dict[str, str]) -> list[list[str]]:
    """Levels that are new or differ, then those that are gone with size 0."""
    changed = [[price, size] for price, size in now.items() if before.get(price) != size]
    return changed + [[price, "0"] for price in before if price not in now]


def iso_time(at_ms: int) -> str:
    """A time as ISO 8601 text in UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
