"""Current message shapes of each venue, and the older ones that captures hold."""

from decimal import Decimal
from typing import Any

import pytest

from liquidity.book.checksum import kraken_checksum
from liquidity.book.grid import BookGrid
from liquidity.book.synchroniser import Synchroniser
from liquidity.book.wire import decoder, grids_in, recognise
from liquidity.domain.book_message import BookMessage, TradeMessage

pytestmark = pytest.mark.feature("PL-SG-03", "PL-OB-12")


def one(venue: str, message: Any) -> Any:
    (decoded,) = decoder(venue)(message, 77)
    assert decoded.received_ns == 77
    return decoded


def test_binance_depth_rest_book_and_trades() -> None:
    wrapped = {"stream": "x", "data": {"e": "depthUpdate", "E": 5, "T": 4, "s": "BTCUSDT", "U": 1, "u": 3, "pu": 0,
                                       "b": [["1.0", "2"]], "a": []}}  # fmt: skip
    expected = BookMessage("delta", "BTCUSDT", 77, 5_000_000, [["1.0", "2"]], [], first_id=1, last_id=3, previous_id=0)
    assert one("binanceusdm", wrapped) == one("binanceusdm", wrapped["data"]) == expected
    assert [recognise(wrapped), recognise({**wrapped["data"], "ps": "BTCUSD"})] == ["binanceusdm", "binancecoinm"]
    spot = {key: value for key, value in wrapped["data"].items() if key != "pu"}
    assert recognise(spot) == "binance"
    rest = one("binance", {"symbol": "BTCUSDT", "lastUpdateId": 9, "bids": [["1", "2"]], "asks": []})
    assert (rest.kind, rest.last_id, rest.event_ns) == ("snapshot", 9, None)
    trade = {"e": "trade", "E": 8, "s": "BTCUSDT", "t": 4, "p": "1.5", "q": "2", "T": 1_723_161_255_007, "m": True}
    assert one("binance", trade) == TradeMessage("BTCUSDT", 77, 1_723_161_255_007_000_000, "4", "1.5", "2", -1)
    assert one("binance", {**trade, "e": "aggTrade", "a": 6, "m": False}).trade_id == "6"


def test_binance_market_list() -> None:
    filters = [{"filterType": "PRICE_FILTER", "tickSize": "0.10"}, {"filterType": "LOT_SIZE", "stepSize": "0.001"}]
    symbols = [{"symbol": "A", "contractType": "PERPETUAL", "filters": filters}, {"symbol": "B", "filters": []}]
    symbols.append({"symbol": "C", "contractSize": 100, "filters": filters})
    found = grids_in("binanceusdm", {"symbols": symbols})
    steps = Decimal("0.10"), Decimal("0.001")
    assert found == {"A": BookGrid(*steps, 1.0, "linear"), "C": BookGrid(*steps, 100.0, "inverse")}


def test_bybit_v5_and_the_inverse_stream_before_it() -> None:
    data = {"s": "BTCUSDT", "b": [["16493.50", "0.006"]], "a": [], "u": 18521288, "seq": 7961638724}
    message = {"topic": "orderbook.50.BTCUSDT", "type": "delta", "ts": 1672304484978, "data": data}
    assert (one("bybit", message).kind, one("bybit", message).last_id) == ("delta", 18521288)
    assert one("bybit", {**message, "data": {**data, "u": 1}}).kind == "snapshot"
    trade = {"T": 5, "s": "BTCUSDT", "S": "Sell", "v": "0.001", "p": "16578.50", "i": "20f4"}
    assert one("bybit", {"topic": "publicTrade.BTCUSDT", "data": [trade]}).taker_sign == -1
    level = {"price": "7.971", "symbol": "EOSUSD", "id": 79710, "side": "Buy", "size": 47766}
    changes = {"delete": [{**level, "side": "Sell"}], "update": [level], "insert": [{**level, "price": "8.000"}]}
    older = {"topic": "orderBookL2_25.EOSUSD", "type": "delta", "data": changes, "cross_seq": 12, "timestamp_e6": 3}
    read = one("bybit", older)
    assert (read.bids, read.asks) == ([("7.971", "47766"), ("8.000", "47766")], [("7.971", "0")])
    assert (read.first_id, read.last_id, read.event_ns) == (None, 12, 3000)


