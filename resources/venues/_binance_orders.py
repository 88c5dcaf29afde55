"""Orders and account of Binance USD-M in the venue's words; shapes of its public API documentation.

A conditional order is an *algo order* with ids and routes of its own; when it fires, the venue places a plain order whose
id it then tells (``actualOrderId``). Read next: ``_order_dialect.py``.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Literal

from liquidity.domain.errors import VenueUnavailableError
from liquidity.domain.market_data import Market
from liquidity.domain.order import AccountTerms, Balance, Fill, OrderState, OrderStatus, Sign, VenuePosition
from resources.venues._order_dialect import Fired, PricedOrder, Refused, at, exact, exact_or_none, field
from resources.venues.profile import VenueProfile

__all__ = ["BinanceDialect"]

_STATUSES: Final[dict[str, OrderStatus]] = {
    "NEW": "open",
    "PARTIALLY_FILLED": "partial",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
    "REJECTED": "rejected",
}
_ALGO_STATUSES: Final[dict[str, OrderStatus]] = {
    "NEW": "untriggered",
    "TRIGGERING": "triggered",
    "TRIGGERED": "triggered",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
    "REJECTED": "rejected",
}
_SIGNS: Final[dict[str, Sign]] = {"BUY": 1, "SELL": -1}


class BinanceDialect:
    """Reads and writes Binance's order words; see :class:`~resources.venues._order_dialect.OrderDialect`."""

    def __init__(self, profile: VenueProfile) -> None:
        self._profile = profile

    def request(self, order: PricedOrder) -> tuple[Literal["market", "limit"], str | None, dict[str, Any]]:
        """Type, price and parameters for the library."""
        intent = order.intent
        params: dict[str, Any] = {"clientOrderId": intent.client_id}
        if order.trigger_price is not None:
            params["triggerPrice"] = order.trigger_price
        if intent.reduce_only:
            params["reduceOnly"] = True
        if intent.post_only:
            params["postOnly"] = True
        elif order.limit_price is not None:
            params["timeInForce"] = intent.time_in_force
        return ("market" if order.limit_price is None else "limit"), order.limit_price, params

    def named(self, row: Any) -> tuple[str | None, str | None]:
        """Ids of a created order."""
        if not isinstance(row, dict):
            return None, None
        number, ours = row.get("orderId") or row.get("algoId"), row.get("clientOrderId") or row.get("clientAlgoId")
        return (None if number is None else str(number)), ours

    def refused(self, body: Any) -> Refused | None:
        """``{"code": -2019, "msg": ...}``; positive codes are success."""
        code = body.get("code") if isinstance(body, dict) else None
        if not isinstance(code, int) or code >= 0:
            return None
        return Refused(str(code), str(body.get("msg", "")))

    def missing(self, body: Any) -> bool:
        """Whether the code is one of an unknown order."""
        refused = self.refused(body)
        return refused is not None and refused.code in self._profile.errors.unknown_order

    def lookups(self, client_id: str) -> Sequence[dict[str, Any]]:
        """Plain orders first, then conditional ones."""
        return ({"clientOrderId": client_id}, {"clientOrderId": client_id, "trigger": True})

    def fired_as(self, row: Any) -> Fired | None:
        """``actualOrderId``, empty until the order has fired."""
        number = row.get("actualOrderId") if isinstance(row, dict) else None
        if number in (None, "", "0", 0):
            return None
        return Fired(str(number), exact_or_none(row, "triggerPrice", "binance conditional order"))

    def order_state(self, row: Any, market: Market) -> OrderState:
        """Read a plain or a conditional order."""
        where = f"{market.instrument_id} order"
        conditional = isinstance(row, dict) and "algoId" in row
        known = _ALGO_STATUSES if conditional else _STATUSES
        status = known.get(str(field(row, "algoStatus" if conditional else "status", where)))
        if status is None:
            raise VenueUnavailableError(
                f"{where}: status {row['algoStatus' if conditional else 'status']!r} is not known"
            )
        return OrderState(
            venue=market.venue,
            venue_symbol=market.venue_symbol,
            client_id=row.get("clientAlgoId" if conditional else "clientOrderId"),
            venue_order_id=str(field(row, "algoId" if conditional else "orderId", where)),
            side_sign=_sign(row, where),
            status=status,
            amount=exact(row, "quantity" if conditional else "origQty", where),
            filled_amount=Decimal(0) if conditional else exact(row, "executedQty", where),
            limit_price=exact_or_none(row, "price", where),
            trigger_price=exact_or_none(row, "triggerPrice" if conditional else "stopPrice", where),
            average_price=None if conditional else exact_or_none(row, "avgPrice", where),
            reduce_only=bool(row.get("reduceOnly", False)),
            updated_at=at(row, "updateTime", where),
        )

    def symbol_of(self, row: Any) -> str:
        """Venue symbol."""
        return str(field(row, "symbol", "binance row"))

    def fill(self, row: Any, market: Market) -> Fill:
        """Read one of ``userTrades``; they do not tell our id."""
        where = f"{market.instrument_id} fill"
        return Fill(
            venue=market.venue,
            venue_symbol=market.venue_symbol,
            trade_id=str(field(row, "id", where)),
            venue_order_id=str(field(row, "orderId", where)),
            client_id=None,
            side_sign=_sign(row, where),
            amount=exact(row, "qty", where),
            price=exact(row, "price", where),
            fee=exact(row, "commission", where),
            fee_currency=str(field(row, "commissionAsset", where)),
            maker=bool(field(row, "maker", where)),
            at=at(row, "time", where),
        )

    def fill_ms(self, row: Any) -> int:
        """Time of a fill."""
        return int(field(row, "time", "binance fill"))

    def position(self, row: Any, market: Market) -> VenuePosition | None:
        """Read one of ``positionRisk``; refuses a side of hedge mode."""
        where = f"{market.instrument_id} position"
        if row.get("positionSide", "BOTH") != "BOTH":
            raise VenueUnavailableError(
                f"{where}: side {row['positionSide']!r} is one of hedge mode; only one-way is read"
            )
        amount = exact(row, "positionAmt", where)
        if not amount:
            return None
        return VenuePosition(
            venue=market.venue,
            venue_symbol=market.venue_symbol,
            amount=amount,
            entry_price=exact(row, "entryPrice", where),
            unrealised_profit=exact(row, "unRealizedProfit", where),
            liquidation_price=exact_or_none(row, "liquidationPrice", where),
        )

    def balances(self, body: Any) -> tuple[Balance, ...]:
        """Read ``account``: margin balance and what of it is available, by asset."""
        where = f"{self._profile.venue} account"
        return tuple(
            Balance(
                venue=self._profile.venue,
                currency=str(field(row, "asset", where)),
                equity=exact(row, "marginBalance", where),
                free=exact(row, "availableBalance", where),
            )
            for row in field(body, "assets", where)
        )

    async def hedged(self, client: Any) -> bool:
        """Read ``positionSide/dual``."""
        answer = await client.fetch_position_mode()
        hedged = answer.get("hedged")
        if not isinstance(hedged, bool):
            raise VenueUnavailableError(f"{self._profile.venue} position mode: {answer.get('info')!r} tells none")
        return hedged

    async def account_terms(self, client: Any, symbol: str, market: Market) -> AccountTerms:
        """Read ``symbolConfig`` and the position mode."""
        where = f"{market.instrument_id} account terms"
        rows = await client.fapiPrivateGetSymbolConfig({"symbol": market.venue_symbol})
        row = next((row for row in rows if row.get("symbol") == market.venue_symbol), None)
        isolated = str(field(row, "marginType", where)) == "ISOLATED"
        return AccountTerms(
            venue_symbol=market.venue_symbol,
            leverage=int(field(row, "leverage", where)),
            margin_mode="isolated" if isolated else "cross",
            position_mode="hedge" if await self.hedged(client) else "one_way",
        )

    async def set_leverage(self, client: Any, symbol: str, leverage: int, terms: AccountTerms) -> None:
        """One request; the margin mode is another setting here and stays."""
        await client.set_leverage(leverage, symbol)


def _sign(row: Any, where: str) -> Sign:
    side = field(row, "side", where)
    if side not in _SIGNS:
        raise VenueUnavailableError(f"{where}: side {side!r} is none of {', '.join(_SIGNS)}")
    return _SIGNS[side]
