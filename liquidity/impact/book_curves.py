"""Visible books as curves of size against cost, one per instrument and side, laid end to end in flat arrays.

Read next: ``surface.py``, which walks them; ``surface_inputs.py``, which makes them from the stored levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError

__all__ = ["BUY", "SELL", "BookCurves", "Curve", "book_curve", "mean_curve"]

BUY: Final = 0
"""Row of the buyer's curve, made of the asks."""
SELL: Final = 1
"""Row of the seller's curve, made of the bids."""
_MOST_KNOTS: Final = 256
_LEAST_GAP: Final = 1e-6
_LEAST_DEPTH_FRAC: Final = 0.01
_EDGE_QUANTILE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Curve:
    """One side of one book, best price first.

    Attributes
    ----------
    size_ccy
        (L,) cumulative value up to and with the step, ascending.
    marginal_bps
        (L,) distance of the step's price from mid, bps, at least 0 and not falling.
    coverage_frac
        Share of the books that entered; 1 for one book.
    """

    size_ccy: NDArray[np.float64]
    marginal_bps: NDArray[np.float64]
    coverage_frac: float = 1.0

    @property
    def total(self) -> NDArray[np.float64]:
        """(L,) cost of the cumulative value, currency times bps."""
        return np.cumsum(np.diff(self.size_ccy, prepend=0.0) * self.marginal_bps)


