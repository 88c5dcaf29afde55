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
    weights: tuple[NDArray[np.floating], NDArray[np.floating]],
    first: tuple[int, int],
    block: int,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Two weighted sums over the worst scenarios of each portfolio k, times minus its values: each (K, P).

    Sum n is -values[k, :] * sum over j of weights[n][j] * returns[worst[k, first[n] + j], :]. Both are made of a block of
    positions before the next is read, while its scenarios are in the cache.
    """
    portfolios, positions = values.shape
    out = (np.empty_like(values), np.empty_like(values))
    for low in range(0, positions, block):
        high = min(positions, low + block)
        for k in range(portfolios):
            money = values[k, low:high]
            for n in range(2):
                mine, weight, start = out[n][k, low:high], weights[n], first[n]
                mine[:] = 0
                # Four rows a pass: the sum is then read and written a quarter as often.
                fours = weight.size // 4 * 4
                for j in range(0, fours, 4):
                    a, b = returns[worst[k, start + j], low:high], returns[worst[k, start + j + 1], low:high]
                    c, d = returns[worst[k, start + j + 2], low:high], returns[worst[k, start + j + 3], low:high]
                    wa, wb, wc, wd = weight[j], weight[j + 1], weight[j + 2], weight[j + 3]
                    for i in range(high - low):
                        mine[i] += (wa * a[i] + wb * b[i]) + (wc * c[i] + wd * d[i])
                for j in range(fours, weight.size):
                    row, w = returns[worst[k, start + j], low:high], weight[j]
                    for i in range(high - low):
                        mine[i] += w * row[i]
                for i in range(high - low):
                    mine[i] *= -money[i]
    return out