def test_okx_books_ids_and_instruments() -> None:
    entry = {"asks": [["1.1", "2", "0", "1"]], "bids": [], "ts": "5", "checksum": -3, "prevSeqId": -1, "seqId": 9}
    message = {"arg": {"channel": "books", "instId": "BTC-USDT"}, "action": "snapshot", "data": [entry]}
    read = one("okx", message)
    assert (read.kind, read.last_id, read.previous_id, read.checksum) == ("snapshot", 9, None, -3)
    update = {**message, "action": "update", "data": [{**entry, "prevSeqId": 9, "seqId": 12, "checksum": 0}]}
    assert (one("okx", update).previous_id, one("okx", update).checksum) == (9, None)
    listed = {
        "instId": "BTC-USD-SWAP",
        "tickSz": "0.1",
        "lotSz": "1",
        "ctVal": "100",
        "ctMult": "1",
        "ctType": "inverse",
    }
    assert grids_in("okx", {"data": [listed]})["BTC-USD-SWAP"] == BookGrid(Decimal("0.1"), Decimal(1), 100.0, "inverse")


def test_coinbase_exchange_tells_the_makers_side() -> None:
    update = {
        "type": "l2update",
        "product_id": "X-Y",
        "changes": [["sell", "2", "0"]],
        "time": "2021-04-17T16:43:37.075687Z",
    }
    read = one("coinbaseexchange", update)
    assert (list(read.asks), read.event_ns) == ([("2", "0")], 1618677817075687000)
    match = {"type": "match", "product_id": "X-Y", "trade_id": 1, "price": "2", "size": "3", "side": "sell",
             "time": "2021-04-17T16:43:37Z"}  # fmt: skip
    assert one("coinbaseexchange", match).taker_sign == 1
    assert decoder("coinbaseexchange")({**match, "type": "last_match"}, 1) == ()


def test_coinbase_advanced_numbers_the_connection_and_a_jump_loses_every_product() -> None:
    def message(number: int, product: str, kind: str = "update") -> dict[str, Any]:
        update = {"side": "bid", "event_time": "1970-01-01T00:00:00Z", "price_level": "2", "new_quantity": "1"}
        event = {"type": kind, "product_id": product, "updates": [update]}
        return {
            "channel": "l2_data",
            "timestamp": "2023-02-09T20:32:50.714964855Z",
            "sequence_num": number,
            "events": [event],
        }

    decode = decoder("coinbase")
    books = {product: Synchroniser("coinbase", product) for product in ("A", "B")}

    def push(number: int, product: str, kind: str = "update") -> list[str | None]:
        return [
            step.reason
            for decoded in decode(message(number, product, kind), number)
            if isinstance(decoded, BookMessage)
            for step in books[product].push(decoded)
        ]

    assert push(0, "A", "snapshot") + push(1, "B", "snapshot") == [None, None]
    decode({"channel": "heartbeats", "sequence_num": 2, "events": []}, 2)
    assert push(3, "A") + push(4, "B") + push(5, "A") == [None, None, None]
    assert push(7, "A") == ["gap"]  # 6 is missing: whose it was nobody knows
    assert push(8, "B") == ["gap"]


def test_deribit_changes_and_grouped_books() -> None:
    data = {"type": "change", "timestamp": 5, "prev_change_id": 1, "instrument_name": "BTC-PERPETUAL", "change_id": 2,
            "bids": [["new", 20977, 0.109], ["delete", 20975.5, 0]], "asks": []}  # fmt: skip
    message = {"method": "subscription", "params": {"channel": "book.BTC-PERPETUAL.raw", "data": data}}
    read = one("deribit", message)
    assert (read.kind, read.bids, read.previous_id) == ("delta", [("20977", "0.109"), ("20975.5", "0")], 1)
    grouped = {key: value for key, value in data.items() if key not in ("type", "prev_change_id")} | {
        "bids": [[3, 1e-05]]
    }
    channel = {"channel": "book.BTC-PERPETUAL.none.10.100ms", "data": grouped}
    assert one("deribit", {"method": "subscription", "params": channel}).kind == "snapshot"
    assert one("deribit", {"method": "subscription", "params": channel}).bids == [("3", "1e-05")]


