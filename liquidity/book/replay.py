"""A recorded book at full speed: blocks of level changes in, tables of figures out, memory bounded by a block.

Read next: ``ladder.py``; readers of tapes give the blocks.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from liquidity.book.block import BookBlock
from liquidity.book.book_features import FLOAT_FIELDS, INTEGER_FIELDS, BookFeatureBlock
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Cadence, Ladder

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["replay"]

_Number = TypeVar("_Number", bound=np.generic)
_ROWS_AT_ONCE: Final = 16_384
"""Rows given to the ladder in one call: its output at cadence "update" then stays in the processor's cache."""


def replay(
    blocks: Iterable[BookBlock], grid: BookGrid, every: Cadence, rows_per_table: int = 131_072
) -> "Iterator[pa.Table]":
    """Figures of one book over its blocks.

    Parameters
    ----------
    blocks
        In stream order; cut anywhere, the figures are the same.
    every
        ``"update"``, ``"message"`` or nanoseconds, as in :meth:`liquidity.book.ladder.Ladder.apply`.
    rows_per_table
        Least rows of a table but the last; small row groups make slow parquet files.

    Yields
    ------
    pa.Table
        Columns of :meth:`liquidity.book.book_features.BookFeatureBlock.table`, in market units.

    Raises
    ------
    ContractError
        Messages out of order, or a clock that a time grid cannot follow.
    """
    ladder = Ladder(grid)
    # One pair of buffers for the whole tape: fresh memory for each table would cost more than the replay itself.
    integers = np.empty((len(INTEGER_FIELDS), 0), np.int64).T
    floats = np.empty((len(FLOAT_FIELDS), 0), np.float64).T
    rows = 0
    for block in blocks:
        for first in range(0, len(block), _ROWS_AT_ONCE):
            part = slice(first, first + _ROWS_AT_ONCE)
            told = ladder.apply(BookBlock(*(getattr(block, name)[part] for name in BookBlock.__slots__)), every)
            end = rows + len(told)
            if end > len(integers):
                integers, floats = _widened(integers, rows, end), _widened(floats, rows, end)
            integers[rows:end], floats[rows:end] = told.integers, told.floats
            rows = end
            if rows >= rows_per_table:
                yield BookFeatureBlock(integers[:rows], floats[:rows]).table(grid)
                rows = 0
    if rows:
        yield BookFeatureBlock(integers[:rows], floats[:rows]).table(grid)


def _widened(held: NDArray[_Number], rows: int, needed: int) -> NDArray[_Number]:
    """Twice the room, each column in one piece, holding the first ``rows`` of ``held``."""
    wider = np.empty((held.shape[1], 2 * needed), held.dtype).T
    wider[:rows] = held[:rows]
    return wider
