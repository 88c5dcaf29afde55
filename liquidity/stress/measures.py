"""A portfolio under stress as a whole: value, what can be sold in time, cash due against cash available, and its limits.

Shares come from the liquidation ladder, limits from ``liquidity/portfolio/limits.py``; nothing is defined anew here. Read
next: ``reverse.py``, which moves the headroom to 0.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.ladder import ladder, sales
from liquidity.portfolio.limits import LIMITS, check_limits
from liquidity.portfolio.policy import DEFAULT_POLICY, LiquidityPolicy
from liquidity.stress.engine import Calm, Condition, StressedPortfolio, StressRules, calm, stress_from
from liquidity.stress.vector import StressVector

__all__ = [
    "WEEK_SESSIONS",
    "CalmPortfolio",
    "PortfolioStress",
    "calm_portfolio",
    "headroom",
    "portfolio_stress",
    "portfolio_stress_from",
]

WEEK_SESSIONS: Final = 5.0
"""Sessions in which redemptions and margin calls must be paid."""


@dataclass(frozen=True, slots=True)
class PortfolioStress:
    """The whole portfolio, before and after; money in the base currency, NaN where there is nothing to tell.

    Attributes
    ----------
    positions
        The same by position; every sum here is a sum over its arrays.
    price_loss_base, cost_plan_before_base, cost_plan_after_base, stressed_loss_base
        Sums over the positions that have the number; ``answered_frac`` is the share of gross value that has a stressed cost.
    nav_before_base, nav_after_base
        Equity, and equity less the price loss; costs of selling are not in it.
    illiquid_before_frac, illiquid_after_frac
        Share of value that is not sold within the limit's sessions.
    daily_before_frac, daily_after_frac
        Share that is sold within one session.
    redemption_base
        Redeemed within a week: net asset value times the gross-weighted redemption of the positions' classes; 0 where equity
        is negative.
    margin_call_base
        Margin to be posted.
    cash_available_base
        Cash and what selling for a week brings under stress, settled and after costs.
    cash_coverage_ratio
        Cash available over what is due; NaN when nothing is due.
    """

    positions: StressedPortfolio
    price_loss_base: float
    cost_plan_before_base: float
    cost_plan_after_base: float
    stressed_loss_base: float
    answered_frac: float
    nav_before_base: float
    nav_after_base: float
    illiquid_before_frac: float
    illiquid_after_frac: float
    daily_before_frac: float
    daily_after_frac: float
    redemption_base: float
    margin_call_base: float
    cash_available_base: float
    cash_coverage_ratio: float


@dataclass(frozen=True, slots=True)
class CalmPortfolio:
    """The calm half of a stress, computed once.

    ``shares`` (3,): sold within a session, within the illiquid limit's sessions, and the money that a week of sales brings.
    """

    calm: Calm
    policy: LiquidityPolicy
    shares: NDArray[np.float64]


def calm_portfolio(
    holdings: Holdings, surface: LiquiditySurface, policy: LiquidityPolicy = DEFAULT_POLICY
) -> CalmPortfolio:
    """Describe a portfolio before stress; participation and sessions are those of ``policy``."""
    start = calm(holdings, surface, StressRules(policy.participation_frac))
    return CalmPortfolio(start, policy, _shares(start.before, policy))


def portfolio_stress(
    holdings: Holdings, surface: LiquiditySurface, vector: StressVector, policy: LiquidityPolicy = DEFAULT_POLICY
) -> PortfolioStress:
    """Stress a portfolio and sum it up.

    Participation and sessions are those of ``policy``, so that these shares are the ladder's and the limits'.
    """
    return portfolio_stress_from(calm_portfolio(holdings, surface, policy), vector)


def portfolio_stress_from(start: CalmPortfolio, vector: StressVector) -> PortfolioStress:
    """Stress a portfolio whose calm state is known; see :func:`portfolio_stress`."""
    found = stress_from(start.calm, vector)
    holdings = found.before.holdings
    gross = np.abs(np.where(np.isfinite(holdings.value_base), holdings.value_base, 0.0))
    total = float(gross.sum())
    answered = np.isfinite(found.after.cost_plan_base)
    before, after = start.shares, _shares(found.after, start.policy)
    loss = float(np.nansum(found.price_loss_base))
    weight = gross / total if total > 0.0 else np.zeros(len(holdings))
    redeemed = float((weight * vector.redemption_weekly_frac).sum()) * max(holdings.equity_base, 0.0)
    margin = float((gross * vector.margin_call_frac).sum())
    available = holdings.cash_base + float(after[2])
    due = redeemed + margin
    return PortfolioStress(
        positions=found,
        price_loss_base=loss,
        cost_plan_before_base=float(np.nansum(found.before.cost_plan_base)),
        cost_plan_after_base=float(np.nansum(found.after.cost_plan_base)),
        stressed_loss_base=float(np.nansum(found.stressed_loss_base)),
        answered_frac=min(float(gross[answered].sum()) / total, 1.0) if total > 0.0 else float("nan"),
        nav_before_base=holdings.equity_base,
        nav_after_base=holdings.equity_base - loss,
        illiquid_before_frac=1.0 - float(before[1]),
        illiquid_after_frac=1.0 - float(after[1]),
        daily_before_frac=float(before[0]),
        daily_after_frac=float(after[0]),
        redemption_base=redeemed,
        margin_call_base=margin,
        cash_available_base=available,
        cash_coverage_ratio=available / due if due > 0.0 else float("nan"),
    )


def _shares(condition: Condition, policy: LiquidityPolicy) -> NDArray[np.float64]:
    """Share sold within a session and within the illiquid limit, and the money that a week of sales brings."""
    held, surface, share = condition.holdings, condition.surface, policy.participation_frac
    sessions = np.array([1.0, float(policy.limits.illiquid_after_sessions)])
    sold = sales(held, surface, "waterfall", share, sessions)
    week = ladder(held, surface, "waterfall", share, horizons=np.array([WEEK_SESSIONS]))
    return np.array([*sold.sold_frac, week.cash_base.sum()])


def headroom(stressed: PortfolioStress, policy: LiquidityPolicy = DEFAULT_POLICY) -> dict[str, float]:
    """Distance of a stressed portfolio to each of its limits: at least 0 holds, below 0 is broken, NaN is unknown.

    Returns
    -------
    dict
        The limits of :func:`~liquidity.portfolio.limits.check_limits` in their own units, without the portfolio score (no
        index is published under stress); and two that only a stress has: ``cash_coverage``, cash available over what is due,
        less 1 (infinite when nothing is due), and ``solvency``, what equity is left after every position was sold over its
        plan, over equity before.
    """
    after = stressed.positions.after
    gaps = {}
    for check in check_limits(after.holdings, after.surface, np.full(len(after.holdings), np.nan), policy):
        if check.limit == "min_portfolio_score":
            continue
        gap = check.bound - check.value if LIMITS[check.limit][0] == "most" else check.value - check.bound
        # What passes by its slack for rounding is not broken.
        gaps[check.limit] = max(gap, 0.0) if check.passed else gap
    due = stressed.redemption_base + stressed.margin_call_base
    gaps["cash_coverage"] = stressed.cash_coverage_ratio - 1.0 if due > 0.0 else float("inf")
    before = stressed.nav_before_base
    left = stressed.nav_after_base - stressed.cost_plan_after_base
    # Without equity to measure by: broken, by as much as is owed.
    gaps["solvency"] = left / before if before > 0.0 else min(left, -1.0)
    return gaps
