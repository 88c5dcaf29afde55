"""Whether one forecast is better than another beyond chance: the test of Diebold and Mariano.

For one series, and for a panel where the instruments of a session share their surprises. Read next: ``champion.py`` uses
the answer to decide who is served.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed

__all__ = ["DieboldMariano", "SessionTest", "diebold_mariano", "diebold_mariano_of_sessions"]

# Variance below this share of the mean square of the differences is rounding, not variation.
_ROUNDING = 1e-24


@dataclass(frozen=True, slots=True)
class DieboldMariano:
    """``stat`` below 0: the first forecast is better; two-sided ``p_value``, fraction. ``None``: no variance to judge by."""

    stat: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class SessionTest:
    """The test of a panel; ``n_sessions`` is the number of sessions with a complete pair of losses."""

    stat: float | None
    p_value: float | None
    n_sessions: int


def diebold_mariano(y: Observations, p1: Observations, p2: Observations, h: int) -> DieboldMariano:
    """Compare two forecasts of one series by their squared errors.

    d_t = (y - p1)^2 - (y - p2)^2; the variance of its mean takes the autocovariances up to h - 1, each divided by n;
    corrected for small samples and compared with Student's t of n - 1 degrees of freedom.

    Parameters
    ----------
    y, p1, p2
        Observations and the two forecasts, in time order, one length; incomplete rows are left out.
    h
        Horizon of the forecasts, sessions >= 1.

    Returns
    -------
    DieboldMariano
        ``None`` in both fields where the variance is not positive (equal forecasts, or a negative estimate at h > 1) or
        fewer than h + 1 (at least two) rows are complete.

    Raises
    ------
    ConfigError
        ``h`` below 1, or lengths differ.

    References
    ----------
    Diebold, Mariano (1995), Journal of Business & Economic Statistics 13, 253-263; Harvey, Leybourne, Newbold (1997),
    International Journal of Forecasting 13, 281-291, eq. 9.

    Examples
    --------
    >>> result = diebold_mariano([1.0, 2.0, 3.0, 4.0], [1.0, 2.1, 3.0, 4.2], [2.0, 2.5, 1.0, 5.0], h=1)
    >>> round(result.stat, 4), round(result.p_value, 4)
    (-1.856, 0.1605)
    """
    truth, first, second = observed(y), observed(p1), observed(p2)
    if not len(truth) == len(first) == len(second):
        raise ConfigError(
            f"diebold_mariano: found {len(truth)} observations, {len(first)} and {len(second)} forecasts; give one length"
        )
    difference = (truth - first) ** 2 - (truth - second) ** 2
    stat, p_value = _test(difference[~np.isnan(difference)], h)
    return DieboldMariano(stat, p_value)


def diebold_mariano_of_sessions(
    loss_a: NDArray[np.float64], loss_b: NDArray[np.float64], session: NDArray[Any], h: int
) -> SessionTest:
    """Compare two forecasts of a panel by any loss.

    Instruments of one session are not independent observations: the differences are averaged within each session first,
    and the test runs on the sessions in their order.

    Parameters
    ----------
    loss_a, loss_b
        (R,) losses of the two forecasts on the same rows; rows with a NaN are left out.
    session
        (R,) session of each row, anything that sorts by time.
    h
        Horizon of the forecasts, sessions >= 1.

    Returns
    -------
    SessionTest
        ``stat`` below 0: forecast a is better.

    Raises
    ------
    ConfigError
        ``h`` below 1, or lengths differ.

    Examples
    --------
    >>> a, b = np.array([1.0, 1.0, 2.0, 3.0]), np.array([2.0, 4.0, 3.0, 3.0])
    >>> diebold_mariano_of_sessions(a, b, np.array([1, 1, 2, 3]), h=1).n_sessions
    3
    """
    if not len(loss_a) == len(loss_b) == len(session):
        raise ConfigError(
            f"diebold_mariano_of_sessions: found {len(loss_a)} and {len(loss_b)} losses for {len(session)} sessions; "
            "give one of each per row"
        )
    difference = np.asarray(loss_a, dtype=np.float64) - loss_b
    known = ~np.isnan(difference)
    _, place = np.unique(session[known], return_inverse=True)
    n = np.bincount(place)
    stat, p_value = _test(np.bincount(place, weights=difference[known]) / n, h)
    return SessionTest(stat, p_value, len(n))


def _test(difference: NDArray[np.float64], h: int) -> tuple[float | None, float | None]:
    """Statistic and two-sided p-value of the mean of a series of loss differences without gaps."""
    if h < 1:
        raise ConfigError(f"diebold_mariano: found horizon h = {h!r} sessions; allowed are whole numbers >= 1")
    n = len(difference)
    if n < max(h + 1, 2):
        return None, None
    mean = float(difference.mean())
    around = difference - mean
    covariances = [float(around[lag:] @ around[: n - lag]) / n for lag in range(h)]
    variance = (covariances[0] + 2.0 * sum(covariances[1:])) / n
    small_sample = (n + 1.0 - 2.0 * h + h * (h - 1.0) / n) / n
    if variance * n <= _ROUNDING * float(difference @ difference) / n or small_sample <= 0.0:
        return None, None
    stat = mean / math.sqrt(variance) * math.sqrt(small_sample)
    return stat, float(2.0 * stdtr(n - 1, -abs(stat)))
