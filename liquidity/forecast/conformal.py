"""Conformal prediction of one series: the rank that gives a band its coverage, and how the level adapts over time.

Read next: ``bands.py`` does the same for panels of instruments, ``adaptive.py`` moves the levels session by session.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed

__all__ = ["Cqr", "SplitConformal", "aci", "conformal_quantile", "conformal_rank", "cqr", "split_conformal"]

# (n + 1)(1 - alpha) that is a whole number on paper may land a rounding error above it.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class SplitConformal:
    """Rank ``k`` and half-width ``qhat`` of the band, in the unit of the scores; infinite when k exceeds the sample."""

    k: int
    qhat: float


@dataclass(frozen=True, slots=True)
class Cqr:
    """Correction ``qhat`` (negative shrinks) and the corrected band, in the unit of ``y``."""

    qhat: float
    lower: float
    upper: float


def conformal_rank(n: int, alpha: float) -> int:
    """Rank k = ceil((n + 1)(1 - alpha)) of the calibration score that bounds a new one with probability 1 - alpha.

    Examples
    --------
    >>> conformal_rank(19, 0.1), conformal_rank(8, 0.1)
    (18, 9)
    """
    if not 0.0 <= alpha <= 1.0:
        raise ConfigError(f"conformal: found alpha = {alpha!r}; allowed are fractions 0 to 1")
    return math.ceil((n + 1) * (1.0 - alpha) - _ROUNDING)


def conformal_quantile(scores: NDArray[np.float64], alpha: float) -> float:
    """The k-th smallest score, k = :func:`conformal_rank`; infinite when k exceeds their number, minus infinite at k = 0.

    Parameters
    ----------
    scores
        (n,) without NaN, any order.
    alpha
        Probability outside, fraction 0-1.

    Examples
    --------
    >>> conformal_quantile(np.array([3.0, 1.0, 2.0]), alpha=0.5), conformal_quantile(np.array([1.0]), alpha=0.1)
    (2.0, inf)
    """
    k = conformal_rank(len(scores), alpha)
    if k > len(scores):
        return math.inf
    return float(np.partition(scores, k - 1)[k - 1]) if k > 0 else -math.inf


def split_conformal(scores: Observations, alpha: float) -> SplitConformal:
    """Half-width that makes forecast +- half-width hold with probability 1 - alpha.

    Parameters
    ----------
    scores
        |y - forecast| of the calibration sample; missing ones are left out.
    alpha
        Probability outside, fraction 0-1.

    Raises
    ------
    ConfigError
        ``alpha`` outside [0, 1].

    References
    ----------
    Vovk, Gammerman, Shafer (2005); Lei, G'Sell, Rinaldo, Tibshirani, Wasserman (2018), JASA 113, 1094-1111, algorithm 2.

    Examples
    --------
    >>> split_conformal([0.1, 0.4, 0.2, 0.3], alpha=0.4)
    SplitConformal(k=3, qhat=0.3)
    """
    known = observed(scores)
    known = known[~np.isnan(known)]
    return SplitConformal(conformal_rank(len(known), alpha), conformal_quantile(known, alpha))


def cqr(y: Observations, lo: Observations, hi: Observations, alpha: float, new_lo: float, new_hi: float) -> Cqr:
    """Conformalised quantile regression: widen or shrink a band by what it missed before.

    E = max(lo - y, y - hi); the new band is [new_lo - qhat, new_hi + qhat] with qhat the k-th smallest E.

    Parameters
    ----------
    y, lo, hi
        Observations and bands of the calibration sample, one length; incomplete rows are left out.
    alpha
        Probability outside, fraction 0-1.
    new_lo, new_hi
        Band to correct.

    Raises
    ------
    ConfigError
        ``alpha`` outside [0, 1], or lengths differ.

    References
    ----------
    Romano, Patterson, Candes (2019), Advances in Neural Information Processing Systems 32, algorithm 1.

    Examples
    --------
    >>> cqr([0.0, 3.0, 5.0], [0.0, 0.0, 0.0], [4.0, 4.0, 4.0], alpha=0.25, new_lo=1.0, new_hi=2.0)
    Cqr(qhat=1.0, lower=0.0, upper=3.0)
    """
    truth, low, high = observed(y), observed(lo), observed(hi)
    if not len(truth) == len(low) == len(high):
        raise ConfigError(f"cqr: found {len(truth)} observations, {len(low)} and {len(high)} ends; give one length")
    scores = np.maximum(low - truth, truth - high)
    qhat = conformal_quantile(scores[~np.isnan(scores)], alpha)
    return Cqr(qhat, new_lo - qhat, new_hi + qhat)


def aci(alpha: float, gamma: float, errors: Sequence[float]) -> tuple[float, ...]:
    """Adaptive conformal inference: the level after each step.

    alpha_{t+1} = alpha_t + gamma (alpha - err_t). A level may leave [0, 1]; it is clipped where it is used, never where it
    is kept, or the long-run coverage would be lost.

    Parameters
    ----------
    alpha
        Probability outside that is aimed at; also the first level.
    gamma
        Step.
    errors
        1 where the observation fell outside the band made with the level of that time, else 0; or a share of many.

    References
    ----------
    Gibbs, Candes (2021), Advances in Neural Information Processing Systems 34, eq. 2.

    Examples
    --------
    >>> [round(level, 3) for level in aci(0.1, 0.05, [0, 1])]
    [0.105, 0.06]
    """
    path, level = [], alpha
    for error in errors:
        level = level + gamma * (alpha - error)
        path.append(level)
    return tuple(path)
