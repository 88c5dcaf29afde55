"""The lake: one parquet file per table and day, published whole or not at all.

::

    <root>/<location>/<table>/session_date=YYYY-MM-DD.parquet
    <root>/quarantine/<location>/<table>/session_date=YYYY-MM-DD/<first 16 hex digits of the published sha256>.parquet
    <root>/quarantine/feeds/<feed>/...    rows that never became a table; see resources/feed_quarantine.py

``publish`` audits first, writes a temporary file in the target folder, reads it back, and only then puts it in place
with one atomic rename: a reader sees the old file or the new one, whatever happens. The quarantine file of a day
carries the hash of the file it belongs to in its name, so that a stale one is never taken for the current one.

The root is a folder on a local or mounted disk, where a rename is atomic; object stores are not served by this class.
Read next: ``liquidity/contracts/validation.py``.
"""

import bisect
import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liquidity.contracts.conform import empty_table, frame_from_table, table_from_frame
from liquidity.contracts.table import TableContract
from liquidity.contracts.validation import Audit, Violation, audit, rejected_schema
from liquidity.domain.errors import ConfigError, ContractError
from resources.atomic_file import flush, temporary_beside
from resources.memory import give_back_memory
from resources.parquet_limits import DEFAULT_LIMITS, FileLimits, open_parquet

if TYPE_CHECKING:  # readers of Arrow tables load without pandas
    import pandas as pd

__all__ = ["BLOCK_INSTRUMENTS", "History", "Lake", "PublishReport"]

BLOCK_INSTRUMENTS: Final = 16_384
"""Instruments of one block of a :class:`History`; the day files' row groups are of the same size."""

