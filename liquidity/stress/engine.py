"""What a stress does to one portfolio, position by position, before and after, all read from the liquidity surface.

Prices fall first; then the surface under the shocked conditions says how long each position takes and what it costs.
Read next: ``vector.py`` (the shocks), ``measures.py`` (what the portfolio as a whole looks like), ``reverse.py`` (the
smallest multiple that breaks a limit).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.impact.surface import LiquiditySurface, immediate_sessions
from liquidity.portfolio.holdings import Holdings
from liquidity.stress.vector import StressVector

__all__ = ["Calm", "Condition", "StressRules", "StressedPortfolio", "calm", "repriced", "stress", "stress_from"]


@dataclass(frozen=True, slots=True)
class StressRules:
    """How positions are worked in and out of stress.

    Attributes
    ----------
    participation_frac
        Share of daily volume that one portfolio may be, above 0 to 1.
    longest_plan_sessions
        Horizon over which costs are told is at most this; slower positions pay for more urgency.
    """

    participation_frac: float = 0.20
    longest_plan_sessions: float = 20.0

    def __post_init__(self) -> None:
        """Refuse rules outside their range."""
        if not (0.0 < self.participation_frac <= 1.0 and self.longest_plan_sessions > 0.0):
            raise ConfigError(
                f"stress rules: participation {self.participation_frac} (above 0 to 1), longest plan "
                f"{self.longest_plan_sessions} sessions (above 0)"
            )


@dataclass(frozen=True, slots=True)
class Condition:
    """One portfolio under one set of market conditions; arrays (P,), NaN where the surface has no answer.

    Attributes
    ----------
    holdings, surface
        The positions at these prices, and the surface they are sold on: row i of the surface is position ``known[i]``, and
        ``holdings.place`` points there.
    days
        Sessions to close each position at the rules' participation; NaN is never.
    cost_now_bps, cost_plan_bps
        Expected cost of closing it at once, and over its plan; of its value under these conditions.
    cost_now_base, cost_plan_base
        The same in the base currency.
    """

    holdings: Holdings
    surface: LiquiditySurface
    days: NDArray[np.float64]
    cost_now_bps: NDArray[np.float64]
    cost_plan_bps: NDArray[np.float64]
    cost_now_base: NDArray[np.float64]
    cost_plan_base: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StressedPortfolio:
    """A portfolio before and after; arrays (P,) in the base currency, losses and costs positive.

    Attributes
    ----------
    vector
        The shocks, with each position's class and note.
    before, after
        Calm and stressed conditions. Costs of both are over the same horizon, ``plan_sessions``.
    plan_sessions
        Sessions of the plan: the days each position takes in calm conditions, within "now" and the longest plan.
    price_loss_base
        Value lost to the fall of the price; negative is a gain (of a short, or in a price that rises).
    stressed_loss_base
        Price loss plus the stressed cost of closing over the plan; NaN where the cost is unknown.
    reason
        (P,) object array: why a number is missing, or what was assumed; empty where all is known.
    """

    vector: StressVector
    before: Condition
    after: Condition
    plan_sessions: NDArray[np.float64]
    price_loss_base: NDArray[np.float64]
    stressed_loss_base: NDArray[np.float64]
    reason: NDArray[np.object_]


def repriced(surface: LiquiditySurface, price_fall_frac: NDArray[np.float64]) -> LiquiditySurface:
    """Return the surface at lower prices: the same units are traded and rest in the book, worth less money.

    Size over volume, and with it the cost in bps, stays what it was for the same number of units.
    """
    left = 1.0 - price_fall_frac
    return replace(
        surface,
        price=surface.price * left,
        adv_ccy=surface.adv_ccy * left,
        depth_ccy_per_bp=surface.depth_ccy_per_bp * left,
        curves=surface.curves.stressed(left, np.ones(len(left))),
    )


@dataclass(frozen=True, slots=True)
class Calm:
    """A portfolio before any stress, computed once for as many stresses as are asked.

    ``known`` are the positions with a value and a place; ``now`` and ``plan_sessions`` (P,) the two horizons of cost.
    """

    surface: LiquiditySurface
    rules: StressRules
    known: NDArray[np.int64]
    now: NDArray[np.float64]
    plan_sessions: NDArray[np.float64]
    before: Condition


def calm(holdings: Holdings, surface: LiquiditySurface, rules: StressRules | None = None) -> Calm:
    """Describe a portfolio in calm conditions; ``place`` of the holdings points into ``surface``."""
    rules = rules or StressRules()
    known = np.flatnonzero(holdings.known)
    place = np.full(len(holdings), -1, dtype=np.int64)
    place[known] = np.arange(len(known))
    chosen, held = surface.take(holdings.place[known]), replace(holdings, place=place)
    now = immediate_sessions(holdings.asset_class)
    days = _spread(chosen.days_to_liquidate(_size(held, known), rules.participation_frac), known, len(holdings))
    # Never sold in calm markets: told over the longest plan, where a book may still answer.
    longest = np.maximum(rules.longest_plan_sessions, now)
    plan = np.clip(np.where(np.isnan(days), longest, days), now, longest)
    return Calm(surface, rules, known, now, plan, _condition(held, chosen, known, plan, now, rules))


def stress(
    holdings: Holdings, surface: LiquiditySurface, vector: StressVector, rules: StressRules | None = None
) -> StressedPortfolio:
    """Apply a stress to a portfolio.

    Parameters
    ----------
    holdings
        P positions; ``place`` points into ``surface``. Positions without value or place are kept, with NaN and a reason.
    vector
        Shocks of the P positions.

    Notes
    -----
    A position's cost is that of closing it: a long is sold, a short bought back. The plan's horizon is that of calm
    conditions in both states, so that what differs is the market alone. Cost over it does not fall with any shock;
    ``days`` says besides how much longer the plan would take at the same participation.
    """
    return stress_from(calm(holdings, surface, rules), vector)


def stress_from(start: Calm, vector: StressVector) -> StressedPortfolio:
    """Apply a stress to a portfolio whose calm state is known; see :func:`stress`."""
    held, known = start.before.holdings, start.known
    left = 1.0 - vector.price_fall_frac
    fallen = replace(held, price=held.price * left, value_base=held.value_base * left)
    conditions = replace(
        vector.conditions,
        **{
            name: np.asarray(getattr(vector.conditions, name))[known]
            for name in (
                "spread_mult",
                "volume_haircut_frac",
                "depth_haircut_frac",
                "vol_mult",
                "dealer_withdrawal_frac",
            )
        },
    )
    harsh = repriced(start.before.surface.stressed(conditions), vector.price_fall_frac[known])
    after = _condition(fallen, harsh, known, start.plan_sessions, start.now, start.rules)
    price_loss = held.value_base * vector.price_fall_frac
    return StressedPortfolio(
        vector=vector,
        before=start.before,
        after=after,
        plan_sessions=start.plan_sessions,
        price_loss_base=price_loss,
        stressed_loss_base=price_loss + after.cost_plan_base,
        reason=_reasons(start, vector, after),
    )


def _size(holdings: Holdings, known: NDArray[np.int64]) -> NDArray[np.float64]:
    """Absolute value of the known positions in their own currency."""
    size: NDArray[np.float64] = np.abs(holdings.quantity[known] * holdings.price[known])
    return size


def _spread(values: NDArray[np.float64], known: NDArray[np.int64], positions: int) -> NDArray[np.float64]:
    out = np.full(positions, np.nan)
    out[known] = values
    return out


def _condition(
    holdings: Holdings,
    surface: LiquiditySurface,
    known: NDArray[np.int64],
    plan: NDArray[np.float64],
    now: NDArray[np.float64],
    rules: StressRules,
) -> Condition:
    size, side = _size(holdings, known), holdings.side_sign[known]
    positions = len(holdings)
    bps = [
        surface.cost(side, size, horizon[known]).expected_bps if len(known) else np.zeros(0) for horizon in (now, plan)
    ]
    money = [np.where(size == 0.0, 0.0, each * size / 1e4) * holdings.fx[known] for each in bps]
    return Condition(
        holdings=holdings,
        surface=surface,
        days=_spread(surface.days_to_liquidate(size, rules.participation_frac), known, positions),
        cost_now_bps=_spread(bps[0], known, positions),
        cost_plan_bps=_spread(bps[1], known, positions),
        cost_now_base=_spread(money[0], known, positions),
        cost_plan_base=_spread(money[1], known, positions),
    )


def _reasons(start: Calm, vector: StressVector, after: Condition) -> NDArray[np.object_]:
    held = start.before.holdings
    reasons = np.array([note or "" for note in vector.note], dtype=object)
    unpriced = np.isnan(after.cost_plan_base)
    for row in np.flatnonzero(unpriced | np.array([bool(each) for each in held.reason], dtype=np.bool_)):
        said = [held.reason[row]] if held.reason[row] else []
        if held.place[row] >= 0 and unpriced[row]:
            said.append(after.surface.reason[held.place[row]] or "no_volume_left")
        elif not said and not held.known[row]:
            said.append("no_value_or_place")
        if vector.note[row]:
            said.append(vector.note[row])
        reasons[row] = ",".join(dict.fromkeys(said))
    return reasons
