"""Every protocol file through one kit: found by itself, names its rule, survives whatever arrives."""

import math
from contextlib import suppress
from typing import Any

import pytest

from liquidity.book.sequence import Chain
from liquidity.book.wire import decoder, grids_in, recognise, rule_of, units_of, venues
from liquidity.domain.errors import ConfigError, ContractError

pytestmark = pytest.mark.feature("PL-SG-03")

GARBAGE: list[Any] = [
    {}, [], None, 7, "text", [[]], {"e": "depthUpdate"}, {"e": "trade", "s": 5}, {"data": None}, {"data": 3},
    {"topic": "orderbook.50.BTCUSDT"}, {"topic": 5}, {"arg": {"channel": "books", "instId": "X"}, "data": [{}]},
    {"channel": "book", "type": "update", "data": [{"symbol": "X"}]}, {"channel": "l2Book", "data": {"levels": []}},
    {"table": "orderBookL2", "action": "update", "data": [{"id": 1}]}, {"type": "l2update", "changes": [["up", "1"]]},
    {"method": "subscription", "params": {}}, {"channel": "l2_data", "sequence_num": "x"}, [0, {}, "book-10", "X"],
    {"lastUpdateId": 5}, {"type": "snapshot"}, {"type": "subscribed", "channel": "v3_orderbook", "contents": None},
]  # fmt: skip


@pytest.mark.parametrize("venue", venues())
def test_a_protocol_keeps_the_kit_s_promises(venue: str) -> None:
    rule = rule_of(venue)
    assert len(rule.source) > 40
    assert rule.chain in Chain
    assert rule.snapshot_from in ("request", "stream")
    units = units_of(venue, "BTCUSDT")
    assert units is None or (units[0] in ("spot", "linear", "inverse") and math.isfinite(units[1]))
    read = decoder(venue)
    for message in GARBAGE:
        with suppress(ContractError):  # refused, or of no interest; any other error would end the stream
            assert not read(message, 1) or venue == "kraken"
    assert grids_in(venue, {"symbols": "no list"}) == {}


def test_venue_ids_are_ccxt_s() -> None:
    assert set(venues()) == {
        "binance", "binanceusdm", "binancecoinm", "bitmex", "bybit", "coinbase", "coinbaseexchange", "deribit",
        "dydx_v3", "hyperliquid", "kraken", "okx",
    }  # fmt: skip


def test_an_unknown_venue_is_named() -> None:
    with pytest.raises(ConfigError, match="binanceusdm"):
        rule_of("mtgox")


def test_what_is_no_book_message_is_recognised_as_none() -> None:
    for message in [{}, [], None, "text", {"e": "kline"}, {"topic": "tickers.BTCUSDT"}]:
        assert recognise(message) is None
