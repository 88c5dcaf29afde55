"""Captures are read lazily, ahead of a late snapshot, with steps seen in the data."""

import gzip
import json
from decimal import Decimal

import pytest

from liquidity.domain.errors import ConfigError
from liquidity_service.emulator.binance import Binance
from liquidity_service.emulator.bybit import Bybit
from liquidity_service.emulator.coinbase import Coinbase
from liquidity_service.emulator.hyperliquid import Hyperliquid
from liquidity_service.emulator.kraken import Kraken
from liquidity_service.emulator.market import DepthEvent, TradeEvent
from liquidity_service.emulator.okx import Okx
from liquidity_service.emulator.recorded import recorded_market


def depth(first, last, previous, bids, asks=()):
    body = {"e": "depthUpdate", "E": last, "T": last, "s": "ABCUSDT", "U": first, "u": last, "pu": previous}
    return {"stream": "abcusdt@depth@100ms", "data": body | {"b": bids, "a": list(asks)}}


def write(path, rows):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    return path


@pytest.fixture
def capture(tmp_path):
    snapshot = {"lastUpdateId": 15, "E": 7, "T": 6, "bids": [["1.20", "5"]], "asks": [["1.30", "0.5"]]}
    rows = [
        {"recv_ts": 1.0, "dir": "open", "url": "wss://x", "msg": None},
        {"recv_ts": 1.1, "dir": "in", "url": None, "msg": depth(1, 10, 0, [["1.20", "9"], ["1.21", "9"]])},
        {"recv_ts": 1.2, "dir": "http", "url": "https://x/depth?symbol=ABCUSDT&limit=1000", "msg": snapshot},
        {"recv_ts": 1.3, "dir": "in", "url": None, "msg": depth(11, 20, 10, [["1.20", "0"], ["1.25", "1.125"]])},
    ]
    return write(tmp_path / "abc.jsonl.gz", rows)


def test_a_late_snapshot_is_the_first_book_and_older_changes_are_passed_over(capture):
    market = recorded_market(Binance, "binanceusdm", capture)
    book = market.books["ABCUSDT"]
    assert (book.top("bids"), book.last_id, book.transaction_ms) == ([["1.20", "5"]], 15, 6)
    first = market.step()
    assert (first.last_id, first.body["e"]) == (10, "depthUpdate")
    assert book.top("bids") == [["1.20", "5"]]
    market.step()
    assert (book.top("bids"), book.last_id) == ([["1.25", "1.125"]], 20)
    assert market.step() is None
    assert market.ended


def test_steps_are_the_smallest_seen(capture):
    listing = recorded_market(Binance, "binanceusdm", capture).listings["ABCUSDT"]
    assert (listing.tick_size, listing.lot_size) == (Decimal("0.01"), Decimal("0.001"))
    assert (listing.base, listing.quote) == ("ABC", "USDT")


def test_a_folder_brings_its_list_and_snapshots(tmp_path):
    (tmp_path / "ws").mkdir()
    (tmp_path / "rest").mkdir()
    tape = write(tmp_path / "ws" / "a.jsonl", [{"t": 2.0, "dir": "in", "msg": depth(11, 20, 10, [["1.2", "4"]])}])
    snapshot = {"lastUpdateId": 12, "bids": [["1.1", "3"]], "asks": [["1.4", "3"]]}
    (tmp_path / "rest" / "depth_ABCUSDT.json").write_text(json.dumps({"recv": 1.5, "body": snapshot}))
    (tmp_path / "rest" / "exchangeInfo.json").write_text(json.dumps({"symbols": ["as recorded"]}))
    for path in (tmp_path, tape):
        market = recorded_market(Binance, "binanceusdm", path)
        assert market.listing_body == {"symbols": ["as recorded"]}
        assert market.books["ABCUSDT"].last_id == 12
        market.step()
        assert market.books["ABCUSDT"].top("bids") == [["1.2", "4"], ["1.1", "3"]]


@pytest.mark.parametrize(
    ("venue", "message", "symbol", "side", "best"),
    [
        (
            Okx,
            {
                "arg": {"channel": "books", "instId": "BTC-USDT"},
                "action": "snapshot",
                "data": [{"ts": "5", "bids": [["1", "2", "0", "1"]], "asks": []}],
            },
            "BTC-USDT",
            "bids",
            ["1", "2"],
        ),
        (
            Coinbase,
            {"type": "snapshot", "product_id": "BTC-USD", "bids": [["1", "2"]], "asks": []},
            "BTC-USD",
            "bids",
            ["1", "2"],
        ),
        (
            Kraken,
            [7, {"as": [["3", "2", "1.5"]], "bs": []}, "book-10", "XBT/USD"],
            "XBT/USD",
            "asks",
            ["3", "2"],
        ),
        (
            Hyperliquid,
            {"channel": "l2Book", "data": {"coin": "BTC", "time": 5, "levels": [[{"px": "1", "sz": "2", "n": 1}], []]}},
            "BTC",
            "bids",
            ["1", "2"],
        ),
    ],
)
def test_snapshots_of_other_venues(venue, message, symbol, side, best):
    (event,) = venue.read(10**9, message, None, "")
    assert isinstance(event, DepthEvent)
    assert (event.symbol, event.snapshot) == (symbol, True)
    assert list(getattr(event, side)[0][:2]) == best


def test_trades_of_other_venues():
    kraken = [
        9,
        [["1.5", "2", "1618678132.5", "s", "l", ""], ["1.6", "1", "1618678132.5", "b", "m", ""]],
        "trade",
        "A/B",
    ]
    first, second = Kraken.read(0, kraken, None, "")
    assert isinstance(first, TradeEvent)
    assert (first.event_ms, first.buyer_is_maker, second.buyer_is_maker) == (1618678132500, True, False)
    assert first.trade_id < second.trade_id
    match = {"type": "match", "trade_id": 1, "side": "buy", "time": "2021-04-17T16:43:37.5Z", "price": "1", "size": "2"}
    (found,) = Coinbase.read(0, match | {"product_id": "BTC-USD"}, None, "")
    assert (found.event_ms, found.buyer_is_maker) == (1618677817500, True)


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no tape"):
        recorded_market(Binance, "binanceusdm", tmp_path / "absent.jsonl")
    with pytest.raises(ConfigError, match="neither"):
        recorded_market(Binance, "binanceusdm", tmp_path)
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"t": 1.0, "dir": "in"')
    with pytest.raises(ConfigError, match=r"broken.jsonl line 1"):
        recorded_market(Binance, "binanceusdm", broken)
    fine = write(tmp_path / "fine.jsonl", [{"t": 1.0, "dir": "in", "msg": {"topic": "x"}}])
    with pytest.raises(ConfigError, match="generated markets only"):
        recorded_market(Bybit, "bybit", fine)
