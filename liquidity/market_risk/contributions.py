"""Which position carries the risk: parts that sum to the whole, the next unit of a position, and the portfolio without it.

Read next: ``engine.py``, which does the same for many portfolios at once.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from liquidity.domain.errors import ConfigError
from liquidity.market_risk.tail import checked_confidence, es_of_rows, var_of_rows

__all__ = ["ComponentVar", "HistoricalComponents", "component_var", "historical_components", "incremental_var"]

_BLOCK_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class ComponentVar:
    """Normal value at risk (money), the change of it per unit of money in a position, and the parts that sum to it."""

    var: float | None
    marginal: NDArray[np.float64]
    component: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HistoricalComponents:
    """Parts of the historical value at risk and expected shortfall of a portfolio of P positions, money.

    Attributes
    ----------
    var, es
        Of the portfolio; losses positive.
    var_parts
        (P,) sum to ``var``: mean results of the scenarios around the one at the quantile, scaled to it.
    es_parts
        (P,) sum to ``es``: mean results of the scenarios of the tail.
    """

    var: float
    es: float
    var_parts: NDArray[np.float64]
    es_parts: NDArray[np.float64]


def component_var(w: ArrayLike, cov: ArrayLike, confidence: float) -> ComponentVar:
    """Split the normal value at risk by Euler's rule: marginal_i = z (Sigma w)_i / sigma_p, component_i = w_i marginal_i.

    Parameters
    ----------
    w
        (N,) signed money in each position.
    cov
        (N, N) covariance of returns of one period.
    confidence
        In (0, 1).

    Returns
    -------
    ComponentVar
        Of a portfolio without risk: 0 and parts of 0, marginals NaN (the direction is undefined).

    Raises
    ------
    ConfigError
        Shapes that do not fit, or a covariance under which the portfolio has a negative variance.

    References
    ----------
    Jorion (2007), Value at Risk, chapter 7; Tasche (1999).
    """
    z = float(ndtri(checked_confidence(confidence)))
    money, covariance = np.asarray(w, dtype=np.float64), np.asarray(cov, dtype=np.float64)
    if covariance.shape != (money.size, money.size):
        raise ConfigError(f"component risk: {money.size} positions, covariance of shape {covariance.shape}")
    moved = covariance @ money
    variance = float(money @ moved)
    if variance < -1e-12 * float(np.abs(money) @ np.abs(covariance) @ np.abs(money)):
        raise ConfigError("component risk: the covariance gives a negative variance; repair it (nearest_correlation)")
    if math.isnan(variance):
        return ComponentVar(None, np.full(money.size, np.nan), np.full(money.size, np.nan))
    if variance <= 0.0:
        return ComponentVar(0.0, np.full(money.size, np.nan), np.zeros(money.size))
    marginal = z * moved / math.sqrt(variance)
    return ComponentVar(z * math.sqrt(variance), marginal, money * marginal)


def historical_components(
    returns: NDArray[np.float64], values: NDArray[np.float64], confidence: float, *, around: int | None = None
) -> HistoricalComponents:
    """Split the historical value at risk and expected shortfall over positions.

    Parameters
    ----------
    returns
        (S, P) scenarios, complete.
    values
        (P,) signed money.
    confidence
        In (0, 1).
    around
        Scenarios on each side of the one at the quantile that are averaged for the parts of the value at risk; one
        scenario alone is noise. Default: 1 % of the scenarios, at least 2.

    Returns
    -------
    HistoricalComponents
        The parts of expected shortfall are exact (the mean of a tail is linear in the positions); those of value at risk
        are an estimate of E[-result_i | result = -VaR].

    References
    ----------
    Hallerbach (2003), Journal of Risk 5(2), 1-18; Tasche (1999).
    """
    result = returns @ values
    n = result.size
    tail = n * (1.0 - checked_confidence(confidence))
    order = np.argsort(result, kind="stable")
    whole = min(math.floor(tail), n - 1)
    weights = np.zeros(n)
    weights[order[:whole]] = 1.0 / tail
    weights[order[whole]] = (tail - whole) / tail
    var = float(var_of_rows(result[None, :], confidence)[0])
    es = float(es_of_rows(result[None, :], confidence)[0])
    beside = max(2, n // 100) if around is None else around
    middle = round((1.0 - confidence) * (n - 1))
    near = order[max(0, middle - beside) : middle + beside + 1]
    parts = -returns[near].mean(axis=0) * values
    total = float(parts.sum())
    scaled = parts * (var / total) if abs(total) > 1e-9 * float(np.abs(parts).sum()) else np.full(values.size, np.nan)
    return HistoricalComponents(var, es, scaled, -(weights @ returns) * values)


def incremental_var(
    returns: NDArray[np.float64], values: NDArray[np.float64], confidence: float
) -> NDArray[np.float64]:
    """(P,) historical value at risk of the portfolio less that of the portfolio without the position, money.

    Negative where the position hedges the others. Exact, by leaving each out in turn.
    """
    result = returns @ values
    whole = float(var_of_rows(result[None, :], confidence)[0])
    found = np.empty(values.size)
    step = max(1, _BLOCK_CELLS // max(result.size, 1))
    for low in range(0, values.size, step):
        part = slice(low, low + step)
        without = result[None, :] - (returns[:, part] * values[part]).T
        found[part] = whole - var_of_rows(without, confidence)
    return found
