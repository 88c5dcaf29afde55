"""When to act on a recorded stream: which book is silent, which needs a snapshot, and how long to wait between tries.

No socket, file or clock is touched here: the recorder tells the time and does what :class:`Watch` asks for.
Read next: ``recorder.py``.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = ["Request", "Watch", "backoff_s"]

_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0
# A snapshot fetched before the first delta is usually older than it and has to be fetched again.
_FIRST_DELTA_S: Final = 2.0
_SUBSCRIBING_S: Final = 5.0


def backoff_s(attempt: int, jitter: random.Random) -> float:
    """Seconds before try number ``attempt`` (from 0): 1, 2, 4 ... 30, of which a random half is taken off.

    Many recorders that lost the same venue at the same second then come back spread out.
    """
    return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(attempt, 10)) * jitter.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Request:
    """What the recorder is to do for one book: fetch a snapshot, or renew its subscription because it fell silent."""

    venue_symbol: str
    kind: Literal["snapshot", "silent"]


@dataclass(slots=True)
class _Book:
    heard_s: float
    subscribed_s: float
    spoken: bool = False  # a message came since the subscription
    asked: bool = False
    attempt: int = 0
    not_before_s: float = 0.0


@dataclass(slots=True)
class Watch:
    """Timers of the books of one stream; all times are seconds of one monotonic clock.

    Parameters
    ----------
    symbols
        Venue symbols that are recorded.
    now_s
        The present; silence counts from here on.
    stale_s
        A book without a message for this long is silent, whatever the socket says.
    """

    symbols: Iterable[str]
    now_s: float
    stale_s: float
    jitter: random.Random = field(default_factory=random.Random)
    _books: dict[str, _Book] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Start one timer per book."""
        self._books = {symbol: _Book(self.now_s, self.now_s) for symbol in self.symbols}

    def heard(self, venue_symbol: str, now_s: float) -> None:
        """Restart the silence timer of a book."""
        book = self._books[venue_symbol]
        book.heard_s, book.spoken = now_s, True

    def subscribed(self, venue_symbol: str, now_s: float) -> None:
        """The subscription of a book was renewed."""
        book = self._books[venue_symbol]
        book.heard_s, book.subscribed_s, book.spoken = now_s, now_s, False

    def is_subscribing(self, venue_symbol: str, now_s: float) -> bool:
        """Whether the subscription is so young that its own snapshot may still be on its way."""
        return now_s - self._books[venue_symbol].subscribed_s < _SUBSCRIBING_S

    def due(self, needs_snapshot: Mapping[str, bool], now_s: float) -> list[Request]:
        """What to do now; a book that was handed out is not asked for again before :meth:`answered`."""
        requests = []
        for symbol, book in self._books.items():
            if not needs_snapshot[symbol]:
                book.attempt = 0
            if book.asked or now_s < book.not_before_s:
                continue
            if now_s - book.heard_s >= self.stale_s:
                requests.append(Request(symbol, "silent"))
            elif needs_snapshot[symbol] and (book.spoken or now_s - book.subscribed_s >= _FIRST_DELTA_S):
                requests.append(Request(symbol, "snapshot"))
            else:
                continue
            book.asked = True
        return requests

    def answered(self, venue_symbol: str, now_s: float) -> None:
        """A request ended, well or not: wait before the next one, longer each time the book is still not whole."""
        book = self._books[venue_symbol]
        book.asked = False
        book.not_before_s = now_s + backoff_s(book.attempt, self.jitter)
        book.attempt += 1
