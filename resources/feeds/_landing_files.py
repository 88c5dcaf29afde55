"""Files of the landing folder: which there are, which days each can hold, and their rows in a contract's types.

A file may name its day (``2026-03-19``, ``session_date=2026-03-19``) or its month (``2026-03``); it is then opened
only when that day is asked for. What a name says is checked against the rows.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa

from liquidity.contracts.conform import conform
from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ContractError
from resources.feeds._binance_derivatives import archive_days, archive_table, is_archived
from resources.feeds._feed import COLLECTED_COLUMNS
from resources.file_validation import read_foreign_file

__all__ = ["CACHED_FILE_BYTES", "SUFFIXES", "LandedFile", "landed_files", "read_landed"]

SUFFIXES: Final = (".parquet", ".csv", ".json", ".jsonl")
CACHED_FILE_BYTES: Final = 32 << 20
"""Files without a day in their name are kept in memory up to this size on disk; larger ones are read each time."""

_DAY: Final = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)", re.ASCII)
_MONTH: Final = re.compile(r"(?<!\d)(\d{4})-(\d{2})(?![\d-])", re.ASCII)


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file of one table's folder; ``first`` and ``last`` are the days its name allows, null when it names none."""

    path: Path
    first: date | None
    last: date | None

    def may_hold(self, start: date, end: date) -> bool:
        """Whether the name leaves room for a row of [start, end]."""
        return self.first is None or self.last is None or (self.first <= end and self.last >= start)

    @property
    def names_one_day(self) -> bool:
        """Whether the name says the one day the file holds."""
        return self.first is not None and self.first == self.last


def landed_files(folder: Path) -> list[LandedFile]:
    """Files of a table's folder by name order; hidden ones and ``_`` or ``.tmp`` ones (being written) are left out.

    Raises
    ------
    ContractError
        A file leads outside the folder (a link), or its ending is not one of :data:`SUFFIXES`.
    """
    if not folder.is_dir():
        return []
    base = folder.resolve()
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")) or path.suffix == ".tmp" or path.is_dir():
            continue
        if path.resolve().parent != base:
            raise ContractError(f"{path}: leads outside the landing folder; put the file itself there, not a link")
        if is_archived(path.name):
            found.append(LandedFile(path, *archive_days(path.name)))
            continue
        if path.suffix.lower() not in SUFFIXES:
            raise ContractError(
                f"{path}: ending {path.suffix!r} is not one of {', '.join(SUFFIXES)}; rename the file to what it is"
            )
        found.append(LandedFile(path, *_named_days(path.name)))
    return found


def _named_days(name: str) -> tuple[date | None, date | None]:
    try:
        if day := _DAY.search(name):
            named = date(*(int(part) for part in day.groups()))
            return named, named
        if month := _MONTH.search(name):
            first = date(int(month[1]), int(month[2]), 1)
            return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    except ValueError as error:
        raise ContractError(
            f"landing file {name!r}: its name holds no day of the calendar ({error}); rename it"
        ) from error
    return None, None


def read_landed(file: LandedFile, contract: TableContract, *, naive_times_utc: bool) -> pd.DataFrame:
    """Rows of one file in the contract's types; nullable columns may be absent (they come back null), collected ones are ignored.

    Raises
    ------
    ContractError
        Unreadable, a column too many or too few, a wrong type, naive times (unless told that they are UTC), or a row
        of a day that the file's name excludes.
    """
    facts = file.path.stat()
    if file.names_one_day or facts.st_size > CACHED_FILE_BYTES:
        return _rows(file, contract, naive_times_utc)
    return _kept(file, contract.name, facts.st_mtime_ns, facts.st_size, naive_times_utc, _Contract(contract)).copy()


class _Contract:
    """A contract as part of a cache key: contracts of one name are one."""

    def __init__(self, contract: TableContract) -> None:
        self.contract = contract

    def __hash__(self) -> int:
        return hash(self.contract.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Contract) and other.contract is self.contract


@lru_cache(maxsize=32)
def _kept(
    file: LandedFile, table: str, mtime_ns: int, size: int, naive_times_utc: bool, held: _Contract
) -> pd.DataFrame:
    del table, mtime_ns, size  # parts of the key: a changed file is read again
    return _rows(file, held.contract, naive_times_utc)


def _rows(file: LandedFile, contract: TableContract, naive_times_utc: bool) -> pd.DataFrame:
    archived = is_archived(file.path.name)
    raw = archive_table(file.path, contract) if archived else read_foreign_file(file.path, contract)
    raw = _maps_as_text(raw)
    raw = raw.drop_columns([name for name in raw.column_names if name in COLLECTED_COLUMNS])
    if naive_times_utc:
        raw = _zoned(raw, {column.name for column in contract.columns if column.dtype == "timestamp"})
    absent = {column.name for column in contract.columns if column.nullable or column.name in COLLECTED_COLUMNS}
    present = tuple(
        column for column in contract.columns if column.name in raw.column_names or column.name not in absent
    )
    shape = replace(contract, columns=present, rules=(), key=())
    try:
        table = conform(raw, shape)
    except ContractError as error:
        raise ContractError(f"{file.path}: {error}") from error
    for column in contract.columns:
        if column.name not in table.column_names and column.name not in COLLECTED_COLUMNS:
            table = table.append_column(column.name, pa.nulls(table.num_rows, column.arrow_type))
    rows: pd.DataFrame = table.replace_schema_metadata(None).to_pandas(date_as_object=False)
    if "session_date" in rows and file.first is not None and file.last is not None:
        days = rows["session_date"]
        outside = (days < pd.Timestamp(file.first)) | (days > pd.Timestamp(file.last))
        if outside.any():
            raise ContractError(
                f"{file.path}: the name says {file.first}..{file.last}, but {int(outside.sum())} of {len(rows)} rows are of other "
                f"days, first {days[outside].iloc[0].date()}; name the file after its days"
            )
    return rows


def _maps_as_text(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_map(field.type) or pa.types.is_struct(field.type):
            texts = [
                None if value is None else json.dumps(dict(value), sort_keys=True)
                for value in table.column(place).to_pylist()
            ]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    return table


def _zoned(table: pa.Table, times: set[str]) -> pa.Table:
    for place, field in enumerate(table.schema):
        if field.name in times and pa.types.is_timestamp(field.type) and field.type.tz is None:
            utc = pa.timestamp("us", tz="UTC")
            table = table.set_column(place, field.name, table.column(place).cast(pa.timestamp("us")).cast(utc))
    return table
