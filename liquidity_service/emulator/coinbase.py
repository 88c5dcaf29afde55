"""Coinbase Exchange: ``/coinbaseexchange/products...`` and the socket ``/coinbaseexchange`` (level2, matches).

Recorded messages of matches are passed through; book changes are told as recorded, one message each.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from aiohttp import web

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator import binance_words
from liquidity_service.emulator.connections import Connection
from liquidity_service.emulator.market import DepthEvent, Event, ListedMarket, TradeEvent
from liquidity_service.emulator.topic_venue import Levels, TopicVenue, iso_time

__all__ = ["Coinbase"]

_CHANNELS = {"level2": "book", "level2_batch": "book", "matches": "trades"}


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


class Coinbase(TopicVenue):
    """Spot products such as ``BTC-USD``."""

    ids: ClassVar[tuple[str, ...]] = ("coinbaseexchange",)

    @classmethod
    def read(cls, at_ns: int, message: Any, url: str | None, only_symbol: str) -> Iterator[Event]:
        """Events of a recorded snapshot, l2update or match."""
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "snapshot":
            at_ms = at_ns // 1_000_000
            yield DepthEvent(at_ns, message["product_id"], at_ms, message["bids"], message["asks"], snapshot=True)
        elif kind == "l2update":
            bids, asks = ([row[1:] for row in message["changes"] if row[0] == side] for side in ("buy", "sell"))
            yield DepthEvent(at_ns, message["product_id"], _ms(message["time"]), bids, asks)
        elif kind in ("match", "last_match"):
            number, maker_buys = message["trade_id"], message["side"] == "buy"
            at_ms, price, size = _ms(message["time"]), message["price"], message["size"]
            yield TradeEvent(at_ns, message["product_id"], at_ms, number, price, size, maker_buys, body=message)

    @classmethod
    def listing(cls, venue_id: str, symbol: str) -> ListedMarket:
        """A product by its id."""
        base, dash, quote = symbol.partition("-")
        if not dash:
            raise ConfigError(f"{symbol!r} is no Coinbase product; write it as BTC-USD")
        usual = binance_words.list_market("binance", f"{base}USDT")
        return ListedMarket(symbol, base, quote, "spot", usual.tick_size / 10, Decimal("0.00000001") * 10**4)

    def routes(self) -> list[web.RouteDef]:
        """Routes of this venue."""
        root = "/coinbaseexchange"
        return [
            web.get(root, self.socket),
            web.get(f"{root}/", self.socket),
            web.get(f"{root}/products", self._products),
            web.get(f"{root}/currencies", self._currencies),
            web.get(f"{root}/time", self._time),
            web.get(root + "/products/{id}/book", self._book),
            web.get(root + "/products/{id}/trades", self._trades),
        ]

    async def _time(self, request: web.Request) -> web.Response:
        now_ms = self.shared.now_ms()
        return web.json_response({"iso": iso_time(now_ms), "epoch": now_ms / 1000})

    async def _currencies(self, request: web.Request) -> web.Response:
        names = {name for row in self.market.listings.values() for name in (row.base, row.quote)}
        rows = [{"id": name, "name": name, "status": "online", "max_precision": "0.00000001"} for name in sorted(names)]
        return web.json_response(rows)

    async def _products(self, request: web.Request) -> web.Response:
        rows = [
            {
                "id": row.symbol,
                "base_currency": row.base,
                "quote_currency": row.quote,
                "quote_increment": f"{row.tick_size:f}",
                "base_increment": f"{row.lot_size:f}",
                "display_name": f"{row.base}-{row.quote}",
                "min_market_funds": "1",
                "margin_enabled": False,
                "post_only": False,
                "limit_only": False,
                "cancel_only": False,
                "status": "online",
                "trading_disabled": False,
            }
            for row in self.market.listings.values()
        ]
        return web.json_response(rows)

    async def _book(self, request: web.Request) -> web.Response:
        book = self.market.books.get(request.match_info["id"])
        if book is None:
            return web.json_response({"message": "NotFound"}, status=404)
        count = {"1": 1, "2": 50}.get(request.query.get("level", "1"))
        sides = {side: [[*row, 1] for row in book.top(side, count)] for side in ("bids", "asks")}
        return web.json_response(sides | {"sequence": book.last_id, "time": iso_time(book.event_ms)})

    async def _trades(self, request: web.Request) -> web.Response:
        kept = self.market.trades.get(request.match_info["id"])
        if kept is None:
            return web.json_response({"message": "NotFound"}, status=404)
        return web.json_response([self.trade_message(event, "") for event in reversed(kept)])

    def on_message(self, connection: Connection, message: Any) -> None:
        """Subscribe and unsubscribe."""
        kind = message.get("type") if isinstance(message, dict) else None
        if kind not in ("subscribe", "unsubscribe"):
            connection.answer({"type": "error", "message": "Malformed JSON", "reason": f"unknown type {kind}"})
            return
        products = message.get("product_ids", [])
        channels = [row if isinstance(row, str) else row["name"] for row in message["channels"]]
        connection.answer(
            {"type": "subscriptions", "channels": [{"name": c, "product_ids": products} for c in channels]}
        )
        act = self.subscribe if kind == "subscribe" else self.unsubscribe
        for channel in channels:
            for product in products:
                act(connection, product, _CHANNELS.get(channel, channel), f"{channel}:{product}")

    def book_message(
        self, symbol: str, name: str, bids: Levels, asks: Levels, *, previous_id: int | None, number: int
    ) -> Any:
        """A snapshot of the whole book, or an l2update."""
        if previous_id is None:
            return {"type": "snapshot", "product_id": symbol, "bids": bids, "asks": asks}
        changes = [["buy", *row] for row in bids] + [["sell", *row] for row in asks]
        at = iso_time(self.market.books[symbol].event_ms)
        return {"type": "l2update", "product_id": symbol, "time": at, "changes": changes}

    def trade_message(self, event: TradeEvent, name: str) -> Any:
        """A match; ``side`` is the maker's."""
        if event.body is not None:
            return event.body
        return {
            "type": "match",
            "trade_id": event.trade_id,
            "maker_order_id": "00000000-0000-0000-0000-000000000000",
            "taker_order_id": "00000000-0000-0000-0000-000000000000",
            "side": "buy" if event.buyer_is_maker else "sell",
            "size": event.amount,
            "price": event.price,
            "product_id": event.symbol,
            "sequence": event.trade_id,
            "time": iso_time(event.event_ms),
        }
