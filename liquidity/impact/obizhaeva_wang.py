"""Obizhaeva and Wang (2013): a block-shaped book that refills exponentially, traded in the cheapest way.

Read next: ``propagator.py``.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import observed_number, or_none

__all__ = ["OBIZHAEVA_WANG_PRIOR", "ObizhaevaWangParameters", "ObizhaevaWangPlan", "average_cost_bps", "obizhaeva_wang"]


@dataclass(frozen=True, slots=True)
class ObizhaevaWangParameters:
    """Depth and refill of the book.

    ``depth_slope`` is the displacement, in daily volatilities, of one day's volume taken at once;
    ``resilience_per_session`` the speed at which it is forgotten.
    """

    depth_slope: float = 4.2231
    resilience_per_session: float = 2.2231
    volatility_power: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        if not self.resilience_per_session >= 0.0:
            raise ConfigError(
                f"obizhaeva_wang.resilience_per_session: found {self.resilience_per_session}, allowed >= 0"
            )


OBIZHAEVA_WANG_PRIOR: Final = ObizhaevaWangParameters()
"""Resilience of the paper's base case (half-life near 120 minutes of a 390-minute session).

The slope is 2 + resilience: an order worked over one session then costs what the linear prior says. A judgement of scale.
"""


@dataclass(frozen=True, slots=True)
class ObizhaevaWangPlan:
    """Cheapest schedule: ``block`` units at the start and at the end, ``rate`` units per time between, and its ``cost``."""

    block: float | None
    rate: float | None
    cost: float | None


def obizhaeva_wang(X: float | None, T: float | None, rho: float | None, kappa: float | None) -> ObizhaevaWangPlan:
    """Cheapest way to trade ``X`` by time ``T`` for a risk-neutral trader.

    block = X / (rho T + 2), rate = rho X / (rho T + 2), cost = kappa X^2 / (rho T + 2).

    Parameters
    ----------
    X
        Signed order, units; block and rate have its sign, the cost is positive.
    T
        Time allowed, >= 0; at 0 both blocks are traded at once.
    rho
        Resilience of the book, per unit of time, >= 0.
    kappa
        Transient impact, price per unit.

    Returns
    -------
    ObizhaevaWangPlan
        Cost in price times units, without spread and permanent impact. Null when an input is missing or ``T`` or
        ``rho`` is below 0.

    References
    ----------
    Obizhaeva and Wang (2013), Optimal trading strategy and supply/demand dynamics, Journal of Financial Markets 16(1),
    1-32, proposition 3.

    Examples
    --------
    >>> obizhaeva_wang(X=500, T=0.5, rho=10, kappa=0.014).block
    71.42857142857143
    """
    size, time, resilience = observed_number(X), observed_number(T), observed_number(rho)
    if not (time >= 0.0 and resilience >= 0.0):
        return ObizhaevaWangPlan(None, None, None)
    block = size / (resilience * time + 2.0)
    return ObizhaevaWangPlan(
        or_none(block), or_none(resilience * block), or_none(observed_number(kappa) * size * block)
    )


def average_cost_bps(
    size_over_adv: ArrayLike,
    volatility_daily_frac: ArrayLike,
    horizon_sessions: ArrayLike,
    parameters: ObizhaevaWangParameters = OBIZHAEVA_WANG_PRIOR,
) -> NDArray[np.float64]:
    """Average cost beyond half of the spread, bps; see ``members.py`` for what every member promises."""
    size, horizon = np.asarray(size_over_adv, dtype=np.float64), np.asarray(horizon_sessions, dtype=np.float64)
    refilled = parameters.resilience_per_session * np.where(horizon > 0.0, horizon, np.nan) + 2.0
    return 1e4 * parameters.depth_slope * np.asarray(volatility_daily_frac, dtype=np.float64) * size / refilled
