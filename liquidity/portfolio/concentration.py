"""How much of a portfolio hangs on few names."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Concentration", "concentration", "largest_group_frac"]


@dataclass(frozen=True, slots=True)
class Concentration:
    """Concentration of absolute values; all NaN for a portfolio without value.

    Attributes
    ----------
    hhi
        Herfindahl-Hirschman index: sum of squared shares, 1/n to 1.
    effective_n
        1 / hhi: equally large positions that would be as concentrated.
    top1
        Share of the largest position.
    normalised
        (hhi - 1/n) / (1 - 1/n): 0 equal, 1 one name; 1 for a single position.
    """

    hhi: float
    effective_n: float
    top1: float
    normalised: float


def concentration(values: ArrayLike) -> Concentration:
    """Concentration of positions by absolute value; values that are NaN are left out.

    References
    ----------
    Hirschman (1964), American Economic Review 54(5), 761.

    Examples
    --------
    >>> concentration([50.0, 30.0, 20.0]).hhi
    0.38
    """
    size = np.abs(np.asarray(values, dtype=np.float64).ravel())
    size = size[np.isfinite(size)]
    total = size.sum()
    if not total > 0.0:
        return Concentration(np.nan, np.nan, np.nan, np.nan)
    share = size / total
    hhi = float((share**2).sum())
    n = len(share)
    return Concentration(hhi, 1.0 / hhi, float(share.max()), (hhi - 1.0 / n) / (1.0 - 1.0 / n) if n > 1 else 1.0)


def largest_group_frac(values: ArrayLike, groups: Sequence[object] | NDArray[np.object_]) -> tuple[float, str]:
    """Share of the largest group (issuer, sector) in the absolute value of all positions, and its name.

    Positions without a group are in the whole but in no group; NaN and an empty name where none has one, or no value.

    Examples
    --------
    >>> largest_group_frac([50.0, 30.0, 20.0], ["a", "b", "b"])
    (0.5, 'a')
    """
    size = np.abs(np.asarray(values, dtype=np.float64))
    used = np.array([group is not None for group in groups], dtype=np.bool_) & np.isfinite(size)
    total = np.nansum(size)
    if not (used.any() and total > 0.0):
        return float("nan"), ""
    names, place = np.unique(np.asarray(groups, dtype=object)[used].astype(str), return_inverse=True)
    held = np.bincount(place, weights=size[used])
    largest = int(held.argmax())
    return float(held[largest] / total), str(names[largest])