_PREFIX = "session_date="
_ROW_GROUP_ROWS = BLOCK_INSTRUMENTS
_ZSTD_LEVEL = 1
_TEMPORARY_AGE_S = 3600.0
_READ_THREADS = 4
_SHORT_RANGE_DAYS = 31
_Block = TypeVar("_Block")


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What one publication stored.

    Parameters
    ----------
    path
        The published file.
    rows, quarantined
        Rows stored, and rows set aside.
    sha256
        Hash of the published file's bytes; equal rows give equal bytes.
    violations
        Why rows were set aside; empty for a clean table.
    quarantine_path
        The quarantine file; ``None`` where nothing was set aside.
    """

    path: Path
    rows: int
    quarantined: int
    sha256: str
    violations: tuple[Violation, ...]
    quarantine_path: Path | None


class Lake:
    """Publish and read contract tables under one folder.

    Parameters
    ----------
    root
        Folder of the lake; made when something is published.
    on_stage
        Called with the name of each stage of a publication (``audited``, ``staged``, ``checked``, ``quarantined``,
        ``replaced``, ``done``); tests interrupt it there.
    write_table
        Writes an Arrow table to a path; replaced in tests to fail like a full disk.
    limits
        What a file may hold before reading refuses it.
    """

    def __init__(
        self,
        root: Path,
        *,
        on_stage: Callable[[str], None] | None = None,
        write_table: Callable[[pa.Table, Path], None] | None = None,
        limits: FileLimits = DEFAULT_LIMITS,
    ) -> None:
        self.root = Path(root)
        self._on_stage = on_stage or _no_stage
        self._write_table = write_table or _write_parquet
        self._limits = limits
        self._swept: set[Path] = set()

    # --- where things lie ---

    def table_path(self, contract: TableContract) -> Path:
        """Folder of the table's day files."""
        return self.root / contract.location / contract.name

    def partition_path(self, contract: TableContract, session_date: date) -> Path:
        """File of one day; it need not exist."""
        return self.table_path(contract) / f"{_PREFIX}{_plain_day(session_date).isoformat()}.parquet"

    def quarantine_folder(self, contract: TableContract, session_date: date) -> Path:
        """Folder of one day's quarantine file."""
        return (
            self.root
            / "quarantine"
            / contract.location
            / contract.name
            / f"{_PREFIX}{_plain_day(session_date).isoformat()}"
        )

    def has(self, contract: TableContract, session_date: date) -> bool:
        """Whether the day has been published, be it without rows."""
        return self.partition_path(contract, session_date).is_file()

    def sessions(self, contract: TableContract) -> list[date]:
        """List the published days, ascending."""
        folder = self.table_path(contract)
        if not folder.is_dir():
            return []
        with os.scandir(folder) as entries:
            return sorted(day for entry in entries if (day := _day_of(entry.name)) is not None)

    def _published(self, contract: TableContract, first: date, last: date) -> list[date]:
        """Published days of [first, last]; a short range asks for its files instead of listing years of them."""
        if (last - first).days < _SHORT_RANGE_DAYS:
            days = (first + timedelta(days=n) for n in range((last - first).days + 1))
            return [day for day in days if self.has(contract, day)]
        return [day for day in self.sessions(contract) if first <= day <= last]

    # --- write ---

    def publish(
        self,
        contract: TableContract,
        session_date: date,
        rows: "pd.DataFrame | pa.Table",
        *,
        now: datetime | None = None,
    ) -> PublishReport:
        """Audit the rows of one day, set bad ones aside, and put the rest in place atomically.

        Parameters
        ----------
        rows
            All rows of the day (a pandas frame or an Arrow table with the contract's columns); none is allowed too.
        now
            The present moment, for ``future_timestamp``; see :func:`liquidity.contracts.validation.audit`.

        Raises
        ------
        ContractError
            The table breaks its contract as a whole. The previous file of the day is untouched, as after any error.
        """
        table = rows if isinstance(rows, pa.Table) else table_from_frame(rows, contract)
        return self.publish_audit(session_date, audit(table, contract, session_date, now))

    def publish_audit(self, session_date: date, judged: Audit) -> PublishReport:
        """Publish what :func:`~liquidity.contracts.validation.audit` accepted for ``session_date``.

        For callers that audit many days before the first is published. Rules as :meth:`publish`.
        """
        contract = judged.contract
        target = self.partition_path(contract, session_date)
        self._on_stage("audited")
        target.parent.mkdir(parents=True, exist_ok=True)
        self._sweep_once(target.parent)
        staged = temporary_beside(target)
        try:
            sha256 = self._stage(judged.accepted, staged)
            self._on_stage("checked")
            quarantine = self._publish_quarantine(contract, session_date, judged.rejected, sha256)
            self._on_stage("quarantined")
            staged.replace(target)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
        self._on_stage("replaced")
        flush(target.parent)
        self._drop_stale_quarantine(contract, session_date, quarantine)
        self._on_stage("done")
        return PublishReport(
            target, judged.accepted.num_rows, judged.rejected.num_rows, sha256, judged.violations, quarantine
        )

    def _stage(self, table: pa.Table, staged: Path) -> str:
        """Write, flush to disk and read back a temporary file; its sha256."""
        self._write_table(table, staged)
        with staged.open("rb") as written:
            os.fsync(written.fileno())
            sha256 = hashlib.file_digest(written, "sha256").hexdigest()
        self._on_stage("staged")
        with open_parquet(staged, self._limits) as reread:
            if reread.metadata.num_rows != table.num_rows or not reread.schema_arrow.equals(
                table.schema, check_metadata=True
            ):
                raise ContractError(
                    f"{staged}: read back {reread.metadata.num_rows} rows where {table.num_rows} were written, or another schema; check the disk"
                )
        return sha256

    def _publish_quarantine(
        self, contract: TableContract, session_date: date, rejected: pa.Table, sha256: str
    ) -> Path | None:
        if rejected.num_rows == 0:
            return None
        target = self.quarantine_folder(contract, session_date) / f"{sha256[:16]}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        self._sweep_once(target.parent)
        staged = temporary_beside(target)
        try:
            self._stage(rejected, staged)
            staged.replace(target)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
        flush(target.parent)
        return target

    def _drop_stale_quarantine(self, contract: TableContract, session_date: date, current: Path | None) -> None:
        folder = self.quarantine_folder(contract, session_date)
        if not folder.is_dir():
            return
        for path in folder.glob("*.parquet"):
            if path != current:
                path.unlink(missing_ok=True)
        if current is None and not any(folder.iterdir()):
            folder.rmdir()

    def sweep(self, older_than_s: float = _TEMPORARY_AGE_S) -> int:
        """Delete temporary files that a killed process left behind; the number deleted.

        A publication takes seconds: what is older than ``older_than_s`` has no writer any more.
        """
        return (
            sum(_sweep_folder(Path(folder), older_than_s) for folder, _, _ in os.walk(self.root))
            if self.root.is_dir()
            else 0
        )

    def _sweep_once(self, folder: Path) -> None:
        if folder not in self._swept:
            self._swept.add(folder)
            _sweep_folder(folder, _TEMPORARY_AGE_S)

    # --- read ---

    def read(
        self,
        contract: TableContract,
        start: date,
        end: date,
        columns: Iterable[str] | None = None,
        instrument_ids: Collection[str] | None = None,
        *,
        coded: bool = False,
    ) -> pa.Table:
        """Read the rows of the days ``start`` to ``end``, both included, sorted by day and key.

        Parameters
        ----------
        columns
            Columns to read, in that order; all of the contract's by default.
        instrument_ids
            Only these instruments; row groups without any of them are not decoded.
        coded
            Texts as dictionaries, for many days at once: a fraction of the memory, and sooner read.

        Returns
        -------
        pa.Table
            The contract's types, or dictionaries of its texts; a day that was never published gives no row.

        Raises
        ------
        ConfigError
            A column that the contract does not have, or ``start`` after ``end``.
        ContractError
            A day file that is torn, above the limits or of another schema; the message names it.
        """
        first, last = _plain_day(start), _plain_day(end)
        if first > last:
            raise ConfigError(f"lake read of {contract.name}: start {first} is after end {last}; swap them")
        names = contract.column_names if columns is None else tuple(columns)
        for name in (*names, *(() if instrument_ids is None else ("instrument_id",))):
            contract.column(name)
        paths = [self.partition_path(contract, day) for day in self._published(contract, first, last)]
        wanted = None if instrument_ids is None else sorted(set(instrument_ids))

        def read_one(path: Path) -> pa.Table:
            return self._read_day(contract, path, names, wanted, coded, alone=len(paths) == 1)

        if len(paths) < 2:
            days = [read_one(path) for path in paths]
        else:
            with ThreadPoolExecutor(max_workers=_READ_THREADS) as pool:
                days = list(pool.map(read_one, paths))
        nothing = empty_table(contract).cast(_coded(contract.arrow_schema)) if coded else empty_table(contract)
        return pa.concat_tables([nothing.select(list(names)), *days])

    def read_quarantine(self, contract: TableContract, session_date: date) -> pa.Table:
        """Read the rows that the current publication of the day set aside, with their ``reasons``."""
        published = self.partition_path(contract, session_date)
        if published.is_file():
            with published.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            path = self.quarantine_folder(contract, session_date) / f"{sha256[:16]}.parquet"
            if path.is_file():
                with open_parquet(path, self._limits) as quarantine:
                    return quarantine.read()
        return rejected_schema(contract).empty_table()

    def _read_day(
        self,
        contract: TableContract,
        path: Path,
        names: tuple[str, ...],
        wanted: list[str] | None,
        coded: bool,
        *,
        alone: bool,
    ) -> pa.Table:
        schema = _coded(contract.arrow_schema) if coded else contract.arrow_schema
        texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
        with open_parquet(path, self._limits, texts) as file:
            if not file.schema_arrow.equals(schema, check_metadata=True):
                raise ContractError(
                    f"{path}: schema differs from contract {contract.name} version {contract.version}; rematerialise the day; see docs/data_dictionary.md"
                )
            groups = list(range(file.metadata.num_row_groups))
            needed = list(names)
            if wanted is not None:
                place = contract.column_names.index("instrument_id")
                groups = [
                    group
                    for group in groups
                    if _may_hold(file.metadata.row_group(group).column(place).statistics, wanted)
                ]
                needed = [*names, *([] if "instrument_id" in names else ["instrument_id"])]
            try:
                table = file.read_row_groups(groups, columns=needed, use_threads=alone)
            except (pa.ArrowException, OSError) as error:
                raise ContractError(
                    f"{path}: damaged parquet data ({str(error)[:160]}); rematerialise the day"
                ) from error
        if wanted is not None:
            table = table.filter(pc.is_in(table.column("instrument_id"), value_set=pa.array(wanted, pa.string())))
        return table.select(list(names))


