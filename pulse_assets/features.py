"""Stage 2: signals side by side, their rolling statistics and measures, and the features that indices are made of."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from io_managers.contract_assets import asset_out, asset_settings, borrow, history
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    ALT_SIGNALS,
    AUCTION_MM,
    BOOK_DAILY,
    INSTRUMENTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_MEASURES,
    MICROSTRUCTURE,
    ROLLING_STATISTICS,
    SENTIMENT,
    SIGNAL_PANEL,
)
from liquidity.features.blocks import PANEL_INPUTS, PAST_INPUTS, feature_tables
from liquidity.features.book_signals import with_books
from liquidity.features.panel import build_signal_panel
from pulse_assets.summaries import coverage_summary, feature_summary
from resources.dagster_wiring import DAILY
from resources.lake import History

__all__ = ["features", "signal_panel"]


@dg.asset(
    **asset_settings(SIGNAL_PANEL),
    ins={
        "instruments": borrow(INSTRUMENTS),
        "microstructure": borrow(MICROSTRUCTURE),
        "alt_signals": borrow(ALT_SIGNALS),
        "auction_mm": borrow(AUCTION_MM),
        "sentiment": borrow(SENTIMENT),
        "book_daily": borrow(BOOK_DAILY),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def signal_panel(
    context: dg.AssetExecutionContext,
    instruments: pd.DataFrame,
    microstructure: pd.DataFrame,
    alt_signals: pd.DataFrame,
    auction_mm: pd.DataFrame,
    sentiment: pd.DataFrame,
    book_daily: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Put the signals of each instrument side by side, one number each, over all venues; order books speak for quotes."""
    quoted = with_books(microstructure, book_daily)
    panel = build_signal_panel(instruments, quoted, alt_signals, auction_mm, sentiment)
    report_days(context, SIGNAL_PANEL, panel, coverage_summary)
    return dg.Output(panel)


@dg.multi_asset(
    name="features",
    outs={c.name: asset_out(c) for c in (ROLLING_STATISTICS, LIQUIDITY_MEASURES, LIQUIDITY_FEATURES)},
    ins={"panel": history(SIGNAL_PANEL, *PANEL_INPUTS)},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def features(context: dg.AssetExecutionContext, panel: History) -> Iterator[dg.Output[pd.DataFrame]]:
    """Rolling statistics, liquidity measures and features of the run's days from the last 90 days of the panel."""
    sessions = run_sessions(context)
    tables = feature_tables(panel.frames(sessions, PAST_INPUTS), sessions)
    yield dg.Output(tables.rolling, output_name=ROLLING_STATISTICS.name)
    del tables.rolling  # millions of rows in a large market, and stored by now
    yield dg.Output(tables.measures, output_name=LIQUIDITY_MEASURES.name)
    report_days(context, LIQUIDITY_FEATURES, tables.features, feature_summary)
    yield dg.Output(tables.features, output_name=LIQUIDITY_FEATURES.name)
