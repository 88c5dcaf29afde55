"""Sums along sessions that leave missing values out: the arithmetic the vectorised measures share.

All matrices are (instruments, sessions) with NaN where missing; all results are (instruments,).
"""

import numpy as np
from numpy.typing import NDArray

from liquidity.measures._registry import Matrix

__all__ = ["measurable_bps", "paired_covariance", "positive", "row_counts", "row_means", "row_std"]


def positive(values: Matrix) -> Matrix:
    """Keep values above 0; anything else is missing (a price of 0 has no logarithm)."""
    return np.where(values > 0.0, values, np.nan)


def row_counts(values: Matrix) -> Matrix:
    """Observed values per row."""
    counts: Matrix = np.count_nonzero(~np.isnan(values), axis=1).astype(np.float64)
    return counts


def row_means(values: Matrix) -> Matrix:
    """Mean of the observed values per row; NaN for a row without any."""
    count = row_counts(values)
    means: Matrix = np.divide(np.nansum(values, axis=1), count, out=np.full(len(values), np.nan), where=count > 0)
    return means


def row_std(values: Matrix) -> Matrix:
    """Sample standard deviation (ddof 1) of the observed values per row; NaN below two of them."""
    squares = np.nansum((values - row_means(values)[:, np.newaxis]) ** 2, axis=1)
    degrees = row_counts(values) - 1.0
    variance: Matrix = np.divide(squares, degrees, out=np.full(len(values), np.nan), where=degrees > 0)
    return np.sqrt(variance)


def paired_covariance(values: Matrix) -> tuple[Matrix, Matrix]:
    """Sample covariance (ddof 1) of each value with the one before it, over pairs with both observed; and the pairs."""
    before, after = values[:, :-1], values[:, 1:]
    paired: NDArray[np.bool_] = ~(np.isnan(before) | np.isnan(after))
    before, after = np.where(paired, before, np.nan), np.where(paired, after, np.nan)
    pairs = np.count_nonzero(paired, axis=1).astype(np.float64)
    products = (before - row_means(before)[:, np.newaxis]) * (after - row_means(after)[:, np.newaxis])
    degrees = pairs - 1.0
    covariance = np.divide(np.nansum(products, axis=1), degrees, out=np.full(len(values), np.nan), where=degrees > 0)
    return covariance, pairs


def measurable_bps(spread_frac: Matrix, signed: Matrix, observations_n: Matrix, minimum: int) -> Matrix:
    """Keep the spread, in bps, where it can be measured: enough observations and a signed estimate above 0; NaN elsewhere.

    At small true spreads the signed estimate is often negative; its absolute value would show noise as a cost.
    """
    with np.errstate(invalid="ignore"):
        measurable = (observations_n >= minimum) & (signed > 0.0)
    return np.where(measurable, 1e4 * spread_frac, np.nan)
