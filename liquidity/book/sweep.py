"""What it costs to take liquidity: a market order walking the book, and the round trip of a notional.

Nothing is extrapolated beyond the visible book: what is not there stays unfilled.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import observed_number, or_none

__all__ = ["BookSweep", "RoundTripCost", "book_sweep", "xlm"]


@dataclass(frozen=True, slots=True)
class BookSweep:
    """A market order's fill: prices in quote currency, sizes in base units, slippage positive when it costs."""

    avg_price: float | None
    slippage_bps: float | None
    worst_price: float | None
    filled: float | None
    unfilled: float | None
    levels: int | None


@dataclass(frozen=True, slots=True)
class RoundTripCost:
    """Cost of buying and selling the same notional at once, bps of the mid, >= 0."""

    xlm_bps: float | None


def book_sweep(book: BookSnapshot, side: int, qty: float) -> BookSweep:
    """Walk the book with a market order.

    Parameters
    ----------
    side
        +1 buys from the asks, -1 sells to the bids.
    qty
        Order size in base units, above 0.

    Returns
    -------
    BookSweep
        ``avg_price`` the volume-weighted price of what was filled, ``slippage_bps`` = 1e4 side (avg - mid) / mid,
        ``worst_price`` the last level touched, ``filled + unfilled = qty``. An empty opposite side fills 0 and has no
        price; without a mid the slippage is null; a crossed book gives null throughout.

    Raises
    ------
    ConfigError
        ``qty`` is not above 0, or ``side`` is neither +1 nor -1.

    Examples
    --------
    >>> book = BookSnapshot.from_levels([[99.0, 1]], [[101.0, 1], [102.0, 1]])
    >>> fill = book_sweep(book, side=1, qty=3)
    >>> fill.avg_price, fill.filled, fill.unfilled, fill.levels
    (101.5, 2.0, 1.0, 2)
    """
    wanted = observed_number(qty)
    if not wanted > 0.0:
        raise ConfigError(f"book_sweep.qty: found {qty!r} base units, allowed (0, inf); ask for a positive size")
    if side not in (1, -1):
        raise ConfigError(f"book_sweep.side: found {side!r}, allowed +1 (buy) or -1 (sell)")
    if book.crossed:
        return BookSweep(None, None, None, None, None, None)
    resting = book.asks if side == 1 else book.bids
    if len(resting) == 0:
        return BookSweep(None, None, None, 0.0, wanted, 0)
    taken = _consumed(resting[:, 1], wanted)
    filled = float(taken.sum())
    average = float((taken * resting[:, 0]).sum()) / filled
    touched = int(np.count_nonzero(taken))
    return BookSweep(
        avg_price=average,
        slippage_bps=or_none(1e4 * side * (average - book.mid) / book.mid),
        worst_price=float(resting[touched - 1, 0]),
        filled=filled,
        unfilled=max(wanted - filled, 0.0),
        levels=touched,
    )


def _consumed(available: NDArray[np.float64], wanted: float) -> NDArray[np.float64]:
    """How much of each level an amount takes, best level first; the last one in part."""
    before = np.concatenate(([0.0], np.cumsum(available)[:-1]))
    return np.clip(wanted - before, 0.0, available)


def xlm(book: BookSnapshot, notional: float) -> RoundTripCost:
    """Cost of a round trip of ``notional``, the Xetra liquidity measure.

    Each side is walked until the notional is spent at level prices, the last level in part; with q the base quantity of
    a side, its price is notional / q, and xlm = 1e4 [(p_buy - mid) + (mid - p_sell)] / mid.

    Parameters
    ----------
    notional
        Quote currency per side.

    Returns
    -------
    RoundTripCost
        bps, >= 0; null when either side cannot fill the notional, the book has no mid, or the notional is missing or
        not above 0.

    References
    ----------
    Gomber, Schweickert and Theissen (2015), European Financial Management 21(1), 52-78.

    Examples
    --------
    >>> xlm(BookSnapshot.from_levels([[99.0, 10]], [[101.0, 10]]), notional=500.0).xlm_bps
    200.0
    """
    wanted = observed_number(notional)
    if math.isnan(book.mid) or not wanted > 0.0:
        return RoundTripCost(None)
    sell, buy = (_price_of_notional(side, wanted) for side in (book.bids, book.asks))
    return RoundTripCost(or_none(1e4 * ((buy - book.mid) / book.mid + (book.mid - sell) / book.mid)))


def _price_of_notional(side: NDArray[np.float64], notional: float) -> float:
    worth = side[:, 0] * side[:, 1]
    if worth.sum() < notional:
        return math.nan
    return notional / float((_consumed(worth, notional) / side[:, 0]).sum())
