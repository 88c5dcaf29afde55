"""What orders cost on a liquidity surface: the walk of a book, the blend of the impact models, or the cheaper of both.

Read first: ``surface.py``, whose ``cost`` and ``grid`` these are and which say what they promise.
"""

from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.impact.almgren2005 import ALMGREN_PRIOR
from liquidity.impact.book_curves import BUY, SELL, BookCurves
from liquidity.impact.cost_estimate import CostEstimate, beside
from liquidity.impact.members import BLENDED_MEMBERS

if TYPE_CHECKING:
    from liquidity.impact.surface import LiquiditySurface

__all__ = [
    "IMMEDIATE_ALWAYS_OPEN_SESSIONS",
    "IMMEDIATE_SESSIONS",
    "MOST_SALE_COST_BPS",
    "cost_grid",
    "immediate_sessions",
    "is_buy",
    "order_cost",
]

IMMEDIATE_SESSIONS: Final = 1.0 / 13.0
"""Now: 30 minutes of a session of 390."""
IMMEDIATE_ALWAYS_OPEN_SESSIONS: Final = 1.0 / 48.0
"""Now: 30 minutes of 24 hours, for markets that never close."""
MOST_SALE_COST_BPS: Final = 1e4
"""A sale cannot cost more than it brings."""


def immediate_sessions(asset_class: ArrayLike) -> NDArray[np.float64]:
    """Sessions that "now" lasts, by asset class: 30 minutes of the market's day."""
    kind = np.asarray(asset_class, dtype=object)
    always_open = (kind == "crypto_spot") | (kind == "crypto_perp")
    return np.where(always_open, IMMEDIATE_ALWAYS_OPEN_SESSIONS, IMMEDIATE_SESSIONS)


def order_cost(
    surface: "LiquiditySurface", side_sign: ArrayLike, size_ccy: ArrayLike, horizon_sessions: ArrayLike
) -> CostEstimate:
    """Cost of one or several sizes of each instrument; see ``LiquiditySurface.cost``."""
    buys = is_buy(side_sign)
    size = np.asarray(size_ccy, dtype=np.float64)
    horizon = np.asarray(horizon_sessions, dtype=np.float64)
    ndim = max(size.ndim, horizon.ndim, 1)
    if ndim > 2 or (buys.ndim and buys.shape != (len(surface),)):
        raise ConfigError(
            f"cost: sizes {size.shape}, horizons {horizon.shape}, sides {buys.shape}; allowed ({len(surface)},), "
            f"({len(surface)}, K) and for sides one or ({len(surface)},)"
        )
    if (size < 0.0).any():
        raise ConfigError(f"cost: size {np.nanmin(size)} below 0; the side is told by side_sign, sizes are absolute")
    if (horizon <= 0.0).any():
        raise ConfigError(
            f"cost: horizon {np.nanmin(horizon)} sessions, allowed above 0; now is {IMMEDIATE_SESSIONS:.4g}"
        )
    try:
        shape = np.broadcast_shapes((len(surface), 1)[:ndim], beside(size, ndim).shape, beside(horizon, ndim).shape)
    except ValueError as problem:
        raise ConfigError(
            f"cost: sizes {size.shape} and horizons {horizon.shape} do not fit {len(surface)} instruments"
        ) from problem
    wanted = np.broadcast_to(beside(size, ndim), shape)
    waited = np.broadcast_to(beside(horizon, ndim), shape)
    half = np.broadcast_to(beside(surface.half_spread_bps(side_sign), ndim), shape)
    sigma = beside(surface.volatility_daily_frac, ndim)
    adv = beside(np.where(surface.adv_ccy > 0.0, surface.adv_ccy, np.nan), ndim)
    share = wanted / adv
    mean, variance = _blend(surface, share, sigma, waited, ndim)
    variance = variance + beside(surface.spread_sd_bps / 2.0, ndim) ** 2
    impact = mean
    beyond_book = np.zeros(shape, dtype=np.bool_)
    if not surface.curves.is_empty:
        walk, beyond, has_book = _walk(surface, buys, wanted, mean)
        instant = waited <= beside(immediate_sessions(surface.asset_class), ndim) * (1.0 + 1e-9)
        # Not "half + mean > walk": where the models have no answer the book still has.
        booked = has_book & np.isfinite(wanted) & (instant | ~(half + mean <= walk))
        impact = np.where(booked, walk - half, impact)
        variance = np.where(booked, np.where(beyond > 0.0, variance * beyond**2, 0.0), variance)
        beyond_book = has_book & (beyond > 0.0)
    scale = beside(surface.impact_scale, ndim)
    most = beside(np.where(buys, np.inf, MOST_SALE_COST_BPS), ndim)
    half = np.minimum(half, most)
    impact = np.minimum(impact, most - half)
    permanent = np.fmin(0.5e4 * ALMGREN_PRIOR.gamma * scale * sigma * share, impact)
    return CostEstimate(
        half_spread_bps=half,
        impact_bps=np.asarray(impact + np.zeros(shape)),
        permanent_bps=np.asarray(permanent + np.zeros(shape)),
        timing_bps=1e4 * sigma * np.sqrt(waited / 3.0),
        model_bps=np.sqrt(variance) + np.zeros(shape),
        beyond_book=beyond_book,
    )