@dataclass(frozen=True, slots=True)
class History:
    """Many days of a table, read some instruments at a time: memory follows the block, not the market.

    Parameters
    ----------
    lake, contract
        Where the rows are.
    start, end
        First and last day, both included.
    columns
        Columns to read.
    """

    lake: Lake
    contract: TableContract
    start: date
    end: date
    columns: tuple[str, ...]

    def blocks(self, sessions: Collection[date], instruments_n: int = BLOCK_INSTRUMENTS) -> Iterator[pa.Table]:
        """Read the instruments that have a row in one of ``sessions``, ``instruments_n`` at a time.

        Yields
        ------
        pa.Table
            All days of a block's instruments, sorted by day and key; blocks ascend by instrument. Nothing is yielded
            where no instrument has a row.
        """
        return self._ahead(sessions, instruments_n, self._read)

    def frames(
        self, sessions: Collection[date], past_columns: Collection[str], instruments_n: int = BLOCK_INSTRUMENTS
    ) -> Iterator["pd.DataFrame"]:
        """As :meth:`blocks`, for steps that need less of the past than of the sessions.

        Parameters
        ----------
        past_columns
            Columns to read on the days before the first of ``sessions``; the others are null there.

        Yields
        ------
        pd.DataFrame
            One block, made a frame by the thread that reads, so that this too goes on while the caller computes.
        """
        first = min(sessions, default=self.start)
        kept = [name for name in self.columns if name in past_columns]

        def read(names: list[str]) -> "pd.DataFrame":
            parts = [self.lake.read(self.contract, first, self.end, self.columns, names, coded=True)]
            if self.start < first:
                past = self.lake.read(self.contract, self.start, first - timedelta(days=1), kept, names, coded=True)
                parts.insert(0, pa.concat_tables([parts[0].slice(0, 0), past], promote_options="default"))
            return frame_from_table(pa.concat_tables(parts))

        return self._ahead(sessions, instruments_n, read)

    def _ahead(
        self, sessions: Collection[date], instruments_n: int, read: Callable[[list[str]], _Block]
    ) -> Iterator[_Block]:
        """Read the blocks of ``sessions``, the next one while the caller works on this one."""
        ids = [self.lake.read(self.contract, day, day, ["instrument_id"]).column(0) for day in sorted(set(sessions))]
        names = sorted(set().union(*(pc.unique(column).to_pylist() for column in ids)))
        parts = [names[first : first + instruments_n] for first in range(0, len(names), instruments_n)]
        with ThreadPoolExecutor(max_workers=1) as pool:
            waiting = pool.submit(read, parts[0]) if parts else None
            for following in [*parts[1:], None]:
                if waiting is None:
                    return
                block = waiting.result()
                waiting = None if following is None else pool.submit(read, following)
                yield block
                del block

    def coded(self) -> "pd.DataFrame":
        """All days at once, texts as categories: the memory of a market's texts is that of their codes."""
        frame = frame_from_table(self.lake.read(self.contract, self.start, self.end, self.columns, coded=True))
        give_back_memory()  # what the files were decoded into
        return frame

    def with_previous(self, sessions: Collection[date]) -> pa.Table:
        """Read the days from the first to the last of ``sessions``, and each instrument's newest row before them.

        Returns
        -------
        pa.Table
            Sorted by day and key. Of the days before, only what is needed is decoded: one day for most instruments.
        """
        first, last = min(sessions), max(sessions)
        asked = self.lake.read(self.contract, first, last, self.columns)
        unseen = set(pc.unique(asked.column("instrument_id")).to_pylist())
        earlier = [day for day in self.lake.sessions(self.contract) if self.start <= day < first]
        parts = [asked]
        while unseen and earlier:
            day = earlier.pop()
            parts.append(self.lake.read(self.contract, day, day, self.columns, unseen))
            unseen.difference_update(parts[-1].column("instrument_id").to_pylist())
        return pa.concat_tables(parts[::-1])

    def _read(self, names: list[str]) -> pa.Table:
        return self.lake.read(self.contract, self.start, self.end, self.columns, names)


