"""What allocation tells in the Dagster UI: numbers that plot, and tables of what stands out."""

from collections.abc import Sequence
from typing import Any, Final

import dagster as dg
import pandas as pd

__all__ = ["target_summary", "trade_summary", "value_summary"]

_SHOWN: Final = 12


def target_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Portfolios by outcome, turnover, and the largest changes with their bands."""
    told: dict[str, Any] = {"positions": len(rows)}
    if not len(rows):
        return told
    for outcome, portfolios in rows.groupby("outcome")["portfolio_id"].nunique().items():
        told[f"portfolios {outcome}"] = int(portfolios)
    change = (rows["target_weight_frac"] - rows["current_weight_frac"]).astype("float64")
    if change.notna().any():
        told["turnover, mean of portfolios (frac of equity)"] = float(
            change.abs().groupby(rows["portfolio_id"]).sum().mean()
        )
    moved = rows.assign(change=change)[change.abs() > 1e-6]
    moved = moved.reindex(moved["change"].abs().sort_values(ascending=False).index).head(_SHOWN)
    if len(moved):
        told["largest changes"] = _table(
            "portfolio | instrument | now | target | not worth trading | cost bps",
            [
                f"{r.portfolio_id} | {r.instrument_id} | {r.current_weight_frac:.2%} | {r.target_weight_frac:.2%} | "
                f"{r.band_lower_frac:.2%} to {r.band_upper_frac:.2%} | {r.trading_cost_bps:.0f}"
                for r in moved.itertuples()
            ],
        )
    why = rows.loc[rows["explanation"] != "", ["portfolio_id", "explanation"]].drop_duplicates()
    if len(why):
        told["why"] = _table(
            "portfolio | explanation", [f"{r.portfolio_id} | {r.explanation}" for r in why.itertuples()]
        )
    return told


def trade_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Number, value and cost of trades, and those that need a plan."""
    told: dict[str, Any] = {"trades": len(rows)}
    if not len(rows):
        return told
    told["need a plan"] = int(rows["needs_plan"].sum())
    told["longest ramp (sessions)"] = float(rows["sessions"].max())
    large = (
        rows[rows["needs_plan"].astype(bool)].sort_values("adv_frac", ascending=False, na_position="first").head(_SHOWN)
    )
    if len(large):
        told["plans needed"] = _table(
            "portfolio | instrument | side | value | of ADV | sessions | cost bps | 90 %",
            [
                f"{r.portfolio_id} | {r.instrument_id} | {r.side} | {r.value_base:,.0f} {r.base_currency} | {r.adv_frac:.1%} | "
                f"{r.sessions:.0f} | {r.expected_cost_bps:.0f} | {r.p90_cost_bps:.0f}"
                for r in large.itertuples()
            ],
        )
    return told


def value_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Names in the fit, and sectors by their mean residual."""
    told: dict[str, Any] = {"rows": len(rows), "with a residual": int(rows["residual_bps"].notna().sum())}
    known = rows.dropna(subset=["sector_residual_frac"])
    sectors = known.drop_duplicates(["session_date", "asset_class", "origin", "sector"]).sort_values(
        "sector_residual_frac", ascending=False
    )
    if len(sectors):
        told["sectors, dearest to trade for their score first"] = _table(
            "class | origin | sector | names | spread against score | t",
            [
                f"{r.asset_class} | {r.origin} | {r.sector} | {r.sector_names} | {r.sector_residual_frac:+.1%} | {r.sector_t:.1f}"
                for r in sectors.head(_SHOWN).itertuples()
            ],
        )
    return told


def _table(head: str, lines: Sequence[str]) -> dg.MarkdownMetadataValue:
    columns = head.count("|") + 1
    body = "\n".join(f"| {line} |" for line in lines)
    return dg.MetadataValue.md(f"| {head} |\n|{'---|' * columns}\n{body}")
