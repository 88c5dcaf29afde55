"""The risk location: loads by itself, follows new pulse tables, stores an audited table."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pandas as pd
import pytest

from io_managers.contract_checks import fast_contract_check
from io_managers.contract_parquet import ContractParquetIOManager
from liquidity.contracts import ALL_CONTRACTS, BONDX_SCORE, LIQUIDITY_FEATURES, LIQUIDITY_INDEX, SECTOR_LIQUIDITY
from resources.dagster_wiring import DAILY, LakeResource
from resources.lake import Lake
from risk_assets.definitions import CHECKED, defs, risk_automation
from risk_assets.sector_liquidity import sector_liquidity
from risk_assets.upstream import UPSTREAM

DAYS = [date(2026, 11, 12) + timedelta(days=n) for n in range(6)]
SECTOR_KEY = dg.AssetKey(SECTOR_LIQUIDITY.asset_path)


def score_rows(contract, score_name, day, scores):
    """Rows of a score table with the columns that this test does not mind filled plainly."""
    return pd.DataFrame(
        {
            "session_date": day,
            "instrument_id": list(scores),
            "asset_class": "crypto_spot",
            "issuer_id": None,
            "sector": None,
            "rating": None,
            score_name: list(scores.values()),
            "method": "observed",
            "reason": "",
            "coverage_frac": 1.0,
            "uncertainty_sd": 1.0,
            "lower_80": [value - 1 for value in scores.values()],
            "upper_80": [value + 1 for value in scores.values()],
            "drivers_json": "[]",
            "oldest_input_age_s": 0.0,
            "profile": "p",
            "config_hash": "0" * 16,
            "source": "simulated",
        }
    )[list(contract.column_names)]


def feature_rows(day, names):
    frame = pd.DataFrame(
        {"session_date": day, "instrument_id": names, "asset_class": "crypto_spot", "currency": "USDT"}
    )
    for column in LIQUIDITY_FEATURES.columns:
        if column.name not in frame:
            frame[column.name] = None if column.nullable else {"string": "", "int64": 0, "float64": 1.0}[column.dtype]
    frame["source"] = "simulated"
    return frame[list(LIQUIDITY_FEATURES.column_names)]


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path)
    for place, day in enumerate(DAYS):
        scores = {"binance:BTCUSDT": 90.0 - place, "binance:ETHUSDT": 70.0}
        lake.publish(LIQUIDITY_INDEX, day, score_rows(LIQUIDITY_INDEX, "liquidity_score", day, scores))
        lake.publish(BONDX_SCORE, day, score_rows(BONDX_SCORE, "bondx_score", day, scores))
        lake.publish(LIQUIDITY_FEATURES, day, feature_rows(day, list(scores)))
    return lake


def materialise(lake, day):
    return dg.materialize(
        [*UPSTREAM, sector_liquidity, fast_contract_check(SECTOR_LIQUIDITY, DAILY)],
        selection=dg.AssetSelection.assets(SECTOR_KEY),
        partition_key=day.isoformat(),
        resources={
            "io_manager": ContractParquetIOManager(lake_dir=str(lake.root)),
            "lake": LakeResource(lake_dir=str(lake.root)),
        },
    )


def test_sector_table_is_computed_from_the_stored_tables(lake):
    result = materialise(lake, DAYS[5])
    assert result.success
    [check] = result.get_asset_check_evaluations()
    assert check.passed
    [row] = lake.read(SECTOR_LIQUIDITY, DAYS[5], DAYS[5]).to_pylist()
    assert (row["sector"], row["members_count"], row["origin"], row["weighting"]) == (
        "UNKNOWN",
        2,
        "simulated",
        "equal",
    )
    assert row["liquidity_score"] == pytest.approx((85.0 + 70.0) / 2)
    assert row["reference_date"] == DAYS[0]
    assert row["change_points"] == pytest.approx(-2.5)


def test_first_session_has_no_change(lake):
    assert materialise(lake, DAYS[0]).success
    [row] = lake.read(SECTOR_LIQUIDITY, DAYS[0], DAYS[0]).to_pylist()
    assert row["change_points"] is None
    assert row["reference_date"] is None


def test_closed_day_gives_an_empty_table(lake):
    empty = DAYS[5] + timedelta(days=1)
    for contract in (LIQUIDITY_INDEX, BONDX_SCORE, LIQUIDITY_FEATURES):
        lake.publish(contract, empty, contract.arrow_schema.empty_table())
    assert materialise(lake, empty).success
    assert lake.read(SECTOR_LIQUIDITY, empty, empty).num_rows == 0


def test_location_owns_the_risk_tables_and_checks_each():
    repository = defs.get_repository_def()
    owned = {key.to_user_string() for key in repository.asset_graph.materializable_asset_keys}
    assert owned == {f"risk/{contract.name}" for contract in ALL_CONTRACTS if contract.location == "risk"}
    assert {contract.name for contract in CHECKED} == {name.removeprefix("risk/") for name in owned}
    assert repository.has_job("sector_monitoring")
    spec = repository.assets_defs_by_key[SECTOR_KEY].specs_by_key[SECTOR_KEY]
    assert (spec.group_name, list(spec.owners)) == ("liquidity_risk", ["team:risk"])
    assert spec.kinds == {"python", "parquet"}
    for contract in (LIQUIDITY_INDEX, BONDX_SCORE, LIQUIDITY_FEATURES):
        assert repository.asset_graph.get(dg.AssetKey(contract.asset_path)).partitions_def == DAILY


def test_automation_runs_by_itself_and_often():
    assert risk_automation.default_status is dg.DefaultSensorStatus.RUNNING
    assert risk_automation.minimum_interval_seconds == 10


def test_new_pulse_tables_request_the_sector_table_even_without_older_days():
    now = datetime(2026, 11, 20, 1, tzinfo=UTC)
    day = "2026-11-19"

    @dg.asset(key=dg.AssetKey(LIQUIDITY_INDEX.asset_path), partitions_def=DAILY)
    def index():
        return None

    @dg.asset(key=dg.AssetKey(BONDX_SCORE.asset_path), partitions_def=DAILY)
    def bondx():
        return None

    @dg.asset(key=dg.AssetKey(LIQUIDITY_FEATURES.asset_path), partitions_def=DAILY)
    def features():
        return None

    graph = dg.Definitions(
        assets=[index, bondx, features, sector_liquidity], resources={"io_manager": dg.mem_io_manager}
    )
    with dg.DagsterInstance.ephemeral() as instance:
        before = dg.evaluate_automation_conditions(
            graph, instance, asset_selection=dg.AssetSelection.assets(SECTOR_KEY), evaluation_time=now
        )
        assert before.total_requested == 0
        dg.materialize(
            [index, features], instance=instance, partition_key=day, resources={"io_manager": dg.mem_io_manager}
        )
        partly = dg.evaluate_automation_conditions(
            graph,
            instance,
            asset_selection=dg.AssetSelection.assets(SECTOR_KEY),
            cursor=before.cursor,
            evaluation_time=now,
        )
        assert partly.total_requested == 0  # the combined score is still missing
        dg.materialize([bondx], instance=instance, partition_key=day, resources={"io_manager": dg.mem_io_manager})
        after = dg.evaluate_automation_conditions(
            graph,
            instance,
            asset_selection=dg.AssetSelection.assets(SECTOR_KEY),
            cursor=partly.cursor,
            evaluation_time=now,
        )
        assert after.get_requested_partitions(SECTOR_KEY) == {day}
