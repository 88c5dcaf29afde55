"""One allocation problem for every optimiser: factor risk, costs, a limit of the illiquid share; generated from a seed."""

from dataclasses import dataclass

import numpy as np

from liquidity.portfolio.allocation_model import (
    AllocationInputs,
    AllocationLimits,
    Preferences,
    RiskModel,
    WeightCost,
)

__all__ = ["Problem", "problem"]

RISK_AVERSION = 5.0
MAX_WEIGHT = 0.02
MAX_ILLIQUID = 0.20


@dataclass(frozen=True, slots=True)
class Problem:
    """What our optimiser is given, and the same as plain arrays for the others."""

    inputs: AllocationInputs
    limits: AllocationLimits
    preferences: Preferences

    def arrays(self) -> dict[str, np.ndarray]:
        """For a peer in another environment."""
        inputs = self.inputs
        return {
            "loadings": inputs.risk.loadings,
            "specific_variance": inputs.risk.specific_variance,
            "expected_return": inputs.expected_return_frac,
            "current": inputs.current_weight,
            "linear": inputs.trading_cost.linear,
            "impact": inputs.trading_cost.impact,
            "illiquid": inputs.illiquid,
            "risk_aversion": np.array(self.preferences.risk_aversion),
            "max_weight": np.array(MAX_WEIGHT),
            "max_illiquid": np.array(MAX_ILLIQUID),
        }


def problem(n: int, factors: int, *, impact: bool = True, seed: int = 0) -> Problem:
    """``n`` names with ``factors`` factors of risk; long only, cash allowed, names in mean 1/n of equity."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(factors, n)) * 0.02 / np.sqrt(factors)
    cost = WeightCost(rng.uniform(2e-4, 4e-3, n), rng.uniform(0.02, 0.5, n) * float(impact))
    nothing = WeightCost(np.zeros(n), np.zeros(n))
    names = np.array([f"I{i}" for i in range(n)], dtype=object)
    inputs = AllocationInputs(
        instrument_id=names,
        sector=np.full(n, None, dtype=object),
        current_weight=0.97 * rng.dirichlet(np.ones(n)),
        expected_return_frac=rng.normal(3e-4, 3e-4, n),
        risk=RiskModel(loadings, rng.uniform(0.005, 0.03, n) ** 2),
        trading_cost=cost,
        unwinding_cost=nothing,
        illiquid=rng.random(n) < 0.35,
        daily_capacity_frac=np.ones(n),
        funded=np.ones(n, dtype=np.bool_),
    )
    limits = AllocationLimits(max_weight=MAX_WEIGHT, max_illiquid_frac=MAX_ILLIQUID, min_daily_liquidatable_frac=None)
    return Problem(inputs, limits, Preferences(RISK_AVERSION, holding_sessions=1.0))
