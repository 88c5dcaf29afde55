"""How far a bond's trades lie from its valuation."""

from dataclasses import dataclass

import numpy as np

from liquidity.domain.errors import ContractError
from liquidity.domain.observation import Observations, observed, observed_number

__all__ = ["PriceDispersion", "price_dispersion"]


@dataclass(frozen=True, slots=True)
class PriceDispersion:
    """``dispersion`` in price, ``rel_bps`` the same in bps of the valuation."""

    dispersion: float | None
    rel_bps: float | None


def price_dispersion(prices: Observations, volumes: Observations, m: float | None) -> PriceDispersion:
    """Volume-weighted root mean squared distance of trade prices from a valuation.

    d = sqrt(sum v_k (p_k - m)^2 / sum v_k).

    Parameters
    ----------
    prices, volumes
        One per trade; trades with a missing entry or a non-positive volume are left out.
    m
        Valuation from outside; the volume-weighted average price when missing.

    Returns
    -------
    PriceDispersion
        Null without a usable trade, or when the valuation is not above 0.

    Raises
    ------
    ContractError
        The series differ in length.

    References
    ----------
    Jankowitsch, Nashikkar and Subrahmanyam (2011), Journal of Banking and Finance 35(2), 343-357, eq. (4).

    Examples
    --------
    >>> price_dispersion([99.0, 101.0], [10.0, 10.0], m=100.0)
    PriceDispersion(dispersion=1.0, rel_bps=100.0)
    """
    paid, sizes = observed(prices), observed(volumes)
    if len(paid) != len(sizes):
        raise ContractError(
            f"price_dispersion: {len(paid)} prices but {len(sizes)} volumes; pass one volume for each price"
        )
    usable = ~np.isnan(paid) & (sizes > 0.0)
    paid, sizes = paid[usable], sizes[usable]
    if len(paid) == 0:
        return PriceDispersion(None, None)
    valuation = float((paid * sizes).sum() / sizes.sum()) if np.isnan(observed_number(m)) else observed_number(m)
    if not valuation > 0.0:
        return PriceDispersion(None, None)
    dispersion = float(np.sqrt((sizes * (paid - valuation) ** 2).sum() / sizes.sum()))
    return PriceDispersion(dispersion, 1e4 * dispersion / valuation)
