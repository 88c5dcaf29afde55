"""Tapes for the order-book benchmarks: generated or recorded, repeated to any length, as blocks and as parquet files."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liquidity.book.block import DELTA, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.replay import replay

__all__ = [
    "BTCUSDT", "GENERATED", "Tape", "features_to_parquet", "generated_tape", "read_blocks", "recorded_tape", "write_blocks",
]  # fmt: skip

GENERATED: Final = "generated"
BTCUSDT: Final = BookGrid(Decimal("0.1"), Decimal("0.001"), 1.0, "linear")
_ROWS_PER_GROUP: Final = 131_072


@dataclass(frozen=True, slots=True)
class Tape:
    """A snapshot and the deltas after it."""

    name: str
    grid: BookGrid
    block: BookBlock


def generated_tape(deltas: int, per_message: int = 56) -> Tape:
    """A book of 1,000 levels a side and deltas near the touch, shaped like the recorded perpetual."""
    rng = np.random.default_rng(11)
    mid = 618_000
    steps = rng.choice([-1, 0, 0, 0, 1], size=deltas // per_message + 1).cumsum()
    centre = mid + np.repeat(steps, per_message)[:deltas]
    side = np.where(rng.random(deltas) < 0.5, 1, -1)
    number = np.arange(deltas) // per_message
    order = np.lexsort((-side, number))
    side = side[order]
    away = np.ceil(rng.pareto(0.7, deltas) * 30).clip(1, 400_000).astype(np.int64)
    ticks = centre - side * away
    lots = np.where(rng.random(deltas) < 0.22, 0, rng.lognormal(5, 2, deltas).astype(np.int64) + 1)
    first = np.concatenate((mid - np.arange(2, 1_002), mid + np.arange(2, 1_002)))
    total = len(first) + deltas
    times = np.concatenate((np.zeros(len(first), np.int64), (number + 1) * 50_000_000)) + 1_723_161_255_000_000_000
    ids = np.concatenate((np.zeros(len(first), np.int64), number + 1))
    ends = np.append(ids[1:] != ids[:-1], True)
    action = np.repeat(np.array([SNAPSHOT, DELTA], np.int8), (len(first), deltas))
    sides = np.concatenate((np.repeat([1, -1], 1_000), side)).astype(np.int8)
    sizes = np.concatenate((rng.integers(1, 9_999, len(first)), lots))
    none = np.full(total, NO_ID, np.int64)
    prices = np.concatenate((first, ticks.clip(1)))
    return Tape(GENERATED, BTCUSDT, BookBlock(times, times, action, ends, sides, prices, sizes, none, ids, none))


def recorded_tape(folder: Path, stem: str = "binance_usdm_btcusdt") -> Tape:
    """The recorded BTCUSDT perpetual: its REST snapshot and the deltas after it."""
    snapshot = pq.read_table(folder / "orderbook" / f"{stem}.snapshot.parquet")
    depth = pq.read_table(folder / "orderbook" / f"{stem}.depth.parquet")
    newest = snapshot["last_update_id"][0].as_py()
    depth = depth.filter(pc.greater_equal(depth["u"], newest))
    held, after = len(snapshot), len(depth)

    def both(early: Any, late: Any, dtype: type[Any]) -> Any:
        return np.concatenate((np.asarray(early, dtype), np.asarray(late, dtype)))

    last = depth["u"].to_numpy()
    received = depth["recv_ns"].to_numpy()
    at = np.minimum(snapshot["recv_ns"].to_numpy(), received[0])  # the snapshot was asked for before it came
    ends = np.append(np.arange(held) == held - 1, np.append(last[1:] != last[:-1], True))
    side = pa.concat_arrays([*snapshot["side"].chunks, *depth["side"].chunks])
    block = BookBlock(
        both(at, received, np.int64),
        both(np.full(held, NO_TIME), depth["event_ms"].to_numpy() * 1_000_000, np.int64),
        both(np.full(held, SNAPSHOT), np.full(after, DELTA), np.int8),
        ends,
        np.where(pc.equal(side, "b").to_numpy(zero_copy_only=False), 1, -1).astype(np.int8),
        BTCUSDT.ticks(np.concatenate((snapshot["price"].to_numpy(), depth["price"].to_numpy()))),
        BTCUSDT.lots(np.concatenate((snapshot["qty"].to_numpy(), depth["qty"].to_numpy()))),
        both(np.full(held, NO_ID), depth["U"].to_numpy(), np.int64),
        both(np.full(held, newest), last, np.int64),
        both(np.full(held, NO_ID), depth["pu"].to_numpy(), np.int64),
    )
    return Tape("recorded BTCUSDT perpetual", BTCUSDT, block)


def write_blocks(path: Path, tape: Tape, rows: int) -> int:
    """Write the tape, repeated to at least ``rows`` rows, as parquet (zstd); the rows written."""
    table = pa.table({name: getattr(tape.block, name) for name in BookBlock.__slots__})
    metadata = {"tick_size": str(tape.grid.tick_size), "lot_size": str(tape.grid.lot_size), "kind": tape.grid.kind}
    table = table.replace_schema_metadata(metadata | {"contract_size": str(tape.grid.contract_size)})
    times = -(-rows // len(table))
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(times):
            writer.write_table(table, row_group_size=_ROWS_PER_GROUP)
    return times * len(table)


def read_blocks(path: Path) -> Iterator[BookBlock]:
    """Blocks of a file, one record batch at a time."""
    names = [name for name in BookBlock.__slots__ if name != "first_id"]  # the engine does not look at it
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_PER_GROUP, columns=names):
            columns = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in names}
            yield BookBlock(**columns, first_id=columns["last_id"])


def features_to_parquet(source: str, target: str, every: Literal["update", "message"]) -> int:
    """Replay a file of deltas into one file of features; rows told."""
    told = pq.read_schema(source).metadata
    kind: Any = told[b"kind"].decode()
    sizes = (Decimal(told[name].decode()) for name in (b"tick_size", b"lot_size"))
    grid = BookGrid(*sizes, float(told[b"contract_size"]), kind)
    tables = replay(read_blocks(Path(source)), grid, every)
    first = next(tables)
    rows = 0
    with pq.ParquetWriter(target, first.schema, compression="zstd", compression_level=1) as writer:
        for table in itertools.chain([first], tables):
            writer.write_table(table)
            rows += len(table)
    return rows
