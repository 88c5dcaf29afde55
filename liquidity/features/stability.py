"""How steady a spread or a depth is: 1 / (1 + coefficient of variation)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.observation import Observations, observed

__all__ = ["RollingStability", "rolling_stability", "stability_frac", "stability_of"]


@dataclass(frozen=True, slots=True)
class RollingStability:
    """``cv`` coefficient of variation, fraction; ``score`` points 0-100, 100 is constant."""

    cv: float | None
    score: float | None


def rolling_stability(series: Observations, window: int) -> RollingStability:
    """Stability over the newest points of a series.

    cv = sd / |mean| with the sample standard deviation (ddof 1); score = 100 / (1 + cv).

    Parameters
    ----------
    series
        Oldest first.
    window
        Points looked at, counted from the newest; missing ones among them are left out.

    Returns
    -------
    RollingStability
        Null with fewer than two observations in the window, or a mean of 0.

    Examples
    --------
    >>> rolling_stability([10, 10, 10], window=3)
    RollingStability(cv=0.0, score=100.0)
    """
    values = observed(series)
    values = values[max(len(values) - window, 0) :]
    values = values[~np.isnan(values)]
    if len(values) < 2 or values.mean() == 0.0:
        return RollingStability(None, None)
    cv = float(values.std(ddof=1) / abs(values.mean()))
    return RollingStability(cv, 100.0 / (1.0 + cv))


def stability_frac(values: NDArray[np.float64], min_n: int = 2) -> NDArray[np.float64]:
    """Stability of every instrument at once.

    Parameters
    ----------
    values
        Shape (instruments, sessions) already cut to the window, NaN where missing.
    min_n
        Observations below which the stability is NaN; at least 2.

    Returns
    -------
    NDArray[np.float64]
        Shape (instruments,), fraction 0-1, 1 is constant; NaN where :func:`rolling_stability` is null.

    Examples
    --------
    >>> stability_frac(np.array([[5.0, 5.0, np.nan], [0.0, 0.0, 0.0]])).tolist()
    [1.0, nan]
    """
    n = np.count_nonzero(~np.isnan(values), axis=1)
    enough = n >= max(min_n, 2)
    mean = np.divide(np.nansum(values, axis=1), n, out=np.full(len(n), np.nan), where=enough)
    squares = np.nansum((values - mean[:, np.newaxis]) ** 2, axis=1)
    sd = np.sqrt(np.divide(squares, n - 1, out=np.full(len(n), np.nan), where=enough))
    return stability_of(mean, sd)


def stability_of(mean: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stability from a mean and a sample standard deviation, arrays of one shape; NaN where either is, or the mean is 0.

    Examples
    --------
    >>> stability_of(np.array([10.0, -10.0, 0.0]), np.array([10.0, 0.0, 1.0])).tolist()
    [0.5, 1.0, nan]
    """
    size = np.abs(mean)
    cv: NDArray[np.float64] = np.divide(sd, size, out=np.full(mean.shape, np.nan), where=size > 0.0)
    return 1.0 / (1.0 + cv)
