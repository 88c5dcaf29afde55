"""The execution location: loads lightly, decides eligibility, reports a late pulse once."""

import json
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pyarrow as pa
import pytest

from execution_jobs.definitions import defs
from execution_jobs.order_eligibility import order_eligibility
from execution_jobs.stale_pulse import PULSE_FRESHNESS, assess_freshness, report_stale_pulse, stale_pulse_sensor
from execution_jobs.upstream import UPSTREAM
from io_managers.contract_parquet import ContractParquetIOManager
from liquidity.contracts import LIQUIDITY_INDEX, ORDER_ELIGIBILITY
from liquidity.domain.errors import SourceUnavailableError
from resources.clock import FixedClock
from resources.lake import Lake

DAY = date(2026, 11, 19)


def index_table():
    n = 4
    columns = {
        "session_date": [DAY] * n,
        "instrument_id": ["binance:BTCUSDT", "binance:LOW", "binance:NONE", "binance:SIM"],
        "asset_class": ["crypto_spot"] * n,
        "issuer_id": [None] * n,
        "sector": [None] * n,
        "rating": [None] * n,
        "liquidity_score": [90.0, 29.9, None, 95.0],
        "method": ["observed", "observed", "insufficient_data", "observed"],
        "reason": ["", "", "no quotes", ""],
        "coverage_frac": [1.0, 1.0, 0.0, 1.0],
        "uncertainty_sd": [1.0, 1.0, None, 1.0],
        "lower_80": [88.0, 28.0, None, 93.0],
        "upper_80": [92.0, 31.0, None, 97.0],
        "drivers_json": ["[]"] * n,
        "oldest_input_age_s": [0.0] * n,
        "profile": ["p"] * n,
        "config_hash": ["0" * 16] * n,
        "source": ["binance", "binance", "binance", "simulated"],
    }
    return pa.table(columns, schema=LIQUIDITY_INDEX.arrow_schema)


def run_eligibility(tmp_path, config=None):
    lake = Lake(tmp_path)
    lake.publish(LIQUIDITY_INDEX, DAY, index_table())
    result = dg.materialize(
        [*UPSTREAM, order_eligibility],
        selection=dg.AssetSelection.assets(dg.AssetKey(ORDER_ELIGIBILITY.asset_path)),
        partition_key=DAY.isoformat(),
        resources={"io_manager": ContractParquetIOManager(lake_dir=str(tmp_path))},
        run_config={"ops": {"exec__order_eligibility": {"config": config}}} if config else None,
    )
    assert result.success
    return {row["instrument_id"]: row for row in lake.read(ORDER_ELIGIBILITY, DAY, DAY).to_pylist()}


def test_unknown_low_and_simulated_are_refused(tmp_path):
    rows = run_eligibility(tmp_path)
    assert {name: row["eligible"] for name, row in rows.items()} == {
        "binance:BTCUSDT": True,
        "binance:LOW": False,
        "binance:NONE": False,
        "binance:SIM": False,
    }
    assert {name: row["reasons"] for name, row in rows.items()} == {
        "binance:BTCUSDT": "",
        "binance:LOW": "score_below_minimum",
        "binance:NONE": "score_missing",
        "binance:SIM": "simulated",
    }
    assert rows["binance:BTCUSDT"]["min_liquidity_score"] == 30.0


def test_rule_can_be_changed_for_one_run(tmp_path):
    rows = run_eligibility(tmp_path, {"min_liquidity_score": 92.0, "allow_simulated": True})
    assert [name for name, row in rows.items() if row["eligible"]] == ["binance:SIM"]


def test_location_loads_with_its_sensors_running():
    repository = defs.get_repository_def()
    assert {key.to_user_string() for key in repository.asset_graph.materializable_asset_keys} == {
        "exec/order_eligibility"
    }
    assert {job.name for job in repository.get_all_jobs()} >= {"eligibility", "report_stale_pulse"}
    sensors = {sensor.name: sensor for sensor in repository.sensor_defs}
    assert set(sensors) == {"execution_automation", "stale_pulse_sensor"}
    assert all(sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in sensors.values())
    assert sensors["stale_pulse_sensor"].minimum_interval_seconds == 30


