"""Sockets of further venues in their documented words: book and trades reach the decoders whole."""

import asyncio
import gzip
import json
import runpy
import zlib
from pathlib import Path
from typing import Any

import pytest

from liquidity.book.wire import decoder
from liquidity.domain.book_message import BookMessage, TradeMessage
from resources.venues import open_stream, venue_profile
from resources.venues.profile import Channel

DOUBLE = runpy.run_path(str(Path(__file__).parents[3] / "contract" / "venue_double.py"))
NOW_MS = DOUBLE["NOW_MS"]
ISO = "2023-11-14T22:13:20.000000Z"


def bybit(message: Any) -> list[Any]:
    if message.get("op") != "subscribe":
        return []
    topic = message["args"][0]
    ack = {"success": True, "ret_msg": "", "conn_id": "x", "req_id": message.get("req_id"), "op": "subscribe"}
    if topic.startswith("publicTrade"):
        row = {
            "T": NOW_MS,
            "s": "BTCUSDT",
            "S": "Buy",
            "v": "0.1",
            "p": "60000",
            "L": "PlusTick",
            "i": "a",
            "BT": False,
        }
        return [ack, {"topic": topic, "type": "snapshot", "ts": NOW_MS, "data": [row]}]
    book = {"s": "BTCUSDT", "b": [["60000", "1"]], "a": [["60001", "1"]], "u": 1, "seq": 1}
    first = {"topic": topic, "type": "snapshot", "ts": NOW_MS, "data": book, "cts": NOW_MS}
    change = {"topic": topic, "type": "delta", "ts": NOW_MS, "data": book | {"u": 2, "seq": 2}, "cts": NOW_MS}
    return [ack, first, change]


def okx(message: Any) -> list[Any]:
    if message.get("op") != "subscribe":
        return []
    arg = message["args"][0]
    ack = {"event": "subscribe", "arg": arg, "connId": "x"}
    if arg["channel"].startswith("trades"):
        row = {"instId": "BTC-USDT-SWAP", "tradeId": "5", "px": "60000", "sz": "1", "side": "buy", "ts": str(NOW_MS)}
        return [ack, {"arg": arg, "data": [row | {"count": "1"}]}]
    crc = zlib.crc32(b"60000:1:60001:1")
    book = {
        "asks": [["60001", "1", "0", "1"]], "bids": [["60000", "1", "0", "1"]], "ts": str(NOW_MS),
        "checksum": crc - 2**32 if crc >= 2**31 else crc,
    }  # fmt: skip
    first = {"arg": arg, "action": "snapshot", "data": [book | {"seqId": 1, "prevSeqId": -1}]}
    change = {"arg": arg, "action": "update", "data": [book | {"seqId": 2, "prevSeqId": 1}]}
    return [ack, first, change]


def coinbaseexchange(message: Any) -> list[Any]:
    if message.get("type") != "subscribe":
        return []
    channel = message["channels"][0]
    ack = {"type": "subscriptions", "channels": [{"name": channel, "product_ids": ["BTC-USD"]}]}
    if "match" in str(channel):
        row = {
            "type": "match", "trade_id": 1, "maker_order_id": "m", "taker_order_id": "t", "side": "sell",
            "size": "0.1", "price": "60000", "product_id": "BTC-USD", "sequence": 1, "time": ISO,
        }  # fmt: skip
        return [ack, row]
    return [ack]


def kraken(message: Any) -> list[Any]:
    if message.get("method") != "subscribe":
        return []
    channel, symbol = message["params"]["channel"], message["params"]["symbol"][0]
    ack = {
        "method": "subscribe", "req_id": message.get("req_id"), "success": True, "time_in": ISO, "time_out": ISO,
        "result": {"channel": channel, "symbol": symbol, "snapshot": True, "depth": 10},
    }  # fmt: skip
    if channel == "trade":
        row = {"symbol": symbol, "side": "buy", "price": 60000.0, "qty": 0.1, "ord_type": "market", "trade_id": 1, "timestamp": ISO}  # fmt: skip
        return [ack, {"channel": "trade", "type": "update", "data": [row]}]
    sides = {"bids": [{"price": 60000.0, "qty": 1.0}], "asks": [{"price": 60001.0, "qty": 1.0}]}
    book = {"symbol": symbol, "checksum": zlib.crc32(b"600010100000000600000100000000"), "timestamp": ISO, **sides}
    return [
        ack,
        {"channel": "book", "type": "snapshot", "data": [book]},
        {"channel": "book", "type": "update", "data": [book]},
    ]


