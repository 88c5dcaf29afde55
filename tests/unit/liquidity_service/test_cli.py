"""The command line: what it refuses, what it prints, how it exits."""

import json
import runpy
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liquidity.contracts import SENTIMENT
from liquidity_service.cli import main

SEEDED = runpy.run_path(str(Path(__file__).parents[2] / "contract" / "seeded_defects.py"))
DAY, good = SEEDED["DAY"], SEEDED["good"]


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """A workspace of the test's own, whatever the environment says."""
    monkeypatch.setenv("PULSE_DATA_DIR", str(tmp_path / "data"))
    for name in ("PULSE_REAL_DATA", "PULSE_LAKE_DIR", "PULSE_LANDING_DIR", "PULSE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the following arguments are required: command"),
        (["fly"], "invalid choice: 'fly'"),
        (["show", "--date", "19.03.2026"], "'19.03.2026' is no day; write it as YYYY-MM-DD"),
        (["show", "--date", "2026-02-30"], "'2026-02-30' is no day"),
        (["simulate", "--start", "soon"], "'soon' is no day"),
        (["history", "INE094A08176"], "the following arguments are required: --date"),
        (
            ["history", "X", "--date", "2026-03-19", "--as-of", "2026-03-19T18:00:00"],
            "'2026-03-19T18:00:00' has no time zone; write it as 2026-03-19T18:00:00+00:00",
        ),
        (["history", "X", "--date", "2026-03-19", "--as-of", "noon"], "'noon' is no time"),
        (["validate"], "the following arguments are required: path"),
        (["simulate", "--layout", "year"], "invalid choice: 'year'"),
        (["record", "binanceusdm"], "the following arguments are required: SYMBOL"),
        (["record", "binanceusdm", "BTCUSDT", "--minutes", "0"], "0 is not above 0"),
        (["record", "binanceusdm", "BTCUSDT", "--stale-s", "nan"], "nan is not above 0"),
        (["book", "replay", "x", "--out", "y", "--every", "100"], "'100' is none of update, message or a time"),
        (["book", "compare", "x", "--every", "message"], "'message' is no time"),
        (["book", "play"], "invalid choice: 'play'"),
        (["collect", "binanceusdm", "BTCUSDT", "--what", "ohlcv,gold"], "'gold' is none of ohlcv, trades"),
        (["emulate", "nasdaq"], "invalid choice: 'nasdaq'"),
    ],
)
def test_a_wrong_call_exits_two_and_says_what_is_wrong(arguments, told, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_every_command_has_help(capsys):
    commands = (
        "tour",
        "dev",
        "simulate",
        "record",
        "book",
        "collect",
        "emulate",
        "validate",
        "show",
        "history",
        "config",
    )
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert f"pulse {command}" in capsys.readouterr().out


def test_wrong_settings_exit_two_with_the_key(monkeypatch, capsys):
    monkeypatch.setenv("PULSE_SIMULATE_BOND", "3")
    assert main(["config"]) == 2
    assert "PULSE_SIMULATE_BOND is no setting; did you mean PULSE_SIMULATE_BONDS?" in capsys.readouterr().err


@pytest.mark.feature("BX-CF-03")
def test_config_prints_sources_and_masks_secrets(monkeypatch, capsys, workspace):
    monkeypatch.setenv("PULSE_DATABASE_URL", "postgresql://reader:canary7f3a9c@db.example/pulse")
    monkeypatch.setenv("PULSE_CACHE__TTL_S", "5")
    assert main(["config"]) == 0
    out, err = capsys.readouterr()
    assert "canary7f3a9c" not in out + err
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert "**" in lines["database_url"]
    assert "PULSE_DATABASE_URL" in lines["database_url"]
    assert "5" in lines["cache.ttl_s"].split()[1]
    assert "PULSE_CACHE__TTL_S" in lines["cache.ttl_s"]
    assert str(workspace) in lines["data_dir"]


@pytest.mark.feature("BX-CT-07")
def test_validate_passes_good_tables(tmp_path, capsys):
    folder = tmp_path / "sentiment"
    folder.mkdir()
    pq.write_table(good(SENTIMENT), folder / f"session_date={DAY}.parquet")
    assert main(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().out.rstrip().endswith("1 files, 60 rows, passed")
    assert main(["validate", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True


@pytest.mark.feature("BX-CT-07")
@pytest.mark.parametrize("defect", SEEDED["ROW_DEFECTS"][::3], ids=lambda defect: defect.name)
def test_validate_refuses_each_bad_row_by_file_column_and_count(tmp_path, capsys, defect):
    damaged = defect.damage(good(defect.contract))
    foreign = pa.table({name: damaged.column(name) for name in damaged.column_names})
    path = tmp_path / defect.contract.name / f"session_date={DAY}.parquet"
    path.parent.mkdir()
    pq.write_table(foreign, path)
    assert main(["validate", str(path), "--json"]) == 1
    finding = next(each for each in json.loads(capsys.readouterr().out)["findings"] if each["code"] == defect.code)
    assert finding["file"] == str(path)
    assert finding["column"]
    assert finding["bad_rows"] == defect.rejected
    assert main(["validate", str(path)]) == 1
    assert f"{path}: {defect.code}: " in capsys.readouterr().out


@pytest.mark.feature("BX-CT-07")
@pytest.mark.parametrize(
    "defect",
    [each for each in SEEDED["FILE_DEFECTS"] if each.name not in ("text_bomb", "too_many_rows")],
    ids=lambda defect: defect.name,
)
def test_validate_refuses_each_bad_file(tmp_path, capsys, defect):
    folder = tmp_path / "delivered"
    folder.mkdir()
    assert main(["validate", str(defect.write(folder))]) == 1
    out = capsys.readouterr().out
    assert f": {defect.code}: " in out
    assert "Traceback" not in out


def test_validate_takes_the_table_by_name_and_refuses_an_unknown_one(tmp_path, capsys):
    path = tmp_path / "delivered.parquet"
    pq.write_table(good(SENTIMENT), path)
    assert main(["validate", str(path), "--table", "sentiment"]) == 0
    assert main(["validate", str(path), "--table", "weather"]) == 2
    assert "no table 'weather'; there are instruments, " in capsys.readouterr().err


@pytest.mark.feature("BX-MK-04")
def test_simulate_writes_a_market_and_nothing_the_second_time(tmp_path, capsys):
    arguments = ["simulate", "--out", str(tmp_path / "landing"), "--bonds", "4", "--seed", "5"]
    arguments += ["--start", "2026-03-16", "--end", "2026-03-18", "--layout", "day"]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert "simulated market 2026-03-16..2026-03-18" in told
    assert "generated tapes: 3 days" in told
    assert len(list((tmp_path / "landing" / "tapes").rglob("*.book.parquet"))) == 3 * 4
    for table in ("instruments", "microstructure", "alt_signals", "auction_mm", "sentiment", "macro_series"):
        assert len(list((tmp_path / "landing" / table).glob("*.parquet"))) == 3
    assert main(["validate", str(tmp_path / "landing")]) == 0
    assert capsys.readouterr().out.rstrip().endswith("passed")
    assert main(arguments) == 0
    assert capsys.readouterr().out.count("complete already") == 2


def test_simulate_refuses_a_size_that_is_none(tmp_path, capsys):
    assert main(["simulate", "--out", str(tmp_path), "--bonds", "0", "--start", "2026-03-16"]) == 2
    assert "bonds is 0; allowed: 1 to" in capsys.readouterr().err


def test_show_on_an_empty_workspace_says_what_to_do(capsys):
    assert main(["show"]) == 1
    assert capsys.readouterr().err == "pulse: no pulse is published; `pulse tour` makes one\n"
    assert main(["show", "--date", "2026-03-19"]) == 1
    assert f"no pulse is published for {date(2026, 3, 19)}" in capsys.readouterr().err


def test_nothing_is_forgotten_without_a_retention(capsys):
    assert main(["forget"]) == 2
    assert "publication.retention_days is null" in capsys.readouterr().err


def test_run_offers_the_jobs_of_the_locations_and_refuses_a_backward_range(capsys):
    from liquidity_service.workspace import JOBS
    from pulse_assets.schedules import JOBS as PULSE_JOBS
    from risk_assets.definitions import defs as risk

    defined = {job.name: "pulse_assets" for job in PULSE_JOBS} | {job.name: "risk_assets" for job in risk.jobs}
    assert defined == JOBS
    assert main(["run", "rescore", "--start", "2026-11-20", "--end", "2026-11-19"]) == 2
    assert "before start" in capsys.readouterr().err


def test_collect_refuses_days_that_are_not_over_and_backward_ranges(capsys):
    today = datetime.now(UTC).date()
    assert main(["collect", "binanceusdm", "BTCUSDT", "--end", str(today)]) == 2
    assert "is not over yet (UTC)" in capsys.readouterr().err
    assert main(["collect", "binanceusdm", "BTCUSDT", "--start", "2026-01-02", "--end", "2026-01-01"]) == 2
    assert "the first day must not lie behind the last" in capsys.readouterr().err


def test_recording_asks_for_a_known_venue(capsys):
    assert main(["record", "nasdaq", "BTCUSDT"]) == 2
    assert "nasdaq" in capsys.readouterr().err
