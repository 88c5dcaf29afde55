"""Bad input on the way from a raw line to a report: refused, invalidated or repaired by rule, and counted by reason.

Two perpetuals share one stream; whatever happens to one message of the first, the books at the end are the ones that the
venue had (kept here in plain dictionaries), and the second market never notices. Recorded flaws come first, then twins of
them made here, then hostile content, then any JSON at all.
"""

import copy
import gzip
import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.book.live_book import LiveBook
from liquidity.book.synchroniser import Synchroniser
from liquidity.book.wire import decoder, venues
from liquidity.domain.book_message import BookMessage
from liquidity.domain.errors import ConfigError, ContractError
from resources.tapes import SegmentWriter, check_tape, open_tape, symbol_folder

pytestmark = pytest.mark.feature("PL-OB-12", "PL-OB-13")

Line = dict[str, Any]
Sides = tuple[list[tuple[float, float]], list[tuple[float, float]]]
VENUE = "binanceusdm"
GRID = BookGrid(Decimal("0.1"), Decimal("0.001"), 1.0, "linear")
GRIDS = {"BTCUSDT": GRID, "ETHUSDT": GRID}
BEGAN_NS = 1_723_161_255_000_000_000


class Market:
    """A perpetual that tells the truth: its deltas, its REST book, and the book itself."""

    clock_ns = BEGAN_NS

    def __init__(self, symbol: str, behind_ns: int = 0) -> None:
        self.symbol = symbol
        self.random = random.Random(symbol)
        self.behind_ns = behind_ns
        self.last = 100
        self.sides: dict[str, dict[str, str]] = {
            "b": {f"{100 - place * 0.1:.1f}": "1.000" for place in range(20)},
            "a": {f"{100.1 + place * 0.1:.1f}": "2.000" for place in range(20)},
        }

    def line(self, message: Line) -> Line:
        Market.clock_ns += 50_000_000
        return {"recv_ns": Market.clock_ns, "msg": message}

    def delta(self) -> Line:
        """The next change; the touch itself never moves, so that no honest book is ever crossed."""
        previous, self.last = self.last, self.last + self.random.randint(1, 4)
        levels: dict[str, list[list[str]]] = {"b": [], "a": []}
        for name, best in (("b", 100.0), ("a", 100.1)):
            for _ in range(3):
                away = self.random.randint(1, 40) * 0.1
                price = f"{best - away if name == 'b' else best + away:.1f}"
                size = self.random.choice(["0.000", "1.250", "7.001"])
                levels[name].append([price, size])
                self.sides[name][price] = size
                if float(size) == 0.0:
                    del self.sides[name][price]
        event_ms = (Market.clock_ns + 50_000_000 + self.behind_ns) // 1_000_000
        return self.line(
            {"stream": "x", "data": {"e": "depthUpdate", "E": event_ms, "s": self.symbol, "U": previous + 1,
                                     "u": self.last, "pu": previous, **levels}}
        )  # fmt: skip

    def rest(self) -> Line:
        """The whole book as it stands."""
        levels = {word: [list(level) for level in self.sides[word[0]].items()] for word in ("bids", "asks")}
        return self.line({"lastUpdateId": self.last, "symbol": self.symbol, **levels})

    def truth(self) -> Sides:
        bids, asks = ([(float(p), float(s)) for p, s in self.sides[name].items()] for name in ("b", "a"))
        return sorted(bids, reverse=True), sorted(asks)


