"""Numbers of an order or position that are judged beside its cost: time to work it, risk score, holding time, tier.

Read next: ``assessment.py`` and ``assessment_table.py``, which ask them of one order and of a whole portfolio.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["holding_sessions", "order_horizon", "risk_score", "tier_of_score"]

_SCORE_TIERS: Final = ((80.0, "ultra_liquid"), (60.0, "liquid"), (40.0, "moderate"), (20.0, "illiquid"))
_HOLDING_SHARE: Final = 0.25
_LONGEST_HOLDING: Final = 250.0


def order_horizon(days: NDArray[np.float64], min_horizon_sessions: float) -> NDArray[np.float64]:
    """Time an order is worked: the days its participation takes, the urgency's least time at least; NaN is never."""
    return np.maximum(days, min_horizon_sessions)


def risk_score(
    order_adv_frac: NDArray[np.float64], cost_now_bps: NDArray[np.float64], score: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Liquidity risk 0-100, 100 is worst: size over 20 % of ADV up to 40, cost now over 50 bps up to 30, 0.3 (100 - score).

    An unknown volume or cost counts as the worst of its part, an unknown score as 50: who cannot tell is not safe.

    Examples
    --------
    >>> risk_score(np.array([0.1]), np.array([25.0]), np.array([50.0])).tolist()
    [50.0]
    """
    size = np.where(np.isnan(order_adv_frac), 1.0, np.minimum(order_adv_frac / 0.20, 1.0))
    cost = np.where(np.isnan(cost_now_bps), 1.0, np.minimum(cost_now_bps / 50.0, 1.0))
    illiquid = (100.0 - np.where(np.isnan(score), 50.0, score)) / 100.0
    return 40.0 * size + 30.0 * cost + 30.0 * illiquid


def holding_sessions(
    cost_bps: NDArray[np.float64], volatility_daily_frac: NDArray[np.float64], days: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sessions to hold so that buying and selling costs a quarter of the price's standard deviation, no less than the exit takes.

    T with 2 c = 1/4 sigma sqrt(T); a rule of judgement. NaN without cost, volatility or volume, and where a year of 250
    sessions is too short: prices that hardly move never pay for a round trip.
    """
    sigma = np.where(volatility_daily_frac > 0.0, volatility_daily_frac, np.nan)
    needed = np.maximum((2.0 * cost_bps / 1e4 / (_HOLDING_SHARE * sigma)) ** 2, days)
    return np.where(needed <= _LONGEST_HOLDING, needed, np.nan)


def tier_of_score(score: float) -> str:
    """Word of a liquidity score: ultra_liquid from 80, liquid from 60, moderate from 40, illiquid from 20, else distressed."""
    if np.isnan(score):
        return "unknown"
    return next((name for least, name in _SCORE_TIERS if score >= least), "distressed")
