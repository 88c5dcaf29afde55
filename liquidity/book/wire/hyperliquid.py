"""Hyperliquid ``l2Book``: a full book of twenty levels a side each time, so no gap is possible; ``trades``.

The first trades message of a subscription repeats recent trades: readers that store trades tell them apart by id.
"""

from collections.abc import Sequence
from typing import Any, Final

from liquidity.book.sequence import Chain, SequenceRule
from liquidity.book.wire._read import ms_ns, taker_sign
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.market_data import MarketKind

__all__ = ["VENUES", "decoder", "recognise", "units_of"]

VENUES: Final[dict[str, SequenceRule]] = {
    "hyperliquid": SequenceRule(
        source="Hyperliquid API, websocket subscription l2Book: full snapshots, time in milliseconds",
        chain=Chain.UNNUMBERED,
        snapshot_from="stream",
        snapshots_only=True,
    )
}


def _decode(message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
    channel = message.get("channel")
    if channel == "l2Book":
        return (_book(message["data"], received_ns),)
    if channel == "trades":
        return [
            TradeMessage(
                trade["coin"], received_ns, ms_ns(trade["time"]), str(trade["tid"]), trade["px"], trade["sz"],
                taker_sign(trade["side"], ("B",), ("A",)),
            )
            for trade in message["data"]
        ]  # fmt: skip
    if channel is None and "levels" in message and "coin" in message:  # the answer of POST /info l2Book
        return (_book(message, received_ns),)
    return ()


def _book(data: Any, received_ns: int) -> BookMessage:
    bids, asks = ([(level["px"], level["sz"]) for level in side] for side in data["levels"])
    return BookMessage("snapshot", data["coin"], received_ns, ms_ns(data["time"]), bids, asks)


def decoder(venue: str) -> Any:
    """Make a decoder for one connection; it needs no state."""
    return _decode


def recognise(message: Any) -> str | None:
    """Tell by the channel's name."""
    return "hyperliquid" if message["channel"] == "l2Book" else None


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """Pairs (``PURR/USDC``, ``@1``) are spot, single coins perpetuals sized in the coin."""
    return ("spot", 1.0) if "/" in venue_symbol or venue_symbol.startswith("@") else ("linear", 1.0)
