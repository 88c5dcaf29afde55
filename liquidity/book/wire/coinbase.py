"""Coinbase Advanced Trade ``level2``: one running number for all messages of a connection, whatever their channel.

The number proves a loss, not whose it was: after a jump the next message of every product breaks its chain. Therefore
the decoder must see every message of its connection, in order.
"""

from collections.abc import Sequence
from typing import Any, Final

from liquidity.book.sequence import Chain, SequenceRule
from liquidity.book.wire._read import iso_ns, taker_sign
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.market_data import MarketKind

__all__ = ["VENUES", "decoder", "recognise", "units_of"]

VENUES: Final[dict[str, SequenceRule]] = {
    "coinbase": SequenceRule(
        source="Coinbase Advanced Trade websocket, 'Sequence numbers': sequence_num rises by one with every message of "
        "the connection; level2 channel: absolute sizes",
        chain=Chain.PREVIOUS,
        snapshot_from="stream",
    )
}


class _Decoder:
    def __init__(self) -> None:
        self._number: int | None = None
        self._last_of: dict[str, int] = {}

    def __call__(self, message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
        number = message.get("sequence_num")
        if number is None:
            return ()
        if number == self._number:  # repeated
            return ()
        if self._number is not None and number != self._number + 1:
            self._last_of.clear()
        try:
            found = self._read(message, received_ns, number)
        except Exception:  # whatever it held is lost, and its number is not to be believed
            self._number = None
            self._last_of.clear()
            raise
        self._number = number
        return found

    def _read(self, message: Any, received_ns: int, number: int) -> Sequence[BookMessage | TradeMessage]:
        if type(number) is not int:
            raise TypeError(f"sequence_num is {type(number).__name__}")
        if message["channel"] == "l2_data":
            return [self._book(event, message, received_ns, number) for event in message["events"]]
        if message["channel"] == "market_trades":
            return [
                TradeMessage(
                    trade["product_id"], received_ns, iso_ns(trade["time"]), trade["trade_id"],
                    trade["price"], trade["size"],
                    taker_sign(trade["side"], ("SELL",), ("BUY",)),  # the venue tells the maker's side
                )
                for event in message["events"] if event["type"] == "update"
                for trade in event["trades"]
            ]  # fmt: skip
        return ()

    def _book(self, event: Any, message: Any, received_ns: int, number: int) -> BookMessage:
        product = event["product_id"]
        sides: dict[str, list[tuple[str, str]]] = {"bid": [], "offer": []}
        for update in event["updates"]:
            sides[update["side"]].append((update["price_level"], update["new_quantity"]))
        previous = self._last_of.get(product)
        self._last_of[product] = number
        return BookMessage(
            "snapshot" if event["type"] == "snapshot" else "delta", product, received_ns,
            iso_ns(message.get("timestamp")), sides["bid"], sides["offer"], last_id=number, previous_id=previous,
        )  # fmt: skip


def decoder(venue: str) -> _Decoder:
    """Make a decoder for one connection."""
    return _Decoder()


def recognise(message: Any) -> str | None:
    """Tell by the channel's name."""
    return "coinbase" if message["channel"] == "l2_data" and "sequence_num" in message else None


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """Spot products are two names; futures and perpetuals need the market list."""
    return ("spot", 1.0) if venue_symbol.count("-") == 1 else None
