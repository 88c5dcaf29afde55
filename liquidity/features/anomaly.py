"""Robust outliers: how far a value lies from the median of its own history, in units of the median deviation.

Median and median absolute deviation do not move with one wild value, so a spike cannot hide itself. Scalar first, then
the same for every instrument at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.observation import Observations, observed, observed_number

__all__ = ["RobustZ", "robust_flags", "robust_z", "robust_z_rows"]

# The MAD of a normal sample times 1.4826, and its mean absolute deviation times 1.2533, estimate its standard deviation.
_MAD_TO_SD = 1.4826
_MEAN_DEVIATION_TO_SD = 1.2533
_IGLEWICZ_HOAGLIN = 3.5


@dataclass(frozen=True, slots=True)
class RobustZ:
    """Robust z value, and whether it is beyond the threshold; both null together."""

    z: float | None
    anomaly: bool | None


def robust_z(history: Observations, x: float | None, threshold: float = _IGLEWICZ_HOAGLIN) -> RobustZ:
    """Robust z of ``x`` against a history.

    z = (x - median) / (1.4826 MAD); a MAD of 0 falls back to 1.2533 times the mean absolute deviation from the median;
    when that is 0 too, z is 0 for x at the median and unknown elsewhere.

    Parameters
    ----------
    history
        Observations; missing ones are left out.
    x
        The value to judge.
    threshold
        Anomaly when |z| exceeds it; 3.5 after Iglewicz and Hoaglin.

    Returns
    -------
    RobustZ
        Null without history, without ``x``, or without any scale to measure against.

    References
    ----------
    Iglewicz and Hoaglin (1993), How to Detect and Handle Outliers.

    Examples
    --------
    >>> robust_z([5, 5, 5, 5, 5, 9], 9.0).anomaly
    True
    >>> robust_z([3, 3, 3], 4.0)
    RobustZ(z=None, anomaly=None)
    """
    values, value = observed(history), observed_number(x)
    values = values[~np.isnan(values)]
    if len(values) == 0 or np.isnan(value):
        return RobustZ(None, None)
    median = float(np.median(values))
    deviations = np.abs(values - median)
    scale = _MAD_TO_SD * float(np.median(deviations)) or _MEAN_DEVIATION_TO_SD * float(deviations.mean())
    if scale == 0.0:
        return RobustZ(0.0, threshold < 0.0) if value == median else RobustZ(None, None)
    z = (value - median) / scale
    return RobustZ(z, abs(z) > threshold)


def robust_z_rows(history: NDArray[np.float64], x: NDArray[np.float64], min_n: int = 1) -> NDArray[np.float64]:
    """:func:`robust_z` of every instrument at once.

    Parameters
    ----------
    history
        Shape (instruments, sessions), NaN where missing; the caller decides whether ``x`` itself is part of it.
    x
        Shape (instruments,), the values to judge.
    min_n
        Observations of history below which z is unknown.

    Returns
    -------
    NDArray[np.float64]
        Shape (instruments,); NaN where :func:`robust_z` is null.

    Examples
    --------
    >>> robust_z_rows(np.array([[5.0, 5.0, 5.0, 5.0, 5.0, 9.0]]), np.array([9.0])).round(4).tolist()
    [4.7874]
    """
    median, n = _row_medians(history)
    deviations = np.abs(history - median[:, np.newaxis])
    mad, _ = _row_medians(deviations)
    known = n > 0
    mean = np.divide(np.nansum(deviations, axis=1), n, out=np.full(len(n), np.nan), where=known)
    scale = np.where(mad == 0.0, _MEAN_DEVIATION_TO_SD * mean, _MAD_TO_SD * mad)
    distance = np.where(np.isfinite(x), x, np.nan) - median
    z = np.divide(distance, scale, out=np.where(distance == 0.0, 0.0, np.nan), where=scale > 0.0)
    return np.where(n >= max(min_n, 1), z, np.nan)


def robust_flags(
    history: NDArray[np.float64], x: NDArray[np.float64], threshold: float = _IGLEWICZ_HOAGLIN, min_n: int = 10
) -> NDArray[np.bool_]:
    """Whether each newest value is a robust outlier of its own history.

    Parameters as :func:`robust_z_rows`. Fewer than ``min_n`` earlier observations, or a z that is unknown, raise no flag.

    Examples
    --------
    >>> calm = np.array([[10.0, 11.0, 9.0, 10.0, 10.5, 9.5, 10.0, 11.0, 9.0, 10.0]] * 2)
    >>> robust_flags(calm, np.array([10.4, 30.0])).tolist()
    [False, True]
    """
    z = robust_z_rows(history, x, min_n)
    with np.errstate(invalid="ignore"):
        flags: NDArray[np.bool_] = np.abs(z) > threshold
    return flags


def _row_medians(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Median of the observed values of each row (NaN without any) and their number: one sort, NaN goes last."""
    n = np.count_nonzero(~np.isnan(values), axis=1)
    if values.shape[1] == 0:
        return np.full(len(values), np.nan), n
    ascending = np.sort(values, axis=1)
    row = np.arange(len(values))
    middle = (ascending[row, np.maximum(n - 1, 0) // 2] + ascending[row, np.minimum(n // 2, values.shape[1] - 1)]) / 2.0
    return np.where(n > 0, middle, np.nan), n
