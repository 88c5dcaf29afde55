"""Stage 1: what the outside said. All feeds are collected concurrently into the seven signal tables.

A feed that is down degrades its adapter (see ``signal_status``) and leaves the others alone.
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd
from pydantic import Field

from liquidity.contracts import (
    ALT_SIGNALS,
    AUCTION_MM,
    INSTRUMENTS,
    MACRO_SERIES,
    MICROSTRUCTURE,
    SENTIMENT,
    SIGNAL_STATUS,
)
from pulse_assets.contract_assets import asset_out
from pulse_assets.sessions import run_sessions
from pulse_assets.summaries import signal_summary
from resources.dagster_wiring import DAILY, FeedsResource
from resources.feeds.adapters import collect_signals

__all__ = ["SIGNAL_TABLES", "SignalsConfig", "signals"]

SIGNAL_TABLES = (INSTRUMENTS, MICROSTRUCTURE, ALT_SIGNALS, AUCTION_MM, SENTIMENT, MACRO_SERIES, SIGNAL_STATUS)


class SignalsConfig(dg.Config):
    """What to collect."""

    feeds: list[str] = Field(
        default=[], description="Names of the feeds to read; empty reads every feed whose files are there."
    )
    timeout_s: float = Field(default=60.0, gt=0, le=3600, description="Seconds that one adapter may take.")


@dg.multi_asset(
    name="signals",
    outs={contract.name: asset_out(contract) for contract in SIGNAL_TABLES},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def signals(
    context: dg.AssetExecutionContext, config: SignalsConfig, feeds: FeedsResource
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Collect every feed for the days of the run."""
    sessions = run_sessions(context)
    chosen = feeds.feeds(only=config.feeds)
    tables = collect_signals(chosen, sessions[0], sessions[-1], timeout_s=config.timeout_s)
    for contract in SIGNAL_TABLES:
        table = tables[contract.name]
        yield dg.Output(table, output_name=contract.name, metadata=signal_summary(table, tables[SIGNAL_STATUS.name]))
