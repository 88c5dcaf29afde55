"""The settings as the policy that pure code judges portfolios by."""

from types import MappingProxyType

from liquidity.impact.shock import Shock
from liquidity.portfolio.policy import (
    URGENCIES,
    AssessmentLimits,
    LiquidityPolicy,
    PortfolioLimits,
    TierRule,
    UrgencyTerms,
)
from resources.settings import Settings

__all__ = ["portfolio_policy"]


def portfolio_policy(settings: Settings) -> LiquidityPolicy:
    """Read groups ``portfolio``, ``urgency``, ``execution``, ``sizing``, ``gate``, ``tiers`` and ``risk_thresholds``."""
    held, tiers = settings.portfolio, settings.tiers
    return LiquidityPolicy(
        participation_frac=settings.execution.max_participation_frac,
        urgency=MappingProxyType(
            {name: UrgencyTerms(**getattr(settings.urgency, name).model_dump()) for name in URGENCIES}
        ),
        limits=PortfolioLimits(
            illiquid_after_sessions=held.illiquid_after_sessions,
            max_illiquid_frac=held.max_illiquid_frac,
            min_daily_liquidatable_frac=held.min_daily_liquidatable_frac,
            liquidation_target_frac=held.liquidation_target_frac,
            max_liquidation_sessions=held.max_liquidation_sessions,
            max_exit_cost_bps=held.max_exit_cost_bps,
            min_portfolio_score=held.min_portfolio_score,
            max_position_frac=held.max_position_frac,
            max_issuer_frac=held.max_issuer_frac,
        ),
        warnings=AssessmentLimits(
            plan_required_above_adv_frac=settings.gate.plan_required_above_adv_frac,
            min_score=settings.risk_thresholds.min_liquidity_score,
            max_liquidation_sessions=held.max_liquidation_sessions,
            max_age_sessions=held.max_price_age_sessions,
            max_position_adv_frac=settings.sizing.max_position_adv_frac,
        ),
        stress=Shock(
            spread_mult=held.stress_spread_mult,
            volume_haircut_frac=held.stress_volume_haircut_frac,
            depth_haircut_frac=held.stress_depth_haircut_frac,
            vol_mult=held.stress_vol_mult,
        ),
        max_price_age_sessions=held.max_price_age_sessions,
        tiers=tuple(
            TierRule(name, tier.min_adv_usd, tier.max_order_adv_frac)
            for name, tier in (
                ("high", tiers.high_liquidity),
                ("medium", tiers.medium_liquidity),
                ("low", tiers.low_liquidity),
            )
        ),
    )
