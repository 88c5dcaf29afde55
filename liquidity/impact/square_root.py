"""The square-root law: the price moves with the square root of what was traded, whatever the time taken.

Read next: ``almgren2005.py``.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import observed_number, or_none

__all__ = ["SQUARE_ROOT_PRIOR", "SquareRootCost", "SquareRootParameters", "average_cost_bps", "sqrt_law"]


@dataclass(frozen=True, slots=True)
class SquareRootParameters:
    """``Y``: peak displacement, in daily volatilities, of one day's volume; ``delta`` in (0, 1]: the exponent."""

    Y: float = 1.0
    delta: float = 0.5
    volatility_power: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.delta <= 1.0:
            raise ConfigError(f"square_root.delta: found {self.delta}, allowed (0, 1]; cost per unit would rise faster")


SQUARE_ROOT_PRIOR: Final = SquareRootParameters()
"""Y = 1 and an exponent of one half: the order of magnitude found across markets and decades (references below)."""


@dataclass(frozen=True, slots=True)
class SquareRootCost:
    """Displacement when the order ends, its average over the order, and the average with half of the spread; bps."""

    peak_bps: float | None
    average_bps: float | None
    cost_bps: float | None


def sqrt_law(
    Q: float | None,
    V: float | None,
    sigma: float | None,
    Y: float | None = 1.0,
    delta: float | None = 0.5,
    half_spread_bps: float | None = 0.0,
) -> SquareRootCost:
    """Cost of an order under the square-root law.

    peak = 1e4 Y sigma (|Q|/V)^delta; average = peak / (1 + delta), two thirds of it at one half: the order pays the
    displacement as it builds up, not the one it leaves behind; cost = average + half_spread.

    Parameters
    ----------
    Q, V
        Order and average daily volume, same unit and window as ``sigma``; the sign of ``Q`` does not matter.
    sigma
        Daily volatility, fraction.
    Y, delta
        Prefactor, and exponent above 0.
    half_spread_bps
        Half of the quoted spread.

    Returns
    -------
    SquareRootCost
        An order of 0 has no impact, not even without volume. Null when an input is missing, or an order meets a ``V``
        that is not above 0; without a spread only ``cost_bps`` is null.

    Notes
    -----
    Seen from about 0.01 % to 20 % of daily volume.

    References
    ----------
    Tóth et al. (2011), Physical Review X 1, 021006. Donier and Bonart (2015), Market Microstructure and Liquidity 1(2)
    (Bitcoin). Bouchaud, Bonart, Donier and Gould (2018), Trades, Quotes and Prices, chapter 12.

    Examples
    --------
    >>> sqrt_law(Q=1e5, V=1e7, sigma=0.02, Y=1.0, half_spread_bps=1.0).peak_bps
    20.0
    """
    size, volume, exponent = abs(observed_number(Q)), observed_number(V), observed_number(delta)
    if not (exponent > 0.0 and (volume > 0.0 or (volume == 0.0 and size == 0.0))):
        return SquareRootCost(None, None, None)
    share = size / volume if volume > 0.0 else 0.0
    peak = 1e4 * observed_number(Y) * observed_number(sigma) * share**exponent
    average = peak / (1.0 + exponent)
    return SquareRootCost(or_none(peak), or_none(average), or_none(average + observed_number(half_spread_bps)))


def average_cost_bps(
    size_over_adv: ArrayLike,
    volatility_daily_frac: ArrayLike,
    horizon_sessions: ArrayLike,
    parameters: SquareRootParameters = SQUARE_ROOT_PRIOR,
) -> NDArray[np.float64]:
    """Average cost beyond half of the spread, bps; see ``members.py`` for what every member promises."""
    size, horizon = np.asarray(size_over_adv, dtype=np.float64), np.asarray(horizon_sessions, dtype=np.float64)
    scale = 1e4 * parameters.Y / (1.0 + parameters.delta)
    timeless = np.where(horizon > 0.0, 1.0, np.nan)
    return scale * np.asarray(volatility_daily_frac, dtype=np.float64) * size**parameters.delta * timeless
