"""Perpetuals and futures: margin, liquidation prices, funding, open interest, liquidations.

Costs and payments are positive when they leave the holder's account; fractions are of notional. What venues report and
what is modelled here are never mixed: modelled liquidation levels say so. Read first: ``margin_tiers.py``.
"""

from liquidity.derivatives.funding import Funding, FundingEstimate, funding, funding_rate, next_funding, premium_index
from liquidity.derivatives.liquidation_events import DistinctEvents, LiquidationTotals, distinct_events, totals
from liquidity.derivatives.liquidation_levels import LevelModel, LeverageShare, ModelledLevels, liquidation_levels
from liquidity.derivatives.liquidation_price import (
    LiquidationPrice,
    binance_liq,
    hyperliquid_liq,
    inverse_liq,
    isolated_liquidation,
)
from liquidity.derivatives.margin_ratio import MarginRatio, margin_ratio
from liquidity.derivatives.margin_tiers import MarginTiers, margin_tiers, tier_of
from liquidity.derivatives.open_interest import (
    OpenInterestChanges,
    OpenInterestReading,
    is_stale,
    open_interest_changes,
    open_interest_reading,
    open_interest_record,
)

__all__ = [
    "DistinctEvents",
    "Funding",
    "FundingEstimate",
    "LevelModel",
    "LeverageShare",
    "LiquidationPrice",
    "LiquidationTotals",
    "MarginRatio",
    "MarginTiers",
    "ModelledLevels",
    "OpenInterestChanges",
    "OpenInterestReading",
    "binance_liq",
    "distinct_events",
    "funding",
    "funding_rate",
    "hyperliquid_liq",
    "inverse_liq",
    "is_stale",
    "isolated_liquidation",
    "liquidation_levels",
    "margin_ratio",
    "margin_tiers",
    "next_funding",
    "open_interest_changes",
    "open_interest_reading",
    "open_interest_record",
    "premium_index",
    "tier_of",
    "totals",
]
