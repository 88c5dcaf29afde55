"""The recorder through the venues' real protocol: ccxt.pro on an emulated venue that cuts, drops and falls silent."""

import asyncio
import json
import os
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liquidity.book.grid import BookGrid
from liquidity.book.reference import ReferenceBook, rows_of
from liquidity_service.emulator.faults import StreamFault
from liquidity_service.emulator.generated import GeneratedMarket
from liquidity_service.emulator.server import Emulator
from liquidity_service.record_command import chosen_markets
from liquidity_service.recorder import Recorder, RecorderLimits
from liquidity_service.recording import Recording
from resources.tapes import open_tape
from resources.tapes.segment_tape import SegmentTape, segment_files
from resources.venues import open_venue
from resources.venues.streaming import open_stream

pytestmark = pytest.mark.slow

VENUE = "binanceusdm"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
MARKET = GeneratedMarket(seed=3, symbols=SYMBOLS, step_ms=20, levels=60)


async def grids_of(url: str) -> dict[str, BookGrid]:
    async with open_venue(VENUE, base_url=url) as exchange:
        listed = await exchange.markets()
    markets = chosen_markets(VENUE, list(listed.values()), SYMBOLS)
    return {market.venue_symbol: BookGrid.of_market(market) for market in markets}


async def play(emulator: Emulator, until, at_most_s: float) -> None:
    """Let market time pass as wall time does, until something is so."""
    began = time.monotonic()
    while not until():
        assert time.monotonic() - began < at_most_s, "it did not happen in time"
        await emulator.advance(0.05)
        await asyncio.sleep(0.05)


async def record_until_settled(root: Path, emulator: Emulator, until, **limits) -> list[str]:
    """Record while market time passes until ``until``, then until every book is whole and nothing more arrives."""
    told: list[str] = []
    stop = asyncio.Event()
    with Recording.opened(root, VENUE, await grids_of(emulator.url), 300.0, time.time_ns) as recording:
        async with open_stream(VENUE, SYMBOLS, base_url=emulator.url) as stream:
            running = asyncio.create_task(Recorder(stream, recording, RecorderLimits(**limits), told.append).run(stop))

            def is_whole() -> bool:
                return running.done() or (until() and not any(recording.needs_snapshot().values()))

            await play(emulator, is_whole, 180.0)
            # The last cut shows only in what comes after it: let the stream come back and its gap be closed.
            heard = recording.counts["messages"] + 100
            await play(emulator, lambda: running.done() or recording.counts["messages"] >= heard, 180.0)
            await play(emulator, is_whole, 180.0)
            seen = -1
            while seen != recording.counts["messages"] or any(recording.needs_snapshot().values()):
                seen = recording.counts["messages"]
                await asyncio.sleep(1.0)
            stop.set()
            await running
    return told


def recorded_book(root: Path, symbol: str) -> dict[str, dict[Decimal, Decimal]]:
    tape = open_tape(root)
    grid = tape.grid(VENUE, symbol)
    book = ReferenceBook(grid)
    for block in tape.blocks(VENUE, symbol):
        for row in rows_of(block):
            book.apply(row)
    return {
        side: {ticks * grid.tick_size: lots * grid.lot_size for ticks, lots in levels.items()}
        for side, levels in (("bids", book.bids), ("asks", book.asks))
    }


def venue_book(emulator: Emulator, symbol: str) -> dict[str, dict[Decimal, Decimal]]:
    book = emulator.book(symbol)
    return {side: {Decimal(price): Decimal(size) for price, size in book.top(side)} for side in ("bids", "asks")}


def causes(root: Path, symbol: str) -> list[str]:
    return [gap.cause for gap in SegmentTape(root).gaps(VENUE, symbol)]