@dataclass(frozen=True, slots=True)
class BookCurves:
    """Curves of N instruments; a side without a visible book has no step.

    Attributes
    ----------
    start
        (2, N + 1) where each instrument's steps begin, row :data:`BUY` and row :data:`SELL`.
    size_ccy, marginal_bps, total
        (L,) as in :class:`Curve`, all buyers' curves first, then all sellers'.
    """

    start: NDArray[np.int64]
    size_ccy: NDArray[np.float64]
    marginal_bps: NDArray[np.float64]
    total: NDArray[np.float64]

    @classmethod
    def of(cls, n: int, buy: dict[int, Curve], sell: dict[int, Curve]) -> "BookCurves":
        """Lay curves end to end; ``buy`` and ``sell`` by place of the instrument, 0 to ``n`` - 1."""
        start = np.zeros((2, n + 1), dtype=np.int64)
        parts: list[Curve] = []
        at = 0
        for side, curves in enumerate((buy, sell)):
            lengths = np.zeros(n, dtype=np.int64)
            for place in sorted(curves):
                lengths[place] = len(curves[place].size_ccy)
                parts.append(curves[place])
            start[side] = at + np.concatenate([[0], np.cumsum(lengths)])
            at = int(start[side, -1])
        none: list[NDArray[np.float64]] = [np.zeros(0)]
        return cls(
            start,
            np.concatenate(none + [part.size_ccy for part in parts]),
            np.concatenate(none + [part.marginal_bps for part in parts]),
            np.concatenate(none + [part.total for part in parts]),
        )

    def __len__(self) -> int:
        return int(self.start.shape[1]) - 1

    @property
    def is_empty(self) -> bool:
        """Whether no instrument has a book."""
        return not len(self.size_ccy)

    def best_bps(self, side: int) -> NDArray[np.float64]:
        """(N,) distance of the best price from mid; NaN without a book."""
        out = np.full(len(self), np.nan)
        having = self.start[side, 1:] > self.start[side, :-1]
        out[having] = self.marginal_bps[self.start[side, :-1][having]]
        return out

    def visible_ccy(self, side: int) -> NDArray[np.float64]:
        """(N,) value that the curve covers; 0 without a book."""
        out = np.zeros(len(self))
        having = self.start[side, 1:] > self.start[side, :-1]
        out[having] = self.size_ccy[self.start[side, 1:][having] - 1]
        return out

    def curve(self, side: int, place: int) -> Curve | None:
        """The curve of one instrument and side; ``None`` without a book."""
        steps = slice(self.start[side, place], self.start[side, place + 1])
        if steps.start == steps.stop:
            return None
        return Curve(self.size_ccy[steps], self.marginal_bps[steps])

    def take(self, places: NDArray[np.int64]) -> "BookCurves":
        """Curves of the chosen instruments, in the order of ``places``."""
        chosen = [self.start[side][places] for side in (BUY, SELL)]
        lengths = [self.start[side][places + 1] - chosen[side] for side in (BUY, SELL)]
        start = np.zeros((2, len(places) + 1), dtype=np.int64)
        start[BUY, 1:] = np.cumsum(lengths[BUY])
        start[SELL] = start[BUY, -1] + np.concatenate([[0], np.cumsum(lengths[SELL])])
        if self.is_empty:
            return BookCurves(start, self.size_ccy, self.marginal_bps, self.total)
        counts = np.concatenate(lengths)
        begins = np.concatenate([start[BUY, :-1], start[SELL, :-1]])
        rows = np.repeat(np.concatenate(chosen) - begins, counts) + np.arange(int(counts.sum()))
        return BookCurves(start, self.size_ccy[rows], self.marginal_bps[rows], self.total[rows])

    def followed_by(self, other: "BookCurves") -> "BookCurves":
        """Curves of these instruments, then those of ``other``."""
        buys, more_buys = int(self.start[BUY, -1]), int(other.start[BUY, -1])
        start = np.stack(
            [
                np.concatenate([self.start[BUY], other.start[BUY, 1:] + buys]),
                np.concatenate([self.start[SELL] + more_buys, other.start[SELL, 1:] + len(self.size_ccy)]),
            ]
        )

        def joined(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.concatenate([one[:buys], two[:more_buys], one[buys:], two[more_buys:]])

        return BookCurves(
            start,
            joined(self.size_ccy, other.size_ccy),
            joined(self.marginal_bps, other.marginal_bps),
            joined(self.total, other.total),
        )

    def stressed(self, depth_left_frac: NDArray[np.float64], spread_mult: NDArray[np.float64]) -> "BookCurves":
        """Thin every step and push all prices away from mid by what the spread widens.

        Parameters
        ----------
        depth_left_frac
            (N,) share of resting value that stays; below 0.01 counts as 0.01.
        spread_mult
            (N,) times the best price's distance from mid; the steps behind it keep their distance to it.
        """
        if self.is_empty:
            return self
        left = np.maximum(depth_left_frac, _LEAST_DEPTH_FRAC)
        moved = [(spread_mult - 1.0) * np.nan_to_num(self.best_bps(side)) for side in (BUY, SELL)]
        counts = np.concatenate([np.diff(self.start[BUY]), np.diff(self.start[SELL])])
        shift = np.repeat(np.concatenate(moved), counts)
        size = self.size_ccy * np.repeat(np.concatenate([left, left]), counts)
        total = self.total * np.repeat(np.concatenate([left, left]), counts) + shift * size
        return BookCurves(self.start, size, self.marginal_bps + shift, total)


def book_curve(
    price: NDArray[np.float64],
    notional: NDArray[np.float64],
    mid: float,
    bands: Sequence[tuple[float, float]] = (),
    costs: Sequence[tuple[float, float]] = (),
) -> Curve | None:
    """One side of one book as a curve; ``None`` for a side that is empty or crosses mid.

    Parameters
    ----------
    price, notional
        (L,) price and resting value of the levels, any order.
    bands
        Deeper bands of the same moment: width as fraction of mid, and cumulative value from mid; NaN is unknown. What a
        band holds beyond what is known nearer to mid is priced half way to its edge.
    costs
        Known costs of larger sizes: value, and average cost over mid in bps; NaN is unknown.

    Returns
    -------
    Curve | None
        Exact for the levels: the cost of any size within them is the sum over its fills.
    """
    known = (notional > 0.0) & np.isfinite(price)
    if not known.any() or not mid > 0.0:
        return None
    distance = 1e4 * np.abs(price[known] / mid - 1.0)
    signs = np.sign(price[known] - mid)
    if (signs != signs[0]).any():
        return None
    order = np.argsort(distance, kind="stable")
    marginal = distance[order]
    size = np.cumsum(notional[known][order])
    held, reached = float(size[-1]), float(marginal[-1])
    paid = float(np.dot(np.diff(size, prepend=0.0), marginal))
    sizes, marginals = size.tolist(), marginal.tolist()
    points = [(depth, 1e4 * width, True) for width, depth in bands] + [(value, bps, False) for value, bps in costs]
    for value, bps, is_band in sorted(point for point in points if np.isfinite(point[:2]).all()):
        if not value > held * (1.0 + _LEAST_GAP) or (is_band and not bps > reached):
            continue
        added_at = (reached + bps) / 2.0 if is_band else max(reached, (value * bps - paid) / (value - held))
        sizes.append(value)
        marginals.append(added_at)
        paid += (value - held) * added_at
        held, reached = value, bps if is_band else added_at
    return Curve(np.array(sizes), np.array(marginals))


def mean_curve(curves: Sequence[Curve]) -> Curve | None:
    """Cost of an order that arrives at a random one of the moments: the mean of the walks; ``None`` for no curve.

    Notes
    -----
    The curve ends where 95 % of the books still show depth. The thinner books are left out at every size, else the mean
    would fall where they end; ``coverage_frac`` tells the share that entered. Every step of every book is a knot; of more
    than 256, those nearest to a geometric ladder, joined by straight lines of total cost and so never below the mean of
    the walks. One curve is itself.
    """
    if not curves:
        return None
    if len(curves) == 1:
        return curves[0]
    edges = np.array([curve.size_ccy[-1] for curve in curves])
    edge = float(np.quantile(edges, _EDGE_QUANTILE, method="lower"))
    entering = [curve for curve, own in zip(curves, edges, strict=True) if own >= edge]
    least = min(float(curve.size_ccy[0]) for curve in entering)
    if not 0.0 < least <= edge:
        raise ContractError(f"mean_curve: smallest step {least} above the edge {edge}; steps must ascend from above 0")
    steps = np.unique(np.concatenate([curve.size_ccy for curve in entering]))
    steps = steps[np.diff(steps, prepend=0.0) > _LEAST_GAP * steps]  # a slope between twins is rounding alone
    knots = np.append(steps[steps < edge * (1.0 - _LEAST_GAP)], edge)
    if len(knots) > _MOST_KNOTS:
        knots = knots[np.unique(np.searchsorted(knots[:-1], np.geomspace(least, edge, _MOST_KNOTS)))]
    total = np.zeros(len(knots))
    for curve in entering:
        total += np.interp(knots, np.concatenate([[0.0], curve.size_ccy]), np.concatenate([[0.0], curve.total]))
    total /= len(entering)
    marginal = np.diff(total, prepend=0.0) / np.diff(knots, prepend=0.0)
    # A sum of convex walks is convex; the last bits of the quotient are not.
    return Curve(knots, np.maximum.accumulate(marginal), len(entering) / len(curves))
