"""The calls of older documents under their names, each one step to what answers it here.

Names, arguments and result fields are those of the documents this platform replaces; the numbers are this
platform's. Scores are 0-100, fractions 0-1, costs bps. New code calls :class:`~liquidity.portfolio.assessment.Assessor`
and ``portfolio_tables`` directly. Read next: ``assessment.py``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from liquidity.domain.errors import ConfigError
from liquidity.portfolio.assessment import Assessment, Assessor
from liquidity.portfolio.concentration import concentration
from liquidity.portfolio.liquidation import saleable_frac
from liquidity.portfolio.liquidity_score import portfolio_score

__all__ = [
    "assess_order_liquidity",
    "assess_position_liquidity_risk",
    "calculate_portfolio_liquidity_risk",
    "estimate_market_impact",
    "get_liquidity_risk_summary",
    "get_market_conditions",
    "get_real_time_liquidity",
]

_SIDES = {"buy": 1, "sell": -1}
_LOW_RISK, _HIGH_RISK = 30.0, 70.0


def assess_position_liquidity_risk(
    assessor: Assessor, symbol: str, position_size: float, liquidation_urgency: str = "medium"
) -> Assessment:
    """Assess a position by the order that closes it; a negative size is a short.

    The documents pass market data and a book along; here the assessor's surface holds both.
    """
    return assessor.assess(symbol, -1 if position_size >= 0.0 else 1, abs(position_size), liquidation_urgency)


def estimate_market_impact(assessor: Assessor, symbol: str, order_size: float, side: str) -> dict[str, float]:
    """Impact of an order of so many units placed now, beyond and with half of the spread, bps and money."""
    told = assessor.assess(symbol, _side(side), order_size, "critical")
    impact_bps = 1e4 * told.market_impact_risk
    return {
        "market_impact_bps": impact_bps,
        "market_impact_frac": told.market_impact_risk,
        "expected_slippage_bps": told.immediate_liquidation_cost,
        "expected_slippage_ccy": told.costs[0].cost_ccy,
        "worst_case_slippage_bps": told.costs[0].p95_bps,
        "order_adv_frac": told.order_adv_frac,
    }


def get_real_time_liquidity(assessor: Assessor, symbol: str) -> dict[str, Any]:
    """What is known of an instrument's liquidity, and how old it is."""
    row = assessor.row(symbol)
    surface = assessor.surface
    return {
        "symbol": symbol,
        "average_daily_volume_ccy": float(surface.adv_ccy[row]),
        "average_daily_volume_qty": float(surface.adv_qty[row]),
        "spread_bps": float(surface.spread_bps[row]),
        "depth_ccy_per_bp": float(surface.depth_ccy_per_bp[row]),
        "liquidity_score": assessor.score(symbol),
        "method": str(surface.method[row]),
        "age_sessions": float(surface.age_sessions[row]),
        "coverage_frac": float(surface.coverage_frac[row]),
    }


def get_market_conditions(assessor: Assessor, symbol: str) -> dict[str, Any]:
    """Price, volatility and spread of an instrument, what they rest on, and how old they are."""
    row = assessor.row(symbol)
    surface = assessor.surface
    return {
        "symbol": symbol,
        "session_date": surface.session_date,
        "price": float(surface.price[row]),
        "volatility_daily_frac": float(surface.volatility_daily_frac[row]),
        "spread_bps": float(surface.spread_bps[row]),
        "spread_basis": str(surface.spread_basis[row]),
        "volatility_basis": str(surface.volatility_basis[row]),
        "age_sessions": float(surface.age_sessions[row]),
    }


def assess_order_liquidity(
    assessor: Assessor, symbol: str, side: str, order_size: float, urgency: str = "medium"
) -> dict[str, Any]:
    """Answer all of a pre-trade question in one call: the assessment, the liquidity behind it and the market's conditions."""
    return {
        "assessment": assessor.assess(symbol, _side(side), order_size, urgency),
        "liquidity": get_real_time_liquidity(assessor, symbol),
        "conditions": get_market_conditions(assessor, symbol),
    }


