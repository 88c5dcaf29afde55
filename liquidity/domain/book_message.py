"""One message of a venue's book or trade stream after decoding, before anything is believed.

Decoders (``liquidity/book/wire/``) make these from the venue's own JSON; ``liquidity/book/synchroniser.py`` decides which
of them build a book.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["BookMessage", "TradeMessage", "WireLevel"]

WireLevel = Sequence[str]
"""``[price, size, ...]`` as the venue wrote it, decimal text; further entries are ignored. Size 0 removes the level."""


@dataclass(frozen=True, slots=True)
class BookMessage:
    """A snapshot or a delta of one book, levels as on the wire.

    Attributes
    ----------
    received_ns, event_ns
        Nanoseconds since 1970 UTC: our clock, and the venue's (``None`` where it sends none).
    first_id, last_id, previous_id
        The venue's update ids (Binance U, u, pu; OKX seqId, prevSeqId as last and previous; Deribit change_id,
        prev_change_id; a snapshot carries ``last_id`` alone); ``None`` where the venue has none.
    level_ids
        One id per level, bids then asks, where the venue numbers levels instead of messages (dYdX v3 offsets).
    checksum
        The venue's checksum of the book after this message.
    """

    kind: Literal["snapshot", "delta"]
    venue_symbol: str
    received_ns: int
    event_ns: int | None
    bids: Sequence[WireLevel]
    asks: Sequence[WireLevel]
    first_id: int | None = None
    last_id: int | None = None
    previous_id: int | None = None
    level_ids: Sequence[int] | None = None
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class TradeMessage:
    """One public trade, price and amount as on the wire; ``taker_sign`` +1 bought, -1 sold, 0 not told."""

    venue_symbol: str
    received_ns: int
    event_ns: int | None
    trade_id: str
    price: str
    amount: str
    taker_sign: Literal[-1, 0, 1]
