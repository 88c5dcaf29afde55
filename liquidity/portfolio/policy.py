"""What a portfolio's liquidity is judged by: participation, urgencies, limits, the stress shown beside the calm.

Values come from the settings; the defaults here are those of ``config/liquidity.yaml``. Read next: ``ladder.py``,
``limits.py``, ``assessment.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from liquidity.domain.errors import ConfigError
from liquidity.impact.shock import Shock

__all__ = [
    "COST_HORIZONS_SESSIONS",
    "DEFAULT_POLICY",
    "DEFAULT_STRESS",
    "LADDER_SESSIONS",
    "SETTLEMENT_SESSIONS",
    "URGENCIES",
    "AssessmentLimits",
    "LiquidityPolicy",
    "PortfolioLimits",
    "TierRule",
    "UrgencyTerms",
]

URGENCIES: Final = ("low", "medium", "high", "critical")
COST_HORIZONS_SESSIONS: Final = (1, 3, 5, 10)
"""Horizons of the exit costs beside "now"."""
LADDER_SESSIONS: Final = 20
"""Sessions of the liquidation ladder, T+1 to T+20."""
SETTLEMENT_SESSIONS: Final[Mapping[str, int]] = MappingProxyType(
    {"bond_corporate": 1, "bond_sovereign": 1, "equity": 1, "crypto_spot": 0, "crypto_perp": 0}
)
"""Usual sessions from sale to cash, where a statement names none: T+1 in Mumbai, New York and Sao Paulo's treasuries."""

DEFAULT_STRESS: Final = Shock(spread_mult=2.0, volume_haircut_frac=0.5, depth_haircut_frac=0.3, vol_mult=1.5)
"""Shock of the stressed columns by default: the older documents' moderate stress."""


@dataclass(frozen=True, slots=True)
class UrgencyTerms:
    """How one degree of urgency is traded: share of volume, and the shortest time an order is spread over."""

    participation_frac: float
    min_horizon_sessions: float


@dataclass(frozen=True, slots=True)
class TierRule:
    """One tier of ADV in US dollars; the bound belongs to it. ``max_position_frac`` is a share of the portfolio."""

    name: str
    min_adv_usd: float
    max_position_frac: float


@dataclass(frozen=True, slots=True)
class PortfolioLimits:
    """Limits of a portfolio; see the setting group ``portfolio`` for units and meaning."""

    illiquid_after_sessions: int = 10
    max_illiquid_frac: float = 0.20
    min_daily_liquidatable_frac: float = 0.50
    liquidation_target_frac: float = 0.90
    max_liquidation_sessions: int = 10
    max_exit_cost_bps: float = 200.0
    min_portfolio_score: float = 30.0
    max_position_frac: float = 0.10
    max_issuer_frac: float = 0.20


@dataclass(frozen=True, slots=True)
class AssessmentLimits:
    """What a position or order is warned about.

    ``plan_required_above_adv_frac`` is exclusive: an order of exactly that share needs no plan.
    """

    plan_required_above_adv_frac: float = 0.10
    max_adv_frac: float = 0.20
    max_cost_now_bps: float = 50.0
    critical_cost_now_bps: float = 100.0
    max_spread_bps: float = 100.0
    min_score: float = 30.0
    max_liquidation_sessions: float = 10.0
    max_age_sessions: float = 5.0
    max_position_adv_frac: float = 0.10


@dataclass(frozen=True, slots=True)
class LiquidityPolicy:
    """All of it.

    Attributes
    ----------
    participation_frac
        Share of daily volume at which ladders and days to liquidate are counted.
    urgency
        Terms by degree; more urgent trades a larger share in less time.
    stress
        Shock of the stressed columns.
    settlement_sessions
        Sessions from sale to cash by asset class.
    max_price_age_sessions
        Oldest price that still values a position.
    tiers
        From most to least liquid.
    """

    participation_frac: float = 0.20
    urgency: Mapping[str, UrgencyTerms] = field(
        default_factory=lambda: MappingProxyType(
            {
                "low": UrgencyTerms(0.05, 2.0),
                "medium": UrgencyTerms(0.10, 1.0),
                "high": UrgencyTerms(0.15, 0.25),
                "critical": UrgencyTerms(0.20, 0.05),
            }
        )
    )
    limits: PortfolioLimits = PortfolioLimits()
    warnings: AssessmentLimits = AssessmentLimits()
    stress: Shock = DEFAULT_STRESS
    settlement_sessions: Mapping[str, int] = field(default_factory=lambda: SETTLEMENT_SESSIONS)
    max_price_age_sessions: float = 5.0
    tiers: tuple[TierRule, ...] = (
        TierRule("high", 10_000_000.0, 0.15),
        TierRule("medium", 1_000_000.0, 0.10),
        TierRule("low", 100_000.0, 0.05),
    )

    def __post_init__(self) -> None:
        if not 0.0 < self.participation_frac <= 1.0:
            raise ConfigError(f"policy: participation_frac {self.participation_frac}, allowed above 0 to 1")
        if set(self.urgency) != set(URGENCIES):
            raise ConfigError(f"policy: urgencies {sorted(self.urgency)}, allowed exactly {list(URGENCIES)}")

    def terms(self, urgency: str) -> UrgencyTerms:
        """Terms of one degree; :class:`ConfigError` names the allowed ones."""
        try:
            return self.urgency[urgency]
        except KeyError:
            raise ConfigError(f"urgency {urgency!r}; allowed: {', '.join(URGENCIES)}") from None


DEFAULT_POLICY: Final = LiquidityPolicy()
"""The policy of the default settings."""
