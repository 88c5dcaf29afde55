"""Open, reduce, close and list positions, on top of any order entry.

Each step is one market order and no more: after an unknown outcome the order is looked up, never sent again, and what is
still unknown then is the caller's to resolve (:attr:`PositionStep.resolved`). Read next: ``liquidity/ports/order_entry.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from liquidity.domain.errors import ConfigError, LiquidityError
from liquidity.domain.order import Ack, OrderIntent, OrderOutcome, OrderState, Reject, Sign, Unknown, VenuePosition
from liquidity.ports.order_entry import OrderEntry

__all__ = ["PositionStep", "close_position", "list_positions", "open_position", "reduce_position"]


@dataclass(frozen=True, slots=True)
class PositionStep:
    """What one step did.

    Attributes
    ----------
    outcome
        The venue's answer to the order.
    order
        The order as read after it; ``None`` when it was refused, or could not be found.
    position_amount
        Signed base units as read after the step; 0 is flat.
    """

    outcome: OrderOutcome
    order: OrderState | None
    position_amount: Decimal

    @property
    def resolved(self) -> bool:
        """Whether it is certain what became of the order."""
        return isinstance(self.outcome, Reject) or (self.order is not None and not self.order.live)


async def list_positions(entry: OrderEntry) -> Sequence[VenuePosition]:
    """Open positions of the account, by symbol."""
    return await entry.positions()


async def open_position(
    entry: OrderEntry, client_id: str, venue_symbol: str, side_sign: Sign, amount: Decimal, reference_price: Decimal
) -> PositionStep:
    """Open a position, or add to one, by a market order.

    Parameters
    ----------
    side_sign
        +1 long, -1 short.
    amount, reference_price
        Base units; a fresh price of the market.

    Raises
    ------
    ConfigError
        A position of the other side is open: reduce or close it first. Nothing was sent.
    """
    held = await _held(entry, venue_symbol)
    if held * side_sign < 0:
        raise ConfigError(
            f"{entry.venue}:{venue_symbol}: cannot open {'long' if side_sign > 0 else 'short'} {amount} while {held} is "
            "held; reduce or close it first"
        )
    intent = OrderIntent(client_id, venue_symbol, side_sign, "market", amount, reference_price=reference_price)
    return await _step(entry, intent)


async def reduce_position(
    entry: OrderEntry, client_id: str, venue_symbol: str, amount: Decimal, reference_price: Decimal
) -> PositionStep:
    """Bring a position nearer to zero by ``amount`` base units, or to zero where less is held.

    Raises
    ------
    ConfigError
        Nothing is held. Nothing was sent.
    """
    held = await _held(entry, venue_symbol)
    if not held:
        raise ConfigError(f"{entry.venue}:{venue_symbol}: no position to reduce")
    intent = OrderIntent(
        client_id,
        venue_symbol,
        -1 if held > 0 else 1,
        "market",
        min(amount, abs(held)),
        reference_price=reference_price,
        reduce_only=True,
    )
    return await _step(entry, intent)


async def close_position(
    entry: OrderEntry, client_id: str, venue_symbol: str, reference_price: Decimal
) -> PositionStep:
    """Bring a position to zero; :class:`ConfigError` where nothing is held."""
    held = await _held(entry, venue_symbol)
    if not held:
        raise ConfigError(f"{entry.venue}:{venue_symbol}: no position to close")
    return await reduce_position(entry, client_id, venue_symbol, abs(held), reference_price)


async def _step(entry: OrderEntry, intent: OrderIntent) -> PositionStep:
    outcome = await entry.submit(intent)
    order = outcome.state if isinstance(outcome, Ack) else None
    if order is None and isinstance(outcome, Ack | Unknown):
        try:
            order = await entry.lookup(intent.client_id, intent.venue_symbol)
        except LiquidityError:
            order = None
    return PositionStep(outcome, order, await _held(entry, intent.venue_symbol))


async def _held(entry: OrderEntry, venue_symbol: str) -> Decimal:
    found = [position.amount for position in await entry.positions() if position.venue_symbol == venue_symbol]
    return sum(found, Decimal(0))
