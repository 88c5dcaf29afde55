"""The bounded queue between a venue's socket and the disk: it pushes back first, and counts what it has to refuse.

Read next: ``recorder.py``.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from liquidity.domain.book_message import BookMessage
from liquidity.ports.market_stream import ReceivedMessage

__all__ = ["Inbox", "InboxItem", "Loss"]


@dataclass(frozen=True, slots=True)
class Loss:
    """The stream is no longer whole: from here on a book is unknown until its next snapshot.

    Attributes
    ----------
    venue_symbol
        The book; ``None`` for every book of the stream.
    cause
        ``silent``, ``dropped`` or ``disconnected``.
    messages
        How many messages were thrown away.
    """

    venue_symbol: str | None
    cause: str
    messages: int = 0


InboxItem = ReceivedMessage | BookMessage | Loss
"""A message of the stream, a snapshot fetched over REST, or a loss; in the order in which they reached us."""


class Inbox:
    """A queue of at most ``max_messages`` stream messages; belongs to one event loop.

    Parameters
    ----------
    patience_s
        How long :meth:`put` waits for room before it drops what does not fit.
    clock_s
        Monotonic seconds.
    """

    def __init__(self, max_messages: int, patience_s: float, clock_s: Callable[[], float]) -> None:
        self._max_messages = max_messages
        self._patience_s = patience_s
        self._clock_s = clock_s
        self._items: deque[tuple[float, InboxItem]] = deque()
        self._changed = asyncio.Condition()
        self.is_closed = False

    def __len__(self) -> int:
        """Items that wait."""
        return len(self._items)

    @property
    def reached_s(self) -> float:
        """Monotonic time up to which everything was taken out: the arrival of the oldest item, or now."""
        return self._items[0][0] if self._items else self._clock_s()

    async def put(self, messages: Sequence[ReceivedMessage]) -> int:
        """Append messages in order, waiting for room; the number dropped, for which one :class:`Loss` stands."""
        arrived_s = self._clock_s()
        rest = list(messages)
        while rest:
            room = self._max_messages - len(self._items)
            if room <= 0 and not await self._room():
                return await self._drop(len(rest))
            taken, rest = rest[: max(room, 0)], rest[max(room, 0) :]
            await self._append([(arrived_s, message) for message in taken])
        return 0

    async def put_now(self, item: BookMessage | Loss) -> None:
        """Append a snapshot or a loss whatever the length: the recorder asks for at most one of each per book."""
        await self._append([(self._clock_s(), item)])

    async def take(self, at_most: int, timeout_s: float) -> list[InboxItem]:
        """Items in order; empty after ``timeout_s`` without any."""
        async with self._changed:
            if not self._items and not self.is_closed:
                try:
                    async with asyncio.timeout(timeout_s):
                        await self._changed.wait()
                except TimeoutError:
                    return []
            taken = [self._items.popleft()[1] for _ in range(min(at_most, len(self._items)))]
            self._changed.notify_all()
            return taken

    async def close(self) -> None:
        """Nothing more will come; what waits can still be taken."""
        async with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    async def _room(self) -> bool:
        try:
            async with asyncio.timeout(self._patience_s), self._changed:
                await self._changed.wait_for(lambda: len(self._items) < self._max_messages)
        except TimeoutError:
            return False
        return True

    async def _append(self, items: Sequence[tuple[float, InboxItem]]) -> None:
        async with self._changed:
            self._items.extend(items)
            self._changed.notify_all()

    async def _drop(self, messages: int) -> int:
        async with self._changed:
            last = self._items[-1] if self._items else None
            if last is not None and isinstance(last[1], Loss) and last[1].cause == "dropped":
                self._items[-1] = (last[0], Loss(None, "dropped", last[1].messages + messages))
            else:
                self._items.append((self._clock_s(), Loss(None, "dropped", messages)))
            self._changed.notify_all()
        return messages
