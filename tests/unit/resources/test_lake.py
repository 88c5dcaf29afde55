import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liquidity.contracts import MACRO_SERIES, MICROSTRUCTURE, SENTIMENT
from liquidity.contracts.conform import frame_from_table
from liquidity.contracts.example import example_table
from liquidity.domain.errors import ConfigError, ContractError
from resources.lake import BLOCK_INSTRUMENTS, History, Lake
from resources.parquet_limits import FileLimits

DAY = date(2026, 3, 19)


def _day(offset: int, rows: int = 20) -> pa.Table:
    return example_table(SENTIMENT, DAY + timedelta(days=offset), rows, np.random.default_rng(offset + 50))


def _damaged(table: pa.Table, row: int) -> pa.Table:
    values = table.column("buzz_volume").to_pylist()
    values[row] = -1.0
    return table.set_column(
        table.column_names.index("buzz_volume"), table.schema.field("buzz_volume"), pa.array(values)
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_a_published_day_reads_back_equal_and_lies_where_it_should(lake: Lake) -> None:
    table = _day(0)
    report = lake.publish(SENTIMENT, DAY, table)
    assert report.path.relative_to(lake.root).as_posix() == "pulse/sentiment/session_date=2026-03-19.parquet"
    assert report.sha256 == hashlib.sha256(report.path.read_bytes()).hexdigest()
    assert lake.read(SENTIMENT, DAY, DAY).equals(table)
    assert (lake.has(SENTIMENT, DAY), lake.has(SENTIMENT, DAY + timedelta(days=1))) == (True, False)
    assert list(lake.root.rglob("*.tmp")) == []


def test_a_frame_and_its_table_give_the_same_bytes_and_so_does_a_second_run(lake: Lake) -> None:
    first = lake.publish(SENTIMENT, DAY, _day(0))
    assert lake.publish(SENTIMENT, DAY, frame_from_table(_day(0))).sha256 == first.sha256
    assert lake.publish(SENTIMENT, DAY, _day(0)).sha256 == first.sha256


def test_the_file_carries_units_contract_and_zstd(lake: Lake) -> None:
    path = lake.publish(SENTIMENT, DAY, _day(0)).path
    schema = pq.read_schema(path)
    assert schema.metadata[b"contract"] == b"sentiment"
    assert schema.field("buzz_volume").metadata[b"unit"] == b"stories"
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_reading_spans_days_and_skips_missing_ones(lake: Lake) -> None:
    for offset in (0, 1, 3):
        lake.publish(SENTIMENT, DAY + timedelta(days=offset), _day(offset))
    table = lake.read(SENTIMENT, DAY, DAY + timedelta(days=5))
    assert table.equals(pa.concat_tables([_day(0), _day(1), _day(3)]))
    assert lake.sessions(SENTIMENT) == [DAY, DAY + timedelta(days=1), DAY + timedelta(days=3)]
    assert lake.read(SENTIMENT, DAY + timedelta(days=1), datetime(2026, 3, 20, 23, tzinfo=UTC)).num_rows == 20


def test_columns_and_instruments_are_chosen(lake: Lake) -> None:
    for offset in (0, 1):
        lake.publish(SENTIMENT, DAY + timedelta(days=offset), _day(offset))
    table = lake.read(
        SENTIMENT, DAY, DAY + timedelta(days=1), ["buzz_volume", "session_date"], ["DEMO:NAME0000003", "XNYS:NONE"]
    )
    assert table.column_names == ["buzz_volume", "session_date"]
    assert table.column("buzz_volume").to_pylist() == [
        _day(0).column("buzz_volume")[3].as_py(),
        _day(1).column("buzz_volume")[3].as_py(),
    ]
    assert lake.read(SENTIMENT, DAY, DAY, instrument_ids=[]).num_rows == 0


def test_row_groups_without_the_instrument_are_not_decoded(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.publish(SENTIMENT, DAY, _day(0, 140_000))
    asked = []
    original = pq.ParquetFile.read_row_groups
    monkeypatch.setattr(
        pq.ParquetFile,
        "read_row_groups",
        lambda self, groups, **options: asked.append(groups) or original(self, groups, **options),
    )
    assert lake.read(SENTIMENT, DAY, DAY, instrument_ids=["DEMO:NAME0139999"]).num_rows == 1
    assert asked == [[139_999 // BLOCK_INSTRUMENTS]]


def test_nothing_published_reads_as_no_rows_with_the_schema(lake: Lake) -> None:
    assert lake.read(SENTIMENT, DAY, DAY).schema.equals(SENTIMENT.arrow_schema)
    assert lake.read(SENTIMENT, DAY, DAY, ["source"]).column_names == ["source"]
    assert lake.sessions(SENTIMENT) == []
    assert lake.sweep() == 0
    lake.publish(SENTIMENT, DAY, SENTIMENT.arrow_schema.empty_table())
    assert (lake.has(SENTIMENT, DAY), lake.read(SENTIMENT, DAY, DAY).num_rows) == (True, 0)


def test_wrong_questions_are_refused(lake: Lake) -> None:
    with pytest.raises(ConfigError, match="has no column 'bid'"):
        lake.read(SENTIMENT, DAY, DAY, ["bid"])
    with pytest.raises(ConfigError, match="start 2026-03-19 is after end 2026-03-18"):
        lake.read(SENTIMENT, DAY, DAY - timedelta(days=1))
    with pytest.raises(ConfigError, match="has no column 'instrument_id'"):
        lake.read(MACRO_SERIES, DAY, DAY, instrument_ids=["XNYS:IBM"])


@pytest.mark.feature("CD-CT-08")
def test_quarantine_belongs_to_the_current_publication_only(lake: Lake) -> None:
    report = lake.publish(SENTIMENT, DAY, _damaged(_day(0), 4))
    assert (report.rows, report.quarantined) == (19, 1)
    assert report.quarantine_path is not None
    assert (
        report.quarantine_path.relative_to(lake.root).as_posix()
        == f"quarantine/pulse/sentiment/session_date=2026-03-19/{report.sha256[:16]}.parquet"
    )
    assert lake.read_quarantine(SENTIMENT, DAY).column("reasons").to_pylist() == ["below_minimum:buzz_volume"]

    other = lake.publish(SENTIMENT, DAY, _damaged(_day(0), 5))
    assert [path.stem for path in lake.quarantine_folder(SENTIMENT, DAY).iterdir()] == [other.sha256[:16]]

    lake.publish(SENTIMENT, DAY, _day(0))
    assert not lake.quarantine_folder(SENTIMENT, DAY).exists()
    assert lake.read_quarantine(SENTIMENT, DAY).num_rows == 0


def test_a_quarantine_file_of_a_publication_that_never_came_is_not_read(lake: Lake) -> None:
    lake.publish(SENTIMENT, DAY, _day(0))

    def fail(stage: str) -> None:
        if stage == "quarantined":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Lake(lake.root, on_stage=fail).publish(SENTIMENT, DAY, _damaged(_day(0), 4))
    assert len(list(lake.quarantine_folder(SENTIMENT, DAY).iterdir())) == 1
    assert lake.read_quarantine(SENTIMENT, DAY).num_rows == 0


@pytest.mark.parametrize("part", range(1, 16))
def test_a_torn_day_file_is_named(lake: Lake, part: int) -> None:
    path = lake.publish(SENTIMENT, DAY, _day(0)).path
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * part // 16])
    with pytest.raises(ContractError, match=r"session_date=2026-03-19\.parquet"):
        lake.read(SENTIMENT, DAY, DAY)


def test_a_file_of_another_schema_or_beyond_the_limits_is_refused(lake: Lake) -> None:
    path = lake.publish(SENTIMENT, DAY, _day(0)).path
    with pytest.raises(ContractError, match="20 rows, allowed 10"):
        Lake(lake.root, limits=FileLimits(max_rows=10)).read(SENTIMENT, DAY, DAY)
    pq.write_table(example_table(MICROSTRUCTURE, DAY, 3, np.random.default_rng(0)), path)
    with pytest.raises(ContractError, match="schema differs from contract sentiment version 1"):
        lake.read(SENTIMENT, DAY, DAY)


def test_foreign_files_beside_the_days_are_left_alone(lake: Lake) -> None:
    lake.publish(SENTIMENT, DAY, _day(0))
    for name in ("notes.txt", "session_date=soon.parquet", ".session_date=2026-03-20.parquet.x.tmp"):
        (lake.table_path(SENTIMENT) / name).touch()
    assert lake.sessions(SENTIMENT) == [DAY]


def test_texts_read_as_codes_are_the_same_texts(lake: Lake) -> None:
    for offset in (0, 2):
        lake.publish(SENTIMENT, DAY + timedelta(days=offset), _day(offset, 40_000))
    columns = ("session_date", "instrument_id", "issuer_id", "sentiment_score", "source")
    plain = lake.read(SENTIMENT, DAY, DAY + timedelta(days=3), columns)
    coded = lake.read(SENTIMENT, DAY, DAY + timedelta(days=3), columns, coded=True)
    assert coded.schema.field("source").type == pa.dictionary(pa.int32(), pa.string())
    assert coded.cast(plain.schema).equals(plain)
    some = ["DEMO:NAME0000003", "DEMO:NAME0039999"]
    chosen = lake.read(SENTIMENT, DAY, DAY, ["instrument_id"], some, coded=True)
    assert chosen.column("instrument_id").to_pylist() == some
    nothing = lake.read(SENTIMENT, DAY + timedelta(days=9), DAY + timedelta(days=9), columns, coded=True)
    assert nothing.schema.equals(coded.schema)
    frame = History(lake, SENTIMENT, DAY, DAY + timedelta(days=3), columns).coded()
    assert frame["instrument_id"].dtype == "category"
    texts = frame.astype(dict.fromkeys(("instrument_id", "issuer_id", "source"), "str"))
    pd.testing.assert_frame_equal(texts, frame_from_table(plain))
