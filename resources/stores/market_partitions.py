"""The daily partitions of the big market tables: made before rows arrive, listed, removed.

A partition is built beside its table and then attached, which lets other sessions go on reading and writing; a day that
arrives as a whole is filled before its key is built, which takes half the time. Where the
database has the TimescaleDB extension the tables are hypertables, which look after their own chunks.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, Table, text

from liquidity.domain.errors import ContractError

__all__ = [
    "day_bounds",
    "drop_chunk",
    "drop_day",
    "ensure_days",
    "filling_day",
    "is_hypertable",
    "is_partitioned",
    "lock_day",
    "partition_days",
]

_PARTITIONING: Final = 7_203_120
_MOST_NEW_DAYS: Final = 400
"""A batch that spans more days than a year and a bit has broken times."""


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """First instant of the UTC day and of the next one."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


def is_partitioned(connection: Connection, table: Table) -> bool:
    """Whether the table has native partitions; False for a plain table or a hypertable."""
    kind = connection.execute(
        text("SELECT relkind FROM pg_class WHERE oid = CAST(:name AS regclass)"), {"name": table.name}
    ).scalar_one()
    return kind in ("p", b"p")


def is_hypertable(connection: Connection, table: Table) -> bool:
    """Whether the TimescaleDB extension looks after the table's days."""
    if connection.execute(text("SELECT to_regclass('timescaledb_information.hypertables')")).scalar() is None:
        return False
    found = text("SELECT count(*) FROM timescaledb_information.hypertables WHERE hypertable_name = :name")
    return bool(connection.execute(found, {"name": table.name}).scalar_one())


def lock_day(connection: Connection, table: Table, day: date) -> None:
    """Wait for whoever makes, fills or replaces the same day of the table; held until the transaction ends."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:space, hashtext(:place))"),
        {"space": _PARTITIONING, "place": f"{table.name} {day}"},
    )


def partition_days(connection: Connection, table: Table) -> list[date]:
    """UTC days that the table has a partition for, oldest first."""
    names = connection.execute(
        text(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
            "WHERE inhparent = CAST(:name AS regclass)"
        ),
        {"name": table.name},
    ).scalars()
    return sorted(date.fromisoformat(name.rpartition("_p")[2]) for name in names)


def ensure_days(engine: Engine, table: Table, days: Iterable[date]) -> None:
    """Make the partitions of ``days`` that are missing, with those of the tables that refer to it.

    Runs in a transaction of its own and waits for other makers, never for readers or writers of rows.

    Raises
    ------
    ContractError
        More than 400 partitions would be new: the times of the rows are wrong.
    """
    wanted = set(days)
    with engine.begin() as connection:
        if not is_partitioned(connection, table) or wanted.issubset(partition_days(connection, table)):
            return
        missing = sorted(wanted.difference(partition_days(connection, table)))
        if len(missing) > _MOST_NEW_DAYS:
            raise ContractError(
                f"{table.name}: rows of {len(missing)} new UTC days ({missing[0]} to {missing[-1]}) in one batch, allowed "
                f"{_MOST_NEW_DAYS}; check the unit of their times"
            )
        for day in missing:
            with filling_day(connection, table, day):
                pass


@contextmanager
def filling_day(connection: Connection, table: Table, day: date) -> Iterator[str | None]:
    """Hand out a bare table for the rows of a new ``day``; when the block ends it gets its key and becomes the partition.

    Everything happens in the caller's transaction. None, and nothing happens, when the day has its partition already;
    another maker of the same day is waited for.
    """
    lock_day(connection, table, day)
    if not is_partitioned(connection, table) or day in partition_days(connection, table):
        yield None
        return
    name = _name(table, day)
    connection.execute(text(f"CREATE TABLE {name} (LIKE {table.name} INCLUDING ALL EXCLUDING INDEXES)"))
    yield name
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    connection.execute(text(f"ALTER TABLE {name} ADD CONSTRAINT {name}_pkey PRIMARY KEY ({keys})"))
    start, end = (moment.isoformat() for moment in day_bounds(day))
    connection.execute(
        text(f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')")
    )


def drop_day(connection: Connection, table: Table, day: date) -> None:
    """Remove the partition of ``day`` and all its rows."""
    name = _name(table, day)
    connection.execute(text(f"ALTER TABLE {table.name} DETACH PARTITION {name}"))
    connection.execute(text(f"DROP TABLE {name}"))


def drop_chunk(connection: Connection, table: Table, day: date) -> None:
    """Remove the chunks of a hypertable that lie wholly within ``day``: a file each, no row is touched."""
    start, end = day_bounds(day)
    connection.execute(
        text("SELECT drop_chunks(CAST(:name AS regclass), older_than => :end, newer_than => :start)"),
        {"name": table.name, "start": start, "end": end},
    )


def _name(table: Table, day: date) -> str:
    return f"{table.name}_p{day:%Y%m%d}"
