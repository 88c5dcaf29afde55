"""Repayment support: how well alternative data and market stability speak for repayment, 0-100, 100 best.

Same arithmetic as the liquidity index over other features. Nothing is estimated for thin names: an issuer without
traffic, utilities or stories has no support score, and says why. Read next: ``docs/methodology/repayment_support.md``.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from liquidity.contracts.pulse import REPAYMENT_SUPPORT
from liquidity.index.aggregation import score_table
from liquidity.index.liquidity_index import IndexValue, liquidity_index
from liquidity.index.profiles import WeightProfile
from liquidity.index.thresholds import PulseThresholds

__all__ = ["repayment_support", "score_repayment"]


def repayment_support(
    scores: Mapping[str, float | None],
    weights: Mapping[str, float],
    min_coverage: float,
    freshness: Mapping[str, float] | None = None,
) -> IndexValue:
    """Weighted mean of component scores over what is there; see :func:`liquidity.index.liquidity_index.liquidity_index`.

    Examples
    --------
    >>> weights = {"traffic_index": 0.25, "utilities_index": 0.2, "sentiment_intensity": 0.15}
    >>> round(repayment_support({"traffic_index": 55.0, "utilities_index": 60.0}, weights, 0.5).index, 4)
    57.2222
    """
    return liquidity_index(scores, weights, min_coverage, freshness)


def score_repayment(
    features: pd.DataFrame,
    profile: WeightProfile | Mapping[str, WeightProfile],
    thresholds: PulseThresholds | None = None,
    *,
    instrument_ids: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Repayment support of each instrument, observed or insufficient data.

    Parameters
    ----------
    features
        Rows of ``liquidity_features``, the whole cross-section of the session.
    profile
        One profile, or one for each asset class; a profile without repayment weights (shares, coins) scores nothing.
    instrument_ids
        Return these only; their numbers equal those of a full run.

    Returns
    -------
    pd.DataFrame
        Columns of ``REPAYMENT_SUPPORT``, rows and index of ``features``.
    """
    return score_table(
        features, profile, "repayment", REPAYMENT_SUPPORT, thresholds or PulseThresholds(), instrument_ids
    )
