"""Stage 1: what the outside said. All feeds are collected concurrently into the seven signal tables.

A feed that is down degrades its adapter (see ``signal_status``) and leaves the others alone.
"""

from collections.abc import Iterator
from functools import partial

import dagster as dg
import pandas as pd
from pydantic import Field

from io_managers.contract_assets import asset_out
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    ALT_SIGNALS,
    AUCTION_MM,
    INSTRUMENTS,
    MACRO_SERIES,
    MICROSTRUCTURE,
    SENTIMENT,
    SIGNAL_STATUS,
)
from pulse_assets.summaries import set_aside_summary, signal_summary
from resources.dagster_wiring import DAILY, FeedsResource, LakeResource
from resources.feed_quarantine import store_set_aside
from resources.feeds.adapters import collect

__all__ = ["SIGNAL_TABLES", "SignalsConfig", "signals"]

SIGNAL_TABLES = (INSTRUMENTS, MICROSTRUCTURE, ALT_SIGNALS, AUCTION_MM, SENTIMENT, MACRO_SERIES, SIGNAL_STATUS)


class SignalsConfig(dg.Config):
    """What to collect."""

    feeds: list[str] = Field(
        default=[], description="Names of the feeds to read; empty reads every feed whose files are there."
    )
    timeout_s: float = Field(default=60.0, gt=0, le=3600, description="Seconds that all adapters together may take.")


@dg.multi_asset(
    name="signals",
    outs={contract.name: asset_out(contract) for contract in SIGNAL_TABLES},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def signals(
    context: dg.AssetExecutionContext, config: SignalsConfig, feeds: FeedsResource, lake: LakeResource
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Collect every feed for the days of the run."""
    sessions = run_sessions(context)
    chosen = feeds.feeds(only=config.feeds)
    collected = collect(chosen, sessions[0], sessions[-1], timeout_s=config.timeout_s)
    set_aside = store_set_aside(lake.lake().root, chosen, collected.set_aside)
    status = collected.tables[SIGNAL_STATUS.name]
    for contract in SIGNAL_TABLES:
        table, failures = collected.tables[contract.name], collected.failures.get(contract.name, ())
        run_wide = set_aside_summary(set_aside) if contract is MICROSTRUCTURE else {}
        report_days(context, contract, table, partial(signal_summary, status=status, failures=failures), run_wide)
        yield dg.Output(table, output_name=contract.name)
