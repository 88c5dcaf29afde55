"""Loopback venues for adapter tests: canned answers in the venues' own words, a journal, planned failures, sockets.

Read by tests of `resources/venues` through runpy. ``CASES`` are the venues of the conformance suite.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


@dataclass
class VenueDouble:
    """Answers by ``METHOD /path`` (Hyperliquid: ``POST /hl/info <type>``); a callable gets the parameters."""

    answers: dict[str, Any]
    failures: dict[str, list[Callable[[], web.Response]]] = field(default_factory=lambda: defaultdict(list))
    journal: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    on_socket_message: Callable[["VenueDouble", web.WebSocketResponse, str, Any], Any] | None = None
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    url: str = ""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        params: dict[str, Any] = dict(request.query)
        text = await request.text()
        if text:
            params |= json.loads(text) if text.startswith("{") else dict(await request.post())
        route = f"{request.method} {request.path}"
        if request.path.startswith("/hl/"):
            action = params.get("action", params)
            route += f" {action.get('type')}"
        self.journal.append((route, params | {"headers": dict(request.headers)}))
        if self.failures[route]:
            return self.failures[route].pop(0)()
        if route not in self.answers:
            return web.json_response({"code": -1000, "msg": f"not in the double: {route}"}, status=404)
        answer = self.answers[route]
        body = answer(params) if callable(answer) else answer
        if asyncio.iscoroutine(body):
            body = await body
        return body if isinstance(body, web.Response) else web.json_response(body)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for frame in socket:
            if frame.type == WSMsgType.TEXT and frame.data == "ping":
                await socket.send_str("pong")
            elif frame.type == WSMsgType.TEXT and self.on_socket_message is not None:
                await self.on_socket_message(self, socket, request.path, json.loads(frame.data))
        return socket

    @property
    def routes(self) -> list[str]:
        return [route for route, _ in self.journal]

    @asynccontextmanager
    async def running(self, **site: Any) -> AsyncIterator["VenueDouble"]:
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, **site).start()
        port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            for socket in self.sockets:
                if not socket.closed:
                    await socket.close()
            await runner.cleanup()


@dataclass(frozen=True)
class Case:
    venue: str
    symbol: str
    kind: str
    tick: str
    lot: str
    contract_size: float
    answers: dict[str, Any]
    open_interest: tuple[float, float] | None = None
    funding_hours: float | None = None


def _binance_info(symbol: str, **extra: Any) -> dict[str, Any]:
    return {
        "timezone": "UTC",
        "serverTime": NOW_MS,
        "rateLimits": [],
        "symbols": [
            {
                "symbol": symbol,
                "pair": "BTCUSDT",
                "contractType": "PERPETUAL",
                "deliveryDate": 4133404800000,
                "onboardDate": 1569398400000,
                "status": "TRADING",
                "contractStatus": "TRADING",
                "baseAsset": "BTC",
                "quoteAsset": "USDT",
                "marginAsset": "USDT",
                "pricePrecision": 2,
                "quantityPrecision": 3,
                "baseAssetPrecision": 8,
                "quotePrecision": 8,
                "orderTypes": ["LIMIT", "MARKET"],
                "timeInForce": ["GTC"],
                "filters": [
                    {"filterType": "PRICE_FILTER", "minPrice": "0.10", "maxPrice": "1000000", "tickSize": "0.10"},
                    {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
                    {"filterType": "MIN_NOTIONAL", "notional": "5", "minNotional": "5"},
                ],
                **extra,
            }
        ],
    }


_LEVELS = {
    "bids": [["60000.10", "1.500"], ["60000.00", "2.000"], ["59999.90", "0.001"]],
    "asks": [["60000.20", "0.700"], ["60000.30", "3.000"]],
}
_KLINES = [
    [NOW_MS + i * 60_000, "60000.1", "60010.0", "59990.0", f"6000{i}.0", "12.5", NOW_MS, "750000.0", 99, "6", "0", "0"]
    for i in range(3)
]
_AGG = [{"a": 11 + i, "p": "60000.1", "q": "0.5", "f": 1, "l": 2, "T": NOW_MS + i, "m": bool(i % 2)} for i in range(3)]


def _funding_rows(rate_key: str, time_key: str, hours: int, **extra: Any) -> list[dict[str, Any]]:
    return [{rate_key: f"0.000{i}", time_key: NOW_MS + i * hours * HOUR_MS, **extra} for i in range(4)]


BINANCE_USDM = Case(
    "binanceusdm", "BTCUSDT", "linear", "0.1", "0.001", 1.0,
    {
        "GET /bn/fapi/v1/exchangeInfo": _binance_info("BTCUSDT"),
        "GET /bn/fapi/v1/time": {"serverTime": NOW_MS},
        "GET /bn/fapi/v1/depth": {"lastUpdateId": 77, "E": NOW_MS, "T": NOW_MS, **_LEVELS},
        "GET /bn/fapi/v1/klines": _KLINES,
        "GET /bn/fapi/v1/aggTrades": _AGG,
        "GET /bn/fapi/v1/premiumIndex": {
            "symbol": "BTCUSDT", "markPrice": "60000.0", "indexPrice": "59990.0", "estimatedSettlePrice": "59995.0",
            "lastFundingRate": "0.00010000", "interestRate": "0.0001", "nextFundingTime": NOW_MS + HOUR_MS,
            "time": NOW_MS,
        },
        "GET /bn/fapi/v1/fundingInfo": [
            {"symbol": "BTCUSDT", "adjustedFundingRateCap": "0.03", "adjustedFundingRateFloor": "-0.03",
             "fundingIntervalHours": 4, "disclaimer": False}
        ],
        "GET /bn/fapi/v1/fundingRate": _funding_rows("fundingRate", "fundingTime", 4, symbol="BTCUSDT"),
        "GET /bn/fapi/v1/openInterest": {"symbol": "BTCUSDT", "openInterest": "1000.000", "time": NOW_MS},
        "GET /bn/futures/data/openInterestHist": [
            {"symbol": "BTCUSDT", "sumOpenInterest": f"{1000 + i}", "sumOpenInterestValue": f"{6e7 + 3e6 * i}",
             "timestamp": NOW_MS + i * HOUR_MS} for i in range(3)
        ],
        "GET /bn/fapi/v1/leverageBracket": [
            {"symbol": "BTCUSDT", "brackets": [
                {"bracket": 1, "initialLeverage": 125, "notionalCap": 50000, "notionalFloor": 0,
                 "maintMarginRatio": 0.004, "cum": 0.0},
                {"bracket": 2, "initialLeverage": 100, "notionalCap": 600000, "notionalFloor": 50000,
                 "maintMarginRatio": 0.005, "cum": 50.0},
            ]}
        ],
    },
    open_interest=(1000.0, 6e7), funding_hours=4.0,
)  # fmt: skip

BINANCE_SPOT = Case(
    "binance", "BTCUSDT", "spot", "0.1", "0.001", 1.0,
    {
        "GET /bn/api/v3/exchangeInfo": {"timezone": "UTC", "serverTime": NOW_MS, "rateLimits": [], "symbols": [{
            "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
            "baseAssetPrecision": 8, "quotePrecision": 8, "isSpotTradingAllowed": True, "permissions": [],
            "permissionSets": [["SPOT"]], "orderTypes": ["LIMIT"],
            "filters": _binance_info("BTCUSDT")["symbols"][0]["filters"],
        }]},
        "GET /bn/api/v3/time": {"serverTime": NOW_MS},
        "GET /bn/api/v3/depth": {"lastUpdateId": 78, **_LEVELS},
        "GET /bn/api/v3/klines": _KLINES,
        "GET /bn/api/v3/aggTrades": [row | {"M": True} for row in _AGG],
        "GET /bn/api/v3/trades": [
            {"id": 1 + i, "price": "60000.1", "qty": "0.5", "quoteQty": "1", "time": NOW_MS + i, "isBuyerMaker": True,
             "isBestMatch": True} for i in range(3)
        ],
    },
)  # fmt: skip

BINANCE_COINM = Case(
    "binancecoinm", "BTCUSD_PERP", "inverse", "0.1", "1", 100.0,
    {
        "GET /bn/dapi/v1/exchangeInfo": _binance_info(
            "BTCUSD_PERP", pair="BTCUSD", quoteAsset="USD", marginAsset="BTC", contractSize=100,
            filters=[
                {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000", "tickSize": "0.1"},
                {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "1000000", "stepSize": "1"},
            ],
        ),
        "GET /bn/dapi/v1/time": {"serverTime": NOW_MS},
        "GET /bn/dapi/v1/depth": {"lastUpdateId": 79, "E": NOW_MS, "T": NOW_MS, "symbol": "BTCUSD_PERP",
                                  "bids": [["60000.1", "15"]], "asks": [["60000.2", "7"]]},
        "GET /bn/dapi/v1/klines": [[*row[:5], "125", row[6], "0.2083", *row[8:]] for row in _KLINES],
        "GET /bn/dapi/v1/aggTrades": [row | {"q": "5"} for row in _AGG],
        "GET /bn/dapi/v1/premiumIndex": [{
            "symbol": "BTCUSD_PERP", "pair": "BTCUSD", "markPrice": "60000.0", "indexPrice": "59990.0",
            "lastFundingRate": "0.0001", "interestRate": "0.0001", "nextFundingTime": NOW_MS + HOUR_MS, "time": NOW_MS,
        }],
        "GET /bn/dapi/v1/fundingInfo": [],
        "GET /bn/dapi/v1/fundingRate": _funding_rows("fundingRate", "fundingTime", 8, symbol="BTCUSD_PERP"),
        "GET /bn/dapi/v1/openInterest": {"symbol": "BTCUSD_PERP", "pair": "BTCUSD", "openInterest": "6000",
                                         "contractType": "PERPETUAL", "time": NOW_MS},
        "GET /bn/futures/data/openInterestHist": [
            {"pair": "BTCUSD", "contractType": "PERPETUAL", "sumOpenInterest": "6000", "sumOpenInterestValue": "10.0",
             "timestamp": NOW_MS + i * HOUR_MS} for i in range(2)
        ],
    },
    open_interest=(10.0, 6e5), funding_hours=8.0,
)  # fmt: skip

_HL_CONTEXT = {
    "funding": "0.0000125", "openInterest": "1000.0", "prevDayPx": "59000.0", "dayNtlVlm": "1.0", "premium": "0.0",
    "oraclePx": "59990.0", "markPx": "60000.0", "midPx": "60000.5", "impactPxs": ["60000.0", "60001.0"],
}  # fmt: skip
HYPERLIQUID = Case(
    "hyperliquid", "BTC", "linear", "0.1", "0.00001", 1.0,
    {
        "POST /hl/info metaAndAssetCtxs": [
            {"universe": [{"szDecimals": 5, "name": "BTC", "maxLeverage": 40}], "marginTables": []}, [_HL_CONTEXT]
        ],
        "POST /hl/info spotMeta": {"universe": [], "tokens": []},
        "POST /hl/info perpDexs": [None],
        "POST /hl/info exchangeStatus": {"time": NOW_MS, "specialStatuses": None},
        "POST /hl/info l2Book": {"coin": "BTC", "time": NOW_MS, "levels": [
            [{"px": price, "sz": size, "n": 1} for price, size in _LEVELS[side]] for side in ("bids", "asks")
        ]},
        "POST /hl/info candleSnapshot": [
            {"t": row[0], "T": row[0] + 59_999, "s": "BTC", "i": "1m", "o": row[1], "h": row[2], "l": row[3],
             "c": row[4], "v": row[5], "n": 9} for row in _KLINES
        ],
        "POST /hl/info fundingHistory": _funding_rows("fundingRate", "time", 1, coin="BTC", premium="0.0"),
    },
    open_interest=(1000.0, 6e7), funding_hours=1.0,
)  # fmt: skip


def _bybit(rows: list[Any], **extra: Any) -> dict[str, Any]:
    result = {"category": "linear", "symbol": "BTCUSDT", "list": rows, "nextPageCursor": "", **extra}
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": NOW_MS}


_BYBIT_LISTED = {
    "symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": "BTC",
    "quoteCoin": "USDT", "settleCoin": "USDT", "launchTime": "1585526400000", "deliveryTime": "0",
    "deliveryFeeRate": "", "priceScale": "2", "fundingInterval": 480, "unifiedMarginTrade": True,
    "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
    "priceFilter": {"minPrice": "0.10", "maxPrice": "199999.80", "tickSize": "0.10"},
    "lotSizeFilter": {"maxOrderQty": "1190", "minOrderQty": "0.001", "qtyStep": "0.001", "minNotionalValue": "5"},
}  # fmt: skip
BYBIT = Case(
    "bybit", "BTCUSDT", "linear", "0.1", "0.001", 1.0,
    {
        "GET /bybit/v5/market/instruments-info": lambda asked: _bybit(
            [_BYBIT_LISTED] if asked.get("category") == "linear" else [], category=asked.get("category")
        ),
        "GET /bybit/v5/market/orderbook": _bybit(
            [], s="BTCUSDT", b=_LEVELS["bids"], a=_LEVELS["asks"], ts=NOW_MS, u=5, seq=6
        ),
        "GET /bybit/v5/market/kline": _bybit(
            [[str(row[0]), *row[1:6], "750000"] for row in reversed(_KLINES)]
        ),
        "GET /bybit/v5/market/recent-trade": _bybit([
            {"execId": f"e{i}", "symbol": "BTCUSDT", "price": "60000.1", "size": "0.5", "side": "Buy",
             "time": str(NOW_MS + i), "isBlockTrade": False} for i in range(3)
        ]),
        "GET /bybit/v5/market/tickers": _bybit([
            {"symbol": "BTCUSDT", "lastPrice": "60000", "markPrice": "60000.0", "indexPrice": "59990.0",
             "fundingRate": "0.0001", "nextFundingTime": str(NOW_MS + HOUR_MS)}
        ]),
        "GET /bybit/v5/market/funding/history": _bybit(
            [{"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingRateTimestamp": str(NOW_MS + i * 8 * HOUR_MS)}
             for i in reversed(range(4))]
        ),
        "GET /bybit/v5/market/open-interest": _bybit([{"openInterest": "1000.0", "timestamp": str(NOW_MS)}]),
        "GET /bybit/v5/market/risk-limit": _bybit([
            {"id": 1, "symbol": "BTCUSDT", "riskLimitValue": "2000000", "maintenanceMargin": "0.005",
             "initialMargin": "0.01", "isLowestRisk": 1, "maxLeverage": "100.00"},
            {"id": 2, "symbol": "BTCUSDT", "riskLimitValue": "4000000", "maintenanceMargin": "0.01",
             "initialMargin": "0.02", "isLowestRisk": 0, "maxLeverage": "50.00"},
        ]),
        "GET /bybit/v5/market/time": {"retCode": 0, "retMsg": "OK", "result": {
            "timeSecond": str(NOW_MS // 1000), "timeNano": str(NOW_MS * 1_000_000)}, "time": NOW_MS},
    },
    open_interest=(1000.0, 6e7), funding_hours=8.0,
)  # fmt: skip


def _okx(rows: list[Any]) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": rows}


_OKX_SWAP = {
    "instType": "SWAP", "instId": "BTC-USDT-SWAP", "uly": "BTC-USDT", "instFamily": "BTC-USDT", "baseCcy": "",
    "quoteCcy": "", "settleCcy": "USDT", "ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC", "tickSz": "0.1",
    "lotSz": "0.01", "minSz": "0.01", "ctType": "linear", "state": "live", "lever": "100", "expTime": "",
    "listTime": "1573557408000", "category": "1", "alias": "", "optType": "", "stk": "", "maxMktSz": "1000",
    "maxLmtSz": "100000000",
}  # fmt: skip
OKX = Case(
    "okx", "BTC-USDT-SWAP", "linear", "0.1", "0.01", 0.01,
    {
        "GET /okx/api/v5/public/instruments": lambda asked: _okx(
            [_OKX_SWAP] if asked.get("instType") == "SWAP" else []
        ),
        "GET /okx/api/v5/market/books": _okx([
            {side: [[price, size, "0", "1"] for price, size in _LEVELS[side]] for side in ("bids", "asks")}
            | {"ts": str(NOW_MS), "seqId": 9}
        ]),
        "GET /okx/api/v5/market/candles": _okx(
            [[str(row[0]), *row[1:5], "1250", "12.5", "750000", "1"] for row in reversed(_KLINES)]
        ),
        "GET /okx/api/v5/market/trades": _okx([
            {"instId": "BTC-USDT-SWAP", "side": "sell", "sz": "5", "px": "60000.1", "tradeId": f"{i}",
             "ts": str(NOW_MS + i)} for i in range(3)
        ]),
        "GET /okx/api/v5/public/funding-rate": _okx([
            {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "fundingRate": "0.0001", "nextFundingRate": "0.0002",
             "fundingTime": str(NOW_MS + HOUR_MS), "nextFundingTime": str(NOW_MS + 9 * HOUR_MS)}
        ]),
        "GET /okx/api/v5/public/funding-rate-history": _okx([
            {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "fundingRate": "0.0001", "realizedRate": "0.0001",
             "fundingTime": str(NOW_MS + i * 8 * HOUR_MS)} for i in range(4)
        ]),
        "GET /okx/api/v5/public/open-interest": _okx([
            {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "oi": "100000", "oiCcy": "1000", "oiUsd": "60000000",
             "ts": str(NOW_MS)}
        ]),
        "GET /okx/api/v5/public/mark-price": _okx([
            {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "markPx": "60000.0", "ts": str(NOW_MS)}
        ]),
        "GET /okx/api/v5/public/time": _okx([{"ts": str(NOW_MS)}]),
    },
    open_interest=(1000.0, 6e7), funding_hours=8.0,
)  # fmt: skip

COINBASE = Case(
    "coinbaseexchange", "BTC-USD", "spot", "0.01", "0.00000001", 1.0,
    {
        "GET /coinbaseexchange/currencies": [],
        "GET /coinbaseexchange/products": [{
            "id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD", "quote_increment": "0.01",
            "base_increment": "0.00000001", "display_name": "BTC/USD", "min_market_funds": "1",
            "margin_enabled": False, "post_only": False, "limit_only": False, "cancel_only": False,
            "status": "online", "status_message": "", "trading_disabled": False, "fx_stablecoin": False,
            "auction_mode": False,
        }],
        "GET /coinbaseexchange/products/BTC-USD/book": {
            "sequence": 42, "time": "2023-11-14T22:13:20Z",
            "bids": [[price, size, 1] for price, size in _LEVELS["bids"]],
            "asks": [[price, size, 1] for price, size in _LEVELS["asks"]],
        },
        "GET /coinbaseexchange/products/BTC-USD/candles": [
            [row[0] // 1000, 59990.0, 60010.0, 60000.1, 60001.0, 12.5] for row in reversed(_KLINES)
        ],
        "GET /coinbaseexchange/products/BTC-USD/trades": [
            {"time": f"2023-11-14T22:13:2{i}Z", "trade_id": 70 + i, "price": "60000.1", "size": "0.5", "side": "sell"}
            for i in range(3)
        ],
        "GET /coinbaseexchange/time": {"iso": "2023-11-14T22:13:20.000Z", "epoch": NOW_MS / 1000},
    },
)  # fmt: skip

KRAKEN = Case(
    "kraken", "BTC/USD", "spot", "0.1", "0.00000001", 1.0,
    {
        "GET /kraken/0/public/Assets": {"error": [], "result": {
            "XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5,
                     "status": "enabled"},
            "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4, "display_decimals": 2, "status": "enabled"},
        }},
        "GET /kraken/0/public/AssetPairs": {"error": [], "result": {"XXBTZUSD": {
            "altname": "XBTUSD", "wsname": "XBT/USD", "aclass_base": "currency", "base": "XXBT",
            "aclass_quote": "currency", "quote": "ZUSD", "pair_decimals": 1, "cost_decimals": 5, "lot_decimals": 8,
            "lot_multiplier": 1, "leverage_buy": [2], "leverage_sell": [2], "fees": [[0, 0.4]],
            "fees_maker": [[0, 0.25]], "fee_volume_currency": "ZUSD", "margin_call": 80, "margin_stop": 40,
            "ordermin": "0.0001", "costmin": "0.5", "tick_size": "0.1", "status": "online",
        }}},
        "GET /kraken/0/public/Depth": {"error": [], "result": {"XXBTZUSD": {
            side: [[price, size, NOW_MS // 1000] for price, size in _LEVELS[side]] for side in ("bids", "asks")
        }}},
        "GET /kraken/0/public/OHLC": {"error": [], "result": {"XXBTZUSD": [
            [row[0] // 1000, *row[1:5], "60000", row[5], 9] for row in _KLINES
        ], "last": 1}},
        "GET /kraken/0/public/Trades": {"error": [], "result": {"XXBTZUSD": [
            ["60000.1", "0.5", NOW_MS / 1000 + i, "b", "m", "", 70 + i] for i in range(3)
        ], "last": "1"}},
        "GET /kraken/0/public/Time": {"error": [], "result": {"unixtime": NOW_MS // 1000, "rfc1123": ""}},
    },
)  # fmt: skip

CASES = {
    case.venue: case for case in (BINANCE_USDM, HYPERLIQUID, BINANCE_SPOT, BINANCE_COINM, BYBIT, OKX, COINBASE, KRAKEN)
}
