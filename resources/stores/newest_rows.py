"""The newest row of a market by a prepared statement, for whoever asks all day long."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table

from liquidity.domain.errors import ConfigError

__all__ = ["NewestRows"]


class NewestRows:
    """The newest row of a market by prepared statements, for whoever asks all day long.

    Parameters
    ----------
    connection
        A connection of its own, in autocommit mode; not for several threads.
    """

    def __init__(self, connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None  # the connection is open
        self._cursor = driver.cursor()
        # One plan for all markets: planning anew costs more than the look-up.
        self._cursor.execute("SET plan_cache_mode = force_generic_plan")
        self._cursor.execute("SELECT name FROM pg_prepared_statements")  # a pool may have lent the connection before
        self._prepared = {name for (name,) in self._cursor.fetchall()}

    def of(self, table: Table, market_id: int, since: datetime) -> dict[str, Any] | None:
        """Newest row at or after ``since`` (aware), which keeps the search to the partitions that may hold it."""
        name = f"newest_of_{table.name}"
        if name not in self._prepared:
            order = ", ".join(f'"{key.name}" DESC' for key in table.primary_key.columns if key.name != "market_id")
            listed = ", ".join(f'"{column.name}"' for column in table.columns)
            self._cursor.execute(
                f"PREPARE {name} (integer, timestamptz) AS SELECT {listed} FROM {table.name} "
                f"WHERE market_id = $1 AND at >= $2 ORDER BY {order} LIMIT 1"
            )
            self._prepared.add(name)
        if since.tzinfo is None:
            raise ConfigError(f"time {since.isoformat()} has no time zone; give an aware time")
        self._cursor.execute(f"EXECUTE {name} (%s, %s)", (market_id, since))
        row = self._cursor.fetchone()
        return None if row is None else dict(zip((column.name for column in table.columns), row, strict=True))
