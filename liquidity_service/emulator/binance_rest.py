"""Binance's market-data answers (REST), made from the market; spot, USD-M and COIN-M.

Funding rates, open interest and leverage brackets are made up (``generated.py``).
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from aiohttp import web

from liquidity_service.emulator import binance_words as words
from liquidity_service.emulator.generated import funding_rate, open_interest
from liquidity_service.emulator.market import Book, Market, TradeEvent
from liquidity_service.emulator.refusal import Refusal

__all__ = ["BinanceAnswers"]

FUNDING_PERIOD_MS = 8 * 3_600_000


class BinanceAnswers:
    """Answers to REST requests; :meth:`by_path` names them."""

    def __init__(self, venue_id: str, market: Market, now_ms: Callable[[], int]) -> None:
        self.venue_id = venue_id
        self.market = market
        self.now_ms = now_ms

    def by_path(self) -> dict[str, Callable[[web.Request], Any]]:
        """Answers by path below the venue's prefix."""
        answers: dict[str, Callable[[web.Request], Any]] = {
            "ping": lambda _: {},
            "time": lambda _: {"serverTime": self.now_ms()},
            "exchangeInfo": lambda _: self.exchange_info(),
            "depth": self.depth,
            "klines": self.klines,
            "trades": self.trades,
            "aggTrades": self.agg_trades,
            "ticker/24hr": self.ticker,
            "ticker/bookTicker": self.book_ticker,
            "ticker/price": self.price,
        }
        if self.venue_id != "binance":
            answers |= {
                "premiumIndex": self.premium_index,
                "fundingRate": self.funding_history,
                "fundingInfo": lambda _: [],
                "openInterest": self.open_interest,
                "leverageBracket": self.leverage_bracket,
            }
        return answers

    def book(self, symbol: str) -> Book:
        """Book of a symbol; refuses an unknown one."""
        if symbol not in self.market.books:
            raise Refusal(-1121, "Invalid symbol.")
        return self.market.books[symbol]

    def exchange_info(self) -> Any:
        """The recorded list of instruments, or one made for those of the market."""
        if self.market.listing_body is not None:
            return self.market.listing_body
        return words.exchange_info(self.venue_id, self.market.listings.values(), self.now_ms())

    def depth(self, request: web.Request) -> dict[str, Any]:
        """The book as it stands now."""
        symbol, limit = request.query.get("symbol", ""), int(request.query.get("limit", "500"))
        book = self.book(symbol)
        body: dict[str, Any] = {"lastUpdateId": book.last_id}
        if self.venue_id != "binance":
            body |= {"E": book.event_ms, "T": book.transaction_ms}
        return body | {"bids": book.top("bids", limit), "asks": book.top("asks", limit)}

    def klines(self, request: web.Request) -> list[Any]:
        """Candles built of the trades seen so far, or recorded ones."""
        symbol, interval = request.query.get("symbol", ""), request.query.get("interval", "1m")
        self.book(symbol)
        if interval not in words.INTERVALS_MS:
            raise Refusal(-1120, "Invalid interval.")
        span = words.INTERVALS_MS[interval]
        first, last = int(request.query.get("startTime", "0")), int(request.query.get("endTime", str(2**62)))
        rows = [row for row in self.market.candle_rows(symbol, span) if first <= row.open_ms <= last]
        limit = int(request.query.get("limit", "500"))
        rows = rows[:limit] if first else rows[-limit:]
        return [words.candle_row(row, span) for row in rows]

    def _recent(self, request: web.Request) -> list[TradeEvent]:
        symbol = request.query.get("symbol", "")
        self.book(symbol)
        first = int(request.query.get("startTime", "0"))
        kept = [event for event in self.market.trades[symbol] if event.event_ms >= first]
        return kept[-int(request.query.get("limit", "500")) :]

    def trades(self, request: web.Request) -> list[Any]:
        """Recent trades."""
        return [
            {
                "id": event.trade_id,
                "price": event.price,
                "qty": event.amount,
                "quoteQty": str(Decimal(event.price) * Decimal(event.amount)),
                "time": event.event_ms,
                "isBuyerMaker": event.buyer_is_maker,
            }
            for event in self._recent(request)
        ]

    def agg_trades(self, request: web.Request) -> list[Any]:
        """Recent trades as aggregates."""
        rows = []
        for event in self._recent(request):
            body = words.agg_trade(event)
            rows.append({name: body[name] for name in ("a", "p", "q", "f", "l", "T", "m")})
        return rows

    def _each(self, request: web.Request, make: Callable[[str], Any]) -> Any:
        symbol = request.query.get("symbol")
        if symbol is None:
            return [make(name) for name in self.market.listings if self.market.books[name].mid() is not None]
        if self.book(symbol).mid() is None:
            raise Refusal(-1000, f"no book of {symbol} yet")
        made = make(symbol)
        return [made] if self.venue_id == "binancecoinm" else made

    def ticker(self, request: web.Request) -> Any:
        """Day statistics over what the market has shown."""
        return self._each(request, self.day)

    def day(self, symbol: str) -> dict[str, Any]:
        """Statistics of the running day of one symbol."""
        book, rows = self.market.books[symbol], self.market.candle_rows(symbol, words.INTERVALS_MS["1d"])
        mid = str(book.mid())
        day = rows[-1] if rows else None
        opened, last = (day.open, day.close) if day else (mid, mid)
        best = words.best_quote(self.venue_id, symbol, book)
        return {
            "symbol": symbol,
            "priceChange": str(Decimal(last) - Decimal(opened)),
            "priceChangePercent": f"{(Decimal(last) / Decimal(opened) - 1) * 100:.3f}",
            "weightedAvgPrice": last,
            "lastPrice": last,
            "lastQty": self.market.trades[symbol][-1].amount if self.market.trades[symbol] else "0",
            "bidPrice": best["b"],
            "askPrice": best["a"],
            "openPrice": opened,
            "highPrice": day.high if day else mid,
            "lowPrice": day.low if day else mid,
            "volume": day.volume if day else "0",
            "quoteVolume": day.quote_volume if day else "0",
            "openTime": day.open_ms if day else book.event_ms,
            "closeTime": book.event_ms,
            "count": day.trades_n if day else 0,
        }

    def book_ticker(self, request: web.Request) -> Any:
        """Best quotes."""

        def make(symbol: str) -> dict[str, Any]:
            best = words.best_quote(self.venue_id, symbol, self.market.books[symbol])
            names = {"bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A"}
            return {"symbol": symbol, "time": best.get("E", 0)} | {long: best[short] for long, short in names.items()}

        return self._each(request, make)

    def price(self, request: web.Request) -> Any:
        """Last prices (mid where nothing traded)."""

        def make(symbol: str) -> dict[str, Any]:
            traded = self.market.trades[symbol]
            last = traded[-1].price if traded else str(self.market.books[symbol].mid())
            return {"symbol": symbol, "price": last, "time": self.market.books[symbol].event_ms}

        return self._each(request, make)

    def premium_index(self, request: web.Request) -> Any:
        """Mark price (the mid) and the made-up funding rate of the running period."""
        return self._each(request, self.premium)

    def premium(self, symbol: str) -> dict[str, Any]:
        """Mark price and funding of one symbol."""
        now_ms = self.market.now_ns // 1_000_000
        period = now_ms - now_ms % FUNDING_PERIOD_MS + FUNDING_PERIOD_MS
        mid = str(self.market.books[symbol].mid())
        return {
            "symbol": symbol,
            "pair": symbol.partition("_")[0],
            "markPrice": mid,
            "indexPrice": mid,
            "estimatedSettlePrice": mid,
            "lastFundingRate": funding_rate(self.market.seed, symbol, period),
            "interestRate": "0.00010000",
            "nextFundingTime": period,
            "time": now_ms,
        }

    def funding_history(self, request: web.Request) -> list[Any]:
        """Made-up funding rates every 8 hours up to now."""
        symbol, limit = request.query.get("symbol", ""), int(request.query.get("limit", "100"))
        mid = str(self.book(symbol).mid())
        last = min(self.market.now_ns // 1_000_000, int(request.query.get("endTime", str(2**62))))
        last -= last % FUNDING_PERIOD_MS
        first = int(request.query.get("startTime", str(last - (limit - 1) * FUNDING_PERIOD_MS)))
        first += -first % FUNDING_PERIOD_MS
        times = range(first, last + 1, FUNDING_PERIOD_MS)[:limit]
        rate = {at: funding_rate(self.market.seed, symbol, at) for at in times}
        return [{"symbol": symbol, "fundingTime": at, "fundingRate": rate[at], "markPrice": mid} for at in times]

    def open_interest(self, request: web.Request) -> dict[str, Any]:
        """Made-up open interest now."""
        symbol = request.query.get("symbol", "")
        self.book(symbol)
        now_ms = self.market.now_ns // 1_000_000
        found = {"symbol": symbol, "openInterest": open_interest(self.market.seed, symbol, now_ms), "time": now_ms}
        if self.venue_id == "binancecoinm":
            found |= {"pair": symbol.partition("_")[0], "contractType": "PERPETUAL"}
        return found

    def open_interest_history(self, request: web.Request) -> list[Any]:
        """Made-up open interest at the ends of past periods (``/futures/data/openInterestHist``)."""
        coinm = self.venue_id == "binancecoinm"
        wanted = request.query.get("pair" if coinm else "symbol", "")
        symbol = f"{wanted}_PERP" if coinm else wanted
        mid = self.book(symbol).mid() or Decimal(0)
        period = request.query.get("period", "5m")
        if period not in words.INTERVALS_MS:
            raise Refusal(-1130, "parameter 'period' is invalid.")
        span, limit = words.INTERVALS_MS[period], int(request.query.get("limit", "30"))
        last = min(self.market.now_ns // 1_000_000, int(request.query.get("endTime", str(2**62))))
        last -= last % span
        first = int(request.query.get("startTime", str(last - (limit - 1) * span)))
        rows = []
        for at in range(first + -first % span, last + 1, span)[:limit]:
            amount = open_interest(self.market.seed, symbol, at)
            name = {"pair": wanted, "contractType": "PERPETUAL"} if coinm else {"symbol": symbol}
            value = f"{Decimal(amount) * mid:.8f}"
            rows.append(name | {"sumOpenInterest": amount, "sumOpenInterestValue": value, "timestamp": at})
        return rows

    def leverage_bracket(self, request: web.Request) -> Any:
        """Made-up leverage tiers, the same for every symbol."""
        tiers = (
            (1, 50, 0, 50_000, "0.01", 0),
            (2, 20, 50_000, 250_000, "0.025", 750),
            (3, 5, 250_000, 10**7, "0.1", 19500),
        )
        upper, lower = ("qtyCap", "qtyFloor") if self.venue_id == "binancecoinm" else ("notionalCap", "notionalFloor")
        brackets = [
            {
                "bracket": number,
                "initialLeverage": leverage,
                upper: cap,
                lower: floor,
                "maintMarginRatio": float(ratio),
                "cum": float(sum_),
            }
            for number, leverage, floor, cap, ratio, sum_ in tiers
        ]
        symbol = request.query.get("symbol")
        symbols = [symbol] if symbol else list(self.market.listings)
        return [{"symbol": name, "brackets": brackets} for name in symbols]
