"""Captures of venues' own messages as JSON lines, plain or gzip.

Three shapes of line are read: ``{"recv_ns", "msg"}``, ``{"recv_ts", "dir", "url", "msg"}`` and ``{"t", "dir", "msg"}``
(times in seconds, read to the last digit written). Lines of what we sent ourselves (``dir`` out, open) are passed over.
A REST book without a symbol takes it from its address, or from the deltas where the tape carries one symbol only.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson

from liquidity.book.block import BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.rows import BlockBuilder
from liquidity.book.synchroniser import Synchroniser
from liquidity.book.wire import decoder, grids_in, recognise
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.errors import ContractError
from resources.tapes._lines import read_lines
from resources.tapes._spool import Spool
from resources.tapes._steps import Steps
from resources.tapes.tape import BLOCK_ROWS, BookKey, Checked, Head, Message, Tape, Unread, head_of

__all__ = ["RawTape"]

_TIME = re.compile(rb'^\{\s*"(recv_ns|recv_ts|t)"\s*:\s*([0-9]{1,20})(?:\.([0-9]{1,20}))?\s*[,}]')
_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@-]{0,63}", re.ASCII)
_HEADS_AT_ONCE: Final = 8_192
_MOST_NS: Final = 1 << 62
_UNREAD: Final = ("undecodable", "not_json", "not_a_capture_line", "oversized_line")


@dataclass(frozen=True, slots=True)
class _Scan:
    """What one pass over the file found before books can be built."""

    venue: str
    books: dict[BookKey, BookGrid]
    sole_symbol: str | None


class RawTape(Tape):
    """One capture of one venue.

    Parameters
    ----------
    path
        The file.
    venue
        Venue id; told by the first message that a protocol recognises where ``None``.
    grids
        Steps and units of known markets by venue symbol. Others take them from a market list on the tape, or else the
        decimal step in which their levels are written (``_steps.py``), with the units their name tells.
    """

    def __init__(self, path: Path, *, venue: str | None = None, grids: Mapping[str, BookGrid] | None = None) -> None:
        super().__init__()
        self._path = path
        self._venue = venue
        self._grids = dict(grids or {})
        self._listed: dict[str, BookGrid] = {}
        self._scanned: _Scan | None = None

    @property
    def venue(self) -> str:
        """Venue id of the capture."""
        return self._scan().venue

    @property
    def books(self) -> Mapping[BookKey, BookGrid]:
        """Every market with a book message; the first call reads the file once."""
        return self._scan().books

    def tagged(self) -> Iterator[tuple[str, Message]]:
        """Venue and message in file order; :attr:`losses` is counted anew by each pass."""
        scan = self._scan()
        self.losses.clear()
        for message in self._owned(self._decoded(scan.venue, self.losses), scan.sole_symbol):
            if not isinstance(message, Unread):
                yield scan.venue, message

    def blocks(self, venue: str, venue_symbol: str, *, block_rows: int = BLOCK_ROWS) -> Iterator[BookBlock]:
        """Sequence-checked rows of one book."""
        key = (venue, venue_symbol)
        grids = {key: self.grid(*key)}
        messages = self._owned(self._decoded(venue, self.losses), self._scan().sole_symbol)
        return (part.rows for part in self._synchronised(messages, grids, block_rows) if len(part.rows))

    def checked(self) -> Iterator[Checked]:
        """What came and what was accepted of every book; the file is read once, its messages wait on disk."""
        with Spool() as spool:
            self._scanned = self._read(self._decoded(self._known_venue(), self.losses), spool)
            messages = self._owned(spool.messages(), self._scanned.sole_symbol)
            yield from self._synchronised(messages, self._scanned.books, BLOCK_ROWS)

    def _synchronised(
        self, messages: Iterable[Message | Unread], grids: Mapping[BookKey, BookGrid], block_rows: int
    ) -> Iterator[Checked]:
        venue = self._scan().venue
        books = {key: (Synchroniser(*key), BlockBuilder(grid)) for key, grid in grids.items()}
        heads: dict[BookKey, list[Head]] = {key: [] for key in grids}
        for message in messages:
            if isinstance(message, Unread):
                for book, builder in books.values():
                    for lost in book.unread(message.received_ns):
                        builder.add(lost)
                continue
            key = (venue, message.venue_symbol)
            if key not in books or not isinstance(message, BookMessage):
                continue
            book, builder = books[key]
            heads[key].append(head_of(message))
            for step in book.push(message):
                try:
                    builder.add(step)
                except ContractError:
                    for lost in book.invalidate("off_grid", step.received_ns):
                        builder.add(lost)
                    break
            if len(builder) >= block_rows or len(heads[key]) >= _HEADS_AT_ONCE:
                yield Checked(key, grids[key], heads[key], builder.take())
                heads[key] = []
        for key, (book, builder) in books.items():
            self.counts[key] = book.counts
            yield Checked(key, grids[key], heads[key], builder.take())

    def trades(self, venue: str, venue_symbol: str) -> Iterator[TradeMessage]:
        """Trades of one market in file order."""
        for _, message in self.tagged():
            if isinstance(message, TradeMessage) and message.venue_symbol == venue_symbol:
                yield message

    def _scan(self) -> _Scan:
        if self._scanned is None:
            self._scanned = self._read(self._decoded(self._known_venue(), Counter()), None)
        return self._scanned

    def _read(self, messages: Iterable[Message | Unread], spool: Spool | None) -> _Scan:
        """Learn which markets are there and their steps."""
        steps: dict[str, Steps] = {}
        for message in messages:
            if isinstance(message, BookMessage):
                steps.setdefault(message.venue_symbol, Steps()).add(message)
                if spool is not None:
                    spool.add(message)
            elif isinstance(message, Unread) and spool is not None:
                spool.add_unread(message)
        nameless = steps.pop("", None)
        sole = next(iter(steps)) if len(steps) == 1 else None
        if sole is not None and nameless is not None:
            steps[sole].join(nameless)
        venue = self._known_venue()
        books = {
            (venue, symbol): self._grids.get(symbol) or self._listed.get(symbol) or steps[symbol].grid(venue, symbol)
            for symbol in sorted(steps)
        }
        return _Scan(venue, books, sole)

    def _known_venue(self) -> str:
        if self._venue is None:
            self._venue = self._recognised()
        return self._venue

    def _recognised(self) -> str:
        for _, body, _ in self._incoming(Counter()):
            venue = recognise(body)
            if venue is not None:
                return venue
        raise ContractError(
            f"{self._path}: no message of a known book protocol found; name the venue, or check that this is a capture"
        )

    def _decoded(self, venue: str, losses: Counter[str]) -> Iterator[Message | Unread]:
        """Messages that a decoder understands, and the places of those it does not.

        A book that names no market has the symbol "". Market lists are kept.
        """
        decode = decoder(venue)
        losses.clear()
        unread_n = 0
        for received_ns, body, url in self._incoming(losses):
            try:
                named = _named(body, url)
                self._listed.update(grids_in(venue, named))
                messages = decode(named, received_ns)
            except ContractError:
                losses["undecodable"] += 1
                messages = ()
            if unread_n != (unread_n := sum(losses[reason] for reason in _UNREAD)):
                yield Unread(received_ns)
            for message in messages:
                if message.venue_symbol and not _SYMBOL.fullmatch(message.venue_symbol):
                    losses["bad_symbol"] += 1
                else:
                    yield message

    def _owned(self, messages: Iterable[Message | Unread], sole_symbol: str | None) -> Iterator[Message | Unread]:
        """Give a nameless book to the tape's only market; where there are several, nobody says whose it is."""
        for message in messages:
            if isinstance(message, Unread) or message.venue_symbol:
                yield message
            elif sole_symbol is not None:
                yield replace(message, venue_symbol=sole_symbol)
            else:
                self.losses["snapshot_without_symbol"] += 1

    def _incoming(self, losses: Counter[str]) -> Iterator[tuple[int, Any, str | None]]:
        """Received time, body and address of each message that came from the venue."""
        for line in read_lines(self._path, losses):
            found = _TIME.match(line)
            try:
                entry = orjson.loads(line)
            except orjson.JSONDecodeError:
                losses["not_json"] += 1
                continue
            if found is None or not isinstance(entry, dict):
                losses["not_a_capture_line"] += 1
                continue
            if entry.get("dir", "in") not in ("in", "http"):
                continue
            body = entry.get("msg")
            if not isinstance(body, (dict, list)):
                losses["not_a_message"] += 1
                continue
            name, whole, fraction = found.groups()
            received_ns = int(whole) if name == b"recv_ns" else int(whole + (fraction or b"").ljust(9, b"0")[:9])
            if received_ns > _MOST_NS:
                losses["not_a_capture_line"] += 1
                continue
            yield received_ns, body, entry.get("url")


def _named(body: Any, url: str | None) -> Any:
    """Put the symbol of its address, or "", into a REST book that has none."""
    if not isinstance(body, dict) or "lastUpdateId" not in body or "symbol" in body:
        return body
    asked = parse_qs(urlsplit(url or "").query).get("symbol", [""])
    return {**body, "symbol": asked[0].upper()}
