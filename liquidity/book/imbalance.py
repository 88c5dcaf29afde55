"""Which side of the book is heavier."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.observation import observed_number

__all__ = ["DecayImbalance", "WeightedMid", "decay_imbalance", "weighted_mid"]


@dataclass(frozen=True, slots=True)
class WeightedMid:
    """``imbalance`` 0 (all ask) to 1 (all bid), ``signed`` the same in -1..1, and the mid leaning to the thinner side."""

    imbalance: float | None
    signed: float | None
    weighted_mid: float | None


@dataclass(frozen=True, slots=True)
class DecayImbalance:
    """``imbalance`` -1 (only asks) to +1 (only bids)."""

    imbalance: float | None


def weighted_mid(bid: float | None, ask: float | None, bid_size: float | None, ask_size: float | None) -> WeightedMid:
    """Mid weighted by the sizes at the best quotes.

    I = Qb / (Qb + Qa); weighted mid = I ask + (1 - I) bid. This is not the micro-price of Stoikov (2018), which adds a
    fitted adjustment.

    Returns
    -------
    WeightedMid
        All null for a crossed, missing or non-positive quote, a missing or negative size, or when both sizes are 0.

    References
    ----------
    Cartea, Jaimungal and Penalva (2015), Algorithmic and High-Frequency Trading.

    Examples
    --------
    >>> weighted_mid(99.0, 101.0, 300, 100)
    WeightedMid(imbalance=0.75, signed=0.5, weighted_mid=100.5)
    """
    low, high, bids, asks = map(observed_number, (bid, ask, bid_size, ask_size))
    if not (0.0 < low <= high and bids >= 0.0 and asks >= 0.0 and bids + asks > 0.0):
        return WeightedMid(None, None, None)
    share = bids / (bids + asks)
    return WeightedMid(share, (bids - asks) / (bids + asks), share * high + (1.0 - share) * low)


def decay_imbalance(book: BookSnapshot, levels: int, tau_bps: float) -> DecayImbalance:
    """Imbalance of sizes, near levels counting more.

    Weight exp(-d / tau_bps), d the distance to the mid in bps; (bids - asks) / (bids + asks) of the weighted sizes.

    Parameters
    ----------
    levels
        Levels of each side that enter, from the best.
    tau_bps
        Distance at which a size counts 1/e; 5 bps suits liquid books.

    Returns
    -------
    DecayImbalance
        -1..1, unchanged when all sizes are scaled. A book with one side only is +1 or -1 whatever the weights; an
        empty or crossed book, ``levels`` below 1 or ``tau_bps`` not above 0 gives null.

    Examples
    --------
    >>> decay_imbalance(BookSnapshot.from_levels([[99.0, 2]], [[101.0, 2]]), levels=5, tau_bps=5.0).imbalance
    0.0
    """
    tau = observed_number(tau_bps)
    if book.crossed or levels < 1 or not tau > 0.0:
        return DecayImbalance(None)
    if math.isnan(book.mid):
        return DecayImbalance(1.0 if len(book.bids) else -1.0 if len(book.asks) else None)
    bids, asks = (_decayed(side[:levels], book.mid, tau) for side in (book.bids, book.asks))
    total = bids + asks
    return DecayImbalance((bids - asks) / total if total > 0.0 else None)


def _decayed(side: NDArray[np.float64], mid: float, tau_bps: float) -> float:
    distance_bps = 1e4 * np.abs(side[:, 0] - mid) / mid
    return float((side[:, 1] * np.exp(-distance_bps / tau_bps)).sum())
