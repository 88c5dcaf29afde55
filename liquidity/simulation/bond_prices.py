"""Price and modified duration of a fixed coupon bond from its yield, for many bonds at once."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["clean_price", "modified_duration_years"]

_BUMP: Final = 1e-4


def clean_price(
    coupon_frac: NDArray[np.float64], yield_frac: NDArray[np.float64], years: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Price per 100 of face: 100 (c / y (1 - v) + v) with v = (1 + y)^-T, for any T above 0.

    Between coupon dates this is the smooth curve through the annual-coupon prices: it has no accrued interest to
    split off, and it equals 100 wherever the yield equals the coupon.

    Parameters
    ----------
    coupon_frac, yield_frac
        Fractions a year, annual compounding, yield above 0; shape (bonds,).
    years
        Time to redemption, years, above 0; shape (bonds,).

    Examples
    --------
    >>> clean_price(np.array([0.08, 0.08]), np.array([0.08, 0.09]), np.array([2.5, 2.0])).round(4).tolist()
    [100.0, 98.2409]
    """
    discount = (1.0 + yield_frac) ** -years
    price: NDArray[np.float64] = 100.0 * (coupon_frac / yield_frac * (1.0 - discount) + discount)
    return price


def modified_duration_years(
    coupon_frac: NDArray[np.float64], yield_frac: NDArray[np.float64], years: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Relative price fall per unit of yield, years, by a central difference of one basis point each way.

    Examples
    --------
    >>> modified_duration_years(np.array([0.0]), np.array([0.25]), np.array([5.0])).round(6).item()  # T / (1 + y)
    4.0
    """
    up = clean_price(coupon_frac, yield_frac + _BUMP, years)
    down = clean_price(coupon_frac, yield_frac - _BUMP, years)
    duration: NDArray[np.float64] = (down - up) / (2.0 * _BUMP * clean_price(coupon_frac, yield_frac, years))
    return duration
