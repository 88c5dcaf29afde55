"""Every seeded defect gets its clear answer, and what was published before stays as it was."""

import hashlib
import json
import os
import runpy
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liquidity.contracts import ALL_CONTRACTS, ALT_SIGNALS, AUCTION_MM, MICROSTRUCTURE, SENTIMENT
from liquidity.domain.errors import ContractError
from resources.file_validation import main, validate_path
from resources.lake import Lake

SEEDED = runpy.run_path(str(Path(__file__).with_name("seeded_defects.py")))
DAY, ROWS, good = SEEDED["DAY"], SEEDED["ROWS"], SEEDED["good"]
YESTERDAY = DAY - timedelta(days=1)
SIGNALS = {"alt_signals": "BX-CT-01", "microstructure": "BX-CT-02", "auction_mm": "BX-CT-03", "sentiment": "BX-CT-04"}


def _cases(name: str) -> list[Any]:
    cases = []
    for defect in SEEDED[name]:
        table = getattr(getattr(defect, "contract", None), "name", "")
        marks = [pytest.mark.feature("CD-CT-08", *([SIGNALS[table]] if table in SIGNALS else []))]
        cases.append(pytest.param(defect, id=f"{table}-{defect.name}" if table else defect.name, marks=marks))
    return cases


def _hashes(root: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and "quarantine" not in path.parts
    }


def _lake_with_yesterday(tmp_path: Path, contract: Any) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.publish(contract, YESTERDAY, good(contract, day=YESTERDAY))
    return lake


def test_there_are_at_least_forty_defects_of_distinct_names() -> None:
    names = [defect.name for kind in ("ROW_DEFECTS", "TABLE_DEFECTS", "FILE_DEFECTS") for defect in SEEDED[kind]]
    assert len(set(names)) == len(names) >= 40


@pytest.mark.parametrize("defect", _cases("ROW_DEFECTS"))
def test_a_bad_row_is_set_aside_with_its_reason_and_the_rest_is_published(tmp_path: Path, defect: Any) -> None:
    lake = _lake_with_yesterday(tmp_path, defect.contract)
    before = _hashes(lake.root)
    damaged = defect.damage(good(defect.contract))

    report = lake.publish(defect.contract, DAY, damaged)

    assert (report.rows, report.quarantined) == (damaged.num_rows - defect.rejected, defect.rejected)
    assert {each.code: each.count for each in report.violations}[defect.code] == defect.rejected
    quarantined = lake.read_quarantine(defect.contract, DAY)
    assert quarantined.num_rows == defect.rejected
    assert all(defect.code in reasons for reasons in quarantined.column("reasons").to_pylist())
    assert lake.read(defect.contract, DAY, DAY).num_rows == report.rows
    assert before.items() <= _hashes(lake.root).items()


@pytest.mark.parametrize("defect", _cases("TABLE_DEFECTS"))
def test_a_broken_table_is_refused_and_nothing_changes(tmp_path: Path, defect: Any) -> None:
    lake = _lake_with_yesterday(tmp_path, defect.contract)
    lake.publish(defect.contract, DAY, good(defect.contract))
    before = _hashes(lake.root)

    with pytest.raises(ContractError) as refused:
        lake.publish(defect.contract, DAY, defect.damage(good(defect.contract)))

    assert all(text in str(refused.value) for text in defect.told), str(refused.value)
    assert _hashes(lake.root) == before


@pytest.mark.feature("BX-CT-07")
@pytest.mark.parametrize("defect", _cases("FILE_DEFECTS"))
def test_a_bad_file_is_reported_with_name_and_reason(tmp_path: Path, defect: Any) -> None:
    report = validate_path(defect.write(tmp_path))

    assert report.exit_code == 1
    finding = next(each for each in report.findings if each.code == defect.code)
    assert defect.told in finding.detail
    assert finding.file.startswith(str(tmp_path))


