"""Orders in Binance's words: plain and conditional."""

from typing import Any

from liquidity_service.emulator.ledger import Order

__all__ = ["ORDER_STATES", "algo_body", "order_body"]

ORDER_STATES = {
    "untriggered": "NEW",
    "open": "NEW",
    "partial": "PARTIALLY_FILLED",
    "filled": "FILLED",
    "canceled": "CANCELED",
    "expired": "EXPIRED",
}
_ALGO_STATES = {"open": "TRIGGERED", "partial": "TRIGGERED", "filled": "FINISHED"}


def order_body(order: Order) -> dict[str, Any]:
    """An order as the venue answers it."""
    kind = order.kind if order.trigger_price is None else ("LIMIT" if order.price is not None else "MARKET")
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": ORDER_STATES[order.state],
        "clientOrderId": order.client_id,
        "price": str(order.price or 0),
        "avgPrice": str(order.average_price),
        "origQty": str(order.quantity),
        "executedQty": str(order.filled),
        "cumQty": str(order.filled),
        "cumQuote": str(order.cost),
        "timeInForce": order.time_in_force,
        "type": kind,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side.upper(),
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.kind,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
    }


def algo_body(order: Order) -> dict[str, Any]:
    """A conditional order as the venue answers it."""
    fired = order.state in _ALGO_STATES
    return {
        "algoId": order.order_id,
        "clientAlgoId": order.client_id,
        "algoType": "CONDITIONAL",
        "orderType": order.kind,
        "symbol": order.symbol,
        "side": order.side.upper(),
        "positionSide": "BOTH",
        "timeInForce": order.time_in_force,
        "quantity": str(order.quantity),
        "algoStatus": _ALGO_STATES.get(order.state, ORDER_STATES[order.state]),
        "actualOrderId": str(order.order_id) if fired else "",
        "actualPrice": str(order.average_price),
        "triggerPrice": str(order.trigger_price),
        "price": str(order.price or 0),
        "workingType": "CONTRACT_PRICE",
        "closePosition": False,
        "reduceOnly": order.reduce_only,
        "createTime": order.created_ms,
        "updateTime": order.updated_ms,
    }
