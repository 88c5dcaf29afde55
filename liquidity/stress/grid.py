"""A what-if grid: every combination of falls, spreads, volumes, depths and volatilities, for the cost of its axes.

A cell costs a few multiplications however many positions there are: half spreads are summed once, and impact once for each
volume and power of volatility. Positions priced by a visible book, where the cheaper of book and models counts, and sales
that may cost all they bring cannot be summed so; they are priced cell by cell. Read first: ``engine.py``, whose numbers these are.
"""

from dataclasses import dataclass, fields
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.impact.book_curves import BUY, SELL
from liquidity.impact.members import BLENDED_MEMBERS
from liquidity.impact.shock import Shock
from liquidity.impact.surface import MOST_SALE_COST_BPS, LiquiditySurface, immediate_sessions
from liquidity.portfolio.holdings import Holdings
from liquidity.stress.engine import StressRules

__all__ = ["WhatIfAxes", "what_if_grid"]

_RANGES = {
    "price_fall_frac": (-1.0, 1.0),
    "spread_mult": (0.0, np.inf),
    "volume_haircut_frac": (-100.0, 0.999),
    "depth_haircut_frac": (0.0, 1.0),
    "vol_mult": (0.0, np.inf),
}


@dataclass(frozen=True, slots=True)
class WhatIfAxes:
    """Values of each axis; all positions meet the same. Units as in :class:`~liquidity.stress.scenario.ClassShock`."""

    price_fall_frac: tuple[float, ...] = (0.0,)
    spread_mult: tuple[float, ...] = (1.0,)
    volume_haircut_frac: tuple[float, ...] = (0.0,)
    depth_haircut_frac: tuple[float, ...] = (0.0,)
    vol_mult: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        """Refuse an empty axis or a value outside its range."""
        for name, (low, high) in _RANGES.items():
            values = getattr(self, name)
            if not values or not all(np.isfinite(each) and low <= each <= high for each in values):
                raise ConfigError(f"what-if grid: {name} is {values}, needs values of {low:g} to {high:g}")

    @property
    def cells(self) -> int:
        """Number of combinations."""
        return int(np.prod([len(getattr(self, field.name)) for field in fields(self)]))


