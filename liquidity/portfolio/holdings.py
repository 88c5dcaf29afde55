"""A portfolio as arrays: what is held, what it is worth in one currency, and where each position stands on the surface.

A position that cannot be valued or traded stays in the table with its reason; every consumer counts it apart and never as
zero. Read next: ``ladder.py``, ``assessment.py``.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError
from liquidity.domain.origin import joint_origin

__all__ = ["Holdings"]


@dataclass(frozen=True, slots=True)
class Holdings:
    """Positions of one portfolio at one moment, struct of arrays over P positions.

    Attributes
    ----------
    portfolio_id, base_currency
        Whose, and the currency of ``value_base`` and of every money amount derived from it.
    cash_base, equity_base
        Cash and equity (net asset value) in the base currency; equity may be negative.
    instrument_id
        (P,) object array of identifiers.
    quantity
        (P,) signed units (face amount divided by price unit for bonds); negative is short.
    price
        (P,) price of one unit in the instrument's currency; NaN where none is known or the last is too old.
    fx
        (P,) base currency per unit of the instrument's currency.
    value_base
        (P,) signed quantity * price * fx; NaN where price is.
    place
        (P,) row of the instrument on the surface; -1 where the surface does not know it.
    asset_class, sector, rating, issuer_id
        (P,) object arrays; None where unknown.
    settlement_days
        (P,) sessions from sale to cash.
    price_age_sessions
        (P,) sessions since the price was observed; NaN without price.
    reason
        (P,) object array: why the position is left out of a number; empty where it is complete.
    """

    portfolio_id: str
    base_currency: str
    cash_base: float
    equity_base: float
    instrument_id: NDArray[np.object_]
    quantity: NDArray[np.float64]
    price: NDArray[np.float64]
    fx: NDArray[np.float64]
    value_base: NDArray[np.float64]
    place: NDArray[np.int64]
    asset_class: NDArray[np.object_]
    sector: NDArray[np.object_]
    rating: NDArray[np.object_]
    issuer_id: NDArray[np.object_]
    settlement_days: NDArray[np.int64]
    price_age_sessions: NDArray[np.float64]
    reason: NDArray[np.object_]

    def __post_init__(self) -> None:
        lengths = {
            field.name: len(getattr(self, field.name))
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        if len(set(lengths.values())) > 1:
            raise ContractError(f"holdings of {self.portfolio_id}: arrays differ in length: {lengths}")

    def __len__(self) -> int:
        return len(self.instrument_id)

    @property
    def side_sign(self) -> NDArray[np.float64]:
        """(P,) side of the order that closes the position: -1 sells a long, +1 buys a short, 0 for none."""
        return -np.sign(self.quantity)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(P,) whether the position has a value and a place on the surface."""
        found: NDArray[np.bool_] = np.isfinite(self.value_base) & (self.place >= 0)
        return found

    def joint_origin(self, surface_origin: NDArray[np.object_]) -> str:
        """Origin of the portfolio's instruments, from the surface's (N,): recorded, simulated, or mixed."""
        return joint_origin(surface_origin[self.place[self.place >= 0]])
