"""Weights at which every position adds the same to portfolio risk.

Read next: ``optimizer.py`` for risk against return, cost and limits.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError

__all__ = ["risk_parity"]

_TOLERANCE: Final = 1e-12
_MAX_STEPS: Final = 200
_UNBOUNDED: Final = 1e7


def risk_parity(cov: Sequence[Sequence[float]] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Long-only weights with equal risk contributions w_i (S w)_i.

    Newton's method on the convex form min 1/2 x'Cx - (1/N) sum ln x_i with the correlation C; the weights are x over the
    volatilities, scaled to sum 1.

    Parameters
    ----------
    cov
        Covariance, (N, N), symmetric and positive semi-definite, each variance above 0; any period.

    Returns
    -------
    NDArray
        (N,) weights above 0 that sum to 1; contributions are equal to about 1e-12 of the total.

    Raises
    ------
    ConfigError
        When the matrix is not as above, or holds a combination without risk that is long only (equal contributions do not
        exist then).

    References
    ----------
    Maillard, Roncalli and Teiletche (2010), Journal of Portfolio Management 36(4); Spinu (2013), convex form.

    Examples
    --------
    >>> risk_parity([[0.04, 0.0], [0.0, 0.01]]).round(6).tolist()
    [0.333333, 0.666667]
    """
    matrix: NDArray[np.float64] = np.asarray(cov, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ConfigError(f"risk_parity: covariance of shape {matrix.shape}, needed (N, N) with N of 1 or more")
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, rtol=1e-8, atol=0.0):
        raise ConfigError("risk_parity: the covariance has missing values or is not symmetric; repair it first")
    variance = np.diag(matrix)
    if (variance <= 0.0).any():
        raise ConfigError(
            f"risk_parity: {int((variance <= 0.0).sum())} variances are not above 0; leave those assets out"
        )
    sigma = np.sqrt(variance)
    correlation = matrix / np.outer(sigma, sigma)
    lowest = float(np.linalg.eigvalsh(correlation)[0])
    if lowest < -1e-8:
        raise ConfigError(
            f"risk_parity: smallest eigenvalue of the correlation is {lowest:.3g}, allowed 0 or more; shrink it first"
        )
    n = len(sigma)
    budget = 1.0 / n
    x: NDArray[np.float64] = np.full(n, 1.0 / np.sqrt(max(correlation.sum(), 1.0)))
    for _ in range(_MAX_STEPS):
        marginal = correlation @ x
        if np.abs(x * marginal - budget).max() <= _TOLERANCE:
            weights: NDArray[np.float64] = x / sigma
            weights /= weights.sum()
            return weights
        if x.max() > _UNBOUNDED:
            break
        step = np.linalg.solve(correlation + np.diag(budget / x**2), budget / x - marginal)
        # Damped while far away (self-concordant barrier), full steps near the end.
        decrement = float(np.sqrt(np.sum((step / x) ** 2)))
        x = x + step / (1.0 + decrement if decrement > 0.25 else 1.0)
    raise ConfigError(
        f"risk_parity: contributions did not become equal within {_MAX_STEPS} steps; the covariance holds a long-only "
        "combination without risk"
    )
