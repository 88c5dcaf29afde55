"""Kraken spot: ``/kraken/0/public/...`` and the socket ``/kraken/v2`` (book with checksum, trade).

Recordings of the first WebSocket interface are read and told in the second one's words, which ccxt speaks. Symbols are
Kraken's own names on the socket's first interface, such as ``XBT/USD``.
"""

import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar

from aiohttp import web

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator import binance_words
from liquidity_service.emulator.connections import Connection
from liquidity_service.emulator.market import Book, DepthEvent, Event, ListedMarket, TradeEvent
from liquidity_service.emulator.topic_venue import Levels, TopicVenue, iso_time

__all__ = ["Kraken"]

CHECKED_LEVELS = 10
_RENAMED = {"XBT": "BTC", "XDG": "DOGE"}


def _common(name: str) -> str:
    """``XBT/USD`` as the second interface writes it: ``BTC/USD``."""
    return "/".join(_RENAMED.get(part, part) for part in name.split("/"))


class Kraken(TopicVenue):
    """Spot pairs."""

    ids: ClassVar[tuple[str, ...]] = ("kraken",)

    @classmethod
    def read(cls, at_ns: int, message: Any, url: str | None, only_symbol: str) -> Iterator[Event]:
        """Events of a recorded book or trade message of the first interface."""
        if not isinstance(message, list) or len(message) < 4:
            return
        symbol, channel, at_ms = message[-1], message[-2], at_ns // 1_000_000
        if channel.startswith("book"):
            for row in message[1:-2]:
                whole = "as" in row
                bids, asks = (row.get(name + "s" if whole else name, []) for name in ("b", "a"))
                yield DepthEvent(at_ns, symbol, at_ms, bids, asks, snapshot=whole)
        elif channel == "trade":
            for number, (price, size, at, side, *_) in enumerate(message[1]):
                trade_ms = int(Decimal(at) * 1000)
                yield TradeEvent(at_ns, symbol, trade_ms, int(Decimal(at) * 10**6) + number, price, size, side == "s")

    @classmethod
    def listing(cls, venue_id: str, symbol: str) -> ListedMarket:
        """A pair by its name."""
        base, slash, quote = symbol.partition("/")
        if not slash:
            raise ConfigError(f"{symbol!r} is no Kraken pair; write it as XBT/USD")
        usual = binance_words.list_market("binance", f"{_common(base)}USDT")
        return ListedMarket(symbol, base, quote, "spot", usual.tick_size, Decimal("0.0001"))

    def routes(self) -> list[web.RouteDef]:
        """Routes of this venue."""
        answers = {
            "Time": lambda _: {"unixtime": self.shared.now_ms() // 1000},
            "SystemStatus": lambda _: {"status": "online", "timestamp": iso_time(self.shared.now_ms())},
            "Assets": lambda _: {},
            "AssetPairs": lambda _: {row.symbol.replace("/", ""): _pair(row) for row in self.market.listings.values()},
            "Depth": self._depth,
        }

        def handler(answer: Any) -> Any:
            async def handle(request: web.Request) -> web.Response:
                asked = request.query.get("pair")
                if asked is not None and self._symbol(asked) is None:
                    return web.json_response({"error": ["EQuery:Unknown asset pair"]})
                return web.json_response({"error": [], "result": answer(request)})

            return handle

        made = [web.get(f"/kraken/0/public/{path}", handler(answer)) for path, answer in answers.items()]
        return [*made, web.get("/kraken/v2", self.socket)]

    def _symbol(self, name: str) -> str | None:
        wanted = name.replace("/", "")
        return next((s for s in self.market.books if wanted in (s.replace("/", ""), _common(s).replace("/", ""))), None)

    def _depth(self, request: web.Request) -> dict[str, Any]:
        symbol, count = self._symbol(request.query["pair"]), int(request.query.get("count", "100"))
        assert symbol is not None
        book = self.market.books[symbol]
        at = book.event_ms // 1000
        return {
            request.query["pair"]: {side: [[*row, at] for row in book.top(side, count)] for side in ("asks", "bids")}
        }

    def on_message(self, connection: Connection, message: Any) -> None:
        """Subscribe, unsubscribe and ping."""
        method = message.get("method") if isinstance(message, dict) else None
        if method == "ping":
            connection.answer({"method": "pong", "req_id": message.get("req_id")})
            return
        if method not in ("subscribe", "unsubscribe"):
            connection.answer({"error": f"Unsupported method {method}", "success": False})
            return
        asked = message["params"]
        channel = {"book": "book", "trade": "trades"}.get(asked["channel"], asked["channel"])
        act = self.subscribe if method == "subscribe" else self.unsubscribe
        for name in asked["symbol"]:
            symbol = self._symbol(name)
            answer = {"method": method, "req_id": message.get("req_id"), "success": symbol is not None}
            if symbol is None:
                connection.answer(answer | {"error": f"Currency pair not supported {name}", "symbol": name})
                continue
            connection.answer(answer | {"result": {"channel": asked["channel"], "symbol": name}})
            act(connection, symbol, channel, f"{asked['channel']}-{asked.get('depth', 10)}:{symbol}")

    def levels_of(self, name: str) -> int | None:
        """Levels a side: the number in ``book-10:XBT/USD``."""
        return int(name.partition(":")[0].partition("-")[2])

    def book_message(
        self, symbol: str, name: str, bids: Levels, asks: Levels, *, previous_id: int | None, number: int
    ) -> Any:
        """A snapshot or update with the checksum of the best ten levels."""
        book = self.market.books[symbol]
        sides = {
            side: [{"price": float(price), "qty": float(size)} for price, size in rows]
            for side, rows in (("bids", bids), ("asks", asks))
        }
        row = {"symbol": _common(symbol), **sides, "checksum": _checksum(book), "timestamp": iso_time(book.event_ms)}
        return {"channel": "book", "type": "snapshot" if previous_id is None else "update", "data": [row]}

    def trade_message(self, event: TradeEvent, name: str) -> Any:
        """A trade message of one trade."""
        row = {
            "symbol": _common(event.symbol),
            "side": "sell" if event.buyer_is_maker else "buy",
            "price": float(event.price),
            "qty": float(event.amount),
            "ord_type": "market",
            "trade_id": event.trade_id,
            "timestamp": iso_time(event.event_ms),
        }
        return {"channel": "trade", "type": "update", "data": [row]}


def _pair(row: ListedMarket) -> dict[str, Any]:
    places = [max(0, -int(step.normalize().as_tuple().exponent)) for step in (row.tick_size, row.lot_size)]
    return {
        "altname": row.symbol.replace("/", ""),
        "wsname": row.symbol,
        "aclass_base": "currency",
        "base": row.base,
        "aclass_quote": "currency",
        "quote": row.quote,
        "pair_decimals": places[0],
        "cost_decimals": 5,
        "lot_decimals": places[1],
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, 0.4]],
        "fees_maker": [[0, 0.25]],
        "ordermin": str(row.lot_size),
        "costmin": "0.5",
        "tick_size": str(row.tick_size),
        "status": "online",
    }


def _checksum(book: Book) -> int:
    """CRC32 over the digits of price and size of the best asks, then bids."""
    levels = book.top("asks", CHECKED_LEVELS) + book.top("bids", CHECKED_LEVELS)
    return zlib.crc32("".join(text.replace(".", "").lstrip("0") for level in levels for text in level).encode())
