"""Bulk writing of market tables: one binary COPY for a batch, all of it or nothing, safe to repeat.

Streams are added batch by batch (:meth:`MarketCopy.ingest`); a day that was computed anew takes the place of the old one
(:meth:`MarketCopy.replace_day`, :meth:`MarketCopy.replace_books`). New rows of a stream go straight into their table. When one of them is there already, the batch goes through a temporary table
instead: rows of the past (book messages, trades) stay as they are, reports that venues correct (open interest, funding,
liquidations, analyses) are replaced by the later one.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any, Final

import numpy as np
from psycopg2 import Error as PostgresError  # type: ignore[import-untyped]
from psycopg2 import IntegrityError as PostgresIntegrityError
from psycopg2.errors import CheckViolation, DeadlockDetected, UniqueViolation  # type: ignore[import-untyped]
from sqlalchemy import Connection, Engine, Table, select, text
from sqlalchemy.exc import IntegrityError

from liquidity.domain.errors import ContractError
from resources.stores.binary_copy import Batch, CopyStream
from resources.stores.crypto_tables import BOOK_DELTAS, BOOK_SNAPSHOTS, BY_DAY, DEPTH_ANALYSIS, MARKETS, TRADES
from resources.stores.market_partitions import day_bounds, ensure_days, filling_day, lock_day

__all__ = ["CopyReceipt", "DayReceipt", "MarketCopy", "copy_into"]

_BUFFER_BYTES: Final = 1 << 18
_STAGING: Final = "arriving_rows"
_WHOLE_DAY_ROWS: Final = 50_000
_NEVER_CHANGED: Final = (BOOK_DELTAS, TRADES)
_OF_DAY: Final = "market_id = ANY(:markets) AND at >= :start AND at < :end"
# An analysis goes when this code makes it anew, or when the book it was made from is gone or another.
_OLD_ANALYSES: Final = f"""
DELETE FROM {DEPTH_ANALYSIS.name} AS old
WHERE {_OF_DAY} AND (code_version = ANY(:versions) OR NOT EXISTS (
    SELECT FROM {_STAGING} AS new JOIN {BOOK_SNAPSHOTS.name} AS book USING (market_id, at)
    WHERE new.market_id = old.market_id AND new.at = old.at
      AND (new.bid_ticks, new.bid_lots, new.ask_ticks, new.ask_lots)
          = (book.bid_ticks, book.bid_lots, book.ask_ticks, book.ask_lots)))