def test_bitmex_ids_become_prices() -> None:
    decode = decoder("bitmex")

    def push(action: str, **entry: Any) -> BookMessage:
        row = {"symbol": "XBTUSD", "side": "Buy", **entry}
        (read,) = decode({"table": "orderBookL2", "action": action, "data": [row]}, 1)
        assert isinstance(read, BookMessage)
        return read

    assert push("partial", id=5, size=10, price=1.814e-05).kind == "snapshot"
    assert push("update", id=5, size=7).bids == [("1.814e-05", "7")]
    assert push("delete", id=5).bids == [("1.814e-05", "0")]
    assert push("update", id=5, size=7).bids == [("", "7")]
    assert push("insert", id=6, size=3, price=9).bids == [("9", "3")]


def test_dydx_offsets_are_told_level_by_level() -> None:
    level = {"price": "1", "size": "2", "offset": "30"}
    full = {"type": "subscribed", "channel": "v3_orderbook", "id": "X", "contents": {"bids": [level], "asks": [level]}}
    assert one("dydx_v3", full).level_ids == [30, 30]
    change = {"offset": "31", "bids": [["1", "0"], ["2", "1"]], "asks": []}
    assert one("dydx_v3", {**full, "type": "channel_data", "contents": change}).level_ids == [31, 31]
    assert len(decoder("dydx_v3")({**full, "type": "channel_batch_data", "contents": [change, change]}, 1)) == 2


def test_hyperliquid_books_and_the_rest_answer() -> None:
    level = {"n": 5, "px": "105055.0", "sz": "3.03622"}
    data = {"coin": "BTC", "levels": [[level], [level]], "time": 4}
    read = one("hyperliquid", {"channel": "l2Book", "data": data})
    assert read == one("hyperliquid", data)
    assert (read.kind, read.bids) == ("snapshot", [("105055.0", "3.03622")])
    trade = {"coin": "BTC", "side": "A", "px": "68517.0", "sz": "0.005", "time": 1, "hash": "0x", "tid": 98}
    assert one("hyperliquid", {"channel": "trades", "data": [trade]}).taker_sign == -1


def test_kraken_v1_joins_both_sides() -> None:
    asks, bids = [["2.0", "1.0", "5.5"]], [["1.0", "0.0", "6.25", "r"]]
    read = one("kraken", [9, {"a": asks}, {"b": bids, "c": "77"}, "book-10", "ETH/CHF"])
    assert (read.kind, read.bids, read.asks, read.checksum, read.event_ns) == ("delta", bids, asks, 77, 6_250_000_000)
    assert one("kraken", [9, {"as": asks, "bs": bids}, "book-10", "ETH/CHF"]).kind == "snapshot"


def test_kraken_v2_numbers_get_the_decimals_that_the_checksum_proves() -> None:
    bids, asks = [("0.5660", "4831.75496350")], [("0.5668", "4410.79769741")]
    snapshot = {
        "channel": "book", "type": "snapshot",
        "data": [{"symbol": "MATIC/USD", "bids": [{"price": 0.566, "qty": 4831.7549635}],
                  "asks": [{"price": 0.5668, "qty": 4410.79769741}], "checksum": kraken_checksum(bids, asks)}],
    }  # fmt: skip
    assert recognise(snapshot) == "kraken"
    decode, book = decoder("kraken"), Synchroniser("kraken", "MATIC/USD")
    update = {"symbol": "MATIC/USD", "bids": [{"price": 0.565, "qty": 1.5}], "asks": [], "timestamp": "2023-10-06T17:35:55Z",
              "checksum": kraken_checksum([*bids, ("0.5650", "1.50000000")], asks)}  # fmt: skip
    for message in (snapshot, {"channel": "book", "type": "update", "data": [update]}):
        for decoded in decode(message, 1):
            assert isinstance(decoded, BookMessage)
            assert [step.reason for step in book.push(decoded)] == [None]
    assert book.counts["checksum_verified"] == 2
    snapshot["data"][0]["checksum"] = 1  # type: ignore[index]
    assert one("kraken", snapshot).checksum is None
