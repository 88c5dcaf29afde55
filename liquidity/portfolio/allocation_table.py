"""From a portfolio and the surface to its target weights and trades, as rows of their tables.

Expected returns are those at which the portfolio as it is held would be optimal (reverse optimisation), plus views. So
without views the target differs from the holding only where a limit, the cost of closing or concentration calls for it.
Read next: ``optimizer.py``, ``rebalance.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts import REBALANCE_TRADES, TARGET_PORTFOLIO
from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.impact.surface import LiquiditySurface
from liquidity.market_risk.scenarios import Scenarios
from liquidity.portfolio.allocation_model import (
    AllocationInputs,
    AllocationLimits,
    Preferences,
    RiskModel,
    WeightCost,
)
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.optimizer import Allocation, optimize_on_surface
from liquidity.portfolio.policy import LiquidityPolicy
from liquidity.portfolio.rebalance import rebalance_trades

__all__ = ["LOTS", "AllocationChoices", "allocation_rows"]

LOTS: Final[Mapping[str, float]] = MappingProxyType(
    {"bond_corporate": 1.0, "bond_sovereign": 1.0, "equity": 1.0, "crypto_spot": 1e-4, "crypto_perp": 1e-3}
)
"""Units that a trade is rounded to, by asset class; of a bond one unit is a face amount of 100."""
_LOT: Final = 1.0
_PERPETUAL: Final = "crypto_perp"
_MIN_SCENARIOS: Final = 60
_MOVED: Final = 1e-6


@dataclass(frozen=True, slots=True)
class AllocationChoices:
    """What a what-if may change.

    Attributes
    ----------
    preferences
        Risk aversion, holding time, weight of the cost of closing.
    views
        Expected return of a session by instrument, added to the implied one, fractions.
    cash_band_frac
        How far cash may move from where it is, fraction of equity.
    max_turnover_frac
        Sum of |change of weight|; ``None`` leaves it free.
    sector_bounds
        Lowest and highest sum of weights by sector.
    trade_sessions, unwind_sessions
        Sessions over which the cost of trades and of closing is judged.
    factors
        Factors of the covariance that are kept.
    """

    preferences: Preferences = field(default_factory=lambda: Preferences(unwinding_share=1.0))
    views: Mapping[str, float] = field(default_factory=dict)
    cash_band_frac: float = 0.02
    max_turnover_frac: float | None = None
    sector_bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    trade_sessions: float = 1.0
    unwind_sessions: float = 5.0
    factors: int = 60


def allocation_rows(
    held: Holdings,
    surface: LiquiditySurface,
    scenarios: Scenarios,
    scores: NDArray[np.float64],
    policy: LiquidityPolicy,
    choices: AllocationChoices,
    session: date,
    source: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of TARGET_PORTFOLIO and REBALANCE_TRADES of one portfolio.

    Parameters
    ----------
    held, surface
        P positions, and the surface their ``place`` points at.
    scenarios
        Returns (S, P) of the positions, at least 60.
    scores
        (P,) liquidity scores; NaN is unknown and is judged by its capacity alone.
    policy
        Participation and limits; ``max_position_frac`` counts of what is invested now.

    Returns
    -------
    tuple of DataFrame
        A portfolio that cannot be optimised has rows without target, with the explanation, and no trades.

    Raises
    ------
    ConfigError
        When a view names an instrument that is not held.
    """
    unknown = sorted(set(choices.views) - set(held.instrument_id))
    if unknown:
        raise ConfigError(f"allocation of {held.portfolio_id}: views on {unknown}, which it does not hold")
    reason = np.where(held.known, np.where(scenarios.included, "", scenarios.reason), held.reason)
    used = np.flatnonzero(held.known)
    try:
        if not held.equity_base > 0.0:
            raise InsufficientDataError(f"equity is {held.equity_base:g} {held.base_currency}, not above 0")
        if not len(used) or len(scenarios.returns) < _MIN_SCENARIOS:
            raise InsufficientDataError(
                f"{len(used)} positions with a value and {len(scenarios.returns)} scenarios; needs 1 and {_MIN_SCENARIOS}"
            )
        inputs, found = _optimised(held, surface, scenarios, scores, policy, choices, used)
    except InsufficientDataError as problem:
        return _targets(held, session, source, reason, "not_optimised", str(problem)), _no_trades()
    trouble = found.infeasibility
    outcome, told = ("optimal", "") if trouble is None else ("nearest", trouble.sentence())
    reason[used] = np.where(inputs.tradable, reason[used], "the surface has no cost: not traded")
    market = surface.take(held.place[used])
    targets = _targets(held, session, source, reason, outcome, told)
    moved, weight = found.weight - inputs.current_weight, found.weight
    equity_ccy = held.equity_base / held.fx[used]
    size, position = np.where(np.abs(moved) > _MOVED, np.abs(moved), 0.0) * equity_ccy, np.abs(weight) * equity_ccy
    trading = market.cost(np.sign(moved), size, choices.trade_sessions).expected_bps
    closing = market.cost(-np.sign(weight), position, choices.unwind_sessions).expected_bps
    variance = float(weight @ inputs.risk.times(weight))
    filled: dict[str, NDArray[np.float64]] = {
        "target_weight_frac": weight,
        "band_lower_frac": found.band_lower,
        "band_upper_frac": found.band_upper,
        "expected_return_daily_frac": inputs.expected_return_frac,
        "risk_share_frac": weight * inputs.risk.times(weight) / variance
        if variance > 0.0
        else np.full(len(used), np.nan),
        "daily_capacity_frac": inputs.daily_capacity_frac,
        "trading_cost_bps": np.where(size > 0.0, trading, np.nan),
        "unwinding_cost_bps": np.where(position > 0.0, closing, np.nan),
    }
    for name, values in filled.items():
        targets.loc[used, name] = values
    targets.loc[used, "illiquid"] = inputs.illiquid
    return targets, _trades(held, market, used, inputs, found, policy, session, source, outcome)


