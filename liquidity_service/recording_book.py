"""One book of a recording: what its messages make of it, row by row, and since when it is unknown.

Read next: ``recording.py`` (all books of a venue, and the causes of gaps), ``liquidity/book/synchroniser.py``.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, Final

from liquidity.book.book_features import INVALID_REASONS
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.book.rows import BlockBuilder
from liquidity.book.synchroniser import Accepted, Synchroniser
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.errors import ContractError
from resources.tapes.segments import Gap, SegmentWriter

__all__ = ["BookRecording"]

_OFFSETS_KEPT: Final = 1_001
_TRADE_IDS_KEPT: Final = 20_000
_ROWS_AT_ONCE: Final = 16_384


class BookRecording:
    """One book and its trades: synchroniser, open gap, counts; rows go to its segment writer.

    Parameters
    ----------
    grid
        Steps and units of the market.
    writer
        Closed by :meth:`close`.
    segment_ns
        Time after which a segment is finished and the next begun.
    gap
        The book is unknown at first: since when, and why.
    """

    def __init__(
        self, venue: str, venue_symbol: str, grid: BookGrid, writer: SegmentWriter, segment_ns: int, gap: Gap
    ) -> None:
        self.venue_symbol = venue_symbol
        self.counts: Counter[str] = Counter()
        self.newest_ns = gap.from_ns
        self._synchroniser = Synchroniser(venue, venue_symbol)
        self._builder = BlockBuilder(grid)
        self._ladder = Ladder(grid)
        self._writer = writer
        self._segment_ns = segment_ns
        self._segment_began_ns: int | None = None
        self._gap: Gap | None = gap
        self._trade_ids: dict[str, None] = {}
        self._clock_offsets_ms: deque[float] = deque(maxlen=_OFFSETS_KEPT)

    @property
    def needs_snapshot(self) -> bool:
        """Whether the book is unknown."""
        return self._synchroniser.needs_snapshot

    @property
    def synchroniser_counts(self) -> Mapping[str, int]:
        """What the synchroniser met, by reason."""
        return self._synchroniser.counts

    @property
    def clock_offset_ms(self) -> float | None:
        """Median of venue time less receive time over the last messages, ms; ``None`` where the venue tells no time.

        A recorder's clock that runs ahead and messages that travel long both make it negative.
        """
        return median(self._clock_offsets_ms) if self._clock_offsets_ms else None

    def take_book(self, message: BookMessage) -> None:
        """Judge a message and keep what it makes of the book."""
        self.counts["book_messages"] += 1
        if message.event_ns is not None:
            self._clock_offsets_ms.append((message.event_ns - message.received_ns) / 1e6)
        self._keep(self._synchroniser.push(message))
        self.newest_ns = max(self.newest_ns, message.received_ns)
        if len(self._builder) >= _ROWS_AT_ONCE:
            self._hand_over()

    def take_unread(self, received_ns: int) -> None:
        """A message of the connection could not be read; it may have been this book's."""
        self._keep(self._synchroniser.unread(received_ns))

    def lose(self, cause: str, at_ns: int) -> None:
        """The stream broke: the book is unknown since its newest message."""
        self._keep(self._synchroniser.invalidate(cause, at_ns))
        self._open_gap(Gap(self.newest_ns, None, cause))

    def take_trade(self, trade: TradeMessage) -> None:
        """Keep a trade unless its id was seen: venues repeat recent trades on each new subscription."""
        if trade.trade_id in self._trade_ids:
            self.counts["duplicate_trades"] += 1
            return
        self._trade_ids[trade.trade_id] = None
        if len(self._trade_ids) > _TRADE_IDS_KEPT:
            del self._trade_ids[next(iter(self._trade_ids))]
        self.counts["trades"] += 1
        self._writer.write_trades((trade,))

    def flush(self) -> None:
        """Bring everything taken so far to disk, where a crash cannot undo it."""
        self._hand_over()
        self._writer.flush()

    def close(self) -> None:
        """Store what is left and finish the segment; a gap still open is stored without an end."""
        self._hand_over()
        if self._gap is not None:
            self._writer.write_gap(self._gap)
            self._gap = None
        self._writer.close()

    def status(self) -> dict[str, Any]:
        """State of the book for the status file."""
        best = self._ladder.top(1)
        return {
            "state": self._synchroniser.state,
            "newest_received_ns": self.newest_ns,
            "best_bid": float(best.bids[0, 0]) if len(best.bids) else None,
            "best_ask": float(best.asks[0, 0]) if len(best.asks) else None,
            "clock_offset_ms": self.clock_offset_ms,
            "open_gap": None if self._gap is None else self._gap.cause,
            "recorded": dict(sorted(self.counts.items())),
            "synchroniser": dict(sorted(self._synchroniser.counts.items())),
        }

    def _keep(self, steps: Sequence[Accepted]) -> None:
        for step in steps:
            try:
                self._builder.add(step)
            except ContractError:
                self._keep(self._synchroniser.invalidate("off_grid", step.received_ns))
                return
            if step.reason is not None:
                self._open_gap(Gap(self.newest_ns, None, step.reason, step.expected_id, step.found_id))
            elif step.message is not None and step.message.kind == "snapshot" and self._gap is not None:
                self._writer.write_gap(replace(self._gap, to_ns=max(step.received_ns, self._gap.from_ns)))
                self._gap = None

    def _open_gap(self, gap: Gap) -> None:
        if self._gap is None:
            self._gap = gap
            self.counts["gaps"] += 1

    def _hand_over(self) -> None:
        """Give the rows kept to the writer, and look whether they leave a book that can be."""
        if not len(self._builder):
            return
        block = self._builder.take()
        self.counts["rows"] += len(block)
        began_ns = int(block.received_ns[0])
        if self._segment_began_ns is None:
            self._segment_began_ns = began_ns
        elif began_ns - self._segment_began_ns >= self._segment_ns:
            self._writer.turn(began_ns)  # not `close`: the next segment must know which one it follows
            self._segment_began_ns = began_ns
        self._writer.write(block)
        try:
            told = self._ladder.apply(block, every="message")
        except ContractError:  # ids that fall back although each followed the one before: not a book to believe
            self.lose("out_of_order", self.newest_ns)
            return
        if len(told) and INVALID_REASONS[int(told["reason"][-1])] == "crossed":
            self.lose("crossed", self.newest_ns)
