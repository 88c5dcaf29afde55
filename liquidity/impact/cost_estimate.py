"""What the surface answers: the parts of a cost, its percentiles, and money.

Read next: ``surface.py``.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError

__all__ = ["CostEstimate", "beside"]


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Cost of orders, arrays of one shape; positive for buys and sells, NaN where the surface has no answer.

    Attributes
    ----------
    half_spread_bps
        Crossing half of the spread.
    impact_bps
        Beyond it, averaged over the order: the walk of the book, or the blend of impact models.
    permanent_bps
        The part of ``impact_bps`` that does not come back (Almgren et al. 2005: half of gamma sigma Q/ADV); the rest is
        temporary.
    timing_bps
        One standard deviation of the average price of even selling over the horizon, sigma sqrt(T/3).
    model_bps
        One standard deviation of what we do not know: between the models, of their calibration, of a pooled spread.
    beyond_book
        Part of the size lies beyond the visible book and the models speak for it.
    """

    half_spread_bps: NDArray[np.float64]
    impact_bps: NDArray[np.float64]
    permanent_bps: NDArray[np.float64]
    timing_bps: NDArray[np.float64]
    model_bps: NDArray[np.float64]
    beyond_book: NDArray[np.bool_]

    @property
    def expected_bps(self) -> NDArray[np.float64]:
        """Half of the spread plus impact."""
        return self.half_spread_bps + self.impact_bps

    @property
    def temporary_bps(self) -> NDArray[np.float64]:
        """Impact that decays once the order is done."""
        return self.impact_bps - self.permanent_bps

    def at(self, percentile: float) -> NDArray[np.float64]:
        """Cost that is not exceeded with probability ``percentile`` in (0, 1), bps, at least 0; 0.5 is the expected."""
        if not 0.0 < percentile < 1.0:
            raise ConfigError(f"cost.at: percentile {percentile!r}, allowed between 0 and 1, for example 0.9")
        if percentile == 0.5:
            return np.maximum(self.expected_bps, 0.0)
        z = NormalDist().inv_cdf(percentile)
        return np.maximum(self.expected_bps + z * np.hypot(self.timing_bps, self.model_bps), 0.0)

    def money(self, size_ccy: ArrayLike, percentile: float | None = None) -> NDArray[np.float64]:
        """Cost in the currency of ``size_ccy``, expected or at a percentile; a size of 0 costs 0."""
        bps = self.expected_bps if percentile is None else self.at(percentile)
        size = beside(np.abs(np.asarray(size_ccy, dtype=np.float64)), bps.ndim)
        return np.where(size == 0.0, 0.0, bps * size / 1e4)


def beside(values: NDArray[Any], ndim: int) -> NDArray[Any]:
    """An array (N,) as (N, 1) where the result has two dimensions; one number stays."""
    return values[:, None] if ndim == 2 and values.ndim == 1 else values
