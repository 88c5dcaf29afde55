"""The book as rows leave it, for the full book that opens a segment; columns in, columns out, no loop over levels."""

import numpy as np
from numpy.typing import NDArray

from liquidity.book.block import INVALIDATE, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.rows import concatenate

__all__ = ["StandingBook"]


class StandingBook:
    """Levels after the rows seen so far; none while the book is unknown."""

    def __init__(self) -> None:
        self._known = False
        self._keys: NDArray[np.int64] = _NONE
        self._lots: NDArray[np.int64] = _NONE
        self._last_id, self._event_ns = NO_ID, NO_TIME

    def update(self, block: BookBlock) -> None:
        """Take rows of whole messages."""
        start = 0
        lost = np.flatnonzero(block.action == INVALIDATE)
        full = np.flatnonzero(block.action == SNAPSHOT)
        if len(full) and (not len(lost) or full[-1] > lost[-1]):
            ends = np.flatnonzero(block.message_end[: full[-1]])
            start = int(ends[-1]) + 1 if len(ends) else 0
            self._forget()
            self._known = True
        elif len(lost):
            self._forget()
            self._known = False
        if not self._known:
            return
        levels = block.side[start:] != 0
        keys = np.concatenate((self._keys, (block.price_ticks[start:] * 2 + (block.side[start:] == 1))[levels]))
        lots = np.concatenate((self._lots, block.size_lots[start:][levels]))
        kept, place = np.unique(keys[::-1], return_index=True)  # of each level the row that came last
        sizes = lots[::-1][place]
        self._keys, self._lots = kept[sizes > 0], sizes[sizes > 0]
        self._last_id, self._event_ns = int(block.last_id[-1]), int(block.event_ns[-1])

    def as_snapshot(self, received_ns: int) -> BookBlock:
        """One snapshot message of the levels; no rows while the book is unknown or empty."""
        rows_n = len(self._keys)
        if not self._known or rows_n == 0:
            return concatenate(())

        def all_of(value: int) -> NDArray[np.int64]:
            return np.full(rows_n, value, dtype=np.int64)

        ends = np.zeros(rows_n, dtype=np.bool_)
        ends[-1] = True
        is_bid = self._keys % 2 == 1
        return BookBlock(
            all_of(received_ns), all_of(self._event_ns), np.full(rows_n, SNAPSHOT, dtype=np.int8), ends,
            np.where(is_bid, np.int8(1), np.int8(-1)), self._keys // 2, self._lots,
            all_of(NO_ID), all_of(self._last_id), all_of(NO_ID),
        )  # fmt: skip

    def _forget(self) -> None:
        self._keys = self._lots = _NONE
        self._last_id, self._event_ns = NO_ID, NO_TIME


_NONE = np.empty(0, dtype=np.int64)
