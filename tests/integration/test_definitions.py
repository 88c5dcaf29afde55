"""What the three code locations offer, against a checked-in list that a reader can diff.

``definitions_snapshot.json`` beside this file holds, for each location, every asset with its group, owners, kinds,
dependencies and partitions, every check, job, schedule and sensor. After a change that is meant, write it anew with
``WRITE_SNAPSHOT=1 pytest tests/integration/test_definitions.py`` and read the diff.
"""

import importlib
import json
import os
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from liquidity.contracts import ALL_CONTRACTS
from resources.dagster_wiring import DAILY

LOCATIONS = ("pulse_assets", "risk_assets", "execution_jobs")
IN_THE_DATABASE = {"pulse/market_database"}  # rows in PostgreSQL, not a table of the lake
# Looked at over a year, when a sensor or an analyst has a reason.
ONE_DAY_A_RUN = ("score_validation", "warning_validation", "weight_review", "anomaly_patterns")
ASKED_FOR = ("forecast_models", "forecast_evaluation", *ONE_DAY_A_RUN)
SNAPSHOT = Path(__file__).with_name("definitions_snapshot.json")


def definitions(location):
    return importlib.import_module(f"{location}.definitions").defs


def describe(defs):
    repository = defs.get_repository_def()
    graph = repository.asset_graph
    assets = {}
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        assets[key.to_user_string()] = {
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "owners": sorted(node.owners),
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "materializable": node.is_materializable,
            "partitions": type(node.partitions_def).__name__ if node.partitions_def else None,
            "automation": node.automation_condition is not None,
        }
    return {
        "assets": assets,
        "checks": sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys),
        "jobs": sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
        "schedules": {each.name: [each.job_name, each.cron_schedule] for each in repository.schedule_defs},
        "sensors": {each.name: sorted(t.job_name for t in each.targets) for each in repository.sensor_defs},
    }


@pytest.mark.parametrize("location", LOCATIONS)
def test_location_is_loadable(location):
    dg.Definitions.validate_loadable(definitions(location))


def test_locations_offer_what_the_snapshot_says():
    found = {location: describe(definitions(location)) for location in LOCATIONS}
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    if os.environ.get("WRITE_SNAPSHOT") == "1":
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert json.loads(text) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_each_asset_has_one_owner_and_one_location():
    owners = {}
    for location in LOCATIONS:
        for name, asset in describe(definitions(location))["assets"].items():
            if asset["materializable"]:
                assert name not in owners, f"{name} is in {owners[name]} and {location}"
                assert len(asset["owners"]) == 1, name
                assert asset["group"] != "default", name
                assert asset["kinds"], name
                owners[name] = location
    assert set(owners) == {"/".join(contract.asset_path) for contract in ALL_CONTRACTS} | IN_THE_DATABASE


@pytest.mark.feature("CD-CT-08")
@pytest.mark.parametrize("location", LOCATIONS)
def test_each_table_has_a_blocking_partitioned_contract_check(location):
    graph = definitions(location).get_repository_def().asset_graph
    names = {"/".join(c.asset_path) for c in ALL_CONTRACTS}
    mine = [key for key in graph.materializable_asset_keys if key.to_user_string() in names]
    assert mine
    for key in mine:
        node = graph.get(dg.AssetCheckKey(key, "contract"))
        assert node.blocking, key
        assert node.partitions_def == graph.get(key).partitions_def == DAILY, key


def test_each_published_table_says_when_it_is_late_and_runs_a_backfill_at_once():
    graph = definitions("pulse_assets").get_repository_def().asset_graph
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        policy = node.freshness_policy
        assert policy is not None, key
        # Alternative data, auctions, news and statistics come from markets that rest at weekends.
        rests = key.path[-1] in ("alt_signals", "auction_mm", "sentiment", "macro_series")
        if key.path[-1] in ASKED_FOR:
            assert policy.fail_window.to_timedelta() == timedelta(days=60)
        else:
            assert (policy.deadline_cron, policy.timezone) == ("0 2 * * 2-6" if rests else "0 2 * * *", "UTC")
        assert node.backfill_policy == (None if key.path[-1] in ONE_DAY_A_RUN else dg.BackfillPolicy.single_run()), key
        assert node.description, key
        assert node.code_version, key


def test_one_merged_definition_of_all_locations_resolves():
    from merged_definitions import defs as whole

    dg.Definitions.validate_loadable(whole)
    graph = whole.get_repository_def().asset_graph
    tables = {"/".join(contract.asset_path) for contract in ALL_CONTRACTS}
    assert {key.to_user_string() for key in graph.materializable_asset_keys} == tables | IN_THE_DATABASE
    # Across locations the lines of the graph close: nothing that one location reads is unknown to the others.
    assert [key for key in graph.external_asset_keys if "/".join(key.path) in tables] == []
    for location in LOCATIONS:
        for job in describe(definitions(location))["jobs"]:
            assert whole.resolve_job_def(job).name == job
    sensors = {sensor.name for sensor in whole.get_repository_def().sensor_defs}
    assert {"stale_pulse_sensor"} <= sensors
