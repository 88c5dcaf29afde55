"""Least squares of one variable on another with a constant, and its classical t statistic."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError

__all__ = ["Line", "fit_line"]


@dataclass(frozen=True, slots=True)
class Line:
    """``y = intercept + slope x``; NaN where the data do not settle a figure."""

    slope: float
    intercept: float
    r2: float
    t: float


def fit_line(x: NDArray[np.float64], y: NDArray[np.float64]) -> Line:
    """Fit over the pairs with both values; all NaN below two pairs or with a constant ``x``, ``t`` below three."""
    if len(x) != len(y):
        raise ContractError(f"regression: {len(x)} regressors but {len(y)} responses; pass as many of each")
    paired = ~(np.isnan(x) | np.isnan(y))
    x, y = x[paired], y[paired]
    n = len(x)
    dx = x - x.mean() if n else x
    variation = float(dx @ dx)
    if n < 2 or variation == 0.0:
        return Line(math.nan, math.nan, math.nan, math.nan)
    dy = y - y.mean()
    slope = float(dx @ dy) / variation
    residual = dy - slope * dx
    left, total = float(residual @ residual), float(dy @ dy)
    error = math.sqrt(left / (n - 2) / variation) if n > 2 else math.nan
    t = slope / error if error != 0.0 else math.copysign(math.inf, slope) if slope != 0.0 else math.nan
    return Line(slope, float(y.mean() - slope * x.mean()), 1.0 - left / total if total > 0.0 else math.nan, t)
