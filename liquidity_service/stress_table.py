"""``pulse stress``: portfolios before and after each scenario, position by position, what breaks first, the what-if grid."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import pandas as pd
from rich.console import Console
from rich.table import Table

from liquidity.contracts import REVERSE_STRESS, STRESS_GRID, STRESS_RESULTS, WHOLE_PORTFOLIO
from liquidity.domain.errors import ConfigError, ContractError
from liquidity_service.portfolio_table import shown
from liquidity_service.pulse_table import WIDE
from liquidity_service.risk_tables import day_rows, nearest, newest_of_portfolios
from resources.lake import Lake
from resources.settings import Settings

__all__ = ["print_stress"]

_NOT_SHOCKED: Final = "not_in_scenario"
_GRID_ROWS: Final = ["price_fall_frac", "spread_mult"]
_GRID_COLUMNS: Final = ["volume_haircut_frac", "depth_haircut_frac", "vol_mult"]


def print_stress(
    settings: Settings, *, portfolio: str | None, scenario: str | None, grid: bool, session: date | None
) -> int:
    """Print the stored stress of one portfolio or of all.

    Raises
    ------
    ConfigError
        An unknown portfolio, session or scenario; the nearest are named.
    ContractError
        No stress is stored for what was asked.
    """
    lake, console = Lake(settings.lake_dir), Console()
    chosen = newest_of_portfolios(lake, session, portfolio)
    told = 0
    for name, (day, whole) in chosen.items():
        rows, breaks, cells = (
            _of(day_rows(lake, contract, day), name) for contract in (STRESS_RESULTS, REVERSE_STRESS, STRESS_GRID)
        )
        if rows.empty:
            reason = whole["reason"] or "no stress is stored"
            console.print(f"{name}, session {day}: {reason}", highlight=False)
            continue
        told += 1
        if scenario is not None:
            _print_positions(console, name, day, rows, scenario)
            breaks = breaks[breaks["scenario"] == scenario]
        else:
            _print_scenarios(console, name, day, rows)
        if len(breaks):
            console.print(_breaking_table(breaks, whole=scenario is None, wide=console.width >= WIDE))
        if grid:
            console.print(_grid_table(cells, rows))
    if not told:
        raise ContractError("no stress is stored for it; `pulse run portfolio_risk --start DAY` makes it")
    return 0


def _print_scenarios(console: Console, name: str, day: date, rows: pd.DataFrame) -> None:
    """Print the stresses that say something of what is held; those that are silent are named, not shown as harmless."""
    is_whole = rows["instrument_id"] == WHOLE_PORTFOLIO
    shocked = _shocked_frac(rows[~is_whole])
    whole = rows[is_whole].assign(shocked_frac=rows.loc[is_whole, "scenario"].map(shocked))
    silent = sorted(whole.loc[~(whole["shocked_frac"] > 0.0), "scenario"])
    told = whole[whole["shocked_frac"] > 0.0].sort_values("stressed_loss_base", ascending=False)
    if len(told):
        console.print(_scenario_table(name, day, told, wide=console.width >= WIDE))
    if silent:
        console.print(f"no shock of what {name} holds in: {', '.join(silent)}", highlight=False)


def _shocked_frac(positions: pd.DataFrame) -> pd.Series:
    """Share of gross value that each scenario shocks, by its name."""
    value = positions["value_before_base"].abs()
    inside = value.where(~positions["reason"].str.contains(_NOT_SHOCKED, regex=False), 0.0)
    return inside.groupby(positions["scenario"]).sum() / value.groupby(positions["scenario"]).sum()


def _scenario_table(name: str, day: date, whole: pd.DataFrame, *, wide: bool) -> Table:
    base = whole["base_currency"].iloc[0]
    table = Table(
        title=f"{name}, session {day}: after each stress, worst first; money in thousands of {base}, -> is before to after",
        title_justify="left",
        padding=(0, 0, 0, 1),
    )
    chosen = [heading for heading in _WHOLE if wide or heading not in _WIDE_ONLY]
    for heading in chosen:
        table.add_column(
            heading, justify="left" if heading in ("scenario", "severity") else "right", no_wrap=heading == "scenario"
        )
    for row in whole.to_dict("records"):
        table.add_row(*(_WHOLE[heading](row) for heading in chosen))
    return table


def _print_positions(console: Console, name: str, day: date, rows: pd.DataFrame, scenario: str) -> None:
    if scenario not in set(rows["scenario"]):
        raise ConfigError(f"no scenario {scenario!r} on {day}; {nearest(scenario, rows['scenario'])}")
    own = rows[rows["scenario"] == scenario]
    whole = own["instrument_id"] == WHOLE_PORTFOLIO
    table = Table(
        title=f"{name}, session {day}, {scenario}: positions by loss; money in thousands of {own['base_currency'].iloc[0]}",
        title_justify="left",
        padding=(0, 0, 0, 1),
    )
    left = ("instrument", "class", "reason")
    for heading in _POSITION:
        table.add_column(heading, justify="left" if heading in left else "right", no_wrap=heading == "instrument")
    ordered = pd.concat([own[~whole].sort_values("stressed_loss_base", ascending=False), own[whole]])
    for row in ordered.to_dict("records"):
        if row["instrument_id"] == WHOLE_PORTFOLIO:
            table.add_section()
        table.add_row(*(cell(row) for cell in _POSITION.values()))
    console.print(table)


def _breaking_table(breaks: pd.DataFrame, *, whole: bool, wide: bool) -> Table:
    """Of each limit the scenario that breaks it at the smallest multiple, or of one scenario every limit."""
    order = {"broken_already": 0, "breaks": 1, "holds": 2, "unknown": 3}
    ranked = breaks.assign(_rank=breaks["verdict"].map(order)).sort_values(
        ["_rank", "multiple", "limit"], kind="stable"
    )
    if whole:
        ranked = ranked.drop_duplicates("limit")
    table = Table(
        title="what breaks first: smallest multiple of a stress that breaks each limit",
        title_justify="left",
        padding=(0, 0, 0, 1),
    )
    for heading in (
        "limit",
        "verdict",
        "multiple",
        "of scenario",
        *(("headroom now", "under it once") if wide else ()),
    ):
        left = heading in ("limit", "verdict", "of scenario")
        table.add_column(heading, justify="left" if left else "right", no_wrap=heading == "limit")
    for row in ranked.to_dict("records"):
        table.add_row(
            row["limit"],
            row["verdict"].replace("_", " ") + ("" if row["monotone"] else ", not monotone"),
            shown(row["multiple"] if row["verdict"] == "breaks" else None, ".3g"),
            row["scenario"] if row["verdict"] == "breaks" or not whole else "-",
            *((shown(row["headroom_before"], ".4g"), shown(row["headroom_after"], ".4g")) if wide else ()),
        )
    return table


def _grid_table(cells: pd.DataFrame, rows: pd.DataFrame) -> Table:
    whole = rows[rows["instrument_id"] == WHOLE_PORTFOLIO]
    nav = float(whole["nav_before_base"].iloc[0])
    per_nav = nav > 0.0
    unit = "% of net assets" if per_nav else f"thousands of {cells['base_currency'].iloc[0]}"
    loss = cells.assign(told=cells["stressed_loss_base"] * (100.0 / nav if per_nav else 1e-3))
    pivot = loss.pivot_table(index=_GRID_ROWS, columns=_GRID_COLUMNS, values="told", sort=True)
    table = Table(
        title=f"what-if grid: price loss and cost of leaving, {unit}; {int(cells['left_out'].max())} positions left out",
        title_justify="left",
        padding=(0, 0, 0, 1),
    )
    table.add_column("price fall")
    table.add_column("spread")
    for volume, depth, volatility in pivot.columns:
        table.add_column(f"volume {_lost(volume)}\ndepth {_lost(depth)}\nvol x{volatility:g}", justify="right")
    for (fall, spread), values in pivot.iterrows():
        table.add_row(f"{fall:.0%}", f"x{spread:g}", *(f"{value:,.2f}" for value in values))
    return table


def _of(rows: pd.DataFrame, portfolio: str) -> pd.DataFrame:
    return rows[rows["portfolio_id"] == portfolio]


def _lost(share: float) -> str:
    return "as is" if share == 0.0 else f"{-share:+.0%}"


def _thousands(value: Any) -> str:
    return shown(None if value is None or pd.isna(value) else value / 1e3, ",.0f")


def _moves(row: Mapping[str, Any], name: str, form: str, unit: str = "", missing: str = "-") -> str:
    before, after = (row[f"{name}_{when}_{unit}" if unit else f"{name}_{when}"] for when in ("before", "after"))
    return f"{shown(before, form, missing)} -> {shown(after, form, missing)}"


# Heading -> cell text; a narrow terminal shows what is lost and how much is still sold.
_WIDE_ONLY: Final = ("severity", "price loss", "cost to leave", "slowest, sessions")
_WHOLE: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "scenario": lambda row: row["scenario"],
    "severity": lambda row: row["severity"] if isinstance(row["severity"], str) else "replay",
    "shocked": lambda row: shown(row["shocked_frac"], ".0%"),
    "price loss": lambda row: _thousands(row["price_loss_base"]),
    "cost to leave": lambda row: f"{_thousands(row['cost_plan_before_base'])} -> {_thousands(row['cost_plan_after_base'])}",
    "loss": lambda row: _thousands(row["stressed_loss_base"]),
    "of NAV": lambda row: shown(row["stressed_loss_base"] / row["nav_before_base"] if row["nav_before_base"] > 0 else None, ".1%"),
    "slowest, sessions": lambda row: _moves(row, "days", ",.1f", missing="never"),
    "illiquid": lambda row: _moves(row, "illiquid", ".0%", "frac"),
    "1 session": lambda row: _moves(row, "daily_liquidatable", ".0%", "frac"),
    "cash over due": lambda row: shown(row["cash_coverage_ratio"], ".2f"),
}  # fmt: skip
_POSITION: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "instrument": lambda row: row["instrument_id"],
    "class": lambda row: row["stress_class"] if isinstance(row["stress_class"], str) else "",
    "value": lambda row: _thousands(row["value_before_base"]),
    "fall": lambda row: shown(row["price_fall_frac"], ".0%"),
    "price loss": lambda row: _thousands(row["price_loss_base"]),
    "days": lambda row: _moves(row, "days", ",.1f", missing="never"),
    "now bps": lambda row: _moves(row, "cost_now", ",.0f", "bps"),
    "plan bps": lambda row: _moves(row, "cost_plan", ",.0f", "bps"),
    "loss": lambda row: _thousands(row["stressed_loss_base"]),
    "reason": lambda row: row["reason"],
}
