"""The order book of one moment and what it says about liquidity: spreads, depth, imbalance, sweep cost, flow, recovery.

A crossed, one-sided or unusable book gives ``None``, never 0. Costs are positive for buys and sells.
Read first: ``snapshot.py`` (what a book is), then the subject needed.
"""

from liquidity.book.depth import BookSlope, Depth, depth_bps, lob_slope_ns
from liquidity.book.flow import OrderFlowImbalance, Vpin, ofi, vpin
from liquidity.book.imbalance import DecayImbalance, WeightedMid, decay_imbalance, weighted_mid
from liquidity.book.resiliency import Resiliency, resiliency
from liquidity.book.snapshot import BookSnapshot
from liquidity.book.spreads import EffectiveSpread, QuotedSpread, effective_spread, quoted_spread
from liquidity.book.sweep import BookSweep, RoundTripCost, book_sweep, xlm

__all__ = [
    "BookSlope",
    "BookSnapshot",
    "BookSweep",
    "DecayImbalance",
    "Depth",
    "EffectiveSpread",
    "OrderFlowImbalance",
    "QuotedSpread",
    "Resiliency",
    "RoundTripCost",
    "Vpin",
    "WeightedMid",
    "book_sweep",
    "decay_imbalance",
    "depth_bps",
    "effective_spread",
    "lob_slope_ns",
    "ofi",
    "quoted_spread",
    "resiliency",
    "vpin",
    "weighted_mid",
    "xlm",
]
