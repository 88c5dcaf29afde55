"""Reading our own recordings (``segments.py``) at any level of their folder."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from liquidity.book.block import INVALIDATE, NO_ID, NO_TIME, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.rows import COLUMNS
from liquidity.domain.book_message import TradeMessage
from liquidity.domain.errors import ContractError
from liquidity.domain.market_data import MarketKind
from resources.tapes._columns import block_heads, block_messages, whole_messages
from resources.tapes.segments import CONTRACT, Gap
from resources.tapes.tape import BLOCK_ROWS, BookKey, Checked, Message, Tape

__all__ = ["SegmentTape", "segment_files"]


@dataclass(frozen=True, slots=True)
class _Segment:
    path: Path
    key: BookKey
    grid: BookGrid
    opening_rows: int
    follows: str

    @property
    def first_ns(self) -> int:
        return int(self.path.name.partition(".")[0])


def segment_files(path: Path) -> list[Path]:
    """Book segments at or below ``path``."""
    if path.is_file():
        return [path] if path.name.endswith(".book.parquet") else []
    return sorted(path.rglob("*.book.parquet"))


class SegmentTape(Tape):
    """Segments read as one tape: each book's in order of time.

    Where a segment does not follow the one before (the recorder was down), the book is invalidated in between and
    ``recording_gap`` is counted.

    Parameters
    ----------
    path
        A segment, or a folder that holds some at any level; trades and gaps are those at or below the same place.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._folder = path.parent if path.is_file() else path
        found = sorted((_segment(file) for file in segment_files(path)), key=lambda segment: segment.first_ns)
        self._segments: dict[BookKey, list[_Segment]] = {}
        for segment in found:
            self._segments.setdefault(segment.key, []).append(segment)

    @property
    def books(self) -> Mapping[BookKey, BookGrid]:
        """Steps and units of each book, those of its newest segment."""
        return {key: segments[-1].grid for key, segments in self._segments.items()}

    def blocks(self, venue: str, venue_symbol: str, *, block_rows: int = BLOCK_ROWS) -> Iterator[BookBlock]:
        """Rows as recorded, segment after segment; blocks end with whole messages."""
        grid = self.grid(venue, venue_symbol)
        counts: Counter[str] = Counter()
        before: _Segment | None = None
        last_ns = 0
        for segment in self._segments[(venue, venue_symbol)]:
            if segment.grid != grid:
                raise ContractError(f"{segment.path}: its steps differ from the newest segment's; read it alone")
            follows = before is not None and segment.follows == str(before.first_ns)
            if before is not None and not follows:
                counts["recording_gap"] += 1
                yield _lost(last_ns)
            for block in whole_messages(_rows(segment.path, segment.opening_rows if follows else 0, block_rows)):
                counts["applied"] += int(np.count_nonzero(block.message_end & (block.action != INVALIDATE)))
                counts["invalidated"] += int(np.count_nonzero(block.action == INVALIDATE))
                last_ns = int(block.received_ns[-1])
                yield block
            before = segment
        self.counts[(venue, venue_symbol)] = +counts

    def tagged(self) -> Iterator[tuple[str, Message]]:
        """Venue and message of all books by time of receipt."""
        return heapq.merge(*(self._one(*key) for key in self._segments), key=lambda tagged: tagged[1].received_ns)

    def checked(self) -> Iterator[Checked]:
        """What was recorded: it came and was accepted."""
        for key in self._segments:
            for block in self.blocks(*key):
                yield Checked(key, self.grid(*key), list(block_heads(block)), block)

    def trades(self, venue: str, venue_symbol: str) -> Iterator[TradeMessage]:
        """Trades of one market in order of receipt."""
        for row in self._companions(venue, venue_symbol, "trades"):
            yield TradeMessage(
                venue_symbol, row["received_ns"], row["event_ns"], row["trade_id"], repr(row["price"]),
                repr(row["amount"]), row["taker_sign"],
            )  # fmt: skip

    def gaps(self, venue: str, venue_symbol: str) -> Iterator[Gap]:
        """Recorded stretches without a book, by time."""
        return (Gap(**row) for row in self._companions(venue, venue_symbol, "gaps"))

    def _one(self, venue: str, venue_symbol: str) -> Iterator[tuple[str, Message]]:
        grid = self.grid(venue, venue_symbol)
        books = (
            message
            for block in self.blocks(venue, venue_symbol)
            for message in block_messages(block, venue_symbol, grid)
        )
        both: Iterator[Message] = heapq.merge(
            books, self.trades(venue, venue_symbol), key=lambda message: message.received_ns
        )
        return ((venue, message) for message in both)

    def _companions(self, venue: str, venue_symbol: str, kind: str) -> Iterator[dict[str, Any]]:
        for path in sorted(self._folder.rglob(f"*.{kind}.parquet"), key=lambda file: int(file.name.partition(".")[0])):
            meta = _metadata(path)
            if (meta.get("venue"), meta.get("venue_symbol")) == (venue, venue_symbol):
                for batch in _batches(path, BLOCK_ROWS):
                    yield from batch.to_pylist()


def _segment(path: Path) -> _Segment:
    try:
        meta = _metadata(path)
        if meta.get("contract") != CONTRACT:
            raise ContractError(
                f"{path}: contract {meta.get('contract')}, allowed {CONTRACT}; convert it or leave it out"
            )
        grid = BookGrid(
            Decimal(meta["tick_size"]), Decimal(meta["lot_size"]), float(meta["contract_size"]),
            cast(MarketKind, meta["kind"]),
        )  # fmt: skip
        return _Segment(path, (meta["venue"], meta["venue_symbol"]), grid, int(meta["opening_rows"]), meta["follows"])
    except (pa.ArrowException, OSError, KeyError, ValueError, ArithmeticError) as error:
        raise ContractError(f"{path}: no segment of ours ({type(error).__name__}: {error}); move it away") from error


def _metadata(path: Path) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (pq.read_schema(path).metadata or {}).items()}


def _batches(path: Path, rows: int) -> Iterator[Any]:
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            yield from file.iter_batches(batch_size=rows)
    except (pa.ArrowException, OSError) as error:
        raise ContractError(f"{path}: cannot be read as parquet ({error}); move it away") from error


def _rows(path: Path, skip_rows: int, block_rows: int) -> Iterator[BookBlock]:
    """Rows as stored, but the first ``skip_rows``; no copy of any column but the bits."""
    for batch in _batches(path, block_rows):
        skipped = min(skip_rows, len(batch))
        skip_rows -= skipped
        yield BookBlock(*(_array(batch.column(name).slice(skipped)) for name in COLUMNS))


def _array(column: Any) -> NDArray[Any]:
    """Values of a column without missing ones; pyarrow itself unpacks bits twenty times as slowly."""
    if column.null_count:
        raise ContractError(f"{column.null_count} missing values; a segment has none, record or copy it again")
    if not pa.types.is_boolean(column.type):
        return np.asarray(column.to_numpy())
    packed = np.frombuffer(column.buffers()[1], dtype=np.uint8)
    bits = np.unpackbits(packed, count=column.offset + len(column), bitorder="little")
    return bits[column.offset :].view(np.bool_)


def _lost(received_ns: int) -> BookBlock:
    values = (received_ns, NO_TIME, INVALIDATE, True, 0, 0, 0, NO_ID, NO_ID, NO_ID)
    return BookBlock(*(np.array([value], dtype=kind) for value, kind in zip(values, COLUMNS.values(), strict=True)))
