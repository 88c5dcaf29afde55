from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liquidity.domain.errors import ContractError, SourceUnavailableError
from resources.parquet_limits import FileLimits, open_parquet, read_parquet_within


def _texts(path: Path, length: int, rows: int) -> Path:
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array(["x" * length]))
    pq.write_table(pa.table({"text": texts, "n": pa.array(np.arange(rows))}), path)
    return path


def test_a_file_within_the_limits_is_read_whole(tmp_path: Path) -> None:
    table = read_parquet_within(_texts(tmp_path / "a.parquet", 10, 70_000))
    assert table.num_rows == 70_000
    assert table.column("text").cast(pa.string())[-1].as_py() == "x" * 10


def test_one_long_text_repeated_is_refused_though_the_footer_looks_small(tmp_path: Path) -> None:
    path = _texts(tmp_path / "bomb.parquet", 1000, 200_000)
    limits = FileLimits(max_decoded_bytes=20_000_000)
    assert path.stat().st_size < 2_000_000
    open_parquet(path, limits).close()
    with pytest.raises(ContractError, match=r"bomb\.parquet: more than 20000000 bytes once decoded"):
        read_parquet_within(path, limits)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (FileLimits(max_rows=99), "100 rows, allowed 99"),
        (FileLimits(max_columns=1), "2 columns, allowed 1"),
        (FileLimits(max_file_bytes=50), "allowed 50"),
        (FileLimits(max_decoded_bytes=500), "once decoded, allowed 500"),
    ],
)
def test_each_limit_is_named(tmp_path: Path, limits: FileLimits, told: str) -> None:
    with pytest.raises(ContractError, match=told):
        open_parquet(_texts(tmp_path / "a.parquet", 3, 100), limits)


def test_absent_files_are_unavailable_and_garbage_is_a_broken_contract(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="FileNotFoundError"):
        open_parquet(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(ContractError, match="not a readable parquet file"):
        open_parquet(tmp_path / "bad.parquet")


def test_a_file_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "empty.parquet")
    assert read_parquet_within(tmp_path / "empty.parquet").column_names == ["text"]
