"""Live books: 100 pairs of an emulated venue on one core, and the rates of analyses, liquidations and futures readings.

The emulator is a process of its own on another core; the reader is pinned to one, and each of its messages passes socket,
ccxt.pro, decoder, synchroniser and ladder. Lag is measured twice: from our receive stamp to the figures, and from the
venue's event time less that of the quickest message, which a wait in any buffer on the way makes grow. On a machine with
other work the wait for a core is in both; its share is told beside them. So is the part of the memory's growth that stays
when the C library gives back what is free. One message alone, beside ccxt's book and a
sorted one: ``bench_book.py``. Run ``python -m benchmarks.run live [--quick]``.
"""

import asyncio
import ctypes
import gc
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.book_tapes import generated_tape
from benchmarks.table import Row
from liquidity.book.analysis import analyse, book_liquidity_score
from liquidity.book.analysis_series import analyse_series
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.book.live_book import LiveBook
from liquidity.book.snapshot import BookSnapshot
from liquidity.book.synchroniser import Synchroniser
from liquidity.book.wire import decoder
from liquidity.derivatives.funding import funding, next_funding
from liquidity.derivatives.liquidation_events import distinct_events, totals
from liquidity.derivatives.open_interest import open_interest_reading, open_interest_record
from liquidity.domain.book_message import BookMessage
from liquidity.domain.market_data import Market

VENUE: Final = "binanceusdm"
PAIRS: Final = tuple(f"{coin}USDT" for coin in ("BTC", "ETH", "SOL", *(f"C{number:02d}" for number in range(97))))
STEP_MS: Final = 100
CHANGES: Final = 75
SETTLE_S: Final = 5.0
MOST_PER_S: Final = 3_000
EDGE_S: Final = 60.0

_EMULATE: Final = """
import asyncio, os, sys
from benchmarks.bench_live import CHANGES, PAIRS, STEP_MS, VENUE
from liquidity_service.emulator.generated import GeneratedMarket
from liquidity_service.emulator.server import Emulator

async def serve():
    market = GeneratedMarket(symbols=PAIRS, step_ms=STEP_MS, levels=200, changes=CHANGES)
    async with Emulator(VENUE, market) as emulator:
        print(emulator.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

os.sched_setaffinity(0, {int(sys.argv[1])})
asyncio.run(serve())
"""


class Follower:
    """All books of a stream, and the times of each message that became figures."""

    def __init__(self, grids: dict[str, BookGrid], seconds: float) -> None:
        self.books = {symbol: LiveBook(grid, Synchroniser(VENUE, symbol)) for symbol, grid in grids.items()}
        self._decode = decoder(VENUE)
        # Filled, so that the pages are there before memory is looked at. Columns: told, received, event (ns).
        self._stamps = np.full((int((seconds + 2 * SETTLE_S) * MOST_PER_S), 3), 1, np.int64)
        self.messages = self.levels = self.trades = 0

    @property
    def stamps(self) -> NDArray[np.int64]:
        """Times of the messages so far."""
        return self._stamps[: self.messages]

    def take(self, messages: Sequence[Any]) -> None:
        """Messages of the stream to figures."""
        for received in messages:
            for message in self._decode(received.body, received.received_ns):
                if not isinstance(message, BookMessage):
                    self.trades += 1
                    continue
                told = self.books[message.venue_symbol].on_message(message)
                if told is not None and told.valid:
                    self._stamps[self.messages % len(self._stamps)] = time.time_ns(), told.at_ns, told.event_ns
                    self.messages += 1
                    self.levels += told.updates_n

    def forget(self) -> None:
        """Begin to count anew."""
        self.messages = self.levels = self.trades = 0


@dataclass(frozen=True, slots=True)
class Followed:
    """What a run gave; times in ms, ``stamps`` as in :class:`Follower`."""

    seconds: float
    stamps: NDArray[np.int64]
    levels: int
    trades: int
    cpu_share: float
    waited_share: float
    emulator_waited_share: float
    grown_mb: float
    grown_held_mb: float
    collection_ms: float
    frozen_collection_ms: float
    faults: int


