"""Feeds of recorded files: built once per process from whole files, then sliced by session.

``TableFeed`` is the one implementation; each feed file supplies a function that turns its files into a
``Recording``. Rows that cannot be used are kept apart with a reason, never dropped in silence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ConfigError
from liquidity.domain.session import FIRST_DAY, is_session, session_close
from resources.feeds._feed import FEED_RULES, delivered_columns

__all__ = [
    "ALIVE_SESSIONS",
    "SET_ASIDE_COLUMNS",
    "Build",
    "Recording",
    "TableFeed",
    "alive_days",
    "closes_utc",
    "contract_rows",
    "open_recorded",
    "refuse",
    "split_sessions",
]

ALIVE_SESSIONS: Final = 10
"""An instrument counts as alive on a session when its source showed it within this many sessions, that one included."""

SET_ASIDE_COLUMNS: Final = ("table", "reason", "identity", "moment", "detail")

_PANDAS: Final[dict[str, str]] = {
    "string": "str",
    "float64": "float64",
    "int64": "Int64",
    "bool": "boolean",
    "timestamp": "datetime64[us, UTC]",
    "date": "datetime64[us]",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything one feed can say: full tables by name, and the rows it set aside with reasons."""

    tables: Mapping[str, pd.DataFrame]
    set_aside: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(SET_ASIDE_COLUMNS), dtype="str"))


_BUILDING: Final = RLock()

Build = Callable[..., Recording]
"""Turns paths (and hashable options) into a :class:`Recording`."""


@dataclass(frozen=True, slots=True)
class TableFeed:
    """A feed over whole files; see :class:`resources.feeds._feed.Feed` for what each member promises."""

    name: str
    tables: tuple[str, ...]
    asset_classes: tuple[str, ...]
    build: Build
    paths: tuple[Path, ...]
    options: tuple[Any, ...] = ()

    def sessions(self) -> list[date]:
        """Days on which any table has a row, ascending."""
        recording = self.recording()
        days = [recording.tables[table]["session_date"] for table in self.tables if table != "instruments"]
        if not days:
            days = [recording.tables["instruments"]["session_date"]]
        return sorted(stamp.date() for stamp in pd.concat(days).unique())

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        """Rows of ``table`` for the sessions of [start, end]; raises :class:`ConfigError` for a table it lacks."""
        if table not in self.tables:
            raise ConfigError(f"feed {self.name} has no table {table!r}; it has {list(self.tables)}")
        rows = self.recording().tables[table]
        days = rows["session_date"]  # rows are sorted by day first
        low = days.searchsorted(pd.Timestamp(start), side="left")
        high = days.searchsorted(pd.Timestamp(end), side="right")
        return rows.iloc[low:high].reset_index(drop=True)

    def set_aside(self) -> pd.DataFrame:
        """Rows of the files that were refused: table, reason, identity, moment, detail."""
        return self.recording().set_aside.copy()

    def recording(self) -> Recording:
        """Build the tables, once; the files are read again only when one of them changed."""
        with _BUILDING:  # adapters ask for different tables of one feed at the same moment
            return _built(self.build, tuple(map(_fingerprint, self.paths)), self.options)


def open_recorded(
    name: str,
    tables: tuple[str, ...],
    asset_classes: tuple[str, ...],
    build: Build,
    root: Path | None,
    files: tuple[str, ...],
    options: tuple[Any, ...] = (),
) -> TableFeed | None:
    """Open a feed over ``files`` of the folder ``root``; ``None`` when the folder or one of the files is not there."""
    if root is None or not all((root / file).is_file() for file in files):
        return None
    return TableFeed(name, tables, asset_classes, build, tuple(root / file for file in files), options)


def _fingerprint(path: Path) -> tuple[str, int, int]:
    facts = path.stat()
    return str(path), facts.st_mtime_ns, facts.st_size


@lru_cache(maxsize=32)
def _built(build: Build, files: tuple[tuple[str, int, int], ...], options: tuple[Any, ...]) -> Recording:
    return build(*(Path(path) for path, _, _ in files), *options)


