"""How positions move together: shrunk covariance, correlation over unequal histories, and how many bets there are.

Read next: ``contributions.py``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError, InsufficientDataError

__all__ = [
    "MIN_OVERLAP",
    "Correlation",
    "ShrunkCovariance",
    "correlation_matrix",
    "cov_shrink",
    "effective_bets",
    "nearest_correlation",
]

MIN_OVERLAP = 20
"""Fewest common returns for a correlation of a pair; with 20 the standard error is still 0.2."""

_EIGEN_FLOOR = 1e-8


@dataclass(frozen=True, slots=True)
class ShrunkCovariance:
    """Ledoit-Wolf covariance (p, p) and its intensity, and the intensity of the oracle-approximating estimator (OAS)."""

    lw_shrinkage: float
    lw_cov: NDArray[np.float64]
    oas_shrinkage: float


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlations of N instruments, and what had to be done to them.

    Attributes
    ----------
    matrix
        (N, N) symmetric, ones on the diagonal, positive definite, shrunk towards no correlation.
    observations
        (N, N) common returns of each pair.
    shrinkage
        Share of the target in the matrix, 0 to 1.
    filled
        (N, N) pairs of fewer than the least common returns: they hold the mean of the known pairs.
    smallest_eigenvalue
        Of the matrix before repair; negative where unequal histories made it impossible.
    repaired
        Whether eigenvalues were raised to make it one.
    """

    matrix: NDArray[np.float64]
    observations: NDArray[np.int64]
    shrinkage: float
    filled: NDArray[np.bool_]
    smallest_eigenvalue: float
    repaired: bool

    @property
    def mean_correlation(self) -> float:
        """Mean over pairs; NaN for one instrument."""
        n = len(self.matrix)
        return float((self.matrix.sum() - n) / (n * (n - 1))) if n > 1 else float("nan")


def cov_shrink(returns: ArrayLike) -> ShrunkCovariance:
    """Covariance shrunk towards a scaled identity; sums are divided by n.

    Parameters
    ----------
    returns
        (n, p) sessions by instruments, complete.

    Raises
    ------
    InsufficientDataError
        Fewer than two sessions, or a missing value: choose complete sessions, or ``correlation_matrix``.

    References
    ----------
    Ledoit and Wolf (2004), Journal of Multivariate Analysis 88, 365-411; Chen, Wiesel, Eldar and Hero (2010), IEEE
    Transactions on Signal Processing 58, 5016-5029.
    """
    x = np.asarray(returns, dtype=np.float64)
    if x.ndim != 2 or len(x) < 2 or not x.shape[1]:
        raise InsufficientDataError(f"shrunk covariance: sample of shape {x.shape}; at least 2 sessions, 1 instrument")
    if not np.isfinite(x).all():
        raise InsufficientDataError("shrunk covariance: the sample has missing values; give complete sessions")
    x = x - x.mean(axis=0)
    n, p = x.shape
    sample = x.T @ x / n
    mean_variance = float(np.trace(sample)) / p
    squared = float((sample * sample).sum())
    # Distance of the sample from the target, and how much of it is sampling error.
    distance = (squared - p * mean_variance**2) / p
    fourth = float(((x * x).T @ (x * x)).sum()) / n
    error = min((fourth - squared) / (n * p), distance)
    shrinkage = error / distance if error > 0.0 and distance > 0.0 else 0.0
    mean_square = squared / p**2
    spread = (n + 1.0) * (mean_square - mean_variance**2 / p)
    oas = 0.0 if p == 1 else min((mean_square + mean_variance**2) / spread, 1.0) if spread > 0.0 else 1.0
    shrunk = (1.0 - shrinkage) * sample + shrinkage * mean_variance * np.eye(p)
    return ShrunkCovariance(shrinkage, shrunk, oas)


