"""Tapes for the order-book benchmarks: generated or recorded, repeated to any length, as blocks and as segments."""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liquidity.book.block import DELTA, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from resources.tapes import SegmentWriter

__all__ = [
    "BTCUSDT", "GENERATED", "Tape", "generated_tape", "recorded_tape", "write_segments",
]  # fmt: skip

GENERATED: Final = "generated"
BTCUSDT: Final = BookGrid(Decimal("0.1"), Decimal("0.001"), 1.0, "linear")


@dataclass(frozen=True, slots=True)
class Tape:
    """A snapshot and the deltas after it."""

    name: str
    grid: BookGrid
    block: BookBlock


def generated_tape(deltas: int, per_message: int = 56) -> Tape:
    """A book of 1,000 levels a side and deltas near the touch, shaped like the recorded perpetual.

    The mid walks by a tick a message at most. Bids lie below it and asks above, and a message that moves it removes the
    level it moves onto, so the book is never crossed; replaying the tape before it is given out proves it.
    """
    rng = np.random.default_rng(11)
    mid = 618_000
    number = np.arange(deltas) // per_message
    step = rng.choice([-1, 0, 0, 0, 1], size=deltas // per_message + 1)
    centre, step = mid + step.cumsum()[number], step[number]
    side = np.where(rng.random(deltas) < 0.5, 1, -1)
    side = side[np.lexsort((-side, number))]  # bids first, as venues write them
    away = np.ceil(rng.pareto(0.7, deltas) * 30).clip(1, 400_000).astype(np.int64)
    lots = np.where(rng.random(deltas) < 0.22, 0, rng.lognormal(5, 2, deltas).astype(np.int64) + 1)
    begins = np.diff(number, prepend=-1) != 0
    falls, rises = begins & (step == -1), np.roll(begins, -1) & (step == 1)  # its first row a bid, its last row an ask
    side[falls], side[rises] = 1, -1
    away[falls | rises] = lots[falls | rises] = 0
    ticks = centre - side * away
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
    block = BookBlock(times, times, action, ends, sides, prices, sizes, none, ids, none)
    told = Ladder(BTCUSDT).apply(block, "message")
    if not told.valid.all():
        raise AssertionError(
            f"the generated book is {told.row(int(told.valid.argmin())).invalid_reason} after a message"
        )
    return Tape(GENERATED, BTCUSDT, block)


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


def write_segments(root: Path, tape: Tape, rows: int) -> int:
    """Record the tape, repeated to at least ``rows`` rows one after the other, as segments; the rows written."""
    block = tape.block
    ids = int(block.last_id.max()) - int(block.last_id[block.last_id != NO_ID].min()) + 1
    lasts = int(block.received_ns[-1]) - int(block.received_ns[0]) + 1
    times = -(-rows // len(block))
    with SegmentWriter(root, "binanceusdm", "BTCUSDT", tape.grid) as writer:
        for number in range(times):
            moved = {
                name: np.where(column == missing, missing, column + number * step)
                for names, missing, step in ((_TIMES, NO_TIME, lasts), (_IDS, NO_ID, ids))
                for name, column in ((name, getattr(block, name)) for name in names)
            }
            writer.write(replace(block, **moved))
    return times * len(block)


_TIMES: Final = ("received_ns", "event_ns")
_IDS: Final = ("first_id", "last_id", "previous_id")
