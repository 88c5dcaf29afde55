"""Markets from recorded captures: JSON lines of a venue's WebSocket and REST answers, read lazily in time order.

A line holds ``t`` or ``recv_ts`` (seconds) or ``recv_ns``, ``msg``, and where several directions were kept ``dir``
(``in``, ``out``, ``open``, ``http``) and ``url``. A folder holds ``ws/*.jsonl.gz`` and ``rest/*.json`` beside it.
"""

import gzip
import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator.market import DepthEvent, Event, ListedMarket, Market
from liquidity_service.emulator.venue import Venue

__all__ = ["recorded_market"]

SCANNED_LINES = 4000
"""Lines read ahead to find the symbols, their first books, and the smallest steps of price and size."""


@dataclass(frozen=True, slots=True)
class _Line:
    at_ns: int
    direction: str
    url: str | None
    message: Any


def _open(path: Path) -> Iterator[bytes]:
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as lines:
        yield from lines


def _lines(path: Path) -> Iterator[_Line]:
    for number, text in enumerate(_open(path), 1):
        try:
            row = orjson.loads(text)
            at_ns = row["recv_ns"] if "recv_ns" in row else int(Decimal(str(row.get("recv_ts", row.get("t")))) * 10**9)
        except (orjson.JSONDecodeError, ArithmeticError, TypeError) as error:
            raise ConfigError(f"{path.name} line {number} is no recorded message: {error}") from error
        if row.get("msg") is not None:
            yield _Line(at_ns, row.get("dir", "in"), row.get("url"), row["msg"])


def _json(path: Path) -> Any:
    return orjson.loads(b"".join(_open(path)))


def _files(path: Path) -> tuple[list[Path], list[Path]]:
    """Captures and REST answers that a file or folder stands for."""
    if not path.exists():
        raise ConfigError(f"no tape at {path}; give a capture (.jsonl, .jsonl.gz) or a folder with ws/ and rest/")
    folder = path if path.is_dir() else path.parent.parent if path.parent.name == "ws" else None
    captures = sorted(p for p in (path / "ws").glob("*.jsonl*")) if path.is_dir() else [path]
    if not captures and path.is_dir() and not (path / "rest").is_dir():
        raise ConfigError(f"{path} holds neither ws/*.jsonl.gz nor rest/*.json")
    rest = sorted(folder.glob("rest/*.json*")) if folder is not None else []
    return captures, rest


def _step(values: Iterable[str]) -> Decimal:
    """Smallest decimal place used by any of the values."""
    places = 0
    for value in values:
        places = max(places, len(value.partition(".")[2].rstrip("0")))
    return Decimal(1).scaleb(-places)


def recorded_market(venue: type[Venue], venue_id: str, path: Path, *, seed: int = 0) -> Market:
    """Market of a capture file, or of a folder of captures and REST answers.

    Instruments without a recorded list get the smallest decimal step seen in the first lines as tick and lot.

    Raises
    ------
    ConfigError
        When nothing is there or a line cannot be read.
    """
    captures, rest = _files(path)
    rest_bodies = {file.name.partition(".")[0]: _json(file) for file in rest}

    def incoming() -> Iterator[_Line]:
        lines = heapq.merge(*(_lines(file) for file in captures), key=lambda line: line.at_ns)
        return (line for line in lines if line.direction in ("in", "http"))

    ahead = list(islice(incoming(), SCANNED_LINES))
    symbols = {e.symbol for line in ahead for e in venue.read(line.at_ns, line.message, line.url, "") if e.symbol}
    only = next(iter(symbols)) if len(symbols) == 1 else ""

    def events_of(lines: Iterable[_Line]) -> Iterator[Event]:
        for line in lines:
            yield from venue.read(line.at_ns, line.message, line.url, only)

    first_books: dict[str, DepthEvent] = {}
    prices: dict[str, set[str]] = {}
    sizes: dict[str, set[str]] = {}

    def take(event: Event) -> None:
        if isinstance(event, DepthEvent):
            if event.snapshot:
                first_books.setdefault(event.symbol, event)
            for level in (*event.bids, *event.asks):
                prices.setdefault(event.symbol, set()).add(level[0])
                sizes.setdefault(event.symbol, set()).add(level[1])

    for name, body in rest_bodies.items():
        if name.startswith("depth_"):
            symbol = name.removeprefix("depth_")
            answer = body.get("body", body)
            at_ns = int(Decimal(str(body.get("recv", 0))) * 10**9)
            for event in venue.read(at_ns, answer, None, symbol):
                take(event)
    for event in events_of(ahead):
        take(event)
    listings = [_listing(venue, venue_id, symbol, prices[symbol], sizes[symbol]) for symbol in sorted(prices)]
    known = {listing.symbol for listing in listings}
    started = ahead[0].at_ns if ahead else 0
    return Market(
        listings,
        (
            event
            for event in events_of(incoming())
            if event.symbol in known and not (isinstance(event, DepthEvent) and event.snapshot and event.last_id)
        ),
        start_ns=started,
        first_books=first_books.values(),
        listing_body=next((body for name, body in rest_bodies.items() if name.startswith("exchangeInfo")), None),
        rest_bodies=rest_bodies,
        seed=seed,
    )


def _listing(venue: type[Venue], venue_id: str, symbol: str, prices: set[str], sizes: set[str]) -> ListedMarket:
    usual = venue.listing(venue_id, symbol)
    return ListedMarket(
        usual.symbol, usual.base, usual.quote, usual.kind, _step(prices), _step(sizes), usual.contract_size
    )