def what_if_grid(
    holdings: Holdings, surface: LiquiditySurface, axes: WhatIfAxes, rules: StressRules | None = None
) -> pd.DataFrame:
    """Stress a portfolio in every cell of a grid.

    Returns
    -------
    pd.DataFrame
        One row per cell, axes in the order of :class:`WhatIfAxes`, the last changing fastest: the five axes,
        ``price_loss_base``, ``liquidation_cost_base`` (of closing every position over its plan), ``stressed_loss_base``
        (their sum). ``attrs``: ``positions`` that entered, ``left_out`` that have no value or no cost, ``cell_by_cell``
        that have a book or are worth less than the cost of selling them.

    Notes
    -----
    Each number equals the sum over positions of :func:`~liquidity.stress.engine.stress` under the same shocks.
    """
    rules = rules or StressRules()
    known = np.flatnonzero(holdings.known)
    chosen = surface.take(holdings.place[known])
    side = holdings.side_sign[known]
    size = np.abs(holdings.quantity[known] * holdings.price[known])
    gross = size * holdings.fx[known]
    now = immediate_sessions(chosen.asset_class)
    days = chosen.days_to_liquidate(size, rules.participation_frac)
    longest = np.maximum(rules.longest_plan_sessions, now)
    plan = np.clip(np.where(np.isnan(days), longest, days), now, longest)

    worst = Shock(
        spread_mult=max(axes.spread_mult),
        volume_haircut_frac=max(axes.volume_haircut_frac),
        depth_haircut_frac=max(axes.depth_haircut_frac),
        vol_mult=max(axes.vol_mult),
    )
    dearest = chosen.stressed(worst).cost(side, size, plan).expected_bps if len(known) else np.zeros(0)
    answered = np.isfinite(dearest)
    booked = answered & _has_book(chosen, side)
    capped = answered & ~booked & (side < 0.0) & (dearest >= MOST_SALE_COST_BPS)
    money = np.zeros(axes.cells // len(axes.price_fall_frac))
    for chosen_rows, cost_of in (
        (answered & ~booked & ~capped, _summed_costs),
        (capped, _capped_costs),
        (booked, _booked_costs),
    ):
        rows = np.flatnonzero(chosen_rows)
        if len(rows):
            money = money + cost_of(chosen.take(rows), side[rows], size[rows], gross[rows], plan[rows], axes)

    falls = np.array(axes.price_fall_frac)
    value = float(holdings.value_base[known].sum())
    loss = np.broadcast_to((falls * value)[:, None], (len(falls), money.size)).ravel()
    cost = ((1.0 - falls)[:, None] * money[None, :]).ravel()
    names = [field.name for field in fields(axes)]
    mesh = np.meshgrid(*(np.array(getattr(axes, name), dtype=np.float64) for name in names), indexing="ij")
    table = pd.DataFrame({name: each.ravel() for name, each in zip(names, mesh, strict=True)})
    table["price_loss_base"] = loss
    table["liquidation_cost_base"] = cost
    table["stressed_loss_base"] = loss + cost
    table.attrs.update(
        positions=int(answered.sum()),
        left_out=int(len(holdings) - answered.sum()),
        cell_by_cell=int((booked | capped).sum()),
    )
    return table


def _has_book(surface: LiquiditySurface, side: NDArray[np.float64]) -> NDArray[np.bool_]:
    steps = np.diff(surface.curves.start, axis=1) > 0
    seen: NDArray[np.bool_] = np.where(side >= 0.0, steps[BUY], steps[SELL])
    return seen


@dataclass(frozen=True, slots=True)
class _Parts:
    """Cost of n positions without a book, taken apart.

    Half spreads (n,) bps; impact by value of the volume axis and power of volatility (V, W, n) bps; the powers (W,); what
    each value of the depth axis multiplies impact by (D,).
    """

    half_bps: NDArray[np.float64]
    impact_bps: NDArray[np.float64]
    powers: NDArray[np.float64]
    dearer: NDArray[np.float64]


def _parts(
    surface: LiquiditySurface,
    side: NDArray[np.float64],
    size: NDArray[np.float64],
    plan: NDArray[np.float64],
    axes: WhatIfAxes,
) -> _Parts:
    of_member = np.array([member.volatility_power for member in BLENDED_MEMBERS])
    powers = np.unique(of_member)
    impact = np.zeros((len(axes.volume_haircut_frac), len(powers), len(surface)))
    for row, haircut in enumerate(axes.volume_haircut_frac):
        costs = surface.stressed(Shock(volume_haircut_frac=haircut)).member_costs(size, plan)  # type: ignore[arg-type] # (N,) broadcasts
        weight = np.where(np.isfinite(costs), surface.weight.T, 0.0)
        share = weight * np.nan_to_num(costs) / weight.sum(axis=0)
        for place, power in enumerate(powers):
            impact[row, place] = share[of_member == power].sum(axis=0)
    first = surface.take(np.zeros(1, dtype=np.int64))
    dearer = [_scale(first.stressed(Shock(depth_haircut_frac=haircut)), first) for haircut in axes.depth_haircut_frac]
    return _Parts(surface.half_spread_bps(side), impact, powers, np.array(dearer))


def _summed_costs(
    surface: LiquiditySurface,
    side: NDArray[np.float64],
    size: NDArray[np.float64],
    gross: NDArray[np.float64],
    plan: NDArray[np.float64],
    axes: WhatIfAxes,
) -> NDArray[np.float64]:
    """(cells without the price axis,) cost from sums over the positions."""
    parts = _parts(surface, side, size, plan, axes)
    spreads, vols = np.array(axes.spread_mult), np.array(axes.vol_mult)
    impact = (parts.impact_bps @ gross) @ (vols[None, :] ** parts.powers[:, None])  # (volume, volatility)
    half = float(parts.half_bps @ gross)
    cells = spreads[:, None, None, None] * half + impact[None, :, None, :] * parts.dearer[None, None, :, None]
    return np.asarray(cells).ravel() / 1e4


def _capped_costs(
    surface: LiquiditySurface,
    side: NDArray[np.float64],
    size: NDArray[np.float64],
    gross: NDArray[np.float64],
    plan: NDArray[np.float64],
    axes: WhatIfAxes,
) -> NDArray[np.float64]:
    """The same for sales that may cost all they bring: each position is cut off in each cell."""
    parts = _parts(surface, side, size, plan, axes)
    vols = np.array(axes.vol_mult)[:, None] ** parts.powers  # (volatility, power)
    costs = np.empty((len(axes.spread_mult), len(axes.volume_haircut_frac), len(parts.dearer), len(vols)))
    for place, spread in enumerate(axes.spread_mult):
        for row, impact in enumerate(parts.impact_bps):
            bps = spread * parts.half_bps + parts.dearer[:, None, None] * (vols @ impact)
            costs[place, row] = np.minimum(bps, MOST_SALE_COST_BPS) @ gross
    return costs.ravel() / 1e4


def _scale(stressed: LiquiditySurface, calm: LiquiditySurface) -> float:
    """How much dearer lost depth makes the models; the same for every instrument."""
    return float(stressed.impact_scale[0] / calm.impact_scale[0])


def _booked_costs(
    surface: LiquiditySurface,
    side: NDArray[np.float64],
    size: NDArray[np.float64],
    gross: NDArray[np.float64],
    plan: NDArray[np.float64],
    axes: WhatIfAxes,
) -> NDArray[np.float64]:
    """The same for positions with a visible book, each cell through the surface: the cheaper of book and models counts."""
    costs = []
    for spread, volume, depth, volatility in product(
        axes.spread_mult, axes.volume_haircut_frac, axes.depth_haircut_frac, axes.vol_mult
    ):
        shock = Shock(spread, volume, depth, volatility)
        bps = surface.stressed(shock).cost(side, size, plan).expected_bps
        costs.append(float((bps * gross).sum()) / 1e4)
    return np.array(costs)
