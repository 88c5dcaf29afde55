"""What is particular to the Binance family beyond its profiles."""

from datetime import UTC, datetime
from typing import Any, Final

from liquidity.domain.errors import ContractError
from liquidity.domain.market_data import LiquidationEvent, Market

__all__ = ["client_overrides", "liquidation_event"]

_CLOSED_SIDE: Final = {"SELL": "long", "BUY": "short"}


def client_overrides(base: Any) -> dict[str, Any]:
    """Members of the ccxt class that must not stay as they are.

    On a subscription ccxt fetches a 1000-level book of its own and keeps it beside ours, at the price of the request
    weight and of the work for each update. Without that start its book handler returns at once; our own synchroniser
    checks the ids and asks for the snapshot. The REST class has no such method and ignores the entry.
    """

    def handle_order_book_subscription(self: Any, client: Any, message: Any, subscription: Any) -> None:
        return None

    return {"handle_order_book_subscription": handle_order_book_subscription}


def liquidation_event(body: dict[str, Any], market: Market) -> LiquidationEvent:
    """Read one ``forceOrder`` message; the order's side is the opposite of the position it closed.

    The venue reports at most the largest forced order of a symbol in each 1000 ms, so sums are a lower bound. The price
    is the average fill where there is one, else the order's own.

    Raises
    ------
    ContractError
        The message lacks a field or holds one that cannot be.
    """
    order = body.get("o", {})
    try:
        at_ms = int(order["T"])
        side = _CLOSED_SIDE[order["S"]]
        amount = float(order["z"]) or float(order["q"])
        price = float(order["ap"]) or float(order["p"])
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"{market.instrument_id}: forceOrder message without a usable {error}") from error
    if not (0.0 < amount < float("inf") and 0.0 < price < float("inf")):
        raise ContractError(f"{market.instrument_id}: forceOrder amount {amount}, price {price}; both must be above 0")
    return LiquidationEvent(
        venue=market.venue,
        venue_symbol=market.venue_symbol,
        event_id=f"{at_ms}-{order['S']}-{order['q']}-{order['p']}",
        at=datetime.fromtimestamp(at_ms / 1000, UTC),
        side="long" if side == "long" else "short",
        price=price,
        amount=amount,
        notional_quote=market.notional_quote(amount, price),
    )
