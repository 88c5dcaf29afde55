"""Value at risk of a position that takes time and money to leave.

Three parts: the price while the position is wound down, half of a wide spread (exogenous: nobody's size matters), and the
impact of the position's own size (endogenous), the latter two read from the liquidity surface. Read next: ``engine.py``.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.observation import observed_number, or_none
from liquidity.impact.surface import LiquiditySurface

__all__ = [
    "LIQUIDITY_HORIZONS",
    "ExitCosts",
    "LiquidityAdjusted",
    "exit_costs",
    "frtb_es",
    "horizon_factor",
    "lvar",
]

LIQUIDITY_HORIZONS: Final = (10, 20, 40, 60, 120)
"""Days of the Basel liquidity horizons (MAR33.12)."""


@dataclass(frozen=True, slots=True)
class LiquidityAdjusted:
    """Price risk, half of a wide spread, their sum (money) and the sum over the price risk; ``None`` where an input is missing."""

    var: float | None
    liquidity_cost: float | None
    lvar: float | None
    ratio: float | None


@dataclass(frozen=True, slots=True)
class ExitCosts:
    """What leaving each of P positions costs and how long it takes; NaN where the surface has no answer.

    Attributes
    ----------
    exogenous, endogenous
        Half of the wide spread and impact beyond it, money in the currency of the sizes, at least 0.
    horizon_sessions
        Sessions over which the position is sold evenly, at least 1.
    wide_spread
        Whether the spread is the quantile of its own history; else it is today's.
    """

    exogenous: NDArray[np.float64]
    endogenous: NDArray[np.float64]
    horizon_sessions: NDArray[np.float64]
    wide_spread: NDArray[np.bool_]


def lvar(V: float, z: float, sigma: float, spread_mean: float, spread_sd: float, k: float) -> LiquidityAdjusted:
    """Value at risk with an exogenous cost of liquidity: V z sigma + V (spread_mean + k spread_sd) / 2.

    Parameters
    ----------
    V
        Value of the position, money, at least 0.
    z, sigma
        Normal quantile of the confidence and daily volatility (fraction).
    spread_mean, spread_sd
        Moments of the relative quoted spread (fraction).
    k
        Standard deviations to the wide spread; 2 to 4.5 at 99 %.

    Returns
    -------
    LiquidityAdjusted
        ``ratio`` is ``None`` where the price risk is 0.

    References
    ----------
    Bangia, Diebold, Schuermann and Stroughair (1999), Risk 12(6); the price part is arithmetic here, lognormal there.

    Examples
    --------
    >>> found = lvar(100.0, 1.65, 0.02, 0.01, 0.0, 0.0)
    >>> round(found.lvar, 6), round(found.ratio, 6)
    (3.8, 1.151515)
    """
    value, quantile, sd, mean, spread, times = (
        observed_number(each) for each in (V, z, sigma, spread_mean, spread_sd, k)
    )
    if value < 0.0:
        raise ConfigError(f"liquidity-adjusted risk: value {V}; give the absolute value of the position")
    price, cost = value * quantile * sd, 0.5 * value * (mean + times * spread)
    ratio = (price + cost) / price if price else math.nan
    return LiquidityAdjusted(or_none(price), or_none(cost), or_none(price + cost), or_none(ratio))


def frtb_es(es: ArrayLike, T: float = 10.0) -> float | None:
    """Expected shortfall over the Basel liquidity horizons (MAR33.4): root of the sum of squares of its steps.

    Parameters
    ----------
    es
        Up to five expected shortfalls of horizon ``T``: all factors moving, then those of a horizon of at least 20, 40, 60
        and 120 days only.
    T
        Base horizon, days.

    Returns
    -------
    float or None
        In the unit of ``es``; ``None`` without a number or with a missing one.

    Raises
    ------
    ConfigError
        More than five numbers, or a base horizon that is not positive.
    """
    given = np.array(es, dtype=np.float64).reshape(-1)
    if given.size > len(LIQUIDITY_HORIZONS) or not T > 0.0:
        raise ConfigError(f"liquidity-horizon shortfall: {given.size} numbers, base {T} days; allowed up to 5, above 0")
    if not given.size:
        return None
    steps = np.diff(LIQUIDITY_HORIZONS)[: given.size - 1] / T
    return or_none(math.sqrt(float(given[0] ** 2 + (given[1:] ** 2 * steps).sum())))


def horizon_factor(sessions: ArrayLike) -> NDArray[np.float64]:
    """Daily risk times this is the risk of a position sold evenly over N sessions: sqrt((N + 1)(2 N + 1) / (6 N)).

    1 at N = 1 (the whole position is held for a session); fractions of a session below 1 count as 1; NaN stays NaN.

    Examples
    --------
    >>> horizon_factor([1.0, 5.0]).round(4).tolist()
    [1.0, 1.4832]
    """
    n = np.maximum(np.asarray(sessions, dtype=np.float64), 1.0)
    factor: NDArray[np.float64] = np.maximum(np.sqrt((n + 1.0) * (2.0 * n + 1.0) / (6.0 * n)), 1.0)
    return factor


def exit_costs(
    surface: LiquiditySurface,
    side_sign: ArrayLike,
    size_ccy: NDArray[np.float64],
    *,
    participation_frac: float,
    wide_spread_bps: NDArray[np.float64] | None = None,
) -> ExitCosts:
    """Read the cost of leaving from the surface, at each position's size and the horizon that its size needs.

    Parameters
    ----------
    surface
        One row per position (``surface.take(places)``).
    side_sign
        Side of the closing order, -1 sells.
    size_ccy
        (P,) absolute value of each position.
    participation_frac
        Share of volume that the sale may take; gives the horizon, at least one session.
    wide_spread_bps
        (P,) full spread that is exceeded rarely, such as the 99 % quantile of its history; NaN or below today's: today's
        counts. ``None``: today's for all.
    """
    size = np.asarray(size_ccy, dtype=np.float64)
    if size.ndim != 1:
        raise ContractError(f"exit costs: sizes of shape {size.shape}; give one per position")
    horizon = np.maximum(surface.days_to_liquidate(size, participation_frac), 1.0)
    cost = surface.cost(side_sign, size, horizon)
    half = np.asarray(cost.half_spread_bps, dtype=np.float64)
    wide = (
        np.full_like(half, np.nan) if wide_spread_bps is None else 0.5 * np.asarray(wide_spread_bps, dtype=np.float64)
    )
    wider = wide >= half
    return ExitCosts(
        exogenous=np.where(wider, wide, half) * 1e-4 * size,
        endogenous=np.asarray(cost.impact_bps, dtype=np.float64) * 1e-4 * size,
        horizon_sessions=horizon,
        wide_spread=wider,
    )
