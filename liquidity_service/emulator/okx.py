"""OKX v5: ``/okx/api/v5/...`` and the socket ``/okx/ws/v5/public`` (books with seqId and checksum, trades).

Recorded books are rebuilt and told again with sequence numbers of our own, because captures before 2023 have none.
"""

import zlib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import zip_longest
from typing import Any, ClassVar

from aiohttp import web

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator import binance_words
from liquidity_service.emulator.connections import Connection
from liquidity_service.emulator.generated import funding_rate, open_interest
from liquidity_service.emulator.market import DepthEvent, Event, ListedMarket, TradeEvent
from liquidity_service.emulator.topic_venue import Levels, TopicVenue

__all__ = ["Okx"]

BOOK_LEVELS = 400
CHECKED_LEVELS = 25
FUNDING_PERIOD_MS = 8 * 3_600_000
_KINDS = {"spot": "SPOT", "linear": "SWAP", "inverse": "SWAP"}


class Okx(TopicVenue):
    """Spot and perpetual swaps; dated futures of a capture are listed as swaps are not, and left out of the list."""

    ids: ClassVar[tuple[str, ...]] = ("okx",)

    @classmethod
    def read(cls, at_ns: int, message: Any, url: str | None, only_symbol: str) -> Iterator[Event]:
        """Events of a recorded ``books`` or ``trades`` message."""
        if not isinstance(message, dict) or "data" not in message or "arg" not in message:
            return
        symbol, channel = message["arg"].get("instId", ""), message["arg"]["channel"]
        for row in message["data"]:
            if channel == "books":
                whole = message["action"] == "snapshot"
                yield DepthEvent(at_ns, symbol, int(row["ts"]), row["bids"], row["asks"], snapshot=whole)
            elif channel == "trades":
                sold = row["side"] == "sell"
                number = int(row["tradeId"])
                yield TradeEvent(at_ns, symbol, int(row["ts"]), number, row["px"], row["sz"], sold, body=row)

    @classmethod
    def listing(cls, venue_id: str, symbol: str) -> ListedMarket:
        """An instrument by its symbol; a swap's lot is one contract of a hundredth of a coin or of 100 USD."""
        parts = symbol.split("-")
        if len(parts) < 2:
            raise ConfigError(f"{symbol!r} is no OKX symbol; write it as BTC-USDT-SWAP or BTC-USDT")
        base, quote = parts[0], parts[1]
        usual = binance_words.list_market("binance", f"{base}USDT")
        if len(parts) == 2:
            return ListedMarket(symbol, base, quote, "spot", usual.tick_size, usual.lot_size)
        kind, size = ("inverse", Decimal(100)) if quote == "USD" else ("linear", Decimal("0.01"))
        return ListedMarket(symbol, base, quote, kind, usual.tick_size, Decimal(1), size)  # type: ignore[arg-type]

    def routes(self) -> list[web.RouteDef]:
        """Routes of this venue."""
        answers = {
            "public/time": lambda _: [{"ts": str(self.shared.now_ms())}],
            "public/instruments": self._instruments,
            "market/books": self._book,
            "market/trades": self._trades,
            "public/funding-rate": self._funding,
            "public/open-interest": self._interest,
        }

        def handler(answer: Any) -> Any:
            async def handle(request: web.Request) -> web.Response:
                symbol = request.query.get("instId")
                if symbol is not None and symbol not in self.market.books:
                    text = f"Instrument ID {symbol} doesn't exist."
                    return web.json_response({"code": "51001", "msg": text, "data": []})
                return web.json_response({"code": "0", "msg": "", "data": answer(request)})

            return handle

        made = [web.get(f"/okx/api/v5/{path}", handler(answer)) for path, answer in answers.items()]
        return [*made, web.get("/okx/ws/v5/public", self.socket)]

    def _instruments(self, request: web.Request) -> list[Any]:
        kind = request.query.get("instType")
        listed = [row for row in self.market.listings.values() if _KINDS[row.kind] == kind]
        return [_instrument(row) for row in listed if row.kind == "spot" or row.symbol.endswith("SWAP")]

    def _book(self, request: web.Request) -> list[Any]:
        book, limit = self.market.books[request.query["instId"]], int(request.query.get("sz", "1"))
        sides = {side: [[*row, "0", "1"] for row in book.top(side, limit)] for side in ("bids", "asks")}
        return [sides | {"ts": str(book.event_ms), "seqId": book.last_id}]

    def _trades(self, request: web.Request) -> list[Any]:
        kept = list(self.market.trades[request.query["instId"]])[-int(request.query.get("limit", "100")) :]
        return [_trade(event) for event in reversed(kept)]

    def _funding(self, request: web.Request) -> list[Any]:
        symbol, now_ms = request.query["instId"], self.market.now_ns // 1_000_000
        due = now_ms - now_ms % FUNDING_PERIOD_MS + FUNDING_PERIOD_MS
        rate = funding_rate(self.market.seed, symbol, due)
        times = {"fundingTime": str(due), "nextFundingTime": str(due + FUNDING_PERIOD_MS), "ts": str(now_ms)}
        return [{"instType": "SWAP", "instId": symbol, "fundingRate": rate, "nextFundingRate": ""} | times]

    def _interest(self, request: web.Request) -> list[Any]:
        symbol, now_ms = request.query["instId"], self.market.now_ns // 1_000_000
        contracts = Decimal(open_interest(self.market.seed, symbol, now_ms))
        coins = contracts * self.market.listings[symbol].contract_size
        amounts = {"oi": str(contracts), "oiCcy": str(coins)}
        return [{"instType": "SWAP", "instId": symbol, "ts": str(now_ms)} | amounts]

    def on_message(self, connection: Connection, message: Any) -> None:
        """Subscribe, unsubscribe and the text ping."""
        if message == "ping":
            connection.answer("pong")
            return
        operation = message.get("op") if isinstance(message, dict) else None
        if operation not in ("subscribe", "unsubscribe"):
            connection.answer({"event": "error", "code": "60012", "msg": f"Invalid request: {message}"})
            return
        for asked in message["args"]:
            symbol, channel = asked.get("instId", ""), asked["channel"]
            if symbol not in self.market.books:
                text = f"channel:{channel},instId:{symbol} doesn't exist"
                connection.answer({"event": "error", "code": "60018", "msg": text})
                continue
            connection.answer({"event": operation, "arg": asked, "connId": str(connection.number)})
            act = self.subscribe if operation == "subscribe" else self.unsubscribe
            act(connection, symbol, "book" if channel == "books" else channel, f"{channel}:{symbol}")

    def levels_of(self, name: str) -> int | None:
        """400 levels a side."""
        return BOOK_LEVELS

    def book_message(
        self, symbol: str, name: str, bids: Levels, asks: Levels, *, previous_id: int | None, number: int
    ) -> Any:
        """A snapshot or update, chained by seqId, with the checksum of the best 25 levels."""
        book = self.market.books[symbol]
        row = {
            "bids": [[*level, "0", "1"] for level in bids],
            "asks": [[*level, "0", "1"] for level in asks],
            "ts": str(book.event_ms),
            "checksum": _checksum(book.top("bids", CHECKED_LEVELS), book.top("asks", CHECKED_LEVELS)),
            "seqId": book.last_id,
            "prevSeqId": -1 if previous_id is None else previous_id,
        }
        action = "snapshot" if previous_id is None else "update"
        return {"arg": {"channel": "books", "instId": symbol}, "action": action, "data": [row]}

    def trade_message(self, event: TradeEvent, name: str) -> Any:
        """A trades message of one trade."""
        return {"arg": {"channel": "trades", "instId": event.symbol}, "data": [_trade(event)]}


