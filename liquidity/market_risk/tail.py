"""Value at risk and expected shortfall of a sample of returns or of profit and loss; losses are positive.

The other models forecast the same two numbers: ``parametric.py``, ``filtered.py``. Whether they were right is asked by
``var_tests.py``.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed, or_none

__all__ = [
    "TailInterval",
    "VarEs",
    "bootstrap_interval",
    "checked_confidence",
    "es_of_rows",
    "var_es_hist",
    "var_of_rows",
]

_DRAW_BLOCK_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class VarEs:
    """``var_linear`` by the linearly interpolated quantile, ``es`` the mean of the worst 1 - confidence; ``None``: no sample."""

    var_linear: float | None
    es: float | None


@dataclass(frozen=True, slots=True)
class TailInterval:
    """Where value at risk and expected shortfall would lie on other samples of the same size; unit of the sample."""

    var_low: float | None
    var_high: float | None
    es_low: float | None
    es_high: float | None


def checked_confidence(confidence: float) -> float:
    """Refuse a level outside (0, 1), such as 95 for 0.95."""
    if not 0.0 < confidence < 1.0:
        raise ConfigError(f"confidence is {confidence}, allowed between 0 and 1, both excluded; write 0.95 for 95 %")
    return float(confidence)


def var_es_hist(returns: Observations, confidence: float) -> VarEs:
    """Historical value at risk and expected shortfall.

    VaR = -quantile(r, 1 - c), linear interpolation; ES = -(sum of the k worst + (n a - k) * next worst) / (n a) with
    a = 1 - c and k = floor(n a), the exact mean of the worst share a of the sample.

    Parameters
    ----------
    returns
        Returns or profit and loss, gains positive; missing ones are left out.
    confidence
        c in (0, 1).

    Returns
    -------
    VarEs
        In the unit of the sample, a loss positive (a gain in the tail gives a negative number); ``None`` without sample.

    Notes
    -----
    With 250 returns the 99 % tail holds 2.5 of them: show :func:`bootstrap_interval` beside it.

    References
    ----------
    Rockafellar and Uryasev (2002), Journal of Banking and Finance 26, 1443-1471; Acerbi and Tasche (2002), same volume.

    Examples
    --------
    >>> found = var_es_hist([-0.04, -0.01, 0.0, 0.01, 0.02], 0.7)
    >>> round(found.var_linear, 4), round(found.es, 4)
    (0.008, 0.03)
    """
    checked_confidence(confidence)
    values = observed(returns)
    values = values[~np.isnan(values)][None, :]
    if not values.size:
        return VarEs(None, None)
    return VarEs(float(var_of_rows(values, confidence)[0]), float(es_of_rows(values, confidence)[0]))


def var_of_rows(rows: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Historical value at risk of each row of (M, W) complete samples; NaN for a row with a missing value."""
    found: NDArray[np.float64] = -np.quantile(rows, 1.0 - checked_confidence(confidence), axis=-1)
    return found


def es_of_rows(rows: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Expected shortfall of each row of (M, W) samples; NaN for a row with a missing value."""
    n = rows.shape[-1]
    tail = n * (1.0 - checked_confidence(confidence))
    whole = min(math.floor(tail), n - 1)
    worst = np.sort(np.partition(rows, whole, axis=-1)[..., : whole + 1], axis=-1)
    found: NDArray[np.float64] = -(worst[..., :whole].sum(axis=-1) + (tail - whole) * worst[..., whole]) / tail
    return np.where(np.isnan(rows).any(axis=-1), np.nan, found)


def bootstrap_interval(
    returns: Observations, confidence: float, *, level: float = 0.90, draws: int = 1000, seed: int = 0
) -> TailInterval:
    """Interval of the historical value at risk and expected shortfall by resampling blocks of the sample.

    Circular blocks of n^(1/3) observations (rounded up) keep the clustering of volatility; the interval lies between the
    (1 - level) / 2 quantiles of the redrawn numbers.

    Parameters
    ----------
    returns
        As in :func:`var_es_hist`, in time order.
    level
        Share of redrawn numbers inside the interval.
    draws
        Samples drawn.
    seed
        The same seed gives the same bits.

    Returns
    -------
    TailInterval
        ``None`` in all fields with fewer than ten observations. With few tail points it is too narrow: nothing worse than
        the worst observation can be drawn.

    References
    ----------
    Politis and Romano (1992), "A circular block-resampling procedure for stationary data".
    """
    checked_confidence(confidence)
    checked_confidence(level)
    values = observed(returns)
    values = values[~np.isnan(values)]
    n = values.size
    if n < 10:
        return TailInterval(None, None, None, None)
    length = math.ceil(n ** (1.0 / 3.0))
    blocks = math.ceil(n / length)
    random = np.random.default_rng(seed)
    var, es = np.empty(draws), np.empty(draws)
    step = max(1, _DRAW_BLOCK_CELLS // n)
    for low in range(0, draws, step):
        high = min(draws, low + step)
        starts = random.integers(0, n, (high - low, blocks))
        places = (starts[:, :, None] + np.arange(length)).reshape(high - low, -1)[:, :n] % n
        redrawn = values[places]
        var[low:high], es[low:high] = var_of_rows(redrawn, confidence), es_of_rows(redrawn, confidence)
    ends = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    (var_low, var_high), (es_low, es_high) = np.quantile(var, ends), np.quantile(es, ends)
    return TailInterval(or_none(var_low), or_none(var_high), or_none(es_low), or_none(es_high))