def correlation_matrix(returns: NDArray[np.float64], *, min_overlap: int = MIN_OVERLAP) -> Correlation:
    """Correlation of instruments with unequal histories.

    Each pair is correlated over the sessions both have; pairs of too few hold the mean of the others; the matrix is shrunk
    towards no correlation by the Ledoit-Wolf intensity of the standardised returns (a gap counts as an average session),
    and made positive definite where pairs contradict each other.

    Parameters
    ----------
    returns
        (T, N), NaN where an instrument has none.
    min_overlap
        Fewest common sessions of a pair.

    Raises
    ------
    InsufficientDataError
        An instrument with fewer than ``min_overlap`` returns or without movement: leave it out, with its reason.

    Notes
    -----
    Over complete histories the result equals the shrunk covariance of standardised returns.
    """
    there = np.isfinite(returns)
    counts = there.sum(axis=0)
    x = np.where(there, returns, 0.0)
    mean = x.sum(axis=0) / np.maximum(counts, 1)
    x = np.where(there, x - mean, 0.0)
    sd = np.sqrt((x * x).sum(axis=0) / np.maximum(counts, 1))
    short = (counts < min_overlap) | (sd <= 1e-12)
    if short.any() or len(counts) == 0:
        raise InsufficientDataError(
            f"correlation: {int(short.sum())} of {len(counts)} instruments have fewer than {min_overlap} returns or never "
            f"move, the first in column {int(short.argmax()) if short.any() else 0}; leave them out"
        )
    x /= sd
    shown = there.astype(np.float64)
    observations = (shown.T @ shown).astype(np.int64)
    n = np.maximum(observations, 1)
    # Moments of a pair over its common sessions only.
    mean_i, square_i = x.T @ shown / n, (x * x).T @ shown / n
    variance_i = square_i - mean_i**2
    covariance = x.T @ x / n - mean_i * mean_i.T
    with np.errstate(invalid="ignore", divide="ignore"):
        pairs = covariance / np.sqrt(variance_i * variance_i.T)
    filled = (observations < min_overlap) | ~np.isfinite(pairs)
    np.fill_diagonal(filled, False)
    np.fill_diagonal(pairs, 1.0)
    off = ~np.eye(len(counts), dtype=bool)
    known = off & ~filled
    pairs = np.clip(np.where(filled, float(pairs[known].mean()) if known.any() else 0.0, pairs), -1.0, 1.0)
    shrinkage = cov_shrink(x).lw_shrinkage if len(counts) > 1 else 0.0
    shrunk = np.where(off, (1.0 - shrinkage) * pairs, 1.0)
    shrunk = 0.5 * (shrunk + shrunk.T)
    smallest = float(np.linalg.eigvalsh(shrunk)[0])
    repaired = smallest < _EIGEN_FLOOR
    return Correlation(
        nearest_correlation(shrunk) if repaired else shrunk, observations, shrinkage, filled, smallest, repaired
    )


def nearest_correlation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raise eigenvalues below 1e-8 and scale the diagonal back to ones: a positive definite correlation matrix near ``matrix``.

    References
    ----------
    Rebonato and Jaeckel (1999), Journal of Risk 2(2), spectral method.

    Raises
    ------
    ConfigError
        The matrix is not square and symmetric, or not finite.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ConfigError(f"correlation repair: a finite square matrix is needed, found shape {matrix.shape}")
    if not np.allclose(matrix, matrix.T, atol=1e-12):
        raise ConfigError("correlation repair: the matrix is not symmetric")
    values, vectors = np.linalg.eigh(matrix)
    raised = (vectors * np.maximum(values, 2.0 * _EIGEN_FLOOR)) @ vectors.T
    scale = 1.0 / np.sqrt(np.diag(raised))
    found: NDArray[np.float64] = raised * scale[:, None] * scale
    found = 0.5 * (found + found.T)
    np.fill_diagonal(found, 1.0)
    return found


def effective_bets(values: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
    """Number of independent bets in a portfolio: exp of the entropy of the risk shares of the principal portfolios.

    Parameters
    ----------
    values
        (N,) signed money in each instrument.
    covariance
        (N, N) of returns.

    Returns
    -------
    float
        1 (all risk in one principal portfolio) to N; NaN where the portfolio has no risk.

    References
    ----------
    Meucci (2009), "Managing diversification", Risk 22(5), 74-79.

    Examples
    --------
    >>> round(effective_bets(np.array([1.0, 1.0]), np.diag([0.01, 0.01])), 6)
    2.0
    """
    variances, directions = np.linalg.eigh(covariance)
    risk = (directions.T @ values) ** 2 * np.maximum(variances, 0.0)
    total = float(risk.sum())
    if not total > 0.0:
        return float("nan")
    share = risk[risk > 0.0] / total
    return float(np.exp(-(share * np.log(share)).sum()))
