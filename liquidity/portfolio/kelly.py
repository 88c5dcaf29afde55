"""Kelly fractions: the share of equity that maximises long-run growth, and why only part of it is used.

A binary bet gives the share of equity *at risk* until the stop; Gaussian returns give leverage, exposure over equity. The
two are never mixed. Estimates overstate an edge, so :func:`kelly_from_trades` takes the win rate one standard error lower
before it scales. Read next: ``sizing.py``, where the fraction becomes a quantity below its caps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.domain.observation import Observations, observed, observed_number, or_none

__all__ = ["MIN_TRADES", "KellyBinary", "KellyMetric", "kelly_binary", "kelly_from_trades", "kelly_gaussian"]

MIN_TRADES: Final = 30
"""Closed trades below which a win rate says too little (its standard error is then 9 percentage points at even odds)."""


@dataclass(frozen=True, slots=True)
class KellyBinary:
    """``full`` Kelly fraction of equity at risk, unclipped; ``fraction`` the used share of it, never below 0."""

    full: float | None
    fraction: float | None


def kelly_binary(p: float | None, b: float | None, k: float | None) -> KellyBinary:
    """Kelly fraction of a bet that gains ``b`` per unit at risk or loses the unit.

    f* = p - (1 - p) / b; used: max(0, k f*)

    Parameters
    ----------
    p
        Probability of a gain, 0-1.
    b
        Gain per unit at risk (reward to risk), above 0.
    k
        Share of the full fraction that is used, 0-1: a half keeps three quarters of the growth at half the swings.

    Returns
    -------
    KellyBinary
        Shares of equity put at risk, not notional. Without an edge ``full`` is negative and ``fraction`` 0; both are
        ``None`` when an input is missing.

    Raises
    ------
    ConfigError
        Outside the ranges above.

    References
    ----------
    Kelly (1956), Bell System Technical Journal 35(4); Thorp (2006), eq. 3.1 with unequal payoffs.

    Examples
    --------
    >>> kelly_binary(p=0.5, b=2.0, k=0.5)
    KellyBinary(full=0.25, fraction=0.125)
    >>> kelly_binary(p=0.25, b=1.0, k=0.5)
    KellyBinary(full=-0.5, fraction=0.0)
    """
    chance, payoff, share = map(observed_number, (p, b, k))
    if chance < 0.0 or chance > 1.0:
        raise ConfigError(f"kelly_binary: win probability {chance}, allowed 0 to 1")
    if payoff <= 0.0:
        raise ConfigError(f"kelly_binary: payoff ratio {payoff}, allowed above 0 gain per unit at risk")
    if share < 0.0:
        raise ConfigError(f"kelly_binary: share of the full fraction {share}, allowed 0 or more")
    full = chance - (1.0 - chance) / payoff
    used = share * full
    return KellyBinary(or_none(full), or_none(used if math.isnan(used) else max(0.0, used)))


def kelly_gaussian(
    mu: float | Observations | None, r: float | None, cov: float | Sequence[Sequence[float]] | None, k: float | None
) -> float | list[float] | None:
    """Growth-optimal leverage for Gaussian returns, times ``k``.

    One asset: f = k (mu - r) / sigma^2. Several: f = k inv(S)(mu - r).

    Parameters
    ----------
    mu
        Expected return of one period, or of each of N assets.
    r
        Riskless return of the same period.
    cov
        Variance of one period, or the (N, N) covariance.
    k
        Share that is used; 0.25 to 0.5 for estimated inputs.

    Returns
    -------
    float or list of float or None
        Exposure over equity, negative for short; in the shape of ``mu``. ``None`` when an input is missing.

    Raises
    ------
    ConfigError
        When shapes differ, or the variance is not above 0 (the covariance not positive definite): leverage has no bound.

    References
    ----------
    Merton (1969), Review of Economics and Statistics 51(3); Thorp (2006), section 7.

    Examples
    --------
    >>> round(kelly_gaussian(mu=0.08, r=0.02, cov=0.04, k=0.5), 12)
    0.75
    """
    if mu is None or r is None or cov is None or k is None:
        return None
    drift = observed(np.atleast_1d(np.asarray(mu, dtype=np.float64))) - observed_number(r)
    matrix: NDArray[np.float64] = np.atleast_2d(np.asarray(cov, dtype=np.float64))
    if matrix.shape != (len(drift), len(drift)):
        raise ConfigError(f"kelly_gaussian: {len(drift)} expected returns with a covariance of shape {matrix.shape}")
    if np.isnan(drift).any() or not np.isfinite(matrix).all() or math.isnan(observed_number(k)):
        return None
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise ConfigError(
            "kelly_gaussian: the covariance is not positive definite, so no leverage is best; shrink it first (cov_shrink)"
        ) from None
    leverage: list[float] = (float(k) * np.linalg.solve(matrix, drift)).tolist()
    return leverage[0] if isinstance(mu, int | float) else leverage


@dataclass(frozen=True, slots=True)
class KellyMetric:
    """Kelly figures of a record of closed trades.

    Attributes
    ----------
    trades_count
        Trades with a gain or a loss.
    win_rate, win_rate_se
        Share of gains, and its standard error, 0-1.
    payoff_ratio
        Mean gain over mean loss.
    full, shrunk
        Kelly fraction of equity at risk at the win rate, and at the win rate less one standard error; may be negative.
    fraction
        ``k`` times ``shrunk``, never below 0: what sizing uses.
    """

    trades_count: int
    win_rate: float
    win_rate_se: float
    payoff_ratio: float
    full: float
    shrunk: float
    fraction: float


def kelly_from_trades(profits: Observations, k: float = 0.25) -> KellyMetric:
    """Kelly fraction of a trading record, after allowing for the error of the win rate.

    Parameters
    ----------
    profits
        Profit of each closed trade per unit that was at risk (or in money of equally sized trades); 0 and missing ones
        say nothing about the odds and are left out.
    k
        Share of the shrunk fraction that is used, 0-1.

    Raises
    ------
    InsufficientDataError
        Below ``MIN_TRADES`` trades, or without any gain or any loss: the payoff ratio is then unknown.
    """
    values = observed(profits)
    values = values[~np.isnan(values) & (values != 0.0)]
    gains, losses = values[values > 0.0], values[values < 0.0]
    if len(values) < MIN_TRADES or not len(gains) or not len(losses):
        raise InsufficientDataError(
            f"kelly_from_trades: {len(values)} trades with {len(gains)} gains and {len(losses)} losses; needs "
            f"{MIN_TRADES} trades with at least one of each"
        )
    rate = len(gains) / len(values)
    error = math.sqrt(rate * (1.0 - rate) / len(values))
    payoff = float(gains.mean() / -losses.mean())
    full = rate - (1.0 - rate) / payoff
    careful = kelly_binary(max(rate - error, 0.0), payoff, k)
    assert careful.full is not None
    assert careful.fraction is not None
    return KellyMetric(len(values), rate, error, payoff, full, careful.full, careful.fraction)
