"""The platform's database of market data: each day's books, trades and derivatives, from the lake and the tapes by COPY.

Read next: ``resources/stores/market_days.py`` (how a day is written), ``resources/stores/crypto_tables.py`` (tables).
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd
from sqlalchemy import create_engine

from io_managers.contract_assets import OWNERS, borrow
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    BOOK_DELTAS,
    BOOK_FEATURES,
    BOOK_SNAPSHOTS,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    MARKET_DEPTH,
    OPEN_INTEREST,
    VENUE_TRADES,
)
from resources.crypto_sources import book_sources
from resources.dagster_wiring import DAILY, FeedsResource, PulseStoreResource, code_version
from resources.stores.market_copy import DayReceipt
from resources.stores.market_data import MarketDataStore
from resources.stores.market_days import DayOfMarkets, ReplayCheck, check_replay

__all__ = ["market_database"]

_KEY = dg.AssetKey(["pulse", "market_database"])
_REPLAY = "replay_equals_snapshots"
_CODE_VERSION_TAG = "dagster/code_version"


@dg.asset(
    key=_KEY,
    description="Rows of the day in the platform's PostgreSQL: book messages, analysed books and their depth, trades, "
    "open interest, funding and liquidations. A day written again takes the place of the old one.",
    group_name="crypto",
    owners=OWNERS["pulse"],
    kinds={"python", "postgres"},
    code_version=code_version(),
    ins={
        "segments": borrow(BOOK_DELTAS),
        "levels": borrow(BOOK_SNAPSHOTS),
        "features": borrow(BOOK_FEATURES),
        "depth": borrow(MARKET_DEPTH),
        "trades": borrow(VENUE_TRADES),
        "interest": borrow(OPEN_INTEREST),
        "funding": borrow(FUNDING_RATES),
        "events": borrow(LIQUIDATION_EVENTS),
        "modelled": borrow(LIQUIDATION_LEVELS),
    },
    check_specs=[
        dg.AssetCheckSpec(
            _REPLAY, asset=_KEY, description="Stored messages replayed give every stored book, level for level."
        )
    ],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def market_database(
    context: dg.AssetExecutionContext,
    feeds: FeedsResource,
    store: PulseStoreResource,
    segments: pd.DataFrame,
    levels: pd.DataFrame,
    features: pd.DataFrame,
    depth: pd.DataFrame,
    trades: pd.DataFrame,
    interest: pd.DataFrame,
    funding: pd.DataFrame,
    events: pd.DataFrame,
    modelled: pd.DataFrame,
) -> dg.MaterializeResult:
    """Write each day of the run, table by table, each in one transaction; then replay its messages."""
    tables = {
        BOOK_DELTAS.name: segments,
        BOOK_SNAPSHOTS.name: levels,
        BOOK_FEATURES.name: features,
        MARKET_DEPTH.name: depth,
        VENUE_TRADES.name: trades,
        OPEN_INTEREST.name: interest,
        FUNDING_RATES.name: funding,
        LIQUIDATION_EVENTS.name: events,
        LIQUIDATION_LEVELS.name: modelled,
    }
    sources = {source.name.instrument_id: source for source in book_sources(feeds.roots())}
    replayed: list[ReplayCheck] = []
    with _opened(store.url) as market_data:
        for day in run_sessions(context):
            rows = {name: table[table["session_date"] == pd.Timestamp(day)] for name, table in tables.items()}
            instruments = {str(name) for table in rows.values() for name in table["instrument_id"].unique()}
            writer = DayOfMarkets(market_data, day, sources, instruments)
            said = _write(writer, rows, _computed_by(context, day))
            checks = [
                check_replay(market_data, writer.markets[name], day)
                for name in sorted(set(rows[BOOK_SNAPSHOTS.name]["instrument_id"]))
            ]
            said |= {"books_replayed": sum(each.same_n + each.different_n for each in checks)}
            replayed += checks
            context.add_asset_metadata(said, asset_key=_KEY, partition_key=day.isoformat())
    return dg.MaterializeResult(check_results=[_judged(replayed)])


@contextmanager
def _opened(url: str) -> Iterator[MarketDataStore]:
    engine = create_engine(url, pool_size=2, pool_pre_ping=True, hide_parameters=True)
    try:
        yield MarketDataStore(engine)
    finally:
        engine.dispose()


def _write(writer: DayOfMarkets, rows: Mapping[str, pd.DataFrame], computed_by: str) -> dict[str, Any]:
    """Write the tables of a day; returns rows of each, rows removed, and rows a second of all."""
    began = time.perf_counter()
    done: dict[str, DayReceipt] = {"order_book_deltas": writer.write_messages(rows[BOOK_DELTAS.name])}
    done["enhanced_order_book_snapshots"], done["market_depth_analysis"] = writer.write_books(
        rows[BOOK_SNAPSHOTS.name], rows[BOOK_FEATURES.name], rows[MARKET_DEPTH.name], computed_by
    )
    done["public_trades"] = writer.write_trades(rows[VENUE_TRADES.name])
    for contract in (OPEN_INTEREST, FUNDING_RATES, LIQUIDATION_EVENTS, LIQUIDATION_LEVELS):
        done[contract.name] = writer.write_derivatives(contract.name, rows[contract.name])
    taken = time.perf_counter() - began
    total = sum(receipt.rows for receipt in done.values())
    return {
        **{f"{name}_rows": receipt.rows for name, receipt in done.items()},
        "rows": total,
        "removed_rows": sum(receipt.removed for receipt in done.values()),
        "write_s": taken,
        "rows_per_s": total / taken,
        "computed_by": computed_by,
    }


def _computed_by(context: dg.AssetExecutionContext, day: date) -> str:
    """Code version that the day's figures were computed by, as their own materialisation tells it."""
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(BOOK_FEATURES.asset_path), asset_partitions=[day.isoformat()])
    for record in context.instance.fetch_materializations(wanted, limit=1).records:
        made = record.asset_materialization
        if made is not None and made.tags and _CODE_VERSION_TAG in made.tags:
            return str(made.tags[_CODE_VERSION_TAG])
    return code_version()


def _judged(checks: list[ReplayCheck]) -> dg.AssetCheckResult:
    first = min((each.first_different for each in checks if each.first_different is not None), default=None)
    return dg.AssetCheckResult(
        check_name=_REPLAY,
        asset_key=_KEY,
        passed=sum(each.different_n for each in checks) == 0,
        metadata={
            "same_books": sum(each.same_n for each in checks),
            "different_books": sum(each.different_n for each in checks),
            "books_without_messages": sum(each.unknown_n for each in checks),
            "first_different": first.isoformat() if first is not None else "none",
        },
    )