async def follow(port: int, emulator_pid: int, seconds: float) -> Followed:
    """Follow all pairs for so long, once every book is whole."""
    from resources.venues import open_stream, open_venue

    url = f"http://127.0.0.1:{port}"
    async with open_venue(VENUE, base_url=url) as exchange:
        listed = {market.venue_symbol: BookGrid.of_market(market) for market in (await exchange.markets()).values()}
    follower = Follower({symbol: listed[symbol] for symbol in PAIRS}, seconds)
    async with open_stream(VENUE, PAIRS, ("book", "trades"), base_url=url) as stream:
        stream._client.enableRateLimit = False  # a hundred snapshots within the venue's weights take two minutes

        async def complete(symbol: str, book: LiveBook) -> None:
            while book.synchroniser.needs_snapshot:
                if book.synchroniser.counts["buffered"]:
                    snapshot = await stream.snapshot(symbol)
                    assert snapshot is not None
                    book.on_message(snapshot)
                await asyncio.sleep(0.1)

        async def listen(until_s: float) -> None:
            while time.monotonic() < until_s:
                follower.take(await stream.messages(1.0))

        completing = asyncio.gather(*(complete(symbol, book) for symbol, book in follower.books.items()))
        while not completing.done():
            follower.take(await stream.messages(1.0))
        await completing
        collection_ms = _collection_ms()
        gc.freeze()  # as a service does: else a look through all of ccxt stops the stream now and then
        await listen(time.monotonic() + SETTLE_S)
        frozen_ms = _collection_ms()
        await listen(time.monotonic() + SETTLE_S)
        follower.forget()
        applied = sum(book.synchroniser.counts["applied"] for book in follower.books.values())
        waits = [_waited_s(pid) for pid in (os.getpid(), emulator_pid)]
        began_mb, began_held_mb = _resident_mb(), _held_mb()
        began, began_cpu = time.monotonic(), time.process_time()
        await listen(began + seconds)
        took = time.monotonic() - began
        applied = sum(book.synchroniser.counts["applied"] for book in follower.books.values()) - applied
        cpu_share, resident_mb, held_mb = (time.process_time() - began_cpu) / took, _resident_mb(), _held_mb()
        return Followed(
            seconds=took,
            stamps=follower.stamps,
            levels=follower.levels,
            trades=follower.trades,
            cpu_share=cpu_share,
            waited_share=(_waited_s(os.getpid()) - waits[0]) / took,
            emulator_waited_share=(_waited_s(emulator_pid) - waits[1]) / took,
            grown_mb=resident_mb - began_mb,
            grown_held_mb=held_mb - began_held_mb,
            collection_ms=collection_ms,
            frozen_collection_ms=frozen_ms,
            faults=applied
            - follower.messages
            + sum(book.synchroniser.state != "live" for book in follower.books.values())
            + stream.counts["dropped"]
            + stream.counts["reconnects"],
        )


def _collection_ms() -> float:
    began = time.thread_time()
    gc.collect()
    return (time.thread_time() - began) * 1e3


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def _held_mb() -> float:
    """Resident memory without what is free but kept by the C library (where it is glibc) for the next request."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)
    return _resident_mb()


def _waited_s(pid: int) -> float:
    """Seconds that a process's main thread was ready to run and had no core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9


