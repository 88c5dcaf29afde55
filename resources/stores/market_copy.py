"""Bulk writing of market tables: one binary COPY for a batch, all of it or nothing, safe to repeat.

New rows go straight into their table. When one of them is there already, the batch goes through a temporary table
instead: rows of the past (book messages, trades) stay as they are, reports that venues correct (open interest, funding,
liquidations, analyses) are replaced by the later one.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from psycopg2 import Error as PostgresError  # type: ignore[import-untyped]
from psycopg2 import IntegrityError as PostgresIntegrityError
from psycopg2.errors import CheckViolation, DeadlockDetected, UniqueViolation  # type: ignore[import-untyped]
from sqlalchemy import Connection, Engine, Table, select, text
from sqlalchemy.exc import IntegrityError

from liquidity.domain.errors import ContractError
from resources.stores.binary_copy import Batch, CopyStream
from resources.stores.crypto_tables import BOOK_DELTAS, BY_DAY, MARKETS, TRADES
from resources.stores.market_partitions import ensure_days, filling_day

__all__ = ["CopyReceipt", "MarketCopy", "copy_into"]

_BUFFER_BYTES: Final = 1 << 18
_STAGING: Final = "arriving_rows"
_WHOLE_DAY_ROWS: Final = 50_000
_NEVER_CHANGED: Final = (BOOK_DELTAS, TRADES)


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
        try:
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
        except PostgresIntegrityError as error:
            raise _refusal(table, error) from error
        except IntegrityError as error:
            raise _refusal(table, error.orig) from error

    def _require_markets(self, table: Table, ids: Any) -> None:
        wanted = {int(market) for market in np.unique(ids)}
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


def _refusal(table: Table, error: object) -> ContractError:
    return ContractError(f"{table.name}: the database refused the batch: {str(error).strip()}; nothing was written")


def _days_of(times: Any) -> set[date]:
    known = times[~np.isnat(times)]
    days: list[date] = np.unique(known.astype("datetime64[D]")).tolist()
    return set(days)


def _merge(connection: Connection, table: Table, batch: Batch) -> CopyReceipt:
    columns = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key.columns]
    listed, key = ", ".join(f'"{name}"' for name in columns), ", ".join(f'"{name}"' for name in keys)
    connection.execute(
        text(f"CREATE TEMPORARY TABLE {_STAGING} ON COMMIT DROP AS SELECT {listed} FROM {table.name} WITH NO DATA")
    )
    rows = copy_into(connection, CopyStream(table, batch), _STAGING)
    never = table in _NEVER_CHANGED
    # Of rows with the same key the first counts where rows never change, else the last. Writing in the order of the
    # key keeps two writers of the same rows from waiting for each other.
    order = "ASC" if never else "DESC"
    values = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in keys)
    change = "NOTHING" if never else f"UPDATE SET {values}"
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
