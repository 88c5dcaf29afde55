"""OKX v5: ``books``, ``books-l2-tbt``, ``books50-l2-tbt`` (snapshot, updates), ``books5``, ``bbo-tbt`` (full each time).

Since 2022 messages carry ``seqId`` and ``prevSeqId``; older captures have only the checksum, which then is the proof.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from liquidity.book.grid import BookGrid
from liquidity.book.sequence import Chain, SequenceRule
from liquidity.book.wire._read import ms_ns, taker_sign
from liquidity.domain.book_message import BookMessage, TradeMessage
from liquidity.domain.market_data import MarketKind

__all__ = ["VENUES", "decoder", "grids_in", "recognise", "units_of"]

VENUES: Final[dict[str, SequenceRule]] = {
    "okx": SequenceRule(
        source="OKX API guide, order book channel, 'Sequence ID': prevSeqId == previous seqId, -1 on a snapshot, equal to "
        "seqId on a heartbeat, seqId smaller than prevSeqId after maintenance; 'Checksum': 25 levels",
        chain=Chain.PREVIOUS,
        snapshot_from="stream",
        checksum="okx",
        older_chain=Chain.UNNUMBERED,
    )
}
_CHANNELS = ("books", "books-l2-tbt", "books50-l2-tbt", "books5", "bbo-tbt")


def _decode(message: Any, received_ns: int) -> Sequence[BookMessage | TradeMessage]:
    if "arg" not in message or "data" not in message:
        return ()
    channel, symbol = message["arg"]["channel"], message["arg"]["instId"]
    if channel in _CHANNELS:
        kind = "delta" if message.get("action") == "update" else "snapshot"
        return [_book(kind, symbol, entry, received_ns) for entry in message["data"]]
    if channel in ("trades", "trades-all"):
        return [
            TradeMessage(
                entry["instId"], received_ns, ms_ns(entry["ts"]), entry["tradeId"], entry["px"], entry["sz"],
                taker_sign(entry["side"], ("buy",), ("sell",)),
            )
            for entry in message["data"]
        ]  # fmt: skip
    return ()


def _book(kind: Any, symbol: str, entry: Any, received_ns: int) -> BookMessage:
    previous = entry.get("prevSeqId")
    return BookMessage(
        kind, symbol, received_ns, ms_ns(entry["ts"]), entry["bids"], entry["asks"],
        last_id=entry.get("seqId"),
        previous_id=None if previous == -1 else previous,
        checksum=entry.get("checksum") or None,  # the field stays and reads 0 where the venue no longer computes it
    )  # fmt: skip


def decoder(venue: str) -> Any:
    """Make a decoder for one connection; it needs no state."""
    return _decode


def recognise(message: Any) -> str | None:
    """Tell by the order book channel's names."""
    return "okx" if "data" in message and message["arg"]["channel"] in _CHANNELS else None


def units_of(venue: str, venue_symbol: str) -> tuple[MarketKind, float] | None:
    """Spot by the name (two parts); the size of a contract is told by the instrument list alone."""
    return ("spot", 1.0) if venue_symbol.count("-") == 1 else None


def grids_in(message: Any) -> dict[str, BookGrid]:
    """Steps and units of ``public/instruments``."""
    entries = message.get("data") if isinstance(message, dict) else None
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict) or "tickSz" not in entries[0]:
        return {}
    found: dict[str, BookGrid] = {}
    for entry in entries:
        if not entry["tickSz"] or not entry["lotSz"]:  # listed, not yet trading
            continue
        kinds: dict[str, MarketKind] = {"linear": "linear", "inverse": "inverse"}
        size = float(entry["ctVal"] or 1) * float(entry.get("ctMult") or 1)
        grid = BookGrid(Decimal(entry["tickSz"]), Decimal(entry["lotSz"]), size, kinds.get(entry["ctType"], "spot"))
        found[entry["instId"]] = grid
    return found
