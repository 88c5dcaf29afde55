"""Answers of topic ``portfolio_liquidity``: liquidation times, tiers, concentration, redemptions, buckets."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from liquidity.portfolio.concentration import concentration
from liquidity.portfolio.liquidation import days_to_liquidate, liquidity_tier, portfolio_liquidation
from liquidity.portfolio.redemption_coverage import rcr
from liquidity.regulation.sec22e4 import sec_22e4

__all__ = ["ANSWERS_PORTFOLIO_LIQUIDITY"]

ANSWERS_PORTFOLIO_LIQUIDITY: dict[str, Callable[..., dict[str, Any]]] = {
    "days_to_liquidate": lambda **inputs: asdict(days_to_liquidate(**inputs)),
    "portfolio_liquidation": lambda **inputs: asdict(portfolio_liquidation(**inputs)),
    "liquidity_tier": lambda **inputs: asdict(liquidity_tier(**inputs)),
    "concentration": lambda **inputs: asdict(concentration(**inputs)),
    "rcr": lambda **inputs: asdict(rcr(**inputs)),
    "sec_22e4": lambda **inputs: asdict(sec_22e4(**inputs)),
}