"""
_GONE_BOOKS: Final = f"""
DELETE FROM {BOOK_SNAPSHOTS.name} AS old
WHERE {_OF_DAY} AND NOT EXISTS (SELECT FROM {_STAGING} AS new WHERE new.market_id = old.market_id AND new.at = old.at)
"""


@dataclass(frozen=True, slots=True)
class CopyReceipt:
    """Rows that came, and how many of them were new, replaced a row, or were left out for another of the same key."""

    rows: int
    inserted: int
    replaced: int
    kept: int

    def __add__(self, other: "CopyReceipt") -> "CopyReceipt":
        """Both together."""
        return CopyReceipt(
            self.rows + other.rows,
            self.inserted + other.inserted,
            self.replaced + other.replaced,
            self.kept + other.kept,
        )


@dataclass(frozen=True, slots=True)
class DayReceipt:
    """Rows that a day holds now of the markets it was written for, and rows of theirs that were removed before."""

    rows: int
    removed: int


def copy_into(connection: Connection, stream: CopyStream, name: str | None = None) -> int:
    """COPY a batch into its table (or the table ``name`` with the same columns); returns its rows.

    The caller's transaction decides; a row whose key exists fails it (``psycopg2.errors.UniqueViolation``).
    """
    columns = ", ".join(f'"{column.name}"' for column in stream.table.columns)
    driver = connection.connection.driver_connection
    assert driver is not None  # the connection is open
    with driver.cursor() as cursor:
        statement = f"COPY {name or stream.table.name} ({columns}) FROM STDIN (FORMAT binary)"
        cursor.copy_expert(statement, stream, _BUFFER_BYTES)
    return stream.rows


class MarketCopy:
    """Writer of batches.

    Parameters
    ----------
    engine
        Engine of the migrated platform database (psycopg2). Several writers may work at once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._days: dict[str, set[date]] = {}
        self._markets: set[int] = set()

    def ingest(self, table: Table, batch: Batch) -> CopyReceipt:
        """Write one batch in a transaction of its own; partitions of its days are made first.

        A small batch, as live streams give, makes the partition of the day after too. A large one of a single new day
        is written before the day's key is built.

        Raises
        ------
        ContractError
            Columns, types or values break the table's rules, or a market is unknown; nothing was written.
        """
        stream = CopyStream(table, batch)
        if not stream.rows:
            return CopyReceipt(0, 0, 0, 0)
        self._require_markets(table, batch["market_id"])
        days = _days_of(batch["at"]) if table in BY_DAY else set()
        with _refusing(table):
            try:
                rows = self._add(stream, days)
                return CopyReceipt(rows, rows, 0, 0)
            except PostgresError as error:
                # A key exists already or is being written, or the day was removed since: the longer way.
                if not isinstance(error, UniqueViolation | DeadlockDetected | CheckViolation):
                    raise
            self._days.clear()
            self._ensure_days(stream, days)
            with self._engine.begin() as connection:
                return _merge(connection, table, batch)

    def replace_day(self, table: Table, day: date, markets: Sequence[int], batches: Iterable[Batch]) -> DayReceipt:
        """Put ``batches`` in the place of all rows that ``markets`` have on the UTC day, in one transaction.

        Readers see the old day until the new one is whole; when anything fails the old one stays. A day that the table
        has no partition for is written before its key is built.

        Parameters
        ----------
        markets
            Ids of the markets whose rows go; those of other markets stay.
        batches
            Rows of these markets with times of that day, no key twice; taken one by one.

        Raises
        ------
        ContractError
            As :meth:`ingest`, and for a row of another day or market, or of a key given twice.
        """
        left = iter(batches)
        first = next(left, None)
        within = {"markets": list(markets), **_bounds(day)}

        def write(connection: Connection, name: str | None) -> int:
            return sum(
                copy_into(connection, self._stream_of_day(table, batch, day, markets), name)
                for batch in (() if first is None else chain([first], left))
            )

        with _refusing(table), self._engine.begin() as connection:
            if table in BY_DAY and first is not None:
                with filling_day(connection, table, day) as name:
                    if name is not None:
                        return DayReceipt(write(connection, name), 0)
            else:
                lock_day(connection, table, day)
            removed = connection.execute(text(f"DELETE FROM {table.name} WHERE {_OF_DAY}"), within).rowcount
            return DayReceipt(write(connection, None), removed)

    def replace_books(
        self, day: date, markets: Sequence[int], snapshots: Batch, analyses: Batch
    ) -> tuple[DayReceipt, DayReceipt]:
        """Put analysed books and their analyses in the place of those of the UTC day, both in one transaction.

        A book that comes again as it was keeps the analyses that other versions of the code made of it; one that changed
        or is gone loses them, so that every analysis stands beside the book it was made from.

        Raises
        ------
        ContractError
            As :meth:`replace_day`, and for an analysis without its snapshot.
        """
        books = self._stream_of_day(BOOK_SNAPSHOTS, snapshots, day, markets)
        figures = self._stream_of_day(DEPTH_ANALYSIS, analyses, day, markets)
        if books.rows:
            for table in (BOOK_SNAPSHOTS, DEPTH_ANALYSIS):
                ensure_days(self._engine, table, [day])
        within = {"markets": list(markets), **_bounds(day)}
        versions = [str(version) for version in np.unique(np.asarray(analyses["code_version"]))]
        with _refusing(BOOK_SNAPSHOTS), self._engine.begin() as connection:
            lock_day(connection, BOOK_SNAPSHOTS, day)
            _stage(connection, books)
            old = connection.execute(text(_OLD_ANALYSES), {**within, "versions": versions}).rowcount
            gone = connection.execute(text(_GONE_BOOKS), within).rowcount
            listed = ", ".join(f'"{column.name}"' for column in BOOK_SNAPSHOTS.columns)
            values = _overwriting(BOOK_SNAPSHOTS)
            connection.execute(
                text(
                    f"INSERT INTO {BOOK_SNAPSHOTS.name} ({listed}) SELECT {listed} FROM {_STAGING} "
                    f"ON CONFLICT (market_id, at) DO UPDATE SET {values}"
                )
            )
            copy_into(connection, figures)
        return DayReceipt(books.rows, gone), DayReceipt(figures.rows, old)

    def _stream_of_day(self, table: Table, batch: Batch, day: date, markets: Sequence[int]) -> CopyStream:
        stream = CopyStream(table, batch)
        if stream.rows:
            others = sorted(set(_distinct(batch["market_id"])).difference(markets))
            days = sorted(_days_of(batch["at"]).difference([day]))
            if others or days:
                raise ContractError(
                    f"{table.name}: rows of days {days[:3]} or market_id {others[:5]} in a batch for {day}; give the rows "
                    "of that day and of the markets named; nothing was written"
                )
            self._require_markets(table, batch["market_id"])
        return stream

    def _require_markets(self, table: Table, ids: Any) -> None:
        wanted = set(_distinct(ids))
        if not wanted <= self._markets:
            with self._engine.connect() as connection:
                self._markets.update(
                    connection.execute(select(MARKETS.c.market_id).where(MARKETS.c.market_id.in_(wanted))).scalars()
                )
        unknown = sorted(wanted - self._markets)
        if unknown:
            raise ContractError(
                f"{table.name}: market_id {unknown[:5]} ({len(unknown)} in all) unknown in crypto_markets; register the "
                "market first; nothing was written"
            )

    def _add(self, stream: CopyStream, days: set[date]) -> int:
        if len(days) == 1 and stream.rows >= _WHOLE_DAY_ROWS:
            (day,) = days
            try:
                with self._engine.begin() as connection, filling_day(connection, stream.table, day) as name:
                    if name is not None:
                        return copy_into(connection, stream, name)
            except IntegrityError as error:  # the key could not be built
                raise error.orig or error from error
        self._ensure_days(stream, days)
        with self._engine.begin() as connection:
            return copy_into(connection, stream)

    def _ensure_days(self, stream: CopyStream, days: set[date]) -> None:
        if not days:
            return
        known = self._days.setdefault(stream.table.name, set())
        wanted = days if stream.rows >= _WHOLE_DAY_ROWS else days | {max(days) + timedelta(days=1)}
        if not wanted <= known:
            ensure_days(self._engine, stream.table, wanted)
            known |= wanted


