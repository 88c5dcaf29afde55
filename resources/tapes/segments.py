"""Our own recordings: where segments lie, what is in them, and the writer.

``<root>/<venue>/<symbol>/<UTC day>/<first_received_ns>.book.parquet``, with ``.trades.parquet`` and ``.gaps.parquet``
beside it. A segment holds rows of :class:`~liquidity.book.block.BookBlock` as accepted by the synchroniser, and its
grid in the schema's metadata. It begins with a full book: after a change of day or size the writer opens the next one
with the book as it stands (``opening_rows``), so that each can be read alone.

While it grows a segment is a ``.part`` file (an Arrow stream): after a crash it is readable up to the last flush, and
:func:`recover_segments` turns it into a segment. Readers never see it. Read next: ``segment_tape.py``.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from liquidity.book.block import BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.rows import COLUMNS, concatenate
from liquidity.domain.book_message import TradeMessage
from liquidity.domain.errors import ConfigError
from resources.atomic_file import replacing
from resources.tapes._standing_book import StandingBook

__all__ = ["CONTRACT", "Gap", "SegmentWriter", "recover_segments", "symbol_folder"]

CONTRACT: Final = "book_rows/1"
"""What the columns of a segment mean; raised when they change."""
_ROW_GROUP: Final = 131_072
_COMPRESSION: Final = "lz4"  # a fifth larger than zstd, and read half as fast again
_DAY_NS: Final = 86_400_000_000_000
_PART: Final = ".part"
_BOOK: Final = pa.schema([pa.field(name, pa.from_numpy_dtype(kind), nullable=False) for name, kind in COLUMNS.items()])
"""Without missing values: to decode marks of what is missing would cost as much as the values."""
_TRADES: Final = pa.schema(
    [("received_ns", pa.int64()), ("event_ns", pa.int64()), ("trade_id", pa.string()), ("price", pa.float64()),
     ("amount", pa.float64()), ("taker_sign", pa.int8())]
)  # fmt: skip
_GAPS: Final = pa.schema(
    [("from_ns", pa.int64()), ("to_ns", pa.int64()), ("cause", pa.string()), ("expected_id", pa.int64()),
     ("found_id", pa.int64())]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which the book was unknown.

    Attributes
    ----------
    from_ns, to_ns
        Our clock at the loss and at the snapshot that ended it; ``to_ns`` ``None`` while it lasts.
    cause
        Reason of the synchroniser or the recorder: ``gap``, ``crossed``, ``silent``, ``disconnected``...
    expected_id, found_id
        Ids where the chain broke; ``None`` where the cause is another.
    """

    from_ns: int
    to_ns: int | None
    cause: str
    expected_id: int | None = None
    found_id: int | None = None


def symbol_folder(venue_symbol: str) -> str:
    """Name a symbol's folder: one path part for any text, and different for different symbols.

    Examples
    --------
    >>> symbol_folder("BTC-USDT"), symbol_folder("ETH/CHF"), symbol_folder("../../x"), symbol_folder("..")
    ('BTC-USDT', 'ETH%2FCHF', '%2E.%2F..%2Fx', '%2E.')
    """
    name = quote(venue_symbol, safe="", errors="backslashreplace")  # text from JSON may hold lone surrogates
    if not name or len(name) > 120:
        raise ConfigError(f"symbol {venue_symbol[:40]!r}: {len(name)} characters as a folder, allowed 1 to 120")
    return f"%2E{name[1:]}" if name.startswith(".") else name


