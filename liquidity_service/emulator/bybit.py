"""Bybit v5, linear and inverse perpetuals: ``/bybit/v5/market/...`` and ``/bybit/v5/public/{linear,inverse}``.

Generated markets only: the recorded capture is of an older interface that ccxt no longer speaks.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from aiohttp import web

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator import binance_words
from liquidity_service.emulator.connections import Connection
from liquidity_service.emulator.generated import funding_rate, open_interest
from liquidity_service.emulator.market import Event, ListedMarket, TradeEvent
from liquidity_service.emulator.topic_venue import Levels, TopicVenue

__all__ = ["Bybit"]

FUNDING_PERIOD_MS = 8 * 3_600_000


class Bybit(TopicVenue):
    """Symbols ending in USDT or USDC are linear, those ending in USD inverse."""

    ids: ClassVar[tuple[str, ...]] = ("bybit",)

    @classmethod
    def read(cls, at_ns: int, message: Any, url: str | None, only_symbol: str) -> Iterable[Event]:
        """Refuses: no recording of the v5 interface is known."""
        raise ConfigError("the bybit emulator shows generated markets only; leave the tape out")

    @classmethod
    def listing(cls, venue_id: str, symbol: str) -> ListedMarket:
        """An instrument by its symbol."""
        if symbol.endswith("USD"):
            coin = binance_words.list_market("binancecoinm", symbol)
            return ListedMarket(symbol, coin.base, "USD", "inverse", coin.tick_size, coin.lot_size)
        return binance_words.list_market("binanceusdm", symbol)

    def routes(self) -> list[web.RouteDef]:
        """Routes of this venue."""
        answers = {
            "time": lambda _: {"timeSecond": str(self.shared.now_ms() // 1000)},
            "market/instruments-info": self._instruments,
            "market/orderbook": self._book,
            "market/recent-trade": self._trades,
            "market/tickers": self._tickers,
        }

        def handler(answer: Any) -> Any:
            async def handle(request: web.Request) -> web.Response:
                symbol = request.query.get("symbol")
                known = symbol is None or symbol in self.market.books
                code, text = (0, "OK") if known else (10001, f"params error: symbol invalid {symbol}")
                result = answer(request) if known else {}
                now_ms = self.shared.now_ms()
                return web.json_response({"retCode": code, "retMsg": text, "result": result, "time": now_ms})

            return handle

        made = [web.get(f"/bybit/v5/{path}", handler(answer)) for path, answer in answers.items()]
        return [*made, *(web.get(f"/bybit/v5/public/{kind}", self.socket) for kind in ("linear", "inverse", "spot"))]

    def _of_category(self, request: web.Request) -> list[ListedMarket]:
        category, symbol = request.query.get("category"), request.query.get("symbol")
        return [row for row in self.market.listings.values() if row.kind == category and symbol in (None, row.symbol)]

    def _instruments(self, request: web.Request) -> dict[str, Any]:
        rows = [
            {
                "symbol": row.symbol,
                "contractType": "LinearPerpetual" if row.kind == "linear" else "InversePerpetual",
                "status": "Trading",
                "baseCoin": row.base,
                "quoteCoin": row.quote,
                "settleCoin": row.quote if row.kind == "linear" else row.base,
                "launchTime": "1569398400000",
                "deliveryTime": "0",
                "priceScale": "2",
                "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
                "priceFilter": {"minPrice": str(row.tick_size), "maxPrice": "9999999", "tickSize": str(row.tick_size)},
                "lotSizeFilter": {
                    "maxOrderQty": "1000000",
                    "minOrderQty": str(row.lot_size),
                    "qtyStep": str(row.lot_size),
                    "minNotionalValue": "5",
                },
                "fundingInterval": 480,
            }
            for row in (self._of_category(request) if request.query.get("status") != "PreLaunch" else [])
        ]
        return {"category": request.query.get("category", ""), "list": rows, "nextPageCursor": ""}

    def _book(self, request: web.Request) -> dict[str, Any]:
        symbol, limit = request.query["symbol"], int(request.query.get("limit", "25"))
        book = self.market.books[symbol]
        sides = {"b": book.top("bids", limit), "a": book.top("asks", limit)}
        return {"s": symbol, **sides, "ts": book.event_ms, "u": book.last_id, "seq": book.last_id, "cts": book.event_ms}

    def _trades(self, request: web.Request) -> dict[str, Any]:
        kept = list(self.market.trades[request.query["symbol"]])[-int(request.query.get("limit", "500")) :]
        rows = [
            {
                "execId": str(event.trade_id),
                "symbol": event.symbol,
                "price": event.price,
                "size": event.amount,
                "side": "Sell" if event.buyer_is_maker else "Buy",
                "time": str(event.event_ms),
            }
            for event in reversed(kept)
        ]
        return {"category": request.query.get("category", ""), "list": rows}

    def _tickers(self, request: web.Request) -> dict[str, Any]:
        now_ms, seed = self.market.now_ns // 1_000_000, self.market.seed
        due = now_ms - now_ms % FUNDING_PERIOD_MS + FUNDING_PERIOD_MS
        rows = []
        for row in self._of_category(request):
            book = self.market.books[row.symbol]
            (bid, bid_size), (ask, ask_size) = book.top("bids", 1)[0], book.top("asks", 1)[0]
            mid = str(book.mid())
            rows.append(
                {
                    "symbol": row.symbol,
                    "lastPrice": mid,
                    "markPrice": mid,
                    "indexPrice": mid,
                    "bid1Price": bid,
                    "bid1Size": bid_size,
                    "ask1Price": ask,
                    "ask1Size": ask_size,
                    "fundingRate": funding_rate(seed, row.symbol, due),
                    "nextFundingTime": str(due),
                    "openInterest": open_interest(seed, row.symbol, now_ms),
                }
            )
        return {"category": request.query.get("category", ""), "list": rows}

    def on_message(self, connection: Connection, message: Any) -> None:
        """Subscribe, unsubscribe and ping."""
        operation = message.get("op") if isinstance(message, dict) else None
        answer = {"success": True, "ret_msg": "", "conn_id": str(connection.number), "op": operation}
        if isinstance(message, dict) and "req_id" in message:
            answer["req_id"] = message["req_id"]
        if operation == "ping":
            connection.answer(answer | {"ret_msg": "pong"})
            return
        if operation not in ("subscribe", "unsubscribe"):
            connection.answer(answer | {"success": False, "ret_msg": f"unknown operation {operation}"})
            return
        connection.answer(answer)
        for name in message["args"]:
            parts = name.split(".")
            channel = {"orderbook": "book", "publicTrade": "trades"}.get(parts[0], parts[0])
            act = self.subscribe if operation == "subscribe" else self.unsubscribe
            act(connection, parts[-1], channel, name)

    def levels_of(self, name: str) -> int | None:
        """Levels a side: the number in ``orderbook.50.BTCUSDT``."""
        return int(name.split(".")[1])

    def book_message(
        self, symbol: str, name: str, bids: Levels, asks: Levels, *, previous_id: int | None, number: int
    ) -> Any:
        """A snapshot or delta; ``u`` counts the messages of the subscription."""
        book = self.market.books[symbol]
        return {
            "topic": name,
            "type": "snapshot" if previous_id is None else "delta",
            "ts": book.event_ms,
            "data": {"s": symbol, "b": bids, "a": asks, "u": 1000 + number, "seq": book.last_id},
            "cts": book.event_ms,
        }

    def trade_message(self, event: TradeEvent, name: str) -> Any:
        """A publicTrade message of one trade."""
        row = {
            "T": event.event_ms,
            "s": event.symbol,
            "S": "Sell" if event.buyer_is_maker else "Buy",
            "v": event.amount,
            "p": event.price,
            "i": str(event.trade_id),
            "BT": False,
        }
        return {"topic": name, "type": "snapshot", "ts": event.event_ms, "data": [row]}
