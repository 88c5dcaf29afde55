"""The retention rule: what is past the policy goes, nothing else, and it is written down."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import InternalError
from sqlalchemy.pool import NullPool

from liquidity.book.grid import BookGrid
from liquidity.domain.errors import ConfigError
from liquidity.domain.market_data import FundingRate, OrderBookSnapshot
from resources.settings import Retention
from resources.stores.crypto_tables import BOOK_SNAPSHOTS, BY_DAY, DEPTH_ANALYSIS, METADATA, RETENTION_REMOVALS, TRADES
from resources.stores.market_data import MarketDataStore
from resources.stores.market_partitions import drop_chunk, is_hypertable, partition_days
from resources.stores.retention import RETAINED, Removal, apply_retention, removals_due

FIRST = date(2026, 6, 1)
NOW = datetime(2026, 6, 11, 12, tzinfo=UTC)


@pytest.fixture
def engine(postgres_url):
    """Ten days of trades, snapshots with analyses, and funding."""
    engine = create_engine(postgres_url, poolclass=NullPool)
    store = MarketDataStore(engine)
    market = store.register("binance", "BTCUSDT", BookGrid(Decimal("0.5"), Decimal("1")))
    days = [datetime(2026, 6, 1, 23, 59, 59, tzinfo=UTC) + timedelta(days=k) for k in range(10)]
    at = np.array([day.replace(tzinfo=None) for day in days], dtype="datetime64[us]")
    store.copy.ingest(
        TRADES,
        {
            "market_id": np.full(20, market.market_id),
            "at": np.repeat(at, 2),
            "trade_id": np.arange(20).astype(str),
            "price": np.ones(20),
            "amount": np.ones(20),
            "taker_sign": np.ones(20, dtype=int),
        },
    )
    store.add_snapshots(
        market,
        [
            OrderBookSnapshot("BTCUSDT", day, "binance", ((1.0, 2.0),), ((1.5, 2.0),), 0.5, 2.0, 2.0, 1, *[None] * 4)
            for day in days
        ],
    )
    analysis = {column.name: np.full(10, 1.0) for column in DEPTH_ANALYSIS.columns}
    analysis |= {"market_id": np.full(10, market.market_id), "at": at, "code_version": np.array(["a"] * 10)}
    store.copy.ingest(DEPTH_ANALYSIS, analysis)
    store.add(market, [FundingRate("binance", "BTCUSDT", day, 1e-4, 8.0, None, None, None, None) for day in days])
    yield engine
    engine.dispose()


def days_of(engine, table):
    with engine.connect() as connection:
        return [row.at.astimezone(UTC).date() for row in connection.execute(select(table.c.at).order_by(table.c.at))]


@pytest.mark.feature("PL-DB-13")
def test_dry_run_lists_and_changes_nothing(engine):
    due = removals_due(engine, {"trades_days": 7}, NOW)
    assert due == [Removal("public_trades", FIRST + timedelta(days=k), 2, 7) for k in range(3)]
    assert len(days_of(engine, TRADES)) == 20
    assert days_of_removals(engine) == []


def days_of_removals(engine):
    with engine.connect() as connection:
        rows = connection.execute(select(RETENTION_REMOVALS).order_by(RETENTION_REMOVALS.c.removal_id))
        return [(row.table_name, row.day, row.rows_count, row.kept_days) for row in rows]


@pytest.mark.feature("PL-DB-13")
def test_only_days_wholly_past_the_policy_go_and_are_recorded(engine):
    # NOW minus 7 days is 4 June at noon: 4 June stays, though part of it is older.
    done = apply_retention(engine, {"trades_days": 7, "order_book_days": 9, "derivatives_days": None}, NOW)
    assert [(one.table_name, one.day.day, one.rows_count) for one in done] == [
        ("market_depth_analysis", 1, 1),
        ("enhanced_order_book_snapshots", 1, 1),
        ("public_trades", 1, 2),
        ("public_trades", 2, 2),
        ("public_trades", 3, 2),
    ]
    assert min(days_of(engine, TRADES)) == date(2026, 6, 4)
    assert min(days_of(engine, BOOK_SNAPSHOTS)) == min(days_of(engine, DEPTH_ANALYSIS)) == date(2026, 6, 2)
    assert len(days_of(engine, METADATA.tables["enhanced_funding_rates"])) == 10
    assert days_of_removals(engine) == [(one.table_name, one.day, one.rows_count, one.kept_days) for one in done]
    with engine.connect() as connection:
        assert min(partition_days(connection, TRADES)) == date(2026, 6, 4)
    assert apply_retention(engine, {"trades_days": 7, "order_book_days": 9}, NOW) == []


@pytest.mark.feature("PL-DB-13")
def test_tables_without_partitions_lose_their_rows_by_day(engine):
    done = apply_retention(engine, {"derivatives_days": 1}, NOW)
    assert {one.table_name for one in done} == {"enhanced_funding_rates"}
    assert days_of(engine, METADATA.tables["enhanced_funding_rates"]) == [date(2026, 6, 10)]
    assert sum(one.rows_count for one in done) == 9


@pytest.mark.feature("PL-DB-13")
def test_the_record_is_never_changed(engine):
    apply_retention(engine, {"trades_days": 7}, NOW)
    with pytest.raises(InternalError, match="never changed"), engine.begin() as connection:
        connection.execute(text("UPDATE retention_removals SET rows_count = 0"))


@pytest.mark.feature("PL-DB-13")
def test_null_keeps_all_and_nonsense_is_refused(engine):
    assert apply_retention(engine, Retention().model_dump(), NOW) == []
    for policy, now, reason in (
        ({"trades_days": 0}, NOW, "allowed 1 and more"),
        ({"trade_days": 3}, NOW, "unknown policy"),
        ({"trades_days": 3}, NOW.replace(tzinfo=None), "no time zone"),
    ):
        with pytest.raises(ConfigError, match=reason):
            apply_retention(engine, policy, now)
    assert len(days_of(engine, TRADES)) == 20


@pytest.mark.feature("PL-DB-13")
def test_settings_and_tables_agree():
    assert set(Retention.model_fields) == set(RETAINED)
    covered = [table for tables in RETAINED.values() for table in tables]
    assert len(covered) == len(set(covered))
    assert set(BY_DAY) <= set(covered)


@pytest.mark.feature("PL-DB-10", "PL-DB-13")
def test_hypertables_lose_the_chunks_of_the_day(engine):
    """The extension cannot be had here: a stand-in with its names and arguments takes the calls."""
    with engine.begin() as connection:
        assert not is_hypertable(connection, METADATA.tables["open_interest"])
        connection.execute(text("CREATE SCHEMA timescaledb_information"))
        connection.execute(text("CREATE TABLE timescaledb_information.hypertables (hypertable_name name)"))
        connection.execute(text("INSERT INTO timescaledb_information.hypertables VALUES ('enhanced_funding_rates')"))
        connection.execute(text("CREATE TABLE dropped (relation text, older timestamptz, newer timestamptz)"))
        connection.execute(
            text(
                "CREATE FUNCTION drop_chunks(relation regclass, older_than timestamptz, newer_than timestamptz) "
                "RETURNS SETOF text LANGUAGE sql AS 'INSERT INTO dropped VALUES (relation::text, older_than, newer_than); "
                "DELETE FROM enhanced_funding_rates WHERE at >= newer_than AND at < older_than RETURNING relation::text'"
            )
        )
        assert is_hypertable(connection, METADATA.tables["enhanced_funding_rates"])
        assert not is_hypertable(connection, METADATA.tables["open_interest"])
        drop_chunk(connection, METADATA.tables["enhanced_funding_rates"], FIRST)
        connection.execute(text("DELETE FROM dropped"))
    done = apply_retention(engine, {"derivatives_days": 8}, NOW)
    assert [(one.table_name, one.day.day, one.rows_count) for one in done] == [("enhanced_funding_rates", 2, 1)]
    with engine.connect() as connection:
        [row] = connection.execute(text("SELECT relation, older, newer FROM dropped"))
    assert row.relation == "enhanced_funding_rates"
    assert (row.newer.astimezone(UTC), row.older.astimezone(UTC)) == (
        datetime(2026, 6, 2, tzinfo=UTC),
        datetime(2026, 6, 3, tzinfo=UTC),
    )