def _optimised(
    held: Holdings,
    surface: LiquiditySurface,
    scenarios: Scenarios,
    scores: NDArray[np.float64],
    policy: LiquidityPolicy,
    choices: AllocationChoices,
    used: NDArray[np.int64],
) -> tuple[AllocationInputs, Allocation]:
    market = surface.take(held.place[used])
    # A name whose risk is unknown is not traded: its cost is withheld.
    blind = ~scenarios.included[used]
    equity_ccy = held.equity_base / held.fx[used]
    weight = held.value_base[used] / held.equity_base
    risk = RiskModel.from_returns(scenarios.returns[:, used], factors=choices.factors)
    views = np.array([choices.views.get(name, 0.0) for name in held.instrument_id[used]], dtype=np.float64)
    funded = held.asset_class[used] != _PERPETUAL
    nothing = WeightCost(np.zeros(len(used)), np.zeros(len(used)))
    inputs = AllocationInputs(
        instrument_id=held.instrument_id[used],
        sector=held.sector[used],
        current_weight=weight,
        expected_return_frac=choices.preferences.risk_aversion * risk.times(weight) + views,
        risk=risk,
        trading_cost=nothing,
        unwinding_cost=nothing,
        illiquid=scores[used] < policy.warnings.min_score,
        daily_capacity_frac=policy.participation_frac * market.adv_ccy / equity_ccy,
        funded=funded,
    )
    largest = policy.limits.max_position_frac * float(np.abs(weight).sum())
    cash = 1.0 - float(weight[funded].sum())
    limits = AllocationLimits(
        min_weight=np.where(weight < 0.0, -largest, 0.0),
        max_weight=np.where(weight < 0.0, 0.0, largest),
        min_cash_frac=cash - choices.cash_band_frac,
        max_cash_frac=cash + choices.cash_band_frac,
        max_illiquid_frac=policy.limits.max_illiquid_frac,
        illiquid_after_sessions=policy.limits.illiquid_after_sessions,
        min_daily_liquidatable_frac=policy.limits.min_daily_liquidatable_frac,
        max_turnover_frac=choices.max_turnover_frac,
        max_gross_frac=float(np.abs(weight).sum()) + choices.cash_band_frac,
        sector_bounds=choices.sector_bounds,
    )
    found, priced = optimize_on_surface(
        inputs,
        _withheld(market, blind),
        equity_ccy,
        limits,
        choices.preferences,
        trade_sessions=choices.trade_sessions,
        unwind_sessions=choices.unwind_sessions,
    )
    return priced, found


def _withheld(market: LiquiditySurface, blind: NDArray[np.bool_]) -> LiquiditySurface:
    return replace(market, volatility_daily_frac=np.where(blind, np.nan, market.volatility_daily_frac))


def _targets(
    held: Holdings, session: date, source: str, reason: NDArray[np.object_], outcome: str, explanation: str
) -> pd.DataFrame:
    """Rows with what is known without a target."""
    rows = pd.DataFrame(
        {
            "session_date": pd.Timestamp(session),
            "portfolio_id": held.portfolio_id,
            "instrument_id": held.instrument_id,
            "sector": held.sector,
            "current_weight_frac": held.value_base / held.equity_base if held.equity_base > 0.0 else np.nan,
            "illiquid": False,
            "base_currency": held.base_currency,
            "outcome": outcome,
            "explanation": explanation,
            "reason": reason,
            "source": source,
        }
    )
    return rows.reindex(columns=list(TARGET_PORTFOLIO.column_names))


def _trades(
    held: Holdings,
    market: LiquiditySurface,
    used: NDArray[np.int64],
    inputs: AllocationInputs,
    found: Allocation,
    policy: LiquidityPolicy,
    session: date,
    source: str,
    outcome: str,
) -> pd.DataFrame:
    target = np.where(np.abs(found.weight - inputs.current_weight) > _MOVED, found.weight, inputs.current_weight)
    # A remainder of less than a millionth is no position.
    target = np.where(np.abs(target) > _MOVED, target, 0.0)
    told = rebalance_trades(
        quantity=held.quantity[used],
        target_weight=target,
        price=held.price[used],
        fx=held.fx[used],
        equity_base=held.equity_base,
        lot=np.array([LOTS.get(str(name), _LOT) for name in held.asset_class[used]]),
        surface=market,
        participation_frac=policy.participation_frac,
        plan_required_above_adv_frac=policy.warnings.plan_required_above_adv_frac,
    )
    rows = pd.DataFrame(
        {
            "session_date": pd.Timestamp(session),
            "portfolio_id": held.portfolio_id,
            "instrument_id": held.instrument_id[used],
            "side": np.where(told.quantity > 0.0, "buy", "sell"),
            "quantity": told.quantity,
            "value_base": told.value_base,
            "base_currency": held.base_currency,
            "adv_frac": told.adv_frac,
            "needs_plan": told.needs_plan,
            "sessions": told.sessions,
            "per_session_quantity": told.per_session_quantity,
            "expected_cost_bps": told.expected_cost_bps,
            "p90_cost_bps": told.p90_cost_bps,
            "expected_cost_base": told.expected_cost_base,
            "outcome": outcome,
            "reason": told.reason,
            "source": source,
        }
    )
    some: pd.DataFrame = rows[told.quantity != 0.0].reset_index(drop=True)
    return some


def _no_trades() -> pd.DataFrame:
    return pd.DataFrame(columns=list(REBALANCE_TRADES.column_names))
