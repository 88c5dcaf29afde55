"""Market depth analysis: what rests within 0.1 % to 10 % of the mid, and what it costs to trade 10k, 100k and 1M.

Nothing is extrapolated: a band that reaches beyond the last visible level is marked as not covered, and a notional that
the visible book cannot fill has an unfilled rest and no cost. Sizes are base units (``units.py``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.book.depth import _EDGE_GUARD_FRAC
from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.errors import ConfigError

__all__ = [
    "BANDS_FRAC",
    "NOTIONALS_QUOTE",
    "DepthBand",
    "MarketDepthAnalysis",
    "TradeCost",
    "market_depth",
    "why_no_mid",
]

BANDS_FRAC: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
NOTIONALS_QUOTE: Final = (10_000.0, 100_000.0, 1_000_000.0)


@dataclass(frozen=True, slots=True)
class DepthBand:
    """Depth within ``band_frac`` of the mid, edge included.

    Sizes in base units, notionals in quote currency, ``imbalance`` -1..+1 of the notionals (null when both are 0).
    ``bid_covered`` and ``ask_covered`` tell whether the visible levels reach the edge; where they do not, the depth
    is a lower bound.
    """

    band_frac: float
    bid_base: float
    ask_base: float
    bid_quote: float
    ask_quote: float
    imbalance: float | None
    bid_covered: bool
    ask_covered: bool


@dataclass(frozen=True, slots=True)
class TradeCost:
    """A market order of ``notional_quote`` at level prices.

    ``cost_bps`` of the mid, >= 0 for buys and sells, null while something stays unfilled; ``avg_price`` of what was
    filled; ``filled_quote + unfilled_quote = notional_quote``; ``levels`` touched, the last one in part.
    """

    side: Literal["buy", "sell"]
    notional_quote: float
    cost_bps: float | None
    avg_price: float | None
    filled_quote: float
    unfilled_quote: float
    levels: int


@dataclass(frozen=True, slots=True)
class MarketDepthAnalysis:
    """Bands from near to far, and costs (buys, then sells; small to large); both empty with a ``reason``."""

    mid: float | None
    bands: tuple[DepthBand, ...]
    costs: tuple[TradeCost, ...]
    reason: str | None


def market_depth(
    book: BookSnapshot,
    *,
    bands_frac: Sequence[float] = BANDS_FRAC,
    notionals_quote: Sequence[float] = NOTIONALS_QUOTE,
) -> MarketDepthAnalysis:
    """Depth in bands around the mid and cost to trade, both sides.

    Each band equals :func:`~liquidity.book.depth.depth_bps` of its width.

    Returns
    -------
    MarketDepthAnalysis
        Without bands and costs, and with a reason, when the book has no mid.

    Raises
    ------
    ConfigError
        A band or notional that is not above 0.

    Examples
    --------
    >>> book = BookSnapshot.from_levels([[99.95, 200]], [[100.05, 50], [100.1, 10]])
    >>> depth = market_depth(book, bands_frac=[0.001], notionals_quote=[10_000])
    >>> depth.bands[0].ask_base, round(depth.costs[1].cost_bps, 6), round(depth.costs[0].unfilled_quote, 6)
    (60.0, 5.0, 3996.5)
    """
    for name, values in (("bands_frac", bands_frac), ("notionals_quote", notionals_quote)):
        if not all(0.0 < value < math.inf for value in values):
            raise ConfigError(f"market_depth: {name} {list(values)}, each must be finite and above 0")
    if math.isnan(book.mid):
        return MarketDepthAnalysis(None, (), (), why_no_mid(book))
    bids, asks = _CumulatedSide(book.bids, book.mid), _CumulatedSide(book.asks, book.mid)
    return MarketDepthAnalysis(
        mid=book.mid,
        bands=tuple(_band(bids, asks, float(width)) for width in bands_frac),
        costs=(
            *(asks.cost("buy", float(notional)) for notional in notionals_quote),
            *(bids.cost("sell", float(notional)) for notional in notionals_quote),
        ),
        reason=None,
    )


def why_no_mid(book: BookSnapshot) -> str | None:
    """Reason code of a book without a mid, ``None`` for a book that has one.

    Examples
    --------
    >>> why_no_mid(BookSnapshot.from_levels([], [[101.0, 1]]))
    'no_bids'
    """
    if book.crossed:
        return "crossed_book"
    if len(book.bids) == 0:
        return "no_bids" if len(book.asks) else "empty_book"
    return None if len(book.asks) else "no_asks"


def _band(bids: "_CumulatedSide", asks: "_CumulatedSide", band_frac: float) -> DepthBand:
    (bid_base, bid_quote), (ask_base, ask_quote) = bids.within(band_frac), asks.within(band_frac)
    total = bid_quote + ask_quote
    return DepthBand(
        band_frac=band_frac,
        bid_base=bid_base,
        ask_base=ask_base,
        bid_quote=bid_quote,
        ask_quote=ask_quote,
        imbalance=(bid_quote - ask_quote) / total if total > 0.0 else None,
        bid_covered=bids.covers(band_frac),
        ask_covered=asks.covers(band_frac),
    )


class _CumulatedSide:
    """One side with running sums, so that every band and notional is one look-up."""

    def __init__(self, levels: NDArray[np.float64], mid: float) -> None:
        self.mid = mid
        self.prices = levels[:, 0]
        self.distance = np.abs(self.prices - mid)
        self.base = np.concatenate(([0.0], np.cumsum(levels[:, 1])))
        self.quote = np.concatenate(([0.0], np.cumsum(levels[:, 0] * levels[:, 1])))

    def _limit(self, band_frac: float) -> float:
        return self.mid * (band_frac * 1e4) / 1e4 + self.mid * _EDGE_GUARD_FRAC

    def within(self, band_frac: float) -> tuple[float, float]:
        count = int(np.searchsorted(self.distance, self._limit(band_frac), side="right"))
        return float(self.base[count]), float(self.quote[count])

    def covers(self, band_frac: float) -> bool:
        return bool(self.distance[-1] >= self.mid * band_frac * (1.0 - 1e-9))

    def cost(self, side: Literal["buy", "sell"], notional: float) -> TradeCost:
        full = int(np.searchsorted(self.quote, notional, side="left"))
        if full == len(self.quote):
            filled, base, levels = float(self.quote[-1]), float(self.base[-1]), len(self.prices)
            return TradeCost(side, notional, None, filled / base, filled, notional - filled, levels)
        # Level `full` is the one in which the notional ends.
        before = float(self.quote[full - 1])
        base = float(self.base[full - 1]) + (notional - before) / float(self.prices[full - 1])
        average = notional / base
        worse = average - self.mid if side == "buy" else self.mid - average
        return TradeCost(side, notional, max(1e4 * worse / self.mid, 0.0), average, notional, 0.0, full)
