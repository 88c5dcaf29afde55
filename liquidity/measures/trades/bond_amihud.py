"""Price impact of a bond's single trades within a day."""

import numpy as np

from liquidity.domain.errors import ContractError
from liquidity.domain.observation import Observations, observed

__all__ = ["bond_amihud"]


def bond_amihud(prices: Observations, volumes_m: Observations) -> float | None:
    """Mean absolute return between consecutive trades per million traded.

    mean over j of |p_j / p_{j-1} - 1| / Q_j.

    Parameters
    ----------
    prices
        Trades of one day, in time order.
    volumes_m
        Q, size of each trade in millions of currency.

    Returns
    -------
    float or None
        Fraction per million, >= 0. A step that touches a missing or non-positive price, or a size that is missing or
        not above 0, is left out; ``None`` without any step.

    Raises
    ------
    ContractError
        The series differ in length.

    References
    ----------
    Dick-Nielsen, Feldhutter and Lando (2012), Journal of Financial Economics 103(3), 471-492, section 3.1.

    Examples
    --------
    >>> bond_amihud([100.0, 101.0], [0.5, 2.0])
    0.0050000000000000044
    """
    paid, sizes = observed(prices), observed(volumes_m)
    if len(paid) != len(sizes):
        raise ContractError(f"bond_amihud: {len(paid)} prices but {len(sizes)} volumes; pass one volume for each price")
    paid = np.where(paid > 0.0, paid, np.nan)
    usable = ~np.isnan(paid[1:] / paid[:-1]) & (sizes[1:] > 0.0)
    if not usable.any():
        return None
    impact = np.abs(paid[1:] / paid[:-1] - 1.0)[usable] / sizes[1:][usable]
    return float(impact.mean())
