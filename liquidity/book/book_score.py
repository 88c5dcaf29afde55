"""The 0-100 liquidity score of a book, 100 = most liquid, with drivers that add up.

Each input becomes a score on a logarithmic scale between two named anchors (:data:`ANCHORS`); the book's score is
their weighted mean. Fixed anchors make books comparable across symbols and days without a history; the index of a
symbol against its own past is another number (``index``).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError

__all__ = ["ANCHORS", "DEPTH_BPS", "MIN_COVERAGE", "WEIGHTS", "BookScore", "ScoreDriver", "book_score", "book_scores"]

DEPTH_BPS: Final = 10.0
"""Half width of the band whose depth is scored."""

MIN_COVERAGE: Final = 0.5
"""Below this share of known weight there is no score."""

_ROUNDING: Final = 1e-12  # of a sum of weights

ANCHORS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "spread_bps": (100.0, 0.1),
        "depth_quote": (1e4, 1e8),
        "volume_24h_quote": (1e5, 1e10),
        "half_life_s": (600.0, 1.0),
    }
)
"""Value that scores 0 and value that scores 100, of each input; logarithmic between, flat beyond."""

WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {"spread_bps": 0.4, "depth_quote": 0.3, "volume_24h_quote": 0.2, "half_life_s": 0.1}
)


@dataclass(frozen=True, slots=True)
class ScoreDriver:
    """One input's part: its own ``score`` (0-100), ``weight`` after renormalising, ``contribution`` w (s - 50)."""

    value: float
    score: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class BookScore:
    """Score with drivers of the known inputs: score = 50 + sum of contributions.

    ``coverage_frac`` is the share of weight that was known; the score is null with a ``reason`` below
    :data:`MIN_COVERAGE`.
    """

    score: float | None
    coverage_frac: float
    drivers: Mapping[str, ScoreDriver]
    reason: str | None


def book_score(
    *,
    spread_bps: float | None,
    depth_quote: float | None,
    volume_24h_quote: float | None,
    half_life_s: float | None = None,
    weights: Mapping[str, float] = WEIGHTS,
) -> BookScore:
    """Liquidity score of one book.

    Parameters
    ----------
    spread_bps
        Quoted spread, >= 0.
    depth_quote
        Notional within :data:`DEPTH_BPS` of the mid, both sides together, >= 0. For the score of one side give twice
        that side's depth.
    volume_24h_quote
        Traded in 24 hours, >= 0.
    half_life_s
        Half-life of spread deviations, > 0.
    weights
        Weight of each input, >= 0; the input names are those of :data:`ANCHORS`.

    Returns
    -------
    BookScore
        Monotone in each input: falls with spread and half-life, rises with depth and volume. A missing (or negative)
        input leaves its weight to the others.

    Raises
    ------
    ConfigError
        Weights of unknown inputs, negative ones, or a sum of 0.

    Examples
    --------
    >>> score = book_score(spread_bps=1.0, depth_quote=1e6, volume_24h_quote=1e9)
    >>> round(score.score, 2), round(score.coverage_frac, 2)
    (64.07, 0.9)
    """
    total = _checked_total(weights)
    values = {
        "spread_bps": spread_bps,
        "depth_quote": depth_quote,
        "volume_24h_quote": volume_24h_quote,
        "half_life_s": half_life_s,
    }
    known = {
        name: value
        for name, value in values.items()
        if weights.get(name, 0.0) > 0.0 and value is not None and 0.0 <= value < math.inf
    }
    known_weight = sum(weights[name] for name in known)
    coverage = known_weight / total
    if coverage < MIN_COVERAGE - _ROUNDING:
        return BookScore(None, coverage, {}, "coverage_below_minimum")
    drivers = {}
    for name, value in known.items():
        score, weight = _score(name, value), weights[name] / known_weight
        drivers[name] = ScoreDriver(value, score, weight, weight * (score - 50.0))
    score = 50.0 + sum(each.contribution for each in drivers.values())
    return BookScore(min(max(score, 0.0), 100.0), coverage, drivers, None)


def _score(name: str, value: float) -> float:
    worst, best = ANCHORS[name]
    if value <= 0.0:
        return 100.0 if best < worst else 0.0
    return min(max(100.0 * (math.log(value) - math.log(worst)) / math.log(best / worst), 0.0), 100.0)


def _checked_total(weights: Mapping[str, float]) -> float:
    unknown = set(weights) - set(ANCHORS)
    if unknown or not all(0.0 <= weight < math.inf for weight in weights.values()) or not sum(weights.values()) > 0.0:
        raise ConfigError(f"book_score: weights {dict(weights)}; allowed names {list(ANCHORS)}, each >= 0, sum above 0")
    return sum(weights.values())


def book_scores(
    *,
    spread_bps: NDArray[np.float64],
    depth_quote: NDArray[np.float64],
    volume_24h_quote: NDArray[np.float64],
    half_life_s: NDArray[np.float64],
    weights: Mapping[str, float] = WEIGHTS,
) -> NDArray[np.float64]:
    """Scores of many books at once, the numbers of :func:`book_score`.

    Parameters
    ----------
    spread_bps, depth_quote, volume_24h_quote, half_life_s
        Shapes that broadcast together; NaN is missing.

    Returns
    -------
    ndarray
        0-100, NaN where coverage is below :data:`MIN_COVERAGE`.

    Examples
    --------
    >>> nothing = np.array([np.nan])
    >>> book_scores(spread_bps=np.array([1.0, np.nan]), depth_quote=np.array([1e6, 1e6]),
    ...             volume_24h_quote=np.array([1e9]), half_life_s=nothing).round(2).tolist()
    [64.07, 62.0]
    """
    total = _checked_total(weights)
    given = {
        "spread_bps": spread_bps,
        "depth_quote": depth_quote,
        "volume_24h_quote": volume_24h_quote,
        "half_life_s": half_life_s,
    }
    shape = np.broadcast_shapes(*(np.shape(values) for values in given.values()))
    weighted, known_weight = np.zeros(shape), np.zeros(shape)
    for name, values in given.items():
        worst, best = ANCHORS[name]
        array = np.asarray(values, dtype=np.float64)
        known = (array >= 0.0) & (array < math.inf)
        # 0 scores as the good or bad end of its scale; a stand-in keeps the logarithm finite.
        positive = np.where(known & (array > 0.0), array, best if best < worst else worst)
        score = np.clip(100.0 * (np.log(positive) - math.log(worst)) / math.log(best / worst), 0.0, 100.0)
        weight = np.where(known, weights.get(name, 0.0), 0.0)
        weighted = weighted + weight * score
        known_weight = known_weight + weight
    enough = known_weight / total >= MIN_COVERAGE - _ROUNDING
    return np.where(enough, np.clip(weighted / np.where(enough, known_weight, 1.0), 0.0, 100.0), np.nan)
