"""Signed routes of Binance USD-M: orders, conditional (algo) orders, account, positions, leverage, user data.

The signature is an HMAC-SHA256 over the raw query and body; a request is too old (-1021) by the venue's clock at the moment
it is processed. A conditional order is its own kind of order here (``algoOrder``), and keeps its number once triggered.
Hedge mode is refused; isolated margin is kept as a setting without its own arithmetic.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from liquidity_service.emulator.binance_order_words import ORDER_STATES, algo_body, order_body
from liquidity_service.emulator.ledger import Fill, Ledger, Order, OrderSide, Rejected
from liquidity_service.emulator.market import Market
from liquidity_service.emulator.refusal import Refusal

__all__ = ["API_KEY", "API_SECRET", "BinanceOrders"]

API_KEY = "emulator-key"
API_SECRET = "emulator-secret"
MAX_WINDOW_MS = 60_000
_CODES = {
    "lot": (-1111, "Precision is over the maximum defined for this asset."),
    "tick": (-4014, "Price not increased by tick size."),
    "quantity": (-4003, "Quantity less than or equal to zero."),
    "price": (-4001, "Price less than 0."),
    "notional": (-4164, "Order's notional must be no smaller than 5 (unless you choose reduce only)."),
    "margin": (-2019, "Margin is insufficient."),
    "reduce_only": (-2022, "ReduceOnly Order is rejected."),
    "post_only": (-5022, "Due to the order could not be executed as maker, the Post Only order will be rejected."),
    "fill_or_kill": (-5021, "Due to the order could not be filled immediately, the FOK order has been rejected."),
    "trigger": (-2021, "Order would immediately trigger."),
    "duplicate": (-4116, "ClientOrderId is duplicated."),
}


class BinanceOrders:
    """The account behind the signed routes; ``keys`` are secrets by API key."""

    def __init__(self, market: Market, now_ms: Callable[[], int], keys: Mapping[str, str] | None = None) -> None:
        self.market = market
        self.now_ms = now_ms
        self.keys = dict(keys or {API_KEY: API_SECRET})
        self.ledger = Ledger(market, now_ms)
        self._countdowns: dict[str, int] = {}
        self._told_fills = 0

    def routes(self) -> dict[tuple[str, str], Callable[[dict[str, str]], Any]]:
        """Answers by method and path below ``/bn/fapi``."""
        return {
            ("POST", "v1/order"): self._place,
            ("GET", "v1/order"): lambda asked: order_body(self._find(asked, -2013, algo=False)),
            ("DELETE", "v1/order"): lambda asked: self._cancel(asked, algo=False),
            ("GET", "v1/openOrder"): lambda asked: order_body(self._find(asked, -2013, algo=False)),
            ("GET", "v1/openOrders"): lambda asked: self._open(asked, algo=False),
            ("GET", "v1/allOrders"): self._all,
            ("DELETE", "v1/allOpenOrders"): lambda asked: self._cancel_all(asked, algo=False),
            ("POST", "v1/countdownCancelAll"): self._countdown,
            ("POST", "v1/algoOrder"): self._place,
            ("GET", "v1/algoOrder"): lambda asked: algo_body(self._find(asked, -2013, algo=True)),
            ("DELETE", "v1/algoOrder"): lambda asked: self._cancel(asked, algo=True),
            ("DELETE", "v1/algoOpenOrders"): lambda asked: self._cancel_all(asked, algo=True),
            ("GET", "v1/openAlgoOrders"): lambda asked: self._open(asked, algo=True),
            ("GET", "v1/userTrades"): self._trades,
            ("GET", "v2/account"): lambda _: self._account(),
            ("GET", "v3/account"): lambda _: self._account(),
            ("GET", "v2/balance"): lambda _: self._account()["assets"],
            ("GET", "v3/balance"): lambda _: self._account()["assets"],
            ("GET", "v2/positionRisk"): self._positions,
            ("GET", "v3/positionRisk"): self._positions,
            ("POST", "v1/leverage"): self._leverage,
            ("POST", "v1/marginType"): self._margin_type,
            ("GET", "v1/positionSide/dual"): lambda _: {"dualSidePosition": False},
            ("POST", "v1/positionSide/dual"): self._dual,
            ("GET", "v1/symbolConfig"): self._symbol_config,
            ("GET", "v1/commissionRate"): self._commission,
            ("GET", "v1/income"): lambda _: [],
            ("GET", "v1/forceOrders"): lambda _: [],
        }

    def checked(self, request: web.Request, body: str) -> dict[str, str]:
        """Parameters of a signed request; refuses a bad key, signature or time."""
        key = request.headers.get("X-MBX-APIKEY", "")
        if not key:
            raise Refusal(-2014, "API-key format invalid.", 401)
        if key not in self.keys:
            raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        raw = request.raw_path.partition("?")[2] + body
        signed, found, signature = raw.rpartition("signature=")
        if not found:
            raise Refusal(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
        wanted = hmac.new(self.keys[key].encode(), signed.rstrip("&").encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, signature):
            raise Refusal(-1022, "Signature for this request is not valid.")
        params = dict(parse_qsl(signed, keep_blank_values=True))
        window, now_ms = int(params.get("recvWindow", "5000")), self.now_ms()
        if window > MAX_WINDOW_MS:
            raise Refusal(-1131, "recvWindow must be less than 60000.")
        sent_ms = int(params.get("timestamp", "0"))
        if sent_ms >= now_ms + 1000 or now_ms - sent_ms > window:
            raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
        if "symbol" in params and params["symbol"] not in self.market.books:
            raise Refusal(-1121, "Invalid symbol.")
        self.expire()
        return params

    def expire(self) -> None:
        """Cancel all orders of symbols whose countdown has run out."""
        for symbol, due_ms in list(self._countdowns.items()):
            if due_ms <= self.now_ms():
                del self._countdowns[symbol]
                for order in self.ledger.open_orders(symbol):
                    self.ledger.cancel(order)

    def news(self) -> list[dict[str, Any]]:
        """User-data messages of what has changed since the last call."""
        self.expire()
        fills = self.ledger.fills[self._told_fills :]
        messages = [self._update(self.ledger.orders[fill.order_id], "TRADE", fill) for fill in fills]
        self._told_fills = len(self.ledger.fills)
        for order in dict.fromkeys(order.order_id for order in self.ledger.changed):
            known = self.ledger.orders.get(order)
            if known is not None and known.state in ("open", "canceled", "expired") and known.trigger_price is None:
                kind = {"open": "NEW", "canceled": "CANCELED", "expired": "EXPIRED"}[known.state]
                messages.append(self._update(known, kind, None))
        self.ledger.changed.clear()
        return messages

    def _place(self, asked: dict[str, str]) -> dict[str, Any]:
        kind, conditional = asked.get("type", ""), "triggerPrice" in asked or "stopPrice" in asked
        if asked.get("positionSide", "BOTH") != "BOTH":
            raise Refusal(-4061, "Order's position side does not match user's setting.")
        if kind not in ("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"):
            raise Refusal(-1116, "Invalid orderType.")
        if asked.get("side") not in ("BUY", "SELL"):
            raise Refusal(-1117, "Invalid side.")
        side: OrderSide = "buy" if asked["side"] == "BUY" else "sell"
        limit = kind in ("LIMIT", "STOP", "TAKE_PROFIT")
        for name in ("quantity", *(("price",) if limit else ()), *(("timeInForce",) if kind == "LIMIT" else ())):
            if not asked.get(name):
                raise Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        order = Order(
            asked["symbol"],
            side,
            Decimal(asked["quantity"]),
            price=Decimal(asked["price"]) if limit else None,
            time_in_force=asked.get("timeInForce", "GTC"),  # type: ignore[arg-type]
            reduce_only=asked.get("reduceOnly", "false").lower() == "true",
            client_id=asked.get("newClientOrderId") or asked.get("clientAlgoId") or "",
            kind=kind,
        )
        if conditional:
            order.trigger_price = Decimal(asked.get("triggerPrice") or asked["stopPrice"])
            order.trigger_above = kind.startswith("STOP") == (side == "buy")
        try:
            self.ledger.place(order)
        except Rejected as rejected:
            raise Refusal(*_CODES[rejected.reason]) from rejected
        if not order.client_id:
            order.client_id = f"emulated{order.order_id}"
        return algo_body(order) if conditional else order_body(order)

    def _find(self, asked: dict[str, str], code: int, *, algo: bool) -> Order:
        """An order by either id; plain routes know a conditional order once it has fired, algo routes no plain one."""
        number = asked.get("orderId") or asked.get("algoId")
        client_id = asked.get("origClientOrderId") or asked.get("clientAlgoId")
        order = self.ledger.find(order_id=int(number)) if number else self.ledger.find(client_id=client_id)
        hidden = order is not None and (order.trigger_price is None if algo else order.state == "untriggered")
        if order is None or hidden or order.symbol != asked.get("symbol", order.symbol):
            raise Refusal(code, "Unknown order sent." if code == -2011 else "Order does not exist.")
        return order

    def _cancel(self, asked: dict[str, str], *, algo: bool) -> dict[str, Any]:
        order = self._find(asked, -2011, algo=algo)
        if not self.ledger.cancel(order):
            raise Refusal(-2011, "Unknown order sent.")
        if algo:
            return {"algoId": order.order_id, "clientAlgoId": order.client_id, "code": "200", "msg": "success"}
        return order_body(order)

    def _cancel_all(self, asked: dict[str, str], *, algo: bool) -> dict[str, Any]:
        for order in self.ledger.open_orders(asked["symbol"]):
            if (order.state == "untriggered") == algo:
                self.ledger.cancel(order)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _countdown(self, asked: dict[str, str]) -> dict[str, Any]:
        span = int(asked["countdownTime"])
        if span:
            self._countdowns[asked["symbol"]] = self.now_ms() + span
        else:
            self._countdowns.pop(asked["symbol"], None)
        return {"symbol": asked["symbol"], "countdownTime": str(span)}

    def _open(self, asked: dict[str, str], *, algo: bool) -> list[Any]:
        rows = [o for o in self.ledger.open_orders(asked.get("symbol")) if (o.state == "untriggered") == algo]
        return [algo_body(order) if algo else order_body(order) for order in rows]

    def _all(self, asked: dict[str, str]) -> list[Any]:
        rows = [order for order in self.ledger.orders.values() if order.symbol == asked["symbol"]]
        rows = [order for order in rows if order.trigger_price is None and order.created_ms >= _since(asked)]
        return [order_body(order) for order in rows[-int(asked.get("limit", "500")) :]]

    def _trades(self, asked: dict[str, str]) -> list[Any]:
        rows = [fill for fill in self.ledger.fills if fill.symbol == asked["symbol"]]
        rows = [fill for fill in rows if fill.at_ms >= _since(asked) and fill.fill_id >= int(asked.get("fromId", "0"))]
        if "orderId" in asked:
            rows = [fill for fill in rows if fill.order_id == int(asked["orderId"])]
        limit = int(asked.get("limit", "500"))
        rows = rows[:limit] if "fromId" in asked or "startTime" in asked else rows[-limit:]
        return [
            {
                "symbol": fill.symbol,
                "id": fill.fill_id,
                "orderId": fill.order_id,
                "side": fill.side.upper(),
                "price": str(fill.price),
                "qty": str(fill.quantity),
                "realizedPnl": str(fill.realised),
                "quoteQty": str(fill.price * fill.quantity),
                "commission": str(fill.fee),
                "commissionAsset": self.market.listings[fill.symbol].quote,
                "time": fill.at_ms,
                "positionSide": "BOTH",
                "buyer": fill.side == "buy",
                "maker": fill.maker,
            }
            for fill in rows
        ]

    def _account(self) -> dict[str, Any]:
        held = list(self.ledger.positions)
        profit = sum((self.ledger.unrealised(symbol) for symbol in held), Decimal(0))
        margin = sum((self.ledger.margin(symbol) for symbol in held), Decimal(0))
        cash, free = self.ledger.cash, self.ledger.free()
        asset = {
            "asset": "USDT",
            "accountAlias": "emulated",
            "balance": str(cash),
            "walletBalance": str(cash),
            "unrealizedProfit": str(profit),
            "marginBalance": str(cash + profit),
            "maintMargin": "0",
            "initialMargin": str(margin),
            "positionInitialMargin": str(margin),
            "openOrderInitialMargin": "0",
            "crossWalletBalance": str(cash),
            "crossUnPnl": str(profit),
            "availableBalance": str(free),
            "maxWithdrawAmount": str(free),
            "marginAvailable": True,
            "updateTime": self.now_ms(),
        }
        return {
            "totalWalletBalance": str(cash),
            "totalUnrealizedProfit": str(profit),
            "totalMarginBalance": str(cash + profit),
            "totalInitialMargin": str(margin),
            "availableBalance": str(free),
            "multiAssetsMargin": False,
            "canTrade": True,
            "assets": [asset],
            "positions": self._positions({}),
        }

    def _positions(self, asked: dict[str, str]) -> list[Any]:
        rows = []
        for symbol, held in self.ledger.positions.items():
            if not held.quantity or asked.get("symbol", symbol) != symbol:
                continue
            price = self.ledger.reference_price(symbol) or held.entry_price
            rows.append(
                {
                    "symbol": symbol,
                    "positionSide": "BOTH",
                    "positionAmt": str(held.quantity),
                    "entryPrice": str(held.entry_price),
                    "breakEvenPrice": str(held.entry_price),
                    "markPrice": str(price),
                    "unRealizedProfit": str(self.ledger.unrealised(symbol)),
                    "unrealizedProfit": str(self.ledger.unrealised(symbol)),
                    "liquidationPrice": "0",
                    "leverage": str(self.ledger.leverage.get(symbol, self.ledger.account.leverage)),
                    "isolatedMargin": "0",
                    "isolatedWallet": "0",
                    "notional": str(held.quantity * price),
                    "marginAsset": self.market.listings[symbol].quote,
                    "initialMargin": str(self.ledger.margin(symbol)),
                    "positionInitialMargin": str(self.ledger.margin(symbol)),
                    "openOrderInitialMargin": "0",
                    "maintMargin": "0",
                    "adl": 0,
                    "updateTime": self.now_ms(),
                }
            )
        return rows

    def _leverage(self, asked: dict[str, str]) -> dict[str, Any]:
        leverage = int(asked["leverage"])
        if not 1 <= leverage <= 125:
            raise Refusal(-4028, f"Leverage {leverage} is not valid")
        self.ledger.leverage[asked["symbol"]] = leverage
        return {"symbol": asked["symbol"], "leverage": leverage, "maxNotionalValue": "1000000"}

    def _margin_type(self, asked: dict[str, str]) -> dict[str, Any]:
        isolated = asked["marginType"] == "ISOLATED"
        if self.ledger.isolated.get(asked["symbol"], False) == isolated:
            raise Refusal(-4046, "No need to change margin type.")
        self.ledger.isolated[asked["symbol"]] = isolated
        return {"code": 200, "msg": "success"}

    def _dual(self, asked: dict[str, str]) -> dict[str, Any]:
        if asked["dualSidePosition"].lower() == "true":
            raise Refusal(-4067, "Position side cannot be changed: the emulator keeps one-way mode only.")
        raise Refusal(-4059, "No need to change position side.")

    def _symbol_config(self, asked: dict[str, str]) -> list[Any]:
        symbols = [asked["symbol"]] if "symbol" in asked else list(self.market.listings)
        return [
            {
                "symbol": symbol,
                "marginType": "ISOLATED" if self.ledger.isolated.get(symbol) else "CROSSED",
                "isAutoAddMargin": "false",
                "leverage": self.ledger.leverage.get(symbol, self.ledger.account.leverage),
                "maxNotionalValue": "1000000",
            }
            for symbol in symbols
        ]

    def _commission(self, asked: dict[str, str]) -> dict[str, Any]:
        terms = self.ledger.account
        rates = {"makerCommissionRate": str(terms.maker_fee_frac), "takerCommissionRate": str(terms.taker_fee_frac)}
        return {"symbol": asked["symbol"]} | rates

    def _update(self, order: Order, kind: str, fill: Fill | None) -> dict[str, Any]:
        body = {
            "s": order.symbol,
            "c": order.client_id,
            "S": order.side.upper(),
            "o": order.kind,
            "f": order.time_in_force,
            "q": str(order.quantity),
            "p": str(order.price or 0),
            "ap": str(order.average_price),
            "sp": "0",
            "x": kind,
            "X": ORDER_STATES[order.state],
            "i": order.order_id,
            "l": str(fill.quantity) if fill else "0",
            "z": str(order.filled),
            "L": str(fill.price) if fill else "0",
            "N": self.market.listings[order.symbol].quote,
            "n": str(fill.fee) if fill else "0",
            "T": order.updated_ms,
            "t": fill.fill_id if fill else 0,
            "m": bool(fill and fill.maker),
            "R": order.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": order.kind,
            "ps": "BOTH",
            "rp": str(fill.realised) if fill else "0",
        }
        return {"e": "ORDER_TRADE_UPDATE", "E": self.now_ms(), "T": order.updated_ms, "o": body}


def _since(asked: dict[str, str]) -> int:
    return int(asked.get("startTime", "0"))
