"""Rows of REDEMPTION_RISK and REDEMPTION_COVERAGE: what may be redeemed, can it be paid, who bears the cost.

Read next: ``redemption_at_risk.py``, ``redemption_coverage.py``, ``swing_pricing.py`` (the numbers).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.risk_regulation import ALL_INVESTORS, REDEMPTION_COVERAGE, REDEMPTION_RISK
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.fund_flows import FlowHistory, FlowKind
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.redemption_at_risk import redemption_at_risk
from liquidity.portfolio.redemption_coverage import assets_of_holdings, redemption_coverage
from liquidity.portfolio.swing_pricing import SwingRules, dilution

__all__ = [
    "COVERAGE_HORIZONS",
    "RISK_HORIZONS",
    "Redemption",
    "coverage_rows",
    "redemption_risk_rows",
    "redemptions_of",
]

RISK_HORIZONS: Final = (1, 5, 20)
RISK_CONFIDENCES: Final = (0.95, 0.99)
COVERAGE_HORIZONS: Final = (1, 2, 5, 10, 20)
"""Sessions until a redemption must be paid."""

_FLOWS: Final[tuple[FlowKind, ...]] = ("gross", "net")


@dataclass(frozen=True, slots=True)
class Redemption:
    """One redemption to be paid: share of net asset value, NaN with a reason where it is unknown."""

    name: str
    net_assets_frac: float
    reason: str = ""


def redemption_risk_rows(
    session: date,
    portfolio_id: str,
    base_currency: str,
    histories: Mapping[str, FlowHistory],
    source: str,
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Rows of REDEMPTION_RISK of one fund: each type of holders, gross and net, three horizons, two levels.

    A fund without flows has rows of ``all`` that say so.
    """
    rows = []
    told: dict[str, FlowHistory | None] = {**histories} if histories else {ALL_INVESTORS: None}
    for investor, history in told.items():
        nav = float(history.nav_base[-1]) if history is not None else float("nan")
        for flow in _FLOWS:
            for horizon in RISK_HORIZONS:
                for confidence in RISK_CONFIDENCES:
                    found = redemption_at_risk(history, horizon, confidence, flow, seed=seed)
                    rows.append(
                        {
                            "session_date": pd.Timestamp(session),
                            "portfolio_id": portfolio_id,
                            "investor_type": investor,
                            "flow": flow,
                            "horizon_sessions": horizon,
                            "confidence": f"{confidence:g}",
                            "base_currency": base_currency,
                            "redemption_at_risk_frac": found.at_risk_frac,
                            "low_frac": found.low_frac,
                            "high_frac": found.high_frac,
                            "conditional_frac": found.conditional_frac,
                            "redemption_at_risk_base": found.at_risk_frac * nav,
                            "conditional_base": found.conditional_frac * nav,
                            "observations": found.observations,
                            "tested": found.tested,
                            "exceptions": found.exceptions,
                            "kupiec_p": found.kupiec_p,
                            "backtest": found.backtest,
                            "reason": found.reason,
                            "source": source,
                        }
                    )
    return pd.DataFrame(rows)[list(REDEMPTION_RISK.column_names)]


def redemptions_of(risk: pd.DataFrame, histories: Mapping[str, FlowHistory], assumed_frac: float) -> list[Redemption]:
    """Redemptions that coverage is told for: a week at risk (99 %, gross), an assumed one, the largest holder leaving.

    Parameters
    ----------
    risk
        Rows of :func:`redemption_risk_rows` of the fund.
    assumed_frac
        Share of net asset value, 0 to 1.
    """
    row = risk[
        (risk["investor_type"] == ALL_INVESTORS)
        & (risk["flow"] == "gross")
        & (risk["horizon_sessions"] == 5)
        & (risk["confidence"] == "0.99")
    ].iloc[0]
    top = histories[ALL_INVESTORS].top_holder_frac if histories else float("nan")
    return [
        Redemption("at_risk_99", float(np.maximum(row["redemption_at_risk_frac"], 0.0)), str(row["reason"])),
        Redemption("assumed", assumed_frac),
        Redemption("top_holder", top, "" if np.isfinite(top) else "holder_unknown"),
    ]


def coverage_rows(
    session: date,
    held: Holdings,
    markets: Mapping[str, tuple[Holdings, LiquiditySurface]],
    redemptions: Sequence[Redemption],
    participation: float,
    *,
    horizons: Sequence[int] = COVERAGE_HORIZONS,
    rules: SwingRules | None = None,
) -> pd.DataFrame:
    """Rows of REDEMPTION_COVERAGE of one fund.

    Parameters
    ----------
    held
        The fund today: redemptions are shares of its net asset value.
    markets
        By name, the fund at that market's prices and the surface its ``place`` points at.
    participation
        Share of volume, above 0 to 1.
    """
    rows = []
    net = held.equity_base if held.equity_base > 0.0 else float("nan")
    for market, (there, surface) in markets.items():
        for horizon in horizons:
            assets = assets_of_holdings(there, surface, float(horizon), participation)
            usable = redemption_coverage(assets, None)
            for redemption in redemptions:
                amount = redemption.net_assets_frac * net
                known = bool(np.isfinite(amount))
                found = redemption_coverage(assets, amount if known else None)
                swing = (
                    dilution(there, surface, amount, participation, rules, horizon_sessions=float(horizon))
                    if known and there.equity_base > amount
                    else None
                )
                reason = redemption.reason or ("" if np.isfinite(net) else "no_net_assets")
                if not reason and swing is None:
                    reason = "not_below_net_assets"
                elif not reason and swing is not None and not np.isfinite(swing.cost_base):
                    reason = "a_slice_without_cost"
                rows.append(
                    {
                        "session_date": pd.Timestamp(session),
                        "portfolio_id": held.portfolio_id,
                        "market": market,
                        "redemption": redemption.name,
                        "horizon_sessions": int(horizon),
                        "base_currency": held.base_currency,
                        "redemption_base": amount,
                        "redemption_frac": redemption.net_assets_frac,
                        "usable_waterfall_base": usable.usable_waterfall,
                        "usable_slicing_base": usable.usable_pro_rata,
                        "coverage_waterfall_ratio": found.rcr_waterfall,
                        "coverage_slicing_ratio": found.rcr_pro_rata,
                        "shortfall_base": found.shortfall_waterfall,
                        "largest_waterfall_frac": _share(usable.usable_waterfall, net),
                        "largest_slicing_frac": _share(usable.usable_pro_rata, net),
                        "sale_cost_base": swing.cost_base if swing else np.nan,
                        "swing_factor_bps": swing.full_factor_bps if swing else np.nan,
                        "dilution_bps": swing.unswung_bps if swing else np.nan,
                        "swung": swing.swung if swing else None,
                        "reason": reason,
                        "origin": there.joint_origin(surface.origin),
                    }
                )
    table = pd.DataFrame(rows, columns=list(REDEMPTION_COVERAGE.column_names))
    numbers = [column.name for column in REDEMPTION_COVERAGE.columns if column.dtype == "float64"]
    return table.astype({**dict.fromkeys(numbers, "float64"), "swung": "boolean"})


def _share(usable: float | None, net: float) -> float:
    """Share of net assets that a redemption may be; more than all of them cannot be redeemed."""
    return float("nan") if usable is None else float(np.minimum(usable / net, 1.0))
