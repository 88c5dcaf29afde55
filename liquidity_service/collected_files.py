"""Files of collected history: one a month or a day, put in place whole, continued on the next call, never overwritten.

What was collected is remembered per market in ``crypto/.collected/<venue>.<symbol>.json``: for each file the last day
it holds and the hash of its bytes. A file that is there without such an entry, or with another hash, belongs to
somebody else and is refused. Read next: ``collect.py``.
"""

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liquidity.domain.errors import ConfigError, ContractError
from resources.atomic_file import replacing
from resources.tapes.segments import symbol_folder

__all__ = ["CollectedMarket", "Period", "periods"]

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Period:
    """Days ``first`` to ``last`` that one file is to hold; ``name`` is the month or the day."""

    name: str
    first: date
    last: date


def periods(start: date, end: date, unit: Literal["month", "day"]) -> list[Period]:
    """Cut [start, end] into the parts that fall into each month or day, ascending.

    Examples
    --------
    >>> [(each.name, each.first.day, each.last.day) for each in periods(date(2026, 1, 30), date(2026, 2, 3), "month")]
    [('2026-01', 30, 31), ('2026-02', 1, 3)]
    """
    found = []
    first = start
    while first <= end:
        last = (
            first if unit == "day" else (first.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        )
        name = first.isoformat() if unit == "day" else f"{first:%Y-%m}"
        found.append(Period(name, first, min(last, end)))
        first = last + timedelta(days=1)
    return found


class CollectedMarket:
    """Collected files of one market under a landing folder; one process at a time holds it (:meth:`opened`).

    Parameters
    ----------
    landing
        Landing folder.
    venue, venue_symbol
        The market.
    """

    def __init__(self, landing: Path, venue: str, venue_symbol: str) -> None:
        self._landing = landing
        self._stem = f"{venue}.{symbol_folder(venue_symbol)}"
        self._state_file = landing / "crypto" / ".collected" / f"{self._stem}.json"
        self._state: dict[str, dict[str, Any]] = {}

    @classmethod
    @contextmanager
    def opened(cls, landing: Path, venue: str, venue_symbol: str) -> "Iterator[CollectedMarket]":
        """Hold the market's files.

        Raises
        ------
        ConfigError
            Another process collects this market now.
        ContractError
            The state file cannot be read.
        """
        market = cls(landing, venue, venue_symbol)
        market._state_file.parent.mkdir(parents=True, exist_ok=True)
        with market._state_file.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(f"{market._stem}: another process collects it now; wait for it to end") from None
            market._load()
            yield market

    def missing(self, table: str, wanted: list[Period], *, kind: str = "") -> list[Period]:
        """What of ``wanted`` is not in the files yet, ascending; a file is continued after its last day.

        A period that begins before its file does makes the whole file missing: it is fetched anew, from its beginning.
        """
        left = []
        for period in wanted:
            entry = self._state.get(self._name(table, period, kind))
            if entry is None or not (self._landing / self._name(table, period, kind)).exists():
                left.append(period)
                continue
            first, last = date.fromisoformat(entry["first"]), date.fromisoformat(entry["last"])
            if period.first < first:
                left.append(Period(period.name, period.first, max(period.last, last)))
            elif period.last > last:
                left.append(Period(period.name, last + timedelta(days=1), period.last))
        return left

    def refuse_foreign(self, table: str, period: Period, *, kind: str = "") -> None:
        """Raise :class:`ContractError` where the file of a period is somebody else's."""
        name = self._name(table, period, kind)
        path = self._landing / name
        if not path.exists():
            return
        entry = self._state.get(name)
        if entry is None:
            raise ContractError(
                f"{path}: is there and was not written by `pulse collect`; move it away, nothing is overwritten"
            )
        if entry["sha256"] != _sha256(path):
            raise ContractError(f"{path}: was changed since it was collected; move it away, nothing is overwritten")

    @contextmanager
    def writing(
        self, table: str, period: Period, schema: pa.Schema, *, kind: str = ""
    ) -> "Iterator[Callable[[pa.Table], None]]":
        """Hand out a function that takes the rows of ``period``; rows of earlier days in the file are carried over.

        When the block ends well the file is in place and remembered. Where no row came everything stays as it was: an
        empty answer is no proof that there was nothing. So it does after an error. ``schema`` has ``session_date``.
        """
        self.refuse_foreign(table, period, kind=kind)
        name = self._name(table, period, kind)
        path = self._landing / name
        entry = self._state.get(name)
        first, rows = period.first, 0
        try:
            with replacing(path) as staged:
                with pq.ParquetWriter(staged, schema, compression="zstd") as writer:

                    def write(rows_of_period: pa.Table) -> None:
                        nonlocal rows
                        writer.write_table(rows_of_period.cast(schema))
                        rows += rows_of_period.num_rows

                    if entry is not None and date.fromisoformat(entry["first"]) <= period.first:
                        first = date.fromisoformat(entry["first"])
                        for kept in _rows_before(path, period.first):
                            writer.write_table(kept.cast(schema))
                    yield write
                if not rows:
                    raise _NothingCameError
                now = {"first": first.isoformat(), "last": period.last.isoformat(), "sha256": _sha256(staged)}
                # Killed after the rename, the next call must know the file as ours; killed before it, the one before.
                self._remember(name, {**now, "instead_of": entry})
        except _NothingCameError:
            return
        self._remember(name, now)

    def _name(self, table: str, period: Period, kind: str) -> str:
        middle = f".{kind}" if kind else ""
        return f"{table}/{self._stem}{middle}.{period.name}.parquet"

    def _load(self) -> None:
        if not self._state_file.exists():
            return
        try:
            content = json.loads(self._state_file.read_text(encoding="utf-8"))
            if content["version"] != _VERSION:
                raise ValueError(f"version {content['version']}")
            settled = ((name, self._settled(name, entry)) for name, entry in content["files"].items())
            self._state = {name: entry for name, entry in settled if entry is not None}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ContractError(
                f"{self._state_file}: not readable as what `pulse collect` remembers ({error}); move it and the files it "
                "names away to collect anew"
            ) from error

    def _settled(self, name: str, entry: dict[str, Any]) -> dict[str, Any] | None:
        """The entry that is true of the file, where a call was killed between remembering it and putting it in place."""
        if "instead_of" not in entry:
            return entry
        path = self._landing / name
        is_in_place = path.exists() and _sha256(path) == entry["sha256"]
        before: dict[str, Any] | None = entry.pop("instead_of")
        return entry if is_in_place else before

    def _remember(self, name: str, entry: dict[str, Any]) -> None:
        self._state[name] = entry
        with replacing(self._state_file) as staged:
            staged.write_text(json.dumps({"version": _VERSION, "files": self._state}, indent=1, sort_keys=True))


class _NothingCameError(Exception):
    """Leaves :func:`~resources.atomic_file.replacing` without putting a file in place."""


def _rows_before(path: Path, day: date) -> Iterator[pa.Table]:
    if not path.exists():
        return
    with pq.ParquetFile(path) as earlier:
        for batch in earlier.iter_batches(65_536):
            table = pa.Table.from_batches([batch])
            yield table.filter(pc.less(table["session_date"], day))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