def hundred_pairs(seconds: float) -> Followed:
    """Emulator on the first core, we on the last."""
    cores = os.sched_getaffinity(0)
    emulator = subprocess.Popen(
        [sys.executable, "-c", _EMULATE, str(min(cores))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip
    assert emulator.stdin is not None
    assert emulator.stdout is not None
    try:
        port = int(emulator.stdout.readline())
        os.sched_setaffinity(0, {max(cores)})
        return asyncio.run(follow(port, emulator.pid, seconds))
    finally:
        os.sched_setaffinity(0, cores)
        emulator.stdin.close()
        emulator.wait(30)


def hundred_pairs_rows(seconds: float) -> list[Row]:
    """PL-PX-09, ten times as many updates as it asks for."""
    found = hundred_pairs(seconds)
    told, received, event = (column / 1e6 for column in found.stamps.T)
    lag, whole = told - received, told - event
    whole = whole - whole.min()
    edge_s = min(EDGE_S, found.seconds / 4)
    first, last = whole[told < told[0] + edge_s * 1e3], whole[told > told[-1] - edge_s * 1e3]
    grown = float(np.median(last) - np.median(first))
    median, p99 = (float(np.quantile(lag, share)) for share in (0.5, 0.99))
    whole_p99 = float(np.quantile(whole, 0.99))
    rate = len(lag) / found.seconds
    n = (
        f"{len(PAIRS)} pairs, {found.seconds:.0f} s, {found.levels / len(lag):.0f} levels a message, "
        f"{found.trades / found.seconds:.0f} trades/s, waited for a core: we {found.waited_share:.0%}, "
        f"emulator {found.emulator_waited_share:.0%} of the time"
    )
    return [
        Row("100 pairs: book messages to features [1/s]", rate, n, ">= 950, no loss (PL-PX-09)", rate >= 950 and not found.faults),
        Row("100 pairs: share of one core [%]", found.cpu_share * 100, n, "< 100", found.cpu_share < 1.0),
        Row("100 pairs: received to features, median [ms]", median, n, "reported", True),
        Row("100 pairs: received to features, p99 [ms]", p99, n, "< 100 (PL-PX-09)", p99 < 100.0),
        Row("100 pairs: received to features, longest [ms]", float(lag.max()), n, "reported", True),
        Row("100 pairs: event to features beyond the quickest, p99 [ms]", whole_p99, n, "reported", True),
        Row(f"100 pairs: growth of that lag, last {edge_s:.0f} s to first [ms]", grown, n, "< 50: no queue grows", grown < 50.0),
        Row("100 pairs: memory growth [MB]", found.grown_mb, n, "< 5", found.grown_mb < 5.0),
        Row("100 pairs: memory growth without what the C library keeps free [MB]", found.grown_held_mb, n, "reported", True),
        Row("full garbage collection once frozen [ms]", found.frozen_collection_ms, n, "< 20", found.frozen_collection_ms < 20.0,
            "without gc.freeze()", found.collection_ms),
    ]  # fmt: skip


def analyses_row(count: int) -> Row:
    """``analyse`` of 100 levels a side, as a screen asks for it: one book, one answer."""
    tape = generated_tape(56)
    ladder = Ladder(tape.grid)
    assert ladder.apply(tape.block).row(-1).valid
    book = ladder.top(100)
    nudged = [BookSnapshot(book.bids * [1.0, 1.0 + place % 7 / 10], book.asks) for place in range(count)]
    analyse(book, volume_24h_quote=1e9, tick_size=0.1, previous=book)
    began = time.process_time()
    for earlier, now in zip([book, *nudged], nudged, strict=False):
        assert analyse(now, volume_24h_quote=1e9, tick_size=0.1, previous=earlier).liquidity_score is not None
    rate = count / (time.process_time() - began)
    return Row("analyses of one book [1/s]", rate, f"{count:,}, 100 levels a side", "> 500 (PL-PX-06)", rate > 500)


def deep_book_rows(count: int) -> list[Row]:
    """One snapshot of 1,000 levels a side, warm: the score alone, and everything that ``analyse`` tells."""
    sizes = np.random.default_rng(1).uniform(0.1, 5.0, (2, 1_000))
    steps = 0.1 * np.arange(1, 1_001)
    book = BookSnapshot(np.column_stack((60_000.0 - steps, sizes[0])), np.column_stack((60_000.0 + steps, sizes[1])))

    def median_s(ask: Callable[[], Any]) -> float:
        ask()
        seconds = []
        for _ in range(count):
            began = time.perf_counter()
            ask()
            seconds.append(time.perf_counter() - began)
        return float(np.median(seconds))

    score_s = median_s(lambda: book_liquidity_score(book, volume_24h_quote=1e9))
    whole_s = median_s(lambda: analyse(book, volume_24h_quote=1e9, tick_size=0.1, previous=book))
    bids, asks = (np.repeat(side[np.newaxis, :40], 2_000, axis=0) for side in (book.bids, book.asks))
    rate = 2_000 / median_s(lambda: analyse_series(bids, asks, volume_24h_quote=1e9))
    n = f"{count} times, 1,000 levels a side"
    tape = generated_tape(56)
    live = Ladder(tape.grid)
    assert live.apply(tape.block).row(-1).valid
    recent_s = median_s(lambda: live.top(100))
    return [
        Row("100 levels a side of a book kept in the process [s]", recent_s, f"{count} times", "< 1 ms (PL-PX-07)", recent_s < 1e-3),
        Row("book score of one snapshot, median [s]", score_s, n, "< 1 ms (PL-PX-02)", score_s < 1e-3),
        Row("all figures of one snapshot, median [s]", whole_s, n, "< 10 ms", whole_s < 10e-3),
        Row("analyses of a series of books [1/s]", rate, "2,000 books, 40 levels a side", "> 2,000", rate > 2_000),
    ]  # fmt: skip


def liquidations_row(count: int) -> Row:
    """Forced orders from the venue's JSON to records told once and to the totals of each second."""
    from resources.venues.binance import liquidation_event

    market = Market(
        venue=VENUE, symbol="BTC/USDT:USDT", venue_symbol="BTCUSDT", kind="linear", base="BTC", quote="USDT", settle="USDT",
        tick_size=Decimal("0.1"), lot_size=Decimal("0.001"), contract_size=1.0, min_amount=0.001, min_notional=100.0,
        max_leverage=125.0, maker_fee_frac=0.0002, taker_fee_frac=0.0005, active=True,
    )  # fmt: skip
    texts = [
        orjson.dumps({"e": "forceOrder", "E": 1_700_000_000_000 + number * 10, "o": {
            "s": "BTCUSDT", "S": ("SELL", "BUY")[number % 2], "o": "LIMIT", "f": "IOC", "q": "0.014", "p": "59910",
            "ap": "60000", "X": "FILLED", "l": "0.014", "z": "0.014", "T": 1_700_000_000_000 + number * 10}})
        for number in range(count)
    ]  # fmt: skip
    began = time.process_time()
    events_n = 0
    for first in range(0, count, 100):
        events = [liquidation_event(orjson.loads(text), market) for text in texts[first : first + 100]]
        events_n += totals(distinct_events(events).events).events_n
    rate = count / (time.process_time() - began)
    assert events_n == count
    return Row("liquidation events, JSON to totals [1/s]", rate, f"{count:,}", "> 100 (PL-PX-06)", rate > 100)


def futures_row(count: int) -> Row:
    """One reading: open interest against its last day in 5 min steps, the next funding of 480 premiums, a payment."""
    at = [datetime(2026, 1, 2, tzinfo=UTC) + timedelta(minutes=5 * place) for place in range(289)]
    base = 80_000.0 + 500.0 * np.sin(np.arange(289) / 20)
    premiums = 1e-4 * np.cos(np.arange(480) / 30)
    began = time.process_time()
    for number in range(count):
        told = open_interest_reading(
            80_000.0 + number, "contracts", kind="linear", contract_size=1.0, mark_price=60_000.0
        )
        assert told.base is not None
        base[-1] = told.base
        record, _ = open_interest_record(
            symbol="BTC/USDT:USDT", exchange=VENUE, at=at, open_interest_base=base, open_interest_quote=base * 60_000.0
        )
        rate = next_funding(premiums, interval_hours=8.0).rate
        assert math.isfinite(record.open_interest_value)
        funding(1, 1.0, 60_000.0, rate, 1095.0)
    per_s = count / (time.process_time() - began)
    return Row("futures readings: open interest and funding [1/s]", per_s, f"{count:,}", "> 50 (PL-PX-06)", per_s > 50)


def run(quick: bool = False) -> list[Row]:
    """Rows of the table; ``quick`` follows for one minute instead of ten."""
    cut = 10 if quick else 1
    return [
        *hundred_pairs_rows(600.0 / cut),
        analyses_row(2_000 // cut),
        *deep_book_rows(500 // cut),
        liquidations_row(100_000 // cut),
        futures_row(2_000 // cut),
    ]


if __name__ == "__main__":
    for line in run("--quick" in sys.argv):
        print(line.text())
