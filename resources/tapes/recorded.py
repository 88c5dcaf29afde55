"""Recorded parquet sets: ``X.depth.parquet`` and ``X.snapshot.parquet``, with ``X.trades.parquet`` where recorded.

One row per changed level (``recv_ns, event_ms, U, u, pu, side, price, qty``), one REST book (``recv_ns, last_update_id,
side, price, qty``). The stem names the market: ``binance_spot_btcusdt``, ``binance_usdm_...``, ``binance_coinm_...``.
Files of any length are read batch by batch.
"""

import heapq
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from liquidity.book.block import NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.block_sequence import BlockSequence
from liquidity.book.grid import BookGrid
from liquidity.book.wire import units_of
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.errors import ConfigError, ContractError
from resources.tapes._columns import block_heads, block_messages, delta_rows, rows_of, step_of, whole_messages
from resources.tapes.tape import BLOCK_ROWS, BookKey, Checked, Message, Tape, existing

__all__ = ["RecordedTape", "recorded_stem"]

_MARKETS: Final = {"usdm": "binanceusdm", "spot": "binance", "coinm": "binancecoinm"}
_PARTS: Final = (".depth.parquet", ".snapshot.parquet", ".trades.parquet", ".bbo.parquet")
_DEPTH: Final = ("recv_ns", "event_ms", "U", "u", "pu", "side", "price", "qty")
_SNAPSHOT: Final = ("recv_ns", "event_ms", "last_update_id", "side", "price", "qty")
_SAME_MESSAGE: Final = ("last_id", "first_id", "received_ns")
_TRADES: Final = ("recv_ns", "trade_ms", "trade_id", "price", "qty", "buyer_is_maker")


def recorded_stem(path: Path) -> Path | None:
    """Stem of the recorded set that ``path`` names by its stem or by one of its files; ``None`` where it names none."""
    for part in _PARTS:
        if path.name.endswith(part):
            path = path.with_name(path.name.removesuffix(part))
            break
    return path if path.with_name(path.name + _PARTS[0]).is_file() else None


