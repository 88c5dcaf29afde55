"""The cascade held against the hours of 10 October 2025: which depth explains the low, and whether coins agree.

Hourly candles tell the first fall, the low and where longs may have been opened; nobody published who was liquidated
where. Levels are therefore modelled, and say so. Read first: ``cascade.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.derivatives import LeverageShare, isolated_liquidation
from liquidity.derivatives.liquidation_levels import LEVERAGE_MIX
from liquidity.domain.errors import ContractError, InsufficientDataError
from liquidity.domain.market_data import LeverageTier
from liquidity.stress.cascade import BidBook, BookCascade, book_cascade

__all__ = ["CascadeCase", "CascadeFit", "cascade_case", "fit_density", "predict_low"]

_TIERS: Final = (LeverageTier(0.0, 1e15, 0.005, 125.0),)
"""One bracket with the lowest maintenance rate of large venues; larger positions would be liquidated a little earlier."""
_DENSITIES: Final = (1e-4, 1e4)
_STEPS: Final = 80


@dataclass(frozen=True, slots=True)
class CascadeCase:
    """One coin before a cascade.

    Attributes
    ----------
    coin
        Name.
    price, first_fall_frac
        Before the news; the fall before forced sales became the driver.
    level_price, level_adv
        (L,) modelled liquidation prices of the longs that still stood, and their sizes in average daily volumes.
    observed_low
        Lowest price traded; what a cascade must explain.
    """

    coin: str
    price: float
    first_fall_frac: float
    level_price: NDArray[np.float64]
    level_adv: NDArray[np.float64]
    observed_low: float

    @property
    def observed_fall_frac(self) -> float:
        """Fall to the observed low from ``price``."""
        return 1.0 - self.observed_low / self.price


@dataclass(frozen=True, slots=True)
class CascadeFit:
    """Depth that makes the modelled cascade end at the observed low.

    ``density_adv`` is in average daily volumes per unit of relative fall: 2 means that a fall of 1 % meets bids of 2 % of a
    day's volume, refills included. ``result`` is the cascade at that depth.
    """

    density_adv: float
    result: BookCascade


def cascade_case(
    coin: str,
    open_: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    volume: ArrayLike,
    event: int,
    open_interest_over_adv: float,
    mix: Sequence[LeverageShare] = LEVERAGE_MIX,
) -> CascadeCase:
    """Build a case from hourly candles of one perpetual, oldest first.

    Parameters
    ----------
    open_, low, close, volume
        Of each hour; ``volume`` in coins.
    event
        Index of the hour in which the cascade ran. The hour before it is the first fall (its open to its low), the hours up to
        that one are where longs were opened: in proportion to volume, at the close, with the leverages of ``mix``; what the
        price has passed since is gone.
    open_interest_over_adv
        Open interest in average daily volumes of these candles.

    Raises
    ------
    InsufficientDataError
        Fewer than ten days of candles before the event.
    """
    opens, lows, closes, volumes = (np.asarray(each, dtype=np.float64) for each in (open_, low, close, volume))
    before = event - 1
    if before < 240:
        raise InsufficientDataError(f"cascade_case {coin}: {max(before, 0)} hours before the event, at least 240")
    if not open_interest_over_adv > 0.0:
        raise ContractError(
            f"cascade_case {coin}: open interest of {open_interest_over_adv} daily volumes, above 0 is needed"
        )
    entries, weights = closes[:before], volumes[:before] / volumes[:before].sum()
    factor = np.array([float(isolated_liquidation(1, 1.0, 1.0, each.leverage, _TIERS).price or np.nan) for each in mix])
    share = np.array([each.share_frac for each in mix])
    levels = np.outer(entries, factor)
    sizes = np.outer(weights, share)
    # The lowest price since each entry, from the hour after it on.
    later = np.append(np.minimum.accumulate(lows[1:before][::-1])[::-1], np.inf)
    standing = levels < later[:, None]
    sizes = np.where(standing, sizes, 0.0)
    if not sizes.sum() > 0.0:
        raise InsufficientDataError(f"cascade_case {coin}: no modelled position survived the hours before the event")
    return CascadeCase(
        coin=coin,
        price=float(opens[before]),
        first_fall_frac=float(1.0 - lows[before] / opens[before]),
        level_price=levels[standing],
        level_adv=open_interest_over_adv * sizes[standing] / sizes.sum(),
        observed_low=float(lows[event]),
    )


def predict_low(case: CascadeCase, density_adv: float) -> BookCascade:
    """Run the cascade of a case on even bids of ``density_adv`` daily volumes per unit of relative fall; all levels modelled."""
    even = BidBook(np.zeros(0), np.zeros(0), beyond_per_frac=density_adv)
    return book_cascade(
        case.price,
        case.first_fall_frac,
        case.level_price,
        case.level_adv,
        np.zeros(len(case.level_price), dtype=np.bool_),
        even,
    )


def fit_density(case: CascadeCase) -> CascadeFit:
    """Find the smallest depth at which the modelled cascade stops at or above the observed low.

    The end of a cascade rises with depth, in jumps where a group of levels is no longer reached, so the fitted low may lie
    above the observed one.

    Raises
    ------
    InsufficientDataError
        The low is above the price after the first fall: there was no cascade to explain.
    """
    if case.observed_low >= case.price * (1.0 - case.first_fall_frac):
        raise InsufficientDataError(
            f"fit_density {case.coin}: the low lies within the first fall; no cascade to explain"
        )
    thin, thick = (float(np.log(each)) for each in _DENSITIES)
    for _ in range(_STEPS):
        middle = 0.5 * (thin + thick)
        if predict_low(case, float(np.exp(middle))).low_price >= case.observed_low:
            thick = middle
        else:
            thin = middle
    density = float(np.exp(thick))
    return CascadeFit(density, predict_low(case, density))
