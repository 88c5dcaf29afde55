"""The recorder on a made-up venue whose true book is known: whatever is lost, the recorded book ends equal to it."""

import asyncio
import json
import random
import time
from decimal import Decimal
from pathlib import Path

import pytest

import liquidity_service.recording
from liquidity.book.grid import BookGrid
from liquidity.book.reference import ReferenceBook, rows_of
from liquidity.domain.book_message import BookMessage
from liquidity.domain.errors import ConfigError, SourceUnavailableError, VenueAuthError
from liquidity.ports.market_stream import ReceivedMessage
from liquidity_service.recorder import Recorder, RecorderLimits
from liquidity_service.recording import Recording
from resources.tapes import open_tape
from resources.tapes.segment_tape import SegmentTape, segment_files

GRID = BookGrid(Decimal("0.1"), Decimal("0.001"))
SYMBOLS = ("BTCUSDT", "ETHUSDT")


class MadeUpVenue:
    """Binance-like books that change at random, and a stream of them that loses what it is told to lose.

    ``lose`` maps the number of a message (over all symbols) to what happens to it: ``drop``, ``duplicate``, ``swap`` with
    the next one, ``fail`` (the stream is down).
    """

    venue = "binanceusdm"

    def __init__(self, messages=400, lose=None, mute=None, seed=1, stop_at_end=True, pause_s=0.0) -> None:
        self.random = random.Random(seed)
        self.books = {symbol: {"b": {}, "a": {}} for symbol in SYMBOLS}
        self.ids = dict.fromkeys(SYMBOLS, 100)
        self.sent = self.messages_n = 0
        self.total, self.lose, self.mute = messages, lose or {}, mute or {}
        self.stop = asyncio.Event()
        self.stop_at_end, self.pause_s = stop_at_end, pause_s
        self.resubscribed, self.snapshots_asked, self.snapshot_failures = [], 0, 0
        self.held = []
        for symbol in SYMBOLS:
            for level in range(1, 40):
                self.books[symbol]["b"][1000 - level] = level
                self.books[symbol]["a"][1000 + level] = level

    def change(self, symbol):
        changes = {"b": [], "a": []}
        for _ in range(self.random.randint(1, 4)):
            side = self.random.choice("ba")
            ticks = 1000 + (-1 if side == "b" else 1) * self.random.randint(1, 60)
            lots = self.random.choice((0, self.random.randint(1, 900)))
            if lots:
                self.books[symbol][side][ticks] = lots
            else:
                self.books[symbol][side].pop(ticks, None)
            changes[side].append((ticks, lots))
        first = self.ids[symbol] + 1
        previous, self.ids[symbol] = self.ids[symbol], first + self.random.randint(0, 3)
        return {
            "stream": f"{symbol.lower()}@depth",
            "data": {
                "e": "depthUpdate", "E": time.time_ns() // 1_000_000 + 1270, "T": 0, "s": symbol,
                "U": first, "u": self.ids[symbol], "pu": previous,
                "b": [level(*each) for each in changes["b"]], "a": [level(*each) for each in changes["a"]],
            },
        }  # fmt: skip

    async def messages(self, timeout_s):
        await asyncio.sleep(self.pause_s)
        out = []
        while len(out) < 7 and self.messages_n < self.total:
            self.messages_n += 1
            symbol = self.random.choice(SYMBOLS)
            body = self.change(symbol)
            fate = self.lose.get(self.messages_n)
            if fate == "fail":
                raise SourceUnavailableError("the venue closed the connection")
            if fate == "drop" or self.messages_n in self.mute.get(symbol, ()):
                continue
            if fate == "swap":
                self.held.append(body)
                continue
            bodies = [body, *self.held]
            self.held = []
            if fate == "duplicate":
                bodies.append(body)
            out += [ReceivedMessage(time.time_ns(), each) for each in bodies]
        if not out:
            if self.stop_at_end and self.messages_n >= self.total:
                self.total += 40  # the market goes on until every book is whole again
                if self.is_whole():
                    self.total = self.messages_n
                    self.stop.set()
            await asyncio.sleep(min(timeout_s, 0.01))
        return out

    def is_whole(self):
        return self.recording is not None and not any(self.recording.needs_snapshot().values())

    async def snapshot(self, venue_symbol):
        self.snapshots_asked += 1
        if self.snapshots_asked <= self.snapshot_failures:
            raise SourceUnavailableError("503")
        book = self.books[venue_symbol]
        bids, asks = ([level(*each) for each in book[side].items()] for side in "ba")
        return BookMessage("snapshot", venue_symbol, time.time_ns(), None, bids, asks, last_id=self.ids[venue_symbol])

    async def resubscribe(self, venue_symbol):
        self.resubscribed.append(venue_symbol)
        self.mute.pop(venue_symbol, None)

    async def clock_offset_ms(self):
        return 1270.0

    async def close(self):
        pass