class RecordedTape(Tape):
    """One recorded set.

    Parameters
    ----------
    stem
        Path without ``.depth.parquet``.
    venue
        Venue id where the stem does not tell; the stem's last part is then the symbol.
    grids
        Steps and units by venue symbol; without it prices and sizes are scanned once, exactly.
    """

    def __init__(self, stem: Path, *, venue: str | None = None, grids: Mapping[str, BookGrid] | None = None) -> None:
        super().__init__()
        self._stem = stem
        parts = stem.name.split("_")
        told = _MARKETS.get(parts[1]) if parts[0] == "binance" and len(parts) > 2 else None
        found = venue or told
        if found is None:
            raise ConfigError(f"{stem}: the name tells no venue; name the venue")
        self.key: BookKey = (found, "_".join(parts[2:] if told else parts[-1:]).upper())
        self._grid = (grids or {}).get(self.key[1])

    @property
    def books(self) -> Mapping[BookKey, BookGrid]:
        """The one market; the first call scans the steps where no grid was given."""
        if self._grid is None:
            decimals = [0, 0]
            for part in _PARTS[:2]:
                for batch in self._batches(part, ("price", "qty"), BLOCK_ROWS):
                    for place, column in enumerate(batch):
                        decimals[place] = step_of(column, decimals[place])
            kind, contract_size = units_of(*self.key) or ("spot", 1.0)
            self._grid = BookGrid(_power(decimals[0]), _power(decimals[1]), contract_size, kind)
        return {self.key: self._grid}

    def blocks(self, venue: str, venue_symbol: str, *, block_rows: int = BLOCK_ROWS) -> Iterator[BookBlock]:
        """Sequence-checked rows; blocks end with whole messages."""
        self.grid(venue, venue_symbol)
        return (rows for _, rows in self._judged(block_rows) if len(rows))

    def checked(self) -> Iterator[Checked]:
        """What came and what was accepted."""
        grid = self.grid(*self.key)
        return (Checked(self.key, grid, list(block_heads(came)), rows) for came, rows in self._judged(BLOCK_ROWS))

    def _judged(self, block_rows: int) -> Iterator[tuple[BookBlock, BookBlock]]:
        """Rows as they came, and those accepted."""
        check = BlockSequence(self.key[0])
        for block in self._received(block_rows):
            yield block, check.push(block)
        self.counts[self.key] = check.counts

    def tagged(self) -> Iterator[tuple[str, Message]]:
        """Venue and message by time of receipt, books before trades at equal times."""
        grid = self.grid(*self.key)
        books: Iterator[BookMessage] = (
            message for block in self._received(BLOCK_ROWS) for message in block_messages(block, self.key[1], grid)
        )
        both: Iterator[Message] = heapq.merge(books, self.trades(*self.key), key=lambda message: message.received_ns)
        return ((self.key[0], message) for message in both)

    def trades(self, venue: str, venue_symbol: str) -> Iterator[TradeMessage]:
        """Trades in order of receipt; none where the set has no trades file."""
        if (venue, venue_symbol) != self.key or not self._path(".trades.parquet").is_file():
            return
        for columns in self._batches(".trades.parquet", _TRADES, BLOCK_ROWS):
            received, traded, ids, prices, sizes, maker_bought = (column.tolist() for column in columns)
            for place, at_ns in enumerate(received):
                yield TradeMessage(
                    venue_symbol, at_ns, traded[place] * 1_000_000, str(ids[place]), repr(prices[place]),
                    repr(sizes[place]), -1 if maker_bought[place] else 1,
                )  # fmt: skip

    def _received(self, block_rows: int) -> Iterator[BookBlock]:
        """Rows as they were received, the REST book in its place, cut between messages."""
        grid = self.grid(*self.key)
        snapshot: BookBlock | None = self._snapshot(grid)
        for block in whole_messages(self._deltas(grid, block_rows)):
            if snapshot is None or int(block.received_ns[-1]) < int(snapshot.received_ns[0]):
                yield block
                continue
            place = int(np.searchsorted(block.received_ns, snapshot.received_ns[0]))
            yield from (part for part in (rows_of(block, 0, place), snapshot, rows_of(block, place)) if len(part))
            snapshot = None
        if snapshot is not None:
            yield snapshot

    def _deltas(self, grid: BookGrid, block_rows: int) -> Iterator[BookBlock]:
        """Delta rows as stored, with the ends of their messages: of a batch's last row the next batch tells."""
        held: BookBlock | None = None
        for received, event, first, last, previous, side, prices, sizes in self._batches(
            ".depth.parquet", _DEPTH, block_rows
        ):
            if len(received) == 0:
                continue
            rows = delta_rows(received, event, (first, last, previous), side, prices, sizes, grid)
            if held is not None:
                held.message_end[-1] = any(getattr(rows, name)[0] != getattr(held, name)[-1] for name in _SAME_MESSAGE)
                yield held
            held = rows
        if held is not None:
            held.message_end[-1] = True
            yield held

    def _snapshot(self, grid: BookGrid) -> BookBlock:
        parts = list(self._batches(".snapshot.parquet", _SNAPSHOT, BLOCK_ROWS))
        received, event, ids, side, prices, sizes = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        if len(np.unique(ids)) != 1:
            raise ContractError(f"{self._path('.snapshot.parquet')}: {len(np.unique(ids))} books, allowed one")
        ends = np.zeros(len(ids), dtype=np.bool_)
        ends[-1] = True
        nothing = np.full(len(ids), NO_ID, dtype=np.int64)
        action = np.full(len(ids), SNAPSHOT, dtype=np.int8)
        return BookBlock(
            received, _ms_ns(event), action, ends, side, grid.ticks(prices), grid.lots(sizes), nothing, ids, nothing
        )

    def _batches(self, part: str, columns: tuple[str, ...], rows: int) -> Iterator[list[NDArray[Any]]]:
        path = existing(self._path(part))
        try:
            held = pq.read_schema(path).names
            missing = [name for name in columns if name not in held]
            sides = [name for name in columns if name == "side"]
            with pq.ParquetFile(path, read_dictionary=None if missing else sides, pre_buffer=True) as file:
                if missing:
                    raise ContractError(
                        f"{path}: columns {', '.join(missing)} missing; see docs/methodology/book_sequences.md"
                    )
                for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
                    yield [_array(batch.column(name)) for name in columns]
        except (pa.ArrowException, OSError) as error:
            raise ContractError(f"{path}: cannot be read as parquet ({error}); record or copy it again") from error

    def _path(self, part: str) -> Path:
        return self._stem.with_name(self._stem.name + part)


def _array(column: Any) -> NDArray[Any]:
    """Side as +1/-1, missing integers as -1."""
    if pa.types.is_dictionary(column.type):
        signs = [{"b": 1, "a": -1}.get(word, 0) for word in column.dictionary.to_pylist()]
        if 0 in signs or column.null_count:
            raise ContractError(f"side {column.dictionary.to_pylist()[:4]}, allowed b and a")
        codes = column.indices.to_numpy(zero_copy_only=False)
        return np.asarray(np.array(signs, dtype=np.int8)[codes])
    if column.null_count:
        column = pc.fill_null(column, NO_ID)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _ms_ns(event_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(event_ms == NO_TIME, np.int64(NO_TIME), event_ms * 1_000_000)


def _power(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)