@pytest.mark.feature("BX-CT-07")
@pytest.mark.parametrize("defect", _cases("ROW_DEFECTS")[:40:3])
def test_validate_names_file_column_and_row_count_of_each_defect(
    tmp_path: Path, defect: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / defect.contract.name
    folder.mkdir()
    pq.write_table(good(defect.contract), folder / "good.parquet")
    assert main([str(tmp_path), "--json"]) == 0
    damaged = defect.damage(good(defect.contract))
    foreign = pa.table(
        {name: damaged.column(name) for name in damaged.column_names}
    )  # a sender's schema promises nothing
    pq.write_table(foreign, folder / f"session_date={DAY}.parquet")
    capsys.readouterr()

    assert main([str(tmp_path), "--json"]) == 1

    findings = json.loads(capsys.readouterr().out)["findings"]
    found = next(each for each in findings if each["code"] == defect.code)
    assert found["file"].endswith(f"session_date={DAY}.parquet")
    assert (found["rows"], found["bad_rows"]) == (damaged.num_rows, defect.rejected)
    assert found["column"]


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "sentiment.parquet"
    path.mkdir()
    assert [each.code for each in validate_path(path).findings] == ["nothing_found"]
    secret = tmp_path / "sentiment.csv"
    secret.write_text("a\n")
    secret.chmod(0)
    finding = validate_path(secret).findings[0]
    assert finding.code == ("unreadable" if os.geteuid() else finding.code)
    secret.chmod(stat.S_IRUSR | stat.S_IWUSR)


@pytest.mark.parametrize(
    "contract", [ALT_SIGNALS, MICROSTRUCTURE, AUCTION_MM, SENTIMENT], ids=lambda contract: contract.name
)
def test_unsorted_rows_are_stored_sorted_and_byte_equal(tmp_path: Path, contract: Any) -> None:
    table = good(contract)
    backwards = table.take(pa.array(range(table.num_rows - 1, -1, -1)))
    first = Lake(tmp_path / "a").publish(contract, DAY, table)
    second = Lake(tmp_path / "b").publish(contract, DAY, backwards)
    assert first.sha256 == second.sha256


@pytest.mark.feature("BX-CT-07")
def test_good_tables_of_every_contract_pass_validation(tmp_path: Path) -> None:
    for contract in ALL_CONTRACTS:
        (tmp_path / contract.name).mkdir()
        pq.write_table(good(contract), tmp_path / contract.name / f"session_date={DAY}.parquet")
    report = validate_path(tmp_path)
    assert (report.exit_code, report.files) == (0, len(ALL_CONTRACTS))


@pytest.mark.feature("BX-CT-07")
def test_a_table_that_would_be_refused_as_a_whole_says_so(tmp_path: Path) -> None:
    broken = next(defect for defect in SEEDED["TABLE_DEFECTS"] if defect.name == "source_is_broken")
    damaged = broken.damage(good(MICROSTRUCTURE))
    plain = pa.table({name: damaged.column(name) for name in damaged.column_names})
    pq.write_table(plain, tmp_path / "microstructure.parquet")
    [rule, refused] = validate_path(tmp_path).findings
    assert (rule.code, rule.bad_rows, refused.code, refused.bad_rows) == ("below_minimum", 7, "table_refused", 7)
    assert rule.detail.endswith("value -1.0; check sign and unit at the source")
    assert "7 of 60 rows break the contract (11.7%, allowed 10%)" in refused.detail


@pytest.mark.feature("BX-CT-07")
def test_compressed_files_are_told_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "sentiment.csv.gz").write_bytes(b"\x1f\x8b")
    [finding] = validate_path(tmp_path).findings
    assert (finding.code, finding.table) == ("unreadable", "sentiment")
    assert finding.detail.endswith("compressed (.gz); unpack it first")


@pytest.mark.real_data
@pytest.mark.feature("BX-CT-07")
def test_each_recorded_flawed_file_is_a_finding(real_data: Path) -> None:
    folder = real_data / "bad_inputs"
    named = {Path(finding.file).name: finding for finding in validate_path(folder, MICROSTRUCTURE).findings}
    assert set(named) == {path.name for path in folder.iterdir()}
    assert {name: finding.code for name, finding in named.items()} == {
        "binance_usdm_alts_gap_dup_reorder.jsonl.gz": "unreadable",
        "br_treasury_scrape_broken.csv.gz": "unreadable",
        "us_equity_ticker_reuse_and_gaps.parquet": "table_refused",
    }
