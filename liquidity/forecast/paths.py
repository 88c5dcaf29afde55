"""Scenarios over several sessions that agree with the bands: each day has its distribution, days move together as before.

The bands of one instrument say nothing about how the days hang together. Past forecasts do: the ranks of their joint
outcomes, put on today's quantiles (empirical copula, Schaake shuffle). Read next: ``bands.py`` makes the quantiles.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.forecast.horizons import HORIZONS, LEVELS

__all__ = ["MIN_TEMPLATES", "joint_ranks", "outcome_probabilities", "quantile_function", "score_paths"]

MIN_TEMPLATES: Final = 20
"""Past joint outcomes below which nothing can be said about how the days move together."""

_MAX_TEMPLATES: Final = 2000
_FIRST, _LAST = LEVELS[0], LEVELS[-1]
# Probabilities 0 and 1 lie where the outermost segment, drawn on, would reach them.
_LOW_STRETCH: Final = _FIRST / (LEVELS[1] - _FIRST)
_HIGH_STRETCH: Final = (1.0 - _LAST) / (_LAST - LEVELS[-2])
_PROBABILITIES: Final = np.array([0.0, *LEVELS, 1.0])


def quantile_function(quantiles: NDArray[np.float64], probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of the distribution that seven quantiles stand for.

    Linear between neighbouring levels; beyond the outer ones the outermost segment is drawn on to the probabilities 0 and
    1, cut to 0-100.

    Parameters
    ----------
    quantiles
        (7,) points 0-100, ascending.
    probability
        Fractions 0-1, any shape.

    Returns
    -------
    NDArray[np.float64]
        Shape of ``probability``, points 0-100.

    Examples
    --------
    >>> quantile_function(np.array([2.5, 10, 25, 50, 75, 90, 97.5]), np.array([0.0, 0.3, 1.0])).tolist()
    [0.0, 30.0, 100.0]
    """
    values: NDArray[np.float64] = np.interp(probability, _PROBABILITIES, np.clip(_knots(quantiles), 0.0, 100.0))
    return values


