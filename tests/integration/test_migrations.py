"""The platform's schema on a real PostgreSQL."""

from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import InternalError, ProgrammingError
from sqlalchemy.pool import NullPool

from resources.stores.crypto_tables import MARKETS, OPEN_INTEREST, TRADES
from resources.stores.market_partitions import ensure_days
from resources.stores.migrations import current_revision, downgrade, head_revision, upgrade
from resources.stores.pulse import configuration_hash
from resources.stores.tables import CONFIGURATIONS, METADATA, PUBLICATIONS


def engine_of(url):
    return create_engine(url, poolclass=NullPool)


def fill(url):
    document = '{"profile":"bondx_v1"}'
    with engine_of(url).begin() as connection:
        connection.execute(
            CONFIGURATIONS.insert().values(
                config_hash=configuration_hash(document),
                document=document,
                first_seen_at=datetime(2026, 11, 20, 22, tzinfo=UTC),
            )
        )
        connection.execute(
            PUBLICATIONS.insert().values(
                session_date=datetime(2026, 11, 20, tzinfo=UTC).date(),
                published_at=datetime(2026, 11, 20, 22, tzinfo=UTC),
                config_hashes=[configuration_hash(document)],
                profiles=["bondx_v1"],
                code_version="0.1.0+abc",
                run_id="run",
                rows_count=0,
                calendars=["24/7"],
                content_sha256="0" * 64,
                archive_path="publications/x.parquet",
                archive_sha256="0" * 64,
                document_path="",
                table_shas={},
            )
        )
        market_id = connection.execute(
            MARKETS.insert()
            .values(venue="binance", venue_symbol="BTCUSDT", kind="spot", tick_size=1, lot_size=1, contract_size=1.0)
            .returning(MARKETS.c.market_id)
        ).scalar_one()
        at = datetime(2026, 11, 20, 22, tzinfo=UTC)
        connection.execute(
            OPEN_INTEREST.insert().values(market_id=market_id, at=at, open_interest=1.0, open_interest_value=2.0)
        )
    ensure_days(engine_of(url), TRADES, [at.date()])
    with engine_of(url).begin() as connection:
        connection.execute(TRADES.insert().values(market_id=market_id, at=at, trade_id="1", price=1.0, amount=2.0))


@pytest.mark.feature("PL-DB-05")
@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_upgrade_downgrade_upgrade(empty_postgres_url, filled):
    assert current_revision(empty_postgres_url) is None
    upgrade(empty_postgres_url)
    assert current_revision(empty_postgres_url) == head_revision()
    if filled:
        fill(empty_postgres_url)

    downgrade(empty_postgres_url, "base")
    assert current_revision(empty_postgres_url) is None
    assert set(inspect(engine_of(empty_postgres_url)).get_table_names()) <= {"alembic_version"}

    upgrade(empty_postgres_url)
    assert current_revision(empty_postgres_url) == head_revision()
    fill(empty_postgres_url)


def test_upgrade_of_a_migrated_database_keeps_its_rows(postgres_url):
    fill(postgres_url)
    upgrade(postgres_url)
    with engine_of(postgres_url).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM publications")).scalar() == 1


def test_migrations_lead_to_the_tables_that_the_code_declares(postgres_url):
    with engine_of(postgres_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


@pytest.mark.feature("PL-DB-10")
def test_hypertables_where_the_extension_is(postgres_url):
    """The extension cannot be had here: its statements are read, and a database without it gets native partitions."""
    from resources.stores.migrations.versions.m0002_crypto_markets import hypertable_statements

    made, by_column, policy = hypertable_statements("order_book_deltas")
    assert made == (
        "SELECT create_hypertable('order_book_deltas', by_range('at', INTERVAL '1 day'), create_default_indexes => FALSE)"
    )
    assert by_column == (
        "ALTER TABLE order_book_deltas SET (timescaledb.enable_columnstore = true, timescaledb.segmentby = 'market_id', "
        "timescaledb.orderby = 'at DESC, message_no DESC')"
    )
    assert policy == "CALL add_columnstore_policy('order_book_deltas', after => INTERVAL '7 days')"
    with engine_of(postgres_url).connect() as connection:
        kinds = connection.execute(
            text("SELECT relname, pg_get_partkeydef(oid) FROM pg_class WHERE relkind = 'p' ORDER BY relname")
        ).all()
    assert [tuple(row) for row in kinds] == [
        (name, "RANGE (at)")
        for name in ("enhanced_order_book_snapshots", "market_depth_analysis", "order_book_deltas", "public_trades")
    ]


@pytest.mark.feature("PL-DB-05")
def test_step_of_market_tables_can_be_taken_back_alone(postgres_url):
    fill(postgres_url)
    downgrade(postgres_url, "0001")
    assert set(inspect(engine_of(postgres_url)).get_table_names()) == {
        "alembic_version",
        "configurations",
        "publications",
    }
    upgrade(postgres_url)
    assert current_revision(postgres_url) == head_revision()


@pytest.mark.parametrize("table", ["publications", "configurations"])
def test_rows_are_never_changed(postgres_url, table):
    fill(postgres_url)
    column = {"publications": "run_id", "configurations": "document"}[table]
    with (
        pytest.raises((InternalError, ProgrammingError), match="never changed"),
        engine_of(postgres_url).begin() as connection,
    ):
        connection.execute(text(f"UPDATE {table} SET {column} = 'other'"))
