"""Rows that feeds and the adapter kit set aside, kept beside the lake's own quarantine.

::

    <lake>/quarantine/feeds/<feed>/<fingerprint>.parquet

A feed drops what it cannot use (a matured bond, a crossed quote, a source that is broken as a whole) and says why. Each
file holds all rows that a feed set aside at one collection, one row each: table, reason, identity, moment, detail. Its
name is the hash of its content, so that collecting the same files again writes nothing and no file ever changes.
Read next: ``resources/feeds/_recording.py`` (``refuse``), ``resources/feeds/_source_audit.py``.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from resources.atomic_file import replacing
from resources.feeds._feed import Feed
from resources.feeds._recording import SET_ASIDE_COLUMNS

__all__ = ["QUARANTINE_FOLDER", "read_set_aside", "store_set_aside"]

QUARANTINE_FOLDER: Final = "quarantine/feeds"
_SCHEMA: Final = pa.schema([pa.field(name, pa.string(), nullable=False) for name in SET_ASIDE_COLUMNS])


def store_set_aside(lake_dir: Path, feeds: Sequence[Feed], refused: pd.DataFrame | None = None) -> pd.DataFrame:
    """Write what each feed set aside, and count it.

    Parameters
    ----------
    lake_dir
        Folder of the lake.
    feeds
        Feeds of the collection; those that set nothing aside need no ``set_aside`` method.
    refused
        Rows of refused sources: ``feed`` and the columns of ``SET_ASIDE_COLUMNS``.

    Returns
    -------
    pd.DataFrame
        ``feed``, ``table``, ``reason``, ``rows``, ``file`` (relative to the lake), sorted; one row for each reason.

    Notes
    -----
    A feed whose list cannot be read counts as one row with reason ``unreadable`` and the error as detail: the
    collection itself has already told that the feed failed, and must not fail a second time here.
    """
    parts: dict[str, list[pd.DataFrame]] = {feed.name: [_listed(feed)] for feed in feeds}
    if refused is not None:
        for name, rows in refused.groupby("feed"):
            parts.setdefault(str(name), []).append(rows)
    counts = []
    for name in sorted(parts):
        rows = pd.concat([part.reindex(columns=list(SET_ASIDE_COLUMNS)) for part in parts[name]], ignore_index=True)
        if rows.empty:
            continue
        file = _stored(lake_dir, name, rows.astype("str"))
        for (table, reason), members in rows.groupby(["table", "reason"]):
            counts.append((name, table, reason, len(members), file))
    return pd.DataFrame(counts, columns=["feed", "table", "reason", "rows", "file"])


def read_set_aside(lake_dir: Path, feed: str) -> pd.DataFrame:
    """Everything that a feed ever set aside, each row once; columns of ``SET_ASIDE_COLUMNS``."""
    paths = sorted((lake_dir / QUARANTINE_FOLDER / _folder(feed)).glob("*.parquet"))
    tables = [pq.read_table(path, schema=_SCHEMA) for path in paths]
    rows: pd.DataFrame = pa.concat_tables([_SCHEMA.empty_table(), *tables]).to_pandas()
    return rows.drop_duplicates(ignore_index=True)


def _listed(feed: Feed) -> pd.DataFrame:
    read: Any = getattr(feed, "set_aside", None)
    if read is None:
        return pd.DataFrame()
    try:
        rows: pd.DataFrame = read()
    except Exception as error:  # noqa: BLE001 - the error is kept as the row; see Notes of store_set_aside
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return pd.DataFrame([["", "unreadable", feed.name, "", detail]], columns=list(SET_ASIDE_COLUMNS))
    return rows


def _stored(lake_dir: Path, feed: str, rows: pd.DataFrame) -> str:
    ordered = rows.sort_values(list(SET_ASIDE_COLUMNS), ignore_index=True)
    digest = hashlib.sha256()
    for column in SET_ASIDE_COLUMNS:
        digest.update("\x1f".join(ordered[column]).encode("utf-8") + b"\x1e")
    relative = f"{QUARANTINE_FOLDER}/{_folder(feed)}/{digest.hexdigest()[:16]}.parquet"
    path = lake_dir / relative
    if not path.is_file():
        table = pa.Table.from_arrays(
            [pa.array(ordered[name].tolist(), pa.string()) for name in _SCHEMA.names], schema=_SCHEMA
        )
        with replacing(path) as staged:
            pq.write_table(table, staged, compression="zstd")
    return relative


def _folder(feed: str) -> str:
    """A source names itself as it likes; a folder of the lake holds no separator and no dot."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", feed)[:80] or "unnamed"
