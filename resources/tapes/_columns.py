"""Between columns and messages: whole messages out of batches, exact steps of float columns, messages made of blocks."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from liquidity.book.block import DELTA, INVALIDATE, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.rows import COLUMNS, concatenate
from liquidity.domain.book_message import BookMessage
from liquidity.domain.compiled import compiled
from liquidity.domain.errors import ContractError
from resources.tapes.tape import Head

__all__ = ["block_heads", "block_messages", "delta_rows", "rows_of", "step_of", "whole_messages"]

_MAX_DECIMALS: Final = 12


def rows_of(block: BookBlock, start: int, stop: int | None = None) -> BookBlock:
    """Rows ``start`` to ``stop`` as views."""
    return BookBlock(*(getattr(block, name)[start:stop] for name in COLUMNS))


def whole_messages(batches: Iterable[BookBlock]) -> Iterator[BookBlock]:
    """Blocks that end with a message, of rows cut anywhere; rows after the last whole message are left out.

    A message cut by a batch comes as a block of its own, so that nothing else is copied.
    """
    cut: list[BookBlock] = []
    for rows in batches:
        if len(rows) == 0:
            continue
        begin = 0
        if cut:
            begin = int(rows.message_end.argmax()) + 1
            if not rows.message_end[begin - 1]:
                cut.append(rows)
                continue
            yield concatenate([*cut, rows_of(rows, 0, begin)])
            cut = []
        stop = len(rows) - int(rows.message_end[::-1].argmax())
        if not rows.message_end[stop - 1]:
            stop = begin
        if stop < len(rows):
            cut = [rows_of(rows, max(begin, stop))]
        if stop > begin:
            yield rows_of(rows, begin, stop) if begin or cut else rows


def step_of(values: NDArray[Any], at_least: int = 0) -> int:
    """Fewest decimals, ``at_least`` or more, with which every value is written exactly as the float nearest to it.

    Examples
    --------
    >>> step_of(np.array([61800.2, 61800.25])), step_of(np.array([3.0]), at_least=1)
    (2, 1)
    """
    decimals = int(_decimals(np.ascontiguousarray(values, dtype=np.float64), _POWERS, at_least))
    if decimals > _MAX_DECIMALS:
        raise ContractError(
            f"prices or sizes need more than {_MAX_DECIMALS} decimals, or are no numbers; give the grid"
        )
    return decimals


def delta_rows(
    received_ns: NDArray[np.int64],
    event_ms: NDArray[np.int64],
    ids: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    side: NDArray[np.int8],
    prices: NDArray[np.float64],
    sizes: NDArray[np.float64],
    grid: BookGrid,
) -> BookBlock:
    """Rows of changed levels as a block; a message ends where time or ids change, the last row ends none.

    Parameters
    ----------
    ids
        First, last and previous id.

    Raises
    ------
    ContractError
        As :meth:`BookGrid.ticks` and :meth:`BookGrid.lots`: a price or size off the grid.
    """
    rows_n = len(received_ns)
    event_ns, ticks, lots = (np.empty(rows_n, dtype=np.int64) for _ in range(3))
    ends = np.zeros(rows_n, dtype=np.bool_)
    steps = float(grid.tick_size), float(grid.lot_size)
    if not _delta_rows(received_ns, event_ms, *ids[:2], prices, sizes, *steps, event_ns, ticks, lots, ends):
        ticks, lots = grid.ticks(prices), grid.lots(sizes)  # tells which row is off, or that none is
    action = np.full(rows_n, DELTA, dtype=np.int8)
    return BookBlock(received_ns, event_ns, action, ends, side, ticks, lots, *ids)


_POWERS: Final = 10.0 ** np.arange(_MAX_DECIMALS + 1)


@compiled()
def _decimals(values: NDArray[np.float64], powers: NDArray[np.float64], decimals: int) -> int:
    for value in values:
        # Division of two exact floats rounds once, so a decimal number comes back as itself.
        while decimals < len(powers) and np.rint(value * powers[decimals]) / powers[decimals] != value:
            decimals += 1
        if decimals == len(powers):
            break
    return decimals


@compiled()
def _delta_rows(
    received: NDArray[np.int64],
    event_ms: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    prices: NDArray[np.float64],
    sizes: NDArray[np.float64],
    tick: float,
    lot: float,
    event_ns: NDArray[np.int64],
    ticks: NDArray[np.int64],
    lots: NDArray[np.int64],
    ends: NDArray[np.bool_],
) -> bool:
    """Fill the last four; False where a value may not lie on the grid, which the caller then judges properly."""
    rows = len(received)
    for i in range(rows):
        event_ns[i] = NO_TIME if event_ms[i] == NO_TIME else event_ms[i] * 1_000_000
    for i in range(rows - 1):
        ends[i] = (last[i + 1] != last[i]) | (first[i + 1] != first[i]) | (received[i + 1] != received[i])
    sound = True
    for i in range(rows):
        price, size = prices[i] / tick, sizes[i] / lot
        whole, amount = np.rint(price), np.rint(size)
        sound &= (abs(price - whole) <= 1e-6) & (whole >= 0.0) & (whole < 9e15)
        sound &= (abs(size - amount) <= 1e-6) & (amount >= 0.0) & (amount < 9e15)
        ticks[i], lots[i] = np.int64(whole), np.int64(amount)
    return sound


def block_messages(block: BookBlock, venue_symbol: str, grid: BookGrid) -> Iterator[BookMessage]:
    """Messages of a block of whole messages; invalidations carry none and are left out."""
    ends = np.flatnonzero(block.message_end)
    start = 0
    for end in ends.tolist():
        rows = slice(start, end + 1)
        start = end + 1
        if block.action[end] == INVALIDATE:
            continue
        side = block.side[rows]
        levels = [
            (_text(ticks, grid.tick_size), _text(lots, grid.lot_size))
            for ticks, lots in zip(block.price_ticks[rows].tolist(), block.size_lots[rows].tolist(), strict=True)
        ]
        yield BookMessage(
            "delta" if block.action[end] == DELTA else "snapshot",
            venue_symbol,
            int(block.received_ns[end]),
            None if block.event_ns[end] == NO_TIME else int(block.event_ns[end]),
            [levels[place] for place in np.flatnonzero(side == 1)],
            [levels[place] for place in np.flatnonzero(side == -1)],
            first_id=_id(block.first_id[end]),
            last_id=_id(block.last_id[end]),
            previous_id=_id(block.previous_id[end]),
        )


def block_heads(block: BookBlock) -> Iterator[Head]:
    """Ids and times of the messages of a block of whole messages; invalidations are left out."""
    ends = np.flatnonzero(block.message_end & (block.action != INVALIDATE))
    columns = (block.action, block.received_ns, block.event_ns, block.first_id, block.last_id, block.previous_id)
    for action, received_ns, event_ns, *ids in zip(*(column[ends].tolist() for column in columns), strict=True):
        yield Head(action == SNAPSHOT, received_ns, None if event_ns == NO_TIME else event_ns, *ids)


def _id(value: np.int64) -> int | None:
    return None if value == NO_ID else int(value)


def _text(steps: int, step: Decimal) -> str:
    return f"{steps * step:f}"
