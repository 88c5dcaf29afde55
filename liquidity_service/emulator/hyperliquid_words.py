"""Hyperliquid's JSON for books, trades, candles and lists, and back from its recordings."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from liquidity_service.emulator.generated import funding_rate, open_interest, start_price
from liquidity_service.emulator.market import Book, Candle, DepthEvent, Event, ListedMarket, Market, TradeEvent

__all__ = [
    "asset_context",
    "candle_body",
    "l2_book",
    "list_market",
    "read_message",
    "trade_body",
    "universe",
]

BOOK_LEVELS = 20
_SIZE_DECIMALS = {"BTC": 5, "ETH": 4, "SOL": 2}


def list_market(symbol: str) -> ListedMarket:
    """A perpetual by its coin; its tick keeps prices within the venue's five significant digits."""
    price = start_price(symbol)
    tick = Decimal(1).scaleb(len(str(int(price))) - 5)
    lot = Decimal(1).scaleb(-_SIZE_DECIMALS.get(symbol, 1))
    return ListedMarket(symbol, symbol, "USDC", "linear", tick, lot, min_notional=Decimal(10))


def universe(listings: Iterable[ListedMarket]) -> list[dict[str, Any]]:
    """Entries of ``meta`` for instruments."""
    return [
        {
            "name": listing.symbol,
            "szDecimals": max(0, -int(listing.lot_size.as_tuple().exponent)),
            "maxLeverage": 50,
            "marginTableId": 50,
        }
        for listing in listings
    ]


def asset_context(market: Market, coin: str) -> dict[str, Any]:
    """Mark, mid and oracle price (all the mid), made-up funding of the hour and made-up open interest."""
    book = market.books.get(coin)
    mid = book.mid() if book is not None else None
    price = None if mid is None else str(mid.normalize() if mid % 1 else mid.quantize(Decimal(1)))
    now_ms = market.now_ns // 1_000_000
    day = market.candle_rows(coin, 86_400_000)[-1:] if book is not None else []
    return {
        "funding": funding_rate(market.seed, coin, now_ms - now_ms % 3_600_000),
        "openInterest": open_interest(market.seed, coin, now_ms),
        "prevDayPx": day[0].open if day else price or "0.0",
        "dayNtlVlm": day[0].quote_volume if day else "0.0",
        "dayBaseVlm": day[0].volume if day else "0.0",
        "premium": "0.0",
        "oraclePx": price or "0.0",
        "markPx": price or "0.0",
        "midPx": price,
        "impactPxs": None if price is None else [price, price],
    }


def l2_book(coin: str, book: Book, levels: int = BOOK_LEVELS) -> dict[str, Any]:
    """The book of the best levels; the number of orders on a level is unknown here and given as 1."""
    sides = [
        [{"px": price, "sz": size, "n": 1} for price, size in book.top("bids", levels)],
        [{"px": price, "sz": size, "n": 1} for price, size in book.top("asks", levels)],
    ]
    return {"coin": coin, "time": book.event_ms, "levels": sides}


def trade_body(event: TradeEvent) -> Any:
    """One entry of a ``trades`` message."""
    if event.body is not None:
        return event.body
    return {
        "coin": event.symbol,
        "side": "A" if event.buyer_is_maker else "B",
        "px": event.price,
        "sz": event.amount,
        "time": event.event_ms,
        "hash": "0x" + "0" * 64,
        "tid": event.trade_id,
        "users": [],
    }


def candle_body(coin: str, candle: Candle, interval: str, span_ms: int) -> dict[str, Any]:
    """One candle as answered and as sent."""
    return {
        "t": candle.open_ms,
        "T": candle.open_ms + span_ms - 1,
        "s": coin,
        "i": interval,
        "o": candle.open,
        "c": candle.close,
        "h": candle.high,
        "l": candle.low,
        "v": candle.volume,
        "n": candle.trades_n,
    }


def read_message(at_ns: int, message: Any) -> Iterator[Event]:
    """Events of a recorded ``l2Book`` or ``trades`` message."""
    if not isinstance(message, dict):
        return
    channel, data = message.get("channel"), message.get("data")
    if channel == "l2Book" and isinstance(data, dict):
        bids, asks = ([[level["px"], level["sz"]] for level in side] for side in data["levels"])
        yield DepthEvent(at_ns, data["coin"], data["time"], bids, asks, snapshot=True, body=data)
    elif channel == "trades" and isinstance(data, list):
        for row in data:
            sold = row["side"] == "A"
            yield TradeEvent(at_ns, row["coin"], row["time"], row["tid"], row["px"], row["sz"], sold, body=row)
