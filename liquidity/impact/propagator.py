"""Transient impact that fades as a power of time: every trade moves the price, and the price forgets slowly.

Read next: ``fixed_cost.py``.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed, observed_number

__all__ = ["PROPAGATOR_PRIOR", "PropagatorParameters", "PropagatorPath", "average_cost_bps", "propagator"]


@dataclass(frozen=True, slots=True)
class PropagatorParameters:
    """``strength``, decay ``gamma`` in [0, 1) and exponent ``delta`` in (0, 1] of the trading rate; gamma + delta >= 1.

    Below 1 a round trip could earn money from its own impact (Gatheral 2010), and waiting would cost more.
    """

    strength: float = 0.79
    gamma: float = 0.5
    delta: float = 0.6
    volatility_power: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.gamma < 1.0 and 0.0 < self.delta <= 1.0 and self.gamma + self.delta >= 1.0):
            raise ConfigError(
                f"propagator: found gamma {self.gamma}, delta {self.delta}; allowed [0, 1), (0, 1] and a sum of 1 or "
                "more (below it the model admits price manipulation)"
            )


PROPAGATOR_PRIOR: Final = PropagatorParameters()
"""Decay within the 0.3 to 0.5 that is usually measured, exponent of Almgren et al. (2005).

The strength agrees with the square-root prior for 1 % of daily volume in one session. A judgement of scale.
"""


@dataclass(frozen=True, slots=True)
class PropagatorPath:
    """Displacement right after each trade, price units; and whether the parameters admit no price manipulation."""

    path: list[float | None]
    free_of_manipulation: bool | None


def propagator(
    volumes: Observations, g0: float | None, l0: float | None, gamma: float | None, delta: float | None
) -> PropagatorPath:
    """Displacement that a sequence of trades leaves: sum over j <= k of G(k - j) f(v_j).

    f(v) = sign(v) |v|^delta and G(l) = g0 (l0 / (l0 + l))^gamma, l in trades.

    Parameters
    ----------
    volumes
        Signed, oldest first; a 0 is a step without trade. From the first missing one on, the path is missing.
    g0, l0
        Impact of a unit trade, and the lag (above 0) at which it begins to fade.
    gamma, delta
        Decay and size exponents.

    Returns
    -------
    PropagatorPath
        All null when a parameter is missing or ``l0`` is not above 0. ``free_of_manipulation`` says gamma + delta >= 1.

    References
    ----------
    Bouchaud, Gefen, Potters and Wyart (2004), Quantitative Finance 4(2), 176-190. Gatheral (2010), Quantitative Finance
    10(7), 749-759, for the condition.

    Examples
    --------
    >>> propagator([100, 0], g0=0.001, l0=20, gamma=0.3, delta=0.5).path[0]
    0.01
    """
    trades = observed(volumes)
    lag, decay, power = observed_number(l0), observed_number(gamma), observed_number(delta)
    pushed = np.sign(trades) * np.abs(trades) ** power
    kernel = (
        observed_number(g0) * (lag / (lag + np.arange(len(trades)))) ** decay
        if lag > 0.0
        else np.full(len(trades), np.nan)
    )
    path = np.convolve(pushed, kernel)[: len(trades)] if len(trades) else pushed
    known = not np.isnan(decay + power)
    return PropagatorPath(
        [float(value) if np.isfinite(value) else None for value in path],
        bool(decay + power >= 1.0) if known else None,
    )


def average_cost_bps(
    size_over_adv: ArrayLike,
    volatility_daily_frac: ArrayLike,
    horizon_sessions: ArrayLike,
    parameters: PropagatorParameters = PROPAGATOR_PRIOR,
) -> NDArray[np.float64]:
    """Average cost beyond half of the spread, bps; see ``members.py`` for what every member promises.

    Trading q evenly over T under G(t) = strength * t^-gamma pays on average
    strength q^delta T^(1 - gamma - delta) / ((1 - gamma) (2 - gamma)).
    """
    size, horizon = np.asarray(size_over_adv, dtype=np.float64), np.asarray(horizon_sessions, dtype=np.float64)
    gamma, delta = parameters.gamma, parameters.delta
    waited = np.where(horizon > 0.0, horizon, np.nan) ** (1.0 - gamma - delta)
    scale = 1e4 * parameters.strength / ((1.0 - gamma) * (2.0 - gamma))
    return scale * np.asarray(volatility_daily_frac, dtype=np.float64) * size**delta * waited
