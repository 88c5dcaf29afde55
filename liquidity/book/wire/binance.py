"""Binance spot, USD-margined and coin-margined futures: diff depth streams, REST depth, trades.

``{"e": "depthUpdate", "U", "u", "pu", "b", "a"}``, bare or wrapped in ``{"stream", "data"}``; the REST book is
``{"lastUpdateId", "bids", "asks"}``. Both ``trade`` and ``aggTrade`` are read: a connection should carry one of them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Literal

from liquidity.book.grid import BookGrid
from liquidity.book.sequence import Chain, SequenceRule
from liquidity.book.wire._read import ms_ns
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.market_data import MarketKind

__all__ = ["VENUES", "decoder", "grids_in", "recognise", "units_of"]

_FUTURES = SequenceRule(
    source="Binance futures API, 'How to manage a local order book correctly': drop u < lastUpdateId, first "
    "U <= lastUpdateId <= u, then pu == previous u",
    chain=Chain.RANGE_AND_PREVIOUS,
    snapshot_from="request",
)
VENUES: Final[dict[str, SequenceRule]] = {
    "binance": SequenceRule(
        source="Binance spot API, 'How to manage a local order book correctly': drop u <= lastUpdateId, first "
        "U <= lastUpdateId + 1 <= u, then U == previous u + 1",
        chain=Chain.RANGE,
        snapshot_from="request",
    ),
    "binanceusdm": _FUTURES,
    "binancecoinm": _FUTURES,
}


class _Decoder:
    def __init__(self, venue: str) -> None:
        self._venue = venue

    def __call__(self, message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
        data = message.get("data", message)
        event = data.get("e")
        if event == "depthUpdate":
            return (
                BookMessage(
                    "delta", data["s"], received_ns, ms_ns(data["E"]), data["b"], data["a"],
                    first_id=data["U"], last_id=data["u"], previous_id=data.get("pu"),
                ),
            )  # fmt: skip
        if event in ("trade", "aggTrade"):
            trade_id = data["t"] if event == "trade" else data["a"]
            sign: Literal[-1, 1] = -1 if data["m"] else 1
            return (TradeMessage(data["s"], received_ns, ms_ns(data["T"]), str(trade_id), data["p"], data["q"], sign),)
        if event is None and "lastUpdateId" in data:
            at_ns = ms_ns(data.get("E"))
            bids, asks, id_ = data["bids"], data["asks"], data["lastUpdateId"]
            return (BookMessage("snapshot", data["symbol"], received_ns, at_ns, bids, asks, last_id=id_),)
        return ()


def decoder(venue: str) -> _Decoder:
    """Make a decoder for one connection."""
    return _Decoder(venue)


def recognise(message: Any) -> str | None:
    """Tell the three markets apart: ``pu`` is the futures', ``ps`` the coin-margined ones'."""
    data = message.get("data", message)
    if data.get("e") != "depthUpdate":
        return None
    if "pu" not in data:
        return "binance"
    return "binancecoinm" if "ps" in data else "binanceusdm"


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """Kind and contract size: coin-margined contracts are worth 100 USD for BTC and 10 USD for every other coin."""
    if venue == "binance":
        return "spot", 1.0
    if venue == "binanceusdm":
        return "linear", 1.0
    return "inverse", 100.0 if venue_symbol.startswith("BTCUSD") else 10.0


def grids_in(message: Any) -> dict[str, BookGrid]:
    """Steps and units of ``exchangeInfo``; symbols without both filters are left out."""
    if not isinstance(message, dict) or not isinstance(message.get("symbols"), list):
        return {}
    found: dict[str, BookGrid] = {}
    for symbol in message["symbols"]:
        filters = {entry["filterType"]: entry for entry in symbol["filters"]}
        if "PRICE_FILTER" in filters and "LOT_SIZE" in filters:
            kind: MarketKind = (
                "inverse" if "contractSize" in symbol else "linear" if "contractType" in symbol else "spot"
            )
            found[symbol["symbol"]] = BookGrid(
                Decimal(filters["PRICE_FILTER"]["tickSize"]),
                Decimal(filters["LOT_SIZE"]["stepSize"]),
                float(symbol.get("contractSize", 1)),
                kind,
            )
    return found
