"""Order books and derivatives of crypto venues: tapes to tables, and the daily liquidity that enters the panel.

Top to bottom as the data flows: one pass over the tapes gives five tables, ``book_daily`` reads them; open interest,
funding and liquidations come from delivered and recorded files. Read next: ``features.py``, whose ``signal_panel`` takes
``book_daily``.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import dagster as dg
import pandas as pd
from pydantic import Field

from io_managers.contract_assets import asset_out, asset_settings, borrow
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    BOOK_DAILY,
    BOOK_DELTAS,
    BOOK_FEATURES,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    MARKET_DEPTH,
    OPEN_INTEREST,
    VENUE_TRADES,
)
from liquidity.features.book_daily import daily_liquidity
from liquidity.features.book_pass import ViewRules
from liquidity.features.book_tables import BOOK_TABLES, gathered
from liquidity.features.derivative_tables import (
    funding_with_forecast,
    interest_with_changes,
    levels_of_history,
    once_each,
)
from pulse_assets.crypto_summaries import crypto_history, crypto_summary
from resources.crypto_sources import book_sources, derivative_rows, read_book
from resources.dagster_wiring import DAILY, FeedsResource

__all__ = [
    "BooksConfig",
    "book_daily",
    "books",
    "funding_rates",
    "liquidation_events",
    "liquidation_levels",
    "open_interest",
]

# Positions that may still be open: those of the last thirty days.
_POSITIONS = dg.TimeWindowPartitionMapping(start_offset=-29, end_offset=0)
_DAY_BEFORE = timedelta(days=1)


class BooksConfig(dg.Config):
    """How the books are looked at."""

    grid_s: int = Field(default=1, ge=1, le=60, description="Seconds between two rows of figures, dividing 60.")
    levels: int = Field(default=50, ge=1, le=1000, description="Levels of each side stored at full minutes.")
    stale_s: float = Field(
        default=60.0, gt=0, le=3600, description="A longer silence of a tape is a pause of the recording: no figures."
    )
    instruments: list[str] = Field(
        default=[], description="Books to read, for example binance:BTCUSDT; empty reads every book with a tape."
    )


@dg.multi_asset(
    name="books",
    outs={contract.name: asset_out(contract) for contract in BOOK_TABLES},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def books(
    context: dg.AssetExecutionContext, config: BooksConfig, feeds: FeedsResource
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Replay every tape of the run's days once: trades, audited segments, levels, figures and depth."""
    sessions = run_sessions(context)
    rules = ViewRules(grid_s=config.grid_s, levels=config.levels, stale_s=config.stale_s)
    chosen = [
        each
        for each in book_sources(feeds.roots())
        if each.name.instrument_id in config.instruments or not config.instruments
    ]
    read = [read_book(source, sessions, rules) for source in chosen if set(source.days()) & set(sessions)]
    delivered = derivative_rows(feeds.roots(), VENUE_TRADES, sessions[0], sessions[-1])
    for contract in BOOK_TABLES:
        table = gathered(contract, [tables[contract.name] for tables in read])
        if contract is VENUE_TRADES:
            table = gathered(contract, [table, delivered]).drop_duplicates(list(contract.key))
        report_days(context, contract, table, partial(crypto_summary, contract))
        yield dg.Output(table, output_name=contract.name)


@dg.asset(
    **asset_settings(BOOK_DAILY),
    ins={
        "features": borrow(BOOK_FEATURES),
        "depth": borrow(MARKET_DEPTH),
        "trades": borrow(VENUE_TRADES),
        "segments": borrow(BOOK_DELTAS),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def book_daily(
    context: dg.AssetExecutionContext,
    features: pd.DataFrame,
    depth: pd.DataFrame,
    trades: pd.DataFrame,
    segments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Sum each book's session up: spread, depth, turnover, toxicity, recovery, score."""
    table = daily_liquidity(features, depth, trades, segments)
    report_days(context, BOOK_DAILY, table, partial(crypto_summary, BOOK_DAILY), crypto_history(BOOK_DAILY, table))
    return dg.Output(table)


@dg.asset(**asset_settings(OPEN_INTEREST), partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
def open_interest(context: dg.AssetExecutionContext, feeds: FeedsResource) -> dg.Output[pd.DataFrame]:
    """Readings of the run's days with their changes over an hour and a day."""
    sessions = run_sessions(context)
    readings = derivative_rows(feeds.roots(), OPEN_INTEREST, sessions[0] - 2 * _DAY_BEFORE, sessions[-1])
    table = interest_with_changes(readings, sessions)
    report_days(
        context, OPEN_INTEREST, table, partial(crypto_summary, OPEN_INTEREST), crypto_history(OPEN_INTEREST, table)
    )
    return dg.Output(table)


@dg.asset(**asset_settings(FUNDING_RATES), partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
def funding_rates(context: dg.AssetExecutionContext, feeds: FeedsResource) -> dg.Output[pd.DataFrame]:
    """Payments of the run's days at the venue's own interval, their yearly rate, and what comes next."""
    sessions = run_sessions(context)
    payments = derivative_rows(feeds.roots(), FUNDING_RATES, sessions[0] - _DAY_BEFORE, sessions[-1])
    table = funding_with_forecast(payments, sessions)
    report_days(
        context, FUNDING_RATES, table, partial(crypto_summary, FUNDING_RATES), crypto_history(FUNDING_RATES, table)
    )
    return dg.Output(table)


@dg.asset(**asset_settings(LIQUIDATION_EVENTS), partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
def liquidation_events(context: dg.AssetExecutionContext, feeds: FeedsResource) -> dg.Output[pd.DataFrame]:
    """Forced orders of the run's days, each told once."""
    sessions = run_sessions(context)
    table = once_each(derivative_rows(feeds.roots(), LIQUIDATION_EVENTS, sessions[0], sessions[-1]), sessions)
    report_days(context, LIQUIDATION_EVENTS, table, partial(crypto_summary, LIQUIDATION_EVENTS))
    return dg.Output(table)


@dg.asset(
    **asset_settings(LIQUIDATION_LEVELS),
    ins={"interest": dg.AssetIn(key=dg.AssetKey(OPEN_INTEREST.asset_path), partition_mapping=_POSITIONS)},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def liquidation_levels(context: dg.AssetExecutionContext, interest: pd.DataFrame) -> dg.Output[pd.DataFrame]:
    """Model where positions opened in the last thirty days would be liquidated."""
    table = levels_of_history(interest, run_sessions(context))
    report_days(context, LIQUIDATION_LEVELS, table, partial(crypto_summary, LIQUIDATION_LEVELS))
    return dg.Output(table)
