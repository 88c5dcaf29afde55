"""The integer grid of a market: decimal prices and sizes to whole ticks and lots, and back, exactly.

Read next: ``block.py`` (columns on this grid).
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError
from liquidity.domain.market_data import Market, MarketKind

__all__ = ["BookGrid"]

_OFF_GRID = 1e-6  # of a step: float noise of a decimal below 2**53 steps stays far under it


@dataclass(frozen=True, slots=True)
class BookGrid:
    """Steps and units of one market.

    Parameters
    ----------
    tick_size, lot_size
        Price step in quote currency and size step in amount units, exact.
    contract_size, kind
        As in :class:`~liquidity.domain.market_data.Market`: what one amount unit is worth.
    """

    tick_size: Decimal
    lot_size: Decimal
    contract_size: float = 1.0
    kind: MarketKind = "spot"

    def __post_init__(self) -> None:
        """Refuse a grid without steps."""
        for name, step in (("tick_size", self.tick_size), ("lot_size", self.lot_size)):
            if not (step.is_finite() and step > 0):
                raise ContractError(f"book grid: {name} {step}, allowed above 0; take it from the venue's market list")

    @classmethod
    def of_market(cls, market: Market) -> "BookGrid":
        """Take the steps of a venue's market."""
        return cls(market.tick_size, market.lot_size, market.contract_size, market.kind)

    def ticks(self, prices: NDArray[np.float64]) -> NDArray[np.int64]:
        """Prices to whole ticks; a price off the grid raises :class:`ContractError` and names the first one."""
        return _whole_steps(prices, float(self.tick_size), "price", self.tick_size)

    def lots(self, sizes: NDArray[np.float64]) -> NDArray[np.int64]:
        """Sizes to whole lots; a size off the grid, negative or not finite raises :class:`ContractError`."""
        lots = _whole_steps(sizes, float(self.lot_size), "size", self.lot_size)
        if len(lots) and int(lots.min()) < 0:
            raise ContractError(f"book grid: size {sizes[int(lots.argmin())]}, allowed 0 and above")
        return lots

    def prices(self, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Whole ticks to prices in quote currency, each the float nearest to the decimal price.

        Examples
        --------
        >>> BookGrid(Decimal("0.1"), Decimal("0.001")).prices(np.array([3, 612345]))
        array([3.00000e-01, 6.12345e+04])
        """
        return _from_steps(ticks, self.tick_size)

    def sizes(self, lots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Whole lots to amount units."""
        return _from_steps(lots, self.lot_size)


def _whole_steps(values: NDArray[np.float64], step: float, what: str, exact: Decimal) -> NDArray[np.int64]:
    steps = np.asarray(values, dtype=np.float64) / step
    whole = np.rint(steps)
    bad = ~(np.abs(steps - whole) <= _OFF_GRID * np.maximum(1.0, np.abs(steps) * 1e-9))
    bad |= ~(np.abs(whole) < 2.0**53)
    if bad.any():
        place = int(bad.argmax())
        raise ContractError(f"book grid: {what} {values[place]} at row {place} is no multiple of {exact}")
    return whole.astype(np.int64)


def _from_steps(steps: NDArray[np.int64], exact: Decimal) -> NDArray[np.float64]:
    # Multiplying by an integer numerator and dividing by an integer power of ten rounds once: 0.1 * 3 would round twice.
    numerator, denominator = exact.as_integer_ratio()
    return np.asarray(steps, dtype=np.int64) * np.float64(numerator) / np.float64(denominator)
