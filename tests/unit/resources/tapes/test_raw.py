"""Raw captures: all shapes of line, and everything that can be wrong with them."""

import runpy
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from liquidity.book.block import DELTA, INVALIDATE, SNAPSHOT
from liquidity.book.grid import BookGrid
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.errors import ConfigError, ContractError, SourceUnavailableError
from resources.tapes import _lines, merged, open_tape

_LINES = runpy.run_path(str(Path(__file__).with_name("capture_lines.py")))
BEGAN_NS, depth, rest_book, stream, trade = (
    _LINES[name] for name in ("BEGAN_NS", "depth", "rest_book", "stream", "trade")
)

KEY = ("binanceusdm", "BTCUSDT")
Capture = Callable[..., Path]


def test_a_capture_becomes_one_checked_book(capture: Capture) -> None:
    tape = open_tape(capture(stream(6)))
    assert dict(tape.books) == {KEY: BookGrid(Decimal("0.1"), Decimal("0.001"), 1.0, "linear")}
    (block,) = tape.blocks(*KEY)
    assert block.action[block.message_end].tolist() == [SNAPSHOT, DELTA, DELTA, DELTA, DELTA, DELTA]
    assert block.last_id[block.message_end].tolist() == [20, 20, 30, 40, 50, 60]
    assert block.price_ticks[:2].tolist() == [995, 1010]
    assert block.size_lots[:2].tolist() == [1000, 2000]
    assert tape.counts[KEY] == {"buffered": 3, "snapshots": 1, "buffered_dropped": 1, "applied": 5}
    trades = list(tape.trades(*KEY))
    assert [entry.taker_sign for entry in trades] == [1, -1] * 3
    assert trades[0] == TradeMessage(
        "BTCUSDT", BEGAN_NS + 100_000_001, 1_723_161_255_000_000_000, "1", "100.50", "0.004", 1
    )


def test_blocks_are_bounded(capture: Capture) -> None:
    tape = open_tape(capture(stream(40)))
    blocks = list(tape.blocks(*KEY, block_rows=10))
    assert max(map(len, blocks)) <= 12
    assert all(block.message_end[-1] for block in blocks)


def test_each_shape_of_line_keeps_every_digit_of_its_time(tmp_path: Path) -> None:
    body = '{"e":"depthUpdate","E":5,"s":"X","U":1,"u":2,"b":[],"a":[["1.5","2"]]}'
    shapes = {
        '{"recv_ns":1737918843893903017,"msg":%s}': 1737918843893903017,
        '{"recv_ts":1737918843.893903017,"dir":"in","url":null,"msg":%s}': 1737918843893903017,
        '{"t": 1618678132.3858151, "dir": "in", "msg": %s}': 1618678132385815100,
        '{"recv_ts":1618678132,"dir":"http","url":null,"msg":%s}': 1618678132000000000,
    }
    for shape, at_ns in shapes.items():
        path = tmp_path / "one.jsonl"
        path.write_text(shape.replace("%s", body) + "\n")
        assert [message.received_ns for message in open_tape(path).messages()] == [at_ns]


def test_what_we_sent_is_no_message_and_a_rest_book_is_named_by_its_address(capture: Capture) -> None:
    lines = [{**depth(number), "dir": "in"} for number in range(1, 5)]
    other = depth(3, symbol="ETHUSDT")
    asked = {"recv_ns": BEGAN_NS + 350_000_000, "dir": "http", "url": "https://x/depth?symbol=BTCUSDT&limit=1000"}
    sent = {"recv_ns": 1, "dir": "out", "url": None, "msg": depth(9)["msg"]}
    tape = open_tape(capture([sent, *lines[:3], other, {**asked, "msg": rest_book(2)["msg"]}, rest_book(2), lines[3]]))
    assert [key[1] for key in tape.books] == ["BTCUSDT", "ETHUSDT"]
    assert sum(len(block) for block in tape.blocks(*KEY)) == 2 + 3 * 3
    assert tape.losses == {"snapshot_without_symbol": 1}  # two markets: whose it is nobody says


