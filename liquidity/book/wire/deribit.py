"""Deribit ``book.*.raw`` and ``book.*.100ms`` (snapshot, changes), grouped books (full each time), trades."""

from collections.abc import Sequence
from typing import Any, Final

from liquidity.book.sequence import Chain, SequenceRule
from liquidity.book.wire._read import ms_ns, taker_sign, text
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.market_data import MarketKind

__all__ = ["VENUES", "decoder", "recognise", "units_of"]

VENUES: Final[dict[str, SequenceRule]] = {
    "deribit": SequenceRule(
        source="Deribit API, subscription book.(instrument).(interval): prev_change_id == previous change_id",
        chain=Chain.PREVIOUS,
        snapshot_from="stream",
    )
}


def _decode(message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
    if message.get("method") != "subscription":
        return ()
    channel, data = message["params"]["channel"], message["params"]["data"]
    if channel.startswith("book."):
        return (
            BookMessage(
                "delta" if data.get("type") == "change" else "snapshot", data["instrument_name"], received_ns,
                ms_ns(data["timestamp"]), _levels(data["bids"]), _levels(data["asks"]),
                last_id=data["change_id"], previous_id=data.get("prev_change_id"),
            ),
        )  # fmt: skip
    if channel.startswith("trades."):
        return [
            TradeMessage(
                trade["instrument_name"], received_ns, ms_ns(trade["timestamp"]), str(trade["trade_id"]),
                text(trade["price"]), text(trade["amount"]), taker_sign(trade["direction"], ("buy",), ("sell",)),
            )
            for trade in data
        ]  # fmt: skip
    return ()


def _levels(entries: Any) -> list[tuple[str, str]]:
    """``[action, price, amount]``, or ``[price, amount]`` in grouped books."""
    return [(text(entry[-2]), "0" if entry[0] == "delete" else text(entry[-1])) for entry in entries]


def decoder(venue: str) -> Any:
    """Make a decoder for one connection; it needs no state."""
    return _decode


def recognise(message: Any) -> str | None:
    """Tell by the subscription's channel."""
    is_book = message["method"] == "subscription" and message["params"]["channel"].startswith("book.")
    return "deribit" if is_book and "change_id" in message["params"]["data"] else None


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """Inverse perpetuals and futures are in US dollars; the rest needs the market list."""
    coin, _, rest = venue_symbol.partition("-")
    return ("inverse", 1.0) if coin in ("BTC", "ETH") and rest and rest.count("-") == 0 else None
