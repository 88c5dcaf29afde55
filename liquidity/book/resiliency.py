"""How fast a spread or a depth comes back after a shock."""

import math
from dataclasses import dataclass

import numpy as np

from liquidity.domain.observation import Observations, observed

__all__ = ["Resiliency", "resiliency"]


@dataclass(frozen=True, slots=True)
class Resiliency:
    """AR(1) coefficient, and the periods until half of a deviation is gone."""

    phi: float | None
    half_life: float | None


def resiliency(series: Observations) -> Resiliency:
    """Mean reversion of a spread or depth series.

    Least squares of x_t on x_{t-1} with a constant; half-life = -ln 2 / ln(phi) periods.

    Parameters
    ----------
    series
        Equally spaced, oldest first; a pair with a missing value is left out.

    Returns
    -------
    Resiliency
        ``phi`` is null with fewer than two pairs or a constant series; ``half_life`` is null unless 0 < phi < 1
        (phi <= 0 overshoots, phi >= 1 does not come back).

    References
    ----------
    Foucault, Kadan and Kandel (2005), Review of Financial Studies 18(4), 1171-1217, for the notion.

    Examples
    --------
    >>> resiliency([8.0, 4.0, 2.0, 1.0])
    Resiliency(phi=0.5, half_life=1.0)
    """
    values = observed(series)
    before, after = values[:-1], values[1:]
    paired = ~(np.isnan(before) | np.isnan(after))
    before, after = before[paired], after[paired]
    if len(before) < 2:
        return Resiliency(None, None)
    deviation = before - before.mean()
    variation = float(deviation @ deviation)
    if variation == 0.0:
        return Resiliency(None, None)
    phi = float(deviation @ (after - after.mean())) / variation
    return Resiliency(phi, -math.log(2.0) / math.log(phi) if 0.0 < phi < 1.0 else None)
