"""dYdX v3 ``v3_orderbook`` with offsets (a venue of the past, kept for its recorded streams) and ``v3_trades``.

Every level carries an offset; messages may arrive out of order, and a level's older offset must then be ignored.
"""

from collections.abc import Sequence
from typing import Any, Final

from liquidity.book.sequence import Chain, SequenceRule
from liquidity.book.wire._read import iso_ns, taker_sign
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.market_data import MarketKind

__all__ = ["VENUES", "decoder", "recognise", "units_of"]

VENUES: Final[dict[str, SequenceRule]] = {
    "dydx_v3": SequenceRule(
        source="dYdX v3 API, websocket orderbook channel with includeOffsets: an update with an offset below the level's "
        "is to be ignored",
        chain=Chain.UNNUMBERED,
        snapshot_from="stream",
        levels="offsets",
    )
}


def _decode(message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
    channel, kind = message.get("channel"), message.get("type")
    if kind not in ("subscribed", "channel_data", "channel_batch_data"):
        return ()
    batch = message["contents"] if kind == "channel_batch_data" else [message["contents"]]
    if channel == "v3_orderbook":
        return [_book(contents, message["id"], kind == "subscribed", received_ns) for contents in batch]
    if channel == "v3_trades" and kind != "subscribed":  # on subscription: trades of the past
        return [
            TradeMessage(
                message["id"], received_ns, iso_ns(trade["createdAt"]), f"{message['message_id']}-{place}",
                trade["price"], trade["size"], taker_sign(trade["side"], ("BUY",), ("SELL",)),
            )
            for contents in batch
            for place, trade in enumerate(contents["trades"])
        ]  # fmt: skip
    return ()


def _book(contents: Any, symbol: str, full: bool, received_ns: int) -> BookMessage:
    bids, asks = contents["bids"], contents["asks"]
    if full:
        ids = [int(level["offset"]) for level in (*bids, *asks)]
        bids, asks = ([(level["price"], level["size"]) for level in side] for side in (bids, asks))
        return BookMessage("snapshot", symbol, received_ns, None, bids, asks, level_ids=ids)
    ids = [int(contents["offset"])] * (len(bids) + len(asks))
    return BookMessage("delta", symbol, received_ns, None, bids, asks, level_ids=ids)


def decoder(venue: str) -> Any:
    """Make a decoder for one connection; it needs no state."""
    return _decode


def recognise(message: Any) -> str | None:
    """Tell by the channel's name."""
    return "dydx_v3" if message["channel"] == "v3_orderbook" else None


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """Perpetuals in US dollars, sized in the coin."""
    return "linear", 1.0
