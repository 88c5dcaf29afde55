"""From tapes and tables of the lake to the database: rows, links, repeats, crashes, and the replay that proves them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.pool import NullPool

from io_managers.contract_parquet import ContractParquetIOManager
from liquidity.book.grid import BookGrid
from liquidity.contracts import BOOK_SNAPSHOTS as LEVELS
from liquidity.contracts import MARKET_DEPTH, VENUE_TRADES
from liquidity.domain.errors import ContractError
from liquidity.simulation import MarketConfig
from liquidity.simulation.crypto_market import TapeConfig
from pulse_assets.crypto import books, funding_rates, liquidation_events, liquidation_levels, open_interest
from pulse_assets.market_database import market_database
from resources.code_version import code_version
from resources.crypto_sources import book_sources
from resources.dagster_wiring import FeedsResource, PulseStoreResource
from resources.feeds._simulated_tapes import simulate_tapes_to_landing
from resources.lake import Lake
from resources.stores.binary_copy import CopyStream
from resources.stores.crypto_tables import (
    BOOK_DELTAS,
    BOOK_SNAPSHOTS,
    DEPTH_ANALYSIS,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    MARKETS,
    OPEN_INTEREST,
    TRADES,
)
from resources.stores.market_data import MarketDataStore
from resources.stores.market_days import DayOfMarkets, ReplayCheck, check_replay, day_messages

pytestmark = pytest.mark.slow

DAY = date(2026, 6, 2)
UPSTREAM = (books, open_interest, funding_rates, liquidation_events, liquidation_levels)
NAMES = ("sim:BTCUSDT-PERP", "sim_b:BTCUSDT-PERP")
TABLES = (
    BOOK_DELTAS,
    BOOK_SNAPSHOTS,
    DEPTH_ANALYSIS,
    TRADES,
    OPEN_INTEREST,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
)


class Workspace:
    """Two generated days, their lake, and runs on an instance of their own."""

    def __init__(self, root):
        self.landing, self.lake_dir = root / "landing", root / "lake"
        market = MarketConfig(seed=33, bonds=24, issuers=7, crypto_coins=3, crypto_perps=1)
        config = TapeConfig(seed=33, coins=("BTC",), minutes=3, rows_per_message=8.0)
        simulate_tapes_to_landing(self.landing, config, market, DAY - timedelta(days=1), DAY - timedelta(days=1), DAY)
        self.instance = dg.DagsterInstance.ephemeral()
        self.roots = FeedsResource(landing_dir=str(self.landing)).roots()
        for day in (DAY - timedelta(days=1), DAY):
            assert self.run(UPSTREAM, day).success

    def run(self, assets, day=DAY, url="", **settings):
        return dg.materialize(
            assets,
            partition_key=day.isoformat(),
            instance=self.instance,
            resources={
                "feeds": FeedsResource(landing_dir=str(self.landing)),
                "store": PulseStoreResource(url=url, lake_dir=str(self.lake_dir)),
                "io_manager": ContractParquetIOManager(lake_dir=str(self.lake_dir)),
            },
            **settings,
        )

    def write(self, url, day=DAY, **settings):
        return self.run([market_database, *UPSTREAM], day, url, selection=[market_database], **settings)

    def table(self, contract, day=DAY):
        return Lake(self.lake_dir).read(contract, day, day).to_pandas()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("market"))


@pytest.fixture
def store(postgres_url):
    engine = create_engine(postgres_url, poolclass=NullPool)
    yield MarketDataStore(engine)
    engine.dispose()


def rows_of(store, table):
    with store.engine.connect() as connection:
        found = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings().all()
    return [dict(row) for row in found]


def count(store, table):
    with store.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def said(result):
    [event] = [
        event for event in result.get_asset_materialization_events() if event.asset_key.path[-1] == "market_database"
    ]
    return {name: value.value for name, value in event.materialization.metadata.items()}


@pytest.mark.feature("PL-DB-06", "PL-DB-09")
def test_a_day_of_the_lake_is_the_day_of_the_database(workspace, store, postgres_url):
    result = workspace.write(postgres_url)
    assert result.success
    [check] = result.get_asset_check_evaluations()
    assert check.passed
    minutes = len(workspace.table(LEVELS).drop_duplicates(["instrument_id", "at"]))
    assert check.metadata["same_books"].value == minutes >= 5  # a planted loss takes a minute away
    assert check.metadata["books_without_messages"].value == check.metadata["different_books"].value == 0

    metadata = said(result)
    counts = {table.name: count(store, table) for table in TABLES}
    assert all(counts.values()), counts
    assert {name: metadata[f"{name}_rows"] for name in counts if f"{name}_rows" in metadata} | {
        "enhanced_funding_rates": metadata["funding_rates_rows"]
    } == counts
    assert metadata["rows"] == sum(counts.values())
    assert metadata["rows_per_s"] > 0

    # Levels, figures and links.
    markets = {market.market_id: market for market in store.markets()}
    levels = workspace.table(LEVELS)
    for book in rows_of(store, BOOK_SNAPSHOTS):
        market = markets[book["market_id"]]
        mine = levels[
            (levels["instrument_id"] == f"{market.venue}:{market.venue_symbol}") & (levels["at"] == book["at"])
        ]
        for side in ("bid", "ask"):
            one = mine[mine["side"] == side].sort_values("level")
            assert market.grid.prices(np.array(book[f"{side}_ticks"])).tolist() == one["price"].tolist()
            assert market.grid.sizes(np.array(book[f"{side}_lots"])).tolist() == one["size"].tolist()
            assert book[f"total_{side}_volume"] == pytest.approx(one["size"].sum())
        best = mine[mine["level"] == 1].set_index("side")["price"]
        assert book["spread"] == pytest.approx(best["ask"] - best["bid"])
        assert book["depth_levels"] == 50
    analyses = rows_of(store, DEPTH_ANALYSIS)
    assert {row["code_version"] for row in analyses} == {code_version()}
    assert [(row["market_id"], row["at"]) for row in analyses] == [
        (row["market_id"], row["at"]) for row in rows_of(store, BOOK_SNAPSHOTS)
    ]
    depth = workspace.table(MARKET_DEPTH)
    assert sorted(row["xlm_100k_bps"] for row in analyses) == pytest.approx(sorted(depth["xlm_100k_bps"]))
    assert all(row["quoted_spread_bps"] > 0 for row in analyses)
    trades = workspace.table(VENUE_TRADES)
    assert sorted(row["trade_id"] for row in rows_of(store, TRADES)) == sorted(trades["trade_id"])


@pytest.mark.feature("PL-DB-06", "PL-DB-07", "PL-DB-08")
def test_a_day_written_again_is_the_same_and_other_days_stay(workspace, store, postgres_url):
    before = DAY - timedelta(days=1)
    workspace.write(postgres_url, before)
    other = {table.name: rows_of(store, table) for table in TABLES}
    workspace.write(postgres_url)
    first = {table.name: rows_of(store, table) for table in TABLES}
    metadata = said(workspace.write(postgres_url))
    assert {table.name: rows_of(store, table) for table in TABLES} == first
    assert metadata["removed_rows"] > 0
    for name, rows in other.items():
        assert all(row in first[name] for row in rows[:50]), name
        assert len(first[name]) > len(rows), name


@pytest.mark.feature("PL-DB-06")
@pytest.mark.parametrize("table", ["order_book_deltas", "enhanced_order_book_snapshots", "market_depth_analysis"])
def test_a_crash_in_the_middle_leaves_the_old_day_whole(workspace, store, postgres_url, monkeypatch, table):
    workspace.write(postgres_url)
    old = {each.name: rows_of(store, each) for each in TABLES}
    read = CopyStream.read

    def breaking(self, size=-1):
        piece = read(self, 100)
        if self.table.name == table and len(piece) == 100:
            raise OSError("cut")
        return piece

    with monkeypatch.context() as patch:
        patch.setattr(CopyStream, "read", breaking)
        assert not workspace.write(postgres_url, raise_on_error=False).success
    assert {each.name: rows_of(store, each) for each in TABLES} == old
    assert workspace.write(postgres_url).success
    assert {each.name: rows_of(store, each) for each in TABLES} == old


def writer(workspace, store, day=DAY):
    sources = {source.name.instrument_id: source for source in book_sources(workspace.roots)}
    return DayOfMarkets(store, day, sources, NAMES)


@pytest.mark.feature("PL-DB-09")
def test_analyses_of_other_code_stay_beside_books_that_did_not_change(workspace, store):
    made = writer(workspace, store)
    from liquidity.contracts import BOOK_FEATURES

    tables = [workspace.table(contract) for contract in (LEVELS, BOOK_FEATURES, MARKET_DEPTH)]
    made.write_books(*tables, "0.3.0+old")
    books_receipt, analyses = made.write_books(*tables, "0.3.1+new")
    assert (books_receipt.removed, analyses.removed) == (0, 0)
    levels = tables[0]
    minutes = levels.drop_duplicates(["instrument_id", "at"])
    assert count(store, DEPTH_ANALYSIS) == 2 * len(minutes)

    lost = int((minutes["at"] == minutes["at"].min()).sum())
    left = levels[levels["at"] > levels["at"].min()].copy()
    other = left.index[(left["level"] == 50)][0]
    left.loc[other, "size"] *= 2
    books_receipt, analyses = made.write_books(left, *tables[1:], "0.3.1+new")
    assert (books_receipt.rows, books_receipt.removed) == (len(minutes) - lost, lost)
    # Those by the old code stay but for the lost books and the one that changed.
    by_version = pd.Series([row["code_version"] for row in rows_of(store, DEPTH_ANALYSIS)]).value_counts()
    assert by_version.to_dict() == {"0.3.1+new": len(minutes) - lost, "0.3.0+old": len(minutes) - lost - 1}


@pytest.mark.feature("PL-DB-06")
def test_a_tape_changed_since_its_audit_is_refused(workspace, store):
    from liquidity.contracts import BOOK_DELTAS as SEGMENTS

    segments = workspace.table(SEGMENTS)
    made = writer(workspace, store)
    made.write_messages(segments)
    rows = count(store, BOOK_DELTAS)
    with pytest.raises(ContractError, match="has changed since"):
        made.write_messages(segments.assign(sha256="0" * 64))
    assert count(store, BOOK_DELTAS) == rows


@pytest.mark.feature("PL-DB-06")
def test_replay_tells_what_differs(workspace, store, postgres_url):
    workspace.write(postgres_url)
    market = store.markets("sim")[0]
    assert check_replay(store, market, DAY) == ReplayCheck(3, 0, 0, None)
    at = min(row["at"] for row in rows_of(store, BOOK_SNAPSHOTS) if row["market_id"] == market.market_id)
    with store.engine.begin() as connection:
        connection.execute(
            BOOK_SNAPSHOTS.update()
            .where(BOOK_SNAPSHOTS.c.market_id == market.market_id, BOOK_SNAPSHOTS.c.at == at)
            .values(bid_lots=func.array_append(BOOK_SNAPSHOTS.c.bid_lots[1:49], 1))
        )
    assert check_replay(store, market, DAY) == ReplayCheck(2, 1, 0, at.astimezone(UTC))
    with store.engine.begin() as connection:
        connection.execute(BOOK_DELTAS.delete())
    assert check_replay(store, market, DAY) == ReplayCheck(0, 0, 3, None)


@pytest.mark.feature("PL-DB-08")
def test_a_market_heard_of_by_name_gets_its_grid_with_its_first_tape(store):
    named = store.register("bybit", "BTCUSDT", None)
    assert named.grid is None
    assert store.register("bybit", "BTCUSDT", None) == named
    with pytest.raises(ContractError, match="steps are not known"):
        named.steps()
    grid = BookGrid(Decimal("0.1"), Decimal("0.001"), 1.0, "linear")
    assert store.register("bybit", "BTCUSDT", grid).market_id == named.market_id
    finer = store.register("bybit", "BTCUSDT", BookGrid(Decimal("0.01"), Decimal("0.001"), 1.0, "linear"))
    assert finer.market_id != named.market_id
    assert store.register("bybit", "BTCUSDT", None) == finer
    assert count(store, MARKETS) == 2


@pytest.mark.feature("PL-DB-08")
def test_readings_without_a_base_amount_are_stored(store):
    at = pd.Timestamp(datetime(2026, 6, 2, 5, tzinfo=UTC))
    interest = pd.DataFrame(
        {
            "instrument_id": ["bybit:BTCUSDT"],
            "at": [at],
            "open_interest_base": [np.nan],
            "open_interest_quote": [5e9],
            "change_1h_frac": [0.01],
            "change_24h_frac": [np.nan],
        }
    )
    made = DayOfMarkets(store, DAY, {}, ["bybit:BTCUSDT"])
    assert made.write_derivatives("open_interest", interest).rows == 1
    [row] = rows_of(store, OPEN_INTEREST)
    assert (row["open_interest"], row["open_interest_value"], row["change_24h_frac"]) == (None, 5e9, None)
    assert made.write_derivatives("open_interest", interest.iloc[:0]).removed == 0
    with pytest.raises(ContractError, match="rows of days"):
        made.write_derivatives("open_interest", interest.assign(at=at + pd.Timedelta(days=1)))


@pytest.mark.feature("PL-DB-06")
def test_a_day_without_rows_writes_nothing(store):
    from liquidity.contracts import BOOK_DELTAS as SEGMENTS
    from liquidity.contracts import BOOK_FEATURES, CRYPTO_CONTRACTS
    from liquidity.contracts.conform import empty_table, frame_from_table

    empty = {contract.name: frame_from_table(empty_table(contract)) for contract in CRYPTO_CONTRACTS}
    made = DayOfMarkets(store, DAY, {}, [])
    receipts = [
        made.write_messages(empty[SEGMENTS.name]),
        *made.write_books(empty[LEVELS.name], empty[BOOK_FEATURES.name], empty[MARKET_DEPTH.name], "0.3.1+new"),
        made.write_trades(empty[VENUE_TRADES.name]),
        *(
            made.write_derivatives(name, empty[name])
            for name in ("open_interest", "funding_rates", "liquidation_events", "liquidation_levels")
        ),
    ]
    assert all((receipt.rows, receipt.removed) == (0, 0) for receipt in receipts)
    assert not any(count(store, table) for table in TABLES)


@pytest.mark.feature("PL-DB-06")
def test_a_recording_is_stored_by_command_and_repeating_changes_nothing(
    workspace, store, postgres_url, monkeypatch, capsys
):
    from liquidity_service.cli import main
    from resources.tapes import open_tape

    monkeypatch.setenv("PULSE_DATABASE_URL", postgres_url)
    monkeypatch.setenv("PULSE_DAGSTER_DATABASE_URL", postgres_url)
    folder = workspace.landing / "tapes" / "sim"
    assert main(["book", "store", str(folder)]) == 0
    [line] = capsys.readouterr().out.splitlines()
    messages, stored = count(store, BOOK_DELTAS), count(store, TRADES)
    assert line == f"sim BTCUSDT-PERP: {messages:,} messages ({messages:,} new), {stored:,} trades ({stored:,} new)"
    tape = open_tape(folder)
    ((key, grid),) = tape.books.items()
    assert sum(int(block.message_end.sum()) for block in tape.blocks(*key)) == messages
    assert store.markets()[0].grid == grid
    assert main(["book", "store", str(folder)]) == 0
    assert "(0 new)" in capsys.readouterr().out
    assert (count(store, BOOK_DELTAS), count(store, TRADES)) == (messages, stored)


@pytest.mark.real_data
@pytest.mark.feature("PL-DB-06", "PL-DB-09")
def test_a_recorded_day_replays_to_its_books(store, real_data, tmp_path):
    """The smallest recorded tape: stored books equal the replay of stored messages."""
    from liquidity.features.book_pass import ViewRules
    from resources.crypto_sources import read_book

    roots = FeedsResource(landing_dir=str(tmp_path), real_data=str(real_data)).roots()
    smallest = min(book_sources(roots), key=lambda source: sum(file.path.stat().st_size for file in source.files))
    day = smallest.days()[0]
    tables = read_book(smallest, [day], ViewRules())
    name = smallest.name.instrument_id
    made = DayOfMarkets(store, day, {name: smallest}, [name])
    receipt = made.write_messages(tables["book_deltas"])
    assert receipt.rows == tables["book_deltas"]["messages_count"].sum()
    made.write_books(tables["book_snapshots"], tables["book_features"], tables["market_depth"], code_version())
    check = check_replay(store, made.markets[name], day)
    assert check.same_n == len(tables["book_snapshots"].drop_duplicates("at")) > 0
    assert (check.different_n, check.unknown_n) == (0, 0)
    assert sum(len(batch["at"]) for batch in day_messages(made.markets[name], smallest, day)) == receipt.rows
