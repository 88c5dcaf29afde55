"""How much rests near the mid, and how steeply it piles up."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.observation import observed_number, or_none

__all__ = ["BookSlope", "Depth", "depth_bps", "lob_slope_ns"]

# A level exactly on the band's edge belongs to it; the guard is a relative 1e-12 of the mid, against rounding.
_EDGE_GUARD_FRAC = 1e-12


@dataclass(frozen=True, slots=True)
class Depth:
    """Size (base units) and notional (quote currency) within the band; ``imbalance`` -1 all asks to +1 all bids."""

    bid_base: float | None
    ask_base: float | None
    bid_quote: float | None
    ask_quote: float | None
    imbalance: float | None


@dataclass(frozen=True, slots=True)
class BookSlope:
    """Slope of each side and their mean; high means that depth piles up close to the mid."""

    bid: float | None
    ask: float | None
    slope: float | None


def depth_bps(book: BookSnapshot, bps: float) -> Depth:
    """Resting depth within ``bps`` basis points of the mid.

    Parameters
    ----------
    bps
        Half width of the band; a level belongs to it when |price - mid| <= mid bps / 1e4, edge included.

    Returns
    -------
    Depth
        Sums over the band, 0 where the band holds no level. ``imbalance`` = (bid - ask) / (bid + ask) of the
        notionals, null when both are 0. All null when the book has no mid or ``bps`` is missing or negative.

    Examples
    --------
    >>> book = BookSnapshot.from_levels([[99.0, 3], [90.0, 5]], [[101.0, 1]])
    >>> depth = depth_bps(book, 100)
    >>> depth.bid_base, depth.ask_quote
    (3.0, 101.0)
    """
    width = observed_number(bps)
    if math.isnan(book.mid) or not width >= 0.0:
        return Depth(None, None, None, None, None)
    limit = book.mid * width / 1e4 + book.mid * _EDGE_GUARD_FRAC
    (bid_base, bid_quote), (ask_base, ask_quote) = (_within(side, book.mid, limit) for side in (book.bids, book.asks))
    total = bid_quote + ask_quote
    imbalance = (bid_quote - ask_quote) / total if total > 0.0 else None
    return Depth(bid_base, ask_base, bid_quote, ask_quote, imbalance)


def _within(side: NDArray[np.float64], mid: float, limit: float) -> tuple[float, float]:
    near = side[np.abs(side[:, 0] - mid) <= limit]
    return float(near[:, 1].sum()), float((near[:, 0] * near[:, 1]).sum())


def lob_slope_ns(book: BookSnapshot) -> BookSlope:
    """Slope of the order book after Naes and Skjeltorp.

    Per side (1/N) [ v_1 / |p_1/p_0 - 1| + sum_{k=1}^{N-1} (v_{k+1}/v_k - 1) / |p_{k+1}/p_k - 1| ] with v_k the natural
    logarithm of the cumulative size up to level k and p_0 the mid; the slope is the mean of the sides.

    Returns
    -------
    BookSlope
        Dimensionless, >= 0. A side is null when the first level holds one unit or less (v_1 <= 0), when two of its
        levels share a price, or when the book is locked or has no mid; the slope is null when a side is.

    References
    ----------
    Naes and Skjeltorp (2006), Journal of Financial Markets 9(4), 408-432.
    """
    bid, ask = (_side_slope(side, book.mid) for side in (book.bids, book.asks))
    return BookSlope(or_none(bid), or_none(ask), or_none((bid + ask) / 2))


def _side_slope(side: NDArray[np.float64], mid: float) -> float:
    if math.isnan(mid) or len(side) == 0 or side[0, 1] <= 1.0:
        return math.nan
    steps = np.abs(np.diff(np.concatenate(([mid], side[:, 0]))) / np.concatenate(([mid], side[:-1, 0])))
    if (steps == 0.0).any():
        return math.nan
    log_size = np.log(np.cumsum(side[:, 1]))
    rises = np.concatenate((log_size[:1], log_size[1:] / log_size[:-1] - 1.0))
    return float((rises / steps).sum() / len(side))
