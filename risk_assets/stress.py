"""Stage 5: what crises would do to every portfolio, what breaks it first, and where forced sales would end.

Scenarios are files (``config/scenarios``), replays come from the recorded ``signal_panel``; costs come from the liquidity
surface. Read next: ``stress_pictures.py`` (what the UI shows), ``docs/methodology/stress.md``.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import dagster as dg
import pandas as pd
from pydantic import Field

from io_managers.contract_assets import asset_out, asset_settings, borrow
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    ACCOUNTS,
    CORRELATION,
    FX_RATES,
    LIQUIDATION_CASCADE,
    LIQUIDATION_LEVELS,
    LIQUIDITY_SURFACE,
    POSITIONS,
    REVERSE_STRESS,
    SIGNAL_PANEL,
    STRESS_GRID,
    STRESS_RESULTS,
    SURFACE_CURVES,
)
from resources.dagster_wiring import DAILY, LakeResource
from resources.settings import current_settings
from risk_assets.stress_pictures import (
    cascade_summary,
    grid_summary,
    reverse_pictures,
    reverse_summary,
    stress_pictures,
    stress_summary,
)
from risk_assets.upstream import follow

if TYPE_CHECKING:
    from liquidity.impact.surface import LiquiditySurface
    from liquidity.portfolio.holdings import Holdings
    from liquidity.stress.replay import Crisis
    from liquidity.stress.scenario import Scenario

__all__ = ["CascadeConfig", "StressConfig", "liquidation_cascade", "stress"]

_SETTINGS = current_settings()
# Sixty sessions of any calendar lie within this many calendar days.
_CALM_DAYS: Final = 100
_PANEL_COLUMNS: Final = (
    "session_date",
    "instrument_id",
    "asset_class",
    "rating",
    "close",
    "spread_bps",
    "turnover_ccy",
    "depth_density",
    "mm_online_ratio",
)


class StressConfig(dg.Config):
    """What is asked of the portfolios; change it in the launchpad for a what-if."""

    scenarios: list[str] = Field(default=[], description="Scenarios by name; empty takes every file.")
    replays: bool = Field(default=True, description="Whether recorded crises whose days are in the lake are replayed.")
    largest_multiple: float = Field(
        default=4.0, gt=0.0, le=100.0, description="Multiple of a scenario up to which breaking points are searched."
    )
    price_fall_frac: list[float] = Field(
        default=[0.0, 0.1, 0.2, 0.4], description="Falls of the what-if grid [frac, negative is a gain]."
    )
    spread_mult: list[float] = Field(default=[1.0, 2.0, 5.0], description="Spreads of the grid [times].")
    volume_haircut_frac: list[float] = Field(default=[0.0, 0.5], description="Volume lost in the grid [frac].")
    depth_haircut_frac: list[float] = Field(default=[0.0, 0.7], description="Depth lost in the grid [frac 0-1].")
    vol_mult: list[float] = Field(default=[1.0, 3.0], description="Volatilities of the grid [times].")


class CascadeConfig(dg.Config):
    """First falls and thinner books from which liquidation cascades are run."""

    first_fall_frac: list[float] = Field(default=[0.02, 0.05, 0.10], description="First falls [frac 0 to below 1].")
    depth_haircut_frac: list[float] = Field(
        default=[0.0, 0.5, 0.9], description="Share of the bids gone before the sales [frac 0-1]."
    )


@dg.multi_asset(
    name="stress",
    outs={
        contract.name: asset_out(contract, automation_condition=follow(FX_RATES, SURFACE_CURVES))
        for contract in (STRESS_RESULTS, REVERSE_STRESS, STRESS_GRID)
    },
    ins={
        "positions": borrow(POSITIONS),
        "accounts": borrow(ACCOUNTS),
        "fx": borrow(FX_RATES),
        "surface_rows": borrow(LIQUIDITY_SURFACE),
        "curve_rows": borrow(SURFACE_CURVES),
        "correlations": borrow(CORRELATION, "session_date", "portfolio_id", "instrument_id", "other_id", "correlation"),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def stress(
    context: dg.AssetExecutionContext,
    config: StressConfig,
    lake: LakeResource,
    positions: pd.DataFrame,
    accounts: pd.DataFrame,
    fx: pd.DataFrame,
    surface_rows: pd.DataFrame,
    curve_rows: pd.DataFrame,
    correlations: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Stress every portfolio of the run's days, look for what breaks it, and fill the what-if grid."""
    from liquidity.portfolio.holdings_table import holdings
    from liquidity.stress.grid import WhatIfAxes
    from liquidity.stress.portfolio_tables import reverse_stress, stress_grid, stress_results
    from resources.portfolio_policy import portfolio_policy

    sessions, policy = run_sessions(context), portfolio_policy(_SETTINGS)
    scenarios = _scenarios(config.scenarios)
    panels = _crisis_panels(lake, sessions[-1]) if config.replays else {}
    axes = WhatIfAxes(
        tuple(config.price_fall_frac),
        tuple(config.spread_mult),
        tuple(config.volume_haircut_frac),
        tuple(config.depth_haircut_frac),
        tuple(config.vol_mult),
    )
    made: list[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]] = []
    for session in sessions:
        surface = _surface(surface_rows, curve_rows, session)
        held: list[Holdings] = holdings(
            positions,
            accounts,
            fx,
            surface,
            session,
            max_price_age_sessions=policy.max_price_age_sessions,
            settlement_sessions=policy.settlement_sessions,
        )
        made.append(
            (
                stress_results(session, held, surface, scenarios, policy, panels=panels, correlations=correlations),
                reverse_stress(session, held, surface, scenarios, policy, largest=config.largest_multiple),
                stress_grid(session, held, surface, axes, policy),
            )
        )
    results, breaks, cells = (pd.concat(list(tables), ignore_index=True) for tables in zip(*made, strict=True))
    report_days(context, STRESS_RESULTS, results, stress_summary, stress_pictures(made[-1][0]))
    yield dg.Output(results, output_name=STRESS_RESULTS.name)
    report_days(context, REVERSE_STRESS, breaks, reverse_summary, reverse_pictures(made[-1][1]))
    yield dg.Output(breaks, output_name=REVERSE_STRESS.name)
    report_days(context, STRESS_GRID, cells, grid_summary)
    yield dg.Output(cells, output_name=STRESS_GRID.name)


