"""Where a value stands in its own history: the mid-rank percentile, and clipping to quantiles.

Percentiles bear the heavy tails of spreads and turnover better than standard scores. Scalar first, then the same for
every instrument at once.
"""

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed, observed_number

__all__ = ["mid_rank_frac", "percentile_score", "winsorize"]


def percentile_score(history: Observations, x: float | None, higher_is_liquid: bool, min_n: int) -> float | None:
    """Mid-rank percentile of ``x`` in its history.

    100 (#less + 0.5 #equal) / n; mirrored to 100 minus that when low values are liquid.

    Parameters
    ----------
    history
        Observations; missing ones are left out. The caller decides whether ``x`` itself is part of it.
    x
        The value to place.
    higher_is_liquid
        Direction.
    min_n
        Observations below which there is no score.

    Returns
    -------
    float or None
        Points 0-100, 100 most liquid; ``None`` below ``min_n`` observations or without ``x``.

    Examples
    --------
    >>> percentile_score([1, 2, 3, 4], 3, higher_is_liquid=True, min_n=2)
    62.5
    >>> percentile_score([1, 2], 1, higher_is_liquid=True, min_n=5) is None
    True
    """
    values, value = observed(history), observed_number(x)
    values = values[~np.isnan(values)]
    if len(values) < max(min_n, 1) or np.isnan(value):
        return None
    score = 100.0 * (float((values < value).sum()) + 0.5 * float((values == value).sum())) / len(values)
    return score if higher_is_liquid else 100.0 - score


def mid_rank_frac(history: NDArray[np.float64], x: NDArray[np.float64], min_n: int) -> NDArray[np.float64]:
    """Mid-rank of every instrument's value in its own history, 0-1; high means a high value.

    Parameters
    ----------
    history
        Shape (instruments, sessions), NaN where missing.
    x
        Shape (instruments,).
    min_n
        Observations of history below which the rank is NaN.

    Returns
    -------
    NDArray[np.float64]
        Shape (instruments,), :func:`percentile_score` / 100 with ``higher_is_liquid=True``; NaN where that is null.

    Examples
    --------
    >>> mid_rank_frac(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([3.0]), min_n=2).tolist()
    [0.625]
    """
    n = np.count_nonzero(~np.isnan(history), axis=1)
    value = x[:, np.newaxis]
    below = np.count_nonzero(history < value, axis=1) + 0.5 * np.count_nonzero(history == value, axis=1)
    rank = np.divide(below, n, out=np.full(len(x), np.nan), where=n >= max(min_n, 1))
    return np.where(np.isfinite(x), rank, np.nan)


def winsorize(x: Observations, lo: float, hi: float) -> NDArray[np.float64]:
    """Clip a sample to its own quantiles.

    Parameters
    ----------
    x
        The sample; missing values stay missing and do not count.
    lo, hi
        Quantiles, fractions 0-1, by linear interpolation.

    Returns
    -------
    NDArray[np.float64]
        Shape of ``x``.

    Raises
    ------
    ConfigError
        Not 0 <= lo <= hi <= 1.

    Examples
    --------
    >>> winsorize([1, 2, 3, 4, 100], 0.0, 0.75).tolist()
    [1.0, 2.0, 3.0, 4.0, 4.0]
    """
    if not 0.0 <= lo <= hi <= 1.0:
        raise ConfigError(f"winsorize: found quantiles lo={lo!r}, hi={hi!r}; allowed are fractions 0 <= lo <= hi <= 1")
    values = observed(x)
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return values
    lowest, highest = np.quantile(known, [lo, hi])
    return np.clip(values, lowest, highest)
