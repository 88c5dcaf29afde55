"""Volatility that moves with the market, and historical simulation filtered by it.

Read next: ``rolling_var.py``, where every model forecasts a history day by day.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed, or_none
from liquidity.market_risk.parametric import ParametricRisk
from liquidity.market_risk.tail import checked_confidence, es_of_rows, var_of_rows

__all__ = [
    "RISKMETRICS_DECAY",
    "EwmaVolatility",
    "GarchFilter",
    "ewma_variance_of_rows",
    "ewma_vol",
    "fhs_of_rows",
    "fhs_var",
    "garch11_filter",
]

RISKMETRICS_DECAY: Final = 0.94
"""Daily decay of J.P. Morgan's RiskMetrics (1996)."""

_BACKCAST_N: Final = 75
_BACKCAST_DECAY: Final = 0.94
_FORECAST_STEPS: Final = 5


@dataclass(frozen=True, slots=True)
class EwmaVolatility:
    """Volatility of the last observation as it was foreseen, and of the next one; unit of the returns."""

    last_vol: float | None
    next_vol: float | None


@dataclass(frozen=True, slots=True)
class GarchFilter:
    """Volatility of the last observation, and the variance of the next five steps; percent and percent squared."""

    last_vol: float | None
    forecast_var: list[float]


def ewma_vol(returns: Observations, lam: float = RISKMETRICS_DECAY) -> EwmaVolatility:
    """Exponentially weighted volatility: s2_t = lam s2_(t-1) + (1 - lam) r_(t-1)^2.

    Started at the mean of the first 75 squared returns with weights 0.94^i, as the package arch does.

    Parameters
    ----------
    returns
        In time order, mean zero; missing ones are left out.
    lam
        Decay in (0, 1).
    """
    values = _complete(returns)
    if not values.size:
        return EwmaVolatility(None, None)
    variance = ewma_variance_of_rows(values[None, :], lam)[0]
    return EwmaVolatility(math.sqrt(variance[-2]), math.sqrt(variance[-1]))


def ewma_variance_of_rows(rows: NDArray[np.float64], lam: float) -> NDArray[np.float64]:
    """Variances (M, W + 1) of each row of (M, W) returns: of each return before it was seen, then of the next one."""
    if not 0.0 < lam < 1.0:
        raise ConfigError(f"volatility filter: decay is {lam}, allowed between 0 and 1, both excluded")
    squares = rows * rows
    found = np.empty((rows.shape[0], rows.shape[1] + 1))
    found[:, 0] = _backcast(squares)
    for t in range(rows.shape[1]):
        found[:, t + 1] = lam * found[:, t] + (1.0 - lam) * squares[:, t]
    return found


def garch11_filter(returns_pct: Observations, omega: float, alpha: float, beta: float) -> GarchFilter:
    """Variance of a GARCH(1,1) with given parameters: s2_t = omega + alpha e_(t-1)^2 + beta s2_(t-1).

    Parameters
    ----------
    returns_pct
        Percent, mean zero, in time order; missing ones are left out.
    omega, alpha, beta
        At least 0, alpha + beta below 1: else the variance has no mean to return to.

    Returns
    -------
    GarchFilter
        No forecast without observations.

    References
    ----------
    Bollerslev (1986), Journal of Econometrics 31, 307-327.
    """
    if omega < 0.0 or alpha < 0.0 or beta < 0.0 or alpha + beta >= 1.0:
        raise ConfigError(
            f"GARCH filter: omega {omega}, alpha {alpha}, beta {beta}; allowed at least 0 each and alpha + beta below 1"
        )
    squares = _complete(returns_pct) ** 2
    if not squares.size:
        return GarchFilter(None, [])
    variance = omega + (alpha + beta) * float(_backcast(squares[None, :])[0])
    for square in squares[:-1]:
        variance = omega + alpha * square + beta * variance
    ahead = [omega + alpha * float(squares[-1]) + beta * variance]
    for _ in range(_FORECAST_STEPS - 1):
        ahead.append(omega + (alpha + beta) * ahead[-1])
    return GarchFilter(math.sqrt(variance), [float(value) for value in ahead])


def fhs_var(returns: Observations, lam: float = RISKMETRICS_DECAY, confidence: float = 0.99) -> ParametricRisk:
    """Filtered historical simulation: the tail of the returns in units of their volatility, times tomorrow's volatility.

    Returns
    -------
    ParametricRisk
        Losses positive, unit of the returns; ``None`` without returns or where they never move.

    References
    ----------
    Barone-Adesi, Giannopoulos and Vosper (1999), Journal of Futures Markets 19, 583-602.
    """
    checked_confidence(confidence)
    values = _complete(returns)
    if not values.size:
        return ParametricRisk(None, None)
    var, es = fhs_of_rows(values[None, :], confidence, lam)
    return ParametricRisk(or_none(float(var[0])), or_none(float(es[0])))


def fhs_of_rows(
    rows: NDArray[np.float64], confidence: float, lam: float = RISKMETRICS_DECAY
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Filtered value at risk and expected shortfall of each row of (M, W) returns; NaN for a row that never moves."""
    variance = ewma_variance_of_rows(rows, lam)
    volatility = np.sqrt(np.where(variance > 0.0, variance, np.nan))
    standardised = rows / volatility[:, :-1]
    following = volatility[:, -1]
    return var_of_rows(standardised, confidence) * following, es_of_rows(standardised, confidence) * following


def _complete(returns: Observations) -> NDArray[np.float64]:
    values = observed(returns)
    return values[~np.isnan(values)]


def _backcast(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    first = squares[:, :_BACKCAST_N]
    weights = _BACKCAST_DECAY ** np.arange(first.shape[1])
    found: NDArray[np.float64] = first @ (weights / weights.sum())
    return found
