"""A recorded book at full speed: blocks of level changes in, tables of figures out, memory bounded by a block.

Read next: ``ladder.py``; readers of tapes give the blocks.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from liquidity.book.block import BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Cadence, Ladder

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["replay"]

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
    import pyarrow as pa

    ladder = Ladder(grid)
    waiting: list[pa.Table] = []
    rows = 0
    for block in blocks:
        for first in range(0, len(block), _ROWS_AT_ONCE):
            part = slice(first, first + _ROWS_AT_ONCE)
            told = ladder.apply(BookBlock(*(getattr(block, name)[part] for name in BookBlock.__slots__)), every)
            if not len(told):
                continue
            waiting.append(told.table(grid))
            rows += len(told)
            if rows >= rows_per_table:
                yield pa.concat_tables(waiting).combine_chunks()
                waiting, rows = [], 0
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()
