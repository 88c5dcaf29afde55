"""The three code locations: each loads alone and lightly, each table has one owner."""

import subprocess
import sys
from collections import Counter

import pytest
import yaml

from resources.settings import PROJECT_ROOT

LOCATIONS = ("pulse_assets", "risk_assets", "execution_jobs")
HEAVY = ("great_expectations", "sklearn", "ccxt", "matplotlib")


def in_new_process(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=PROJECT_ROOT,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split()


def test_workspace_lists_the_three_locations():
    entries = [
        entry["python_module"] for entry in yaml.safe_load((PROJECT_ROOT / "workspace.yaml").read_text())["load_from"]
    ]
    assert [entry["location_name"] for entry in entries] == list(LOCATIONS)
    assert [entry["module_name"] for entry in entries] == [f"{name}.definitions" for name in LOCATIONS]


@pytest.mark.parametrize("location", LOCATIONS)
def test_location_loads_without_heavy_libraries(location):
    code = (
        "import importlib, sys\n"
        "importlib.import_module(sys.argv[1] + '.definitions').defs.get_repository_def()\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = set(in_new_process(code, location))
    assert "dagster" in loaded
    assert loaded & set(HEAVY) == set()
    if location == "execution_jobs":
        assert loaded & {"pandas", "sqlalchemy", "exchange_calendars"} == set()


def test_each_table_has_one_owner():
    code = (
        "import importlib, sys\n"
        "for location in sys.argv[1:]:\n"
        "    graph = importlib.import_module(location + '.definitions').defs.get_repository_def().asset_graph\n"
        "    print(*(key.to_user_string() for key in graph.materializable_asset_keys))"
    )
    owners = Counter(in_new_process(code, *LOCATIONS))
    assert [key for key, count in owners.items() if count > 1] == []
    from liquidity.contracts import ALL_CONTRACTS

    tables = {"/".join(contract.asset_path) for contract in ALL_CONTRACTS}
    assert set(owners) == tables | {"pulse/market_database"}  # rows in PostgreSQL, not a table of the lake
