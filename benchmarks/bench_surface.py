"""The liquidity surface: a grid over the universe, costs of all instruments, one order, a stress.

Processor seconds of one core, the median of alternating rounds after one that does not count; beside the grid the same
numbers by the surface's own ``cost``, one call for each horizon, which the grid must equal. Run
``python -m benchmarks.run surface [--quick]``.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from benchmarks.table import Row
from liquidity.impact.book_curves import BookCurves, book_curve
from liquidity.impact.shock import Shock
from liquidity.impact.surface import IMMEDIATE_SESSIONS, LiquiditySurface

ROUNDS: Final = 5
SIZES: Final = np.array([0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.5, 1.0])
HORIZONS: Final = np.array([IMMEDIATE_SESSIONS, 1.0, 3.0, 5.0, 10.0])
PERCENTILES: Final = np.array([0.5, 0.9, 0.99])
BOOK_EVERY: Final = 50


def universe(instruments: int) -> LiquiditySurface:
    """Generated instruments; one in ``BOOK_EVERY`` has a visible book of 20 levels a side."""
    rng = np.random.default_rng(5)
    adv, half = np.exp(rng.normal(15.0, 2.0, instruments)), np.exp(rng.normal(1.5, 1.0, instruments))
    asks, bids = {}, {}
    for place in range(0, instruments, BOOK_EVERY):
        away = half[place] * np.arange(1, 21) / 1e4
        resting = adv[place] * 0.002 * rng.uniform(0.5, 1.5, 20)
        asks[place] = book_curve(100.0 * (1.0 + away), resting, 100.0)
        bids[place] = book_curve(100.0 * (1.0 - away), resting, 100.0)
    return LiquiditySurface.of(
        [f"I{place}" for place in range(instruments)],
        spread_bps=2.0 * half,
        adv_ccy=adv,
        volatility_daily_frac=np.exp(rng.normal(-4.5, 0.5, instruments)),
        price=100.0,
        curves=BookCurves.of(instruments, asks, bids),
    )


def alternate(*candidates: Callable[[], Any]) -> list[float]:
    """Median processor seconds of each candidate, after one round that does not count."""
    seconds: list[list[float]] = [[] for _ in candidates]
    for turn in range(ROUNDS + 1):
        for mine, candidate in zip(seconds, candidates, strict=True):
            began = time.process_time()
            candidate()
            if turn:
                mine.append(time.process_time() - began)
    return [statistics.median(mine) for mine in seconds]


def grid_by_cost(surface: LiquiditySurface) -> np.ndarray:
    """The grid through ``cost``, one call for each horizon."""
    out = np.empty((len(surface), len(SIZES), len(HORIZONS), len(PERCENTILES)), dtype=np.float32)
    sizes = surface.adv_ccy[:, None] * SIZES
    for at, horizon in enumerate(HORIZONS.tolist()):
        estimate = surface.cost(-1, sizes, horizon)
        for place, percentile in enumerate(PERCENTILES.tolist()):
            out[:, :, at, place] = estimate.at(percentile)
    return out


def run(quick: bool) -> list[Row]:
    """Every figure of the surface."""
    instruments = 10_000 if quick else 100_000
    surface = universe(instruments)
    cells = (
        f"{instruments:,} instruments x {len(SIZES)} sizes x {len(HORIZONS)} horizons x {len(PERCENTILES)} percentiles"
    )
    equal = np.allclose(
        surface.grid(-1, SIZES, HORIZONS, PERCENTILES), grid_by_cost(surface), rtol=2e-6, equal_nan=True
    )
    grid_s, by_cost_s = alternate(lambda: surface.grid(-1, SIZES, HORIZONS, PERCENTILES), lambda: grid_by_cost(surface))
    sizes = 0.05 * surface.adv_ccy
    [all_s] = alternate(lambda: surface.cost(-1, sizes, 1.0))
    shock = Shock(spread_mult=3.0, volume_haircut_frac=0.5, depth_haircut_frac=0.7, vol_mult=2.0)
    [stress_s] = alternate(lambda: surface.stressed(shock))
    place = np.array([BOOK_EVERY])
    orders = 200
    [order_s] = alternate(lambda: [surface.take(place).cost(-1, sizes[place], 1.0).at(0.9) for _ in range(orders)])
    grid_goal = "reported" if quick else "< 1 s on one core"
    return [
        Row(
            "cost grid [processor s]",
            grid_s,
            cells,
            f"{grid_goal}, equal ({'yes' if equal else 'NO'})",
            equal and (quick or grid_s < 1.0),
            "cost() for each horizon",
            by_cost_s,
        ),
        Row(
            "expected cost and its parts of one size each [processor s]",
            all_s,
            f"{instruments:,} orders",
            "reported",
            True,
        ),
        Row("stressing the surface [processor s]", stress_s, f"{instruments:,} instruments", "reported", True),
        Row(
            "one order of one instrument, with its 90th percentile [processor ms]",
            1e3 * order_s / orders,
            f"out of {instruments:,} instruments, warm",
            "< 1 ms",
            order_s / orders < 1e-3,
        ),
    ]
