"""What the risk numbers of one portfolio on one session are made of.

Read next: ``market_risk_table.py``.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError
from liquidity.market_risk.liquidity_adjusted import ExitCosts, horizon_factor
from liquidity.market_risk.scenarios import Scenarios

__all__ = ["MIN_SCENARIOS", "PortfolioScenarios", "level_name"]

MIN_SCENARIOS = 20
"""Fewest scenarios for a number; below it the number is missing."""


@dataclass(frozen=True)
class PortfolioScenarios:
    """One portfolio, one row per instrument (accounts summed), and the scenarios that revalue it.

    Attributes
    ----------
    session_date, portfolio_id, origin
        Which portfolio, and where the prices come from: ``recorded``, ``simulated`` or ``mixed``.
    instrument_id
        (P,) sorted.
    value_base
        (P,) signed value in the base currency; NaN where unknown.
    equity_base
        Net asset value; NaN where unknown.
    scenarios
        Returns in the base currency and what had to be lent.
    costs
        Exit costs in the base currency; ``None``: no surface.
    note
        Code that every number of the tail carries; empty for none.
    """

    session_date: date
    portfolio_id: str
    origin: str
    instrument_id: NDArray[np.object_]
    value_base: NDArray[np.float64]
    equity_base: float
    scenarios: Scenarios
    costs: ExitCosts | None
    note: str = ""

    def __post_init__(self) -> None:
        lengths = {len(self.instrument_id), self.value_base.size, self.scenarios.returns.shape[1]}
        if self.costs is not None:
            lengths.add(self.costs.exogenous.size)
        if len(lengths) > 1:
            raise ContractError(f"market risk of {self.portfolio_id}: arrays differ in length: {sorted(lengths)}")

    def newest(self, window: int) -> "PortfolioScenarios":
        """The same portfolio on its newest ``window`` scenarios."""
        kept = replace(self.scenarios, days=self.scenarios.days[-window:], returns=self.scenarios.returns[-window:])
        return replace(self, scenarios=kept)

    @cached_property
    def revalued(self) -> NDArray[np.bool_]:
        """(P,) positions inside the numbers: with a value and with scenarios."""
        found: NDArray[np.bool_] = np.isfinite(self.value_base) & self.scenarios.included
        return found

    @cached_property
    def money(self) -> NDArray[np.float64]:
        """(P,) value of the revalued positions, 0 for the others."""
        return np.where(self.revalued, self.value_base, 0.0)

    @cached_property
    def results(self) -> NDArray[np.float64]:
        """(S,) profit and loss of the holdings in each scenario, base currency."""
        return self.scenarios.returns @ self.money

    @cached_property
    def exit_cost(self) -> NDArray[np.float64]:
        """(P,) cost of leaving, 0 where the surface has no answer (``costed_frac`` tells how much that is)."""
        if self.costs is None:
            return np.zeros(len(self.money))
        return np.where(self.revalued, np.nan_to_num(self.costs.exogenous + self.costs.endogenous), 0.0)

    @cached_property
    def wound_down(self) -> NDArray[np.float64]:
        """(P,) money times the factor of its liquidation horizon; one session where the horizon is unknown."""
        if self.costs is None:
            return self.money
        factor = horizon_factor(self.costs.horizon_sessions)
        return self.money * np.where(np.isfinite(factor), factor, 1.0)

    @property
    def gross_base(self) -> float:
        """Sum of absolute values that are known."""
        return float(np.nansum(np.abs(self.value_base)))

    @property
    def covered_frac(self) -> float:
        """Share of the gross value that is revalued; NaN without value."""
        gross = self.gross_base
        return float(np.abs(self.money).sum()) / gross if gross > 0.0 else float("nan")

    @property
    def proxied_frac(self) -> float:
        """Share of the scenarios lent by peers, by value; NaN where nothing is revalued."""
        held = np.abs(self.money)
        return min(float(held @ self.scenarios.proxied_frac / held.sum()), 1.0) if held.sum() > 0.0 else float("nan")

    @property
    def costed_frac(self) -> float:
        """Share of the revalued value that the surface prices; NaN where nothing is revalued."""
        held = np.abs(self.money)
        if self.costs is None or not held.sum() > 0.0:
            return float("nan")
        known = np.isfinite(self.costs.exogenous + self.costs.endogenous)
        return float(held[known].sum() / held.sum())


def level_name(confidence: float) -> str:
    """Write a level as the tables do: ``0.99``, and ``none`` for 0."""
    return f"{confidence:g}" if confidence else "none"
