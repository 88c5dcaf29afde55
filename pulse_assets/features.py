"""Stage 2: signals side by side, their rolling statistics and measures, and the features that indices are made of."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from liquidity.contracts import (
    ALT_SIGNALS,
    AUCTION_MM,
    INSTRUMENTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_MEASURES,
    MICROSTRUCTURE,
    ROLLING_STATISTICS,
    SENTIMENT,
    SIGNAL_PANEL,
)
from liquidity.features.assemble import liquidity_features
from liquidity.features.panel import build_signal_panel
from liquidity.features.rolling import rolling_statistics
from liquidity.measures import measure_sessions
from pulse_assets.contract_assets import asset_out, asset_settings, borrow, history
from pulse_assets.sessions import run_sessions
from pulse_assets.summaries import coverage_summary, feature_summary
from resources.dagster_wiring import DAILY

__all__ = ["features", "signal_panel"]


@dg.asset(
    **asset_settings(SIGNAL_PANEL),
    ins={
        "instruments": borrow(INSTRUMENTS),
        "microstructure": borrow(MICROSTRUCTURE),
        "alt_signals": borrow(ALT_SIGNALS),
        "auction_mm": borrow(AUCTION_MM),
        "sentiment": borrow(SENTIMENT),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def signal_panel(
    instruments: pd.DataFrame,
    microstructure: pd.DataFrame,
    alt_signals: pd.DataFrame,
    auction_mm: pd.DataFrame,
    sentiment: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Put the signals of each instrument side by side, one number each, over all venues."""
    panel = build_signal_panel(instruments, microstructure, alt_signals, auction_mm, sentiment)
    return dg.Output(panel, metadata=coverage_summary(panel))


@dg.multi_asset(
    name="features",
    outs={c.name: asset_out(c) for c in (ROLLING_STATISTICS, LIQUIDITY_MEASURES, LIQUIDITY_FEATURES)},
    ins={"panel": history(SIGNAL_PANEL)},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def features(context: dg.AssetExecutionContext, panel: pd.DataFrame) -> Iterator[dg.Output[pd.DataFrame]]:
    """Rolling statistics, liquidity measures and features of the run's days from the last 90 days of the panel."""
    sessions = run_sessions(context)
    yield dg.Output(rolling_statistics(panel, sessions), output_name=ROLLING_STATISTICS.name)
    measures = measure_sessions(panel, sessions)
    yield dg.Output(measures, output_name=LIQUIDITY_MEASURES.name)
    table = liquidity_features(panel, measures, sessions)
    yield dg.Output(table, output_name=LIQUIDITY_FEATURES.name, metadata=feature_summary(table))