def cost_grid(
    surface: "LiquiditySurface",
    side_sign: ArrayLike,
    sizes_adv_frac: ArrayLike,
    horizons_sessions: ArrayLike,
    percentiles: ArrayLike,
) -> NDArray[np.float32]:
    """Cost of a grid in one pass, bps; see ``LiquiditySurface.grid``."""
    from liquidity.impact._surface_kernel import fill_grid

    buys = np.broadcast_to(is_buy(side_sign), (len(surface),))
    sizes, horizons, wanted = (
        np.atleast_1d(np.asarray(values, dtype=np.float64))
        for values in (sizes_adv_frac, horizons_sessions, percentiles)
    )
    if not ((sizes >= 0.0).all() and (horizons > 0.0).all() and ((wanted > 0.0) & (wanted < 1.0)).all()):
        raise ConfigError(
            f"surface grid: sizes {sizes.tolist()}, horizons {horizons.tolist()}, percentiles {wanted.tolist()}; "
            "allowed 0 or more, above 0, and between 0 and 1"
        )
    shape = np.stack([member.average_cost_bps(sizes[:, None], 1.0, horizons[None, :]) for member in BLENDED_MEMBERS])
    level = np.stack(
        [surface.impact_scale * surface.volatility_daily_frac**member.volatility_power for member in BLENDED_MEMBERS],
        axis=1,
    )
    adv = np.where(surface.adv_ccy > 0.0, surface.adv_ccy, np.nan)
    level[np.isnan(adv)] = np.nan
    out = np.empty((len(surface), len(sizes), len(horizons), len(wanted)), dtype=np.float32)
    begin, end = _spans(surface.curves, buys)
    fill_grid(
        adv,
        np.ascontiguousarray(surface.half_spread_bps(buys * 2.0 - 1.0)),
        np.where(buys, np.inf, MOST_SALE_COST_BPS),
        np.ascontiguousarray(level),
        np.ascontiguousarray(surface.weight),
        _scale_error(surface),
        surface.spread_sd_bps / 2.0,
        1e4 * surface.volatility_daily_frac,
        sizes,
        np.sqrt(horizons / 3.0),
        np.ascontiguousarray(shape),
        horizons[None, :] <= immediate_sessions(surface.asset_class)[:, None] * (1.0 + 1e-9),
        np.array([0.0 if each == 0.5 else NormalDist().inv_cdf(float(each)) for each in wanted]),
        begin,
        end,
        surface.curves.size_ccy,
        surface.curves.marginal_bps,
        surface.curves.total,
        out,
    )
    return out


def _scale_error(surface: "LiquiditySurface") -> NDArray[np.float64]:
    """(N,) relative standard error of the calibration."""
    return surface.impact_scale_se / np.where(surface.impact_scale > 0.0, surface.impact_scale, np.inf)


def _blend(
    surface: "LiquiditySurface",
    share: NDArray[np.float64],
    sigma: NDArray[np.float64],
    horizon: NDArray[np.float64],
    ndim: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted mean of the members, and variance between them and of their calibration; null members dropped."""
    scale = beside(surface.impact_scale, ndim)
    values = np.stack([member.average_cost_bps(share, sigma, horizon) for member in BLENDED_MEMBERS]) * scale
    weights = surface.weight.T[:, :, None] if ndim == 2 else surface.weight.T
    if np.isfinite(values).all():
        weights = weights / weights.sum(axis=0)
    else:
        weights = np.where(np.isfinite(values), weights, 0.0)
        weighed = weights.sum(axis=0)
        weights = weights / np.where(weighed > 0.0, weighed, np.nan)
        values = np.where(np.isfinite(values), values, 0.0)
    mean = (weights * values).sum(axis=0)
    variance = (weights * (values - mean) ** 2).sum(axis=0)
    error = beside(_scale_error(surface), ndim)
    return mean, variance + (error * mean) ** 2


def _walk(
    surface: "LiquiditySurface", buys: NDArray[np.bool_], wanted: NDArray[np.float64], mean: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Cost of an instant order, share of it beyond the visible book, and whether there is a book."""
    from liquidity.impact._surface_kernel import walk_books

    begin, end = (
        np.ascontiguousarray(np.broadcast_to(beside(each, wanted.ndim), wanted.shape)).ravel()
        for each in _spans(surface.curves, np.broadcast_to(buys, (len(surface),)))
    )
    flat = np.ascontiguousarray(wanted).ravel()
    told = np.empty((3, len(flat)))
    curves = surface.curves
    walk_books(begin, end, flat, curves.size_ccy, curves.marginal_bps, curves.total, told[0], told[1], told[2])
    walk, edge, worst = told.reshape(3, *wanted.shape)
    over = wanted > edge
    beyond = np.where(over, 1.0 - edge / np.where(over, wanted, 1.0), 0.0)
    booked = np.where(over, (1.0 - beyond) * walk + beyond * (worst + mean), walk)
    return booked, beyond, (begin != end).reshape(wanted.shape)


def is_buy(side_sign: ArrayLike) -> NDArray[np.bool_]:
    """Whether each side is a purchase; 0 (nothing to trade) is told as one. Another side is a ConfigError."""
    side = np.asarray(side_sign, dtype=np.float64)
    if not ((side == 1.0) | (side == -1.0) | (side == 0.0)).all():
        raise ConfigError(f"side_sign: found {side_sign!r}, allowed +1 (buy), -1 (sell)")
    buys: NDArray[np.bool_] = side >= 0.0
    return buys


def _spans(curves: BookCurves, buys: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    begin = np.where(buys, curves.start[BUY, :-1], curves.start[SELL, :-1])
    end = np.where(buys, curves.start[BUY, 1:], curves.start[SELL, 1:])
    return begin, end
