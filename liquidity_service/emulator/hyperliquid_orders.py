"""Hyperliquid's actions (order, cancel, cancelByCloid, updateLeverage, ...) and the account's info answers.

One account stands behind every signature; an info request about any address that has no recorded answer is about it.
``expiresAfter`` is honoured. A cloid may be used again once its order has ended; whether the venue itself refuses that is
not known.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from liquidity_service.emulator.ledger import Fill, Ledger, Order, OrderSide, Rejected, TimeInForce
from liquidity_service.emulator.market import Market

__all__ = ["HyperliquidOrders"]

_CLOID = re.compile(r"0x[0-9a-fA-F]{32}\Z")
_TIF: dict[str, TimeInForce] = {"Gtc": "GTC", "Ioc": "IOC", "Alo": "GTX"}
_STATES = {
    "untriggered": "open",
    "open": "open",
    "partial": "open",
    "filled": "filled",
    "canceled": "canceled",
    "expired": "canceled",
}
_TEXTS = {
    "lot": "Order has invalid size.",
    "tick": "Price must be divisible by tick size.",
    "quantity": "Order has zero size.",
    "price": "Order has invalid price.",
    "notional": "Order must have minimum value of $10.",
    "margin": "Insufficient margin to place order.",
    "reduce_only": "Reduce only order would increase position.",
    "post_only": "Post only order would have immediately matched.",
    "fill_or_kill": "Order could not immediately match against any resting orders.",
    "trigger": "Invalid TP/SL price.",
    "duplicate": "Duplicate cloid.",
}
SIGNIFICANT_DIGITS = 5


class HyperliquidOrders:
    """The account; ``act`` executes an action, ``answers`` are info answers by type."""

    def __init__(self, market: Market, universe: list[dict[str, Any]], now_ms: Callable[[], int]) -> None:
        self.market = market
        self.universe = universe
        self.now_ms = now_ms
        self.ledger = Ledger(market, now_ms)
        self._told_fills = 0
        self._cancel_at_ms: int | None = None
        self.answers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "openOrders": lambda _: [self._brief(order) for order in self.ledger.open_orders()],
            "frontendOpenOrders": lambda _: [self._full(order) for order in self.ledger.open_orders()],
            "historicalOrders": lambda _: [self._status(order) for order in self.ledger.orders.values()],
            "orderStatus": self._asked_status,
            "userFills": lambda _: [self._fill(fill) for fill in reversed(self.ledger.fills)],
            "userFillsByTime": self._fills_between,
            "clearinghouseState": lambda _: self._state(),
            "spotClearinghouseState": lambda _: {"balances": []},
            "activeAssetData": self._asset_data,
            "userAbstraction": lambda _: "default",
            "userRole": lambda _: {"role": "user"},
            "userFees": lambda _: self._fees(),
        }

    def expire(self) -> None:
        """Cancel every order once the scheduled time has come."""
        if self._cancel_at_ms is not None and self.now_ms() >= self._cancel_at_ms:
            self._cancel_at_ms = None
            for order in self.ledger.open_orders():
                self.ledger.cancel(order)

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """Execute one action and answer as the venue does."""
        self.expire()
        action, expires_ms = body["action"], body.get("expiresAfter")
        if expires_ms is not None and self.now_ms() > expires_ms:
            return {"status": "err", "response": "Request expired."}
        kind = action["type"]
        if kind == "order":
            return _ok("order", {"statuses": [self._place(wire) for wire in action["orders"]]})
        if kind in ("cancel", "cancelByCloid"):
            return _ok("cancel", {"statuses": [self._cancel(row) for row in action["cancels"]]})
        if kind == "updateLeverage":
            coin = self.universe[action["asset"]]["name"]
            self.ledger.leverage[coin] = int(action["leverage"])
            self.ledger.isolated[coin] = not action["isCross"]
            return _ok("default")
        if kind == "scheduleCancel":
            self._cancel_at_ms = action.get("time")
            return _ok("default")
        if kind in ("setReferrer", "approveBuilderFee", "agentSetAbstraction", "userSetAbstraction"):
            return _ok("default")
        return {"status": "err", "response": f"Unknown action {kind}"}

    def news(self) -> tuple[list[Any], dict[str, Any] | None]:
        """Changed orders, and new fills, since the last call."""
        ids = dict.fromkeys(order.order_id for order in self.ledger.changed)
        orders = [self._status(self.ledger.orders[number]) for number in ids if number in self.ledger.orders]
        self.ledger.changed.clear()
        told, self._told_fills = self._told_fills, len(self.ledger.fills)
        fills = self.ledger.fills[told:]
        return orders, {"user": "", "fills": [self._fill(fill) for fill in fills]} if fills else None

    def fill_message(self, *, snapshot: bool) -> dict[str, Any]:
        """All fills as the first message of a subscription."""
        return {"isSnapshot": snapshot, "user": "", "fills": [self._fill(fill) for fill in self.ledger.fills]}

    def _place(self, wire: dict[str, Any]) -> dict[str, Any]:
        if not 0 <= wire["a"] < len(self.universe) or self.universe[wire["a"]]["name"] not in self.market.books:
            return {"error": f"Invalid asset {wire['a']}"}
        coin, cloid = self.universe[wire["a"]]["name"], wire.get("c", "")
        if cloid and not _CLOID.match(cloid):
            return {"error": f"Invalid cloid {cloid}"}
        price, kind = Decimal(wire["p"]), wire["t"]
        digits = price.normalize().as_tuple()
        if len(digits.digits) > SIGNIFICANT_DIGITS and price % 1:
            return {"error": f"{_TEXTS['tick']} asset={wire['a']}"}
        trigger = kind.get("trigger")
        tif = "GTC" if trigger else _TIF.get(kind["limit"]["tif"].capitalize(), "GTC")
        side: OrderSide = "buy" if wire["b"] else "sell"
        order = Order(coin, side, Decimal(wire["s"]), price, tif, bool(wire["r"]), cloid, kind="Limit")
        if trigger:
            stop = trigger["tpsl"] == "sl"
            order.trigger_price = Decimal(trigger["triggerPx"])
            order.trigger_above = stop == wire["b"]
            order.kind = f"{'Stop' if stop else 'Take Profit'} {'Market' if trigger['isMarket'] else 'Limit'}"
            if trigger["isMarket"]:
                order.time_in_force = "IOC"
        try:
            self.ledger.place(order)
        except Rejected as rejected:
            return {"error": f"{_TEXTS[rejected.reason]} asset={wire['a']}"}
        named = {"oid": order.order_id} | ({"cloid": cloid} if cloid else {})
        if order.filled:
            return {"filled": {"totalSz": str(order.filled), "avgPx": str(order.average_price)} | named}
        if order.state == "expired":
            return {"error": f"{_TEXTS['fill_or_kill']} asset={wire['a']}"}
        return {"resting": named}

    def _cancel(self, row: dict[str, Any]) -> Any:
        number, cloid = row.get("o"), row.get("cloid")
        order = self.ledger.find(order_id=number) if cloid is None else self.ledger.find(client_id=cloid)
        if order is None or not self.ledger.cancel(order):
            return {"error": "Order was never placed, already canceled, or filled."}
        return "success"

    def _asked_status(self, asked: dict[str, Any]) -> dict[str, Any]:
        wanted = asked["oid"]
        by_client = isinstance(wanted, str) and wanted.startswith("0x")
        order = self.ledger.find(client_id=wanted) if by_client else self.ledger.find(order_id=int(wanted))
        return {"status": "unknownOid"} if order is None else {"status": "order", "order": self._status(order)}

    def _fills_between(self, asked: dict[str, Any]) -> list[Any]:
        last = asked.get("endTime") or 2**62
        return [self._fill(fill) for fill in self.ledger.fills if asked["startTime"] <= fill.at_ms <= last]

    def _brief(self, order: Order) -> dict[str, Any]:
        return {
            "coin": order.symbol,
            "side": "B" if order.side == "buy" else "A",
            "limitPx": str(order.price),
            "sz": str(order.left),
            "oid": order.order_id,
            "timestamp": order.created_ms,
            "origSz": str(order.quantity),
            "cloid": order.client_id or None,
        }

    def _full(self, order: Order) -> dict[str, Any]:
        tif = {"GTC": "Gtc", "IOC": "Ioc", "GTX": "Alo", "FOK": "Ioc"}[order.time_in_force]
        above = f"Price {'above' if order.trigger_above else 'below'} {order.trigger_price}"
        return self._brief(order) | {
            "triggerCondition": "N/A" if order.trigger_price is None else above,
            "isTrigger": order.state == "untriggered",
            "triggerPx": str(order.trigger_price or "0.0"),
            "children": [],
            "isPositionTpsl": False,
            "reduceOnly": order.reduce_only,
            "orderType": order.kind,
            "tif": tif,
        }

    def _status(self, order: Order) -> dict[str, Any]:
        return {"order": self._full(order), "status": _STATES[order.state], "statusTimestamp": order.updated_ms}

    def _fill(self, fill: Fill) -> dict[str, Any]:
        signed = fill.quantity if fill.side == "buy" else -fill.quantity
        opens = fill.position_before * signed >= 0
        long = (fill.side == "buy") == opens
        return {
            "coin": fill.symbol,
            "px": str(fill.price),
            "sz": str(fill.quantity),
            "side": "B" if fill.side == "buy" else "A",
            "time": fill.at_ms,
            "startPosition": str(fill.position_before),
            "dir": f"{'Open' if opens else 'Close'} {'Long' if long else 'Short'}",
            "closedPnl": str(fill.realised),
            "hash": "0x" + "0" * 64,
            "oid": fill.order_id,
            "cloid": fill.client_id or None,
            "crossed": not fill.maker,
            "fee": str(fill.fee),
            "feeToken": "USDC",
            "tid": fill.fill_id,
        }

    def _state(self) -> dict[str, Any]:
        ledger = self.ledger
        rows, value, margin = [], ledger.cash, Decimal(0)
        notional = Decimal(0)
        for coin, held in ledger.positions.items():
            if not held.quantity:
                continue
            profit, used = ledger.unrealised(coin), ledger.margin(coin)
            worth = abs(held.quantity) * (ledger.reference_price(coin) or held.entry_price)
            value, margin, notional = value + profit, margin + used, notional + worth
            leverage = ledger.leverage.get(coin, ledger.account.leverage)
            position = {
                "coin": coin,
                "szi": str(held.quantity),
                "entryPx": str(held.entry_price),
                "positionValue": str(worth),
                "unrealizedPnl": str(profit),
                "returnOnEquity": str(profit / used) if used else "0.0",
                "leverage": {"type": "isolated" if ledger.isolated.get(coin) else "cross", "value": leverage},
                "liquidationPx": None,
                "marginUsed": str(used),
                "maxLeverage": 50,
            }
            rows.append({"type": "oneWay", "position": position})
        summary = {
            "accountValue": str(value),
            "totalNtlPos": str(notional),
            "totalRawUsd": str(ledger.cash),
            "totalMarginUsed": str(margin),
        }
        return {
            "marginSummary": summary,
            "crossMarginSummary": summary,
            "crossMaintenanceMarginUsed": "0.0",
            "withdrawable": str(value - margin),
            "assetPositions": rows,
            "time": self.now_ms(),
        }

    def _asset_data(self, asked: dict[str, Any]) -> dict[str, Any]:
        coin, ledger = asked["coin"], self.ledger
        mode = "isolated" if ledger.isolated.get(coin) else "cross"
        value = ledger.leverage.get(coin, ledger.account.leverage)
        return {"user": asked["user"], "coin": coin, "leverage": {"type": mode, "value": value}}

    def _fees(self) -> dict[str, Any]:
        terms = self.ledger.account
        return {"userCrossRate": str(terms.taker_fee_frac), "userAddRate": str(terms.maker_fee_frac)}


def _ok(kind: str, data: Any = None) -> dict[str, Any]:
    return {"status": "ok", "response": {"type": kind} | ({} if data is None else {"data": data})}
