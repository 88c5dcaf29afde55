"""How wrong a forecast was: losses of points, intervals, distributions and quantiles.

Scalar functions of a whole sample first (missing pairs are left out, no pair left means ``None``), then the same losses
row by row for the seven quantiles of the forecasts. All in the unit of ``y``; 0 is perfect, high is bad. Read next:
``diebold_mariano.py`` says whether one loss is lower than another beyond chance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed, observed_number, or_none
from liquidity.forecast.horizons import LEVELS

__all__ = [
    "IntervalScore",
    "crps_ensemble",
    "crps_normal",
    "interval_losses",
    "interval_score",
    "mase",
    "pinball",
    "quantile_crps",
    "quantile_pinball",
]


@dataclass(frozen=True, slots=True)
class IntervalScore:
    """Means over a sample: ``score`` and ``width`` in the unit of ``y``, ``coverage`` fraction inside, ends included."""

    score: float | None
    coverage: float | None
    width: float | None


def pinball(y: Observations, q: Observations, tau: float) -> float | None:
    """Mean pinball loss of the quantile ``tau``: max(tau (y - q), (tau - 1)(y - q)).

    Parameters
    ----------
    y, q
        Observations and forecasts of the quantile, one length.
    tau
        Probability of the quantile, fraction in (0, 1).

    Returns
    -------
    float or None
        ``None`` without a complete pair.

    Raises
    ------
    ConfigError
        ``tau`` outside (0, 1), or lengths differ.

    References
    ----------
    Koenker, Bassett (1978), Econometrica 46(1), 33-50.

    Examples
    --------
    >>> pinball([10.0, 10.0], [8.0, 12.0], tau=0.75)
    1.0
    """
    _probability("pinball", "tau", tau)
    truth, quantile = _complete("pinball", y, q)
    return _mean(_pinball(truth, quantile, tau))


def interval_score(y: Observations, lower: Observations, upper: Observations, alpha: float) -> IntervalScore:
    """Interval score of central (1 - alpha) intervals, with their coverage and width.

    (u - l) + 2/alpha (l - y) where y < l, + 2/alpha (y - u) where y > u.

    Parameters
    ----------
    y, lower, upper
        Observations and ends of the intervals, one length.
    alpha
        Nominal probability outside, fraction in (0, 1).

    Raises
    ------
    ConfigError
        ``alpha`` outside (0, 1), or lengths differ.

    References
    ----------
    Gneiting, Raftery (2007), Journal of the American Statistical Association 102, 359-378, eq. 43; Winkler (1972).

    Examples
    --------
    >>> interval_score([5.0, 12.0], [0.0, 0.0], [10.0, 10.0], alpha=0.5)
    IntervalScore(score=14.0, coverage=0.5, width=10.0)
    """
    truth, low, high = _complete("interval_score", y, lower, upper)
    losses = interval_losses(truth, low, high, alpha)
    return IntervalScore(_mean(losses), _mean((low <= truth) & (truth <= high)), _mean(high - low))


def crps_normal(y: Observations, mu: Observations, sigma: Observations) -> float | None:
    """Mean continuous ranked probability score of normal forecasts.

    sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1/sqrt(pi)) with z = (y - mu)/sigma; |y - mu| in the limit sigma = 0.

    Parameters
    ----------
    y, mu, sigma
        Observations, means and standard deviations (>= 0), one length.

    Returns
    -------
    float or None
        ``None`` without a complete triple.

    Raises
    ------
    ConfigError
        A negative ``sigma``, or lengths differ.

    References
    ----------
    Gneiting, Raftery, Westveld, Goldman (2005), Monthly Weather Review 133, 1098-1118, eq. 5.

    Examples
    --------
    >>> round(crps_normal([0.0], [0.0], [1.0]), 6), crps_normal([3.0], [1.0], [0.0])
    (0.233695, 2.0)
    """
    truth, mean, sd = _complete("crps_normal", y, mu, sigma)
    if np.any(sd < 0.0):
        raise ConfigError(f"crps_normal: found sigma = {sd.min()!r}; allowed are standard deviations >= 0")
    error = truth - mean
    z = np.divide(error, sd, out=np.zeros(len(error)), where=sd > 0.0)
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    scores = sd * (z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / math.sqrt(math.pi))
    return _mean(np.where(sd > 0.0, scores, np.abs(error)))


def crps_ensemble(y: float | None, sample: Observations) -> float | None:
    """Continuous ranked probability score of an equally weighted sample: mean |x - y| - mean |x - x'| / 2.

    Parameters
    ----------
    y
        The observation.
    sample
        Draws of the forecast; missing ones are left out.

    Returns
    -------
    float or None
        ``None`` without an observation or a draw.

    Notes
    -----
    The mean over pairs comes from the sorted sample, sum (2 i - n - 1) x_(i) / n^2, in n log n steps.

    References
    ----------
    Gneiting, Raftery (2007), eq. 20; Hersbach (2000).

    Examples
    --------
    >>> crps_ensemble(1.0, [0.0, 2.0])
    0.5
    """
    truth, draws = observed_number(y), observed(sample)
    draws = np.sort(draws[~np.isnan(draws)])
    n = len(draws)
    if n == 0 or math.isnan(truth):
        return None
    half_spread = float(((2.0 * np.arange(1, n + 1) - n - 1.0) * draws).sum()) / (n * n)
    return float(np.abs(draws - truth).mean()) - half_spread


def mase(train: Observations, y: Observations, f: Observations, m: int) -> float | None:
    """Mean absolute error over that of the seasonal naive forecast within the training series.

    mean |y - f| / mean_{t > m} |x_t - x_{t-m}|.

    Parameters
    ----------
    train
        Series the scale comes from, oldest first.
    y, f
        Observations and forecasts, one length.
    m
        Length of the season in sessions; 1 compares with "no change".

    Returns
    -------
    float or None
        Ratio, below 1 is better than the naive forecast in the training sample; ``None`` where the scale is 0 or unknown, or
        nothing was observed.

    Raises
    ------
    ConfigError
        ``m`` below 1, or lengths differ.

    References
    ----------
    Hyndman, Koehler (2006), International Journal of Forecasting 22(4), 679-688.

    Examples
    --------
    >>> mase([1.0, 2.0, 3.0], y=[5.0], f=[3.0], m=1)
    2.0
    """
    if m < 1:
        raise ConfigError(f"mase: found m = {m!r} sessions; allowed are whole numbers >= 1")
    series = observed(train)
    steps = np.abs(series[m:] - series[: max(len(series) - m, 0)])
    scale = _mean(steps[~np.isnan(steps)])
    truth, forecast = _complete("mase", y, f)
    error = _mean(np.abs(truth - forecast))
    return None if error is None or not scale else error / scale


def quantile_pinball(
    y: NDArray[np.float64], q: NDArray[np.float64], levels: Sequence[float] = LEVELS
) -> NDArray[np.float64]:
    """Pinball loss of each row, the mean over its quantiles.

    Parameters
    ----------
    y
        Observations of any shape; NaN gives NaN.
    q
        Shape of ``y`` and one more axis for the levels.
    levels
        Probabilities of the quantiles, ascending.

    Returns
    -------
    NDArray[np.float64]
        Shape of ``y``, >= 0.

    Examples
    --------
    >>> quantile_pinball(np.array([0.0]), np.array([[-1.0, 0.0, 1.0]]), levels=(0.25, 0.5, 0.75)).round(6).tolist()
    [0.166667]
    """
    losses: NDArray[np.float64] = _pinball(y[..., np.newaxis], q, np.asarray(levels)).mean(axis=-1)
    return losses


def quantile_crps(
    y: NDArray[np.float64], q: NDArray[np.float64], levels: Sequence[float] = LEVELS
) -> NDArray[np.float64]:
    """CRPS of the distribution that the quantiles of each row stand for.

    The distribution: linear between neighbouring quantiles, the probability beyond the outer levels on the outer
    quantiles themselves (flat tails). Its CRPS, the integral of (F(x) - 1[y <= x])^2, equals twice the integral of the
    pinball loss over all probabilities and is exact here, segment by segment.

    Parameters
    ----------
    y
        Observations of any shape; NaN gives NaN.
    q
        Shape of ``y`` and one more axis, ascending in it.
    levels
        Probabilities of the quantiles, ascending.

    Returns
    -------
    NDArray[np.float64]
        Shape of ``y``, >= 0; |y - q| where all quantiles are equal.

    References
    ----------
    Laio, Tamea (2007), Hydrology and Earth System Sciences 11, 1267-1277 (quantile form).

    Examples
    --------
    >>> quantile_crps(np.array([3.0, 1.0]), np.full((2, 7), 1.0)).tolist()
    [2.0, 0.0]
    """
    probability = np.asarray(levels, dtype=np.float64)
    start, end = probability[:-1], probability[1:]
    left, right, truth = q[..., :-1], q[..., 1:], y[..., np.newaxis]
    width = right - left
    share = np.divide(np.clip(truth - left, 0.0, width), width, out=np.zeros(width.shape), where=width > 0.0)
    middle = start + (end - start) * share
    below = share * (start * start + start * middle + middle * middle)
    rest = (1.0 - share) * ((1.0 - middle) ** 2 + (1.0 - middle) * (1.0 - end) + (1.0 - end) ** 2)
    outside = np.maximum(q[..., 0] - y, 0.0) + np.maximum(y - q[..., -1], 0.0)
    scores: NDArray[np.float64] = (width * (below + rest)).sum(axis=-1) / 3.0 + outside
    return scores


def interval_losses(
    y: NDArray[np.float64], lower: NDArray[np.float64], upper: NDArray[np.float64], alpha: float
) -> NDArray[np.float64]:
    """:func:`interval_score` of each row, before the mean; NaN where ``y`` is.

    Raises
    ------
    ConfigError
        ``alpha`` outside (0, 1).

    Examples
    --------
    >>> interval_losses(np.array([5.0, 12.0]), np.zeros(2), np.full(2, 10.0), alpha=0.5).tolist()
    [10.0, 18.0]
    """
    _probability("interval_losses", "alpha", alpha)
    miss = np.maximum(lower - y, 0.0) + np.maximum(y - upper, 0.0)
    losses: NDArray[np.float64] = (upper - lower) + 2.0 / alpha * miss
    return losses


def _pinball(y: NDArray[np.float64], q: NDArray[np.float64], tau: float | NDArray[np.float64]) -> NDArray[np.float64]:
    error = y - q
    losses: NDArray[np.float64] = np.maximum(tau * error, (tau - 1.0) * error)
    return losses


def _probability(where: str, name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise ConfigError(f"{where}: found {name} = {value!r}; allowed are fractions between 0 and 1, ends excluded")


def _complete(where: str, *series: Observations) -> tuple[NDArray[np.float64], ...]:
    """The series at the places where all of them are known."""
    arrays = [observed(values) for values in series]
    if len({len(array) for array in arrays}) > 1:
        lengths = ", ".join(str(len(array)) for array in arrays)
        raise ConfigError(f"{where}: found series of {lengths} values; give one length")
    known = ~np.isnan(np.stack(arrays)).any(axis=0)
    return tuple(array[known] for array in arrays)


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float | None:
    return or_none(float(values.mean())) if len(values) else None
