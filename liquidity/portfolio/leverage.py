"""How much leverage the market allows: the most that keeps liquidation out of reach, less when markets are unsure.

:func:`max_leverage` answers "how far must the liquidation price be"; :func:`dynamic_leverage` takes from that what
volatility and missing depth ask for. Read next: ``liquidation_risk.py`` (how far it is).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import observed_number, or_none

__all__ = [
    "DEFAULT_LEVERAGE_POLICY",
    "LeveragePolicy",
    "MaxLeverage",
    "dynamic_leverage",
    "leverage_at_distance",
    "max_leverage",
    "volatility_risk_score",
]


@dataclass(frozen=True, slots=True)
class LeveragePolicy:
    """What leverage and distance are judged by; judgement, to be changed in a what-if.

    Attributes
    ----------
    distance_sigmas, distance_days
        The liquidation price should be this many daily standard deviations, over so many days, away.
    volatility_half_frac
        Daily volatility at which the volatility score is 50.
    depth_exponent
        Leverage goes with (depth over its normal) to this power; 0.5 takes 29 % off where depth halves.
    warn_use_frac, alert_use_frac
        Margin use that is warned about, and that is an alert.
    warn_ratio_frac, alert_ratio_frac
        The same of maintenance over equity; liquidation is at 1.
    """

    distance_sigmas: float = 4.0
    distance_days: float = 1.0
    volatility_half_frac: float = 0.05
    depth_exponent: float = 0.5
    warn_use_frac: float = 0.60
    alert_use_frac: float = 0.80
    warn_ratio_frac: float = 0.40
    alert_ratio_frac: float = 0.70

    def __post_init__(self) -> None:
        above_zero = (self.distance_sigmas, self.distance_days, self.volatility_half_frac)
        if not all(0.0 < each < math.inf for each in above_zero) or not 0.0 <= self.depth_exponent <= 2.0:
            raise ConfigError(
                f"leverage policy: distance_sigmas, distance_days, volatility_half_frac {above_zero}, allowed above 0; "
                f"depth_exponent {self.depth_exponent}, allowed 0 to 2"
            )
        for warn, alert in (
            (self.warn_use_frac, self.alert_use_frac),
            (self.warn_ratio_frac, self.alert_ratio_frac),
        ):
            if not 0.0 < warn <= alert:
                raise ConfigError(f"leverage policy: warns at {warn}, alerts at {alert}; allowed 0 < warn <= alert")


DEFAULT_LEVERAGE_POLICY: Final = LeveragePolicy()


@dataclass(frozen=True, slots=True)
class MaxLeverage:
    """``distance`` as a fraction of the entry price, and the ``leverage`` that keeps it; null where an input is missing."""

    distance: float | None
    leverage: float | None


def max_leverage(
    side: int,
    mmr: float | None,
    k: float | None,
    sigma_daily: float | None,
    days: float | None,
    venue_max: float | None,
) -> MaxLeverage:
    """Largest leverage whose isolated liquidation price stays k standard deviations away from the entry.

    d = k sigma sqrt(days), L = 1 / (d (1 - side mmr) + mmr), at most ``venue_max``

    Parameters
    ----------
    side
        +1 long, -1 short.
    mmr
        Maintenance margin rate of the bracket, fraction in [0, 1).
    k, sigma_daily, days
        Standard deviations, daily volatility (fraction) and holding time, each 0 or more.
    venue_max
        Largest leverage that the venue allows at this notional, above 0.

    Raises
    ------
    ConfigError
        Another side, or a number outside its range.

    Notes
    -----
    From LP = E (1 - 1/L) / (1 - mmr) of a long and LP = E (1 + 1/L) / (1 + mmr) of a short with |LP - E| = d E. Below 1
    the answer is a position that is only partly invested.

    Examples
    --------
    >>> told = max_leverage(1, mmr=0.005, k=4, sigma_daily=0.035, days=1, venue_max=50)
    >>> round(told.distance, 3), round(told.leverage, 3)
    (0.14, 6.93)
    """
    if side not in (1, -1):
        raise ConfigError(f"max_leverage.side: found {side!r}, allowed +1 (long) or -1 (short)")
    rate, width, sigma, span, most = map(observed_number, (mmr, k, sigma_daily, days, venue_max))
    if rate < 0.0 or rate >= 1.0 or width < 0.0 or sigma < 0.0 or span < 0.0 or most <= 0.0:
        raise ConfigError(
            f"max_leverage: mmr {mmr} allowed [0, 1); k {k}, sigma_daily {sigma_daily}, days {days} allowed 0 or more; "
            f"venue_max {venue_max} allowed above 0"
        )
    distance = width * sigma * math.sqrt(span)
    return MaxLeverage(or_none(distance), or_none(float(leverage_at_distance(side, rate, distance, most))))


def leverage_at_distance(
    side_sign: ArrayLike, maintenance_frac: ArrayLike, distance_frac: ArrayLike, venue_max: ArrayLike
) -> NDArray[np.float64]:
    """Leverage whose isolated liquidation price is ``distance_frac`` from the entry; arrays of :func:`max_leverage`.

    NaN where an input is; ``venue_max`` where nothing else bounds it.
    """
    side, rate, distance, most = (
        np.asarray(values, dtype=np.float64) for values in (side_sign, maintenance_frac, distance_frac, venue_max)
    )
    needed = distance * (1.0 - side * rate) + rate
    free = np.where(needed > 0.0, 1.0 / np.where(needed > 0.0, needed, 1.0), np.inf)
    return np.where(np.isnan(needed) | np.isnan(most), np.nan, np.minimum(free, most))


def volatility_risk_score(
    sigma_daily_frac: ArrayLike, half_frac: float = DEFAULT_LEVERAGE_POLICY.volatility_half_frac
) -> NDArray[np.float64]:
    """Score daily volatility from 0 (none) towards 100, rising throughout: 100 sigma / (sigma + half).

    Parameters
    ----------
    sigma_daily_frac
        Daily standard deviation, fraction, 0 or more; NaN gives NaN.
    half_frac
        Volatility that scores 50, above 0.

    Examples
    --------
    >>> volatility_risk_score([0.0, 0.05, 0.2]).tolist()
    [0.0, 50.0, 80.0]
    """
    sigma = np.asarray(sigma_daily_frac, dtype=np.float64)
    if (sigma < 0.0).any() or not half_frac > 0.0:
        raise ConfigError(
            f"volatility_risk_score: sigma {np.nanmin(sigma)}, allowed 0 or more; half {half_frac}, above 0"
        )
    score: NDArray[np.float64] = 100.0 * sigma / (sigma + half_frac)
    return score


def dynamic_leverage(
    leverage: ArrayLike,
    risk_score: ArrayLike,
    depth_ratio: ArrayLike = 1.0,
    depth_exponent: float = DEFAULT_LEVERAGE_POLICY.depth_exponent,
) -> NDArray[np.float64]:
    """Leverage left of ``leverage`` at a risk score and a depth: L (1 - risk / 100) min(depth ratio, 1) ** exponent.

    Parameters
    ----------
    leverage
        What is allowed or held in an undisturbed market, above 0.
    risk_score
        0 (calm) to 100; 70 leaves 30 % of the leverage.
    depth_ratio
        Depth now over its normal, 0 or more; more than normal adds nothing.

    Returns
    -------
    NDArray[np.float64]
        Broadcast shape; 0 is no new risk at all, NaN where an input is missing.

    Examples
    --------
    >>> round(float(dynamic_leverage(10.0, 70.0)), 9)
    3.0
    >>> round(float(dynamic_leverage(10.0, 0.0, depth_ratio=0.5)), 3)
    7.071
    """
    base, risk, depth = (np.asarray(values, dtype=np.float64) for values in (leverage, risk_score, depth_ratio))
    if (base <= 0.0).any() or (risk < 0.0).any() or (risk > 100.0).any() or (depth < 0.0).any():
        raise ConfigError(
            "dynamic_leverage: leverage allowed above 0, risk_score 0 to 100, depth_ratio 0 or more; found "
            f"{np.min(base, initial=np.inf)}, {np.min(risk, initial=np.inf)} to {np.max(risk, initial=-np.inf)}, "
            f"{np.min(depth, initial=np.inf)}"
        )
    left: NDArray[np.float64] = base * (1.0 - risk / 100.0) * np.minimum(depth, 1.0) ** depth_exponent
    return left
