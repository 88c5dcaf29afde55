"""What every tape of recorded market data can tell, whatever its format.

Read next: ``raw.py`` (JSONL captures), ``recorded.py`` (recorded parquet sets), ``segments.py`` (our own recorder's).
"""

import heapq
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from liquidity.book.block import NO_ID, BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.wire import is_plausible
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.errors import ConfigError

__all__ = [
    "BLOCK_ROWS",
    "BookKey",
    "Checked",
    "Head",
    "Message",
    "SeveralTapes",
    "Tape",
    "Unread",
    "existing",
    "head_of",
    "merged",
]

BookKey = tuple[str, str]
"""Venue id and the venue's own symbol."""
Message = BookMessage | TradeMessage
BLOCK_ROWS = 131_072
"""Rows after which a block is given out; one of a long snapshot may hold more."""


@dataclass(frozen=True, slots=True)
class Head:
    """Ids and times of one book message without its levels; ``NO_ID`` where the venue sends none."""

    is_snapshot: bool
    received_ns: int
    event_ns: int | None
    first_id: int
    last_id: int
    previous_id: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that could not be read; whose book it would have changed is unknown."""

    received_ns: int


def head_of(message: BookMessage) -> Head:
    """Ids and times of a message."""
    ids = (NO_ID if id_ is None else id_ for id_ in (message.first_id, message.last_id, message.previous_id))
    event_ns = message.event_ns if is_plausible(message.event_ns) else None
    return Head(message.kind == "snapshot", message.received_ns, event_ns, *ids)


@dataclass(frozen=True, slots=True)
class Checked:
    """A stretch of one book.

    Attributes
    ----------
    grid
        Steps of the rows; another file of the same book may have others, and begins with its own snapshot.
    heads
        Every message as it came, before any check.
    rows
        What was accepted of these messages and of earlier ones that waited; perhaps none.
    """

    key: BookKey
    grid: BookGrid
    heads: Sequence[Head]
    rows: BookBlock


class Tape(ABC):
    """Recorded books and trades of one or more markets, in the order in which they were received.

    Attributes
    ----------
    counts
        By book: what the last complete pass of :meth:`blocks` met, by reason (``Synchroniser.counts``).
    losses
        By reason: what could not be read at all (a cut file, a line too long, a message no decoder understands).
    """

    def __init__(self) -> None:
        self.counts: dict[BookKey, Counter[str]] = {}
        self.losses: Counter[str] = Counter()

    @property
    @abstractmethod
    def books(self) -> Mapping[BookKey, BookGrid]:
        """Steps and units of every book on the tape."""

    @abstractmethod
    def tagged(self) -> Iterator[tuple[str, Message]]:
        """Venue and message, in order of arrival, before any sequence check."""

    @abstractmethod
    def blocks(self, venue: str, venue_symbol: str, *, block_rows: int = BLOCK_ROWS) -> Iterator[BookBlock]:
        """Sequence-checked rows of one book; memory is bounded by ``block_rows``. :class:`ConfigError` if not there."""

    @abstractmethod
    def checked(self) -> Iterator[Checked]:
        """What came and what was accepted, in one pass: each book's stretches in order, books in no promised order.

        :attr:`books`, :attr:`counts` and :attr:`losses` are known after it without another pass.
        """

    @abstractmethod
    def trades(self, venue: str, venue_symbol: str) -> Iterator[TradeMessage]:
        """Trades of one market in order of arrival; none where the tape carries none."""

    def messages(self) -> Iterator[Message]:
        """Every message in order of arrival, before any sequence check."""
        return (message for _, message in self.tagged())

    def grid(self, venue: str, venue_symbol: str) -> BookGrid:
        """Steps and units of one book; :class:`ConfigError` where the tape does not carry it."""
        grid = self.books.get((venue, venue_symbol))
        if grid is None:
            held = ", ".join(f"{name}:{symbol}" for name, symbol in self.books) or "none"
            raise ConfigError(f"tape: no book {venue}:{venue_symbol}; it carries {held}")
        return grid


def merged(tapes: Iterable[Tape]) -> Iterator[tuple[str, Message]]:
    """Venue and message of several tapes in the order in which they were received; equal times keep the tapes' order.

    Each tape must itself be in order of arrival; memory holds one message a tape.
    """
    return heapq.merge(*(tape.tagged() for tape in tapes), key=lambda tagged: tagged[1].received_ns)


class SeveralTapes(Tape):
    """Tapes read as one. Files of one book must follow each other in time and are read in the order given."""

    def __init__(self, tapes: Sequence[Tape]) -> None:
        super().__init__()
        self._tapes = tuple(tapes)

    @property
    def books(self) -> Mapping[BookKey, BookGrid]:
        """Steps and units; a book on several tapes has the finest steps of them."""
        found: dict[BookKey, BookGrid] = {}
        for tape in self._tapes:
            for key, grid in tape.books.items():
                known = found.get(key, grid)
                tick, lot = min(known.tick_size, grid.tick_size), min(known.lot_size, grid.lot_size)
                found[key] = BookGrid(tick, lot, known.contract_size, known.kind)
        return found

    def tagged(self) -> Iterator[tuple[str, Message]]:
        """Venue and message of all tapes by time."""
        return merged(self._tapes)

    def checked(self) -> Iterator[Checked]:
        """Stretches of the tapes, one tape after the other."""
        self.losses.clear()
        self.counts.clear()
        for tape in self._tapes:
            yield from tape.checked()
            for key in tape.books:
                self.counts.setdefault(key, Counter()).update(tape.counts.get(key, {}))
            self.losses.update(tape.losses)

    def blocks(self, venue: str, venue_symbol: str, *, block_rows: int = BLOCK_ROWS) -> Iterator[BookBlock]:
        """Rows of one book, file after file; each file must begin with its own snapshot."""
        grid = self.grid(venue, venue_symbol)
        key = (venue, venue_symbol)
        total: Counter[str] = Counter()
        for tape in self._tapes:
            if key not in tape.books:
                continue
            if tape.books[key] != grid:
                raise ConfigError(
                    f"{venue}:{venue_symbol}: the files have steps {tape.books[key].tick_size}/"
                    f"{tape.books[key].lot_size} and {grid.tick_size}/{grid.lot_size}; give the market's grid to open_tape"
                )
            yield from tape.blocks(venue, venue_symbol, block_rows=block_rows)
            total.update(tape.counts.get(key, {}))
            self.losses.update(tape.losses)
        self.counts[key] = total

    def trades(self, venue: str, venue_symbol: str) -> Iterator[TradeMessage]:
        """Trades of one market, file after file."""
        for tape in self._tapes:
            if (venue, venue_symbol) in tape.books:
                yield from tape.trades(venue, venue_symbol)


def existing(path: Path) -> Path:
    """Return the path if it is there, :class:`ConfigError` if not."""
    if not path.exists():
        raise ConfigError(
            f"{path}: no such file or folder; name a capture, a recorded parquet set or a recording's folder"
        )
    return path
