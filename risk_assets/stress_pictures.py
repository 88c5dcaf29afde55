"""What stress tells in the Dagster UI: the stress table, the breaking points, and how far forced sales fall."""

from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from io_managers.inline_svg import BLUE, FONT, ORANGE, inline_markdown, numbers, svg
from liquidity.contracts import WHOLE_PORTFOLIO

__all__ = [
    "cascade_summary",
    "grid_summary",
    "reverse_pictures",
    "reverse_summary",
    "stress_pictures",
    "stress_summary",
]

_BARS: Final = 16
# The UI shows a table at once while its text is shorter than 1,000 characters.
_SHOWN_STRESSES: Final = 7


def stress_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Counts, and the worst loss as a share of net asset value."""
    wholes = rows[rows["instrument_id"] == WHOLE_PORTFOLIO]
    told: dict[str, Any] = {
        "portfolios": int(rows["portfolio_id"].nunique()),
        "stresses": int(rows["scenario"].nunique()),
        "replayed crises": int(rows.loc[rows["kind"] == "replay", "scenario"].nunique()),
    }
    share = (wholes["stressed_loss_base"] / wholes["nav_before_base"]).where(wholes["nav_before_base"] > 0.0).dropna()
    if len(share):
        worst = wholes.loc[share.idxmax()]
        told["worst loss (frac of net asset value)"] = float(share.max())
        told["worst"] = f"{worst['portfolio_id']} under {worst['scenario']}"
    return told


def stress_pictures(rows: pd.DataFrame) -> dict[str, Any]:
    """The dearest stresses of each portfolio; all of them are in the table."""
    told: dict[str, Any] = {}
    wholes = rows[rows["instrument_id"] == WHOLE_PORTFOLIO]
    for name, own in wholes.groupby("portfolio_id"):
        lines = [
            f"| {row.scenario} | {row.price_loss_base:,.0f} | {row.cost_plan_before_base:,.0f} | {row.cost_plan_after_base:,.0f} | "
            f"{_share(row.daily_liquidatable_before_frac)} | {_share(row.daily_liquidatable_after_frac)} | "
            f"{_share(row.illiquid_after_frac)} | {_number(row.cash_coverage_ratio)} |"
            for row in own.nlargest(_SHOWN_STRESSES, "stressed_loss_base").itertuples()
        ]
        currency = own["base_currency"].iloc[0]
        told[f"stress table of {name} ({currency})"] = dg.MetadataValue.md(
            "\n".join(
                [
                    "| stress | price loss | exit cost | under stress | sold in a day | under stress | illiquid | cash cover |",
                    "|---|--:|--:|--:|--:|--:|--:|--:|",
                    *lines,
                ]
            )
        )
    return told


def reverse_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Verdicts, and the smallest multiple that breaks anything that held."""
    told: dict[str, Any] = {f"limits {verdict}": int(n) for verdict, n in rows["verdict"].value_counts().items()}
    breaking = rows[rows["verdict"] == "breaks"]
    if len(breaking):
        first = breaking.loc[breaking["multiple"].idxmin()]
        told["first break (times the scenario)"] = float(first["multiple"])
        told["first break"] = f"{first['portfolio_id']}: {first['limit']} under {first['scenario']}"
    return told


def reverse_pictures(rows: pd.DataFrame) -> dict[str, Any]:
    """For each portfolio, the multiple of each scenario at which the first limit that held breaks."""
    told: dict[str, Any] = {}
    breaking = rows[rows["verdict"] == "breaks"].sort_values(["multiple", "scenario", "limit"])
    for name, own in breaking.groupby("portfolio_id"):
        first = own.drop_duplicates("scenario").head(_BARS)
        told[f"breaking point of {name}"] = dg.MetadataValue.md(
            inline_markdown(breaking_bars(first["multiple"].tolist()))
        )
        lines = [f"| {row.scenario} | {row.limit} | {row.multiple:.3f} |" for row in first.itertuples()]
        told[f"breaking points of {name}"] = dg.MetadataValue.md(
            "\n".join(["| stress | limit that breaks first | times the stress |", "|---|---|--:|", *lines])
        )
    return told


def breaking_bars(multiples: list[float]) -> str:
    """Bars of multiples in the order given, orange below 1 (the scenario itself breaks it), with a line at 1."""
    longest = max([1.0, *multiples])
    paths = {ORANGE: "", BLUE: ""}
    for row, value in enumerate(multiples[:_BARS]):
        paths[ORANGE if value <= 1.0 else BLUE] += f"M0 {9 * row}h{max(1, round(200 * value / longest))}v7H0z"
    body = "".join(f"<path fill='{colour}' d='{d}'/>" for colour, d in paths.items() if d)
    height, once = 9 * min(len(multiples), _BARS), round(200 / longest)
    words = numbers(
        [
            (0, height + 10, "0"),
            (once - 2, height + 10, "1"),
            *([(195, height + 10, f"{longest:.2g}")] if longest > 1.3 else []),
        ]
    )
    words += f"<text y='{height + 20}'>times the stress; orange: the stress itself breaks a limit</text>"
    return svg(234, height + 24, f"{body}<path d='M{once} 0v{height}' stroke='#333'/>{words}", scale=2, style=FONT)


def grid_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Cells, and the loss in the worst of them by portfolio."""
    told: dict[str, Any] = {"cells": int(rows["cell"].nunique()) if len(rows) else 0}
    for name, own in rows.groupby("portfolio_id"):
        worst = own.loc[own["stressed_loss_base"].idxmax()]
        told[f"worst cell of {name} ({worst['base_currency']})"] = float(worst["stressed_loss_base"])
    return told


def cascade_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """The deepest forced fall, and how much of what drives it was seen."""
    told: dict[str, Any] = {"perpetuals": int(rows["instrument_id"].nunique()), "cascades": len(rows)}
    if len(rows):
        worst = rows.loc[rows["forced_fall_frac"].idxmax()]
        told["deepest forced fall (frac)"] = float(worst["forced_fall_frac"])
        told["deepest"] = f"{worst['instrument_id']} after a first fall of {worst['first_fall_frac']:.0%}"
        lines = [
            f"| {row.instrument_id} | {row.first_fall_frac:.0%} | {row.depth_haircut_frac:.0%} | {row.liquidated_quote:,.0f} | "
            f"{row.forced_fall_frac:.2%} | {_share(row.visible_fill_frac)} | {row.covered_frac:.0%} |"
            for row in rows.nlargest(12, "forced_fall_frac").itertuples()
        ]
        told["deepest cascades (levels are modelled)"] = dg.MetadataValue.md(
            "\n".join(
                [
                    "| perpetual | first fall | bids gone | liquidated | forced fall | into visible bids | interest explained |",
                    "|---|--:|--:|--:|--:|--:|--:|",
                    *lines,
                ]
            )
        )
    return told


def _share(value: float) -> str:
    return f"{value:.1%}" if np.isfinite(value) else "-"


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "-"
