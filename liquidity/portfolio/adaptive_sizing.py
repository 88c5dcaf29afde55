"""Size of a new position from volatility, conviction and the odds, brought down step by step to what the market bears.

The order is fixed: volatility size, Kelly, share of daily volume in one order and in one position, participation, cost on
the surface, score haircut, tier cap, lot floor. Each step can only reduce, and what it took is itemised; the cap on daily
volume comes before the haircut, so a halved name holds at most half of the cap. Quantities are units of the instrument;
money is said to be money. Read next: ``sizing.py`` (size from a stop), ``optimizer.py`` (all positions at once).
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.domain.observation import observed_number
from liquidity.impact.surface import LiquiditySurface

__all__ = [
    "AdaptiveSize",
    "LiquidityTier",
    "Reduction",
    "ScoreCurve",
    "SizingLimits",
    "adaptive_size",
    "largest_size_within",
]

Step = Literal[
    "signal",
    "kelly",
    "order_adv_cap",
    "position_adv_cap",
    "participation",
    "impact",
    "score_haircut",
    "tier_cap",
    "lot",
]
_GRID: Final = 65


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """Multiplier of a size by liquidity score, never falling with the score.

    Attributes
    ----------
    points
        (score, multiplier) in rising score, from a score of 0; multipliers 0-1.
    shape
        ``step`` holds each multiplier up to the next score, that score itself belonging to the next; ``linear`` joins them.
    """

    points: tuple[tuple[float, float], ...] = ((0.0, 0.5), (40.0, 1.0))
    shape: Literal["step", "linear"] = "step"

    def __post_init__(self) -> None:
        rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(self.points))
        if not self.points or self.points[0][0] != 0.0 or not rising:
            raise ConfigError(
                f"score curve: {self.points} must start at score 0 and rise in score without falling in size"
            )
        if any(not (0.0 <= score <= 100.0 and 0.0 <= share <= 1.0) for score, share in self.points):
            raise ConfigError(f"score curve: {self.points} outside scores of 0 to 100 points and multipliers of 0 to 1")

    def at(self, score_points: float) -> float:
        """Return the multiplier; NaN where the score is missing."""
        if math.isnan(score_points):
            return math.nan
        scores, shares = (np.array(side, dtype=np.float64) for side in zip(*self.points, strict=True))
        if self.shape == "linear":
            return float(np.interp(score_points, scores, shares))
        return float(shares[np.searchsorted(scores, score_points, side="right") - 1])


@dataclass(frozen=True, slots=True)
class LiquidityTier:
    """Order cap of a band of average daily volume; ``min_adv_usd`` itself belongs to the tier."""

    name: str
    min_adv_usd: float
    max_order_adv_frac: float


@dataclass(frozen=True, slots=True)
class SizingLimits:
    """Caps of :func:`adaptive_size`; every share is of average daily volume, 0-1.

    Attributes
    ----------
    horizon_sessions
        Sessions over which the position is built; capacity and cost are judged over them.
    max_cost_bps
        Largest expected cost of building it, half spread and impact.
    max_leverage
        Largest notional over equity.
    tiers
        From the largest volume down; below the last no new risk is taken.
    """

    max_order_adv_frac: float = 0.15
    max_position_adv_frac: float = 0.10
    max_participation_frac: float = 0.20
    max_cost_bps: float = 50.0
    max_leverage: float = 1.0
    horizon_sessions: float = 1.0
    score_curve: ScoreCurve = ScoreCurve()
    tiers: tuple[LiquidityTier, ...] = (
        LiquidityTier("high_liquidity", 10_000_000.0, 0.15),
        LiquidityTier("medium_liquidity", 1_000_000.0, 0.10),
        LiquidityTier("low_liquidity", 100_000.0, 0.05),
    )

    def __post_init__(self) -> None:
        for name in ("max_order_adv_frac", "max_position_adv_frac", "max_participation_frac"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ConfigError(f"sizing limits: {name} is {getattr(self, name)}, allowed above 0 to 1")
        if not (self.max_cost_bps > 0.0 and self.max_leverage > 0.0 and self.horizon_sessions > 0.0):
            raise ConfigError("sizing limits: max_cost_bps, max_leverage and horizon_sessions must be above 0")
        if any(not upper.min_adv_usd > lower.min_adv_usd for upper, lower in pairwise(self.tiers)):
            raise ConfigError("sizing limits: min_adv_usd must fall from tier to tier")


@dataclass(frozen=True, slots=True)
class Reduction:
    """What one step took: units before and after, and the limit it applied, in words with its unit."""

    step: Step
    before: float
    after: float
    limit: str


@dataclass(frozen=True, slots=True)
class AdaptiveSize:
    """The size, how it came about and what it costs.

    Attributes
    ----------
    quantity
        Signed units, a multiple of the lot.
    notional_base
        Its absolute worth in the account's currency.
    volatility_quantity
        Units that the risk budget alone would allow, before every other step; the base of ``reduced_frac``.
    reductions
        Steps that took something, in their order.
    reduced_frac
        1 - |quantity| / volatility_quantity; 0 when nothing was taken.
    expected_cost_bps
        Expected cost of building it on the surface; NaN without a surface or for a size of 0.
    warnings
        Sentences with number and limit.
    """

    quantity: float
    notional_base: float
    volatility_quantity: float
    reductions: tuple[Reduction, ...]
    reduced_frac: float
    expected_cost_bps: float
    warnings: tuple[str, ...]


def largest_size_within(
    surface: LiquiditySurface, side_sign: int, horizon_sessions: float, max_cost_bps: float, ceiling_ccy: float
) -> float:
    """Largest order whose expected cost stays within a bound, by search on the surface.

    Parameters
    ----------
    surface
        One instrument.
    ceiling_ccy
        Sizes above it are not asked for, instrument currency.

    Returns
    -------
    float
        Money in the instrument's currency, never above the bound and within a millionth of the largest; 0 when even the
        smallest order costs more; NaN where the surface has no answer.
    """
    low, high = 0.0, float(ceiling_ccy)
    if high <= 0.0:
        return 0.0
    for _ in range(4):
        sizes = np.linspace(low, high, _GRID)
        cost = surface.cost(side_sign, sizes[None, :], horizon_sessions).expected_bps[0]
        if np.isnan(cost).any():
            return math.nan
        within = cost <= max_cost_bps
        if within[-1]:
            return high
        if not within[0]:
            return 0.0
        last = int(np.argmin(within)) - 1  # cost does not fall with size: the first that is too dear ends the search
        low, high = float(sizes[last]), float(sizes[last + 1])
    return low


def adaptive_size(
    *,
    price: float | None,
    equity_base: float | None,
    volatility_daily_frac: float | None,
    side_sign: int,
    risk_budget_frac: float,
    signal_strength: float = 1.0,
    kelly_leverage: float | None = None,
    adv_quantity: float | None,
    liquidity_score: float | None,
    surface: LiquiditySurface | None = None,
    usd_per_ccy: float | None = 1.0,
    base_per_ccy: float | None = 1.0,
    lot: float = 1.0,
    limits: SizingLimits | None = None,
) -> AdaptiveSize:
    """Size a new position.

    volatility size = equity * budget / (price * volatility), at most ``max_leverage`` times equity

    Parameters
    ----------
    price
        Of one unit, instrument currency, above 0.
    equity_base
        Account value in the account's currency; 0 or below gives no position.
    volatility_daily_frac
        One-day standard deviation of the return, fraction.
    side_sign
        +1 buys, -1 sells.
    risk_budget_frac
        Daily standard deviation of the position over equity that is wanted at full conviction, 0-1.
    signal_strength
        Conviction 0-1; multiplies the size.
    kelly_leverage
        Largest notional over equity by :func:`~liquidity.portfolio.kelly.kelly_gaussian` (its size; 0 for no edge);
        ``None`` leaves that step out.
    adv_quantity
        Average daily volume in units. Its money is ``adv_quantity * price``.
    liquidity_score
        Points 0-100.
    surface
        The instrument alone (N = 1); ``None`` leaves the cost step out.
    usd_per_ccy, base_per_ccy
        Rates from the instrument's currency, for the tiers and for equity.
    lot
        Smallest tradable step, units, above 0.

    Returns
    -------
    AdaptiveSize
        Missing volatility, volume, score or cost gives a size of 0 with the step that says so.

    Raises
    ------
    InsufficientDataError
        When price, equity or a rate is missing.
    ConfigError
        When an argument is outside its range.
    """
    bounds = limits or SizingLimits()
    unit, equity = observed_number(price), observed_number(equity_base)
    to_usd, to_base = observed_number(usd_per_ccy), observed_number(base_per_ccy)
    for name, number in (("price", unit), ("equity", equity), ("rate to USD", to_usd), ("rate to base", to_base)):
        if math.isnan(number):
            raise InsufficientDataError(f"adaptive size: {name} is missing; no size can be given without it")
    if not (unit > 0.0 and to_usd > 0.0 and to_base > 0.0 and lot > 0.0):
        raise ConfigError(f"adaptive size: price {unit}, rates {to_usd} and {to_base} and lot {lot} must be above 0")
    if side_sign not in (1, -1) or not 0.0 <= risk_budget_frac <= 1.0 or not 0.0 <= signal_strength <= 1.0:
        raise ConfigError(
            f"adaptive size: side_sign {side_sign} (1 or -1), risk_budget_frac {risk_budget_frac} and signal_strength "
            f"{signal_strength} (0 to 1)"
        )
    sigma, adv, score = map(observed_number, (volatility_daily_frac, adv_quantity, liquidity_score))
    worth = unit * to_base
    exposure = min(risk_budget_frac / sigma, bounds.max_leverage) if sigma > 0.0 else 0.0
    full = max(equity, 0.0) * exposure / worth
    size, taken, warnings = full, [], []
    if not sigma > 0.0:
        warnings.append("volatility is unknown: no size")
    if equity <= 0.0:
        warnings.append(f"equity is {equity:g}, not above 0: no size")

    def cut(step: Step, ceiling: float, limit: str) -> None:
        nonlocal size
        after = min(size, 0.0 if math.isnan(ceiling) else max(ceiling, 0.0))
        if after < size:
            taken.append(Reduction(step, size, after, limit))
            size = after

    cut("signal", full * signal_strength, f"conviction {signal_strength:g} of 1")
    if kelly_leverage is not None:
        kelly = observed_number(kelly_leverage)
        cut("kelly", kelly * max(equity, 0.0) / worth, f"Kelly exposure {kelly:g} of equity")
    known = "" if adv > 0.0 else " (daily volume unknown or 0)"
    before_adv = size
    cut("order_adv_cap", bounds.max_order_adv_frac * adv, f"{bounds.max_order_adv_frac:g} of ADV in one order{known}")
    cut("position_adv_cap", bounds.max_position_adv_frac * adv, f"{bounds.max_position_adv_frac:g} of ADV held{known}")
    capacity = bounds.max_participation_frac * bounds.horizon_sessions * adv
    cut(
        "participation",
        capacity,
        f"{bounds.max_participation_frac:g} of volume for {bounds.horizon_sessions:g} sessions",
    )
    if size < before_adv:
        warnings.append(f"daily volume took {1.0 - size / before_adv:.1%} of the size{known}")
    if surface is not None:
        money = largest_size_within(surface, side_sign, bounds.horizon_sessions, bounds.max_cost_bps, size * unit)
        unknown = " (cost unknown)" if math.isnan(money) else ""
        # The whole size within the bound comes back as itself, not through a division.
        cut(
            "impact",
            size if money == size * unit else money / unit,
            f"{bounds.max_cost_bps:g} bps expected cost{unknown}",
        )
    share = bounds.score_curve.at(score)
    told = "unknown" if math.isnan(score) else f"{score:g} points"
    cut("score_haircut", size * share, f"times {0.0 if math.isnan(share) else share:g} at liquidity score {told}")
    adv_usd = adv * unit * to_usd
    tier = next((each for each in bounds.tiers if adv_usd >= each.min_adv_usd), None)
    if tier is None:
        cut("tier_cap", 0.0, f"no new risk: ADV of {adv_usd:.0f} USD is below every tier")
    else:
        cut("tier_cap", tier.max_order_adv_frac * adv, f"{tier.max_order_adv_frac:g} of ADV in tier {tier.name}")
    # A size that is a whole number of lots up to rounding keeps its last lot, but never exceeds what the caps left.
    lots = math.floor(size / lot)
    if (lots + 1) * lot <= size:
        lots += 1
    cut("lot", lots * lot, f"whole lots of {lot:g}")
    reduced = 1.0 - size / full if full > 0.0 else 0.0
    if reduced > 0.0:
        warnings.append(f"size reduced by {reduced:.1%} of what the risk budget allows")
    cost = math.nan
    if surface is not None and size > 0.0:
        cost = float(surface.cost(side_sign, np.array([[size * unit]]), bounds.horizon_sessions).expected_bps[0, 0])
    return AdaptiveSize(side_sign * size, size * worth, full, tuple(taken), reduced, cost, tuple(warnings))
