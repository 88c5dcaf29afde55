"""How far the measured coverage of a band may stray before something is wrong.

A binomial range at 95 %, for as many observations as the sample is really worth: instruments of one session share their
surprises, and forecasts several sessions ahead overlap. Read next: ``accuracy.py`` puts it into the daily table.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrik

from liquidity.domain.errors import ConfigError

__all__ = ["Coverage", "coverage_of", "coverage_range", "effective_n", "rolling_coverage"]

# Fewer sessions than this tell nothing about how much sessions differ.
_MIN_SESSIONS: Final = 20
_TAIL: Final = 0.025


@dataclass(frozen=True, slots=True)
class Coverage:
    """Measured coverage of one band, fractions; ``alarm`` when it lies outside ``low_frac`` to ``high_frac``.

    ``effective_n`` is the number of independent observations that the ``n`` points of ``sessions_n`` sessions are worth;
    ``through`` the last of these sessions.
    """

    through: Any
    n: int
    sessions_n: int
    coverage_frac: float
    effective_n: float
    low_frac: float
    high_frac: float
    alarm: bool


def coverage_range(n: int, nominal: float, effective_n: float | None = None) -> tuple[float, float]:
    """Shares between which the coverage of a calibrated band lies with 95 % probability.

    The 2.5 and 97.5 % quantiles of a binomial, divided by its size.

    Parameters
    ----------
    n
        Points judged.
    nominal
        Coverage promised, fraction in (0, 1).
    effective_n
        Independent points they are worth, rounded down to a whole number between 1 and ``n``; ``n`` itself where absent.

    Returns
    -------
    tuple of float
        Lower and upper end, fractions; (0, 1) for an empty sample.

    Raises
    ------
    ConfigError
        ``nominal`` outside (0, 1) or a negative ``n``.

    Examples
    --------
    >>> coverage_range(100, 0.8), coverage_range(100, 0.8, effective_n=25.0)
    ((0.72, 0.88), (0.64, 0.96))
    """
    if not 0.0 < nominal < 1.0 or n < 0:
        raise ConfigError(
            f"coverage_range: found nominal = {nominal!r}, n = {n!r}; allowed are a fraction in (0, 1) and n >= 0 points"
        )
    if n == 0:
        return 0.0, 1.0
    size = n if effective_n is None else min(max(math.floor(effective_n), 1), n)
    return _binomial_quantile(_TAIL, size, nominal) / size, _binomial_quantile(1.0 - _TAIL, size, nominal) / size


def effective_n(
    inside_n: NDArray[np.float64], judged_n: NDArray[np.int64], nominal: float, horizon_sessions: int
) -> float:
    """Independent observations that the points of consecutive sessions are worth.

    p (1 - p) / V with p the measured share and V the variance of it, clustered by session: the sum over sessions, and over
    lags below L = 2 x horizon with Bartlett weights, of products of (inside_s - p judged_s) / N, times S / (S - L). Without a
    design effect V = p (1 - p) / N and the answer is N.

    Parameters
    ----------
    inside_n, judged_n
        (S,) points inside and points judged of each session, in time order.
    nominal
        Coverage promised; stands for p where the sample is all inside or all outside.
    horizon_sessions
        Sessions that the forecasts look ahead; forecasts closer than that overlap.

    Returns
    -------
    float
        Between 1 and N. With fewer than 20 sessions their number: what a session's names share cannot be told yet, so
        each session counts once. 0 for an empty sample.

    References
    ----------
    Kish (1965), Survey Sampling, chapter 5 (design effect); Newey, West (1987), Econometrica 55, 703-708 (lags).

    Examples
    --------
    >>> alone = effective_n(np.tile([8.0, 8.0], 50), np.full(100, 10), nominal=0.8, horizon_sessions=1)
    >>> herd = effective_n(np.tile([10.0, 10.0, 10.0, 10.0, 0.0], 20), np.full(100, 10), nominal=0.8, horizon_sessions=1)
    >>> alone, round(herd)
    (1000.0, 129)
    """
    some = judged_n > 0
    inside, judged = np.asarray(inside_n, dtype=np.float64)[some], np.asarray(judged_n, dtype=np.float64)[some]
    sessions, total = len(judged), float(judged.sum())
    if sessions < _MIN_SESSIONS:
        return float(sessions)
    share = float(inside.sum()) / total
    surplus = (inside - share * judged) / total
    variance = float(surplus @ surplus)
    lags = 2 * horizon_sessions
    for lag in range(1, lags):
        variance += 2.0 * (1.0 - lag / lags) * float(surplus[lag:] @ surplus[:-lag])
    # The mean that was taken out hides part of what neighbouring sessions share.
    variance *= sessions / max(sessions - lags, 1.0)
    spread = share * (1.0 - share) or nominal * (1.0 - nominal)
    return total if variance <= spread / total else max(spread / variance, 1.0)


def coverage_of(
    session: NDArray[Any], inside: NDArray[np.bool_], nominal: float, horizon_sessions: int
) -> Coverage | None:
    """Coverage of one band over all judged forecasts of one horizon.

    Parameters
    ----------
    session
        (n,) session each forecast was made for, in any order.
    inside
        (n,) whether the outcome was inside.
    nominal
        Coverage promised, fraction in (0, 1).
    horizon_sessions
        Sessions ahead.

    Returns
    -------
    Coverage or None
        ``None`` for an empty sample.

    Examples
    --------
    >>> result = coverage_of(np.arange(100), np.arange(100) % 5 > 0, nominal=0.8, horizon_sessions=1)
    >>> result.coverage_frac, result.alarm
    (0.8, False)
    """
    sessions, inside_n, judged_n = _by_session(session, inside)
    return _coverage(sessions, inside_n, judged_n, nominal, horizon_sessions) if len(sessions) else None


def rolling_coverage(
    session: NDArray[Any],
    inside: NDArray[np.bool_],
    nominal: float,
    horizon_sessions: int,
    window_sessions: int,
) -> tuple[Coverage, ...]:
    """:func:`coverage_of` over the window that ends with each session.

    Parameters
    ----------
    session, inside, nominal, horizon_sessions
        As there.
    window_sessions
        Sessions in a window, >= 1; the first windows are shorter.

    Returns
    -------
    tuple of Coverage
        One for each session with a judged forecast, in time order.

    Raises
    ------
    ConfigError
        ``window_sessions`` below 1.

    Examples
    --------
    >>> days = np.arange(60)
    >>> [result.alarm for result in rolling_coverage(days, days < 30, 0.8, horizon_sessions=1, window_sessions=30)][-1]
    True
    """
    if window_sessions < 1:
        raise ConfigError(f"rolling_coverage: found a window of {window_sessions} sessions; allowed are >= 1")
    sessions, inside_n, judged_n = _by_session(session, inside)
    windows = (slice(max(end - window_sessions, 0), end) for end in range(1, len(sessions) + 1))
    return tuple(_coverage(sessions[w], inside_n[w], judged_n[w], nominal, horizon_sessions) for w in windows)


def _by_session(
    session: NDArray[Any], inside: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.int64]]:
    if len(session) != len(inside):
        raise ConfigError(f"coverage: found {len(session)} sessions for {len(inside)} flags; give one for each")
    sessions, place = np.unique(session, return_inverse=True)
    return sessions, np.bincount(place, weights=inside).astype(np.float64), np.bincount(place).astype(np.int64)


def _coverage(
    sessions: NDArray[Any],
    inside_n: NDArray[np.float64],
    judged_n: NDArray[np.int64],
    nominal: float,
    horizon_sessions: int,
) -> Coverage:
    n = int(judged_n.sum())
    share = float(inside_n.sum()) / n
    worth = effective_n(inside_n, judged_n, nominal, horizon_sessions)
    low, high = coverage_range(n, nominal, worth)
    return Coverage(sessions[-1], n, len(sessions), share, worth, low, high, not low <= share <= high)


def _binomial_quantile(probability: float, size: int, share: float) -> float:
    """Smallest count whose cumulative probability reaches ``probability``."""
    count = math.ceil(float(bdtrik(probability, size, share)))
    below = max(count - 1, 0)
    return float(below if bdtr(below, size, share) >= probability else count)