def _instrument(row: ListedMarket) -> dict[str, Any]:
    spot = row.kind == "spot"
    return {
        "instType": _KINDS[row.kind],
        "instId": row.symbol,
        "uly": "" if spot else f"{row.base}-{row.quote}",
        "instFamily": "" if spot else f"{row.base}-{row.quote}",
        "baseCcy": row.base if spot else "",
        "quoteCcy": row.quote if spot else "",
        "settleCcy": "" if spot else row.base if row.kind == "inverse" else row.quote,
        "ctVal": "" if spot else str(row.contract_size),
        "ctMult": "" if spot else "1",
        "ctValCcy": "" if spot else "USD" if row.kind == "inverse" else row.base,
        "ctType": "" if spot else row.kind,
        "tickSz": str(row.tick_size),
        "lotSz": str(row.lot_size),
        "minSz": str(row.lot_size),
        "lever": "" if spot else "100",
        "listTime": "1569398400000",
        "expTime": "",
        "state": "live",
    }


def _trade(event: TradeEvent) -> Any:
    if event.body is not None:
        return event.body
    side = "sell" if event.buyer_is_maker else "buy"
    row = {"instId": event.symbol, "tradeId": str(event.trade_id), "px": event.price, "sz": event.amount}
    return row | {"side": side, "ts": str(event.event_ms)}


def _checksum(bids: Iterable[list[str]], asks: Iterable[list[str]]) -> int:
    """CRC32 as a signed number over the best levels, bid and ask in turn."""
    parts = [":".join(level) for pair in zip_longest(bids, asks) for level in pair if level is not None]
    number = zlib.crc32(":".join(parts).encode())
    return number - 2**32 if number >= 2**31 else number
