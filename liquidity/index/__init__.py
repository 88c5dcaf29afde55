"""Indices 0-100 from features: liquidity, repayment support, and both combined, with what explains them.

Order of reading: ``profiles`` (weights) -> ``aggregation`` (arithmetic) -> ``liquidity_index``, ``repayment_support``,
``bondx_score`` -> ``uncertainty``, ``thin_bonds`` -> ``drivers``, ``heatmap``, ``early_warning`` -> ``pulse_document``.
"""

from liquidity.index.bondx_score import BondXValue, bondx_score, combine_scores
from liquidity.index.configuration import config_hash
from liquidity.index.drivers import drivers_change, top_movers
from liquidity.index.early_warning import early_warnings
from liquidity.index.heatmap import member_weights, sector_heatmap
from liquidity.index.liquidity_index import IndexValue, liquidity_index, score_liquidity, score_observed
from liquidity.index.profiles import (
    DEFAULT_PROFILES,
    PROFILES,
    FeatureWeight,
    WeightProfile,
    profiles_for,
    spread_overlap,
    weight_profile,
    with_overrides,
)
from liquidity.index.pulse_document import PULSE_SCHEMA, PulseMeta, pulse_documents, pulse_header
from liquidity.index.repayment_support import repayment_support, score_repayment
from liquidity.index.thin_bonds import estimate_thin_bonds, hidden_bond_errors
from liquidity.index.thresholds import PulseThresholds
from liquidity.index.uncertainty import Uncertainty, uncertainty

__all__ = [
    "DEFAULT_PROFILES",
    "PROFILES",
    "PULSE_SCHEMA",
    "BondXValue",
    "FeatureWeight",
    "IndexValue",
    "PulseMeta",
    "PulseThresholds",
    "Uncertainty",
    "WeightProfile",
    "bondx_score",
    "combine_scores",
    "config_hash",
    "drivers_change",
    "early_warnings",
    "estimate_thin_bonds",
    "hidden_bond_errors",
    "liquidity_index",
    "member_weights",
    "profiles_for",
    "pulse_documents",
    "pulse_header",
    "repayment_support",
    "score_liquidity",
    "score_observed",
    "score_repayment",
    "sector_heatmap",
    "spread_overlap",
    "top_movers",
    "uncertainty",
    "weight_profile",
    "with_overrides",
]
