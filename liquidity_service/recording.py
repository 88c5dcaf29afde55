"""What a recording stores: accepted book rows, trades, and a row for every stretch in which a book was unknown.

Everything here runs in one thread, in the order in which messages reached us. A gap opens when a book becomes unknown
and closes with the snapshot that makes it known again; no figure can be told for the time between.

=================  ===================================================================================
cause of a gap     what happened
=================  ===================================================================================
``not_recording``  nobody recorded: the time since the newest stored segment of the book
``killed``         the same, and the recorder before ended without closing its segment
``no_snapshot``    the time from the first moment to the first snapshot
``silent``         connected, but without a message of this book for the stale time
``disconnected``   the venue did not answer
``dropped``        the disk was too slow and messages were thrown away
other              the synchroniser's own reason: a hole in the venue's ids, a wrong checksum, ...
=================  ===================================================================================

Read next: ``recording_book.py`` (one book), ``resources/tapes/segments.py`` (how segments look).
"""

import fcntl
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from liquidity.book.grid import BookGrid
from liquidity.book.wire import decoder
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.ports.market_stream import ReceivedMessage
from liquidity_service.recording_book import BookRecording
from liquidity_service.recording_inbox import InboxItem, Loss
from resources.atomic_file import replacing
from resources.tapes.segment_tape import segment_files
from resources.tapes.segments import Gap, SegmentWriter, recover_segments, symbol_folder

__all__ = ["Recording"]

_FLUSH_NS: Final = 5_000_000_000


