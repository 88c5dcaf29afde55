"""Checksums of the book that venues send with their messages, over the levels as text.

A checksum is the only proof of a book on streams without ids. :class:`WrittenBook` keeps levels as the venue wrote them,
because trailing zeros are part of the sum.
"""

import zlib
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from typing import Final, Literal

from liquidity.domain.book_message import WireLevel

__all__ = ["CHECKSUMS", "WrittenBook", "kraken_checksum", "okx_checksum"]

_Written = Sequence[tuple[str, str]]


def okx_checksum(bids: _Written, asks: _Written) -> int:
    """CRC-32, as a signed 32-bit integer, of the best 25 levels a side: ``bid:size:ask:size:...`` in turn, best first.

    A side that is exhausted is left out of its turns. Source: OKX API guide, "Checksum" of the order book channel.

    Examples
    --------
    >>> okx_checksum([("3366.1", "7"), ("3366", "6")], [("3366.8", "9"), ("3368", "8")])
    -1881014294
    """
    parts: list[str] = []
    for place in range(25):
        for side in (bids, asks):
            if place < len(side):
                parts.extend(side[place])
    unsigned = zlib.crc32(":".join(parts).encode())
    return unsigned - (1 << 32) if unsigned >= 1 << 31 else unsigned


def kraken_checksum(bids: _Written, asks: _Written) -> int:
    """CRC-32 of the best 10 asks, then the best 10 bids: price and size without the point and leading zeros, joined.

    Source: Kraken WebSocket API guide, "Book checksum" (v1 and v2 share the sum; v2 writes numbers, which must first be
    given the market's decimals back).

    Examples
    --------
    >>> kraken_checksum([("0.05000", "0.00000500")], [("0.05005", "0.00000500")])
    3851508195
    """
    digits = [
        text.replace(".", "").lstrip("0")
        for side in (asks, bids)
        for level in side[:10]
        for text in (level[0], level[1])
    ]
    return zlib.crc32("".join(digits).encode())


CHECKSUMS: Final[dict[str, tuple[Callable[[_Written, _Written], int], int]]] = {
    "okx": (okx_checksum, 25),
    "kraken": (kraken_checksum, 10),
}
"""Checksum by name, and the levels a side it reads."""


class WrittenBook:
    """The levels of one book as text, sorted; bounded by what the venue sends.

    Parameters
    ----------
    checksum
        Which checksum to tell.
    """

    def __init__(self, checksum: Literal["okx", "kraken"]) -> None:
        self._sum, self._levels_n = CHECKSUMS[checksum]
        self._depth = 0
        self.clear()

    def clear(self) -> None:
        """Forget all levels."""
        self._bids: list[float] = []  # minus price, so that the best of each side comes first
        self._asks: list[float] = []
        self._text: dict[float, tuple[str, str]] = {}

    def bound(self, depth: int) -> None:
        """Keep ``depth`` levels a side in :meth:`drop_beyond_depth`."""
        self._depth = depth

    def apply(self, bids: Sequence[WireLevel], asks: Sequence[WireLevel]) -> None:
        """Set or remove levels."""
        for keys, levels, sign in ((self._bids, bids, -1.0), (self._asks, asks, 1.0)):
            for level in levels:
                key = sign * float(level[0])
                if float(level[1]) == 0.0:
                    if self._text.pop(key, None) is not None:
                        del keys[bisect_left(keys, key)]
                else:
                    if key not in self._text:
                        insort(keys, key)
                    self._text[key] = (level[0], level[1])

    def drop_beyond_depth(self) -> tuple[list[WireLevel], list[WireLevel]]:
        """Remove what fell out of the subscribed depth and tell it as removals (size 0), bids then asks."""
        removed: tuple[list[WireLevel], list[WireLevel]] = ([], [])
        for keys, gone in ((self._bids, removed[0]), (self._asks, removed[1])):
            while self._depth and len(keys) > self._depth:
                gone.append((self._text.pop(keys.pop())[0], "0"))
        return removed

    def checksum(self) -> int:
        """The venue's checksum of the book as it stands."""
        return self._sum(self._best(self._bids), self._best(self._asks))

    def _best(self, keys: list[float]) -> list[tuple[str, str]]:
        return [self._text[key] for key in keys[: self._levels_n]]
