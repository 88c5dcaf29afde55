"""What happened to a stream's messages, from their ids alone: lost, repeated, late. For reports on tapes.

The synchroniser stops at the first loss and waits for a snapshot; the audit goes on, so that a tape's every fault is
told even where nothing could be rebuilt.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from liquidity.book.block import NO_ID
from liquidity.book.sequence import Chain

__all__ = ["ChainAudit", "LostStretch"]

_REMEMBERED: Final = 4096
"""Ids kept to tell a repeated message from a late one."""


@dataclass(slots=True)
class LostStretch:
    """Messages missing between two that arrived.

    Attributes
    ----------
    after_id, before_id
        Last id held before the stretch, and the last id that is missing.
    from_ns, to_ns
        Our clock at the messages on both sides.
    """

    after_id: int
    before_id: int
    from_ns: int
    to_ns: int


class ChainAudit:
    """Audit of one book's deltas.

    Parameters
    ----------
    chain
        How the venue's ids follow; with :attr:`~liquidity.book.sequence.Chain.UNNUMBERED` nothing can be told.
    older_chain
        The chain of messages with neither first nor previous id (``SequenceRule.older_chain``).

    Attributes
    ----------
    lost
        Stretches that no late message filled.
    duplicates_n, out_of_order_n
        Messages that came again, and messages that came after a later one. Two neighbours that changed places count as
        one out of order.

    Examples
    --------
    >>> audit = ChainAudit(Chain.RANGE)
    >>> for first, last in [(1, 3), (4, 6), (4, 6), (9, 9), (7, 8), (15, 16)]:
    ...     audit.add(first, last, NO_ID, received_ns=last)
    >>> audit.duplicates_n, audit.out_of_order_n, [(gap.after_id, gap.before_id) for gap in audit.lost]
    (1, 1, [(9, 14)])
    """

    def __init__(self, chain: Chain, older_chain: Chain | None = None) -> None:
        self._chain = chain
        self._older_chain = chain if older_chain is None else older_chain
        self._high = NO_ID
        self._high_ns = 0
        self._recent: set[int] = set()
        self._order: deque[int] = deque()
        self.lost: list[LostStretch] = []
        self.duplicates_n = 0
        self.out_of_order_n = 0

    def add(self, first_id: int, last_id: int, previous_id: int, received_ns: int) -> None:
        """Take the ids of the next delta; ``NO_ID`` where the venue sends none."""
        chain = self._older_chain if first_id == NO_ID and previous_id == NO_ID else self._chain
        if chain == Chain.UNNUMBERED or last_id == NO_ID:
            return
        if chain == Chain.NON_DECREASING:
            self.out_of_order_n += last_id < self._high
            self._high = max(self._high, last_id)
            return
        before = previous_id
        if before == NO_ID:
            before = (last_id if chain == Chain.CONTIGUOUS or first_id == NO_ID else first_id) - 1
        if self._high == NO_ID or before == self._high:
            self._advance(last_id, received_ns)
        elif last_id in self._recent:
            self.duplicates_n += 1
        elif last_id > self._high:
            self.lost.append(LostStretch(self._high, before, self._high_ns, received_ns))
            self._advance(last_id, received_ns)
        else:
            self.out_of_order_n += 1
            self._remember(last_id)
            self._fill(before, last_id)

    def _advance(self, last_id: int, received_ns: int) -> None:
        self._high, self._high_ns = last_id, received_ns
        self._remember(last_id)

    def _remember(self, last_id: int) -> None:
        self._recent.add(last_id)
        self._order.append(last_id)
        if len(self._order) > _REMEMBERED:
            self._recent.discard(self._order.popleft())

    def _fill(self, before: int, last_id: int) -> None:
        """Shorten or close the stretch that a late message belongs to."""
        for place, gap in enumerate(self.lost):
            if gap.after_id <= before and last_id <= gap.before_id:
                if gap.after_id == before:
                    gap.after_id = last_id
                elif gap.before_id == last_id:
                    gap.before_id = before
                if gap.after_id >= gap.before_id:
                    del self.lost[place]
                return
