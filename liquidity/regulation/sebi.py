"""SEBI and AMFI: liquid assets of open-ended debt schemes, LR-RaR and LR-CRaR, days to liquidate.

Redemptions at risk are those of ``liquidity/portfolio/redemption_at_risk.py``; days come from the ladder's arithmetic on the
surface's volumes. Read next: ``esma.py``.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.fund_flows import FlowHistory
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.ladder import on_surface
from liquidity.portfolio.liquidation import whole_sessions
from liquidity.portfolio.redemption_at_risk import RedemptionAtRisk, redemption_at_risk
from liquidity.regulation.report_pack import CASH_ID, Finding, ReportPack
from liquidity.regulation.thresholds import Thresholds

__all__ = ["LIQUID_WEIGHTS", "days_for_share", "sebi_pack"]

LIQUID_WEIGHTS: Final[Mapping[tuple[str, str], float]] = {
    ("bond_corporate", "AAA"): 0.85,
    ("bond_corporate", "AA"): 0.60,
}
"""Share of a corporate bond's value that counts towards LR-RaR besides cash and government securities: judgement of
2026-11-21, because the association publishes its eligible assets to its members; every other rating counts 0."""

_RULE_2024: Final = "SEBI letter to AMFI of 27 February 2024"
_RULE_2020: Final = "SEBI circular SEBI/HO/IMD/DF3/CIR/P/2020/229"
_LONGEST_SESSIONS: Final = 10_000.0


def sebi_pack(
    held: Holdings,
    surface: LiquiditySurface,
    session: date,
    limits: Thresholds,
    histories: Mapping[str, FlowHistory],
    *,
    seed: int = 0,
) -> ReportPack:
    """Hold a scheme against SEBI's and AMFI's liquidity numbers.

    Parameters
    ----------
    histories
        Flows by type of holders, of :func:`~liquidity.portfolio.fund_flows.flow_histories`; empty: LR numbers are unknown.

    Notes
    -----
    Liquid assets in the sense of the 10 % rule are cash and government securities. LR-RaR sums over the types of holders
    the redemption at risk of each (gross, so that no subscription is counted on), as the framework asks by type of
    investor; the ratio is liquid assets over it. Days to liquidate a share of the portfolio are told for a sale of slices,
    and for one without the least liquid fifth, as the industry's disclosure has them.
    """
    net = held.equity_base if held.equity_base > 0.0 else float("nan")
    value = np.where(np.isfinite(held.value_base) & (held.quantity > 0.0), held.value_base, 0.0)
    sovereign = held.asset_class == "bond_sovereign"
    weight = _weights(held)
    liquid = max(held.cash_base, 0.0) + float(value[sovereign].sum())
    eligible = max(held.cash_base, 0.0) + float((value * weight).sum())
    horizon, level = round(limits.value("sebi_horizon_sessions")), limits.value("sebi_confidence")
    at_risk = {
        name: redemption_at_risk(history, horizon, level, seed=seed)
        for name, history in histories.items()
        if name != "all" or len(histories) == 1
    }
    nav = {name: float(histories[name].nav_base[-1]) for name in at_risk}
    rar = sum(max(found.at_risk_frac, 0.0) * nav[name] for name, found in at_risk.items()) if at_risk else float("nan")
    crar = (
        sum(max(found.conditional_frac, 0.0) * nav[name] for name, found in at_risk.items())
        if at_risk
        else float("nan")
    )
    why = _why(at_risk)
    whole = redemption_at_risk(histories.get("all"), horizon, level, seed=seed)
    participation = limits.value("sebi_participation_frac")
    days = _days(held, surface, participation)
    no_net = "" if np.isfinite(net) else f"equity is {held.equity_base:.6g}"
    findings = [
        Finding.of("liquid_assets_frac", liquid / net, limits["sebi_min_liquid_frac"], "least", "(cash + government securities) / net assets", reason=no_net),
        Finding.of("lr_rar_ratio", eligible / rar if rar > 0.0 else float("nan"), limits["sebi_min_lr_ratio"], "least", f"eligible liquid assets / redemption at risk ({level:g}, {horizon} sessions, by type of holders)", reason=why),
        Finding.of("lr_crar_ratio", eligible / crar if crar > 0.0 else float("nan"), limits["sebi_min_lr_ratio"], "least", "eligible liquid assets / conditional redemption at risk", reason=why),
        Finding.told("lr_rar_base", float(rar), held.base_currency, "sum over types of holders of redemption at risk", limits["sebi_min_lr_ratio"].source, reason=why),
        Finding.told("lr_crar_base", float(crar), held.base_currency, "sum over types of holders of conditional redemption at risk", limits["sebi_min_lr_ratio"].source, reason=why),
        Finding.told("eligible_assets_base", eligible, held.base_currency, "cash + value * weight of class and rating", "LIQUID_WEIGHTS, judgement of 2026-11-21"),
        Finding.told("rar_backtest_exceptions", float(whole.exceptions) if whole.tested else float("nan"), f"of {whole.tested} windows", "outflows above the forecast from earlier windows alone", limits["sebi_min_lr_ratio"].source, reason=whole.reason or whole.backtest),
        Finding.told("rar_backtest_kupiec_p", whole.kupiec_p, "p-value", "likelihood ratio of the share of exceptions (Kupiec 1995)", limits["sebi_min_lr_ratio"].source, reason=whole.reason or whole.backtest),
    ]  # fmt: skip
    for share in (0.25, 0.50):
        for name, kept in (
            ("", np.ones(len(held), dtype=bool)),
            ("_without_least_liquid_fifth", _most_liquid(value, days)),
        ):
            found = days_for_share(value[kept], days[kept], share)
            findings.append(
                Finding.told(
                    f"days_to_liquidate_{share:.0%}".replace("%", "_percent") + name, found, "sessions",
                    f"slices of {share:.0%} of every position at {participation:g} of volume, slowest one{name.replace('_', ' ')}", _RULE_2024,
                    reason="" if np.isfinite(found) else "a position never sells",
                )
            )  # fmt: skip
    rows = pd.DataFrame(
        {
            "instrument_id": held.instrument_id,
            "bucket": np.where(sovereign, "government", np.where(weight > 0.0, "eligible", "other")).astype(object),
            "value_base": held.value_base,
            "net_assets_frac": held.value_base / net,
            "considered_frac": 1.0,
            "sell_sessions": whole_sessions(days),
            "cash_sessions": whole_sessions(days) + held.settlement_days,
            "liquid_weight_frac": weight,
            "reason": held.reason,
        }
    )
    rows.loc[~np.isfinite(held.value_base), "bucket"] = None
    cash = {"instrument_id": CASH_ID, "bucket": "cash", "value_base": held.cash_base, "net_assets_frac": held.cash_base / net, "considered_frac": 1.0, "sell_sessions": 0.0, "cash_sessions": 0.0, "liquid_weight_frac": 1.0, "reason": ""}  # fmt: skip
    by_type = pd.DataFrame(
        {
            "holders": list(at_risk),
            "nav_base": list(nav.values()),
            "at_risk_frac": [found.at_risk_frac for found in at_risk.values()],
            "conditional_frac": [found.conditional_frac for found in at_risk.values()],
            "backtest": [found.backtest for found in at_risk.values()],
        }
    )
    rows = pd.concat([rows, pd.DataFrame([cash])], ignore_index=True)
    read = {"fund_flows": sum(len(each.days) for name, each in histories.items() if name in at_risk)}
    tables = {"Redemption at risk by type of holders": by_type}
    return ReportPack.of("sebi", held, surface, session, rows, findings, tables, read=read)


def days_for_share(value: NDArray[np.float64], days: NDArray[np.float64], share: float) -> float:
    """Whole sessions until ``share`` of every position is sold; infinite where one never sells, 0 for nothing held."""
    moving = value > 0.0
    if not moving.any():
        return 0.0
    slowest = np.where(np.isnan(days[moving]), np.inf, days[moving]).max()
    return float(whole_sessions(share * slowest)) if np.isfinite(slowest) else float("inf")


def _most_liquid(value: NDArray[np.float64], days: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(P,) positions left when the slowest are removed up to a fifth of the value."""
    order = np.argsort(np.where(np.isnan(days), np.inf, -0.0 + days), kind="stable")[::-1]
    removed = np.cumsum(value[order]) <= 0.2 * value.sum() * (1.0 + 1e-12)
    kept = np.ones(len(value), dtype=bool)
    kept[order[removed]] = False
    return kept


def _days(held: Holdings, surface: LiquiditySurface, participation: float) -> NDArray[np.float64]:
    """(P,) sessions to sell each position at the participation; NaN never."""
    adv = on_surface(surface.adv_ccy, held)
    size = np.abs(held.quantity * held.price)
    out = np.full(len(held), np.nan)
    np.divide(size, participation * adv, out=out, where=adv > 0.0)
    out[out > _LONGEST_SESSIONS] = np.nan
    return out


def _weights(held: Holdings) -> NDArray[np.float64]:
    return np.array(
        [
            1.0 if kind == "bond_sovereign" else LIQUID_WEIGHTS.get((str(kind), str(rating)), 0.0)
            for kind, rating in zip(held.asset_class, held.rating, strict=True)
        ],
        dtype=np.float64,
    )


def _why(at_risk: Mapping[str, RedemptionAtRisk]) -> str:
    if not at_risk:
        return "no_flows"
    return ",".join(sorted({found.reason for found in at_risk.values() if found.reason}))