def _coded(schema: pa.Schema) -> pa.Schema:
    """The same with texts as dictionaries."""
    coded = pa.dictionary(pa.int32(), pa.string())
    fields = [field.with_type(coded) if pa.types.is_string(field.type) else field for field in schema]
    return pa.schema(fields, metadata=schema.metadata)


def _no_stage(_: str) -> None:
    """Do nothing at a stage."""


def _write_parquet(table: pa.Table, path: Path) -> None:
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        row_group_size=_ROW_GROUP_ROWS,
        use_dictionary=texts,
        write_statistics=True,
    )


def _sweep_folder(folder: Path, older_than_s: float) -> int:
    deleted = 0
    for path in folder.glob(".*.tmp"):
        try:
            if time.time() - path.stat().st_mtime >= older_than_s:
                path.unlink()
                deleted += 1
        except FileNotFoundError:  # its writer finished in between
            continue
    return deleted


def _day_of(name: str) -> date | None:
    if not (name.startswith(_PREFIX) and name.endswith(".parquet")):
        return None
    try:
        return date.fromisoformat(name[len(_PREFIX) : -len(".parquet")])
    except ValueError:
        return None


def _plain_day(day: date) -> date:
    return day.date() if isinstance(day, datetime) else day


def _may_hold(statistics: pq.Statistics | None, wanted: list[str]) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    place = bisect.bisect_left(wanted, statistics.min)
    return place < len(wanted) and wanted[place] <= statistics.max
