"""Linear impact: cost in proportion to size, whatever the time taken.

Read next: ``square_root.py``.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.observation import observed_number, or_none

__all__ = ["LINEAR_PRIOR", "LinearCost", "LinearParameters", "average_cost_bps", "linear_impact"]


@dataclass(frozen=True, slots=True)
class LinearParameters:
    """``slope`` k: average cost, in daily volatilities, of trading one day's volume."""

    slope: float = 1.0
    volatility_power: ClassVar[float] = 1.0


LINEAR_PRIOR: Final = LinearParameters()
"""k = 1 until calibrated: a convention of scale, not a measurement."""


@dataclass(frozen=True, slots=True)
class LinearCost:
    """Average cost including half of the spread, bps, >= 0."""

    cost_bps: float | None


def linear_impact(
    Q: float | None, V: float | None, sigma: float | None, k: float | None, half_spread_bps: float | None
) -> LinearCost:
    """Cost of an order under linear impact: half_spread + 1e4 k sigma |Q| / V.

    Parameters
    ----------
    Q, V
        Order and average daily volume, same unit; the sign of ``Q`` does not matter.
    sigma
        Daily volatility, fraction.
    k
        Dimensionless slope.
    half_spread_bps
        Half of the quoted spread.

    Returns
    -------
    LinearCost
        Null when an input is missing or ``V`` is not above 0.

    Notes
    -----
    Fair for orders below about 1 % of daily volume; dearer than what is observed above.

    References
    ----------
    Kyle (1985), Econometrica 53(6), 1315-1335.

    Examples
    --------
    >>> linear_impact(Q=1e5, V=1e7, sigma=0.02, k=1.0, half_spread_bps=1.5)
    LinearCost(cost_bps=3.5)
    """
    size, volume, half_spread = abs(observed_number(Q)), observed_number(V), observed_number(half_spread_bps)
    if not volume > 0.0:
        return LinearCost(None)
    impact = 1e4 * observed_number(k) * observed_number(sigma) * size / volume
    return LinearCost(or_none(half_spread + impact))


def average_cost_bps(
    size_over_adv: ArrayLike,
    volatility_daily_frac: ArrayLike,
    horizon_sessions: ArrayLike,
    parameters: LinearParameters = LINEAR_PRIOR,
) -> NDArray[np.float64]:
    """Average cost beyond half of the spread, bps; see ``members.py`` for what every member promises."""
    size, horizon = np.asarray(size_over_adv, dtype=np.float64), np.asarray(horizon_sessions, dtype=np.float64)
    timeless = np.where(horizon > 0.0, 1.0, np.nan)
    return 1e4 * parameters.slope * np.asarray(volatility_daily_frac, dtype=np.float64) * size * timeless
