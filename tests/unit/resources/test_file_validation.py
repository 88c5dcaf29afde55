import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from liquidity.contracts import MACRO_SERIES, MICROSTRUCTURE, SENTIMENT
from liquidity.contracts.conform import frame_from_table
from liquidity.contracts.example import example_table
from resources.file_validation import main, validate_path
from resources.lake import Lake
from resources.parquet_limits import FileLimits

DAY = date(2026, 3, 19)


def _good() -> pa.Table:
    return example_table(SENTIMENT, DAY, 20, np.random.default_rng(0))


def _records() -> list[dict[str, object]]:
    return json.loads(
        frame_from_table(_good()).assign(session_date="2026-03-19").to_json(orient="records", date_format="iso")
    )


@pytest.mark.parametrize(
    "name",
    [
        "sentiment.parquet",
        "sentiment.csv",
        "sentiment.json",
        "sentiment.jsonl",
        "sentiment/any_name.parquet",
        "sentiment/session_date=2026-03-19.csv",
    ],
)
def test_good_files_of_every_format_pass(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if name.endswith(".parquet"):
        pq.write_table(_good(), path)
    elif name.endswith(".csv"):
        pacsv.write_csv(_good(), path)
    elif name.endswith(".json"):
        path.write_text(json.dumps(_records()))
    else:
        path.write_text("\n".join(json.dumps(record) for record in _records()))
    report = validate_path(path)
    assert (report.findings, report.rows, report.exit_code) == ((), 20, 0)


@pytest.mark.feature("BX-CT-07")
def test_a_whole_lake_is_judged_without_its_quarantine(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.publish(SENTIMENT, DAY, _good())
    lake.publish(MICROSTRUCTURE, DAY, example_table(MICROSTRUCTURE, DAY, 30, np.random.default_rng(0)))
    (tmp_path / "quarantine" / "pulse" / "sentiment").mkdir(parents=True)
    (tmp_path / "quarantine" / "pulse" / "sentiment" / "x.parquet").touch()
    report = validate_path(tmp_path)
    assert (report.files, report.rows, report.passed) == (2, 50, True)


@pytest.mark.feature("BX-CT-07")
def test_a_delivered_file_is_judged_without_what_the_platform_adds(tmp_path: Path) -> None:
    added = ["age_market_s", "quality_frac", "quality_rules"]
    delivered = _good().drop_columns([*added, "issuer_id"])
    path = tmp_path / "sentiment" / "mine-2026-03.parquet"
    path.parent.mkdir()
    pq.write_table(delivered, path)
    (tmp_path / "simulated_truth.json").write_text("{}")
    (tmp_path / "published" / "latest").mkdir(parents=True)
    (tmp_path / "published" / "latest" / "liquidity_pulse.json").write_text("{}")
    report = validate_path(tmp_path)
    assert (report.files, report.rows, report.findings) == (1, 20, ())
    pq.write_table(delivered.drop_columns(["buzz_volume"]), path)  # may not be null
    (finding,) = validate_path(tmp_path).findings
    assert finding.code == "table_refused"
    assert "buzz_volume" in finding.detail
    pq.write_table(_good().drop_columns(["quality_rules"]), path)  # neither delivered nor published
    assert [found.code for found in validate_path(tmp_path).findings] == ["table_refused"]


@pytest.mark.feature("BX-CT-07")
def test_the_command_answers_with_file_column_and_rows(tmp_path: Path) -> None:
    values = _good().column("buzz_volume").to_pylist()
    values[3] = -4.0
    place = _good().column_names.index("buzz_volume")
    pq.write_table(
        _good().set_column(place, _good().schema.field(place), pa.array(values)), tmp_path / "sentiment.parquet"
    )
    done = subprocess.run(
        [sys.executable, "-m", "resources.file_validation", str(tmp_path)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert (
        f"{tmp_path}/sentiment.parquet: below_minimum: sentiment.buzz_volume: 1 of 20 rows below_minimum, allowed >= 0 (stories)"
        in done.stdout
    )
    assert f"{tmp_path}: 1 files, 20 rows, FAILED with 1 findings" in done.stdout


def test_the_table_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(_good(), tmp_path / "delivery.parquet")
    assert main([str(tmp_path / "delivery.parquet")]) == 1
    assert main([str(tmp_path / "delivery.parquet"), "--table", "sentiment"]) == 0
    assert "passed" in capsys.readouterr().out


def test_a_file_of_another_table_is_refused_with_both_lists(tmp_path: Path) -> None:
    pq.write_table(_good(), tmp_path / "macro_series.parquet")
    (finding,) = validate_path(tmp_path).findings
    assert (finding.code, finding.table, finding.rows) == ("table_refused", "macro_series", 20)
    assert "missing columns ['series_id'" in finding.detail


def test_csv_with_text_where_a_number_belongs_is_named_by_place(tmp_path: Path) -> None:
    path = tmp_path / "macro_series.csv"
    pacsv.write_csv(example_table(MACRO_SERIES, DAY, 3, np.random.default_rng(0)), path)
    path.write_text(path.read_text().replace(path.read_text().splitlines()[1].split(",")[2], "n/a", 1))
    (finding,) = validate_path(path).findings
    assert finding.code == "unreadable"
    assert "n/a" in finding.detail


def test_text_files_have_limits_too(tmp_path: Path) -> None:
    pacsv.write_csv(_good(), tmp_path / "sentiment.csv")
    for limits, told in (
        (FileLimits(max_file_bytes=100), "bytes of text"),
        (FileLimits(max_rows=5), "20 rows, allowed 5"),
    ):
        (finding,) = validate_path(tmp_path, limits=limits).findings
        assert told in finding.detail


def test_the_json_report_round_trips(tmp_path: Path) -> None:
    pq.write_table(_good(), tmp_path / "sentiment.parquet")
    told = json.loads(validate_path(tmp_path).to_json())
    assert (told["passed"], told["files"], told["rows"], told["findings"]) == (True, 1, 20, [])
