"""Binance's JSON for lists, depth, trades and candles, and back from its recordings; spot, USD-M and COIN-M.

Shapes follow the venue's public API documentation; recorded bodies are passed through unchanged.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator.generated import start_price
from liquidity_service.emulator.market import (
    Book,
    Candle,
    DepthEvent,
    Event,
    ListedMarket,
    OtherEvent,
    TradeEvent,
)

__all__ = [
    "INTERVALS_MS",
    "agg_trade",
    "best_quote",
    "candle_message",
    "candle_row",
    "depth_update",
    "exchange_info",
    "list_market",
    "partial_depth",
    "read_message",
    "trade",
]

_QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY")
_MINUTE = 60_000
INTERVALS_MS = {
    "1m": _MINUTE,
    "3m": 3 * _MINUTE,
    "5m": 5 * _MINUTE,
    "15m": 15 * _MINUTE,
    "30m": 30 * _MINUTE,
    "1h": 60 * _MINUTE,
    "2h": 120 * _MINUTE,
    "4h": 240 * _MINUTE,
    "6h": 360 * _MINUTE,
    "8h": 480 * _MINUTE,
    "12h": 720 * _MINUTE,
    "1d": 1440 * _MINUTE,
}


def list_market(venue_id: str, symbol: str) -> ListedMarket:
    """An instrument by its Binance symbol, with steps in proportion to its usual price.

    Raises
    ------
    ConfigError
        When the symbol does not end in a known quote currency.
    """
    if venue_id == "binancecoinm":
        pair = symbol.partition("_")[0]
        if not pair.endswith("USD"):
            raise ConfigError(f"{symbol!r} is no COIN-M symbol; write it as BTCUSD_PERP")
        base = pair.removesuffix("USD")
        size = Decimal(100 if base == "BTC" else 10)
        return ListedMarket(symbol, base, "USD", "inverse", _tick(base), Decimal(1), size, Decimal(0))
    quote = next((quote for quote in _QUOTES if symbol.endswith(quote) and symbol != quote), None)
    if quote is None:
        raise ConfigError(f"{symbol!r} ends in no known quote currency ({', '.join(_QUOTES)})")
    base = symbol.removesuffix(quote)
    lot = Decimal("0.001") if start_price(base) >= 1000 else Decimal("0.01") if start_price(base) >= 100 else Decimal(1)
    if venue_id == "binance":
        return ListedMarket(symbol, base, quote, "spot", _tick(base), lot / 10)
    return ListedMarket(symbol, base, quote, "linear", _tick(base), lot)


def _tick(base: str) -> Decimal:
    return (
        Decimal("0.1")
        if start_price(base) >= 1000
        else Decimal("0.01")
        if start_price(base) >= 10
        else Decimal("0.0001")
    )


def exchange_info(venue_id: str, listings: Iterable[ListedMarket], now_ms: int) -> dict[str, Any]:
    """The venue's list of instruments with their filters."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_listed(venue_id, listing) for listing in listings],
    }


def _listed(venue_id: str, listing: ListedMarket) -> dict[str, Any]:
    tick, lot = listing.tick_size, listing.lot_size
    filters: list[dict[str, Any]] = [
        {"filterType": "PRICE_FILTER", "minPrice": str(tick), "maxPrice": "10000000", "tickSize": str(tick)},
        {"filterType": "LOT_SIZE", "minQty": str(lot), "maxQty": "10000000", "stepSize": str(lot)},
        {"filterType": "MARKET_LOT_SIZE", "minQty": str(lot), "maxQty": "1000000", "stepSize": str(lot)},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
    ]
    common = {
        "symbol": listing.symbol,
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "filters": filters,
    }
    if venue_id == "binance":
        filters.append({"filterType": "NOTIONAL", "minNotional": str(listing.min_notional), "applyMinToMarket": True})
        return common | {
            "status": "TRADING",
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "permissions": ["SPOT"],
            "permissionSets": [["SPOT"]],
        }
    futures = common | {
        "pair": listing.symbol.partition("_")[0],
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "pricePrecision": _places(tick),
        "quantityPrecision": _places(lot),
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012000",
        "marketTakeBound": "0.30",
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }
    if venue_id == "binancecoinm":
        return futures | {
            "marginAsset": listing.base,
            "contractStatus": "TRADING",
            "contractSize": int(listing.contract_size),
        }
    filters.append({"filterType": "MIN_NOTIONAL", "notional": str(listing.min_notional)})
    return futures | {"marginAsset": listing.quote, "status": "TRADING"}