@dg.asset(
    **asset_settings(LIQUIDATION_CASCADE),
    ins={
        "levels": borrow(LIQUIDATION_LEVELS),
        "surface_rows": borrow(LIQUIDITY_SURFACE),
        "curve_rows": borrow(SURFACE_CURVES),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    automation_condition=follow(LIQUIDATION_LEVELS, SURFACE_CURVES),
)
def liquidation_cascade(
    context: dg.AssetExecutionContext,
    config: CascadeConfig,
    levels: pd.DataFrame,
    surface_rows: pd.DataFrame,
    curve_rows: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Let each perpetual fall and sell its liquidated longs into the visible bids."""
    from liquidity.stress.portfolio_tables import cascades

    made = [
        cascades(
            session,
            levels,
            _surface(surface_rows, curve_rows, session),
            config.first_fall_frac,
            config.depth_haircut_frac,
        )
        for session in run_sessions(context)
    ]
    rows = pd.concat(made, ignore_index=True)
    report_days(context, LIQUIDATION_CASCADE, rows, cascade_summary)
    return dg.Output(rows)


def _scenarios(names: list[str]) -> "list[Scenario]":
    from liquidity.domain.errors import ConfigError
    from resources.scenarios import load_scenarios

    known = load_scenarios()
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ConfigError(f"stress: scenarios {unknown} have no file; there are {', '.join(known)}")
    return [known[name] for name in names or known]


def _surface(surface_rows: pd.DataFrame, curve_rows: pd.DataFrame, session: date) -> "LiquiditySurface":
    from liquidity.impact.surface import LiquiditySurface

    day = pd.Timestamp(session)
    return LiquiditySurface.from_tables(*(rows[rows["session_date"] == day] for rows in (surface_rows, curve_rows)))


def _crisis_panels(lake: LakeResource, session: date) -> "dict[str, tuple[Crisis, pd.DataFrame]]":
    """Rows of the panel around each crisis that was over by ``session`` and whose days are in the lake."""
    from liquidity.contracts.conform import frame_from_table
    from liquidity.stress.replay import CRISES

    store = lake.lake()
    days = store.sessions(SIGNAL_PANEL)
    panels = {}
    for crisis in CRISES:
        start = crisis.first - timedelta(days=_CALM_DAYS)
        if crisis.last > session or not any(crisis.first <= day <= crisis.last for day in days):
            continue
        table = store.read(SIGNAL_PANEL, start, crisis.last, _PANEL_COLUMNS)
        panels[crisis.name] = (crisis, frame_from_table(table))
    return panels
