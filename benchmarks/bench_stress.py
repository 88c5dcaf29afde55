"""Stress: what a grid's cells cost beside stressing cell by cell, a scenario, and reverse stress of a large fund.

Run ``python -m benchmarks.bench_stress`` or ``... --quick`` (a tenth of the positions). Rounds alternate between the
candidates; the median counts. One core.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from benchmarks.table import Row
from liquidity.impact.shock import Shock
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from liquidity.stress.engine import stress
from liquidity.stress.grid import WhatIfAxes, what_if_grid
from liquidity.stress.measures import portfolio_stress
from liquidity.stress.portfolio_tables import reverse_stress
from liquidity.stress.vector import StressVector, stress_vector
from resources.scenarios import load_scenarios

ROUNDS = 5
SMALL = WhatIfAxes((0.0, 0.2), (1.0, 3.0), (0.0, 0.5), (0.0, 0.5), (1.0, 2.0, 3.0, 4.0))
LARGE = WhatIfAxes(
    tuple(np.linspace(0.0, 0.5, 20)), tuple(np.linspace(1.0, 10.0, 20)), (0.0, 0.5), (0.0, 0.5), (1.0, 2.0, 3.0, 4.0)
)


def fund(positions: int) -> tuple[Holdings, LiquiditySurface]:
    """A fund of corporate bonds without visible books."""
    rng = np.random.default_rng(7)
    names = np.empty(positions, dtype=object)
    names[:] = [f"sim:BOND{place:06d}" for place in range(positions)]
    price = np.full(positions, 100.0)
    surface = LiquiditySurface.of(
        names,
        spread_bps=rng.uniform(5.0, 100.0, positions),
        adv_ccy=10.0 ** rng.uniform(5.0, 8.0, positions),
        volatility_daily_frac=rng.uniform(0.002, 0.01, positions),
        price=price,
        asset_class="bond_corporate",
        rating="A",
    )
    quantity = 10.0 ** rng.uniform(2.0, 5.0, positions)
    blank = np.full(positions, None, dtype=object)
    value = quantity * price
    held = Holdings(
        "fund", "USD", 0.05 * value.sum(), 1.05 * value.sum(), names, quantity, price, np.ones(positions), value,
        np.arange(positions), surface.asset_class, blank, surface.rating, blank, np.ones(positions, dtype=np.int64),
        np.zeros(positions), np.full(positions, "", dtype=object),
    )  # fmt: skip
    return held, surface


def alternate(*candidates: Callable[[], Any]) -> list[float]:
    """Median wall seconds of each over alternating rounds, after one that does not count."""
    seconds: list[list[float]] = [[] for _ in candidates]
    for turn in range(ROUNDS + 1):
        for mine, candidate in zip(seconds, candidates, strict=True):
            began = time.perf_counter()
            candidate()
            if turn:
                mine.append(time.perf_counter() - began)
    return [statistics.median(mine) for mine in seconds]


def cell_by_cell(held: Holdings, surface: LiquiditySurface, axes: WhatIfAxes, blank: StressVector) -> float:
    """The same grid through the engine, one cell after the other; the dearest cell."""
    n, dearest = len(held), 0.0
    for row in what_if_grid(held, surface, axes).itertuples():
        full = [
            np.full(n, each)
            for each in (row.spread_mult, row.volume_haircut_frac, row.depth_haircut_frac, row.vol_mult)
        ]
        vector = replace(
            blank,
            price_fall_frac=np.full(n, row.price_fall_frac),
            conditions=Shock(*full, dealer_withdrawal_frac=np.zeros(n)),
        )
        dearest = max(dearest, float(stress(held, surface, vector).stressed_loss_base.sum()))
    return dearest


def run(quick: bool) -> list[Row]:
    """Measure."""
    positions = 1_000 if quick else 10_000
    held, surface = fund(positions)
    scenarios = load_scenarios()
    blank = stress_vector(scenarios["moderate_stress"], held)
    small, large, loop = alternate(
        lambda: what_if_grid(held, surface, SMALL),
        lambda: what_if_grid(held, surface, LARGE),
        lambda: cell_by_cell(held, surface, SMALL, blank),
    )
    one, *_ = alternate(lambda: portfolio_stress(held, surface, stress_vector(scenarios["gfc_2008"], held)))
    began = time.perf_counter()
    points = reverse_stress(date(2026, 3, 20), [held], surface, [scenarios["gfc_2008"]])
    reverse = time.perf_counter() - began
    size = f"{positions} positions"
    return [
        Row(
            "stress grid", small, f"{size}, {SMALL.cells} cells", ">= 10 times the loop", loop >= 10.0 * small,
            "our engine cell by cell", loop,
        ),
        Row(
            "stress grid of 100 times the cells", large, f"{size}, {LARGE.cells} cells", "<= 1.5 times the small grid",
            large <= 1.5 * small, "the small grid", small,
        ),
        Row("one scenario, whole portfolio", one, size, "reported", True),
        Row(
            "reverse stress of one scenario", reverse, f"{size}, {int(points['evaluations'].max())} evaluations",
            "reported", True,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    for each in run(parser.parse_args().quick):
        print(each.text())
