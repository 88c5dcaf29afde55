"""Live books of emulated venues that cut, lose, repeat, swap and fall silent: equal to the venue's own in the end.

Nothing is replaced on the way: ccxt.pro's protocol, our stream, decoder, synchroniser and live book. The generated market
is made a second time beside the emulator, and judges every figure told, not the last book alone.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from liquidity.book.book_features import BookFeatures
from liquidity.book.grid import BookGrid
from liquidity.book.live_book import LiveBook
from liquidity.book.synchroniser import Synchroniser
from liquidity.book.wire import decoder
from liquidity.domain.book_message import BookMessage
from liquidity_service.emulator.faults import Fault, StreamFault
from liquidity_service.emulator.generated import GeneratedMarket
from liquidity_service.emulator.market import Book, DepthEvent, Event
from liquidity_service.emulator.server import VENUES, Emulator
from resources.venues import open_stream, open_venue
from resources.venues import streaming as streaming_module
from resources.venues.retry import RetryPolicy

START_NS = 1_700_000_000_000_000_000
SILENT_S = 0.25
SYMBOLS = {
    "binanceusdm": ("BTCUSDT", "BTCUSDT"),
    "binance": ("BTCUSDT", "BTCUSDT"),
    "binancecoinm": ("BTCUSD_PERP", "BTCUSD_PERP"),
    "okx": ("BTC-USDT-SWAP", "BTC-USDT-SWAP"),
    "kraken": ("XBT/USD", "BTC/USD"),
    "bybit": ("BTCUSDT", "BTCUSDT"),
    "hyperliquid": ("BTC", "BTC"),
}
"""The emulator's symbol and the stream's."""
DEPTH = {"kraken": 10, "hyperliquid": 20, "bybit": 50, "okx": 400}
"""Levels a side that a subscription carries; the others carry all."""
BOOK_STREAM = {"okx": "books*", "kraken": "book*", "bybit": "orderbook*", "hyperliquid": "l2Book*"}
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning:ccxt")]


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Load ccxt and the compiled kernel before the clocks of the scenarios run: both hold up the event loop."""
    import ccxt.pro  # noqa: F401

    book = LiveBook(BookGrid(Decimal(1), Decimal(1)), Synchroniser("binance", "BTCUSDT"))
    book.on_message(BookMessage("snapshot", "BTCUSDT", 1, None, [("1", "1")], [("2", "1")], last_id=1))


@pytest.fixture(autouse=True)
def quick_reconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming_module, "_RECONNECT", RetryPolicy(attempts=1, first_wait_s=0.01, longest_wait_s=0.05))


@pytest.fixture(autouse=True)
def nothing_left_open(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    texts = [record.getMessage() for record in caplog.get_records("call")]
    assert not [text for text in texts if "Unclosed" in text or "release all resources" in text]


class Judge:
    """The market made again from its recipe: best quotes after each change, by the venue's time in milliseconds."""

    def __init__(self, venue: str, symbol: str, recipe: GeneratedMarket) -> None:
        first, self._events = recipe.books([VENUES[venue].listing(venue, symbol)], START_NS)
        self._book = Book()
        self._quotes: dict[int, tuple[Any, Any]] = {}
        self._take(first)

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, DepthEvent):
                self._book.apply(event)
                self._quotes[event.event_ms] = (self._book.best("bids"), self._book.best("asks"))

    def quotes(self, event_ms: int) -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
        while event_ms not in self._quotes:
            assert max(self._quotes) < event_ms, "figures at a time at which nothing changed"
            self._take(list(itertools.islice(self._events, 8)))
        return self._quotes[event_ms]


