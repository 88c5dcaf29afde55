"""Compiled loops of the surface: the walk of a book, and the whole grid in one pass. ``surface.py`` says what they compute.

Imported on first use only (numba costs 0.6 s).
"""

from typing import Any

import numba
import numpy as np

from liquidity.domain.compiled import compiled

__all__ = ["fill_grid", "walk_books"]

_I8 = numba.types.Array(numba.int64, 1, "C", readonly=True)
_F8 = numba.types.Array(numba.float64, 1, "C", readonly=True)
_F8_2 = numba.types.Array(numba.float64, 2, "C", readonly=True)
_F8_3 = numba.types.Array(numba.float64, 3, "C", readonly=True)
_B1_2 = numba.types.Array(numba.boolean, 2, "C", readonly=True)
_OUT_1 = numba.types.Array(numba.float64, 1, "C")
_OUT_4 = numba.types.Array(numba.float32, 4, "C")


def _walk_books(
    start: Any, stop: Any, wanted: Any, size: Any, marginal: Any, total: Any, cost: Any, edge: Any, worst: Any
) -> None:  # pragma: no cover - compiled
    for i in range(wanted.size):
        first, last = start[i], stop[i]
        if first == last:
            cost[i] = np.nan
            edge[i] = 0.0
            worst[i] = np.nan
            continue
        edge[i] = size[last - 1]
        worst[i] = marginal[last - 1]
        quantity = wanted[i]
        if not quantity > 0.0:
            cost[i] = marginal[first]
            continue
        low, high = first, last
        while low < high:
            middle = (low + high) // 2
            if size[middle] < quantity:
                low = middle + 1
            else:
                high = middle
        if low == last:  # beyond the edge: what the visible part costs, in bps of itself
            cost[i] = total[last - 1] / size[last - 1] if size[last - 1] > 0.0 else marginal[last - 1]
        elif low == first:
            cost[i] = marginal[first]
        else:
            cost[i] = (total[low - 1] + (quantity - size[low - 1]) * marginal[low]) / quantity


walk_books = compiled(numba.void(_I8, _I8, _F8, _F8, _F8, _F8, _OUT_1, _OUT_1, _OUT_1))(_walk_books)
"""Average cost (bps of mid) of ``wanted`` money on each book, cumulative ``size`` and its price ``marginal`` by step.

Fills ``cost`` (of the visible part alone where wanted is more), ``edge`` (visible size, 0 without a book) and ``worst``
(price of the last step).
"""


def _fill_grid(
    adv: Any,
    half: Any,
    most: Any,
    level: Any,
    weight: Any,
    scale_sd: Any,
    half_sd: Any,
    sigma_bps: Any,
    sizes: Any,
    root_horizon: Any,
    shape: Any,
    instant: Any,
    quantile: Any,
    start: Any,
    stop: Any,
    size: Any,
    marginal: Any,
    total: Any,
    out: Any,
) -> None:  # pragma: no cover - compiled
    members = weight.shape[1]
    for i in range(adv.size):
        first, last = start[i], stop[i]
        for s in range(sizes.size):
            quantity = sizes[s] * adv[i]
            walk, seen, worst = np.nan, 0.0, np.nan
            if first < last:
                seen, worst = size[last - 1], marginal[last - 1]
                if not quantity > seen:
                    low, high = first, last
                    while low < high:
                        middle = (low + high) // 2
                        if size[middle] < quantity:
                            low = middle + 1
                        else:
                            high = middle
                    if low == first:
                        walk = marginal[first]
                    else:
                        walk = (total[low - 1] + (quantity - size[low - 1]) * marginal[low]) / quantity
                elif seen > 0.0:
                    walk = total[last - 1] / seen
                else:
                    walk = worst
            for h in range(root_horizon.size):
                weighed, mean, square = 0.0, 0.0, 0.0
                for m in range(members):
                    value = level[i, m] * shape[m, s, h]
                    if not np.isnan(value) and weight[i, m] > 0.0:
                        weighed += weight[i, m]
                        mean += weight[i, m] * value
                        square += weight[i, m] * value * value
                if weighed > 0.0:
                    mean /= weighed
                    square = max(square / weighed - mean * mean, 0.0)
                else:
                    mean, square = np.nan, np.nan
                square += scale_sd[i] * mean * scale_sd[i] * mean
                square += half_sd[i] * half_sd[i]
                expected = half[i] + mean
                if first < last and quantity == quantity:
                    beyond = max(0.0, 1.0 - seen / quantity) if quantity > 0.0 else 0.0
                    booked = walk if beyond == 0.0 else (1.0 - beyond) * walk + beyond * (worst + mean)
                    if instant[i, h] or not expected <= booked:
                        expected = booked
                        square *= beyond * beyond
                        if beyond == 0.0:
                            square = 0.0
                if expected > most[i]:
                    expected = most[i]
                timing = sigma_bps[i] * root_horizon[h]
                sd = np.sqrt(timing * timing + square)
                for p in range(quantile.size):
                    far = quantile[p] * sd if quantile[p] != 0.0 else 0.0
                    told = expected + far
                    out[i, s, h, p] = 0.0 if told < 0.0 else told


fill_grid = compiled(
    numba.void(_F8, _F8, _F8, _F8_2, _F8_2, _F8, _F8, _F8, _F8, _F8, _F8_3, _B1_2, _F8, _I8, _I8, _F8, _F8, _F8, _OUT_4)
)(_fill_grid)
"""Fill ``out`` (N, S, H, P) with cost at percentiles; the members' impact is ``level`` (N, M) times ``shape`` (M, S, H).

``most`` (N,) is where the expected cost ends, bps.
"""
