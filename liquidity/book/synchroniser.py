"""From a venue's stream, with all its faults, to the messages that build a right book.

:class:`Synchroniser` holds one book's state: it waits for a snapshot, keeps the deltas that came before it, checks that
every next message follows the one before, and says when the book became unknown. Whatever reads its output applies
:attr:`Accepted.message` in order and empties the book at :attr:`Accepted.reason`; it never has to judge a message.
The venue's ids are in ``sequence.py`` and ``wire/``, whole blocks of columns go through ``block_sequence.py``.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.book._level_numbers import level_numbers
from liquidity.book.block import NO_ID
from liquidity.book.checksum import WrittenBook
from liquidity.book.sequence import APPLY, DUPLICATE, OLD, OUT_OF_ORDER, Chain, verdict
from liquidity.book.wire import MAX_PRICE, MAX_SIZE, is_plausible, rule_of
from liquidity.domain.book_message import BookMessage, WireLevel

__all__ = ["MAX_LEVELS", "MAX_PRICE", "MAX_SIZE", "Accepted", "Synchroniser", "SynchroniserState"]

SynchroniserState = Literal["waiting_snapshot", "live", "invalid"]

MAX_LEVELS: Final = 200_000
"""Levels of one message; a longer one is refused (the deepest full books of the venues have some 60,000)."""
_DEPTHS = (10, 25, 100, 500, 1000)


@dataclass(frozen=True, slots=True, eq=False)
class Accepted:
    """One step of the book: a message to apply, or the moment from which the book is unknown.

    Attributes
    ----------
    message
        What to apply, whole; ``None`` at an invalidation.
    prices, sizes
        Its numbers, bids then asks, float64, judged: finite, prices in (0, :data:`MAX_PRICE`), sizes in
        [0, :data:`MAX_SIZE`).
    reason
        Why the book became unknown (a key of :attr:`Synchroniser.counts`); ``None`` where ``message`` is told.
    received_ns
        Our clock at the message that brought the step about.
    expected_id, found_id
        At a gap: the id the chain needed and the one it met; ``None`` elsewhere.
    """

    message: BookMessage | None
    prices: NDArray[np.float64]
    sizes: NDArray[np.float64]
    reason: str | None
    received_ns: int
    expected_id: int | None = None
    found_id: int | None = None


_NOTHING = np.empty(0, dtype=np.float64)


class Synchroniser:
    """Sequence state of one book.

    Parameters
    ----------
    venue, venue_symbol
        The venue's rule is found by id; messages of other symbols are counted (``other_symbol``) and dropped.
    max_buffered
        Deltas kept while a snapshot is awaited; beyond it the oldest is dropped (``buffer_overflow``).

    Notes
    -----
    States: ``waiting_snapshot`` -> ``live`` <-> ``invalid``. Nothing is published but in ``live``: :meth:`push` then
    returns messages to apply. On the way from ``live`` to ``invalid`` it returns one invalidation. No content of a
    message raises: what cannot be read is refused whole and counted, and since its change is then missing, the book
    becomes unknown.

    ``counts`` by reason: ``applied``, ``snapshots``, ``buffered``, ``buffered_dropped`` (held by the snapshot already),
    ``before_snapshot``, ``buffer_overflow``, ``stale_snapshot`` (older than the oldest buffered delta: ask again),
    ``old_snapshot`` (older than a live book: dropped), ``old``, ``duplicate``, ``old_level`` (dYdX), and those that
    invalidate: ``gap``, ``out_of_order``, ``unknown_level``, ``refused_level``, ``oversized``, ``checksum`` and what
    :meth:`unread` (``unread``) and :meth:`invalidate` are told (``crossed``, ``off_grid``, ``silent``, ``disconnected``). ``refused_snapshot``,
    ``one_sided_snapshot``, ``bad_time`` (a venue time that can be none: left out, the message is believed) and
    ``checksum_verified`` are kept too.

    Examples
    --------
    >>> book = Synchroniser("binance", "BTCUSDT")
    >>> level = [("100.0", "1")]
    >>> delta = BookMessage("delta", "BTCUSDT", 2, None, level, [], first_id=8, last_id=9)
    >>> book.push(delta), book.needs_snapshot
    ([], True)
    >>> steps = book.push(BookMessage("snapshot", "BTCUSDT", 3, None, level, [("101.0", "1")], last_id=7))
    >>> [step.message.kind for step in steps], book.state
    (['snapshot', 'delta'], 'live')
    >>> late = BookMessage("delta", "BTCUSDT", 4, None, level, [], first_id=12, last_id=13)
    >>> [step.reason for step in book.push(late)], book.needs_snapshot, book.counts["gap"]
    (['gap'], True, 1)
    """

    def __init__(self, venue: str, venue_symbol: str, *, max_buffered: int = 10_000) -> None:
        self.venue = venue
        self.venue_symbol = venue_symbol
        self.rule = rule_of(venue)
        self.state: SynchroniserState = "waiting_snapshot"
        self.counts: Counter[str] = Counter()
        self._buffer: deque[BookMessage] = deque(maxlen=max_buffered)
        self._last = NO_ID
        self._fresh = True
        self._chain = self.rule.chain
        self._last_event_ns: int | None = None
        self._offsets: dict[tuple[int, float], int] = {}
        self._written = WrittenBook(self.rule.checksum) if self.rule.checksum else None
        self._fallen: tuple[list[WireLevel], list[WireLevel]] = ([], [])

    @property
    def needs_snapshot(self) -> bool:
        """Whether a full book must come: over REST, or on a new subscription (``rule.snapshot_from``)."""
        return self.state != "live"

    @property
    def last_id(self) -> int | None:
        """Id of the message applied last; ``None`` where the book is unknown or the venue numbers nothing."""
        return self._last if self.state == "live" and self._last != NO_ID else None

    def push(self, message: BookMessage) -> list[Accepted]:
        """Take the next message of the stream, or a snapshot fetched beside it; return what to apply, in order."""
        if message.venue_symbol != self.venue_symbol:
            self.counts["other_symbol"] += 1
            return []
        if not is_plausible(message.event_ns):
            self.counts["bad_time"] += 1
            message = replace(message, event_ns=None)
        if len(message.bids) + len(message.asks) > MAX_LEVELS:
            return self._refuse(message, "oversized")
        if message.kind == "snapshot":
            return self._push_snapshot(message)
        if self.state != "live":
            self._keep(message)
            return []
        return self._push_delta(message)

    def invalidate(self, reason: str, received_ns: int) -> list[Accepted]:
        """Learn from outside that the book is wrong: crossed, off the grid, connection lost, silent."""
        self.counts[reason] += 1
        return self._lose(reason, received_ns)

    def unread(self, received_ns: int) -> list[Accepted]:
        """Learn that a message of the connection could not be read; it may have been this book's.

        Where the next message's ids will tell whether one is missing, nothing happens; else the book is lost (``unread``).
        """
        is_numbered = self._chain not in (Chain.UNNUMBERED, Chain.NON_DECREASING) and self._last != NO_ID
        if self.rule.snapshots_only or (is_numbered and not (self._fresh and self.rule.older_chain is not None)):
            return []
        return self.invalidate("unread", received_ns) if self.state == "live" else []

    def _push_snapshot(self, message: BookMessage) -> list[Accepted]:
        numbers = level_numbers(message.bids, message.asks)
        if numbers is None or not (message.bids or message.asks):
            return self._refuse(message, "refused_snapshot")
        found = NO_ID if message.last_id is None else message.last_id
        if self.rule.snapshots_only and self._is_older(message):
            self.counts["out_of_order"] += 1  # the book in hand is newer and stays right
            return []
        if self.rule.snapshot_from == "request" and self.state == "live" and found < self._last:
            self.counts["old_snapshot"] += 1
            return []
        if self._precedes_buffer(found):
            self.counts["stale_snapshot"] += 1
            return []
        self.counts["snapshots"] += 1
        if not (message.bids and message.asks):
            self.counts["one_sided_snapshot"] += 1
        self.state, self._last, self._fresh = "live", found, True
        self._last_event_ns = message.event_ns
        self._offsets = {}
        if self.rule.levels == "offsets" and message.level_ids is not None:
            self._offsets = dict(zip(_level_keys(message, numbers[0]), message.level_ids, strict=False))
        if self._written is not None and not self._written_matches(message):
            return self._refuse(message, "checksum")
        steps = [Accepted(message, *numbers, None, message.received_ns)]
        kept, self._buffer = self._buffer, deque(maxlen=self._buffer.maxlen)
        for delta in kept:
            # After a gap inside the buffer the rest is kept again, for the next snapshot.
            steps.extend(
                self._push_delta(delta, buffered=True) if self.state == "live" else self._keep(delta, again=True)
            )
        return steps

    def _push_delta(self, message: BookMessage, *, buffered: bool = False) -> list[Accepted]:
        chain = self.rule.chain
        if message.first_id is None and message.previous_id is None and self.rule.older_chain is not None:
            chain = self.rule.older_chain
        self._chain = chain
        first_id = NO_ID if message.first_id is None else message.first_id
        last_id = NO_ID if message.last_id is None else message.last_id
        previous_id = NO_ID if message.previous_id is None else message.previous_id
        found = verdict(chain, self._fresh, self._last, first_id, last_id, previous_id)
        if found == OLD:
            self.counts["buffered_dropped" if buffered else "old"] += 1
            return []
        if found == DUPLICATE:
            self.counts["duplicate"] += 1
            return []
        if found != APPLY:
            reason = "out_of_order" if found == OUT_OF_ORDER else "gap"
            self.counts[reason] += 1
            expected = self._last if previous_id != NO_ID else self._last + 1
            steps = self._lose(reason, message.received_ns, expected, previous_id if previous_id != NO_ID else first_id)
            self._keep(message, again=buffered)
            return steps
        return self._apply(message, last_id)

    def _apply(self, message: BookMessage, last_id: int) -> list[Accepted]:
        numbers = level_numbers(message.bids, message.asks)
        if numbers is None:
            unnamed = self.rule.levels == "ids" and any(
                len(level) and level[0] == "" for side in (message.bids, message.asks) for level in side
            )
            return self._refuse(message, "unknown_level" if unnamed else "refused_level")
        if self.rule.levels == "offsets":
            newer = self._newer_levels(message, numbers)
            if newer is None:
                return self._refuse(message, "refused_level")
            message, numbers = newer
            if not (message.bids or message.asks):
                return []
        if self._written is not None:
            if not self._written_matches(message):
                return self._refuse(message, "checksum")
            if self.rule.bounded_depth:
                message, numbers = self._without_fallen(message, numbers)
        self._last, self._fresh = last_id, False
        self.counts["applied"] += 1
        return [Accepted(message, *numbers, None, message.received_ns)]

    def _lose(
        self, reason: str, received_ns: int, expected_id: int | None = None, found_id: int | None = None
    ) -> list[Accepted]:
        was_live = self.state == "live"
        if was_live:
            self.state = "invalid"
        self._last, self._fresh, self._last_event_ns = NO_ID, True, None
        self._offsets = {}
        if self._written is not None:
            self._written.clear()
        if not was_live:
            return []
        return [Accepted(None, _NOTHING, _NOTHING, reason, received_ns, expected_id, found_id)]

    def _refuse(self, message: BookMessage, reason: str) -> list[Accepted]:
        self.counts[reason] += 1
        return self._lose(reason, message.received_ns)

    def _keep(self, message: BookMessage, *, again: bool = False) -> list[Accepted]:
        if self.rule.snapshot_from == "stream":
            self.counts["before_snapshot"] += 1
            return []
        if len(self._buffer) == self._buffer.maxlen:
            self.counts["buffer_overflow"] += 1
        self.counts["buffered"] += not again
        self._buffer.append(message)
        return []

    def _precedes_buffer(self, snapshot_id: int) -> bool:
        """Whether the first buffered delta that is newer than the snapshot does not continue it."""
        for delta in self._buffer:
            ids = (NO_ID if id_ is None else id_ for id_ in (delta.first_id, delta.last_id, delta.previous_id))
            found: int = verdict(self.rule.chain, True, snapshot_id, *ids)
            if found != OLD:
                return found != APPLY
        return False

    def _is_older(self, message: BookMessage) -> bool:
        return (
            self._last_event_ns is not None and message.event_ns is not None and message.event_ns < self._last_event_ns
        )

    def _newer_levels(
        self, message: BookMessage, numbers: tuple[NDArray[np.float64], NDArray[np.float64]]
    ) -> tuple[BookMessage, tuple[NDArray[np.float64], NDArray[np.float64]]] | None:
        """Leave out levels that carry an older offset than the one stored for their price."""
        ids = message.level_ids
        if ids is None or len(ids) != len(numbers[0]):
            return None
        newer = np.ones(len(ids), dtype=np.bool_)
        for place, (key, offset) in enumerate(zip(_level_keys(message, numbers[0]), ids, strict=True)):
            if offset < self._offsets.get(key, NO_ID):
                newer[place] = False
            else:
                self._offsets[key] = offset
        if newer.all():
            return message, numbers
        self.counts["old_level"] += int(len(newer) - newer.sum())
        bids_n = len(message.bids)
        kept = replace(
            message,
            bids=[level for level, keep in zip(message.bids, newer[:bids_n], strict=True) if keep],
            asks=[level for level, keep in zip(message.asks, newer[bids_n:], strict=True) if keep],
            level_ids=[id_ for id_, keep in zip(ids, newer, strict=True) if keep],
        )
        return kept, (numbers[0][newer], numbers[1][newer])

    def _written_matches(self, message: BookMessage) -> bool:
        """Apply to the written book and compare its checksum where the message carries one that can be verified."""
        assert self._written is not None
        if message.kind == "snapshot":
            self._written.clear()
            deepest = max(len(message.bids), len(message.asks))
            self._written.bound(next((depth for depth in _DEPTHS if deepest <= depth), 0))
        self._written.apply(message.bids, message.asks)
        if self.rule.bounded_depth:
            self._fallen = self._written.drop_beyond_depth()
        if message.checksum is None:
            return True
        if self._written.checksum() != message.checksum:
            return False
        self.counts["checksum_verified"] += 1
        return True

    def _without_fallen(
        self, message: BookMessage, numbers: tuple[NDArray[np.float64], NDArray[np.float64]]
    ) -> tuple[BookMessage, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        bids, asks = self._fallen
        if not (bids or asks):
            return message, numbers
        longer = replace(message, bids=[*message.bids, *bids], asks=[*message.asks, *asks])
        again = level_numbers(longer.bids, longer.asks)
        assert again is not None  # every part of it was judged
        return longer, again


def _level_keys(message: BookMessage, prices: NDArray[np.float64]) -> Iterator[tuple[int, float]]:
    """Side and price of each level, bids then asks."""
    bids_n = len(message.bids)
    return ((1 if place < bids_n else -1, price) for place, price in enumerate(prices.tolist()))
