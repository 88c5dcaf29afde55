"""Hyperliquid: POST ``/hl/info``, POST ``/hl/exchange`` and the socket ``/hl/ws``.

An info request is answered by a recorded answer to the same request (same type, coin and user; a folder's ``rest/*.json``
of request and response pairs), else by the market and the account. Signatures of
actions are not verified: the venue derives the account from them, here there is one account.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from aiohttp import web

from liquidity_service.emulator import hyperliquid_words as words
from liquidity_service.emulator.binance_words import INTERVALS_MS
from liquidity_service.emulator.connections import Connection
from liquidity_service.emulator.generated import funding_rate
from liquidity_service.emulator.hyperliquid_orders import HyperliquidOrders
from liquidity_service.emulator.market import DepthEvent, Event, ListedMarket, Market, TradeEvent
from liquidity_service.emulator.venue import Shared, Venue

__all__ = ["Hyperliquid"]

HOUR_MS = 3_600_000
_MATCHED = ("type", "coin", "user", "dex")
_LIVE = ("meta", "metaAndAssetCtxs", "allMids")


class Hyperliquid(Venue):
    """The perpetuals venue; spot lists are empty."""

    ids: ClassVar[tuple[str, ...]] = ("hyperliquid",)

    def __init__(self, venue_id: str, market: Market, shared: Shared) -> None:
        super().__init__(venue_id, market, shared)
        pairs = [pair for body in market.rest_bodies.values() if isinstance(body, list) for pair in body]
        self._recorded = [pair for pair in pairs if isinstance(pair, dict) and {"request", "response"} <= pair.keys()]
        meta = next((pair["response"] for pair in self._recorded if pair["request"]["type"] == "meta"), None)
        self.universe = words.universe(market.listings.values()) if meta is None else meta["universe"]
        self.orders = HyperliquidOrders(market, self.universe, shared.now_ms)
        self._answers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "meta": lambda _: {"universe": self.universe, "marginTables": []},
            "metaAndAssetCtxs": lambda _: self._contexts(),
            "spotMeta": lambda _: {"universe": [], "tokens": []},
            "spotMetaAndAssetCtxs": lambda _: [{"universe": [], "tokens": []}, []],
            "perpDexs": lambda _: [None],
            "allMids": lambda _: self._mids(),
            "l2Book": lambda asked: words.l2_book(asked["coin"], self.market.books[asked["coin"]]),
            "candleSnapshot": lambda asked: self._candles(asked["req"]),
            "fundingHistory": self._funding,
            "recentTrades": lambda asked: self._recent(asked["coin"]),
            "exchangeStatus": lambda _: {"time": shared.now_ms(), "specialStatuses": None},
        } | self.orders.answers

    @classmethod
    def read(cls, at_ns: int, message: Any, url: str | None, only_symbol: str) -> Iterable[Event]:
        """Events of a recorded message."""
        return words.read_message(at_ns, message)

    @classmethod
    def listing(cls, venue_id: str, symbol: str) -> ListedMarket:
        """An instrument by its symbol."""
        return words.list_market(symbol)

    def routes(self) -> list[web.RouteDef]:
        """Routes of this venue."""
        return [
            web.post("/hl/info", self._info),
            web.post("/hl/exchange", self._exchange),
            web.get("/hl/ws", self.socket),
        ]

    async def _info(self, request: web.Request) -> web.Response:
        self.orders.expire()
        asked = await request.json()
        recorded = self._recording_of(asked)
        if recorded is not None:
            return web.json_response(recorded)
        answer = self._answers.get(asked.get("type", ""))
        coin = asked.get("coin") or asked.get("req", {}).get("coin")
        if answer is None or (coin is not None and coin not in self.market.books):
            return web.Response(status=422, text="Failed to deserialize the JSON body into the target type")
        return web.json_response(answer(asked))

    def _recording_of(self, asked: dict[str, Any]) -> Any:
        """Recorded answer to the same request; lists and live books are answered by the market."""
        wanted = asked | asked.get("req", {})
        if asked.get("type") in _LIVE or (asked.get("type") == "l2Book" and asked.get("coin") in self.market.books):
            return None
        for pair in self._recorded:
            known = pair["request"] | pair["request"].get("req", {})
            if all(str(known.get(name)).lower() == str(wanted.get(name)).lower() for name in _MATCHED):
                return pair["response"]
        return None

    async def _exchange(self, request: web.Request) -> web.Response:
        body = self.orders.act(await request.json())
        self._publish_account()
        return web.json_response(body)

    def _contexts(self) -> list[Any]:
        contexts = [words.asset_context(self.market, entry["name"]) for entry in self.universe]
        return [{"universe": self.universe, "marginTables": [], "collateralToken": 0}, contexts]

    def _mids(self) -> dict[str, str]:
        mids = {coin: book.mid() for coin, book in self.market.books.items()}
        return {coin: str(mid) for coin, mid in mids.items() if mid is not None}

    def _candles(self, asked: dict[str, Any]) -> list[Any]:
        span = INTERVALS_MS[asked["interval"]]
        rows = self.market.candle_rows(asked["coin"], span)
        last = asked.get("endTime") or 2**62
        kept = [row for row in rows if asked["startTime"] - span < row.open_ms <= last]
        return [words.candle_body(asked["coin"], row, asked["interval"], span) for row in kept]

    def _funding(self, asked: dict[str, Any]) -> list[Any]:
        last = min(self.market.now_ns // 1_000_000, asked.get("endTime") or 2**62)
        first = asked["startTime"] + -asked["startTime"] % HOUR_MS
        coin, seed = asked["coin"], self.market.seed
        return [
            {"coin": coin, "fundingRate": funding_rate(seed, coin, at), "premium": "0.0", "time": at}
            for at in range(first, last + 1, HOUR_MS)[:500]
        ]

    def _recent(self, coin: str) -> list[Any]:
        return [words.trade_body(event) for event in list(self.market.trades[coin])[-10:]]

    # Streams

    def on_message(self, connection: Connection, message: Any) -> None:
        """A client's message."""
        if not isinstance(message, dict):
            connection.answer(
                {"channel": "error", "data": f"Error parsing JSON into valid websocket request: {message}"}
            )
            return
        method, wanted = message.get("method"), message.get("subscription", {})
        if method == "ping":
            connection.answer({"channel": "pong"})
        elif method in ("subscribe", "unsubscribe"):
            connection.answer({"channel": "subscriptionResponse", "data": {"method": method, "subscription": wanted}})
            key = (wanted.get("coin") or "", wanted.get("type", "") + wanted.get("interval", ""))
            name = f"{key[1]}:{key[0]}"
            if method == "unsubscribe":
                self.subscribers.remove(*key, connection, name)
                return
            self.subscribers.add(*key, connection, name)
            self._first(connection, name, wanted)
            self.shared.on_subscribe()
        elif method == "post":
            self._post(connection, message)
        else:
            connection.answer({"channel": "error", "data": f"unknown method {method}"})

    def _post(self, connection: Connection, message: dict[str, Any]) -> None:
        asked = message["request"]
        if asked["type"] == "action":
            payload = self.orders.act(asked["payload"])
            self._publish_account()
        else:
            payload = {
                "type": asked["payload"]["type"],
                "data": self._answers[asked["payload"]["type"]](asked["payload"]),
            }
        response = {"type": asked["type"], "payload": payload}
        connection.answer({"channel": "post", "data": {"id": message["id"], "response": response}})

    def _first(self, connection: Connection, name: str, wanted: dict[str, Any]) -> None:
        """What the venue sends at once: the book, and a replay of recent trades."""
        coin, kind = wanted.get("coin"), wanted.get("type")
        if kind == "userFills":
            connection.publish(name, {"channel": "userFills", "data": self.orders.fill_message(snapshot=True)})
        if coin not in self.market.books:
            return
        if kind == "l2Book" and self.market.books[coin].mid() is not None:
            connection.publish(name, {"channel": kind, "data": words.l2_book(coin, self.market.books[coin])})
        if kind == "trades" and self.market.trades[coin]:
            connection.publish(name, {"channel": kind, "data": self._recent(coin)})

    def _send(self, coin: str, channel: str, make: Callable[[], Any], topic: str = "") -> None:
        body: Any = None
        for connection, name in self.subscribers.of(coin, channel):
            body = make() if body is None else body
            connection.publish(name, {"channel": topic or channel, "data": body})

    def publish(self, event: Event) -> None:
        """Send an event to its listeners."""
        coin, book = event.symbol, self.market.books[event.symbol]
        if isinstance(event, DepthEvent):
            self._send(coin, "l2Book", lambda: event.body or words.l2_book(coin, book))
            self._send("", "allMids", lambda: {"mids": self._mids()})
        elif isinstance(event, TradeEvent):
            self._send(coin, "trades", lambda: [words.trade_body(event)])
            for channel in self.subscribers.channels(coin):
                interval = channel.removeprefix("candle")
                if channel.startswith("candle") and interval in INTERVALS_MS:
                    span = INTERVALS_MS[interval]
                    made = words.candle_body(coin, self.market.candle_rows(coin, span)[-1], interval, span)
                    self._send(coin, channel, lambda body=made: body, "candle")
        if self.orders.ledger.on_event(event):
            self._publish_account()

    def _publish_account(self) -> None:
        orders, fills = self.orders.news()
        if orders:
            self._send("", "orderUpdates", lambda: orders)
        if fills:
            self._send("", "userFills", lambda: fills)