# --- the stale pulse sensor ---

SATURDAY = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Published:
    """What the store resource answers: newest session by calendar, or a fault."""

    def __init__(self, newest):
        self.newest = newest

    def store(self):
        return self

    def newest_sessions(self):
        if isinstance(self.newest, Exception):
            raise self.newest
        return self.newest


def tick(newest, now=SATURDAY, cursor=None):
    context = dg.build_sensor_context(cursor=cursor)
    return stale_pulse_sensor(context, store=Published(newest), clock=FixedClock(now))


def test_fresh_pulse_is_skipped_with_figures():
    result = tick({"XNYS": date(2026, 11, 20), "24/7": date(2026, 11, 20)})
    assert isinstance(result, dg.SkipReason)
    assert (
        result.skip_message
        == "fresh; 24/7 has 2026-11-20, expected 2026-11-20; XNYS has 2026-11-20, expected 2026-11-20"
    )


def test_closed_days_are_not_late():
    monday_morning = datetime(2026, 11, 23, 12, tzinfo=UTC)
    state = assess_freshness(
        {"XNYS": date(2026, 11, 20), "24/7": date(2026, 11, 20)}, monday_morning, timedelta(hours=6)
    )
    assert state.late == ("24/7",)


@pytest.mark.feature("CD-CB-10")
def test_same_state_twice_is_one_run():
    newest = {"XNYS": date(2026, 11, 19), "24/7": date(2026, 11, 20)}
    first = tick(newest)
    assert [request.run_key for request in first.run_requests] == ["late/XNYS:2026-11-19<2026-11-20"]
    assert json.loads(first.cursor) == {"late": ["XNYS"]}
    second = tick(newest, SATURDAY + timedelta(seconds=30), first.cursor)
    assert isinstance(second, dg.SkipReason)
    assert second.skip_message.startswith("late as reported: XNYS; ")
    lost_cursor = tick(newest, SATURDAY + timedelta(minutes=1))
    assert lost_cursor.run_requests[0].run_key == first.run_requests[0].run_key  # Dagster runs a key once
    days_later = tick(newest, SATURDAY + timedelta(days=3), json.dumps({"late": ["24/7", "XNYS"]}))
    assert isinstance(days_later, dg.SkipReason)


@pytest.mark.feature("CD-CB-10")
def test_recovery_is_reported_once():
    fresh = {"XNYS": date(2026, 11, 20)}
    result = tick(fresh, cursor=json.dumps({"late": ["XNYS"]}))
    assert result.run_requests[0].run_key == "fresh/all:2026-11-20"
    assert isinstance(tick(fresh, cursor=result.cursor), dg.SkipReason)


@pytest.mark.feature("CD-CB-10")
def test_fault_of_one_tick_does_not_stop_later_ticks():
    cursor = json.dumps({"late": []})
    with pytest.raises(SourceUnavailableError):
        tick(SourceUnavailableError("database is away"), cursor=cursor)
    assert tick({"XNYS": date(2026, 11, 19)}, cursor=cursor).run_requests


def test_nothing_published_is_no_alarm():
    assert isinstance(tick({}), dg.SkipReason)


def test_report_records_an_observation():
    with dg.DagsterInstance.ephemeral() as instance:
        request = tick({"XNYS": date(2026, 11, 19)}).run_requests[0]
        result = report_stale_pulse.execute_in_process(run_config=request.run_config, instance=instance)
        assert result.success
        [record] = instance.fetch_observations(PULSE_FRESHNESS.key, limit=5).records
    observation = record.asset_observation
    assert observation.description == "late"
    assert observation.metadata["late"].value == "XNYS"
    assert observation.metadata["figures"].value == "XNYS has 2026-11-19, expected 2026-11-20"
