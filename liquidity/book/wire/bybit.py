"""Bybit v5 ``orderbook.N`` and ``publicTrade``, and the inverse ``orderBookL2_25`` of the API before it (captures).

In v5 a snapshot may come at any time (service restart) and then replaces the book; it has ``u`` 1 or says so.
"""

from collections.abc import Sequence
from typing import Any, Final

from liquidity.book.sequence import Chain, SequenceRule
from liquidity.book.wire._read import ms_ns, taker_sign, text
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.market_data import MarketKind

__all__ = ["VENUES", "decoder", "recognise", "units_of"]

VENUES: Final[dict[str, SequenceRule]] = {
    "bybit": SequenceRule(
        source="Bybit v5 API, websocket 'Orderbook': u is always in sequence, u == 1 is a snapshot that overwrites; "
        "before v5: cross_seq of the whole market, which may jump or repeat and does not go back",
        chain=Chain.CONTIGUOUS,
        snapshot_from="stream",
        older_chain=Chain.NON_DECREASING,
    )
}


def _decode(message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
    topic = message.get("topic", "")
    if topic.startswith("orderbook."):
        data = message["data"]
        kind: Any = "snapshot" if message["type"] == "snapshot" or data["u"] == 1 else "delta"
        at_ns = ms_ns(message.get("cts", message["ts"]))
        ids = {"first_id": data["u"], "last_id": data["u"]}
        return (BookMessage(kind, data["s"], received_ns, at_ns, data["b"], data["a"], **ids),)
    if topic.startswith("orderBookL2"):
        return (_older_book(message, topic.partition(".")[2], received_ns),)
    if topic.startswith("publicTrade."):
        return [
            TradeMessage(
                entry["s"], received_ns, ms_ns(entry["T"]), entry["i"], entry["p"], entry["v"],
                taker_sign(entry["S"], ("Buy",), ("Sell",)),
            )
            for entry in message["data"]
        ]  # fmt: skip
    if topic.startswith("trade."):
        return [
            TradeMessage(
                entry["symbol"], received_ns, ms_ns(entry["trade_time_ms"]), entry["trade_id"],
                text(entry["price"]), text(entry["size"]), taker_sign(entry["side"], ("Buy",), ("Sell",)),
            )
            for entry in message["data"]
        ]  # fmt: skip
    return ()


def _older_book(message: Any, symbol: str, received_ns: int) -> BookMessage:
    data = message["data"]
    kind: Any = message["type"]
    if kind == "snapshot":
        entries = data if isinstance(data, list) else data["order_book"]
        changes = [(entry, text(entry["size"])) for entry in entries]
    else:
        changes = [(entry, "0") for entry in data["delete"]]
        changes += [(entry, text(entry["size"])) for name in ("update", "insert") for entry in data[name]]
    sides: dict[str, list[tuple[str, str]]] = {"Buy": [], "Sell": []}
    for entry, size in changes:
        sides[entry["side"]].append((text(entry["price"]), size))
    at_ns = int(message["timestamp_e6"]) * 1000
    return BookMessage(kind, symbol, received_ns, at_ns, sides["Buy"], sides["Sell"], last_id=int(message["cross_seq"]))


def decoder(venue: str) -> Any:
    """Make a decoder for one connection; it needs no state."""
    return _decode


def recognise(message: Any) -> str | None:
    """Tell by the topic."""
    return "bybit" if message["topic"].startswith(("orderbook.", "orderBookL2")) else None


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """Inverse contracts of 1 USD by their quote; spot and linear share names, so only a market list can tell them."""
    return ("inverse", 1.0) if venue_symbol.endswith("USD") else None
