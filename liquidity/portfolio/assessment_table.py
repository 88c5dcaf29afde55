"""The assessment of every position of a portfolio in one pass over the surface; the numbers are the Assessor's.

Read next: ``assessment.py`` (what each number means), ``portfolio_tables.py`` (the other tables).
"""

import json

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.risk_portfolio import POSITION_LIQUIDITY
from liquidity.domain.errors import InsufficientDataError
from liquidity.impact.surface import LiquiditySurface, immediate_sessions
from liquidity.portfolio.assessment import RiskWarning, warnings_of
from liquidity.portfolio.currency import Rates
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.ladder import on_surface
from liquidity.portfolio.liquidation import liquidity_tier, whole_sessions
from liquidity.portfolio.order_risk import holding_sessions, order_horizon, risk_score, tier_of_score
from liquidity.portfolio.policy import COST_HORIZONS_SESSIONS, LiquidityPolicy

__all__ = ["assess_positions"]


def assess_positions(
    held: Holdings,
    surface: LiquiditySurface,
    scores: NDArray[np.float64],
    policy: LiquidityPolicy,
    *,
    rates: Rates,
    urgency: str = "medium",
    source: str = "",
) -> pd.DataFrame:
    """Assess the orders that would close each position.

    Parameters
    ----------
    held, surface
        P positions and the calm surface that ``held.place`` points at; stress is the policy's.
    scores
        (P,) liquidity scores; NaN where unknown.
    rates
        Of the session, for the tiers in US dollars; without a rate the tier is null.
    urgency
        Pace of ``gradual_cost_bps``; ``days_to_liquidate`` is at the policy's participation.
    source
        Who stated the positions.

    Returns
    -------
    pd.DataFrame
        Columns of POSITION_LIQUIDITY without ``session_date`` where the surface has none, sorted by instrument.
    """
    terms = policy.terms(urgency)
    n = len(held)
    size = np.abs(held.quantity * held.price)
    adv = on_surface(surface.adv_ccy, held)
    adv = np.where(adv > 0.0, adv, np.nan)
    sigma, spread = on_surface(surface.volatility_daily_frac, held), on_surface(surface.spread_bps, held)
    share = size / adv
    days = np.where(size == 0.0, 0.0, share / policy.participation_frac)
    pace = order_horizon(np.where(size == 0.0, 0.0, share / terms.participation_frac), terms.min_horizon_sessions)
    horizons = np.column_stack(
        [immediate_sessions(held.asset_class), *(np.full(n, float(each)) for each in COST_HORIZONS_SESSIONS), pace]
    )
    columns = 1 + len(COST_HORIZONS_SESSIONS)
    bps, stressed, p95, model = (np.full((n, columns + 1), np.nan) for _ in range(4))
    beyond = np.zeros(n, dtype=np.bool_)
    able = np.flatnonzero((held.place >= 0) & np.isfinite(size))
    if len(able):
        at, side = held.place[able], held.side_sign[able]
        steps = np.where(np.isfinite(horizons[able]), horizons[able], 1.0)
        calm = surface.take(at).cost(side, size[able, None], steps)
        bps[able], p95[able], model[able] = calm.expected_bps, calm.at(0.95), calm.model_bps
        stressed[able] = surface.stressed(policy.stress).take(at).cost(side, size[able, None], steps).expected_bps
        beyond[able] = calm.beyond_book[:, 0]
    bps[:, -1] = np.where(np.isfinite(pace), bps[:, -1], np.nan)
    value = np.abs(held.value_base)
    gross = float(np.nansum(value))
    method = np.full(n, "none", dtype=object)
    known = held.place >= 0
    method[known] = surface.method[held.place[known]]
    age, coverage = on_surface(surface.age_sessions, held), on_surface(surface.coverage_frac, held)
    found = [
        warnings_of(
            policy,
            share=share[row],
            cost_now_bps=bps[row, 0],
            spread_bps=spread[row],
            score=scores[row],
            days=days[row],
            age_sessions=age[row],
            method=method[row],
            beyond_book=bool(beyond[row]),
            valued=bool(np.isfinite(held.value_base[row])),
        )
        for row in range(n)
    ]
    names = ("now", *COST_HORIZONS_SESSIONS)
    table = {
        "session_date": pd.Timestamp(surface.session_date) if surface.session_date is not None else pd.NaT,
        "portfolio_id": held.portfolio_id,
        "instrument_id": held.instrument_id,
        "asset_class": held.asset_class,
        "issuer_id": held.issuer_id,
        "sector": held.sector,
        "rating": held.rating,
        "quantity": held.quantity,
        "price": held.price,
        "price_age_sessions": held.price_age_sessions,
        "value_base": held.value_base,
        "base_currency": held.base_currency,
        "weight_frac": value / gross if gross > 0.0 else np.full(n, np.nan),
        "adv_ccy": on_surface(surface.adv_ccy, held),
        "order_adv_frac": share,
        "plan_required": pd.array(
            [None if np.isnan(each) else bool(each > policy.warnings.plan_required_above_adv_frac) for each in share],
            dtype="boolean",
        ),
        "liquidity_score": scores,
        "score_tier": [tier_of_score(each) for each in scores],
        "adv_tier": _adv_tiers(held, surface, adv, rates, policy),
        "days_to_liquidate": days,
        "cash_after_sessions": whole_sessions(days) + held.settlement_days,
        **{f"cost_{name}_bps": bps[:, place] for place, name in enumerate(names)},
        **{f"stressed_cost_{name}_bps": stressed[:, place] for place, name in enumerate(names)},
        "cost_now_base": value * bps[:, 0] / 1e4,
        "cost_5_base": value * bps[:, 3] / 1e4,
        "stressed_cost_5_base": value * stressed[:, 3] / 1e4,
        "p95_cost_5_bps": p95[:, 3],
        "model_cost_5_bps": model[:, 3],
        "gradual_cost_bps": bps[:, -1],
        "gradual_sessions": pace,
        "urgency": urgency,
        "liquidity_risk_score": risk_score(share, bps[:, 0], scores),
        "max_position_qty": policy.warnings.max_position_adv_frac * adv / held.price,
        "recommended_holding_sessions": holding_sessions(bps[:, -1], sigma, days),
        "method": method,
        "age_sessions": age,
        "coverage_frac": coverage,
        "warnings_count": [sum(each.severity != "info" for each in row) for row in found],
        "warnings_json": [_as_json(row) for row in found],
        "reason": held.reason,
        "source": source,
    }
    return pd.DataFrame(table)[list(POSITION_LIQUIDITY.column_names)].sort_values("instrument_id", ignore_index=True)


def _adv_tiers(
    held: Holdings, surface: LiquiditySurface, adv: NDArray[np.float64], rates: Rates, policy: LiquidityPolicy
) -> list[str | None]:
    known = held.place >= 0
    currency = np.full(len(held), None, dtype=object)
    currency[known] = surface.currency[held.place[known]]
    in_usd: dict[str, float] = {}
    for each in {str(name) for name in currency[known]}:
        try:
            in_usd[each] = rates.convert(each, "USD")
        except InsufficientDataError:
            in_usd[each] = float("nan")
    usd = np.array([in_usd.get(str(name), np.nan) for name in currency]) * adv
    return [None if np.isnan(each) else liquidity_tier(each, 0.0, tiers=policy.tiers).tier for each in usd]


def _as_json(found: tuple[RiskWarning, ...]) -> str:
    return json.dumps(
        [
            {
                "code": each.code,
                "severity": each.severity,
                "number": None if np.isnan(each.number) else float(f"{each.number:.6g}"),
                "limit": None if np.isnan(each.limit) else each.limit,
                "unit": each.unit,
            }
            for each in found
        ],
        separators=(",", ":"),
    )
