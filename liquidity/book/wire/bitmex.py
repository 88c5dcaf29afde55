"""BitMEX ``orderBookL2``, ``orderBookL2_25``: levels named by id; an update or removal tells the id and not the price."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from liquidity.book.sequence import Chain, SequenceRule
from liquidity.book.wire._read import iso_ns, taker_sign, text
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.market_data import MarketKind

__all__ = ["VENUES", "decoder", "recognise", "units_of"]

VENUES: Final[dict[str, SequenceRule]] = {
    "bitmex": SequenceRule(
        source="BitMEX websocket API, orderBookL2: keys symbol, id, side; partial, then insert, update, delete by id; an "
        "update or delete of an unknown id shows a loss",
        chain=Chain.UNNUMBERED,
        snapshot_from="stream",
        levels="ids",
    )
}
_TABLES = ("orderBookL2", "orderBookL2_25")


class _Decoder:
    def __init__(self) -> None:
        self._prices: dict[str, dict[int, str]] = {}

    def __call__(self, message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
        table, action = message.get("table"), message.get("action")
        if table in _TABLES:
            return self._books(message, action, received_ns)
        if table == "trade" and action == "insert":  # partial repeats trades from before the subscription
            return [
                TradeMessage(
                    trade["symbol"], received_ns, iso_ns(trade["timestamp"]), str(trade["trdMatchID"]),
                    text(trade["price"]), text(trade["size"]), taker_sign(trade["side"], ("Buy",), ("Sell",)),
                )
                for trade in message["data"]
            ]  # fmt: skip
        return ()

    def _books(self, message: Any, action: str, received_ns: int) -> list[BookMessage]:
        by_symbol: dict[str, list[Any]] = defaultdict(list)
        for entry in message["data"]:
            by_symbol[entry["symbol"]].append(entry)
        if action == "partial":
            for symbol in by_symbol:
                self._prices[symbol] = {}
        return [self._book(symbol, entries, action, received_ns) for symbol, entries in by_symbol.items()]

    def _book(self, symbol: str, entries: list[Any], action: str, received_ns: int) -> BookMessage:
        prices = self._prices.setdefault(symbol, {})
        sides: dict[str, list[tuple[str, str]]] = {"Buy": [], "Sell": []}
        ids: dict[str, list[int]] = {"Buy": [], "Sell": []}
        for entry in entries:
            id_, side = entry["id"], entry["side"]
            if action in ("partial", "insert"):
                prices[id_] = text(entry["price"])
            price = prices.pop(id_, "") if action == "delete" else prices.get(id_, "")
            sides[side].append((price, "0" if action == "delete" else text(entry["size"])))
            ids[side].append(id_)
        return BookMessage(
            "snapshot" if action == "partial" else "delta", symbol, received_ns, iso_ns(entries[0].get("timestamp")),
            sides["Buy"], sides["Sell"], level_ids=ids["Buy"] + ids["Sell"],
        )  # fmt: skip


def decoder(venue: str) -> _Decoder:
    """Make a decoder for one connection: it remembers the price of every id."""
    return _Decoder()


def recognise(message: Any) -> str | None:
    """Tell by the table's name."""
    return "bitmex" if message["table"] in _TABLES else None


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """XBTUSD is inverse with contracts of 1 USD; most others are quanto or priced in coins: only a market list tells."""
    return ("inverse", 1.0) if venue_symbol == "XBTUSD" else None
