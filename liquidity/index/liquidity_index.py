"""The liquidity index: how liquid an instrument is today, 0-100, 100 most liquid.

Read next: ``docs/methodology/liquidity_index.md``; ``thin_bonds.py`` for bonds without enough signals of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from liquidity.contracts.pulse import LIQUIDITY_INDEX
from liquidity.domain.errors import ConfigError
from liquidity.index.aggregation import rows_of, score_table
from liquidity.index.profiles import WeightProfile
from liquidity.index.thin_bonds import estimate_thin_bonds
from liquidity.index.thresholds import PulseThresholds

__all__ = ["IndexValue", "liquidity_index", "score_liquidity", "score_observed"]

_COVERAGE_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class IndexValue:
    """Index in points 0-100 (None below the smallest coverage) and coverage as a fraction 0-1."""

    index: float | None
    coverage: float


def liquidity_index(
    scores: Mapping[str, float | None],
    weights: Mapping[str, float],
    min_coverage: float,
    freshness: Mapping[str, float] | None = None,
) -> IndexValue:
    """Weighted mean of component scores over what is there: the judge of :func:`score_liquidity`.

    index = sum |w_i| f_i s_i / sum |w_i| f_i, coverage = sum |w_i| f_i / sum |w_i|, over known scores.

    Parameters
    ----------
    scores
        0-100 by feature, already turned so that 100 is most liquid; None is missing.
    weights
        Signed weights by feature; only their size counts here, the sign was used in turning.
    min_coverage
        Below this coverage (fraction 0-1) there is no index.
    freshness
        Trust in each feature's inputs, fraction 0-1; all 1 when not given.

    Notes
    -----
    With 0-1 features x and the published signed weights (sizes summing to 1, negative ones to -0.4) this equals
    100 * (sum w_i x_i + 0.4), so the published weights are honoured exactly.

    References
    ----------
    OECD/JRC (2008), Handbook on Constructing Composite Indicators: weighted arithmetic aggregation.

    Examples
    --------
    >>> liquidity_index({"spread_bps": 80.0, "depth_density": 60.0}, {"spread_bps": -0.3, "depth_density": 0.2}, 0.5)
    IndexValue(index=72.0, coverage=1.0)
    >>> liquidity_index({"spread_bps": None, "depth_density": 60.0}, {"spread_bps": -0.3, "depth_density": 0.2}, 0.5).index
    """
    unknown = sorted(set(scores) - set(weights))
    if unknown:
        raise ConfigError(f"liquidity_index: scores of {unknown} have no weight; known: {sorted(weights)}")
    total = mass = points = 0.0
    for feature, weight in weights.items():
        total += abs(weight)
        score = scores.get(feature)
        if score is None:
            continue
        effective = abs(weight) * (1.0 if freshness is None else freshness.get(feature, 1.0))
        mass += effective
        points += effective * score
    coverage = mass / total if total else 0.0
    if coverage < max(min_coverage - _COVERAGE_SLACK, _COVERAGE_SLACK):
        return IndexValue(None, coverage)
    return IndexValue(points / mass, coverage)


def score_liquidity(
    features: pd.DataFrame,
    profile: WeightProfile | Mapping[str, WeightProfile],
    thresholds: PulseThresholds | None = None,
    *,
    instrument_ids: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Liquidity score of each instrument; bonds without enough signals are estimated and labelled.

    Parameters
    ----------
    features
        Rows of ``liquidity_features``: the whole cross-section of the session, because peers are ranked within it.
    profile
        One profile, or one for each asset class (``profiles_for()``). Rows of a class it does not cover get
        ``insufficient_data`` with the reason.
    thresholds
        Default ``PulseThresholds()``.
    instrument_ids
        Return these only; their numbers equal those of a full run.

    Returns
    -------
    pd.DataFrame
        Columns of ``LIQUIDITY_INDEX``, rows and index of ``features``.
    """
    limits = thresholds or PulseThresholds()
    if instrument_ids is None:
        return estimate_thin_bonds(score_observed(features, profile, limits), features, profile, limits)
    wanted = rows_of(features, instrument_ids)
    own = score_observed(features, profile, limits, instrument_ids=instrument_ids)
    if (own["method"] == "observed").all():
        return own
    return score_liquidity(features, profile, limits)[wanted]


def score_observed(
    features: pd.DataFrame,
    profile: WeightProfile | Mapping[str, WeightProfile],
    thresholds: PulseThresholds | None = None,
    *,
    instrument_ids: Sequence[str] | None = None,
) -> pd.DataFrame:
    """:func:`score_liquidity` from each instrument's own signals alone: observed, or insufficient data."""
    return score_table(features, profile, "liquidity", LIQUIDITY_INDEX, thresholds or PulseThresholds(), instrument_ids)
