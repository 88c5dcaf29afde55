"""Where a number is told from a missing one: ``None``, NaN and infinities are missing, never 0.

Every public scalar function takes its inputs through :func:`observed` or :func:`observed_number` and hands its
outputs through :func:`or_none`, so the rule is written once.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Observations", "observed", "observed_number", "or_none"]

Observations: TypeAlias = Sequence[float | None] | NDArray[np.float64]


def observed(values: Observations) -> NDArray[np.float64]:
    """Read a series as float64 of shape ``(n,)`` with NaN wherever nothing finite was observed.

    Examples
    --------
    >>> observed([1, None, float("inf")]).tolist()
    [1.0, nan, nan]
    """
    array = np.array(values, dtype=np.float64).reshape(-1)
    array[~np.isfinite(array)] = np.nan
    return array


def observed_number(value: float | None) -> float:
    """Read a number; NaN when it is missing or infinite."""
    return float(value) if value is not None and math.isfinite(value) else math.nan


def or_none(value: float) -> float | None:
    """Hand out a number, ``None`` when it is NaN; infinities pass, they mean "unbounded"."""
    return None if math.isnan(value) else float(value)