@pytest.mark.feature("ET-SG-04", "PL-OB-12", "PL-OB-13")
def test_five_cuts_and_thirty_lost_messages_leave_the_recorded_book_equal_to_the_venues(tmp_path):
    faults = [
        StreamFault("drop", "*@depth*", first=20, last=49, times=1),
        StreamFault("cut", "*@depth*", first=80, times=4),
        StreamFault("cut", "*@depth*", first=81, times=1, how="reset"),
    ]

    async def story():
        async with Emulator(VENUE, MARKET, faults=faults, speed=0) as emulator:
            happened = emulator.plan.happened
            await record_until_settled(tmp_path, emulator, lambda: happened[0] >= 30 and happened[1] + happened[2] >= 5)
            assert happened[0] == 30
            assert happened[1] + happened[2] == 5
            for symbol in SYMBOLS:
                assert recorded_book(tmp_path, symbol) == venue_book(emulator, symbol)

    asyncio.run(story())
    told = causes(tmp_path, "BTCUSDT") + causes(tmp_path, "ETHUSDT")
    assert told.count("gap") >= 5
    assert set(told) == {"no_snapshot", "gap"}
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.feature("PL-OB-13")
def test_connected_but_silent_is_found_by_the_age_of_the_last_message(tmp_path):
    faults = [StreamFault("silence", "*@depth*", first=60, times=1)]

    async def story():
        async with Emulator(VENUE, MARKET, faults=faults, speed=0) as emulator:
            began = time.monotonic()
            await record_until_settled(
                tmp_path,
                emulator,
                lambda: time.monotonic() - began > 8.0 and emulator.plan.happened[0] == 1,
                stale_s=3.0,
            )
            for symbol in SYMBOLS:
                assert recorded_book(tmp_path, symbol) == venue_book(emulator, symbol)

    asyncio.run(story())
    assert "silent" in causes(tmp_path, "BTCUSDT")


async def start_recorder(root: Path, url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "liquidity_service.cli", "record", VENUE, *SYMBOLS, "--out", str(root), "--base-url", url,
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "PULSE_DATA_DIR": str(root / "data")},
    )  # fmt: skip


def open_parts(root: Path) -> list[Path]:
    return [path for path in root.rglob("*.book.part") if path.stat().st_size > 4_000]


def stored_rows(path: Path) -> int:
    """Rows of an unfinished segment that reached the disk whole."""
    rows = 0
    with path.open("rb") as file, pa.ipc.open_stream(file) as stream:
        while True:
            try:
                rows += stream.read_next_batch().num_rows
            except (StopIteration, pa.ArrowException, OSError):
                return rows


@pytest.mark.feature("PL-OB-13")
def test_a_killed_recorder_loses_nothing_stored_and_sigterm_closes_in_order(tmp_path):
    async def story():
        async with Emulator(VENUE, MARKET, speed=0) as emulator:
            recorder = await start_recorder(tmp_path, emulator.url)
            await play(emulator, lambda: len(open_parts(tmp_path)) == len(SYMBOLS), 180.0)
            parts = open_parts(tmp_path)
            recorder.send_signal(signal.SIGKILL)
            assert await recorder.wait() == -signal.SIGKILL
            stored = {path: stored_rows(path) for path in parts}
            assert not segment_files(tmp_path)

            recorder = await start_recorder(tmp_path, emulator.url)
            await play(
                emulator,
                lambda: len(open_parts(tmp_path)) == len(SYMBOLS) and not set(open_parts(tmp_path)) & set(parts),
                180.0,
            )
            await asyncio.sleep(1.0)
            recorder.send_signal(signal.SIGTERM)
            _, errors = await recorder.communicate()
            assert recorder.returncode == 0, errors.decode()
            assert f"{VENUE}:BTCUSDT: recovered" in errors.decode()
            for part, rows in stored.items():
                assert pq.read_metadata(part.with_suffix(".parquet")).num_rows == rows > 0
            for symbol in SYMBOLS:
                assert recorded_book(tmp_path, symbol) == venue_book(emulator, symbol)

    asyncio.run(story())
    assert not list(tmp_path.rglob("*.part"))
    for path in segment_files(tmp_path):
        pq.read_table(path)
    for symbol in SYMBOLS:
        assert causes(tmp_path, symbol) == ["no_snapshot", "killed"]
        status = json.loads((tmp_path / VENUE / symbol / "recording.json").read_text())
        assert status["open_gap"] is None