def contract_rows(contract: TableContract, columns: Mapping[str, Any], index: pd.Index | None = None) -> pd.DataFrame:
    """Shape the columns a feed delivers for ``contract``: right types, missing ones null, sorted by the key.

    Parameters
    ----------
    columns
        Values by column name: a scalar for all rows, or an array or column. Infinite numbers become null.
        ``feed_rules`` may be among them; any other name that the contract lacks raises :class:`ConfigError`.
    index
        Rows when every value is a scalar.
    """
    wanted = delivered_columns(contract)
    unknown = [name for name in columns if name not in wanted and name != FEED_RULES]
    if unknown:
        raise ConfigError(f"table {contract.name}: a feed delivers no column {unknown}; allowed: {list(wanted)}")
    frame = pd.DataFrame({name: _plain(value) for name, value in columns.items()}, index=index)
    for name in wanted:
        kind = _PANDAS[contract.column(name).dtype]
        if name not in frame:
            frame[name] = pd.Series(pd.NA if kind in ("Int64", "boolean") else None, index=frame.index, dtype=kind)
        elif kind == "float64":
            values = pd.to_numeric(frame[name], errors="raise").astype("float64")
            frame[name] = values.where(np.isfinite(values))
        elif str(frame[name].dtype) != kind:
            frame[name] = frame[name].astype(pd.api.types.pandas_dtype(kind))
    extra = [FEED_RULES] if FEED_RULES in frame else []
    return frame[[*wanted, *extra]].sort_values(list(contract.key), kind="stable", ignore_index=True)


def _plain(value: Any) -> Any:
    return value.to_numpy() if isinstance(value, pd.Series) and value.dtype.kind in "iufb" else _unindexed(value)


def _unindexed(value: Any) -> Any:
    return value.array if isinstance(value, pd.Series | pd.Index) else value


def refuse(
    table: str, reason: str, rows: pd.DataFrame, identity: str, moment: str, detail: str | None = None
) -> pd.DataFrame:
    """Rows set aside for one reason, ready to be concatenated.

    Parameters
    ----------
    identity, moment, detail
        Columns of ``rows`` that name the row, its time, and the offending value.
    """
    return pd.DataFrame(
        {
            "table": np.full(len(rows), table),
            "reason": np.full(len(rows), reason),
            "identity": rows[identity].astype("str").to_numpy(),
            "moment": rows[moment].astype("str").to_numpy(),
            "detail": rows[detail].astype("str").to_numpy() if detail else np.full(len(rows), ""),
        },
        columns=list(SET_ASIDE_COLUMNS),
    ).astype("str")


def closes_utc(calendar: str, days: pd.Series) -> pd.Series:
    """Close of each session as aware UTC times, with the index of ``days``."""
    closes: pd.Series = pd.Series(session_close(calendar, days.to_numpy()), index=days.index).dt.tz_localize("UTC")
    return closes


def split_sessions(
    rows: pd.DataFrame, table: str, calendar: str, identity: str, day: str = "session_date"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows on open days, and the others set aside as ``before_calendar`` (before 1998) or ``closed_day``."""
    early = (rows[day] < pd.Timestamp(FIRST_DAY)).to_numpy(dtype=bool)
    opens = np.zeros(len(rows), dtype=bool)
    opens[~early] = is_session(calendar, rows.loc[~early, day].to_numpy())
    aside = pd.concat(
        [
            refuse(table, "before_calendar", rows[early], identity, day),
            refuse(table, "closed_day", rows[~early & ~opens], identity, day),
        ],
        ignore_index=True,
    )
    return rows[opens].reset_index(drop=True), aside


def alive_days(ids: pd.Series, days: pd.Series, calendar: str, keep_sessions: int = ALIVE_SESSIONS) -> pd.DataFrame:
    """Sessions on which each instrument is alive: seen within the last ``keep_sessions`` sessions, past only.

    Parameters
    ----------
    ids, days
        Every sighting (instrument, session); sessions of ``calendar``.

    Returns
    -------
    pd.DataFrame
        ``session_date``, ``instrument_id``; from the first sighting on, up to the newest session of ``days``.
    """
    codes, names = pd.factorize(ids, sort=True)
    span = np.arange(
        days.min().to_datetime64().astype("datetime64[D]"), days.max().to_datetime64().astype("datetime64[D]") + 1
    )
    sessions = span[is_session(calendar, span)]
    place = np.searchsorted(sessions, days.to_numpy().astype("datetime64[D]"))
    seen: NDArray[np.int32] = np.zeros((len(names), len(sessions) + 1), dtype=np.int32)
    seen[codes, place + 1] = 1
    total = np.cumsum(seen, axis=1)
    stop = np.arange(1, len(sessions) + 1)
    alive = total[:, stop] > total[:, np.maximum(stop - keep_sessions, 0)]
    instrument, session = np.nonzero(alive)
    return pd.DataFrame(
        {
            "session_date": sessions[session].astype("datetime64[us]"),
            "instrument_id": np.asarray(names)[instrument],
        }
    )
