"""What is kept of market data, and for how long: days past the policy are removed, table by table, and written down.

A day goes when all of it is older than the policy: with 30 days on 31 January at noon, 1 January stays and 31 December
goes. Tables with daily partitions lose the partition, hypertables their chunks of the day, the others the day's rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, Table, func, select, text

from liquidity.domain.errors import ConfigError
from resources.stores.crypto_tables import (
    BOOK_DELTAS,
    BOOK_SNAPSHOTS,
    DEPTH_ANALYSIS,
    FUNDING_RATES,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    OPEN_INTEREST,
    RETENTION_REMOVALS,
    TRADES,
)
from resources.stores.market_partitions import (
    day_bounds,
    drop_chunk,
    drop_day,
    is_hypertable,
    is_partitioned,
    partition_days,
)

__all__ = ["RETAINED", "Removal", "apply_retention", "removals_due"]

RETAINED: Final[Mapping[str, tuple[Table, ...]]] = {
    "order_book_days": (DEPTH_ANALYSIS, BOOK_SNAPSHOTS, BOOK_DELTAS),
    "trades_days": (TRADES,),
    "derivatives_days": (LIQUIDATION_EVENTS, LIQUIDATION_LEVELS, OPEN_INTEREST, FUNDING_RATES),
}
"""Tables of each policy, each before those it refers to."""


@dataclass(frozen=True, slots=True)
class Removal:
    """One day of one table that is past its policy of ``kept_days``, and the rows in it."""

    table_name: str
    day: date
    rows_count: int
    kept_days: int


def removals_due(engine: Engine, kept_days: Mapping[str, int | None], now: datetime) -> list[Removal]:
    """List what :func:`apply_retention` would remove; nothing is changed.

    Parameters
    ----------
    kept_days
        Days for each policy of :data:`RETAINED`; None (or absent) keeps all.
    now
        Aware time.
    """
    with engine.connect() as connection:
        return [
            Removal(table.name, day, _count(connection, table, day), kept)
            for table, kept in _policies(kept_days)
            for day in _days_before(connection, table, _first_kept(now, kept))
        ]


def apply_retention(engine: Engine, kept_days: Mapping[str, int | None], now: datetime) -> list[Removal]:
    """Remove the days past their policy and record each in ``retention_removals``; returns them.

    Each day goes in a transaction of its own with its record: a run that is cut short is taken up by the next.
    """
    done = []
    for due in removals_due(engine, kept_days, now):
        table = next(table for tables in RETAINED.values() for table in tables if table.name == due.table_name)
        with engine.begin() as connection:
            # Nobody may add to the day between the count and its end.
            connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))
            rows = _count(connection, table, due.day)
            _remove(connection, table, due.day)
            removal = Removal(due.table_name, due.day, rows, due.kept_days)
            connection.execute(
                RETENTION_REMOVALS.insert().values(
                    removed_at=now,
                    table_name=removal.table_name,
                    day=removal.day,
                    rows_count=removal.rows_count,
                    kept_days=removal.kept_days,
                )
            )
        done.append(removal)
    return done


def _policies(kept_days: Mapping[str, int | None]) -> list[tuple[Table, int]]:
    unknown = sorted(set(kept_days) - set(RETAINED))
    if unknown:
        raise ConfigError(f"retention: unknown policy {unknown}; there are {', '.join(RETAINED)}")
    chosen: list[tuple[Table, int]] = []
    for name, tables in RETAINED.items():
        kept = kept_days.get(name)
        if kept is None:
            continue
        if kept < 1:
            raise ConfigError(f"retention.{name}: {kept} days, allowed 1 and more, or null to keep all")
        chosen.extend((table, kept) for table in tables)
    return chosen


def _first_kept(now: datetime, kept: int) -> date:
    if now.tzinfo is None:
        raise ConfigError(f"time {now.isoformat()} has no time zone; give an aware time")
    return (now.astimezone(UTC) - timedelta(days=kept)).date()


def _days_before(connection: Connection, table: Table, first_kept: date) -> list[date]:
    if is_partitioned(connection, table):
        return [day for day in partition_days(connection, table) if day < first_kept]
    day = func.date_trunc("day", table.c.at, "UTC")
    bound, _ = day_bounds(first_kept)
    found = connection.execute(select(day).where(table.c.at < bound).distinct().order_by(day)).scalars()
    return [moment.astimezone(UTC).date() for moment in found]


def _count(connection: Connection, table: Table, day: date) -> int:
    start, end = day_bounds(day)
    statement = select(func.count()).select_from(table).where(table.c.at >= start, table.c.at < end)
    return connection.execute(statement).scalar_one()


def _remove(connection: Connection, table: Table, day: date) -> None:
    if is_partitioned(connection, table):
        drop_day(connection, table, day)
        return
    if is_hypertable(connection, table):
        drop_chunk(connection, table, day)
    start, end = day_bounds(day)  # a hypertable keeps rows here only where its chunks are no UTC days
    connection.execute(table.delete().where(table.c.at >= start, table.c.at < end))
