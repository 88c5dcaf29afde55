"""The platform's schema on a real PostgreSQL."""

from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import InternalError, ProgrammingError
from sqlalchemy.pool import NullPool

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


@pytest.mark.parametrize("table", ["publications", "configurations"])
def test_rows_are_never_changed(postgres_url, table):
    fill(postgres_url)
    column = {"publications": "run_id", "configurations": "document"}[table]
    with (
        pytest.raises((InternalError, ProgrammingError), match="never changed"),
        engine_of(postgres_url).begin() as connection,
    ):
        connection.execute(text(f"UPDATE {table} SET {column} = 'other'"))