@contextmanager
def _refusing(table: Table) -> Iterator[None]:
    """Tell what the database's own rules refuse in the platform's words."""
    try:
        yield
    except PostgresIntegrityError as error:
        raise _refusal(table, error) from error
    except IntegrityError as error:
        raise _refusal(table, error.orig) from error


def _bounds(day: date) -> dict[str, datetime]:
    start, end = day_bounds(day)
    return {"start": start, "end": end}


def _refusal(table: Table, error: object) -> ContractError:
    return ContractError(f"{table.name}: the database refused the batch: {str(error).strip()}; nothing was written")


def _distinct(ids: Any) -> list[int]:
    found: list[int] = np.unique(ids).tolist()
    return found


def _days_of(times: Any) -> set[date]:
    known = times[~np.isnat(times)]
    days: list[date] = np.unique(known.astype("datetime64[D]")).tolist()
    return set(days)


def _merge(connection: Connection, table: Table, batch: Batch) -> CopyReceipt:
    columns = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key.columns]
    listed, key = ", ".join(f'"{name}"' for name in columns), ", ".join(f'"{name}"' for name in keys)
    rows = _stage(connection, CopyStream(table, batch))
    never = table in _NEVER_CHANGED
    # Of rows with the same key the first counts where rows never change, else the last. Writing in the order of the
    # key keeps two writers of the same rows from waiting for each other.
    order = "ASC" if never else "DESC"
    change = "NOTHING" if never else f"UPDATE SET {_overwriting(table)}"
    there, written = connection.execute(
        text(
            f"WITH once AS (SELECT DISTINCT ON ({key}) {listed} FROM {_STAGING} ORDER BY {key}, ctid {order}), "
            f"written AS (INSERT INTO {table.name} ({listed}) SELECT {listed} FROM once ORDER BY {key} "
            f"ON CONFLICT ({key}) DO {change} RETURNING 1) "
            f"SELECT (SELECT count(*) FROM once JOIN {table.name} USING ({key})), (SELECT count(*) FROM written)"
        )
    ).one()
    replaced = 0 if never else there
    return CopyReceipt(rows, written - replaced, replaced, rows - written)


def _stage(connection: Connection, stream: CopyStream) -> int:
    """COPY into a temporary table of the same columns; returns its rows."""
    listed = ", ".join(f'"{column.name}"' for column in stream.table.columns)
    name = stream.table.name
    connection.execute(
        text(f"CREATE TEMPORARY TABLE {_STAGING} ON COMMIT DROP AS SELECT {listed} FROM {name} WITH NO DATA")
    )
    return copy_into(connection, stream, _STAGING)


def _overwriting(table: Table) -> str:
    keys = {column.name for column in table.primary_key.columns}
    names = [column.name for column in table.columns if column.name not in keys]
    return ", ".join(f'"{name}" = excluded."{name}"' for name in names)