def level(ticks, lots):
    return (str(Decimal(ticks) / 10), str(Decimal(lots) / 1000))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Waits of seconds become milliseconds."""
    import liquidity_service.recording_watch as watch

    monkeypatch.setattr(watch, "_FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(watch, "_LONGEST_WAIT_S", 0.1)
    monkeypatch.setattr(watch, "_FIRST_DELTA_S", 0.02)
    monkeypatch.setattr(watch, "_SUBSCRIBING_S", 0.05)


def record(root: Path, venue, segment_s=300.0, **limits) -> list[str]:
    told: list[str] = []

    async def story():
        with Recording.opened(root, venue.venue, dict.fromkeys(SYMBOLS, GRID), segment_s, time.time_ns) as recording:
            venue.recording = recording
            await asyncio.wait_for(
                Recorder(venue, recording, RecorderLimits(**limits), told.append).run(venue.stop), 60
            )
            told.extend(recording.summary())

    asyncio.run(story())
    return told


def recorded_book(root: Path, symbol: str) -> dict:
    tape = open_tape(root)
    book = ReferenceBook(tape.grid("binanceusdm", symbol))
    for block in tape.blocks("binanceusdm", symbol):
        for row in rows_of(block):
            book.apply(row)
    return {"b": book.bids, "a": book.asks}


def gaps(root: Path, symbol: str):
    return list(SegmentTape(root).gaps("binanceusdm", symbol))


@pytest.mark.feature("PL-OB-12")
def test_an_undisturbed_stream_is_recorded_whole(tmp_path):
    venue = MadeUpVenue()
    record(tmp_path, venue)
    for symbol in SYMBOLS:
        assert recorded_book(tmp_path, symbol) == venue.books[symbol]
        assert [gap.cause for gap in gaps(tmp_path, symbol)] == ["no_snapshot"]
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.feature("PL-OB-12", "ET-SG-04")
def test_thirty_lost_messages_and_five_cuts_leave_the_recorded_book_equal_to_the_venues(tmp_path):
    lose = dict.fromkeys(range(60, 90), "drop") | {200: "duplicate", 210: "swap"}
    lose |= dict.fromkeys((120, 180, 240, 300, 360), "fail")
    venue = MadeUpVenue(messages=500, lose=lose)
    record(tmp_path, venue)
    for symbol in SYMBOLS:
        assert recorded_book(tmp_path, symbol) == venue.books[symbol]
    causes = [gap.cause for symbol in SYMBOLS for gap in gaps(tmp_path, symbol)]
    assert causes.count("no_snapshot") == 2
    assert "gap" in causes
    assert "disconnected" in causes
    for symbol in SYMBOLS:
        assert all(gap.to_ns is not None and gap.to_ns >= gap.from_ns for gap in gaps(tmp_path, symbol))
        status = json.loads((tmp_path / "binanceusdm" / symbol / "recording.json").read_text())
        assert status["state"] == "live"
        assert status["clock_offset_ms"] == pytest.approx(1270, abs=20)
        assert status["stream"]["server_clock_offset_ms"] == 1270.0


@pytest.mark.feature("PL-OB-13")
def test_connected_but_silent_is_found_and_cured(tmp_path):
    venue = MadeUpVenue(messages=600, mute={"ETHUSDT": range(100, 10_000)}, pause_s=0.005)
    record(tmp_path, venue, stale_s=0.15)
    assert venue.resubscribed == ["ETHUSDT"]
    assert [gap.cause for gap in gaps(tmp_path, "ETHUSDT")] == ["no_snapshot", "silent"]
    assert [gap.cause for gap in gaps(tmp_path, "BTCUSDT")] == ["no_snapshot"]
    silent = gaps(tmp_path, "ETHUSDT")[1]
    assert 0.15e9 <= silent.to_ns - silent.from_ns < 5e9
    assert recorded_book(tmp_path, "ETHUSDT") == venue.books["ETHUSDT"]


@pytest.mark.feature("PL-OB-13")
def test_a_slow_disk_bounds_memory_and_every_drop_is_a_gap(tmp_path, monkeypatch):
    longest = 0
    store = Recording.store

    def slow(self, items):
        nonlocal longest
        longest = max(longest, len(items))
        time.sleep(0.2 if self.counts["messages"] < 200 else 0.0)
        return store(self, items)

    monkeypatch.setattr(Recording, "store", slow)
    venue = MadeUpVenue(messages=800)
    told = record(tmp_path, venue, max_messages=20, patience_s=0.01)
    assert any("the disk is too slow" in line for line in told)
    assert longest <= 20 + 1 + 2 * len(SYMBOLS)
    for symbol in SYMBOLS:
        assert recorded_book(tmp_path, symbol) == venue.books[symbol]
        assert "dropped" in [gap.cause for gap in gaps(tmp_path, symbol)]
    status = json.loads((tmp_path / "binanceusdm" / "BTCUSDT" / "recording.json").read_text())
    assert status["stream"]["counts"]["dropped"] > 0


def test_snapshots_that_fail_are_asked_for_again(tmp_path):
    venue = MadeUpVenue(messages=100)
    venue.snapshot_failures = 3
    told = record(tmp_path, venue)
    assert sum("snapshot request failed: 503" in line for line in told) == 3
    for symbol in SYMBOLS:
        assert recorded_book(tmp_path, symbol) == venue.books[symbol]


@pytest.mark.feature("PL-OB-12")
def test_segments_turn_by_time_and_each_can_be_read_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(liquidity_service.recording, "_FLUSH_NS", 20_000_000)
    venue = MadeUpVenue(messages=600, pause_s=0.005)
    record(tmp_path, venue, segment_s=0.1)
    for symbol in SYMBOLS:
        files = segment_files(tmp_path / "binanceusdm" / symbol)
        assert len(files) >= 3
        assert open_tape(tmp_path / "binanceusdm" / symbol).books
        assert recorded_book(tmp_path, symbol) == venue.books[symbol]
        assert recorded_book(files[-1], symbol) == venue.books[symbol]


def test_two_recorders_of_one_book_are_refused(tmp_path):
    grids = {"BTCUSDT": GRID}
    with (
        Recording.opened(tmp_path, "binanceusdm", grids, 300.0, time.time_ns),
        pytest.raises(ConfigError, match="another recorder writes to"),
        Recording.opened(tmp_path, "binanceusdm", grids, 300.0, time.time_ns),
    ):
        pass


def test_trades_are_stored_once_and_only_where_they_are_trades(tmp_path):
    def trade(number, price="100.5", amount="0.2"):
        body = {"e": "trade", "s": "BTCUSDT", "t": number, "T": 1, "p": price, "q": amount, "m": True}
        return ReceivedMessage(time.time_ns(), {"stream": "btcusdt@trade", "data": body})

    with Recording.opened(tmp_path, "binanceusdm", {"BTCUSDT": GRID}, 300.0, time.time_ns) as recording:
        recording.store(
            [trade(1), trade(2), trade(1), trade(3, price="abc"), trade(4, amount="-1"), trade(5, price="NaN")]
        )
        recording.store(
            [BookMessage("snapshot", "BTCUSDT", time.time_ns(), None, [level(999, 1)], [level(1001, 1)], last_id=1)]
        )
        recording.close()
    tape = open_tape(tmp_path)
    assert [each.trade_id for each in tape.trades("binanceusdm", "BTCUSDT")] == ["1", "2"]
    counts = json.loads((tmp_path / "binanceusdm" / "BTCUSDT" / "recording.json").read_text())["recorded"]
    assert (counts["trades"], counts["duplicate_trades"], recording.counts["undecodable"]) == (2, 1, 3)


@pytest.mark.feature("PL-OB-12")
def test_a_book_that_crosses_is_invalidated_and_asked_for_anew(tmp_path):
    def delta(first, bids):
        body = {
            "e": "depthUpdate",
            "E": 1,
            "T": 0,
            "s": "BTCUSDT",
            "U": first,
            "u": first,
            "pu": first - 1,
            "b": bids,
            "a": [],
        }
        return ReceivedMessage(time.time_ns(), {"stream": "btcusdt@depth", "data": body})

    with Recording.opened(tmp_path, "binanceusdm", {"BTCUSDT": GRID}, 300.0, time.time_ns) as recording:
        full = BookMessage("snapshot", "BTCUSDT", time.time_ns(), None, [level(999, 1)], [level(1001, 1)], last_id=1)
        recording.store([full, delta(1, []), delta(2, [level(1005, 1)])])
        assert not recording.needs_snapshot()["BTCUSDT"]
        recording._flushed_ns = 0
        recording.settle()
        assert recording.needs_snapshot()["BTCUSDT"]
        recording.close()
    assert [gap.cause for gap in gaps(tmp_path, "BTCUSDT")] == ["no_snapshot", "crossed"]
    assert gaps(tmp_path, "BTCUSDT")[1].to_ns is None


def test_a_full_disk_ends_the_recording_with_what_to_do(tmp_path, monkeypatch, capsys):
    from liquidity_service import record_command
    from liquidity_service.cli import main

    async def full(options, out):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(record_command, "_record", full)
    monkeypatch.setenv("PULSE_DATA_DIR", str(tmp_path))
    assert main(["record", "binanceusdm", "BTCUSDT"]) == 1
    assert "No space left on device); what was stored before is whole" in capsys.readouterr().err


@pytest.mark.feature("PL-OB-13")
def test_a_second_recording_goes_on_and_names_the_time_between(tmp_path):
    record(tmp_path, MadeUpVenue(messages=100))
    before = max(path.stat().st_mtime_ns for path in segment_files(tmp_path))
    venue = MadeUpVenue(messages=100, seed=2)
    record(tmp_path, venue)
    for symbol in SYMBOLS:
        assert [gap.cause for gap in gaps(tmp_path, symbol)] == ["no_snapshot", "not_recording"]
        assert gaps(tmp_path, symbol)[1].from_ns <= before
        assert recorded_book(tmp_path, symbol) == venue.books[symbol]


def test_content_that_is_no_message_is_counted_and_the_rest_goes_on(tmp_path):
    venue = MadeUpVenue(messages=100)
    good = venue.messages

    async def with_garbage(timeout_s):
        messages = await good(timeout_s)
        now = time.time_ns()
        rubbish = [
            {"e": "depthUpdate"},
            {"data": {"e": "trade", "s": "BTCUSDT"}},
            [],
            {"e": "depthUpdate", "s": "../../x"},
        ]
        return [*messages, *(ReceivedMessage(now, each) for each in rubbish)] if messages else []

    venue.messages = with_garbage
    record(tmp_path, venue)
    status = json.loads((tmp_path / "binanceusdm" / "BTCUSDT" / "recording.json").read_text())
    assert status["stream"]["counts"]["undecodable"] >= 4
    assert recorded_book(tmp_path, "BTCUSDT") == venue.books["BTCUSDT"]


def test_a_refusal_of_the_venue_ends_the_recording_with_closed_segments(tmp_path):
    venue = MadeUpVenue(messages=10_000, pause_s=0.002)
    good = venue.messages

    async def refusing(timeout_s):
        if venue.messages_n > 200:
            raise VenueAuthError("key revoked")
        return await good(timeout_s)

    venue.messages = refusing
    with pytest.raises(VenueAuthError, match="key revoked"):
        record(tmp_path, venue)
    assert segment_files(tmp_path)
    assert not list(tmp_path.rglob("*.part"))
