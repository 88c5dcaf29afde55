"""Depth pressure: towards which side the resting orders have moved since an earlier book."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.book.snapshot import BookSnapshot
from liquidity.domain.errors import ConfigError

__all__ = ["TAU_BPS", "DepthPressure", "depth_pressure"]

TAU_BPS: Final = 5.0
"""Distance at which a resting order counts 1/e."""


@dataclass(frozen=True, slots=True)
class DepthPressure:
    """-1 (asks gained, bids lost) to +1 (bids gained, asks lost); null with a ``reason``."""

    pressure: float | None
    reason: str | None


def depth_pressure(before: BookSnapshot, now: BookSnapshot, *, tau_bps: float = TAU_BPS) -> DepthPressure:
    """Change of the distance-weighted depth of the bids less that of the asks, over the depth of both books.

    With B and A the notional of bids and asks, each level weighted by exp(-d / tau_bps):
    pressure = [(B1 - B0) - (A1 - A0)] / (B0 + B1 + A0 + A1). d is the distance to the *earlier* mid in bps, 0 for a
    price beyond it, so that a bid that steps up and an ask that is lifted both count as buying pressure. Bounded by
    construction, because a change is never larger than the sum of both depths; unchanged when all sizes are scaled.

    Returns
    -------
    DepthPressure
        Exactly 0 for equal books. Null with ``no_mid`` when either book has no mid, and ``no_depth`` when all weights
        vanish.

    Raises
    ------
    ConfigError
        ``tau_bps`` is not above 0.

    Examples
    --------
    >>> before = BookSnapshot.from_levels([[99.0, 2]], [[101.0, 2]])
    >>> round(depth_pressure(before, BookSnapshot.from_levels([[99.0, 4]], [[101.0, 2]]), tau_bps=100).pressure, 4)
    0.1984
    """
    if not 0.0 < tau_bps < math.inf:
        raise ConfigError(f"depth_pressure: tau_bps {tau_bps}, allowed (0, inf); {TAU_BPS:g} suits liquid books")
    if math.isnan(before.mid) or math.isnan(now.mid):
        return DepthPressure(None, "no_mid")
    mid = before.mid
    bids_before, bids_now = (_weighted(book.bids, mid, 1.0, tau_bps) for book in (before, now))
    asks_before, asks_now = (_weighted(book.asks, mid, -1.0, tau_bps) for book in (before, now))
    total = bids_before + bids_now + asks_before + asks_now
    if not total > 0.0:
        return DepthPressure(None, "no_depth")
    moved = (bids_now - bids_before) - (asks_now - asks_before)
    return DepthPressure(min(max(moved / total, -1.0), 1.0), None)


def _weighted(side: NDArray[np.float64], mid: float, sign: float, tau_bps: float) -> float:
    distance_bps = np.maximum(sign * (mid - side[:, 0]) * (1e4 / mid), 0.0)
    return float((side[:, 0] * side[:, 1] * np.exp(-distance_bps / tau_bps)).sum())