class Recording:
    """The books of one venue on disk; made by :meth:`opened`, used from one thread at a time.

    Attributes
    ----------
    counts
        ``messages``, ``undecodable``, ``other_symbol``, ``dropped`` (by the inbox) and ``failed_requests``.
    recovered
        One line for each file that an earlier recorder left unfinished.
    server_clock_offset_ms
        Venue clock less ours by the venue's own time request, ms; ``None`` where unknown.
    """

    def __init__(self, folder: Path, venue: str, clock_ns: Callable[[], int]) -> None:
        self.venue = venue
        self.counts: Counter[str] = Counter()
        self.recovered: list[str] = []
        self.server_clock_offset_ms: float | None = None
        self._folder = folder
        self._books: dict[str, BookRecording] = {}
        self._clock_ns = clock_ns
        self._flushed_ns = clock_ns()
        self._decode = decoder(venue)
        self._told = (clock_ns(), 0)

    @classmethod
    @contextmanager
    def opened(
        cls, root: Path, venue: str, grids: Mapping[str, BookGrid], segment_s: float, clock_ns: Callable[[], int]
    ) -> "Iterator[Recording]":
        """Hold the folders of some books, finish what an earlier recorder left there, and begin to record.

        Parameters
        ----------
        root
            Folder of recordings.
        grids
            Markets by venue symbol.
        segment_s
            Seconds of one segment.
        clock_ns
            Nanoseconds since 1970 UTC.

        Raises
        ------
        ConfigError
            Another recorder writes one of these books now.
        """
        recording = cls(root / symbol_folder(venue), venue, clock_ns)
        with ExitStack() as held:
            for venue_symbol, grid in grids.items():
                folder = recording._folder / symbol_folder(venue_symbol)
                held.enter_context(_alone(folder, f"{venue}:{venue_symbol}"))
                left = recover_segments(folder)
                recording.recovered += [f"{venue}:{venue_symbol}: recovered {path.name}" for path in left]
                gap = _first_gap(folder, was_killed=bool(left), now_ns=clock_ns())
                writer = SegmentWriter(root, venue, venue_symbol, grid)
                recording._books[venue_symbol] = BookRecording(
                    venue, venue_symbol, grid, writer, int(segment_s * 1e9), gap
                )
            try:
                yield recording
            finally:
                recording.close()

    @property
    def venue_symbols(self) -> tuple[str, ...]:
        """Books recorded."""
        return tuple(self._books)

    @property
    def rows(self) -> int:
        """Book rows that went to the segments, snapshots' rows included."""
        return sum(book.counts["rows"] for book in self._books.values())

    def needs_snapshot(self) -> dict[str, bool]:
        """Which books are unknown."""
        return {symbol: book.needs_snapshot for symbol, book in self._books.items()}

    def store(self, items: Sequence[InboxItem]) -> set[str]:
        """Take items in order; the symbols whose book spoke in the stream."""
        heard: set[str] = set()
        for item in items:
            match item:
                case ReceivedMessage():
                    heard |= self._take(item)
                case BookMessage():
                    self._books[item.venue_symbol].take_book(item)
                case Loss():
                    self.counts["dropped"] += item.messages
                    for symbol, book in self._books.items():
                        if item.venue_symbol in (None, symbol):
                            book.lose(item.cause, self._clock_ns())
        self.settle()
        return heard

    def settle(self) -> None:
        """Bring what was taken to disk every few seconds: what a crash can cost."""
        if self._clock_ns() - self._flushed_ns >= _FLUSH_NS:
            self._flushed_ns = self._clock_ns()
            for book in self._books.values():
                book.flush()

    def request_failed(self) -> None:
        """Count a snapshot or subscription that the venue did not give."""
        self.counts["failed_requests"] += 1

    def close(self) -> None:
        """Finish every segment and write the status; safe to call twice. The first failure is raised after all tried."""
        failures = []
        for book in self._books.values():
            try:
                book.close()
            except OSError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        self.write_status()

    def write_status(self) -> None:
        """Write ``recording.json`` into the folder of each book: for monitors, and for whoever looks later."""
        shared = {"counts": dict(sorted(self.counts.items())), "server_clock_offset_ms": self.server_clock_offset_ms}
        for symbol, book in self._books.items():
            status = {
                "venue": self.venue,
                "venue_symbol": symbol,
                "at_ns": self._clock_ns(),
                **book.status(),
                "stream": shared,
            }
            with replacing(self._folder / symbol_folder(symbol) / "recording.json") as staged:
                staged.write_text(json.dumps(status, indent=1), encoding="utf-8")

    def progress_line(self, waiting: int) -> str:
        """State of the recording in one line."""
        now_ns, (then_ns, then_messages) = self._clock_ns(), self._told
        self._told = (now_ns, self.counts["messages"])
        rate = (self.counts["messages"] - then_messages) / max((now_ns - then_ns) / 1e9, 1e-9)
        live = sum(not book.needs_snapshot for book in self._books.values())
        offsets = [book.clock_offset_ms for book in self._books.values() if book.clock_offset_ms is not None]
        clock = f"{median(offsets):+.0f} ms" if offsets else "not told"
        total: Counter[str] = Counter()
        for book in self._books.values():
            total.update(book.counts)
        return (
            f"{self.venue}: {live} of {len(self._books)} books live, {self.counts['messages']:,} messages ({rate:,.0f}/s), "
            f"{self.rows:,} rows, {total['trades']:,} trades, {total['gaps']} gaps, {self.counts['dropped']} dropped, "
            f"{waiting} waiting, venue clock {clock}"
        )

    def summary(self) -> list[str]:
        """One line for each book, with every count that is a flaw."""
        lines = []
        for symbol, book in self._books.items():
            kept = book.counts
            told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(book.synchroniser_counts.items()))
            lines.append(
                f"{self.venue}:{symbol}: {kept['rows']:,} rows, {kept['trades']:,} trades, {kept['gaps']} gaps ({told or 'no message'})"
            )
        return lines

    def _take(self, received: ReceivedMessage) -> set[str]:
        heard: set[str] = set()
        self.counts["messages"] += 1
        try:
            messages = self._decode(received.body, received.received_ns)
        except ContractError:
            self.counts["undecodable"] += 1
            for book in self._books.values():
                book.take_unread(received.received_ns)
            return heard
        for message in messages:
            book = self._books.get(message.venue_symbol)
            if book is None:
                self.counts["other_symbol"] += 1
            elif isinstance(message, TradeMessage):
                book.take_trade(message)
            else:
                book.take_book(message)
                heard.add(message.venue_symbol)
        return heard


@contextmanager
def _alone(folder: Path, book: str) -> Iterator[None]:
    """Hold a book's folder: two recorders would finish each other's open segments."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{book}: another recorder writes to {folder}; stop it, or name another folder") from None
        yield


def _first_gap(folder: Path, *, was_killed: bool, now_ns: int) -> Gap:
    """The gap a recording begins with: since the newest stored row of the book, or since now."""
    files = segment_files(folder)
    if not files:
        return Gap(now_ns, None, "no_snapshot")
    newest = max(files, key=lambda path: int(path.name.partition(".")[0]))
    return Gap(min(_last_received_ns(newest), now_ns), None, "killed" if was_killed else "not_recording")


def _last_received_ns(segment: Path) -> int:
    import pyarrow.parquet as pq

    held = pq.read_metadata(segment)
    place = held.schema.names.index("received_ns")
    return max(int(held.row_group(each).column(place).statistics.max) for each in range(held.num_row_groups))
