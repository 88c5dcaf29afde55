"""What an asset takes over from its contract, the days of a run, and when a table is late."""

from datetime import date, timedelta

import dagster as dg
import pytest

from io_managers.contract_assets import LOOKBACK, OWNERS, asset_out, asset_settings, borrow, history
from io_managers.sessions import run_sessions
from liquidity.contracts import ALL_CONTRACTS, AUCTION_MM, LIQUIDITY_INDEX, SIGNAL_PANEL
from pulse_assets.checks import CHECKS
from pulse_assets.freshness import with_freshness
from pulse_assets.thresholds import THRESHOLDS
from resources.dagster_wiring import DAILY
from resources.settings import current_settings


@pytest.mark.parametrize("contract", ALL_CONTRACTS, ids=lambda contract: contract.name)
def test_settings_follow_from_the_contract(contract):
    settings = asset_settings(contract)
    assert settings["key"] == dg.AssetKey([contract.location, contract.name])
    assert settings["group_name"] == contract.group
    assert settings["owners"] == OWNERS[contract.location]
    assert settings["tags"] == {"contract_version": str(contract.version)}
    assert contract.row_means in settings["description"]
    assert asset_out(contract).key == settings["key"]


def test_history_reaches_ninety_days_back_and_no_further():
    mapping = LOOKBACK.get_upstream_mapped_partitions_result_for_partitions(
        DAILY.subset_with_partition_keys(["2026-03-19"]), DAILY, DAILY
    )
    days = sorted(date.fromisoformat(key) for key in mapping.partitions_subset.get_partition_keys())
    assert (len(days), days[0], days[-1]) == (90, date(2026, 3, 19) - timedelta(days=89), date(2026, 3, 19))


def test_inputs_name_their_columns_only_where_given():
    assert borrow(SIGNAL_PANEL).metadata is None
    assert borrow(SIGNAL_PANEL).partition_mapping is None
    narrow = history(LIQUIDITY_INDEX, "session_date", "liquidity_score")
    assert narrow.metadata == {"columns": ["session_date", "liquidity_score"]}
    assert narrow.partition_mapping == LOOKBACK


def test_one_check_for_each_table_of_the_location():
    keys = {key for check in CHECKS for key in check.check_keys}
    assert keys == {
        dg.AssetCheckKey(dg.AssetKey(c.asset_path), "contract") for c in ALL_CONTRACTS if c.location == "pulse"
    }


def test_the_days_of_a_run_come_in_order():
    seen = []

    @dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
    def days(context: dg.AssetExecutionContext) -> None:
        seen.append(run_sessions(context))

    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([days], partition_key="2026-03-19", instance=instance)
        job = dg.Definitions(assets=[days], jobs=[dg.define_asset_job("j", [days])]).resolve_job_def("j")
        job.execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": "2026-02-27",
                "dagster/asset_partition_range_end": "2026-03-02",
            },
        )
    assert seen == [
        [date(2026, 3, 19)],
        [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2)],
    ]


def test_freshness_is_put_on_every_table_and_nothing_else_changes():
    mixed, bonds_only = dg.AssetKey(SIGNAL_PANEL.asset_path), dg.AssetKey(AUCTION_MM.asset_path)

    @dg.multi_asset(specs=[dg.AssetSpec(bonds_only, group_name="x"), dg.AssetSpec(mixed, deps=[bonds_only])])
    def two():
        pass

    [fresh] = with_freshness([two])
    assert fresh.keys == two.keys
    due = {spec.key: spec.freshness_policy for spec in fresh.specs}
    assert due[mixed].deadline_cron == "0 2 * * *"  # coins trade every day
    assert due[bonds_only].deadline_cron == "0 2 * * 2-6"  # what Friday's market said is due on Saturday
    assert {policy.timezone for policy in due.values()} == {"UTC"}
    assert {policy.lower_bound_delta for policy in due.values()} == {timedelta(hours=24)}
    assert fresh.get_asset_spec(bonds_only).group_name == "x"


def test_thresholds_are_those_of_the_settings():
    warning = current_settings().early_warning
    assert (THRESHOLDS.warning_fall_points, THRESHOLDS.warning_within_sessions, THRESHOLDS.clear_within_points) == (
        warning.fall_points,
        warning.within_sessions,
        warning.clear_within_points,
    )