def _places(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def depth_update(venue_id: str, event: DepthEvent) -> Any:
    """A diff-depth message."""
    if event.body is not None:
        return event.body
    body: dict[str, Any] = {"e": "depthUpdate", "E": event.event_ms, "s": event.symbol}
    if venue_id != "binance":
        body |= {"T": event.event_ms, "pu": event.previous_id}
    if venue_id == "binancecoinm":
        body["ps"] = event.symbol.partition("_")[0]
    return body | {"U": event.first_id, "u": event.last_id, "b": event.bids, "a": event.asks}


def partial_depth(venue_id: str, symbol: str, book: Book, levels: int) -> dict[str, Any]:
    """A message of the best ``levels`` levels."""
    bids, asks = book.top("bids", levels), book.top("asks", levels)
    if venue_id == "binance":
        return {"lastUpdateId": book.last_id, "bids": bids, "asks": asks}
    body = {"e": "depthUpdate", "E": book.event_ms, "T": book.event_ms, "s": symbol}
    return body | {"U": book.last_id, "u": book.last_id, "pu": book.last_id - 1, "b": bids, "a": asks}


def best_quote(venue_id: str, symbol: str, book: Book) -> dict[str, Any]:
    """A bookTicker message."""
    (bid, bid_size), (ask, ask_size) = (book.top(side, 1)[0] for side in ("bids", "asks"))
    body = {"u": book.last_id, "s": symbol, "b": bid, "B": bid_size, "a": ask, "A": ask_size}
    if venue_id == "binance":
        return body
    return {"e": "bookTicker", "T": book.event_ms, "E": book.event_ms} | body


def trade(event: TradeEvent) -> Any:
    """A message of the trade stream; the recorded one where it was recorded as such."""
    if event.body is not None and not event.aggregate:
        return event.body
    return {
        "e": "trade",
        "E": event.event_ms,
        "T": event.event_ms,
        "s": event.symbol,
        "t": event.trade_id,
        "p": event.price,
        "q": event.amount,
        "X": "MARKET",
        "m": event.buyer_is_maker,
    }


def agg_trade(event: TradeEvent) -> Any:
    """A message of the aggTrade stream; the recorded one where it was recorded as such."""
    if event.body is not None and event.aggregate:
        return event.body
    return {
        "e": "aggTrade",
        "E": event.event_ms,
        "a": event.trade_id,
        "s": event.symbol,
        "p": event.price,
        "q": event.amount,
        "f": event.trade_id,
        "l": event.trade_id,
        "T": event.event_ms,
        "m": event.buyer_is_maker,
    }


def candle_row(candle: Candle, interval_ms: int) -> list[Any]:
    """A row of the klines answer."""
    closed_ms = candle.open_ms + interval_ms - 1
    prices = [candle.open, candle.high, candle.low, candle.close]
    return [candle.open_ms, *prices, candle.volume, closed_ms, candle.quote_volume, candle.trades_n, "0", "0", "0"]


def candle_message(symbol: str, candle: Candle, interval: str, event_ms: int) -> dict[str, Any]:
    """A message of a kline stream."""
    span = INTERVALS_MS[interval]
    return {
        "e": "kline",
        "E": event_ms,
        "s": symbol,
        "k": {
            "t": candle.open_ms,
            "T": candle.open_ms + span - 1,
            "s": symbol,
            "i": interval,
            "o": candle.open,
            "c": candle.close,
            "h": candle.high,
            "l": candle.low,
            "v": candle.volume,
            "n": candle.trades_n,
            "x": event_ms >= candle.open_ms + span,
            "q": candle.quote_volume,
        },
    }


def _candle_of(body: Any) -> Candle:
    """The candle of a kline message."""
    row = body["k"]
    return Candle(row["t"], row["o"], row["h"], row["l"], row["c"], row["v"], row["q"], row["n"])


def read_message(at_ns: int, message: Any, url: str | None, only_symbol: str) -> Iterator[Event]:
    """Events of a recorded line: a combined-stream message, or a REST depth answer."""
    if not isinstance(message, dict):
        return
    if "lastUpdateId" in message and "bids" in message:
        symbol = message.get("symbol") or only_symbol
        if url and "symbol=" in url:
            symbol = url.partition("symbol=")[2].partition("&")[0]
        event_ms = message.get("E") or at_ns // 1_000_000
        yield DepthEvent(
            at_ns,
            symbol,
            event_ms,
            message["bids"],
            message["asks"],
            last_id=message["lastUpdateId"],
            transaction_ms=message.get("T", 0),
            snapshot=True,
            body=message,
        )
        return
    body = message.get("data")
    if not isinstance(body, dict) or "s" not in body:
        return
    symbol, kind, stream = body["s"], body.get("e", ""), message["stream"]
    if kind == "depthUpdate":
        ids = {
            "first_id": body["U"],
            "last_id": body["u"],
            "previous_id": body.get("pu", 0),
            "transaction_ms": body.get("T", 0),
        }
        yield DepthEvent(at_ns, symbol, body["E"], body["b"], body["a"], **ids, body=body)
    elif kind in ("trade", "aggTrade"):
        grouped = kind == "aggTrade"
        number = body["a" if grouped else "t"]
        yield TradeEvent(at_ns, symbol, body["T"], number, body["p"], body["q"], body["m"], grouped, body)
    else:
        yield OtherEvent(at_ns, symbol, stream, body, _candle_of(body) if kind == "kline" else None)