def write(folder: Path, lines: list[Line | bytes]) -> Path:
    path = folder / "capture.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for line in lines:
            file.write((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
    return path


def levels_of(ladder: Ladder) -> Sides:
    top = ladder.top(1_000)
    return [tuple(level) for level in top.bids.tolist()], [tuple(level) for level in top.asks.tolist()]  # type: ignore[return-value]


def from_tape(path: Path, symbol: str) -> tuple[Ladder, Counter[str], Counter[str]]:
    """The book that blocks of the tape build, what its synchroniser counted, and what was not read."""
    tape = open_tape(path, grids=GRIDS)
    ladder = Ladder(GRID)
    for block in tape.blocks(VENUE, symbol):
        ladder.apply(block)
    return ladder, tape.counts[(VENUE, symbol)], tape.losses


def live(path: Path, symbol: str) -> LiveBook:
    """The book that the message path builds of the same tape."""
    book = LiveBook(GRID, Synchroniser(VENUE, symbol))
    for message in open_tape(path).messages():
        if isinstance(message, BookMessage) and message.venue_symbol == symbol:
            book.on_message(message)
    return book


def spoiled(change: Callable[[Line], None]) -> Callable[[Market], list[Line | bytes]]:
    """The next delta, changed on its way."""

    def lines(market: Market) -> list[Line | bytes]:
        line = market.delta()
        change(line["msg"]["data"])
        return [line]

    return lines


def put(**fields: Any) -> Callable[[Market], list[Line | bytes]]:
    return spoiled(lambda data: data.update(fields))


def drop(name: str) -> Callable[[Market], list[Line | bytes]]:
    return spoiled(lambda data: data.pop(name))


def besides(line: Line | bytes) -> Callable[[Market], list[Line | bytes]]:
    """A line that is none of the venue's messages."""
    return lambda market: [line, market.delta()]


def bad_snapshot(**fields: Any) -> Callable[[Market], list[Line | bytes]]:
    """A second REST book, spoiled, while the first is live."""

    def lines(market: Market) -> list[Line | bytes]:
        line = market.rest()
        line["msg"].update(fields)
        return [line, market.delta()]

    return lines


def repeated(times: int) -> Callable[[Market], list[Line | bytes]]:
    return lambda market: [market.delta()] * times


def lost(market: Market) -> list[Line | bytes]:
    for _ in range(30):
        market.delta()
    return [market.delta()]


def swapped(market: Market) -> list[Line | bytes]:
    first, second = market.delta(), market.delta()
    first["recv_ns"], second["recv_ns"] = second["recv_ns"], first["recv_ns"]
    return [second, first]


def size(text: Any) -> Callable[[Market], list[Line | bytes]]:
    return put(b=[["99.0", text]])


def price(text: Any) -> Callable[[Market], list[Line | bytes]]:
    return put(a=[[text, "1.000"]])


LOST = {  # the message is refused, the book unknown until the next REST book
    "a negative size": (size("-1"), "refused_level"),
    "a size that is not a number": (size("NaN"), "refused_level"),
    "an infinite size": (size("Infinity"), "refused_level"),
    "a size too large for a float": (size("1e999"), "refused_level"),
    "a size of 1e30": (size("1e30"), "refused_level"),
    "an empty size": (size(""), "refused_level"),
    "a quoted size": (size('"1"'), "refused_level"),
    "a size that is JSON": (size("[1]"), "refused_level"),
    "two numbers in one text": (put(b=[["99.0,98.0", "1"], ["", "1"]]), "refused_level"),
    "a true size": (size("true"), "refused_level"),
    "a null size": (size(None), "refused_level"),
    "a number where text belongs": (size(1.5), "refused_level"),
    "a price of 0": (price("0"), "refused_level"),
    "a negative price": (price("-5"), "refused_level"),
    "a price of 1e30": (price("1e30"), "refused_level"),
    "a price that is a list": (price(["100.0"]), "refused_level"),
    "a level without a size": (put(b=[["99.0"]]), "refused_level"),
    "an empty level": (put(b=[[]]), "refused_level"),
    "a price off the grid": (price("101.05"), "off_grid"),
    "a price far too fine": (price("0.000000000001"), "off_grid"),
    "more levels than any book has": (put(b=[["99.0", "1"]] * 1_001), "oversized"),
    "30 lost messages": (lost, "gap"),
    "neighbours that changed places": (swapped, "gap"),
    "ids that run backwards in one message": (put(U=10**6), "gap"),
    "a previous id that never was": (put(pu=3), "gap"),
    "an id that is missing": (put(pu=None), "gap"),
    "the bids are missing": (drop("b"), "gap"),
    "an id that is text": (put(u="next"), "gap"),
    "an id that is half a number": (put(u=0.5), "gap"),
    "an id that is true": (put(pu=True), "gap"),
    "an id beyond 64 bits": (put(u=10**30), "gap"),
    "levels as a dictionary": (put(b={"99.0": "1"}), "gap"),
    "levels as texts": (put(b=["12", "34"]), "gap"),
    "levels as one text": (put(b="99.0"), "gap"),
    "a symbol that is a number": (put(s=5), "gap"),
    "a time that is a list": (put(E=[1]), "gap"),
}  # fmt: skip
UNREAD = {"the bids are missing", "an id that is text", "an id that is half a number", "an id that is true",
          "an id beyond 64 bits", "levels as a dictionary", "levels as texts", "levels as one text",
          "a symbol that is a number", "a time that is a list"}  # fmt: skip
KEPT = {  # the book stays right; name: (lines, reason, where it is counted)
    "the same message three times": (repeated(3), "duplicate", "counts"),
    "no level at all": (besides(b""), None, "counts"),
    "time in seconds": (spoiled(lambda data: data.update(E=data["E"] // 1000)), "bad_time", "counts"),
    "time in microseconds": (spoiled(lambda data: data.update(E=data["E"] * 1000)), "bad_time", "counts"),
    "a time in year 10^20": (put(E=10**30), "bad_time", "counts"),
    "a snapshot whose id goes back": (bad_snapshot(lastUpdateId=50), "old_snapshot", "counts"),
    "garbage": (besides(b"\x00\xff{{{"), "not_json", "losses"),
    "JSON cut in its middle": (besides(b'{"recv_ns": 5, "msg": {"e": "depth'), "not_json", "losses"),
    "JSON nested 5,000 deep": (besides(b'{"recv_ns": 5, "msg": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"), "not_json", "losses"),
    "a list for a line": (besides(b"[1, 2]"), "not_a_capture_line", "losses"),
    "text for a message": (besides(b'{"recv_ns": 5, "msg": "pong"}'), "not_a_message", "losses"),
    "our clock beyond 64 bits": (besides(b'{"recv_ns": 99999999999999999999, "msg": {}}'), "not_a_capture_line", "losses"),
    "a REST book of a list": (besides({"recv_ns": 5, "msg": {"lastUpdateId": 5, "symbol": "BTCUSDT", "bids": 3, "asks": 4}}),
                              "undecodable", "losses"),
    "a hostile symbol": (besides({"recv_ns": 5, "msg": {"e": "depthUpdate", "E": 5, "s": "../../x", "U": 1, "u": 2, "pu": 0,
                                                        "b": [["1", "1"]], "a": []}}), "bad_symbol", "losses"),
    "a trade of nothing": (besides({"recv_ns": 5, "msg": {"e": "trade", "E": 5, "s": "BTCUSDT", "t": 1, "p": "NaN", "q": "1",
                                                          "T": 5, "m": True}}), "undecodable", "losses"),
}  # fmt: skip
REPLACED = {  # a REST book that is refused: the live book is not to be believed either
    "a REST book with NaN": (bad_snapshot(bids=[["NaN", "1"]]), "refused_snapshot"),
    "an empty REST book": (bad_snapshot(bids=[], asks=[]), "refused_snapshot"),
}


def stream(bad: Callable[[Market], list[Line | bytes]]) -> tuple[list[Line | bytes], Market, Market]:
    """Both markets, the bad input in the middle, and a REST book of each after it."""
    btc, eth = Market("BTCUSDT"), Market("ETHUSDT")
    lines: list[Line | bytes] = [btc.delta(), btc.rest(), eth.rest()]
    for _ in range(5):
        lines += [btc.delta(), eth.delta()]
    lines += bad(btc)
    for _ in range(5):
        lines += [btc.delta(), eth.delta()]
    return lines, btc, eth


@pytest.mark.parametrize("name", [*LOST, *REPLACED])
def test_what_may_have_changed_the_book_loses_it_until_the_next_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("liquidity.book.synchroniser.MAX_LEVELS", 1_000)
    bad, reason = (LOST | REPLACED)[name]
    lines, btc, eth = stream(bad)
    broken, counts, _ = from_tape(write(tmp_path, lines), "BTCUSDT")
    assert not broken.valid  # nothing is told of a book that may be wrong
    assert counts[reason] == 1
    lines += [btc.rest(), btc.delta(), eth.delta()]
    path = write(tmp_path, lines)
    mended, counts, losses = from_tape(path, "BTCUSDT")
    assert mended.valid
    assert levels_of(mended) == btc.truth()
    assert losses == ({"undecodable": 1} if name in UNREAD else {})
    assert levels_of(live(path, "BTCUSDT").ladder) == btc.truth()
    other, other_counts, _ = from_tape(path, "ETHUSDT")
    assert levels_of(other) == eth.truth()
    assert other_counts == {"snapshots": 1, "applied": 11}
    report = check_tape(open_tape(path, grids=GRIDS))
    books = {book.venue_symbol: book for book in report.books}
    assert not report.is_sound
    assert not books["BTCUSDT"].is_sound
    assert books["ETHUSDT"].is_sound


@pytest.mark.parametrize("name", KEPT)
def test_what_cannot_have_changed_the_book_is_counted_and_the_book_goes_on(tmp_path: Path, name: str) -> None:
    bad, reason, place = KEPT[name]
    lines, btc, eth = stream(bad)
    path = write(tmp_path, lines)
    ladder, counts, losses = from_tape(path, "BTCUSDT")
    assert ladder.valid
    assert levels_of(ladder) == btc.truth()
    if reason is not None:
        assert (counts if place == "counts" else losses)[reason] == (2 if name.startswith("the same") else 1)
    assert counts["invalidated"] == counts["gap"] == 0
    assert levels_of(from_tape(path, "ETHUSDT")[0]) == eth.truth()
    assert levels_of(live(path, "BTCUSDT").ladder) == btc.truth()
    report = check_tape(path)
    assert {book.venue_symbol for book in report.books} == {"BTCUSDT", "ETHUSDT"}
    assert all(book.is_sound for book in report.books)
    assert report.losses == losses


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_snapshot_of_one_side_gives_no_figures_until_the_other_side_comes(side: str) -> None:
    market = Market("BTCUSDT")
    half = market.rest()
    half["msg"][side] = []
    book = LiveBook(GRID, Synchroniser(VENUE, "BTCUSDT"))
    (read,) = decoder(VENUE)(half["msg"], 1)
    assert isinstance(read, BookMessage)
    told = book.on_message(read)
    assert told is not None
    assert not told.valid
    assert book.synchroniser.counts["one_sided_snapshot"] == 1
    (read,) = decoder(VENUE)(market.rest()["msg"], 2)
    assert isinstance(read, BookMessage)
    book.on_message(read)
    assert levels_of(book.ladder) == market.truth()


def test_levels_without_order_or_twice_in_one_message_keep_the_last_word(tmp_path: Path) -> None:
    btc = Market("BTCUSDT")
    book = btc.rest()
    for side in ("bids", "asks"):
        levels = book["msg"][side]
        btc.random.shuffle(levels)
        book["msg"][side] = [[levels[0][0], "9.000"], *levels]
    twice = btc.delta()
    twice["msg"]["data"]["b"] += [["97.7", "5.000"], ["97.7", "0.000"], ["97.7", "3.000"]]
    btc.sides["b"]["97.7"] = "3.000"
    assert levels_of(from_tape(write(tmp_path, [book, twice, btc.delta()]), "BTCUSDT")[0])[1] == btc.truth()[1]


def test_a_crossed_snapshot_gives_no_figures_and_is_told(tmp_path: Path) -> None:
    btc = Market("BTCUSDT")
    crossed = btc.rest()
    crossed["msg"]["bids"] = [["105.0", "1.000"], *crossed["msg"]["bids"]]
    path = write(tmp_path, [crossed, btc.delta()])
    assert not from_tape(path, "BTCUSDT")[0].valid
    (book,) = check_tape(path).books
    assert (book.crossed_n, book.is_sound) == (2, False)
    whole = write(
        tmp_path, [crossed, btc.delta(), {**btc.rest(), "msg": {**btc.rest()["msg"], "lastUpdateId": btc.last}}]
    )
    assert levels_of(from_tape(whole, "BTCUSDT")[0]) == btc.truth()


def test_one_absurd_price_does_not_spoil_the_grid_of_a_tape_without_a_market_list(tmp_path: Path) -> None:
    lines, btc, _ = stream(price("0.000000000001"))
    path = write(tmp_path, [*lines, btc.rest(), btc.delta()])
    tape = open_tape(path)
    grid = tape.grid(VENUE, "BTCUSDT")
    ladder = Ladder(grid)
    for block in tape.blocks(VENUE, "BTCUSDT"):
        ladder.apply(block)
    assert grid.tick_size >= Decimal("0.0000001")
    assert levels_of(ladder) == btc.truth()
    assert check_tape(path).books[0].counts["applied"] > 0


@pytest.mark.slow
def test_a_message_of_100_mb_is_refused_unread_in_bounded_memory(tmp_path: Path) -> None:
    btc = Market("BTCUSDT")
    path = tmp_path / "capture.jsonl"
    with path.open("wb") as file:
        file.writelines(json.dumps(line).encode() + b"\n" for line in (btc.rest(), btc.delta()))
        file.write(b'{"recv_ns": 5, "msg": {"e": "depthUpdate", "s": "BTCUSDT", "b": "')
        for _ in range(100):
            file.write(b"9" * 1_000_000)
        file.write(b'"}}\n' + json.dumps(btc.delta()).encode() + b"\n")
    tracemalloc.start()
    try:
        ladder, counts, losses = from_tape(path, "BTCUSDT")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert losses == {"oversized_line": 1}
    assert counts == {"snapshots": 1, "applied": 2}
    assert levels_of(ladder) == btc.truth()
    assert peak < 150e6
    assert not check_tape(path).is_sound


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.95])
def test_a_truncated_file_gives_what_can_be_read(tmp_path: Path, kept: float) -> None:
    btc = Market("BTCUSDT")
    path = write(tmp_path, [btc.rest(), *[btc.delta() for _ in range(2_000)]])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    ladder, counts, losses = from_tape(path, "BTCUSDT")
    assert ladder.valid
    assert losses["truncated_file"] == 1
    assert 0 < counts["applied"] < 2_000
    assert counts["gap"] == 0
    report = check_tape(path)
    assert not report.is_sound
    assert "truncated_file 1" in report.text()


@given(st.text(max_size=60) | st.text("./\\%\0~ ", max_size=60))
def test_no_symbol_leads_out_of_the_recordings_folder(symbol: str) -> None:
    try:
        name = symbol_folder(symbol)
    except ConfigError:  # empty, or too long for a folder
        return
    assert Path(name).name == name
    assert name not in ("", ".", "..")


def test_a_hostile_symbol_writes_below_the_root_only(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "root"
    root.mkdir(parents=True)
    btc = Market("BTCUSDT")
    tape = open_tape(write(tmp_path, [btc.rest(), btc.delta()]))
    with SegmentWriter(root, VENUE, "../../x", GRID) as writer:
        for block in tape.blocks(VENUE, "BTCUSDT"):
            writer.write(block)
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "capture.jsonl.gz"]
    assert written
    assert all(path.is_relative_to(root / VENUE) for path in written)


def test_a_stream_without_ids_is_lost_when_one_of_its_messages_cannot_be_read(tmp_path: Path) -> None:
    def line(number: int, **message: Any) -> Line:
        return {"recv_ns": BEGAN_NS + number, "msg": {"product_id": "BTC-USD", **message}}

    book = line(1, type="snapshot", bids=[["10.0", "1"]], asks=[["11.0", "1"]])
    change = line(2, type="l2update", changes=[["buy", "9.0", "1"]])
    broken = line(3, type="l2update", changes=[["up", "9.0", "1"]])
    tape = open_tape(write(tmp_path, [book, change, broken, change, book, change]))
    (key,) = tape.books
    actions = [int(action) for block in tape.blocks(*key) for action in block.action[block.message_end]]
    assert actions == [1, 0, 2, 1, 0]
    assert tape.counts[key]["unread"] == 1
    assert not check_tape(tape).is_sound


def test_twins_of_the_recorded_flaws(tmp_path: Path) -> None:
    """Our clock 1.27 s behind, and a REST book that came after the first deltas and holds some of them."""
    btc = Market("BTCUSDT", behind_ns=1_270_000_000)
    early = [btc.delta() for _ in range(3)]
    book = btc.rest()
    late = [btc.delta() for _ in range(50)]
    (told,) = check_tape(write(tmp_path, [*early, late[0], book, *late[1:]])).books
    assert told.is_sound
    assert told.clock is not None
    assert told.clock.median_ms == pytest.approx(-1270, abs=1)
    assert (told.buffered_n, told.counts["buffered_dropped"]) == (4, 2)  # the one that ends at the book is applied
    assert told.snapshot_after_ms is not None
    assert told.snapshot_after_ms > 0
    assert levels_of(from_tape(tmp_path / "capture.jsonl.gz", "BTCUSDT")[0]) == btc.truth()


def test_levels_that_arrive_out_of_order_never_undo_a_newer_one() -> None:
    """The recorded dYdX flaw: a level's older offset comes after its newer one."""
    book = Synchroniser("dydx_v3", "X")
    read = decoder("dydx_v3")

    def level(text: str, amount: str, offset: int) -> Line:
        return {"price": text, "size": amount, "offset": str(offset)}

    def change(amount: str, offset: int) -> Line:
        contents = {"offset": str(offset), "bids": [["10", amount]], "asks": []}
        return {"type": "channel_data", "channel": "v3_orderbook", "id": "X", "contents": contents}

    full = {"bids": [level("10", "1", 5)], "asks": [level("11", "1", 5)]}
    ladder = LiveBook(BookGrid(Decimal(1), Decimal(1)), book)
    for message in ({"type": "subscribed", "channel": "v3_orderbook", "id": "X", "contents": full},
                    change("7", 9), change("3", 8), change("0", 4)):  # fmt: skip
        for decoded in read(message, 1):
            assert isinstance(decoded, BookMessage)
            ladder.on_message(decoded)
    assert levels_of(ladder.ladder)[0] == [(10.0, 7.0)]
    assert book.counts["old_level"] == 2


def test_sizes_in_contracts_are_not_read_as_coins() -> None:
    """Mixed units: the coin-margined market counts contracts of 100 dollars, and depth is in dollars all the same."""
    levels = ([("60000.0", "10")], [("60000.1", "10")])
    full = BookMessage("snapshot", "X", 1, None, *levels, last_id=1)
    coin = LiveBook(BookGrid(Decimal("0.1"), Decimal(1), 100.0, "inverse"), Synchroniser("binancecoinm", "X"))
    spot = LiveBook(BookGrid(Decimal("0.1"), Decimal(1)), Synchroniser("binance", "X"))
    in_coin, in_spot = coin.on_message(full), spot.on_message(full)
    assert in_coin is not None
    assert in_spot is not None
    assert in_coin.bid_depth_10bps_quote == pytest.approx(1_000.0)
    assert in_spot.bid_depth_10bps_quote == pytest.approx(600_000.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["NaN", "1e999999", "-1", "0", "1.5", "snapshot", "update", "2021-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NOW_MS = BEGAN_NS // 1_000_000
FULL: dict[str, Any] = {
    "binance": {"lastUpdateId": 5, "symbol": "X", "bids": [["10.0", "1"]], "asks": [["11.0", "1"]]},
    "bybit": {"topic": "orderbook.50.X", "type": "snapshot", "ts": NOW_MS,
              "data": {"s": "X", "u": 5, "b": [["10.0", "1"]], "a": [["11.0", "1"]]}},
    "okx": {"arg": {"channel": "books", "instId": "X"}, "action": "snapshot",
            "data": [{"ts": str(NOW_MS), "seqId": 5, "prevSeqId": -1, "bids": [["10.0", "1", "0", "1"]],
                      "asks": [["11.0", "1", "0", "1"]], "checksum": 0}]},
    "coinbaseexchange": {"type": "snapshot", "product_id": "X", "bids": [["10.0", "1"]], "asks": [["11.0", "1"]]},
    "coinbase": {"channel": "l2_data", "timestamp": "2024-08-08T23:54:15Z", "sequence_num": 5,
                 "events": [{"type": "snapshot", "product_id": "X", "updates": [
                     {"side": "bid", "price_level": "10.0", "new_quantity": "1"},
                     {"side": "offer", "price_level": "11.0", "new_quantity": "1"}]}]},
    "kraken": {"channel": "book", "type": "snapshot", "data": [
        {"symbol": "X", "bids": [{"price": 10.0, "qty": 1.0}], "asks": [{"price": 11.0, "qty": 1.0}], "checksum": 5}]},
    "deribit": {"method": "subscription", "params": {"channel": "book.X.raw", "data": {
        "type": "snapshot", "timestamp": NOW_MS, "instrument_name": "X", "change_id": 5,
        "bids": [["new", 10.0, 1.0]], "asks": [["new", 11.0, 1.0]]}}},
    "bitmex": {"table": "orderBookL2", "action": "partial", "data": [
        {"symbol": "X", "id": 1, "side": "Buy", "size": 1, "price": 10.0, "timestamp": "2024-08-08T23:54:15Z"},
        {"symbol": "X", "id": 2, "side": "Sell", "size": 1, "price": 11.0, "timestamp": "2024-08-08T23:54:15Z"}]},
    "hyperliquid": {"channel": "l2Book", "data": {"coin": "X", "time": NOW_MS, "levels": [
        [{"px": "10.0", "sz": "1", "n": 1}], [{"px": "11.0", "sz": "1", "n": 1}]]}},
    "dydx_v3": {"type": "subscribed", "channel": "v3_orderbook", "id": "X", "contents": {
        "bids": [{"price": "10.0", "size": "1", "offset": "5"}], "asks": [{"price": "11.0", "size": "1", "offset": "5"}]}},
}  # fmt: skip
FULL |= {"binanceusdm": FULL["binance"], "binancecoinm": FULL["binance"]}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a message something can be replaced."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


def replaced(message: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copied = copy.deepcopy(message)
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copied


@pytest.mark.parametrize("venue", venues())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_json_raises_nothing_but_its_refusal_and_a_new_snapshot_mends_all(venue: str, data: st.DataObject) -> None:
    full = FULL[venue]
    read = decoder(venue)
    book = LiveBook(BookGrid(Decimal("0.1"), Decimal("0.001")), Synchroniser(venue, "X"))
    junk = data.draw(
        st.lists(
            JSON | st.tuples(st.sampled_from(list(places(full))), JSON).map(lambda p: replaced(full, *p)), max_size=4
        )
    )
    for message in junk:
        try:
            decoded = read(message, BEGAN_NS)
        except ContractError:
            book.synchroniser.unread(BEGAN_NS)
            continue
        for entry in decoded:
            if isinstance(entry, BookMessage):
                book.on_message(entry)
    # A new connection's first message: the venue starts anew, whatever was believed before.
    book.invalidate("disconnected", BEGAN_NS)
    again = read({**full, "sequence_num": 6} if venue == "coinbase" else full, BEGAN_NS + 1)
    for entry in again:
        assert isinstance(entry, BookMessage)
        book.on_message(entry)
    assert book.synchroniser.state == "live"
    assert levels_of(book.ladder) == ([(10.0, 1.0)], [(11.0, 1.0)])


@pytest.mark.real_data
def test_the_recorded_losses_repeats_and_swaps(real_data: Path) -> None:
    path = real_data / "bad_inputs" / "binance_usdm_alts_gap_dup_reorder.jsonl.gz"
    books = {book.venue_symbol: book for book in check_tape(path).books}
    sushi = books.pop("SUSHIUSDT")
    assert (len(sushi.lost), sushi.duplicates_n, sushi.out_of_order_n, sushi.counts["gap"]) == (1, 3, 1, 1)
    assert all(book.is_sound for book in books.values())


@pytest.mark.real_data
@pytest.mark.slow
def test_the_recorded_clock_late_snapshot_offsets_and_units(real_data: Path) -> None:
    (book,) = check_tape(real_data / "orderbook" / "binance_coinm_btcusd_perp.depth.parquet").books
    assert book.is_sound
    assert book.clock is not None
    assert book.clock.median_ms == pytest.approx(-1271, abs=2)
    assert book.buffered_n == 25
    assert (book.grid.kind, book.grid.contract_size) == ("inverse", 100.0)
    dydx = check_tape(real_data / "venue_captures" / "dydx_v3_2021-10-28.jsonl.gz")
    assert dydx.is_sound
    assert sum(book.old_levels_n for book in dydx.books) == 34


@pytest.mark.real_data
def test_an_open_interest_of_one_row_is_visible_as_such(real_data: Path) -> None:
    table = pq.read_table(real_data / "derivs" / "perp_open_interest_1h.parquet")
    rows = Counter(table["venue"].to_pylist())
    assert min(rows.values()) <= 3
    assert np.isfinite(table["oi_usd"].to_numpy()).all()
