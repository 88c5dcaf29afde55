"""An order book at one moment: price levels of both sides, best first.

Read next: ``depth.py``, ``sweep.py``, ``imbalance.py``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["BookSnapshot"]

_Levels = Sequence[Sequence[float | None]] | NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BookSnapshot:
    """Resting orders of both sides, one ``[price, size]`` row per level.

    A level whose price or size is missing, zero or negative is no offer and is left out. Levels are kept best first;
    input in another order is sorted.

    Parameters
    ----------
    bids, asks
        Shape ``(levels, 2)``: price in quote currency, size in base units.

    Attributes
    ----------
    mid
        Half way between the best quotes; NaN when a side is empty or the book is crossed (best bid above best ask),
        because then no price stands in the middle.
    crossed
        Best bid above best ask: the snapshot mixes two moments and no figure of it can be trusted.

    Examples
    --------
    >>> book = BookSnapshot.from_levels(bids=[[99.0, 5], [98.0, 1]], asks=[[101.0, 2]])
    >>> book.mid, book.crossed
    (100.0, False)
    """

    bids: NDArray[np.float64]
    asks: NDArray[np.float64]
    mid: float = field(init=False)
    crossed: bool = field(init=False)

    def __post_init__(self) -> None:
        """Find the middle once."""
        both = len(self.bids) > 0 and len(self.asks) > 0
        crossed = both and bool(self.bids[0, 0] > self.asks[0, 0])
        middle = (float(self.bids[0, 0]) + float(self.asks[0, 0])) / 2 if both and not crossed else math.nan
        object.__setattr__(self, "crossed", crossed)
        object.__setattr__(self, "mid", middle)

    @classmethod
    def from_levels(cls, bids: _Levels, asks: _Levels) -> "BookSnapshot":
        """Build a snapshot from lists of ``[price, size]`` as venues send them; further entries of a level are ignored."""
        return cls(bids=_clean(bids, descending=True), asks=_clean(asks, descending=False))


def _clean(levels: _Levels, *, descending: bool) -> NDArray[np.float64]:
    array = np.array([[level[0], level[1]] for level in levels], dtype=np.float64).reshape(-1, 2)
    offered = np.isfinite(array).all(axis=1) & (array > 0.0).all(axis=1)
    array = array[offered]
    order = np.argsort(-array[:, 0] if descending else array[:, 0], kind="stable")
    return array[order]
