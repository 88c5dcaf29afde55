"""Pieces of Markdown that the sections of the forecast report share: tables, figures, names of markets."""

from collections.abc import Iterable, Sequence
from typing import Final

import pandas as pd

from liquidity_service.forecast_evidence import PanelEvidence
from liquidity_service.score_history import HistorySource

__all__ = [
    "PICTURES",
    "Found",
    "folded",
    "forecasts_n",
    "interval",
    "market_name",
    "number",
    "p_value",
    "percent",
    "picture",
    "sentence",
    "table",
]

PICTURES: Final = {
    "fans": "pictures/forecast_fans.png",
    "coverage": "pictures/forecast_coverage.png",
    "reliability": "pictures/forecast_reliability.png",
    "regimes": "pictures/forecast_regimes.png",
}
"""Pictures of the page, relative to it."""

Found = Sequence[tuple[HistorySource, PanelEvidence]]
"""Judged scores with their sources, in the order of the page."""


def market_name(each: PanelEvidence) -> str:
    """Say asset class, calendar and origin of a market."""
    return f"{each.group.asset_class} ({each.group.calendar}, {each.group.origin})"


def forecasts_n(each: PanelEvidence) -> int:
    """Count the judged forecasts, all horizons together."""
    pooled = each.coverage[(each.coverage["horizon_sessions"] == 0) & (each.coverage["band"] == 80)]
    return int(pooled["points_n"].sum())


def picture(name: str, text: str, shown: set[str], before: str = "") -> str:
    """Show a picture where it was drawn, else nothing."""
    return f"{before}![{text}]({PICTURES[name]})" if name in shown else ""


def folded(title: str, body: str, *, open_: bool = False) -> str:
    """Put a long table behind its title."""
    return f"<details{' open' if open_ else ''}><summary>{title}</summary>\n\n{body}\n\n</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; every row has as many cells as ``head``."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def interval(row: pd.Series, value: str, stem: str) -> str:
    """Write a correlation with its interval from the columns of ``SCORE_VALIDATION``; empty where it is null."""
    if pd.isna(row[value]):
        return ""
    return f"{row[value]:+.2f} ({row[f'{stem}_low']:+.2f} to {row[f'{stem}_high']:+.2f})"


def number(value: float) -> str:
    """Write points with two decimals; empty where missing."""
    return "" if pd.isna(value) else f"{value:.2f}"


def percent(value: float | None, *, signed: bool = False) -> str:
    """Write a fraction in percent; empty where missing."""
    if value is None or pd.isna(value):
        return ""
    return f"{100 * value:+.1f} %" if signed else f"{100 * value:.1f} %"


def p_value(value: float | None) -> str:
    """Write a p-value; 'no p' where the test found no variance."""
    if value is None or pd.isna(value):
        return "no p"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def sentence(text: str) -> str:
    """Begin with a capital and end with a full stop."""
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