def calculate_portfolio_liquidity_risk(
    assessor: Assessor, positions: Mapping[str, float], participation_frac: float = 0.15
) -> dict[str, Any]:
    """Portfolio risk from values by symbol, in their one currency: value-weighted risk, risk and days by position, concentration.

    Returns
    -------
    dict
        ``portfolio_liquidity_risk`` (0-100, 100 is worst), ``position_risks``, ``liquidation_days`` (the slowest at
        ``participation_frac``; None where one never sells), ``concentration_herfindahl``, ``sold_in_a_day_frac``,
        ``unknown`` (symbols that the surface does not have; they are in no other number).

    Raises
    ------
    ConfigError
        The instruments trade in more than one currency: ``portfolio_tables`` converts, these names never did.
    """
    known = {name: value for name, value in positions.items() if assessor.knows(name)}
    currencies = sorted({str(assessor.surface.currency[assessor.row(name)]) for name in known})
    if len(currencies) > 1:
        raise ConfigError(
            f"portfolio risk: values of instruments in {', '.join(currencies)} cannot be added; use portfolio_tables, which "
            "converts them"
        )
    told = {
        name: assessor.assess(name, -1 if value >= 0.0 else 1, abs(value), in_money=True)
        for name, value in known.items()
    }
    value = np.array([abs(each) for each in known.values()], dtype=np.float64)
    risk = np.array([each.liquidity_risk_score for each in told.values()], dtype=np.float64)
    adv = np.array([assessor.surface.adv_ccy[assessor.row(name)] for name in known], dtype=np.float64)
    days = [
        float(assessor.surface.take([assessor.row(name)]).days_to_liquidate([abs(each)], participation_frac)[0])
        for name, each in known.items()
    ]
    total = value.sum()
    return {
        "portfolio_liquidity_risk": float((value * risk).sum() / total) if total > 0.0 else None,
        "position_risks": {name: each.liquidity_risk_score for name, each in told.items()},
        "liquidation_days": None if not days or np.isnan(days).any() else max(days),
        "concentration_herfindahl": concentration(value).hhi if total > 0.0 else None,
        "sold_in_a_day_frac": float((value * saleable_frac(value, adv, participation_frac, [1.0])[:, 0]).sum() / total)
        if total > 0.0
        else None,
        "unknown": sorted(set(positions) - set(known)),
    }


def get_liquidity_risk_summary(positions: Mapping[str, float], assessments: Mapping[str, Assessment]) -> dict[str, Any]:
    """Summary of assessed positions; ``positions`` are values in one currency.

    Returns
    -------
    dict
        ``portfolio_liquidity_risk_score``, ``portfolio_liquidity_score`` and its ``worst_decile_score``,
        ``high_risk_positions`` (risk 70 and above), ``illiquid_positions`` (score tiers illiquid and distressed),
        ``max_liquidation_days`` (None where one never sells), ``avg_immediate_liquidation_cost_bps`` (by value),
        ``total_warnings``, ``risk_distribution`` (low below 30, high from 70), ``not_assessed``.
    """
    names = [name for name in positions if name in assessments]
    told = [assessments[name] for name in names]
    value = np.array([abs(positions[name]) for name in names], dtype=np.float64)
    risk = np.array([each.liquidity_risk_score for each in told], dtype=np.float64)
    cost = np.array([each.immediate_liquidation_cost for each in told], dtype=np.float64)
    days = np.array([each.liquidation_time_days for each in told], dtype=np.float64)
    score = portfolio_score(value, [each.liquidity_score for each in told])
    total, costed = value.sum(), np.isfinite(cost)
    return {
        "portfolio_liquidity_risk_score": float((value * risk).sum() / total) if total > 0.0 else None,
        "portfolio_liquidity_score": None if np.isnan(score.mean) else score.mean,
        "worst_decile_score": None if np.isnan(score.worst_decile) else score.worst_decile,
        "high_risk_positions": [name for name, each in zip(names, risk, strict=True) if each >= _HIGH_RISK],
        "illiquid_positions": [
            name for name, each in zip(names, told, strict=True) if each.liquidity_tier in ("illiquid", "distressed")
        ],
        "max_liquidation_days": None if not len(days) or np.isnan(days).any() else float(days.max()),
        "avg_immediate_liquidation_cost_bps": float((value * cost)[costed].sum() / value[costed].sum())
        if value[costed].sum() > 0.0
        else None,
        "total_warnings": sum(len(each.risk_warnings) for each in told),
        "risk_distribution": {
            "low": int((risk < _LOW_RISK).sum()),
            "medium": int(((risk >= _LOW_RISK) & (risk < _HIGH_RISK)).sum()),
            "high": int((risk >= _HIGH_RISK).sum()),
        },
        "not_assessed": sorted(set(positions) - set(names)),
    }


def _side(side: str) -> int:
    try:
        return _SIDES[side]
    except KeyError:
        raise ConfigError(f"side {side!r}; allowed: buy, sell") from None
