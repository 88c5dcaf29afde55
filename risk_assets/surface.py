"""Stage 2: what trading any size of any instrument costs, from the pulse tables of the session and the days before it.

Read next: ``surface_pictures.py`` (what the UI shows), ``portfolio_liquidity.py`` (what portfolios make of it).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from io_managers.contract_assets import asset_out, borrow, history
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    BOOK_DAILY,
    BOOK_SNAPSHOTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_SURFACE,
    MARKET_DEPTH,
    MICROSTRUCTURE,
    SIGNAL_PANEL,
    SURFACE_CONTRACTS,
    SURFACE_CURVES,
)
from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.impact.surface_books import BOOK_COLUMNS, DEPTH_COLUMNS, LEVEL_COLUMNS
from liquidity.impact.surface_inputs import (
    FEATURE_COLUMNS,
    HISTORY_DAYS,
    PANEL_COLUMNS,
    PAST_COLUMNS,
    QUOTE_COLUMNS,
    build_surface,
)
from resources.dagster_wiring import DAILY
from resources.lake import History
from risk_assets.surface_pictures import curve_summary, surface_pictures, surface_summary
from risk_assets.upstream import follow

__all__ = ["liquidity_surface"]

# A day without tapes has no books, and a new workspace no past: neither holds the surface up.
_FOLLOW = follow(SIGNAL_PANEL, MICROSTRUCTURE, BOOK_SNAPSHOTS, MARKET_DEPTH, BOOK_DAILY)


@dg.multi_asset(
    name="liquidity_surface",
    outs={contract.name: asset_out(contract, automation_condition=_FOLLOW) for contract in SURFACE_CONTRACTS},
    ins={
        "panel": history(SIGNAL_PANEL, *PANEL_COLUMNS, days=HISTORY_DAYS),
        "features": borrow(LIQUIDITY_FEATURES, *FEATURE_COLUMNS),
        "quotes": history(MICROSTRUCTURE, *QUOTE_COLUMNS, days=HISTORY_DAYS),
        "levels": borrow(BOOK_SNAPSHOTS, *LEVEL_COLUMNS),
        "depth": borrow(MARKET_DEPTH, *DEPTH_COLUMNS),
        "books": borrow(BOOK_DAILY, *BOOK_COLUMNS),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def liquidity_surface(
    context: dg.AssetExecutionContext,
    panel: History,
    features: pd.DataFrame,
    quotes: pd.DataFrame,
    levels: pd.DataFrame,
    depth: pd.DataFrame,
    books: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Find the inputs of cost for every instrument of the run's days, observed, pooled or ruled."""
    sessions = run_sessions(context)
    blocks = list(panel.frames(sessions, PAST_COLUMNS))
    seen = pd.concat(blocks) if blocks else frame_from_table(empty_table(SIGNAL_PANEL))
    surfaces = [
        build_surface(seen, features, session, quotes=quotes, levels=levels, depth=depth, books=books)
        for session in sessions
    ]
    tables = [surface.to_tables() for surface in surfaces]
    rows, curves = (pd.concat([table[place] for table in tables], ignore_index=True) for place in (0, 1))
    report_days(context, LIQUIDITY_SURFACE, rows, surface_summary, surface_pictures(surfaces[-1]))
    yield dg.Output(rows, output_name=LIQUIDITY_SURFACE.name)
    report_days(context, SURFACE_CURVES, curves, curve_summary)
    yield dg.Output(curves, output_name=SURFACE_CURVES.name)
