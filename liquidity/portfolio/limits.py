"""A portfolio's limits, each a number, a bound and pass or fail, from the ladder on any surface, calm or stressed.

Reverse stress asks the same function at ever deeper shocks, the optimiser holds its result against it. Read next:
``ladder.py``.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.concentration import concentration, largest_group_frac
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.ladder import ladder, sales
from liquidity.portfolio.liquidity_score import portfolio_score
from liquidity.portfolio.policy import LADDER_SESSIONS, LiquidityPolicy

__all__ = ["LIMITS", "LimitCheck", "check_limits"]

LIMITS: Final[dict[str, tuple[Literal["most", "least"], str, str]]] = {
    "max_illiquid_frac": ("most", "frac 0-1", "Share of the value that cannot be sold within illiquid_after_sessions."),
    "min_daily_liquidatable_frac": ("least", "frac 0-1", "Share of the value that one session takes."),
    "max_liquidation_sessions": (
        "most",
        "sessions",
        "First session by which liquidation_target_frac of the value is sold.",
    ),
    "max_exit_cost_bps": ("most", "bps", "Cost of selling what goes within max_liquidation_sessions, over its value."),
    "min_portfolio_score": ("least", "points 0-100", "Value-weighted liquidity score."),
    "max_position_frac": ("most", "frac 0-1", "Largest position's share of the absolute value."),
    "max_issuer_frac": ("most", "frac 0-1", "Share of the absolute value of the largest issuer that is no sovereign."),
}
"""Limits in the order they are told: which side is allowed, unit, meaning."""

_SOVEREIGN: Final = "bond_sovereign"


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """One limit of one portfolio.

    Attributes
    ----------
    limit, unit
        Name and unit, see :data:`LIMITS`.
    value
        The number; NaN where it cannot be said, infinite sessions where the target is never reached.
    bound
        Largest or smallest allowed value; the bound itself passes.
    passed
        None where ``value`` is NaN.
    reason
        What the number hangs on: the name that is largest, or why there is none.
    """

    limit: str
    unit: str
    value: float
    bound: float
    passed: bool | None
    reason: str

    @property
    def headroom_frac(self) -> float:
        """Distance to the bound over the bound; negative is a breach, NaN where either is 0 or unknown."""
        if not (np.isfinite(self.value) and self.bound > 0.0):
            return float("nan")
        gap = self.bound - self.value if LIMITS[self.limit][0] == "most" else self.value - self.bound
        return gap / self.bound


def check_limits(
    held: Holdings, surface: LiquiditySurface, scores: NDArray[np.float64], policy: LiquidityPolicy
) -> list[LimitCheck]:
    """Hold a portfolio against its limits on one surface.

    Parameters
    ----------
    surface
        Calm, or ``surface.stressed(shock)``: the rows that ``held.place`` points at.
    scores
        (P,) liquidity scores of the positions; NaN where unknown.

    Returns
    -------
    list of LimitCheck
        One per name of :data:`LIMITS`, in that order. Positions without value are in none of the numbers; those that
        cannot be sold count as unsold.
    """
    limits = policy.limits
    longest = max(LADDER_SESSIONS, limits.illiquid_after_sessions, limits.max_liquidation_sessions)
    steps = np.arange(1.0, longest + 1.0)
    sells = sales(held, surface, "waterfall", policy.participation_frac, steps)
    share, target = sells.sold_frac, sells.first_session(limits.liquidation_target_frac)
    # Costs are asked at the one horizon that is limited: they are most of the work.
    priced = ladder(
        held,
        surface,
        "waterfall",
        policy.participation_frac,
        horizons=np.array([float(limits.max_liquidation_sessions)]),
    )
    names = concentration(held.value_base)
    issuers = held.issuer_id.copy()
    issuers[held.asset_class == _SOVEREIGN] = None
    issuer, largest = largest_group_frac(held.value_base, issuers)
    score = portfolio_score(held.value_base, scores)
    empty = not sells.gross_base > 0.0
    values: dict[str, tuple[float, float, str]] = {
        "max_illiquid_frac": (
            1.0 - share[limits.illiquid_after_sessions - 1],
            limits.max_illiquid_frac,
            "",
        ),
        "min_daily_liquidatable_frac": (share[0], limits.min_daily_liquidatable_frac, ""),
        "max_liquidation_sessions": (
            float("nan") if empty else (target if np.isfinite(target) else float("inf")),
            float(limits.max_liquidation_sessions),
            "" if np.isfinite(target) or empty else f"not within {longest} sessions",
        ),
        "max_exit_cost_bps": (priced.cost_bps[0], limits.max_exit_cost_bps, ""),
        "min_portfolio_score": (
            score.mean,
            limits.min_portfolio_score,
            ""
            if score.scored_frac == 1.0
            else f"scores of {score.scored_frac:.0%} of the value"
            if score.scored_frac > 0
            else "",
        ),
        "max_position_frac": (names.top1, limits.max_position_frac, _largest(held)),
        "max_issuer_frac": (issuer, limits.max_issuer_frac, largest),
    }
    return [_check(name, *values[name]) for name in LIMITS]


def _check(name: str, value: float, bound: float, reason: str) -> LimitCheck:
    side, unit, _ = LIMITS[name]
    value = float(value)
    if np.isnan(value):
        return LimitCheck(name, unit, value, bound, None, reason or "no position has the number this needs")
    # Shares are sums of rounded products: a bound that is met exactly must pass.
    slack = 1e-12 * max(1.0, abs(bound))
    passed = value <= bound + slack if side == "most" else value >= bound - slack
    return LimitCheck(name, unit, value, bound, bool(passed), reason)


def _largest(held: Holdings) -> str:
    size = np.nan_to_num(np.abs(held.value_base))
    return str(held.instrument_id[int(size.argmax())]) if len(size) and size.max() > 0.0 else ""