@pytest.mark.feature("PL-OB-12")
def test_bad_content_is_counted_and_the_rest_of_the_tape_goes_on(capture: Capture) -> None:
    hostile = depth(1, symbol="../../x")
    broken = depth(4)
    broken["msg"]["data"]["b"] = [["NaN", "1"]]
    lines = [
        b"not json", b'["a list"]', b'{"recv_ns": 5, "msg": "text"}', b'{"recv_ns": "soon", "msg": {}}', hostile,
        {"recv_ns": 7, "msg": {"e": "depthUpdate", "s": "BTCUSDT"}},
        *stream(3), broken, rest_book(4), depth(5), trade(5),
    ]  # fmt: skip
    tape = open_tape(capture(lines))
    actions = np.concatenate([block.action[block.message_end] for block in tape.blocks(*KEY)])
    assert actions.tolist() == [SNAPSHOT, DELTA, DELTA, INVALIDATE, SNAPSHOT, DELTA]
    assert tape.counts[KEY]["refused_level"] == 1
    assert tape.losses == {
        "not_json": 1,
        "not_a_capture_line": 2,
        "not_a_message": 1,
        "bad_symbol": 1,
        "undecodable": 1,
    }
    assert set(tape.books) == {KEY}


def test_a_price_off_the_markets_grid_loses_the_book(capture: Capture) -> None:
    odd = depth(4)
    odd["msg"]["data"]["b"] = [["100.57", "1"]]
    grid = BookGrid(Decimal("0.1"), Decimal("0.001"), 1.0, "linear")
    tape = open_tape(capture([*stream(3), odd, depth(5)]), grids={"BTCUSDT": grid})
    (block,) = tape.blocks(*KEY)
    assert block.action[block.message_end].tolist() == [SNAPSHOT, DELTA, DELTA, INVALIDATE]
    assert tape.counts[KEY]["off_grid"] == 1


def test_a_market_list_on_the_tape_tells_the_grid(capture: Capture) -> None:
    filters = [{"filterType": "PRICE_FILTER", "tickSize": "0.05"}, {"filterType": "LOT_SIZE", "stepSize": "0.0005"}]
    listed = {"symbols": [{"symbol": "BTCUSDT", "contractType": "PERPETUAL", "filters": filters}]}
    tape = open_tape(capture([{"recv_ns": 1, "dir": "http", "msg": listed}, *stream(4)]))
    assert tape.grid(*KEY).tick_size == Decimal("0.05")


def test_a_cut_file_gives_what_can_be_read(capture: Capture) -> None:
    whole = capture(stream(400))
    compressed = whole.read_bytes()
    whole.write_bytes(compressed[: len(compressed) * 2 // 3])
    tape = open_tape(whole)
    messages = list(tape.messages())
    assert 300 < len(messages) < 801
    assert tape.losses["truncated_file"] == 1
    assert sum(len(block) for block in tape.blocks(*KEY)) > 300
    whole.write_bytes(compressed[:-40] + bytes(40))
    assert sum(1 for _ in open_tape(whole).messages()) > 0


def test_a_line_too_long_is_passed_over_without_being_held(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lines, "MAX_LINE_BYTES", 5_000)
    huge = b'{"recv_ns": 3, "msg": "' + b"x" * 50_000 + b'"}'
    tape = open_tape(capture([*stream(3), huge, depth(4)]))
    assert sum(1 for message in tape.messages() if isinstance(message, BookMessage)) == 5
    assert tape.losses == {"oversized_line": 1}


def test_several_tapes_are_read_by_time(capture: Capture) -> None:
    first = open_tape(capture([depth(1), depth(3), depth(5)], "a.jsonl"))
    second = open_tape(capture([depth(2, symbol="ETHUSDT"), depth(4, symbol="ETHUSDT")], "b.jsonl"))
    both = [message.last_id for _, message in merged([first, second]) if isinstance(message, BookMessage)]
    assert both == [10, 20, 30, 40, 50]
    together = open_tape([capture(stream(3), "a.jsonl"), capture([depth(4), rest_book(3), depth(5)], "b.jsonl")])
    assert sum(len(block) for block in together.blocks(*KEY)) == (2 + 2 * 3) + (2 + 2 * 3)
    assert together.counts[KEY]["snapshots"] == 2


def test_what_is_no_tape_is_named(tmp_path: Path, capture: Capture) -> None:
    with pytest.raises(ConfigError, match="no tape"):
        open_tape(tmp_path)
    with pytest.raises(ConfigError, match="no file named"):
        open_tape([])
    with pytest.raises(ContractError, match="no message of a known book protocol"):
        _ = open_tape(capture([trade(1)])).books
    with pytest.raises(ConfigError, match="carries binanceusdm:BTCUSDT"):
        open_tape(capture(stream(3))).grid("okx", "X")
    gone = open_tape(capture(stream(3)))
    (tmp_path / "capture.jsonl.gz").unlink()
    with pytest.raises(SourceUnavailableError, match="cannot be read"):
        _ = gone.books
