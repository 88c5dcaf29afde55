"""Compiled sums of ``engine.py``: weighted rows of a scenario matrix, for many portfolios, cache block by cache block."""

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.compiled import compiled

__all__ = ["tail_sums"]


@compiled()
def tail_sums(
    returns: NDArray[np.floating],
    values: NDArray[np.floating],
    worst: NDArray[np.int64],
    weights: NDArray[np.floating],
    first: int,
    block: int,
) -> NDArray[np.floating]:
    """Minus the sum over j of weights[j] * returns[worst[k, first + j], :] * values[k, :], for each portfolio k: (K, P)."""
    portfolios, positions = values.shape
    out = np.empty_like(values)
    for low in range(0, positions, block):
        high = min(positions, low + block)
        for k in range(portfolios):
            mine = out[k, low:high]
            mine[:] = 0
            # Four rows a pass: the sum is then read and written a quarter as often.
            fours = weights.size // 4 * 4
            for j in range(0, fours, 4):
                a, b = returns[worst[k, first + j], low:high], returns[worst[k, first + j + 1], low:high]
                c, d = returns[worst[k, first + j + 2], low:high], returns[worst[k, first + j + 3], low:high]
                wa, wb, wc, wd = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
                for i in range(high - low):
                    mine[i] += (wa * a[i] + wb * b[i]) + (wc * c[i] + wd * d[i])
            for j in range(fours, weights.size):
                row = returns[worst[k, first + j], low:high]
                weight = weights[j]
                for i in range(high - low):
                    mine[i] += weight * row[i]
            money = values[k, low:high]
            for i in range(high - low):
                mine[i] *= -money[i]
    return out