def outcome_probabilities(quantiles: NDArray[np.float64], outcomes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability integral transform: where each outcome fell in its forecast distribution.

    Parameters
    ----------
    quantiles
        (R, 5, 7) ascending by level.
    outcomes
        (R, 5) in the same unit; NaN where not known.

    Returns
    -------
    NDArray[np.float64]
        (R, 5) fractions 0-1, NaN where the outcome is; uniform when the forecasts are calibrated. The middle of the jump
        where several levels share one value.

    Examples
    --------
    >>> levels = np.tile([2.5, 10, 25, 50, 75, 90, 97.5], (1, 5, 1))
    >>> outcome_probabilities(levels, np.array([[30.0, 2.5, 0.0, 100.0, np.nan]])).round(3).tolist()
    [[0.3, 0.025, 0.0, 1.0, nan]]
    """
    knots, truth = _knots(quantiles), outcomes[..., np.newaxis]
    left, right = knots[..., :-1], knots[..., 1:]
    width = right - left
    step = np.diff(_PROBABILITIES)
    rising = np.divide(np.clip(truth - left, 0.0, width), width, out=np.zeros(width.shape), where=width > 0.0)
    jump = 0.5 * (np.sign(truth - left) + 1.0)
    probability: NDArray[np.float64] = (step * np.where(width > 0.0, rising, jump)).sum(axis=-1)
    return probability


def joint_ranks(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """How the days of past forecasts moved together.

    Parameters
    ----------
    probabilities
        (R, 5) of :func:`outcome_probabilities`, rows in time order; rows with a NaN are left out, and of more than 2000 an
        evenly spaced 2000 are taken.

    Returns
    -------
    NDArray[np.int64]
        (S, 5) ranks 1..S within each column; ties by row.

    Examples
    --------
    >>> joint_ranks(np.array([[0.1] * 5, [0.9] * 5, [0.5] * 5, [np.nan] * 5]))[:, 0].tolist()
    [1, 3, 2]
    """
    if probabilities.ndim != 2 or probabilities.shape[1] != len(HORIZONS):
        raise ConfigError(f"joint_ranks: found shape {probabilities.shape}; allowed is (R, {len(HORIZONS)})")
    complete = probabilities[~np.isnan(probabilities).any(axis=1)]
    if len(complete) > _MAX_TEMPLATES:
        complete = complete[np.linspace(0, len(complete) - 1, _MAX_TEMPLATES).astype(np.int64)]
    return _ranks(complete)


def score_paths(quantiles: NDArray[np.float64], ranks: NDArray[np.int64], n: int, seed: int) -> NDArray[np.float64]:
    """Scenarios of one instrument's score over the next five sessions.

    Each column holds the quantile function at the probabilities (k - 0.5)/n, k = 1..n, exactly once, so the scenarios
    have the bands of the forecast; their order follows past joint outcomes drawn at random.

    Parameters
    ----------
    quantiles
        (5, 7) calibrated quantiles of the score, points 0-100, ascending by level.
    ranks
        (S, 5) of :func:`joint_ranks`.
    n
        Scenarios, >= 1.
    seed
        Of the draw; equal inputs and seed give equal bits.

    Returns
    -------
    NDArray[np.float64]
        (n, 5) points 0-100, equally likely.

    Raises
    ------
    ConfigError
        Shapes that do not fit, quantiles that cross, or ``n`` below 1.
    InsufficientDataError
        Fewer than 20 past joint outcomes.

    References
    ----------
    Clark, Gangopadhyay, Hay, Rajagopalan, Wilby (2004), Journal of Hydrometeorology 5, 243-262; Schefzik, Thorarinsdottir,
    Gneiting (2013), Statistical Science 28, 616-640 (ensemble copula coupling).

    Examples
    --------
    >>> flat = np.tile([40.0, 45, 48, 50, 52, 55, 60], (5, 1))
    >>> steady = np.repeat(np.arange(1, 41)[:, np.newaxis], 5, axis=1)
    >>> paths = score_paths(flat, steady, n=100, seed=1)
    >>> paths.shape, bool((paths[:, 0] == paths[:, 4]).mean() > 0.2)
    ((100, 5), True)
    """
    shape = (len(HORIZONS), len(LEVELS))
    if quantiles.shape != shape or ranks.shape != (len(ranks), len(HORIZONS)) or n < 1:
        raise ConfigError(
            f"score_paths: found quantiles {quantiles.shape}, ranks {ranks.shape}, n = {n}; "
            f"allowed are {shape}, (S, {len(HORIZONS)}) and n >= 1 scenarios"
        )
    if not np.all(np.diff(quantiles, axis=1) >= 0.0):
        raise ConfigError("score_paths: found quantiles that cross or are NaN; take them from Calibration.apply")
    if len(ranks) < MIN_TEMPLATES:
        raise InsufficientDataError(
            f"score_paths: found {len(ranks)} past joint outcomes; at least {MIN_TEMPLATES} are needed; "
            "wait until more five-session forecasts are judged"
        )
    generator = np.random.default_rng(seed)
    drawn = ranks[generator.choice(len(ranks), size=n, replace=n > len(ranks))].astype(np.float64)
    # A template that is drawn twice ties with itself; noise below one rank breaks ties alike on all days.
    order = _ranks(drawn + generator.random((n, 1)))
    probability = (np.arange(n) + 0.5) / n
    values = np.stack([quantile_function(day, probability) for day in quantiles], axis=1)
    return np.take_along_axis(values, order - 1, axis=0)


def _knots(quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The quantiles with the ends of the distribution before and after them."""
    low = quantiles[..., :1] - _LOW_STRETCH * (quantiles[..., 1:2] - quantiles[..., :1])
    high = quantiles[..., -1:] + _HIGH_STRETCH * (quantiles[..., -1:] - quantiles[..., -2:-1])
    return np.concatenate([low, quantiles, high], axis=-1)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ranks 1..S within each column, ties by row."""
    ranks: NDArray[np.int64] = values.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable") + 1
    return ranks
