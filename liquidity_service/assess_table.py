"""``pulse assess``: what one order or position costs to leave, how long it takes, and what is wrong with it."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from liquidity.portfolio.assessment import WARNING_CODES, Assessment, Assessor
from liquidity_service.risk_tables import score_of, session_of_instrument, surface_of
from resources.lake import Lake
from resources.portfolio_policy import portfolio_policy
from resources.settings import Settings

__all__ = ["PERCENTILES", "AssessedOrder", "assess_order", "print_assessment"]

PERCENTILES: Final = (0.5, 0.75, 0.95)
"""Percentiles of the cost; the first is the expected cost."""

_NOW: Final = "now (30 minutes)"


@dataclass(frozen=True, slots=True)
class AssessedOrder:
    """An assessment with the percentiles of each horizon.

    Attributes
    ----------
    currency
        Of all money.
    calm_bps, stressed_bps
        (H, P) cost of the whole order by horizon of ``told.costs`` and PERCENTILES.
    stress
        The shock of the stressed columns in words.
    origin, reason
        Whether the market is recorded or simulated; why the surface has no answer, empty where it has one.
    """

    told: Assessment
    currency: str
    price: float
    adv_ccy: float
    spread_bps: float
    calm_bps: NDArray[np.float64]
    stressed_bps: NDArray[np.float64]
    stress: str
    origin: str
    reason: str

    def as_json(self) -> str:
        """Every number as JSON text; missing ones are null."""
        told = self.told
        document = {
            "instrument_id": told.instrument_id,
            "session_date": told.session_date,
            "side": "buy" if told.side_sign > 0 else "sell",
            "urgency": told.urgency,
            "size": told.position_size,
            "currency": self.currency,
            "value_ccy": told.position_value,
            "price": self.price,
            "adv_ccy": self.adv_ccy,
            "order_adv_frac": told.order_adv_frac,
            "spread_bps": self.spread_bps,
            "liquidity_score": told.liquidity_score,
            "liquidity_tier": told.liquidity_tier,
            "liquidity_risk_score": told.liquidity_risk_score,
            "days_to_liquidate": told.liquidation_time_days,
            "cash_after_sessions": told.cash_after_sessions,
            "gradual_cost_bps": told.gradual_liquidation_cost,
            "gradual_sessions": told.horizon_sessions,
            "max_position_size": told.max_position_size,
            "recommended_holding_sessions": told.recommended_holding_period,
            "plan_required": told.plan_required,
            "costs": [
                {
                    "horizon_sessions": each.horizon_sessions,
                    "cost_ccy": each.cost_ccy,
                    "stressed_cost_ccy": each.stressed_ccy,
                    "cost_bps": dict(zip(_names(), self.calm_bps[place], strict=True)),
                    "stressed_cost_bps": dict(zip(_names(), self.stressed_bps[place], strict=True)),
                }
                for place, each in enumerate(told.costs)
            ],
            "stress": self.stress,
            "method": told.method,
            "age_sessions": told.age_sessions,
            "coverage_frac": told.coverage_frac,
            "beyond_book": told.beyond_book,
            "origin": self.origin,
            "reason": self.reason,
            "warnings": [
                {
                    "code": each.code,
                    "severity": each.severity,
                    "number": each.number,
                    "limit": each.limit,
                    "unit": each.unit,
                    "meaning": WARNING_CODES[each.code],
                }
                for each in told.risk_warnings
            ],
        }
        return json.dumps(_plain(document), indent=1, allow_nan=False)


def assess_order(
    settings: Settings, instrument: str, size: float, *, buys: bool, urgency: str, session: date | None, in_money: bool
) -> AssessedOrder:
    """Assess one order on the stored surface.

    Raises
    ------
    ConfigError
        An instrument or a session without surface; the nearest names are told.
    ContractError
        No surface is published.
    """
    lake, policy = Lake(settings.lake_dir), portfolio_policy(settings)
    day = session_of_instrument(lake, instrument, session)
    surface = surface_of(lake, day, [instrument])
    scores = np.array([score_of(lake, day, instrument)])
    side = 1 if buys else -1
    told = Assessor(surface, scores, policy).assess(instrument, side, size, urgency, in_money=in_money)
    horizons = np.array([[each.horizon_sessions for each in told.costs]])
    money = np.array([[told.position_value]])
    costs = [each.cost(side, money, horizons) for each in (surface, surface.stressed(policy.stress))]
    calm, stressed = (np.column_stack([cost.at(level)[0] for level in PERCENTILES]) for cost in costs)
    shock = policy.stress
    return AssessedOrder(
        told=told,
        currency=str(surface.currency[0]),
        price=float(surface.price[0]),
        adv_ccy=float(surface.adv_ccy[0]),
        spread_bps=float(surface.spread_bps[0]),
        calm_bps=calm,
        stressed_bps=stressed,
        stress=f"spread x{shock.spread_mult:g}, volume -{shock.volume_haircut_frac:.0%}, "
        f"depth -{shock.depth_haircut_frac:.0%}, volatility x{shock.vol_mult:g}",
        origin=str(surface.origin[0]),
        reason=str(surface.reason[0] or ""),
    )


def print_assessment(console: Console, order: AssessedOrder) -> None:
    """Print the order, its costs, the time it takes and its warnings."""
    told, ccy = order.told, order.currency
    verb = "buying" if told.side_sign > 0 else "selling"
    lines = [
        f"[bold]{verb} {told.position_size:,.6g} of {told.instrument_id}[/bold], session {told.session_date}, "
        f"{order.origin}, urgency {told.urgency}",
        f"worth {_number(told.position_value, ',.0f')} {ccy} at {_number(order.price, '.6g')}, "
        f"{_number(told.order_adv_frac, '.1%')} of average daily volume ({_number(order.adv_ccy, ',.0f')} {ccy}); "
        f"spread {_number(order.spread_bps, '.2f')} bps",
        f"liquidity score {_number(told.liquidity_score, '.1f')} ({told.liquidity_tier}), "
        f"liquidity risk {_number(told.liquidity_risk_score, '.0f')} of 100 (100 is worst)",
        f"days to liquidate {_number(told.liquidation_time_days, '.2f', never='never: no volume')}, "
        f"cash after whole sessions {_number(told.cash_after_sessions, '.0f', never='-')}; "
        f"at this urgency {_number(told.gradual_liquidation_cost, '.1f')} bps over {_number(told.horizon_sessions, '.2f')} sessions",
        f"method {told.method}, inputs {_number(told.age_sessions, '.0f')} sessions old, "
        f"{told.coverage_frac:.0%} of their window seen" + (", beyond the visible book" if told.beyond_book else ""),
    ]
    for line in lines:
        console.print(line, highlight=False)
    if order.reason:
        console.print(f"no cost: {order.reason}", highlight=False)
    console.print(_cost_table(order))
    console.print(f"stress: {order.stress}; the 95 % cost holds the price's own moves while waiting", highlight=False)
    colours = {"critical": "bold red", "warning": "yellow", "info": "dim"}
    for each in told.risk_warnings:
        console.print(f"[{colours[each.severity]}]{each.severity}[/]: {each}", highlight=False)


def _cost_table(order: AssessedOrder) -> Table:
    table = Table(
        title=f"cost of the whole order, bps and {order.currency}", title_justify="left", padding=(0, 0, 0, 1)
    )
    for name in ("horizon", "expected bps", "75 %", "95 %", order.currency, "stressed bps", "75 %", "95 %", order.currency):  # fmt: skip
        table.add_column(name, justify="left" if name == "horizon" else "right")
    for place, each in enumerate(order.told.costs):
        table.add_row(
            _NOW if place == 0 else f"{each.horizon_sessions:.0f} session" + "s" * (each.horizon_sessions > 1),
            *(_number(value, ".1f") for value in order.calm_bps[place]),
            _number(each.cost_ccy, ",.0f"),
            *(_number(value, ".1f") for value in order.stressed_bps[place]),
            _number(each.stressed_ccy, ",.0f"),
        )
    return table


def _names() -> list[str]:
    return ["expected", *(f"p{round(100 * level)}" for level in PERCENTILES[1:])]


def _number(value: float, form: str, never: str = "-") -> str:
    return never if math.isnan(value) else format(value, form)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