SPEAKERS = {"bybit": bybit, "okx": okx, "coinbaseexchange": coinbaseexchange, "kraken": kraken}


@pytest.mark.feature("PL-SG-03", "ET-SG-04")
@pytest.mark.parametrize("name", list(SPEAKERS))
def test_book_and_trades_of_the_venue_reach_its_decoder(name: str) -> None:
    case, asked = DOUBLE["CASES"][name], []
    has_book = venue_profile(name).channels.lacks("book") is None
    channels: tuple[Channel, ...] = ("book", "trades") if has_book else ("trades",)

    async def on_message(double: Any, socket: Any, path: str, message: Any) -> None:
        asked.append(message)
        for body in SPEAKERS[name](message):
            await socket.send_json(body)

    async def run() -> list[Any]:
        double = DOUBLE["VenueDouble"](dict(case.answers), on_socket_message=on_message)
        found: list[Any] = []
        async with double.running(), open_stream(name, [case.symbol], channels, base_url=double.url) as stream:
            stream._client.enableRateLimit, stream._client.timeout_on_exit = False, 0
            decode = decoder(name)
            async with asyncio.timeout(20):
                while sum(isinstance(m, BookMessage) for m in found) < 2 * has_book or not any(
                    isinstance(m, TradeMessage) for m in found
                ):
                    for message in await stream.messages(0.2):
                        found.extend(decode(message.body, message.received_ns))
            assert stream.counts["handler_errors"] == stream.counts["reconnects"] == 0
        return found

    found = asyncio.run(run())
    assert {message.venue_symbol for message in found} == {case.symbol}
    books = [message for message in found if isinstance(message, BookMessage)]
    assert [book.kind for book in books[:2]] == ["snapshot", "delta"][: 2 * has_book]
    assert all(float(book.bids[0][0]) == 60_000.0 for book in books)
    assert asked


@pytest.mark.real_data
@pytest.mark.feature("ET-SG-04", "PL-OB-13")
def test_every_recorded_delta_is_caught(real_data: Path) -> None:
    lines = gzip.decompress((real_data / "ccxt/binanceusdm/ws/combined_20210722.jsonl.gz").read_bytes()).splitlines()
    events = [row["msg"]["data"] for row in map(json.loads, lines) if row["dir"] == "in" and "data" in row["msg"]]
    deltas = [event for event in events if event["e"] == "depthUpdate"]
    symbols = ("SUSHIUSDT", "AKROUSDT", "KEEPUSDT")
    info = json.loads((real_data / "ccxt/binanceusdm/rest/exchangeInfo.json").read_text())

    async def on_message(double: Any, socket: Any, path: str, message: Any) -> None:
        await socket.send_json({"result": None, "id": message["id"]})
        names = {name.partition("@")[0].upper() for name in message["params"]}
        for event in deltas:
            if event["s"] in names:
                await socket.send_json(event)

    async def run() -> list[Any]:
        double = DOUBLE["VenueDouble"]({"GET /bn/fapi/v1/exchangeInfo": info}, on_socket_message=on_message)
        found: list[Any] = []
        async with (
            double.running(),
            open_stream("binanceusdm", symbols, ("book",), base_url=double.url) as stream,
            asyncio.timeout(30),
        ):
            stream._client.enableRateLimit, stream._client.timeout_on_exit = False, 0
            while len(found) < len([event for event in deltas if event["s"] in symbols]):
                found.extend(message.body for message in await stream.messages(0.2))
        return found

    found = asyncio.run(run())
    for symbol in symbols:
        assert [event for event in found if event["s"] == symbol] == [event for event in deltas if event["s"] == symbol]
    assert len(found) == 579
