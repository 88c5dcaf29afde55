"""Coinbase Exchange ``level2`` and ``level2_batch``: snapshot, then ``l2update``; nothing numbers the book messages."""

from collections.abc import Sequence
from typing import Any, Final

from liquidity.book.sequence import Chain, SequenceRule
from liquidity.book.wire._read import iso_ns, taker_sign
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.market_data import MarketKind

__all__ = ["VENUES", "decoder", "recognise", "units_of"]

VENUES: Final[dict[str, SequenceRule]] = {
    "coinbaseexchange": SequenceRule(
        source="Coinbase Exchange websocket, level2 channel: snapshot, then changes with absolute sizes, delivery "
        "guaranteed while connected, no ids",
        chain=Chain.UNNUMBERED,
        snapshot_from="stream",
    )
}


def _decode(message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
    kind = message.get("type")
    if kind == "l2update":
        sides: dict[str, list[tuple[str, str]]] = {"buy": [], "sell": []}
        for side, price, size in message["changes"]:
            sides[side].append((price, size))
        at_ns = iso_ns(message.get("time"))
        return (BookMessage("delta", message["product_id"], received_ns, at_ns, sides["buy"], sides["sell"]),)
    if kind == "snapshot":
        at_ns = iso_ns(message.get("time"))
        bids, asks = message["bids"], message["asks"]
        return (BookMessage("snapshot", message["product_id"], received_ns, at_ns, bids, asks),)
    if kind == "match":  # last_match repeats a trade from before the subscription
        return (
            TradeMessage(
                message["product_id"], received_ns, iso_ns(message["time"]), str(message["trade_id"]),
                message["price"], message["size"],
                taker_sign(message["side"], ("sell",), ("buy",)),  # the venue tells the maker's side
            ),
        )  # fmt: skip
    return ()


def decoder(venue: str) -> Any:
    """Make a decoder for one connection; it needs no state."""
    return _decode


def recognise(message: Any) -> str | None:
    """Tell by the message types of the level2 channel."""
    is_book = message["type"] == "l2update" or (message["type"] == "snapshot" and "bids" in message)
    return "coinbaseexchange" if is_book and "product_id" in message else None


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """Everything is spot."""
    return "spot", 1.0
