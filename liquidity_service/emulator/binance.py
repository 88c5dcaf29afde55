"""Binance spot, USD-M and COIN-M: market-data routes and streams under ``/bn/<the venue's own path>``.

Streams follow SUBSCRIBE and UNSUBSCRIBE, names in the path (``/ws/btcusdt@depth``) and combined streams
(``/stream?streams=``), on the three bases ``/public/ws``, ``/market/ws`` and ``/private/ws`` of the futures. Recorded
messages are passed through; a trade stream that was recorded only as aggTrade (or the reverse) is put into the words asked
for, with the ids it has. Signed routes are in ``binance_orders.py``.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar

from aiohttp import web

from liquidity_service.emulator import binance_words as words
from liquidity_service.emulator.binance_orders import BinanceOrders
from liquidity_service.emulator.binance_rest import BinanceAnswers
from liquidity_service.emulator.connections import Connection
from liquidity_service.emulator.market import (
    DepthEvent,
    Event,
    ListedMarket,
    Market,
    OtherEvent,
    TradeEvent,
)
from liquidity_service.emulator.refusal import Refusal
from liquidity_service.emulator.venue import Shared, Venue

__all__ = ["Binance"]

_PREFIX = {"binance": "/bn/api/v3", "binanceusdm": "/bn/fapi/v1", "binancecoinm": "/bn/dapi/v1"}
_SOCKETS = {
    "binance": ("/bn/ws", "/bn/stream", "/bn/stream/ws"),
    "binanceusdm": ("/bn/public/ws", "/bn/market/ws", "/bn/private/ws", "/bn/fstream/ws", "/bn/fstream/stream"),
    "binancecoinm": ("/bn/dstream/ws", "/bn/dstream/stream"),
}
_SHARED_SOCKETS = ("/bn/ws", "/bn/stream")


class Binance(Venue):
    """One of the three Binance venues."""

    ids: ClassVar[tuple[str, ...]] = ("binance", "binanceusdm", "binancecoinm")

    def __init__(self, venue_id: str, market: Market, shared: Shared) -> None:
        super().__init__(venue_id, market, shared)
        self.listen_key = f"emulated-{venue_id}"
        self.answers = BinanceAnswers(venue_id, market, shared.now_ms)
        self.orders = BinanceOrders(market, shared.now_ms) if venue_id == "binanceusdm" else None
        self._marked_ms: dict[str, int] = {}
        self._quoted: dict[str, Any] = {}

    @classmethod
    def read(cls, at_ns: int, message: Any, url: str | None, only_symbol: str) -> Iterable[Event]:
        """Events of a recorded message."""
        return words.read_message(at_ns, message, url, only_symbol)

    @classmethod
    def listing(cls, venue_id: str, symbol: str) -> ListedMarket:
        """An instrument by its symbol."""
        return words.list_market(venue_id, symbol)

    def routes(self) -> list[web.RouteDef]:
        """Routes of this venue."""
        prefix = _PREFIX[self.venue_id]
        made = [web.get(f"{prefix}/{name}", self.answering(answer)) for name, answer in self.answers.by_path().items()]
        if self.venue_id == "binancecoinm":
            made.append(web.get("/bn/dapi/v2/leverageBracket", self.answering(self.answers.leverage_bracket)))
        key = "userDataStream" if self.venue_id == "binance" else "listenKey"
        for method in ("POST", "PUT", "DELETE"):
            given = {"listenKey": self.listen_key} if method == "POST" else {}
            made.append(web.route(method, f"{prefix}/{key}", self.answering(lambda _, given=given: given)))
        if self.orders is not None:
            for (method, path), answer in self.orders.routes().items():
                made.append(web.route(method, f"/bn/fapi/{path}", self._signed(answer)))
        return made

    def _signed(self, answer: Callable[[dict[str, str]], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            orders, body = self.orders, await request.text()
            assert orders is not None
            response = await self.answering(lambda _: answer(orders.checked(request, body)))(request)
            self._publish_account()
            return response

        return handle

    def _publish_account(self) -> None:
        if self.orders is not None:
            for message in self.orders.news():
                self._send("", "account", lambda body=message: body)

    def socket_paths(self) -> list[str]:
        """Paths below which this venue's sockets are; ``/bn/ws`` and ``/bn/stream`` are shared (see ``server.py``)."""
        paths = [path for path in _SOCKETS[self.venue_id] if path not in _SHARED_SOCKETS]
        return [form for path in paths for form in (path, path + "/{names:.*}")]

    def answering(self, answer: Callable[[web.Request], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A route's handler: the answer as JSON, a refusal as the venue's code and text."""

        async def handle(request: web.Request) -> web.Response:
            try:
                body = answer(request)
            except Refusal as refusal:
                return web.json_response({"code": refusal.code, "msg": refusal.text}, status=refusal.status)
            return web.json_response(body, headers={"X-MBX-USED-WEIGHT-1M": "1"})

        return handle

    # Streams

    def opened(self, connection: Connection, request: web.Request) -> None:
        """Note how the socket was opened and subscribe the names in its address."""
        listed = request.match_info.get("names", "")
        connection.state["combined"] = request.path.removesuffix(f"/{listed}").endswith("/stream")
        connection.state["names"] = {}
        listed = request.query.get("streams") or listed
        if request.query.get("listenKey") == self.listen_key:
            self.subscribers.add("", "account", connection, "account")
        names = [name for name in listed.split("/") if "@" in name]
        if names:
            self._subscribe(connection, names)

    def on_message(self, connection: Connection, message: Any) -> None:
        """A client's message."""
        if not isinstance(message, dict):
            connection.answer({"error": {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}})
            return
        method, names, number = message.get("method"), message.get("params", []), message.get("id")
        if method == "SUBSCRIBE":
            connection.answer({"result": None, "id": number})
            self._subscribe(connection, names)
        elif method == "UNSUBSCRIBE":
            for name in names:
                if name in connection.state["names"]:
                    symbol, channel = connection.state["names"].pop(name)
                    self.subscribers.remove(symbol, channel, connection, name)
            connection.answer({"result": None, "id": number})
        elif method == "LIST_SUBSCRIPTIONS":
            connection.answer({"result": list(connection.state["names"]), "id": number})
        else:
            connection.answer(
                {"error": {"code": 2, "msg": f"Invalid request: unknown variant `{method}`"}, "id": number}
            )

    def _subscribe(self, connection: Connection, names: list[str]) -> None:
        for name in names:
            symbol, _, channel = name.partition("@")
            key = (symbol.upper(), channel.partition("@")[0])
            connection.state["names"][name] = key
            self.subscribers.add(*key, connection, name)
        self.shared.on_subscribe()

    def _send(self, symbol: str, channel: str, make: Callable[[], Any]) -> None:
        body: Any = None
        for connection, name in self.subscribers.of(symbol, channel):
            body = make() if body is None else body
            connection.publish(name, {"stream": name, "data": body} if connection.state["combined"] else body)

    def publish(self, event: Event) -> None:
        """Send an event to its listeners."""
        symbol = event.symbol
        if isinstance(event, DepthEvent):
            self._publish_depth(event)
        elif isinstance(event, TradeEvent):
            self._send(symbol, "trade", lambda: words.trade(event))
            self._send(symbol, "aggTrade", lambda: words.agg_trade(event))
            if event.body is None:
                self._publish_candles(event)
        else:
            self._publish_other(event)
        if self.orders is not None and self.orders.ledger.on_event(event):
            self._publish_account()

    def _publish_depth(self, event: DepthEvent) -> None:
        symbol, book = event.symbol, self.market.books[event.symbol]
        if event.snapshot:
            return
        self._send(symbol, "depth", lambda: words.depth_update(self.venue_id, event))
        for levels in (5, 10, 20):
            self._send(symbol, f"depth{levels}", lambda n=levels: words.partial_depth(self.venue_id, symbol, book, n))
        if book.mid() is None:
            return
        if event.body is None:
            quote = (book.best("bids"), book.best("asks"))
            if self._quoted.get(symbol) != quote:
                self._quoted[symbol] = quote
                self._send(symbol, "bookTicker", lambda: words.best_quote(self.venue_id, symbol, book))
        if event.event_ms - self._marked_ms.get(symbol, 0) >= 1000:
            self._marked_ms[symbol] = event.event_ms
            self._send(symbol, "markPrice", lambda: self._mark(symbol, event.event_ms))
            self._send(symbol, "ticker", lambda: self._day_message(symbol, event.event_ms))

    def _mark(self, symbol: str, event_ms: int) -> dict[str, Any]:
        found = self.answers.premium(symbol)
        names = {"s": "symbol", "p": "markPrice", "i": "indexPrice", "P": "estimatedSettlePrice"}
        body = {short: found[long] for short, long in names.items()}
        return body | {
            "e": "markPriceUpdate",
            "E": event_ms,
            "r": found["lastFundingRate"],
            "T": found["nextFundingTime"],
        }

    def _day_message(self, symbol: str, event_ms: int) -> dict[str, Any]:
        day = self.answers.day(symbol)
        names = {
            "s": "symbol",
            "p": "priceChange",
            "P": "priceChangePercent",
            "w": "weightedAvgPrice",
            "c": "lastPrice",
            "Q": "lastQty",
            "b": "bidPrice",
            "a": "askPrice",
            "o": "openPrice",
            "h": "highPrice",
            "l": "lowPrice",
            "v": "volume",
            "q": "quoteVolume",
            "O": "openTime",
            "C": "closeTime",
            "n": "count",
        }
        return {"e": "24hrTicker", "E": event_ms} | {short: day[long] for short, long in names.items()}

    def _publish_candles(self, event: TradeEvent) -> None:
        for channel in self.subscribers.channels(event.symbol):
            interval = channel.removeprefix("kline_")
            if channel.startswith("kline_") and interval in words.INTERVALS_MS:
                row = self.market.candle_rows(event.symbol, words.INTERVALS_MS[interval])[-1]
                message = words.candle_message(event.symbol, row, interval, event.event_ms)
                self._send(event.symbol, channel, lambda body=message: body)

    def _publish_other(self, event: OtherEvent) -> None:
        self._send(event.symbol, event.stream.partition("@")[2].partition("@")[0], lambda: event.body)