class Reader:
    """What every reader of a stream does: believe the synchroniser, and ask for what it says is missing."""

    def __init__(self, venue: str, stream: Any, symbol: str, grid: BookGrid, judge: Judge) -> None:
        self.stream, self.symbol, self.grid, self.judge = stream, symbol, grid, judge
        self.book = LiveBook(grid, Synchroniser(venue, symbol))
        self.decode = decoder(venue)
        self.seen: Counter[str] = Counter()
        self.snapshots_before = 0
        self.asked_s = 0.0
        self.heard_s = time.monotonic()

    @property
    def counts(self) -> Counter[str]:
        return self.book.synchroniser.counts

    async def turn(self, *, may_be_silent: bool) -> None:
        """Take what arrived, and act on what is missing."""
        for received in await self.stream.messages(SILENT_S):
            for message in self.decode(received.body, received.received_ns):
                if isinstance(message, BookMessage):
                    self.heard_s = time.monotonic()
                    self.take(message)
                else:
                    self.seen["trades"] += 1  # trades may have a socket of their own: no sign of the book's life
        if not may_be_silent and time.monotonic() - self.heard_s > SILENT_S:
            self.told(self.book.invalidate("silent", time.time_ns()))
            await self.renew()
        elif self.book.synchroniser.needs_snapshot and time.monotonic() - self.asked_s > 0.05:
            self.asked_s = time.monotonic()
            snapshot = await self.stream.snapshot(self.symbol)
            if snapshot is not None:
                self.take(snapshot)
            elif self.counts["snapshots"]:
                await self.renew()

    async def renew(self) -> None:
        await self.stream.resubscribe(self.symbol)
        self.heard_s = self.asked_s = time.monotonic() + SILENT_S  # the new subscription is on its way

    def take(self, message: BookMessage) -> None:
        self.told(self.book.on_message(message))

    def told(self, features: BookFeatures | None) -> None:
        """Judge what was told: nothing of an unknown book, and of a known one only the truth."""
        is_live = self.book.synchroniser.state == "live"
        if features is None:
            assert is_live or self.book.newest is None or not self.book.newest.valid
            return
        if not features.valid:
            self.seen["invalid"] += 1
            self.snapshots_before = self.counts["snapshots"]
            assert features.invalid_reason == "no_book", "crossed or one-sided: a wrong book was shown"
            return
        assert is_live
        assert self.counts["snapshots"] > self.snapshots_before, "figures again without a new snapshot"
        self.seen["valid"] += 1
        if features.event_ns >= 0:
            bid, ask = self.judge.quotes(features.event_ns // 1_000_000)
            tick, lot = self.grid.tick_size, self.grid.lot_size
            assert (features.best_bid_ticks * tick, features.best_bid_lots * lot) == bid
            assert (features.best_ask_ticks * tick, features.best_ask_lots * lot) == ask
            self.seen["judged"] += 1

    def levels(self) -> dict[str, list[tuple[Decimal, Decimal]]]:
        """All levels that our book holds, exact."""
        held = self.book.ladder.top(5_000)
        return {
            side: [
                (int(ticks) * self.grid.tick_size, int(lots) * self.grid.lot_size)
                for ticks, lots in zip(self.grid.ticks(rows[:, 0]), self.grid.lots(rows[:, 1]), strict=True)
            ]
            for side, rows in (("bids", held.bids), ("asks", held.asks))
        }


def venue_levels(emulator: Emulator, venue: str) -> dict[str, list[tuple[Decimal, Decimal]]]:
    book = emulator.book(SYMBOLS[venue][0])
    return {
        side: [(Decimal(price), Decimal(size)) for price, size in book.top(side, DEPTH.get(venue))]
        for side in ("bids", "asks")
    }


async def grid_of(venue: str, url: str, symbol: str) -> BookGrid:
    async with open_venue(venue, base_url=url) as exchange:
        exchange._client.enableRateLimit = False
        listed = await exchange.markets()
    return BookGrid.of_market(next(market for market in listed.values() if market.venue_symbol == symbol))


async def live(venue: str, faults: Sequence[Fault], has_happened: Callable[[Emulator, Reader], bool]) -> Reader:
    """Follow a venue until its faults have happened and a while longer; then the books must be the same."""
    theirs, ours = SYMBOLS[venue]
    recipe = GeneratedMarket(seed=17, symbols=(theirs,), start_ns=START_NS, step_ms=20, levels=60)
    async with Emulator(venue, recipe, faults=faults, speed=0) as emulator:
        grid = await grid_of(venue, emulator.url, ours)
        async with open_stream(venue, [ours], ("book", "trades"), base_url=emulator.url) as stream:
            stream._client.enableRateLimit = False
            reader = Reader(venue, stream, ours, grid, Judge(venue, theirs, recipe))

            async def play() -> None:
                while not has_happened(emulator, reader):
                    await emulator.advance(0.02)
                    await asyncio.sleep(0.002)
                for _ in range(30):
                    await emulator.advance(0.02)
                    await asyncio.sleep(0.002)

            async with asyncio.timeout(60):
                playing = asyncio.create_task(play())
                while not playing.done():
                    await reader.turn(may_be_silent=False)
                await playing
                while reader.levels() != venue_levels(emulator, venue):
                    await reader.turn(may_be_silent=True)
            assert reader.book.newest is not None
            assert reader.book.newest.valid
            assert stream.counts["handler_errors"] == stream.counts["dropped"] == stream.counts["unreadable"] == 0
            return reader


@pytest.mark.feature("ET-SG-04", "PL-OB-12", "PL-OB-13", "PL-SG-02")
@pytest.mark.parametrize("venue", list(SYMBOLS))
def test_after_every_fault_the_book_is_the_venues_and_no_wrong_figure_was_told(venue: str) -> None:
    of_book = BOOK_STREAM.get(venue, "*@depth*")
    faults = [
        StreamFault("duplicate", of_book, first=10, last=12),
        StreamFault("reorder", of_book, first=16, times=1),
        StreamFault("cut", of_book, first=25, times=3),
        StreamFault("cut", of_book, first=26, times=2, how="reset"),
        StreamFault("drop", of_book, first=30, last=59, times=1),
        StreamFault("silence", of_book, first=70, last=0, times=1),
    ]

    def has_happened(emulator: Emulator, reader: Reader) -> bool:
        met = emulator.plan.happened
        return (
            met[1] >= 1 and met[2] == 3 and met[3] == 2 and met[4] == 30 and met[5] == 1 and reader.counts["silent"] > 0
        )

    reader = asyncio.run(live(venue, faults, has_happened))
    counts, seen = reader.counts, reader.seen
    assert counts["silent"] >= 1
    assert seen["judged"] > 100
    assert seen["trades"] > 10
    if venue.startswith("binance"):  # a new socket shows as a gap of ids
        assert counts["gap"] >= 1 + 1 + 5
        assert counts["duplicate"] + counts["old"] >= 3
    elif venue == "hyperliquid":  # full books: nothing can be lost, and an older one is refused
        assert counts["out_of_order"] >= 1
        assert counts["gap"] == 0
    elif venue == "kraken":  # no ids: the checksum tells
        assert counts["checksum"] >= 2
        assert counts["checksum_verified"] > 100
    else:
        assert counts["gap"] >= 2
        assert counts["duplicate"] >= 3
    assert seen["invalid"] == sum(counts[reason] for reason in ("gap", "checksum", "silent", "disconnected")) or (
        venue == "hyperliquid"
    )
