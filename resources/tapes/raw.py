"""Captures of venues' own messages as JSON lines, plain or gzip.

Three shapes of line are read: ``{"recv_ns", "msg"}``, ``{"recv_ts", "dir", "url", "msg"}`` and ``{"t", "dir", "msg"}``
(times in seconds, read to the last digit written). Lines of what we sent ourselves (``dir`` out, open) are passed over.
A REST book without a symbol takes it from its address, or from the deltas where the tape carries one symbol only.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson

from liquidity.book.block import BookBlock
from liquidity.book.grid import BookGrid
from liquidity.book.rows import BlockBuilder
from liquidity.book.synchroniser import Synchroniser
from liquidity.book.wire import decoder, grids_in, recognise, units_of
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.errors import ContractError
from resources.tapes._lines import read_lines
from resources.tapes.tape import BLOCK_ROWS, BookKey, Message, Tape

__all__ = ["RawTape", "decimals_of"]

_TIME = re.compile(rb'^\{\s*"(recv_ns|recv_ts|t)"\s*:\s*([0-9]{1,20})(?:\.([0-9]{1,20}))?\s*[,}]')
_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@-]{0,63}", re.ASCII)
_PLAIN = re.compile(r"[0-9]+(?:\.([0-9]+))?", re.ASCII)
_MAX_DECIMALS: Final = 12


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
        smallest decimal step that occurs in their prices and sizes (exact), with the units their name tells.
    """

    def __init__(self, path: Path, *, venue: str | None = None, grids: Mapping[str, BookGrid] | None = None) -> None:
        super().__init__()
        self._path = path
        self._venue = venue
        self._grids = dict(grids or {})
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
        for message in self._decoded(scan.venue, scan.sole_symbol, self.losses):
            yield scan.venue, message

    def blocks(self, venue: str, venue_symbol: str, *, block_rows: int = BLOCK_ROWS) -> Iterator[BookBlock]:
        """Sequence-checked rows of one book."""
        key = (venue, venue_symbol)
        return (block for _, block in self._synchronised({key: self.grid(*key)}, block_rows))

    def all_blocks(self) -> Iterator[tuple[BookKey, BookBlock]]:
        """Sequence-checked rows of every book, in one pass over the file."""
        return self._synchronised(self.books, BLOCK_ROWS)

    def _synchronised(self, grids: Mapping[BookKey, BookGrid], block_rows: int) -> Iterator[tuple[BookKey, BookBlock]]:
        books = {key: (Synchroniser(*key), BlockBuilder(grid)) for key, grid in grids.items()}
        for venue, message in self.tagged():
            key = (venue, message.venue_symbol)
            if not isinstance(message, BookMessage) or key not in books:
                continue
            book, builder = books[key]
            for step in book.push(message):
                try:
                    builder.add(step)
                except ContractError:
                    for lost in book.invalidate("off_grid", step.received_ns):
                        builder.add(lost)
                    break
            if len(builder) >= block_rows:
                yield key, builder.take()
        for key, (book, builder) in books.items():
            if len(builder):
                yield key, builder.take()
            self.counts[key] = book.counts

    def trades(self, venue: str, venue_symbol: str) -> Iterator[TradeMessage]:
        """Trades of one market in file order."""
        for _, message in self.tagged():
            if isinstance(message, TradeMessage) and message.venue_symbol == venue_symbol:
                yield message

    def _scan(self) -> _Scan:
        if self._scanned is None:
            venue = self._venue or self._recognised()
            listed: dict[str, BookGrid] = {}
            steps: dict[str, list[int]] = {}
            symbols: set[str] = set()
            for message in self._decoded(venue, "", Counter(), listed):
                if isinstance(message, BookMessage):
                    if message.venue_symbol:
                        symbols.add(message.venue_symbol)
                    _widen(steps.setdefault(message.venue_symbol, [0, 0]), message)
            sole = next(iter(symbols)) if len(symbols) == 1 else None
            nameless = steps.pop("", [0, 0])
            if sole is not None:
                steps[sole] = [max(pair) for pair in zip(steps[sole], nameless, strict=True)]
            books: dict[BookKey, BookGrid] = {}
            for symbol in sorted(symbols):
                known = self._grids.get(symbol) or listed.get(symbol)
                books[(venue, symbol)] = known or _scanned_grid(venue, symbol, steps[symbol])
            self._scanned = _Scan(venue, books, sole)
        return self._scanned

    def _recognised(self) -> str:
        for _, body, _ in self._incoming(Counter()):
            venue = recognise(body)
            if venue is not None:
                return venue
        raise ContractError(
            f"{self._path}: no message of a known book protocol found; name the venue, or check that this is a capture"
        )

    def _decoded(
        self, venue: str, sole_symbol: str | None, losses: Counter[str], listed: dict[str, BookGrid] | None = None
    ) -> Iterator[Message]:
        """Messages that a decoder understands; ``sole_symbol`` names books that carry no name."""
        decode = decoder(venue)
        for received_ns, body, url in self._incoming(losses):
            try:
                named = _named(body, url, sole_symbol)
                if listed is not None:
                    listed.update(grids_in(venue, named))
                messages = decode(named, received_ns)
            except ContractError:
                losses["undecodable"] += 1
                continue
            for message in messages:
                if message.venue_symbol and not _SYMBOL.fullmatch(message.venue_symbol):
                    losses["bad_symbol"] += 1
                elif message.venue_symbol or sole_symbol == "":
                    yield message
                else:
                    losses["snapshot_without_symbol"] += 1

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
            yield received_ns, body, entry.get("url")


def _named(body: Any, url: str | None, sole_symbol: str | None) -> Any:
    """Put a symbol into a REST book that has none."""
    if not isinstance(body, dict) or "lastUpdateId" not in body or "symbol" in body:
        return body
    asked = parse_qs(urlsplit(url or "").query).get("symbol", [sole_symbol or ""])
    return {**body, "symbol": asked[0].upper()}


def _widen(steps: list[int], message: BookMessage) -> None:
    """Raise the decimals seen of prices and sizes; text that is no number is the synchroniser's to refuse."""
    for side in (message.bids, message.asks):
        for level in side:
            for place in (0, 1):
                try:
                    decimals = decimals_of(level[place])
                except (ArithmeticError, ValueError, TypeError, IndexError):
                    continue
                if steps[place] < decimals <= _MAX_DECIMALS:
                    steps[place] = decimals


def decimals_of(number: str) -> int:
    """Decimals that a number in text needs; trailing zeros need none. No number raises ``ArithmeticError``.

    Examples
    --------
    >>> decimals_of("61737.63000000"), decimals_of("1.814e-05"), decimals_of("500")
    (2, 8, 0)
    """
    plain = _PLAIN.fullmatch(number)
    if plain is not None:
        return len((plain.group(1) or "").rstrip("0"))
    exponent = Decimal(number).normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise ArithmeticError(f"{number} is no finite number")
    return max(0, -exponent)


def _scanned_grid(venue: str, venue_symbol: str, decimals: Sequence[int]) -> BookGrid:
    kind, contract_size = units_of(venue, venue_symbol) or ("spot", 1.0)
    tick, lot = (Decimal(1).scaleb(-number) for number in decimals)
    return BookGrid(tick, lot, contract_size, kind)
