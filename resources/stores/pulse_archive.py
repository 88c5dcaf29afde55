"""The documents of one publication as an immutable parquet file, named by what it holds.

``<lake>/publications/session_date=2026-11-20/<content sha256>.parquet``: rows sorted by instrument, row groups of
4,096 rows, so that one instrument of 100,000 is read out of one row group. A file once written is never written again.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liquidity.domain.errors import ContractError
from resources.atomic_file import replacing

__all__ = ["ARCHIVE_FOLDER", "ARCHIVE_SCHEMA", "ArchiveFile", "content_sha256", "read_document", "write_archive"]

ARCHIVE_FOLDER: Final = "publications"
_ROW_GROUP: Final = 4_096
_SCORES: Final = ("liquidity_score", "repayment_score", "bondx_score")
ARCHIVE_SCHEMA: Final = pa.schema(
    [
        pa.field("instrument_id", pa.string(), nullable=False),
        *(pa.field(name, pa.float64()) for name in _SCORES),
        pa.field("document", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One archive: path relative to the lake, hash of its content, hash of its bytes, rows."""

    path: str
    content_sha256: str
    file_sha256: str
    rows_count: int


def content_sha256(table: pa.Table) -> str:
    """Hash of instruments, scores and documents in the order of ``table``; independent of parquet and its versions."""
    digest = hashlib.sha256()
    for name in ("instrument_id", "document"):
        chunks = table.column(name).cast(pa.string()).chunks
        for chunk in chunks:  # lengths first: "a","bc" is not "ab","c"
            digest.update(np.asarray(pc.binary_length(chunk)).astype("<i8").tobytes())
        for chunk in chunks:  # the texts lie one after the other in memory; no copy is made
            _, offsets, data = chunk.buffers()
            if data is not None and len(chunk):
                bounds = np.frombuffer(offsets, dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
                digest.update(memoryview(data)[bounds[0] : bounds[-1]])
    for name in _SCORES:
        digest.update(np.asarray(pc.fill_null(table.column(name), float("nan")), dtype="<f8").tobytes())
    return digest.hexdigest()


def write_archive(lake_dir: Path, session_date: date, table: pa.Table) -> ArchiveFile:
    """Write the documents of one publication, or find the file that already holds the same.

    Parameters
    ----------
    table
        Columns of :data:`ARCHIVE_SCHEMA` (others are ignored), any order of rows; one row for each instrument.

    Raises
    ------
    ContractError
        A column is missing, null or of another type, or an instrument occurs twice.
    """
    rows = _in_form(table, session_date)
    content = content_sha256(rows)
    relative = f"{ARCHIVE_FOLDER}/session_date={session_date.isoformat()}/{content}.parquet"
    path = lake_dir / relative
    if not path.exists():
        with replacing(path) as staged:
            pq.write_table(rows, staged, compression="zstd", row_group_size=_ROW_GROUP, write_page_checksum=True)
    return ArchiveFile(relative, content, _file_sha256(path), rows.num_rows)


def read_document(path: Path, instrument_id: str, file_sha256: str) -> dict[str, Any] | None:
    """Row of one instrument as a dict of :data:`ARCHIVE_SCHEMA`; None when it is not in the archive.

    Raises
    ------
    ContractError
        The file is gone, or is not the one that was published.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise ContractError(f"publication archive {path} is gone; restore it from a backup of the lake") from None
    found = _checked_sha256(str(path), status.st_mtime_ns, status.st_size)
    if found != file_sha256:
        raise ContractError(
            f"publication archive {path}: sha256 is {found}, published was {file_sha256}; restore it from a backup of the lake"
        )
    rows = pq.read_table(path, filters=[("instrument_id", "=", instrument_id)]).to_pylist()
    return rows[0] if rows else None


def _in_form(table: pa.Table, session_date: date) -> pa.Table:
    missing = [name for name in ARCHIVE_SCHEMA.names if name not in table.column_names]
    if missing:
        raise ContractError(
            f"publication of {session_date}: columns {missing} are missing; publish a liquidity_pulse table"
        )
    try:
        rows = table.select(ARCHIVE_SCHEMA.names).cast(ARCHIVE_SCHEMA)
    except (pa.ArrowInvalid, ValueError) as error:
        raise ContractError(f"publication of {session_date}: {error}; publish a liquidity_pulse table") from error
    for name in ("instrument_id", "document"):
        if rows.column(name).null_count:
            raise ContractError(
                f"publication of {session_date}: {name} is null in {rows.column(name).null_count} of {rows.num_rows} rows, allowed 0"
            )
    distinct = pc.count_distinct(rows.column("instrument_id")).as_py()
    if distinct != rows.num_rows:
        raise ContractError(
            f"publication of {session_date}: {rows.num_rows} rows for {distinct} instruments, allowed one each"
        )
    ids = rows.column("instrument_id").to_numpy(zero_copy_only=False)
    if rows.num_rows > 1 and not bool(np.all(ids[:-1] < ids[1:])):
        rows = rows.take(pa.array(np.argsort(ids, kind="stable")))
    return rows.replace_schema_metadata(None)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=256)
def _checked_sha256(path: str, modified_ns: int, size: int) -> str:
    """Hash of the file, kept while its time and size stay as they are."""
    del modified_ns, size
    return _file_sha256(Path(path))
