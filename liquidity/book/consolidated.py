"""One book of several venues: sizes added at common prices, stale venues set aside, crossings between venues shown.

Read next: ``lead_lag.py`` (which venue moves first).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.book.depth_bands import why_no_mid
from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.errors import ConfigError

__all__ = ["MAX_AGE_S", "ConsolidatedBook", "ConsolidatedSide", "CrossedVenues", "SetAside", "VenueBook", "consolidate"]

MAX_AGE_S: Final = 5.0
"""Age at which a venue's book is no longer part of the whole."""


@dataclass(frozen=True, slots=True, eq=False)
class VenueBook:
    """Book of one venue: ``book`` in base units (``units.py``), ``quote`` the currency of its prices, ``at_ns`` its time."""

    venue: str
    quote: str
    at_ns: int
    book: BookSnapshot


@dataclass(frozen=True, slots=True)
class SetAside:
    """A venue that does not take part, and why: ``stale``, ``from_the_future``, ``crossed_book`` or ``empty_book``."""

    venue: str
    reason: str
    age_s: float


@dataclass(frozen=True, slots=True)
class CrossedVenues:
    """Buying at ``ask_venue`` and selling at ``bid_venue`` pays ``gap_bps`` > 0 of the ask, before fees and delays."""

    bid_venue: str
    ask_venue: str
    bid: float
    ask: float
    gap_bps: float


@dataclass(frozen=True, slots=True, eq=False)
class ConsolidatedSide:
    """Prices best first, shape ``(levels,)``, and base units of each venue at each price, shape ``(levels, venues)``."""

    prices: NDArray[np.float64]
    size_base: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ConsolidatedBook:
    """Several venues as one.

    Attributes
    ----------
    book
        Sizes of all venues added at common prices. It is crossed when venues cross each other; its ``mid`` is then
        NaN, because no one price stands in the middle.
    venues
        Those that take part, in the order of the columns of ``bids`` and ``asks``.
    crossed
        Every pair whose best prices cross, widest gap first.
    set_aside
        Venues left out, with reasons.
    """

    book: BookSnapshot
    venues: tuple[str, ...]
    bids: ConsolidatedSide
    asks: ConsolidatedSide
    crossed: tuple[CrossedVenues, ...]
    set_aside: tuple[SetAside, ...]


def consolidate(books: Sequence[VenueBook], now_ns: int, *, max_age_s: float = MAX_AGE_S) -> ConsolidatedBook:
    """Put the books of several venues together.

    Parameters
    ----------
    books
        One per venue, all quoted in one currency.
    now_ns
        The moment asked about, nanoseconds since 1970 UTC; a book of a later time is not known yet and is set aside.
    max_age_s
        A book older than this is set aside as ``stale``.

    Returns
    -------
    ConsolidatedBook
        Two equal decimal prices are one level: grids give equal decimals equal floats.

    Raises
    ------
    ConfigError
        A venue twice, different quote currencies (a dollar is not a stablecoin), or an age not above 0.

    Examples
    --------
    >>> one = VenueBook("binance", "USDT", 0, BookSnapshot.from_levels([[99.0, 1]], [[101.0, 1]]))
    >>> two = VenueBook("bybit", "USDT", 0, BookSnapshot.from_levels([[99.0, 2], [98.0, 1]], [[102.0, 1]]))
    >>> consolidate([one, two], now_ns=0).book.bids.tolist()
    [[99.0, 3.0], [98.0, 1.0]]
    """
    names = [each.venue for each in books]
    quotes = sorted({each.quote for each in books})
    if len(set(names)) < len(names) or len(quotes) > 1 or not max_age_s > 0.0:
        raise ConfigError(
            f"consolidate: venues {names}, quote currencies {quotes}, max_age_s {max_age_s}; allowed one book per venue, "
            "one quote currency and an age above 0; convert or group the books first"
        )
    used, set_aside = [], []
    for each in books:
        reason, age_s = _why_not(each, now_ns, max_age_s)
        if reason is None:
            used.append(each)
        else:
            set_aside.append(SetAside(each.venue, reason, age_s))
    bids = _merged([each.book.bids for each in used], descending=True)
    asks = _merged([each.book.asks for each in used], descending=False)
    return ConsolidatedBook(
        book=BookSnapshot(*(np.column_stack((side.prices, side.size_base.sum(axis=1))) for side in (bids, asks))),
        venues=tuple(each.venue for each in used),
        bids=bids,
        asks=asks,
        crossed=_crossings(used),
        set_aside=tuple(set_aside),
    )


def _why_not(
    book: VenueBook, now_ns: int, max_age_s: float
) -> tuple[Literal["stale", "from_the_future", "crossed_book", "empty_book"] | None, float]:
    age_s = (now_ns - book.at_ns) / 1e9
    if age_s < 0.0:
        return "from_the_future", age_s
    if age_s > max_age_s:
        return "stale", age_s
    # One-sided venues still add their side; only a book that contradicts itself or holds nothing stays out.
    why = why_no_mid(book.book)
    return ("crossed_book" if why == "crossed_book" else "empty_book" if why == "empty_book" else None), age_s


def _merged(sides: list[NDArray[np.float64]], *, descending: bool) -> ConsolidatedSide:
    stacked = np.concatenate(sides) if sides else np.empty((0, 2))
    prices, place = np.unique(stacked[:, 0], return_inverse=True)
    venue = np.repeat(np.arange(len(sides)), [len(side) for side in sides])
    cells = np.bincount(place * len(sides) + venue, weights=stacked[:, 1], minlength=len(prices) * len(sides))
    size = cells.astype(np.float64).reshape(len(prices), len(sides))  # bincount of nothing counts in integers
    return ConsolidatedSide(prices[::-1], size[::-1]) if descending else ConsolidatedSide(prices, size)


def _crossings(books: list[VenueBook]) -> tuple[CrossedVenues, ...]:
    found = []
    for buyer in books:
        for seller in books:
            if buyer is seller or len(buyer.book.bids) == 0 or len(seller.book.asks) == 0:
                continue
            bid, ask = float(buyer.book.bids[0, 0]), float(seller.book.asks[0, 0])
            if bid > ask:
                found.append(CrossedVenues(buyer.venue, seller.venue, bid, ask, 1e4 * (bid - ask) / ask))
    return tuple(sorted(found, key=lambda each: -each.gap_bps))
