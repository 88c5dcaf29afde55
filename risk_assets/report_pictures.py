"""What the liability side and the report packs tell in the Dagster UI: numbers that plot, and bars of the buckets."""

from typing import Any, Final

import dagster as dg
import pandas as pd

from io_managers.inline_svg import BLUE, FONT, GREY, ORANGE, inline_markdown, numbers, svg

__all__ = ["bucket_bars", "bucket_summary", "coverage_summary", "flow_summary", "risk_summary", "test_summary"]

_SEC: Final = (
    ("highly_liquid", BLUE),
    ("moderately_liquid", "#6fa3e0"),
    ("less_liquid", GREY),
    ("illiquid", ORANGE),
)
_SHOWN: Final = 10


def bucket_bars(shares: dict[str, float], bound: float = 0.15) -> str:
    """One stacked bar of the four SEC buckets, most liquid left, and a line where illiquid must end (seen from the right)."""
    body, at = "", 0.0
    for name, colour in _SEC:
        width = 200.0 * max(shares.get(name, 0.0), 0.0)
        if width > 0.0:
            body += f"<path fill='{colour}' d='M{at:.0f} 4h{max(width, 1.0):.0f}v16H{at:.0f}z'/>"
        at += width
    line = round(200.0 * (1.0 - bound))
    body += f"<path d='M{line} 0v24' stroke='#333'/>"
    body += numbers(
        [(0, 33, "0"), (95, 33, "50"), (line - 5, 33, f"{100 * (1 - bound):.0f}"), (195, 33, "100 % of net assets")]
    )
    names = "".join(f"<a fill='{colour}'>{name.replace('_', ' ')} </a>" for name, colour in _SEC)
    return svg(290, 48, f"{body}<text y='45'>{names}</text>", scale=2, style=FONT)


def flow_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Net flow of each fund over its net asset value."""
    told: dict[str, Any] = {"funds": int(rows["portfolio_id"].nunique())}
    for name, own in list(rows.groupby("portfolio_id"))[:_SHOWN]:
        nav = float(own["nav_base"].sum())
        if nav > 0.0:
            told[f"net flow {name} (frac)"] = float((own["subscriptions_base"] - own["redemptions_base"]).sum()) / nav
    return told


def risk_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """A week's redemption at risk of each fund, and how the forecasts fared."""
    told: dict[str, Any] = {f"back-tests {verdict}": int(n) for verdict, n in rows["backtest"].value_counts().items()}
    week = rows[
        (rows["investor_type"] == "all")
        & (rows["flow"] == "gross")
        & (rows["horizon_sessions"] == 5)
        & (rows["confidence"] == "0.99")
    ].dropna(subset=["redemption_at_risk_frac"])
    for row in week.head(_SHOWN).itertuples():
        told[f"redemption at risk, a week at 99 % {row.portfolio_id} (frac)"] = float(row.redemption_at_risk_frac)
    return told


def coverage_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Coverage of the assumed redemption within a week, calm and in the worst market, and its swing factor."""
    told: dict[str, Any] = {"rows": len(rows), "shortfalls": int((rows["shortfall_base"] > 0.0).sum())}
    week = rows[(rows["redemption"] == "assumed") & (rows["horizon_sessions"] == 5)]
    lines = [
        f"| {row.portfolio_id} | {row.market} | {_number(row.coverage_waterfall_ratio)} | {_number(row.coverage_slicing_ratio)} | "
        f"{_number(row.swing_factor_bps)} | {_number(row.dilution_bps)} |"
        for row in week.head(6 * _SHOWN).itertuples()
    ]
    if lines:
        head = ["| portfolio | market | waterfall | slicing | swing bps | dilution bps |", "|---|---|--:|--:|--:|--:|"]
        told["assumed redemption within five sessions"] = dg.MetadataValue.md("\n".join([*head, *lines]))
    for row in week[week["market"] == "calm"].dropna(subset=["coverage_waterfall_ratio"]).head(_SHOWN).itertuples():
        told[f"coverage {row.portfolio_id} (ratio)"] = float(row.coverage_waterfall_ratio)
    return told


def bucket_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Bars of the SEC buckets of each fund."""
    told: dict[str, Any] = {"packs": int(rows.groupby(["portfolio_id", "regime"]).ngroups) if len(rows) else 0}
    sec = rows[rows["regime"] == "sec22e4"]
    for name, own in list(sec.groupby("portfolio_id"))[:_SHOWN]:
        shares = own.groupby("bucket")["net_assets_frac"].sum()
        told[f"buckets of {name}, most liquid left, line: 15 %"] = dg.MetadataValue.md(
            inline_markdown(bucket_bars({str(key): float(value) for key, value in shares.items()}))
        )
        told[f"illiquid {name} (frac)"] = float(shares.get("illiquid", 0.0))
    return told


def test_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Tests, failures by regime, and the failed ones."""
    bound = rows[rows["side"] != "told"]
    failed = bound[bound["passed"].eq(False).fillna(False)]
    told: dict[str, Any] = {
        "tests": len(bound),
        "failed": len(failed),
        "without a number": int(bound["passed"].isna().sum()),
    }
    told |= {f"failed {regime}": int(n) for regime, n in failed["regime"].value_counts().items()}
    lines = [
        f"| {row.portfolio_id} | {row.regime} | {row.test} | {_number(row.value)} | {_number(row.bound)} | {row.basis} |"
        for row in failed.head(4 * _SHOWN).itertuples()
    ]
    if lines:
        head = ["| portfolio | regime | test | value | bound | basis |", "|---|---|---|--:|--:|---|"]
        told["failed tests"] = dg.MetadataValue.md("\n".join([*head, *lines]))
    return told


def _number(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:.4g}"
