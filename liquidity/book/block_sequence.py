"""The sequence check of whole blocks: what ``synchroniser.py`` does message by message, for columns.

For tapes: tens of millions of rows a second, the same steps and counts as the synchroniser (a test compares them on
random streams). Venues whose levels carry ids of their own, or whose proof is a checksum, need the synchroniser itself.
"""

from collections import Counter
from dataclasses import fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.book._sequence_kernel import COUNTED, walk
from liquidity.book.block import INVALIDATE, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.rows import concatenate
from liquidity.book.wire import rule_of
from liquidity.domain.errors import ConfigError

__all__ = ["BlockSequence"]

_COLUMNS: Final = tuple(field.name for field in fields(BookBlock))


class BlockSequence:
    """Sequence state of one book whose messages come as blocks.

    Parameters
    ----------
    venue
        The venue's rule is found by id; :class:`ConfigError` where its levels are not plain (``rule.levels``) or every
        message is a book.
    max_buffered
        As for :class:`~liquidity.book.synchroniser.Synchroniser`.

    Attributes
    ----------
    counts
        As of the synchroniser, the counters of ids alone.
    """

    def __init__(self, venue: str, *, max_buffered: int = 10_000) -> None:
        rule = rule_of(venue)
        if rule.levels != "absolute" or rule.snapshots_only:
            raise ConfigError(f"{venue}: blocks of columns cannot be checked, its levels carry ids; use Synchroniser")
        self._chain = int(rule.chain)
        self._from_request = rule.snapshot_from == "request"
        self._max_buffered = max_buffered
        self._live = False
        self._fresh = True
        self._last = NO_ID
        self._buffer = concatenate(())
        self._counted = np.zeros(len(COUNTED), dtype=np.int64)

    @property
    def counts(self) -> Counter[str]:
        """Counts by reason; those at 0 are left out."""
        return Counter({name: int(n) for name, n in zip(COUNTED, self._counted, strict=True) if n})

    @property
    def needs_snapshot(self) -> bool:
        """Whether the book is unknown after the rows pushed so far."""
        return not self._live

    def push(self, block: BookBlock) -> BookBlock:
        """Check rows as they were received and return the rows to apply, with invalidations where the chain breaks.

        Parameters
        ----------
        block
            Whole messages (the last row ends one), snapshots in the place where they were received. Rows of
            :data:`~liquidity.book.block.INVALIDATE` are not allowed: they are this function's to write.

        Returns
        -------
        BookBlock
            ``block`` itself where every message continues the book.
        """
        if len(block) == 0:
            return block
        buffered_n = int(np.count_nonzero(self._buffer.message_end))
        both = concatenate((self._buffer, block)) if buffered_n else block
        ends = np.flatnonzero(both.message_end)
        full = both.action[ends] == SNAPSHOT
        state = np.array([self._live, self._fresh, self._last, 0, buffered_n], dtype=np.int64)
        out = np.empty(len(ends) + int(full.sum()) + 1, dtype=np.int64)
        steps_n = walk(
            self._chain, self._from_request, self._max_buffered,
            both.first_id[ends], both.last_id[ends], both.previous_id[ends], full, buffered_n, state, self._counted, out,
        )  # fmt: skip
        starts = np.concatenate((np.zeros(1, dtype=np.int64), ends[:-1] + 1))
        held_from, held_n = int(state[3]), int(state[4])
        self._live, self._fresh, self._last = bool(state[0]), bool(state[1]), int(state[2])
        self._buffer = _messages(both, starts, ends, held_from + np.flatnonzero(~full[held_from:])) if held_n else _NONE
        steps = out[:steps_n]
        if buffered_n == 0 and steps_n == len(ends) and bool((steps == np.arange(steps_n)).all()):
            return block
        return _messages(both, starts, ends, steps)


_NONE: Final = concatenate(())
_FILL: Final = {
    "event_ns": NO_TIME, "action": INVALIDATE, "message_end": True, "side": 0, "price_ticks": 0, "size_lots": 0,
    "first_id": NO_ID, "last_id": NO_ID, "previous_id": NO_ID,
}  # fmt: skip


def _messages(
    block: BookBlock, starts: NDArray[np.int64], ends: NDArray[np.int64], steps: NDArray[np.int64]
) -> BookBlock:
    """Rows of messages in the order of ``steps``; a step below 0 is one row that invalidates."""
    lost = steps < 0
    message = np.where(lost, -1 - steps, steps)
    first_row = np.where(lost, ends[message], starts[message])
    lengths = ends[message] - first_row + 1
    before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths)))[:-1]
    rows = np.repeat(first_row - before, lengths) + np.arange(int(lengths.sum()))
    columns = {name: getattr(block, name)[rows] for name in _COLUMNS}
    for name, value in _FILL.items():
        columns[name][before[lost]] = value
    return BookBlock(**columns)
