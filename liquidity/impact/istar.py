"""Kissell's I-Star: the cost of trading everything at once, shared out by the rate of participation.

Read next: ``obizhaeva_wang.py``.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import observed_number, or_none

__all__ = ["ISTAR_PRIOR", "IStarCost", "IStarParameters", "average_cost_bps", "istar"]

_TRADING_DAYS: Final = 250.0
"""Days of the year in the paper's timing risk; the coefficients belong to the same convention."""


@dataclass(frozen=True, slots=True)
class IStarParameters:
    """``a1`` bps at full size and 100 % annual volatility, ``a2`` size, ``a3`` volatility and ``a4`` participation exponent.

    ``b1`` in [0, 1] is the temporary share, the only part that participation lowers.
    """

    a1: float = 708.0
    a2: float = 0.55
    a3: float = 0.71
    a4: float = 0.50
    b1: float = 0.98

    def __post_init__(self) -> None:
        if not (0.0 < self.a2 <= 1.0 and self.a4 >= 0.0 and 0.0 <= self.b1 <= 1.0):
            raise ConfigError(f"istar: found a2 {self.a2}, a4 {self.a4}, b1 {self.b1}; allowed (0, 1], >= 0, [0, 1]")

    @property
    def volatility_power(self) -> float:
        """Exponent of volatility."""
        return self.a3


ISTAR_PRIOR: Final = IStarParameters()
"""Illustrative all-stock set of the book (US equities); a4 and b1 are quoted from memory of it and not verified."""


@dataclass(frozen=True, slots=True)
class IStarCost:
    """Cost of the whole order at once, cost at the given participation, and one standard deviation of waiting; bps."""

    istar_bps: float | None
    mi_bps: float | None
    timing_risk_bps: float | None


def istar(
    Q: float | None,
    ADV: float | None,
    sigma: float | None,
    pov: float | None,
    a1: float | None = 708.0,
    a2: float | None = 0.55,
    a3: float | None = 0.71,
    a4: float | None = 0.50,
    b1: float | None = 0.98,
) -> IStarCost:
    """Cost of an order at a rate of participation.

    I* = a1 (|Q|/ADV)^a2 sigma^a3; MI = b1 I* pov^a4 + (1 - b1) I*;
    timing risk = 1e4 sigma sqrt((1/3) (1/250) (|Q|/ADV) (1 - pov) / pov).

    Parameters
    ----------
    Q, ADV
        Order and average daily volume, same unit.
    sigma
        ANNUAL volatility, fraction.
    pov
        Share of the market's volume, own included: Q / (Q + other volume meanwhile), in [0, 1]; at 0 the order takes
        for ever, and its timing risk is infinite.
    a1, a2, a3, a4, b1
        Coefficients; defaults are the illustrative all-stock set.

    Returns
    -------
    IStarCost
        Null where an input that it needs is missing, ``ADV`` is not above 0 or ``pov`` is outside [0, 1].

    References
    ----------
    Kissell (2014), The Science of Algorithmic Trading and Portfolio Management, chapters 5-6.

    Examples
    --------
    >>> round(istar(Q=1e5, ADV=1e6, sigma=0.25, pov=0.1).mi_bps, 1)
    24.6
    """
    size, volume, volatility = abs(observed_number(Q)), observed_number(ADV), observed_number(sigma)
    share = observed_number(pov)
    if not (volume > 0.0 and volatility >= 0.0):
        return IStarCost(None, None, None)
    whole = observed_number(a1) * (size / volume) ** observed_number(a2) * volatility ** observed_number(a3)
    if not 0.0 <= share <= 1.0:
        return IStarCost(or_none(whole), None, None)
    temporary = observed_number(b1)
    cost = temporary * whole * share ** observed_number(a4) + (1.0 - temporary) * whole
    waiting = 0.0
    if size > 0.0 and volatility > 0.0:
        sessions = size / volume * (1.0 - share) / share if share > 0.0 else math.inf
        waiting = 1e4 * volatility * math.sqrt(sessions / (3.0 * _TRADING_DAYS))
    return IStarCost(or_none(whole), or_none(cost), or_none(waiting))


def average_cost_bps(
    size_over_adv: ArrayLike,
    volatility_daily_frac: ArrayLike,
    horizon_sessions: ArrayLike,
    parameters: IStarParameters = ISTAR_PRIOR,
) -> NDArray[np.float64]:
    """Average cost beyond half of the spread, bps; see ``members.py`` for what every member promises.

    The others trade their usual ``horizon * ADV`` meanwhile, so pov = q / (q + horizon).
    """
    size, horizon = np.asarray(size_over_adv, dtype=np.float64), np.asarray(horizon_sessions, dtype=np.float64)
    volatility = np.asarray(volatility_daily_frac, dtype=np.float64) * math.sqrt(_TRADING_DAYS)
    share = size / (size + np.where(horizon > 0.0, horizon, np.nan))
    kept = parameters.b1 * share**parameters.a4 + (1.0 - parameters.b1)
    return parameters.a1 * size**parameters.a2 * volatility**parameters.a3 * kept
