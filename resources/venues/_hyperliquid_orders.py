"""Orders and account of Hyperliquid in the venue's words; shapes of its public API documentation.

A market order there is an immediate-or-cancel limit order, so its worst price is on the wire. Refusals are texts. A fill's
``fee`` already holds a builder's share, which the library adds a second time. Read next: ``_order_dialect.py``.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from liquidity.domain.errors import VenueUnavailableError
from liquidity.domain.market_data import Market
from liquidity.domain.order import AccountTerms, Balance, Fill, OrderState, OrderStatus, Sign, VenuePosition
from resources.venues._order_dialect import Fired, PricedOrder, Refused, at, exact, exact_or_none, field
from resources.venues.profile import VenueProfile

__all__ = ["HyperliquidDialect"]

_SIGNS: Final[dict[str, Sign]] = {"B": 1, "A": -1}
_MARGIN_MODES: Final[dict[str, Literal["cross", "isolated"]]] = {"cross": "cross", "isolated": "isolated"}
_CURRENCY: Final = "USDC"


class HyperliquidDialect:
    """Reads and writes Hyperliquid's words; see :class:`~resources.venues._order_dialect.OrderDialect`."""

    def __init__(self, profile: VenueProfile) -> None:
        self._profile = profile

    def request(self, order: PricedOrder) -> tuple[Literal["market", "limit"], str | None, dict[str, Any]]:
        """Type, price and parameters for the library; its own slippage is 0 because the price holds ours."""
        intent = order.intent
        params: dict[str, Any] = {
            "clientOrderId": intent.client_id,
            "reduceOnly": intent.reduce_only,
            "slippage": "0",
        }
        if order.trigger_price is not None:
            params["triggerPrice"] = order.trigger_price
        if intent.post_only:
            params["postOnly"] = True
        elif order.limit_price is not None:
            params["timeInForce"] = intent.time_in_force
        if order.limit_price is not None:
            return "limit", order.limit_price, params
        return "market", order.worst_price, params

    def named(self, row: Any) -> tuple[str | None, str | None]:
        """Ids under ``resting`` or ``filled``."""
        entry = (row.get("resting") or row.get("filled")) if isinstance(row, dict) else None
        if not isinstance(entry, dict) or entry.get("oid") is None:
            return None, None
        return str(entry["oid"]), entry.get("cloid")

    def refused(self, body: Any) -> Refused | None:
        """The text of ``{"status": "err", "response": text}`` or of the single status' ``error``."""
        if not isinstance(body, dict):
            return None
        response = body.get("response")
        if body.get("status") == "err":
            return Refused(str(response), str(response))
        data = response.get("data") if isinstance(response, dict) else None
        statuses = data.get("statuses") if isinstance(data, dict) else None
        # One order is sent at a time: another count is no answer to it.
        if isinstance(statuses, list) and len(statuses) == 1 and isinstance(statuses[0], dict):
            text = statuses[0].get("error")
            return None if text is None else Refused(str(text), str(text))
        return None

    def missing(self, body: Any) -> bool:
        """``{"status": "unknownOid"}``."""
        return isinstance(body, dict) and body.get("status") == "unknownOid"

    def lookups(self, client_id: str) -> Sequence[dict[str, Any]]:
        """One read knows every order."""
        return ({"clientOrderId": client_id},)

    def fired_as(self, row: Any) -> Fired | None:
        """A triggered order keeps its id."""
        return None

    def order_state(self, row: Any, market: Market) -> OrderState:
        """Read an order of ``orderStatus`` (wrapped, with a status) or of the open orders (bare)."""
        where = f"{market.instrument_id} order"
        row = row if isinstance(row, dict) else {}
        entry = row.get("order", row)
        amount, left = exact(entry, "origSz", where), exact(entry, "sz", where)
        told = str(row.get("status", "open"))
        # Stops that close a whole position are listed with size 0.
        filled = max(amount - left, amount - amount)
        waiting = bool(entry.get("isTrigger"))
        return OrderState(
            venue=market.venue,
            venue_symbol=market.venue_symbol,
            client_id=entry.get("cloid"),
            venue_order_id=str(field(entry, "oid", where)),
            side_sign=_sign(entry, where),
            status=_status(told, waiting=waiting, partial=filled > 0, where=where),
            amount=amount,
            filled_amount=filled,
            limit_price=exact_or_none(entry, "limitPx", where),
            trigger_price=exact_or_none(entry, "triggerPx", where),
            average_price=None,
            reduce_only=bool(entry.get("reduceOnly", False)),
            updated_at=at(row if "statusTimestamp" in row else entry, _time_name(row), where),
        )

    def symbol_of(self, row: Any) -> str:
        """Coin."""
        row = row.get("position", row.get("order", row)) if isinstance(row, dict) else row
        return str(field(row, "coin", "hyperliquid row"))

    def fill(self, row: Any, market: Market) -> Fill:
        """Read one of ``userFills``."""
        where = f"{market.instrument_id} fill"
        return Fill(
            venue=market.venue,
            venue_symbol=market.venue_symbol,
            trade_id=str(field(row, "tid", where)),
            venue_order_id=str(field(row, "oid", where)),
            client_id=row.get("cloid"),
            side_sign=_sign(row, where),
            amount=exact(row, "sz", where),
            price=exact(row, "px", where),
            fee=exact(row, "fee", where),
            fee_currency=str(row.get("feeToken") or _CURRENCY),
            maker=not field(row, "crossed", where),
            at=at(row, "time", where),
        )

    def fill_ms(self, row: Any) -> int:
        """Time of a fill."""
        return int(field(row, "time", "hyperliquid fill"))

    def position(self, row: Any, market: Market) -> VenuePosition | None:
        """Read one of ``assetPositions``."""
        where = f"{market.instrument_id} position"
        entry = field(row, "position", where)
        amount = exact(entry, "szi", where)
        if not amount:
            return None
        return VenuePosition(
            venue=market.venue,
            venue_symbol=market.venue_symbol,
            amount=amount,
            entry_price=exact(entry, "entryPx", where),
            unrealised_profit=exact(entry, "unrealizedPnl", where),
            liquidation_price=exact_or_none(entry, "liquidationPx", where),
        )

    def balances(self, body: Any) -> tuple[Balance, ...]:
        """Read the margin summary: account value, and what of it may be withdrawn."""
        where = f"{self._profile.venue} account"
        equity = exact(field(body, "marginSummary", where), "accountValue", where)
        return (Balance(self._profile.venue, _CURRENCY, equity, exact(body, "withdrawable", where)),)

    async def hedged(self, client: Any) -> bool:
        """The venue nets all fills of a symbol."""
        return False

    async def account_terms(self, client: Any, symbol: str, market: Market) -> AccountTerms:
        """Read ``activeAssetData``."""
        where = f"{market.instrument_id} account terms"
        row = await client.publicPostInfo(
            {"type": "activeAssetData", "user": client.walletAddress, "coin": market.venue_symbol}
        )
        leverage = field(row, "leverage", where)
        mode = _MARGIN_MODES.get(str(field(leverage, "type", where)))
        if mode is None:
            raise VenueUnavailableError(
                f"{where}: margin mode {leverage['type']!r} is none of {', '.join(_MARGIN_MODES)}"
            )
        return AccountTerms(market.venue_symbol, int(field(leverage, "value", where)), mode, "one_way")

    async def set_leverage(self, client: Any, symbol: str, leverage: int, terms: AccountTerms) -> None:
        """One request sets leverage and margin mode together; the mode is the one read before."""
        await client.set_leverage(leverage, symbol, {"marginMode": terms.margin_mode})


def _status(told: str, *, waiting: bool, partial: bool, where: str) -> OrderStatus:
    if told == "open":
        if waiting:
            return "untriggered"
        return "partial" if partial else "open"
    if told in ("triggered", "filled"):
        return "triggered" if told == "triggered" else "filled"
    if told == "rejected" or told.endswith("Rejected"):
        return "rejected"
    if told in ("canceled", "scheduledCancel") or told.endswith("Canceled"):
        return "canceled"
    raise VenueUnavailableError(f"{where}: status {told!r} is not known")


def _time_name(row: dict[str, Any]) -> str:
    return "statusTimestamp" if "statusTimestamp" in row else "timestamp"


def _sign(row: Any, where: str) -> Sign:
    side = field(row, "side", where)
    if side not in _SIGNS:
        raise VenueUnavailableError(f"{where}: side {side!r} is none of {', '.join(_SIGNS)}")
    return _SIGNS[side]
