"""Weights that trade return against risk, the cost of getting there and of getting out, within liquidity limits.

Costs are those of the liquidity surface: a first solution tells the size of every trade, the cost curve of each name is
then anchored at that size, and a second solution follows. A problem without a solution is explained and answered by the
nearest portfolio, marked as such. Read next: ``allocation_model.py`` (inputs), ``rebalance.py`` (weights into orders).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import InsufficientDataError
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.allocation_model import (
    AllocationInputs,
    AllocationLimits,
    Preferences,
    WeightCost,
    cost_of_weights,
)
from liquidity.portfolio.cone_program import SOLVED, ConeProgram, Solution, cone_program, solve
from liquidity.portfolio.infeasibility import Infeasibility, explain, relaxed_program

__all__ = ["Allocation", "objective", "optimize", "optimize_on_surface", "usage"]

_INFEASIBLE: Final = frozenset({"PrimalInfeasible", "AlmostPrimalInfeasible"})
_LARGEST_BREACH: Final = 1e-5
_SAME_COST: Final = 0.01


@dataclass(frozen=True, slots=True)
class Allocation:
    """A portfolio and why it is this one.

    Attributes
    ----------
    weight
        (N,) target weights of equity; what they leave of 1 is cash.
    objective
        Value per session, fraction of equity; smaller is better.
    trading_cost_frac, unwinding_cost_frac
        Cost of the trades, and of closing the whole portfolio afterwards, paid once, fractions of equity.
    risk_daily_frac, expected_return_frac
        One standard deviation, and the expected return, of a session.
    usage
        Each limited quantity by the name of its limit, measured on the weights.
    shadow_price
        By limit: what the objective gains for each share of equity that the limit is moved outwards; 0 where it is slack.
    band_lower, band_upper
        (N,) break-even band: current weights between the two are not worth trading, the others being at their targets.
    infeasibility
        ``None`` when all limits hold; else what contradicts, and ``weight`` is the best of the nearest portfolios.
    iterations
        Steps of the solver.
    """

    weight: NDArray[np.float64]
    objective: float
    trading_cost_frac: float
    unwinding_cost_frac: float
    risk_daily_frac: float
    expected_return_frac: float
    usage: Mapping[str, float]
    shadow_price: Mapping[str, float]
    band_lower: NDArray[np.float64]
    band_upper: NDArray[np.float64]
    infeasibility: Infeasibility | None
    iterations: int

    @property
    def cash_frac(self) -> float:
        """What the funded weights leave of 1."""
        return self.usage["cash_frac"]


def optimize(
    inputs: AllocationInputs, limits: AllocationLimits | None = None, preferences: Preferences | None = None
) -> Allocation:
    """Minimise risk_aversion/2 w'Sw - r'w + (cost of trades + unwinding_share * cost of closing) / holding_sessions.

    Parameters
    ----------
    inputs
        Market, portfolio and its costs.
    limits, preferences
        Defaults of their classes where not given.

    Returns
    -------
    Allocation
        The same bits for the same inputs. Every limit is measured again on the weights before they are handed out.

    Raises
    ------
    InsufficientDataError
        When the solver finds no answer, or one that breaks a limit by more than 1e-5 of equity.
    """
    bounds, wishes = limits or AllocationLimits(), preferences or Preferences()
    program = cone_program(inputs, bounds, wishes)
    found, trouble = solve(program), None
    if found.status in _INFEASIBLE:
        trouble = explain(program)
        program = relaxed_program(program, trouble)
        found = solve(program)
    if found.status not in SOLVED:
        raise InsufficientDataError(
            f"allocation of {program.n} names: the solver stopped with {found.status} after {found.iterations} steps; "
            "check the scale of returns, covariance and costs"
        )
    weight = found.x[: program.n].copy()
    weight[~inputs.tradable] = inputs.current_weight[~inputs.tradable]
    slack: NDArray[np.float64] = program.at_most - program.inequalities @ found.x
    if slack.min(initial=0.0) < -_LARGEST_BREACH:
        block = next(
            (b.name for b in program.blocks if slack[b.begin : b.end].min() < -_LARGEST_BREACH), "its definitions"
        )
        raise InsufficientDataError(
            f"allocation of {program.n} names: the solution breaks {block} by {-slack.min():.2g} of equity, allowed "
            f"{_LARGEST_BREACH:g}; check the scale of returns, covariance and costs"
        )
    band_lower, band_upper = _break_even(program, found, inputs, wishes, weight)
    return Allocation(
        weight=weight,
        objective=objective(inputs, wishes, weight),
        trading_cost_frac=float(np.nansum(inputs.trading_cost.of(weight - inputs.current_weight))),
        unwinding_cost_frac=float(np.nansum(inputs.unwinding_cost.of(weight))),
        risk_daily_frac=math.sqrt(max(float(weight @ inputs.risk.times(weight)), 0.0)),
        expected_return_frac=float(inputs.expected_return_frac @ weight),
        usage=usage(inputs, weight, bounds.illiquid_after_sessions),
        shadow_price={b.name: float(found.multipliers[b.begin : b.end].sum()) for b in program.blocks},
        band_lower=band_lower,
        band_upper=band_upper,
        infeasibility=trouble,
        iterations=found.iterations,
    )


def optimize_on_surface(
    inputs: AllocationInputs,
    surface: LiquiditySurface,
    equity_ccy: NDArray[np.float64],
    limits: AllocationLimits | None = None,
    preferences: Preferences | None = None,
    *,
    trade_sessions: float = 1.0,
    unwind_sessions: float = 1.0,
    passes: int = 3,
) -> tuple[Allocation, AllocationInputs]:
    """Optimise with the costs of the surface, anchored at the sizes that are really traded.

    Parameters
    ----------
    inputs
        Their costs are replaced.
    surface
        The N instruments.
    equity_ccy
        (N,) equity in each instrument's currency.
    trade_sessions, unwind_sessions
        Sessions that trades and closing may take.
    passes
        Solutions at most, at least 1; fewer once the curves agree with the surface within 1 % of the cost of trading.

    Returns
    -------
    Allocation, AllocationInputs
        The last solution, and the inputs with the costs it was found with.
    """
    reference = np.maximum(np.abs(inputs.current_weight), 1.0 / len(inputs.instrument_id)) / 4.0
    closing = np.maximum(np.abs(inputs.current_weight), 1.0 / len(inputs.instrument_id))
    side, held = np.ones(len(reference)), -np.sign(inputs.current_weight)
    priced, answer = inputs, None
    for _ in range(max(passes, 1)):
        if answer is not None:
            moved = answer.weight - inputs.current_weight
            side, held = np.sign(moved), -np.sign(answer.weight)
            reference = np.where(np.abs(moved) > 1e-6, np.abs(moved), reference)
            closing = np.where(np.abs(answer.weight) > 1e-6, np.abs(answer.weight), closing)
        buy_or_sell = cost_of_weights(surface, side, reference, equity_ccy, trade_sessions)
        unwinding = cost_of_weights(surface, held, closing, equity_ccy, unwind_sessions)
        if answer is not None:
            told = float(np.nansum(buy_or_sell.of(answer.weight - inputs.current_weight)))
            if abs(answer.trading_cost_frac - told) <= _SAME_COST * told:
                break
        priced = replace(inputs, trading_cost=buy_or_sell, unwinding_cost=_answered(unwinding))
        answer = optimize(priced, limits, preferences)
    assert answer is not None
    return answer, priced


def objective(inputs: AllocationInputs, preferences: Preferences, weight: NDArray[np.float64]) -> float:
    """Value of any weights (N,), computed without the solver; fraction of equity per session."""
    paid = float(np.nansum(inputs.trading_cost.of(weight - inputs.current_weight)))
    paid += preferences.unwinding_share * float(np.nansum(inputs.unwinding_cost.of(weight)))
    risk = 0.5 * preferences.risk_aversion * float(weight @ inputs.risk.times(weight))
    return risk - float(inputs.expected_return_frac @ weight) + paid / preferences.holding_sessions


def usage(inputs: AllocationInputs, weight: NDArray[np.float64], illiquid_after_sessions: int = 10) -> dict[str, float]:
    """What each limit is about, measured on weights (N,): shares of equity, or of the invested value for the two of liquidity.

    Without any position nothing is illiquid and all can be sold.
    """
    size = np.abs(weight)
    gross = float(size.sum())
    invested = gross if gross > 0.0 else 1.0
    measured = {
        "cash_frac": 1.0 - float(weight[inputs.funded].sum()),
        "gross_frac": gross,
        "illiquid_frac": float(np.maximum(size - inputs.saleable(illiquid_after_sessions), 0.0).sum()) / invested,
        "daily_liquidatable_frac": 1.0 - float(np.maximum(size - inputs.capacity, 0.0).sum()) / invested,
        "turnover_frac": float(np.abs(weight - inputs.current_weight).sum()),
        "largest_weight_frac": float(size.max()),
    }
    for name in sorted({name for name in inputs.sector if name is not None}):
        measured[f"sector {name}"] = float(weight[inputs.sector == name].sum())
    return measured


def _break_even(
    program: ConeProgram,
    found: Solution,
    inputs: AllocationInputs,
    preferences: Preferences,
    weight: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights between which the benefit of trading one name stays below its linear cost.

    The multipliers of p >= |w - current| are the marginal cost m that the benefit of the trade just pays. Moving one weight
    alone changes the benefit by risk_aversion * variance, so the benefit equals the cost of the first unit bought at
    w + (m - linear) / curvature, and sold at w + (m + linear) / curvature.
    """
    free = np.flatnonzero(inputs.tradable)
    bought = found.multipliers[program.trade_rows : program.trade_rows + len(free)]
    sold = found.multipliers[program.trade_rows + len(free) : program.trade_rows + 2 * len(free)]
    linear = inputs.trading_cost.linear[free] / preferences.holding_sessions
    curvature = preferences.risk_aversion * inputs.risk.variance[free]
    with np.errstate(divide="ignore"):
        low, high = (bought - sold - linear) / curvature, (bought - sold + linear) / curvature
    lower, upper = inputs.current_weight.copy(), inputs.current_weight.copy()
    lower[free], upper[free] = weight[free] + low, weight[free] + high
    return lower, upper


def _answered(cost: WeightCost) -> WeightCost:
    """Closing a name whose cost nobody knows cannot be weighed: it counts as nothing here and as illiquid in the limits."""
    return WeightCost(np.nan_to_num(cost.linear), np.nan_to_num(cost.impact))