class SegmentWriter:
    """Writes one book's recording.

    Parameters
    ----------
    root
        The recording's folder; made where missing.
    venue, venue_symbol, grid
        The market.
    max_segment_rows
        Rows after which a new segment begins; so does every UTC day (of ``received_ns``).
    flush_rows
        Rows held in memory before they go to disk: what a crash can cost, besides :meth:`flush`.

    Notes
    -----
    Unfinished files of an earlier crash in this book's folder are recovered first. One writer per book at a time. Memory
    is ``flush_rows`` rows and the standing book.
    """

    def __init__(
        self, root: Path, venue: str, venue_symbol: str, grid: BookGrid, *,
        max_segment_rows: int = 20_000_000, flush_rows: int = _ROW_GROUP,
    ) -> None:  # fmt: skip
        self._folder = root / symbol_folder(venue) / symbol_folder(venue_symbol)
        self._meta = {
            "contract": CONTRACT, "venue": venue, "venue_symbol": venue_symbol, "tick_size": str(grid.tick_size),
            "lot_size": str(grid.lot_size), "contract_size": repr(grid.contract_size), "kind": grid.kind,
        }  # fmt: skip
        self._max_rows = max_segment_rows
        self._flush_rows = flush_rows
        self._standing = StandingBook()
        self._held: list[BookBlock] = []
        self._held_n = 0
        self._book: _Part | None = None
        self._book_day = -1
        self._sides: dict[str, _Part] = {}
        self._side_rows: dict[str, list[dict[str, Any]]] = {"trades": [], "gaps": []}
        recover_segments(self._folder)

    def write(self, block: BookBlock) -> None:
        """Append rows of whole messages, in order of receipt."""
        if len(block) == 0:
            return
        days = block.received_ns // _DAY_NS
        if int(days[0]) != int(days[-1]):  # cut before the first message of the later day
            first = int(np.argmax(days != days[0]))
            ends = np.flatnonzero(block.message_end[:first])
            cut = int(ends[-1]) + 1 if len(ends) else first
            self.write(_rows(block, 0, cut))
            self.write(_rows(block, cut, len(block)))
            return
        if self._book is None or int(days[0]) > self._book_day or self._book.rows_n + self._held_n >= self._max_rows:
            self.turn(int(block.received_ns[0]))
        self._held.append(block)
        self._held_n += len(block)
        if self._held_n >= self._flush_rows:
            self._flush_book()

    def write_trades(self, trades: Sequence[TradeMessage]) -> None:
        """Append public trades of the market."""
        for trade in trades:
            row = {
                "received_ns": trade.received_ns, "event_ns": trade.event_ns, "trade_id": trade.trade_id,
                "price": float(trade.price), "amount": float(trade.amount), "taker_sign": trade.taker_sign,
            }  # fmt: skip
            self._side("trades", row, trade.received_ns)

    def write_gap(self, gap: Gap) -> None:
        """Append one stretch without a book."""
        row = {
            "from_ns": gap.from_ns, "to_ns": gap.to_ns, "cause": gap.cause, "expected_id": gap.expected_id,
            "found_id": gap.found_id,
        }  # fmt: skip
        self._side("gaps", row, gap.from_ns)

    def flush(self) -> None:
        """Bring everything written so far to disk, where a crash cannot undo it."""
        self._flush_book()
        for name in self._side_rows:
            self._flush_side(name)

    def close(self) -> None:
        """Finish the open segment and its companions; safe to call twice."""
        self.flush()
        for part in (self._book, *self._sides.values()):
            if part is not None:
                part.finish()
        self._book, self._sides = None, {}

    def __enter__(self) -> Self:
        """Use as a context: closed at the end, after an error too."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def turn(self, first_ns: int) -> None:
        """Finish the open segment and begin the next with the book as it stands."""
        before = self._book.first_ns if self._book is not None else None
        self.close()
        opening = self._standing.as_snapshot(first_ns)
        meta = {**self._meta, "opening_rows": str(len(opening)), "follows": "" if before is None else str(before)}
        self._book = _Part(self._folder, first_ns, "book", _BOOK.with_metadata(meta))
        self._book_day = first_ns // _DAY_NS
        if len(opening):
            self._book.append(_table(opening))

    def _flush_book(self) -> None:
        if self._held_n and self._book is not None:
            block = concatenate(self._held)
            self._held, self._held_n = [], 0
            self._standing.update(block)
            self._book.append(_table(block))

    def _side(self, name: str, row: dict[str, Any], at_ns: int) -> None:
        part = self._sides.get(name)
        if part is not None and at_ns // _DAY_NS > part.first_ns // _DAY_NS:
            self._flush_side(name)
            self._sides.pop(name).finish()
        if name not in self._sides:
            schema = (_TRADES if name == "trades" else _GAPS).with_metadata(self._meta)
            self._sides[name] = _Part(self._folder, at_ns, name, schema)
        self._side_rows[name].append(row)
        if len(self._side_rows[name]) >= self._flush_rows:
            self._flush_side(name)

    def _flush_side(self, name: str) -> None:
        rows = self._side_rows[name]
        if rows:
            self._side_rows[name] = []
            part = self._sides[name]
            part.append(pa.Table.from_pylist(rows, schema=part.schema))


def recover_segments(folder: Path) -> list[Path]:
    """Finish what a crash left behind below ``folder``: each ``.part`` becomes a segment of the rows that reached disk.

    Returns
    -------
    list[Path]
        Segments recovered, and files set aside as ``.torn`` because not one row could be read. Nothing is deleted that
        holds rows. Never call it while a writer is at work in the folder.
    """
    return [_finish(part) for part in sorted(folder.rglob(f"*{_PART}"))] if folder.is_dir() else []


class _Part:
    """A growing file of one kind."""

    def __init__(self, folder: Path, first_ns: int, kind: str, schema: pa.Schema) -> None:
        day = datetime.fromtimestamp(first_ns // 1_000_000_000, UTC).date().isoformat()
        self.first_ns = first_ns
        self.schema = schema
        self.rows_n = 0
        self._path = folder / day / f"{first_ns}.{kind}{_PART}"
        while self._path.exists() or _target(self._path).exists():  # two segments that begin with the same message
            self.first_ns += 1
            self._path = self._path.with_name(f"{self.first_ns}.{kind}{_PART}")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("wb")
        self._stream = pa.ipc.new_stream(self._file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd"))

    def append(self, table: pa.Table) -> None:
        self._stream.write_table(table.replace_schema_metadata(self.schema.metadata))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.rows_n += len(table)

    def finish(self) -> None:
        self._stream.close()
        self._file.close()
        _finish(self._path)


def _target(part: Path) -> Path:
    return part.with_name(f"{part.name.removesuffix(_PART)}.parquet")


def _finish(part: Path) -> Path:
    """Turn a part into a parquet file, batch by batch, and remove it; set it aside where it holds no row."""
    target = _target(part)
    rows_n = 0
    try:
        with (
            part.open("rb") as file,
            pa.ipc.open_stream(file) as stream,
            replacing(target) as staged,
            pq.ParquetWriter(staged, stream.schema, compression=_COMPRESSION) as writer,
        ):
            for group in _groups(stream):
                writer.write_table(group, row_group_size=_ROW_GROUP)
                rows_n += len(group)
    except (pa.ArrowException, OSError):
        if part.stat().st_size and rows_n:
            raise
    if rows_n == 0:
        target.unlink(missing_ok=True)
        torn = part.with_name(f"{part.name}.torn")
        os.replace(part, torn)  # noqa: PTH105 - as in atomic_file: the call whose atomicity is meant
        return torn
    part.unlink()
    return target


def _groups(stream: Any) -> Any:
    """Tables of a row group each but the last, up to the last batch that is whole."""
    held: list[Any] = []
    held_n = 0
    while True:
        try:
            batch = stream.read_next_batch()
        except StopIteration:
            break
        except (pa.ArrowException, OSError):  # the crash cut this batch
            break
        held.append(batch)
        held_n += len(batch)
        if held_n >= _ROW_GROUP:
            table = pa.Table.from_batches(held)
            whole = held_n // _ROW_GROUP * _ROW_GROUP
            yield table.slice(0, whole)
            held, held_n = table.slice(whole).to_batches(), held_n - whole
    if held_n:
        yield pa.Table.from_batches(held)


def _rows(block: BookBlock, start: int, stop: int) -> BookBlock:
    return BookBlock(*(getattr(block, name)[start:stop] for name in COLUMNS))


def _table(block: BookBlock) -> pa.Table:
    return pa.table({name: getattr(block, name) for name in COLUMNS}, schema=_BOOK)
