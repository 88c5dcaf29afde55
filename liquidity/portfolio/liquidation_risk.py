"""How near a levered position is to liquidation, and whether the market could take it before.

Distance in percent, standard deviations and average true ranges; what rests between the mark and the liquidation price;
one score from 0 (cannot be liquidated) to 100 (at its liquidation price). Read next: ``leverage_rows.py``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.derivatives.liquidation_price import isolated_liquidation
from liquidity.impact.book_curves import BUY, SELL
from liquidity.impact.surface import LiquiditySurface, immediate_sessions
from liquidity.portfolio.leverage import DEFAULT_LEVERAGE_POLICY, LeveragePolicy
from liquidity.portfolio.margin_account import MarginTable

__all__ = [
    "DEPTH_BASES",
    "DepthToLiquidation",
    "Distance",
    "average_true_range",
    "bankruptcy_price",
    "depth_to_liquidation",
    "distance_to_liquidation",
    "isolated_price",
    "liquidation_risk_score",
]

DEPTH_BASES: Final = ("book", "book_edge", "surface", "none")
"""What the depth rests on: the visible book; all of it, as the price lies beyond its edge; the cost surface; nothing."""

_HALVINGS: Final = 50


@dataclass(frozen=True, slots=True, eq=False)
class Distance:
    """(P,) distances from mark to liquidation price, positive while the position stands, 0 or less when it is due.

    NaN where there is no liquidation price, or no volatility to measure by.
    """

    frac: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    true_ranges: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DepthToLiquidation:
    """(P,) what could be closed before the liquidation price, instrument currency; over the position; and its basis."""

    size_ccy: NDArray[np.float64]
    cover: NDArray[np.float64]
    basis: NDArray[np.object_]


def isolated_price(side: int, quantity: float, entry: float, leverage: float, table: MarginTable) -> float:
    """Liquidation price of an isolated position with the margin it was opened with; NaN where no price liquidates."""
    found = isolated_liquidation(side, abs(quantity), entry, leverage, table.tiers).price
    return np.nan if found is None else found


def bankruptcy_price(
    side_sign: ArrayLike, mark: ArrayLike, quantity: ArrayLike, equity: ArrayLike
) -> NDArray[np.float64]:
    """Price at which the equity behind a position is gone: mark - side equity / quantity, NaN at 0 or below.

    ``equity`` at the mark, of the position (isolated) or of the account with all other marks standing (cross).
    """
    side, price, size, money = (np.asarray(values, dtype=np.float64) for values in (side_sign, mark, quantity, equity))
    units = np.where(size == 0.0, np.nan, np.abs(size))
    at = price - side * money / units
    return np.where(at > 0.0, at, np.nan)


def distance_to_liquidation(
    side_sign: ArrayLike,
    mark: ArrayLike,
    liquidation_price: ArrayLike,
    sigma_daily_frac: ArrayLike,
    true_range: ArrayLike = np.nan,
) -> Distance:
    """Distance by which the mark may move against the position.

    Parameters
    ----------
    side_sign
        +1 long, -1 short.
    mark, liquidation_price
        Above 0; NaN gives NaN.
    sigma_daily_frac
        Standard deviation of daily returns.
    true_range
        Average true range in units of the price (:func:`average_true_range`).

    Examples
    --------
    >>> told = distance_to_liquidation(1, 100.0, 88.0, 0.03, 4.0)
    >>> [round(float(each), 6) for each in (told.frac, told.sigmas, told.true_ranges)]
    [0.12, 4.0, 3.0]
    """
    side, price, at, sigma, reach = (
        np.asarray(values, dtype=np.float64)
        for values in (side_sign, mark, liquidation_price, sigma_daily_frac, true_range)
    )
    away = side * (price - at)
    frac = away / np.where(price > 0.0, price, np.nan)
    return Distance(frac, frac / np.where(sigma > 0.0, sigma, np.nan), away / np.where(reach > 0.0, reach, np.nan))


def average_true_range(high: ArrayLike, low: ArrayLike, close: ArrayLike, window: int = 14) -> NDArray[np.float64]:
    """Mean of the last ``window`` true ranges; arrays (D, N) by day, ascending, result (N,) in units of the price.

    The true range of a day is the largest of high - low and the distances of high and low from the close before. Days
    without all of them are left out; NaN with fewer than half a window of days.

    References
    ----------
    Wilder (1978), New Concepts in Technical Trading Systems; the plain mean in place of his smoothing, so that nothing
    before the window counts.
    """
    top, bottom, last = (np.asarray(values, dtype=np.float64) for values in (high, low, close))
    before = last[:-1]
    ranges = np.maximum(np.maximum(top[1:] - bottom[1:], np.abs(top[1:] - before)), np.abs(bottom[1:] - before))[
        -window:
    ]
    known = np.isfinite(ranges)
    count = known.sum(axis=0)
    total = np.where(known, ranges, 0.0).sum(axis=0)
    return np.where(count * 2 >= window, total / np.maximum(count, 1), np.nan)


def liquidation_risk_score(
    distance_frac: ArrayLike,
    sigma_daily_frac: ArrayLike,
    exit_cost_frac: ArrayLike = 0.0,
    levered: ArrayLike = True,
    policy: LeveragePolicy = DEFAULT_LEVERAGE_POLICY,
) -> NDArray[np.float64]:
    """Liquidation risk from 0 to 100: 100 exp(-(distance - exit cost) / (k sigma sqrt(days))), k and days the policy's.

    Parameters
    ----------
    distance_frac
        Of :func:`distance_to_liquidation`; infinite where no price liquidates.
    exit_cost_frac
        Cost of closing the position at once, fraction of its value, 0 or more: that part of the way is lost to the market.
    levered
        Whether the position is margined at all.

    Returns
    -------
    NDArray[np.float64]
        100 at the liquidation price and beyond it, 37 at the policy's own distance of 4 standard deviations, 14 at twice that, 0 where nothing
        can liquidate or the position is paid in full; NaN where an input is missing.

    Examples
    --------
    >>> liquidation_risk_score([0.0, 0.12, np.inf], 0.03).round(1).tolist()
    [100.0, 36.8, 0.0]
    """
    away, sigma, cost = (
        np.asarray(values, dtype=np.float64) for values in (distance_frac, sigma_daily_frac, exit_cost_frac)
    )
    room = np.maximum(away - cost, 0.0)
    scale = policy.distance_sigmas * sigma * np.sqrt(policy.distance_days)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(room == 0.0, 0.0, room / scale)
    score = 100.0 * np.exp(-ratio)
    never = ~np.asarray(levered, dtype=np.bool_) | np.isposinf(away)
    unknown = np.isnan(room) | np.isnan(sigma)
    return np.where(never, 0.0, np.where(unknown, np.nan, score))


def depth_to_liquidation(
    surface: LiquiditySurface, side_sign: ArrayLike, distance_frac: ArrayLike, position_ccy: ArrayLike
) -> DepthToLiquidation:
    """What the market takes between the mark and the liquidation price.

    Parameters
    ----------
    surface
        Rows aligned with the positions (``surface.take(places)``).
    side_sign
        (P,) of the position: a long is closed into the bids, a short into the asks.
    distance_frac, position_ccy
        (P,) distance to the liquidation price; value of the position, instrument currency.

    Returns
    -------
    DepthToLiquidation
        With a book: what rests up to the liquidation price, or all of it where that lies beyond the edge. Without: the
        size whose average cost at once equals the distance, at most what the market trades in that time: models say
        nothing of more. 0 where the position is due; NaN where the surface has no answer or no price liquidates.
    """
    away = np.asarray(distance_frac, dtype=np.float64)
    held = np.asarray(position_ccy, dtype=np.float64)
    side = np.broadcast_to(np.asarray(side_sign, dtype=np.float64), away.shape)
    limit_bps = 1e4 * np.maximum(away, 0.0)
    size, basis = np.full(len(surface), np.nan), np.full(len(surface), "none", dtype=object)
    modelled = np.isfinite(limit_bps) & surface.answered & (surface.adv_ccy > 0.0)
    if modelled.any():
        size[modelled] = _size_at_cost(surface.take(np.flatnonzero(modelled)), -side[modelled], limit_bps[modelled])
        basis[modelled] = "surface"
    for place in np.flatnonzero(np.isfinite(limit_bps)):
        curve = surface.curves.curve(SELL if side[place] > 0.0 else BUY, int(place))
        if curve is None:
            continue
        steps = int(np.searchsorted(curve.marginal_bps, limit_bps[place], side="right"))
        size[place] = curve.size_ccy[steps - 1] if steps else 0.0
        basis[place] = "book_edge" if steps == len(curve.size_ccy) else "book"
    cover = size / np.where(held > 0.0, held, np.nan)
    return DepthToLiquidation(size, cover, basis)


def _size_at_cost(
    surface: LiquiditySurface, order_side: NDArray[np.float64], limit_bps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Largest size whose expected cost at once is at most ``limit_bps``, by halving: cost does not fall with size."""
    now = immediate_sessions(surface.asset_class)
    most = surface.adv_ccy * now
    whole = surface.cost(order_side, most, now).expected_bps <= limit_bps
    low, high = np.zeros(len(surface)), most
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        fits = surface.cost(order_side, middle, now).expected_bps <= limit_bps
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return np.where(whole, most, low)
