"""Kraken spot: websocket v1 (lists) and v2 (objects) books and trades. No ids; a checksum comes with updates.

v2 writes numbers, and the checksum is over the market's own decimals. They are found on each snapshot as the ones whose
checksum is the venue's; where none fits, the checksum of that market is left out rather than believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from liquidity.book.checksum import kraken_checksum
from liquidity.book.grid import BookGrid
from liquidity.book.sequence import Chain, SequenceRule
from liquidity.book.wire._read import iso_ns, taker_sign, text
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.market_data import MarketKind

__all__ = ["VENUES", "decoder", "grids_in", "recognise", "units_of"]

VENUES: Final[dict[str, SequenceRule]] = {
    "kraken": SequenceRule(
        source="Kraken websocket API v1 and v2, book channel: absolute sizes, levels beyond the subscribed depth are to be "
        "dropped by the reader, CRC-32 of the best ten levels a side",
        chain=Chain.UNNUMBERED,
        snapshot_from="stream",
        checksum="kraken",
        bounded_depth=True,
    )
}
_MOST_DECIMALS = 12
_MOST_DIGITS = 30
_Levels = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Decimals:
    price: int
    size: int

    def write(self, levels: _Levels) -> _Levels:
        if any(Decimal(number).adjusted() > _MOST_DIGITS for level in levels for number in level):
            raise ValueError("a number too long to be written out")
        return [(f"{Decimal(price):.{self.price}f}", f"{Decimal(size):.{self.size}f}") for price, size in levels]


class _Decoder:
    def __init__(self) -> None:
        self._decimals: dict[str, _Decimals | None] = {}

    def __call__(self, message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
        if isinstance(message, list):
            return _v1(message, received_ns)
        channel = message.get("channel")
        if channel == "book":
            return [self._book(entry, message["type"], received_ns) for entry in message["data"]]
        if channel == "trade" and message["type"] == "update":
            return [
                TradeMessage(
                    trade["symbol"], received_ns, iso_ns(trade["timestamp"]), str(trade["trade_id"]),
                    text(trade["price"]), text(trade["qty"]), taker_sign(trade["side"], ("buy",), ("sell",)),
                )
                for trade in message["data"]
            ]  # fmt: skip
        return ()

    def _book(self, entry: Any, kind: str, received_ns: int) -> BookMessage:
        symbol = entry["symbol"]
        bids, asks = (
            [(text(level["price"]), text(level["qty"])) for level in entry[side]] for side in ("bids", "asks")
        )
        if kind == "snapshot":
            self._decimals[symbol] = _decimals_that_fit(bids, asks, entry["checksum"])
        decimals = self._decimals.get(symbol)
        if decimals is not None:
            bids, asks = decimals.write(bids), decimals.write(asks)
        return BookMessage(
            "snapshot" if kind == "snapshot" else "delta", symbol, received_ns, iso_ns(entry.get("timestamp")), bids, asks,
            checksum=None if decimals is None else entry["checksum"],
        )  # fmt: skip


def _decimals_that_fit(bids: _Levels, asks: _Levels, checksum: int) -> _Decimals | None:
    """Find the decimals under which the snapshot has the venue's checksum, beginning at the fewest that hold it."""
    needed = [
        max((-int(Decimal(level[place]).normalize().as_tuple().exponent) for level in (*bids, *asks)), default=0)
        for place in (0, 1)
    ]
    for price in range(max(0, needed[0]), _MOST_DECIMALS + 1):
        for size in range(max(0, needed[1]), _MOST_DECIMALS + 1):
            decimals = _Decimals(price, size)
            if kraken_checksum(decimals.write(bids[:10]), decimals.write(asks[:10])) == checksum:
                return decimals
    return None


def _v1(message: list[Any], received_ns: int) -> Sequence[BookMessage | TradeMessage]:
    channel, pair = message[-2], message[-1]
    if channel == "trade":
        return [
            TradeMessage(pair, received_ns, _seconds_ns(at), f"{at}-{place}", price, size, taker_sign(side, "b", "s"))
            for place, (price, size, at, side, *_) in enumerate(message[1])
        ]
    if not channel.startswith("book"):
        return ()
    parts: dict[str, Any] = {}
    for part in message[1:-2]:
        parts |= part
    full = "as" in parts or "bs" in parts
    bids, asks = (parts.get("bs", []), parts.get("as", [])) if full else (parts.get("b", []), parts.get("a", []))
    at_ns = max((_seconds_ns(level[2]) for level in (*bids, *asks)), default=None)
    checksum = int(parts["c"]) if "c" in parts else None
    return (BookMessage("snapshot" if full else "delta", pair, received_ns, at_ns, bids, asks, checksum=checksum),)


def _seconds_ns(stamp: str) -> int:
    whole, _, fraction = stamp.partition(".")
    return int(whole) * 1_000_000_000 + int((fraction or "0").ljust(9, "0")[:9])


def decoder(venue: str) -> _Decoder:
    """Make a decoder for one connection: it remembers each market's decimals."""
    return _Decoder()


def recognise(message: Any) -> str | None:
    """Tell by v1's list with a book channel, or by v2's book channel with a checksum."""
    if isinstance(message, list):
        return "kraken" if len(message) >= 4 and message[-2].startswith("book") else None
    return "kraken" if message["channel"] == "book" and "checksum" in message["data"][0] else None


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """Everything is spot."""
    return "spot", 1.0


def grids_in(message: Any) -> dict[str, BookGrid]:
    """Steps of REST ``AssetPairs``, by websocket name."""
    pairs = message.get("result") if isinstance(message, dict) else None
    if not isinstance(pairs, dict):
        return {}
    return {
        pair["wsname"]: BookGrid(Decimal(1).scaleb(-pair["pair_decimals"]), Decimal(1).scaleb(-pair["lot_decimals"]))
        for pair in pairs.values()
        if isinstance(pair, dict) and "wsname" in pair
    }
