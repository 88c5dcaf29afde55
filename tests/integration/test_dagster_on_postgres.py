"""Dagster's own storage on PostgreSQL: a run, its events, and no secret in what it stores."""

from datetime import UTC, date, datetime

import dagster as dg
import pyarrow as pa
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from io_managers.wiring import LOCATION_RESOURCES
from resources.dagster_home import environment, prepare_dagster_home
from resources.dagster_wiring import PulseStoreResource
from resources.settings import load_settings
from resources.stores.pulse import PulseStore
from resources.workspace_database import WorkspaceDatabase, ensure_database

CANARY = "canary7f3a9c"


def with_password(url):
    """Same address with a password; the embedded server trusts whoever reaches its socket."""
    return url.replace("postgres:@", f"postgres:{CANARY}@").replace("postgres@", f"postgres:{CANARY}@")


@pytest.fixture
def instance(empty_postgres_url, postgres_url, tmp_path, monkeypatch):
    settings = load_settings(data_dir=tmp_path)
    database = WorkspaceDatabase(with_password(postgres_url), with_password(empty_postgres_url), None)
    home = prepare_dagster_home(settings)
    for name, value in environment(settings, database).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def stored_text(url):
    """Everything in every table of a database, as text."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        return {
            name: "\n".join(str(row[0]) for row in connection.execute(text(f'SELECT t::text FROM "{name}" t')))
            for name in tables
        }


@dg.asset
def newest_sessions(context: dg.AssetExecutionContext, store: PulseStoreResource) -> dg.MaterializeResult:
    found = store.store().newest_sessions()
    context.log.info(f"store is {store!r} and has {found}")
    return dg.MaterializeResult(metadata={"calendars": len(found)})


@dg.asset
def unreachable(store: PulseStoreResource) -> None:
    store.store().newest_sessions()


@pytest.mark.feature("BX-CF-05")
def test_run_on_postgres_stores_its_events_and_no_secret(instance, empty_postgres_url, tmp_path, monkeypatch):
    resources = {"store": PulseStoreResource(url=dg.EnvVar("PULSE_DATABASE_URL"), lake_dir=str(tmp_path / "lake"))}
    assert CANARY in dg.EnvVar("PULSE_DATABASE_URL").get_value()
    result = dg.materialize([newest_sessions], instance=instance, resources=resources)
    assert result.success
    event = instance.get_latest_materialization_event(newest_sessions.key)
    assert event.asset_materialization.metadata["calendars"].value == 0
    assert instance.get_run_by_id(result.run_id).status is dg.DagsterRunStatus.SUCCESS

    monkeypatch.setenv("PULSE_DATABASE_URL", f"postgresql+psycopg2://postgres:{CANARY}@/pulse?host=/nowhere")
    failed = dg.materialize([unreachable], instance=instance, resources=resources, raise_on_error=False)
    assert not failed.success

    stored = stored_text(empty_postgres_url)
    assert len(stored["event_logs"]) > 1000
    assert "does not answer" in stored["event_logs"]
    assert [name for name, content in stored.items() if CANARY in content] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


def test_home_follows_its_template(tmp_path):
    settings = load_settings(data_dir=tmp_path)
    home = prepare_dagster_home(settings)
    first = (home / "dagster.yaml").stat().st_mtime_ns
    assert prepare_dagster_home(settings) == home == tmp_path / "dagster_home"
    assert (home / "dagster.yaml").stat().st_mtime_ns == first
    other = tmp_path / "template.yaml"
    other.write_text("telemetry: {enabled: false}\n")
    prepare_dagster_home(settings, other)
    assert (home / "dagster.yaml").read_text() == other.read_text()
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]


def test_instance_is_configured_for_short_schedules_and_silence(instance):
    assert instance.run_coordinator.dequeue_interval_seconds == 1
    assert instance.get_settings("sensors") == {"use_threads": True, "num_workers": 8}
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled
    assert instance.run_monitoring_enabled
    assert not instance.run_retries_enabled or instance.run_retries_max_retries == 2
    assert type(instance.run_storage).__name__ == "PostgresRunStorage"


def test_named_databases_start_no_embedded_server(tmp_path):
    url = "postgresql+psycopg2://u:secret-of-url@h/d"
    database = ensure_database(load_settings(data_dir=tmp_path, database_url=url, dagster_database_url=url))
    assert (database.pulse_url, database.server) == (url, None)
    assert "secret-of-url" not in repr(database)
    assert not (tmp_path / "postgres").exists()
    database.stop()


def test_environment_names_every_folder_and_address(tmp_path):
    settings = load_settings(data_dir=tmp_path, real_data=tmp_path / "recorded")
    variables = environment(settings, WorkspaceDatabase("postgresql+psycopg2://a", "postgresql+psycopg2://b", None))
    assert variables["DAGSTER_PG_URL"] == "postgresql+psycopg2://b"
    assert variables["PULSE_DATABASE_URL"] == "postgresql+psycopg2://a"
    assert variables["DAGSTER_HOME"] == str(tmp_path / "dagster_home")
    assert variables["PULSE_LAKE_DIR"] == str(tmp_path / "lake")
    assert variables["PULSE_REAL_DATA"] == str(tmp_path / "recorded")


@pytest.mark.feature("CD-CB-10")
def test_stale_pulse_sensor_asks_the_real_store_and_runs_once(instance, postgres_url, tmp_path):
    from execution_jobs.definitions import defs

    resources = {name: LOCATION_RESOURCES[name] for name in ("clock", "store")}
    store = PulseStore(postgres_url, tmp_path / "lake")
    store.publish(
        date(2026, 1, 5),
        pa.table(
            {
                "instrument_id": ["A1:X"],
                "liquidity_score": [1.0],
                "repayment_score": [1.0],
                "bondx_score": [1.0],
                "document": ["{}"],
            }
        ),
        configurations={},
        profiles=[],
        code_version="0",
        run_id="r",
        published_at=datetime(2026, 1, 6, tzinfo=UTC),
        calendars=["24/7", "XNYS"],
    )
    repository = defs.get_repository_def()
    sensor = repository.get_sensor_def("stale_pulse_sensor")
    first = sensor.evaluate_tick(dg.build_sensor_context(instance, repository_def=repository, resources=resources))
    [request] = first.run_requests
    assert request.run_key.startswith("late/24/7:2026-01-05<")
    result = repository.get_job("report_stale_pulse").execute_in_process(
        run_config=request.run_config, instance=instance
    )
    assert result.success
    again = sensor.evaluate_tick(
        dg.build_sensor_context(instance, repository_def=repository, cursor=first.cursor, resources=resources)
    )
    assert again.run_requests == []
    assert again.skip_message.startswith("late as reported: 24/7, XNYS; 24/7 has 2026-01-05, expected ")
