"""A short fingerprint of the best levels, to compare books across implementations."""

import hashlib
from collections.abc import Iterable
from decimal import Decimal

__all__ = ["top_hash"]


def top_hash(bids: Iterable[tuple[Decimal, Decimal]], asks: Iterable[tuple[Decimal, Decimal]]) -> str:
    """First 16 hexadecimal digits of the SHA-256 of ``price:size`` of the bids, then the asks, joined by ``|``.

    Parameters
    ----------
    bids, asks
        The levels to be hashed (twenty a side by convention), best first, exact decimals; trailing zeros are removed
        before writing (``Decimal.normalize``), so that books of different text compare equal.

    Examples
    --------
    >>> top_hash([(Decimal("100.0"), Decimal("2"))], [(Decimal("100.5"), Decimal("0.10"))])
    'a3927b373a83c001'
    """
    levels = [f"{price.normalize()}:{size.normalize()}" for side in (bids, asks) for price, size in side]
    return hashlib.sha256("|".join(levels).encode()).hexdigest()[:16]
