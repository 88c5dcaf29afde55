"""The baseline: the same cost whatever is traded, as simple backtests and paper accounts assume.

Read next: ``members.py``.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FIXED_COST_PRIOR", "FixedCostParameters", "average_cost_bps"]


@dataclass(frozen=True, slots=True)
class FixedCostParameters:
    """``cost_bps`` of any order, spread included."""

    cost_bps: float = 10.0
    volatility_power: ClassVar[float] = 0.0


FIXED_COST_PRIOR: Final = FixedCostParameters()
"""10 bps (0.1 %), a habit and no measurement: what the blend is held against."""


def average_cost_bps(
    size_over_adv: ArrayLike,
    volatility_daily_frac: ArrayLike,
    horizon_sessions: ArrayLike,
    parameters: FixedCostParameters = FIXED_COST_PRIOR,
) -> NDArray[np.float64]:
    """The same cost for every size above 0, bps, and 0 for none; NaN where size, volatility or horizon is missing."""
    size, horizon = np.asarray(size_over_adv, dtype=np.float64), np.asarray(horizon_sessions, dtype=np.float64)
    answered = np.where(np.isfinite(volatility_daily_frac) & np.isfinite(size) & (horizon > 0.0), 1.0, np.nan)
    charged: NDArray[np.float64] = np.where(size > 0.0, parameters.cost_bps, 0.0) * answered
    return charged
