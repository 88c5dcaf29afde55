"""``pulse portfolio``: how fast and at what cost portfolios can be sold, their limits, their market risk, what breaks first."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import pandas as pd
from rich.console import Console
from rich.table import Table

from liquidity.contracts import (
    LIQUIDATION_LADDER,
    MARKET_RISK,
    PORTFOLIO_LIMITS,
    POSITION_LIQUIDITY,
    REVERSE_STRESS,
)
from liquidity.domain.errors import ContractError
from liquidity.portfolio.assessment import WARNING_CODES
from liquidity_service.pulse_table import WIDE
from liquidity_service.risk_tables import day_rows, newest_of_portfolios
from resources.lake import Lake
from resources.settings import Settings

__all__ = ["breaking_line", "print_newest_portfolios", "print_portfolio", "print_portfolios", "risk_line", "shown"]

_STEPS: Final = (1, 2, 3, 5, 10, 20)
_WAYS: Final = (("calm", "waterfall"), ("calm", "pro_rata"), ("stressed", "waterfall"))
_SIMULATED: Final = "simulated"


def print_newest_portfolios(settings: Settings) -> None:
    """Print all portfolios in one table, and each simulated one in full; nothing where none is measured."""
    try:
        print_portfolios(settings)
    except ContractError:
        return
    for name, (_, row) in newest_of_portfolios(Lake(settings.lake_dir)).items():
        if row["source"] == _SIMULATED:
            print_portfolio(settings, name, rows=5)


def print_portfolios(settings: Settings, *, session: date | None = None) -> int:
    """Print one line for each portfolio at its newest session, or at one."""
    lake = Lake(settings.lake_dir)
    found = newest_of_portfolios(lake, session)
    table = Table(
        title=f"portfolios: {len(found)}, newest session of each; value in millions of base currency",
        title_justify="left",
        padding=(0, 0, 0, 1),
    )
    console = Console()
    chosen = [name for name in _SUMMARY if console.width >= WIDE or name not in _WIDE_ONLY]
    for name in chosen:
        table.add_column(
            name, justify="left" if name in ("portfolio", "session") else "right", no_wrap=name == "portfolio"
        )
    risks: dict[date, pd.DataFrame] = {}
    for day, row in found.values():
        if day not in risks:
            risks[day] = day_rows(lake, MARKET_RISK, day)
        at_risk = measure(risks[day], str(row["portfolio_id"]), "var_historical", "0.99")
        whole = {**row.to_dict(), "var_99": math.nan if at_risk is None else at_risk["value_base"]}
        table.add_row(*(_SUMMARY[name](whole) for name in chosen))
    console.print(table)
    for _, row in found.values():
        if row["reason"]:
            console.print(f"{row['portfolio_id']}: {row['reason']}", highlight=False)
    return 0


def print_portfolio(settings: Settings, portfolio: str, *, session: date | None = None, rows: int = 8) -> int:
    """Print one portfolio: ladder, worst names, limits, value at risk, breaking point; 1 where it is refused as a whole."""
    lake, console = Lake(settings.lake_dir), Console()
    day, whole = newest_of_portfolios(lake, session, portfolio)[portfolio]
    base = whole["base_currency"]
    console.print(
        f"\n[bold]{portfolio}[/bold], session {day}, {whole['source']}: {whole['positions_count']} positions, "
        f"gross {shown(whole['gross_value_base'], ',.0f')} {base}, net assets {shown(whole['equity_base'], ',.0f')} {base}, "
        f"liquidity score {shown(whole['liquidity_score'], '.1f')}, worst tenth {shown(whole['worst_decile_score'], '.1f')}",
        highlight=False,
    )
    if whole["reason"]:
        console.print(f"[yellow]{whole['reason']}[/yellow]", highlight=False)
    if pd.isna(whole["gross_value_base"]):
        return 1
    own = {contract: _of(day_rows(lake, contract, day), portfolio) for contract in (LIQUIDATION_LADDER, POSITION_LIQUIDITY, PORTFOLIO_LIMITS)}  # fmt: skip
    wide = console.width >= WIDE
    console.print(_ladder_table(own[LIQUIDATION_LADDER], base, wide=wide))
    console.print(_worst_table(own[POSITION_LIQUIDITY], rows, wide=wide))
    console.print(_limits_table(own[PORTFOLIO_LIMITS], wide=wide))
    for line in (
        risk_line(_of(day_rows(lake, MARKET_RISK, day), portfolio), base, whole["equity_base"]),
        breaking_line(_of(day_rows(lake, REVERSE_STRESS, day), portfolio)),
    ):
        if line:
            console.print(line, highlight=False)
    return 0


def risk_line(risk: pd.DataFrame, base: str, equity_base: float) -> str:
    """Value at risk and expected shortfall over one session of a portfolio, with interval; empty where none is stored."""
    if risk.empty:
        return ""
    told, n, covered = [], 0, "-"
    for name, measure_name, level in (
        ("99 % VaR", "var_historical", "0.99"),
        ("97.5 % ES", "es_historical", "0.975"),
        ("99 % VaR with the cost of leaving", "lvar", "0.99"),
    ):
        found = measure(risk, str(risk["portfolio_id"].iloc[0]), measure_name, level)
        if found is None or pd.isna(found["value_base"]):
            told.append(f"{name} - ({'not measured' if found is None else found['reason'] or 'missing'})")
            continue
        n, covered = int(found["n"]), shown(found["covered_frac"], ".0%")
        value, low, high = (found[column] for column in ("value_base", "low_base", "high_base"))
        part = f", {value / equity_base:.2%} of net assets" if equity_base > 0.0 else ""
        between = "" if pd.isna(low) or pd.isna(high) else f", 90 % of resamples {low:,.0f} to {high:,.0f}"
        told.append(f"{name} {value:,.0f} {base}{part}{between}" + (f" ({found['reason']})" if found["reason"] else ""))
    return f"market risk of one session, {n} scenarios, {covered} of gross value inside: " + "; ".join(told)


def breaking_line(breaks: pd.DataFrame) -> str:
    """Limits that are broken already, and the smallest stress that breaks another; empty where none is stored."""
    if breaks.empty:
        return ""
    already = sorted(set(breaks.loc[breaks["verdict"] == "broken_already", "limit"]))
    told = [f"broken without stress: {', '.join(already)}"] if already else []
    first = breaks[breaks["verdict"] == "breaks"].nsmallest(1, "multiple")
    told += [
        f"breaks first: {row.limit} at {row.multiple:.2g} x {row.scenario}"
        + ("" if row.monotone else " (not monotone)")
        for row in first.itertuples()
    ]
    if first.empty:
        told.append("no scenario breaks a further limit, at any multiple tried")
    return "; ".join(told)


def measure(risk: pd.DataFrame, portfolio: str, name: str, confidence: str) -> "pd.Series | None":
    """Row of one measure of one portfolio."""
    rows = risk[(risk["portfolio_id"] == portfolio) & (risk["measure"] == name) & (risk["confidence"] == confidence)]
    return rows.iloc[0] if len(rows) else None


def shown(value: Any, form: str, missing: str = "-") -> str:
    """Number in a form, or ``missing`` where there is none."""
    return missing if value is None or pd.isna(value) else format(value, form)


def _ladder_table(rows: pd.DataFrame, base: str, *, wide: bool) -> Table:
    table = Table(
        title=f"liquidation ladder: share of value sold, cost in bps, money received in millions of {base}",
        title_justify="left",
        padding=(0, 0, 0, 1),
    )
    table.add_column("by", no_wrap=True)
    ways = _WAYS if wide else tuple(way for way in _WAYS if way[1] == "waterfall")
    for scenario, approach in ways:
        for column in (
            f"{scenario} {approach.replace('_', ' ')}",
            "bps",
            *(("money",) if approach == "waterfall" else ()),
        ):
            table.add_column(column, justify="right")
    by_step = rows.set_index(["scenario", "approach", "horizon_sessions"])
    for step in _STEPS:
        cells = [f"T+{step}"]
        for scenario, approach in ways:
            row: Mapping[str, Any] = by_step.loc[(scenario, approach, step)]
            cells += [shown(row["sold_frac"], ".1%"), shown(row["cost_bps"], ".1f")]
            cells += [shown(row["cash_base"] / 1e6, ",.1f")] if approach == "waterfall" else []
        table.add_row(*cells)
    return table


def _worst_table(rows: pd.DataFrame, count: int, *, wide: bool) -> Table:
    """Names that take longest, those that never sell first."""
    table = Table(title=f"slowest to leave, of {len(rows)}", title_justify="left", padding=(0, 0, 0, 1))
    chosen = [name for name in _WORST if wide or name not in _WORST_WIDE_ONLY]
    for name in chosen:
        justify: Any = "left" if name in ("instrument", "method", "findings") else "right"
        table.add_column(name, justify=justify, no_wrap=name == "instrument")
    days = rows["days_to_liquidate"].fillna(math.inf)
    for row in (
        rows.assign(_days=days).sort_values("_days", ascending=False, kind="stable").head(count).to_dict("records")
    ):
        table.add_row(*(_WORST[name](row) for name in chosen))
    return table


def _limits_table(rows: pd.DataFrame, *, wide: bool) -> Table:
    failed = int(rows["passed"].eq(False).fillna(False).sum())
    table = Table(title=f"limits: {failed} of {len(rows)} broken", title_justify="left", padding=(0, 0, 0, 1))
    for name in ("limit", "value", "stressed", "bound", "calm", "stress", *(("unit", "hangs on") if wide else ())):
        justify: Any = "right" if name in ("value", "stressed", "bound") else "left"
        table.add_column(name, justify=justify, no_wrap=name == "limit")
    for row in rows.to_dict("records"):
        table.add_row(
            row["limit"],
            *(shown(row[name], ".4g") for name in ("value", "stressed_value", "bound")),
            _verdict(row["passed"]),
            _verdict(row["stressed_passed"]),
            *((row["unit"], row["reason"]) if wide else ()),
        )
    return table


def _verdict(passed: Any) -> str:
    if passed is None or pd.isna(passed):
        return "[yellow]unknown[/yellow]"
    return "pass" if passed else "[bold red]FAIL[/bold red]"


def _of(rows: pd.DataFrame, portfolio: str) -> pd.DataFrame:
    return rows[rows["portfolio_id"] == portfolio]


def _findings(row: Mapping[str, Any]) -> str:
    told = [each["code"] for each in json.loads(row["warnings_json"]) if each["code"] in WARNING_CODES and each["severity"] != "info"]  # fmt: skip
    return ", ".join([row["reason"], *told] if row["reason"] else told)


# Heading -> cell text; a narrow terminal shows what a limit needs to know.
_WIDE_ONLY: Final = ("session", "names", "leverage", "20 sessions", "VaR 99 M")
_SUMMARY: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "portfolio": lambda row: row["portfolio_id"],
    "session": lambda row: f"{row['session_date']:%Y-%m-%d}",
    "names": lambda row: shown(row["positions_count"], "d"),
    "gross M": lambda row: f"{shown(row['gross_value_base'] / 1e6, ',.1f')} {row['base_currency']}",
    "leverage": lambda row: shown(row["leverage_ratio"], ".2f"),
    "score": lambda row: shown(row["liquidity_score"], ".1f"),
    "1 session": lambda row: shown(row["sold_1_frac"], ".0%"),
    "stressed": lambda row: shown(row["stressed_sold_1_frac"], ".0%"),
    "20 sessions": lambda row: shown(row["sold_20_frac"], ".0%"),
    "now bps": lambda row: shown(row["exit_cost_now_bps"], ".1f"),
    "VaR 99 M": lambda row: shown(row["var_99"] / 1e6, ",.2f"),
    "broken (stressed)": lambda row: f"{row['limits_failed_count']} ({row['stressed_limits_failed_count']})",
}
_WORST_WIDE_ONLY: Final = ("of ADV", "score", "method", "findings")
_WORST: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "instrument": lambda row: row["instrument_id"],
    "weight": lambda row: shown(row["weight_frac"], ".1%"),
    "days": lambda row: shown(row["days_to_liquidate"], ",.1f", "never"),
    "of ADV": lambda row: shown(row["order_adv_frac"], ",.0%"),
    "now bps": lambda row: shown(row["cost_now_bps"], ",.1f"),
    "in 5 bps": lambda row: shown(row["cost_5_bps"], ",.1f"),
    "stressed": lambda row: shown(row["stressed_cost_5_bps"], ",.1f"),
    "score": lambda row: shown(row["liquidity_score"], ".0f"),
    "method": lambda row: row["method"],
    "findings": _findings,
}
