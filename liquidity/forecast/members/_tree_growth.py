"""Growing extremely randomised trees on binned inputs, compiled.

Inputs are bytes (255 quantile bins and one code for missing) and a row's five labels lie side by side, so one pass over
a node's rows weighs one random threshold of every input. Imported on first use only (numba costs 0.6 s).
Read next: ``forest.py``.
"""

from typing import Any, Final

import numba
import numpy as np

from liquidity.domain.compiled import compiled
from liquidity.forecast.members._tree_walk import inlined

__all__ = ["LANES", "MISSING_BIN", "VECTOR", "bin_inputs", "grow_tree"]

MISSING_BIN: Final = 255
LANES: Final = 8
"""Numbers kept for each row: five labels, the one that counts it, and two zeros that fill a vector register."""

VECTOR: Final = 32
"""Bytes that one instruction compares: columns come in multiples of it."""

_U1 = numba.types.Array(numba.uint8, 2, "C", readonly=True)
_F4 = numba.types.Array(numba.float32, 2, "C", readonly=True)
_I4 = numba.types.Array(numba.int32, 1, "C")
_COUNT = 5
_BATCH = 4


@compiled(numba.void(_F4, _F4, numba.types.Array(numba.uint8, 2, "C")))
def bin_inputs(values: Any, edges: Any, out: Any) -> None:  # pragma: no cover - compiled
    """Bin of each value, the number of edges below it, into ``out`` (R, K); ``edges`` (K, E) ascending, inf at the end."""
    for i in range(values.shape[0]):
        for k in range(values.shape[1]):
            value = values[i, k]
            if value != value:
                out[i, k] = MISSING_BIN
                continue
            low, high = 0, edges.shape[1]
            while low < high:
                middle = (low + high) >> 1
                if edges[k, middle] < value:
                    low = middle + 1
                else:
                    high = middle
            out[i, k] = low


@inlined
def _mixed(state: Any) -> Any:  # pragma: no cover - compiled
    """Output of SplitMix64 (Steele, Lea, Flood 2014) at a state."""
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled(
    numba.types.UniTuple(numba.int64, 2)(
        _U1, _F4, _I4, numba.int64, numba.int64, numba.uint64, _I4, _I4, _I4, _I4,
    )
)  # fmt: skip
def grow_tree(
    binned: Any,
    labels: Any,
    rows: Any,
    inputs: Any,
    min_leaf: Any,
    seed: Any,
    split: Any,
    threshold: Any,
    left: Any,
    weight: Any,
) -> Any:  # pragma: no cover - compiled
    """Grow one tree; returns its numbers of nodes and leaves.

    At each node every input gets one bin drawn evenly between the node's least and greatest, and its missing values a
    side drawn at random. The one that lowers the squared error of all labels together most splits the node; a node of
    fewer than twice ``min_leaf`` rows, or that no draw splits, is a leaf.

    ``binned`` (R, K) with ``inputs`` columns that count and others that fill whole vectors, ``labels`` (R, LANES),
    ``rows`` (M,) places to grow on, reordered in place. Filled: ``split``, ``threshold`` (a bin: at or below goes left)
    and ``left`` by node, as ``Trees`` has them, and ``weight`` by leaf.
    """
    columns = binned.shape[1]
    golden = np.uint64(0x9E3779B97F4A7C15)
    state = _mixed(seed + golden)
    least, greatest = np.empty(columns, np.uint8), np.empty(columns, np.uint8)
    some_missing = np.empty(columns, np.uint8)
    shift, bar = np.zeros(columns, np.uint8), np.zeros(columns, np.uint8)
    can_split = np.zeros(columns, np.bool_)
    sums = np.empty((_COUNT + 1, columns), np.float32)
    goes = np.empty((_BATCH, columns), np.float32)
    batch = np.zeros((_BATCH, LANES), np.float32)
    total = np.empty(_COUNT, np.float64)
    stack = np.empty((len(split) + 2, 3), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, 0, rows.size
    waiting, nodes, leaves = 1, 1, 0
    while waiting > 0:
        waiting -= 1
        node, start, stop = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2]
        size = stop - start
        best, best_gain = -1, 0.0
        if size >= 2 * min_leaf:
            least[:] = 255
            greatest[:] = 0
            some_missing[:] = 0
            for i in range(start, stop):
                row = rows[i]
                for k in range(columns):
                    code = binned[row, k]
                    least[k] = min(least[k], code)
                    greatest[k] = max(greatest[k], code if code != MISSING_BIN else np.uint8(0))
                    some_missing[k] = max(some_missing[k], code)
            for k in range(inputs):
                low, high = least[k], greatest[k]
                missing = some_missing[k] == MISSING_BIN
                can_split[k] = low != MISSING_BIN and (low < high or missing)
                state += golden
                noise = _mixed(state)
                span = np.uint64(high) - np.uint64(low)
                if not can_split[k]:
                    shift[k], bar[k] = 0, 255
                elif span == 0:  # missing against known
                    shift[k], bar[k] = 0, high
                else:
                    drawn = np.uint64(low) + (noise & np.uint64(0xFFFFFFFF)) % span
                    turn = (noise >> np.uint64(63)) if missing else np.uint64(0)
                    shift[k] = np.uint8(turn)
                    bar[k] = np.uint8(drawn + turn)
            sums[:] = 0.0
            for first in range(start, stop, _BATCH):
                many = min(_BATCH, stop - first)
                batch[:] = 0.0
                for b in range(many):
                    row = rows[first + b]
                    for lane in range(LANES):
                        batch[b, lane] = labels[row, lane]
                    for k in range(columns):
                        # A missing value is 255: shifted by one it wraps to 0 and goes left.
                        goes[b, k] = (
                            np.float32(1.0) if np.uint8(binned[row, k] + shift[k]) <= bar[k] else np.float32(0.0)
                        )
                for lane in range(_COUNT + 1):
                    y0, y1, y2, y3 = batch[0, lane], batch[1, lane], batch[2, lane], batch[3, lane]
                    for k in range(columns):
                        sums[lane, k] += (y0 * goes[0, k] + y1 * goes[1, k]) + (y2 * goes[2, k] + y3 * goes[3, k])
            total[:] = 0.0
            for i in range(start, stop):
                for lane in range(_COUNT):
                    total[lane] += labels[rows[i], lane]
            least_gain = 0.0
            for lane in range(_COUNT):
                least_gain += total[lane] * total[lane] / size
            for k in range(inputs):
                n_left = np.float64(sums[_COUNT, k])
                n_right = size - n_left
                if not can_split[k] or n_left < min_leaf or n_right < min_leaf:
                    continue
                gain = -least_gain
                for lane in range(_COUNT):
                    of_left = np.float64(sums[lane, k])
                    of_right = total[lane] - of_left
                    gain += of_left * of_left / n_left + of_right * of_right / n_right
                if gain > best_gain:
                    best, best_gain = k, gain
        if best < 0:
            split[node] = -1
            threshold[node] = 0
            left[node] = leaves
            weight[leaves] = size
            leaves += 1
            continue
        add, limit = shift[best], bar[best]
        at, end = start, stop - 1
        while at <= end:
            if np.uint8(binned[rows[at], best] + add) <= limit:
                at += 1
            else:
                row = rows[at]
                rows[at] = rows[end]
                rows[end] = row
                end -= 1
        split[node] = 2 * best + add
        threshold[node] = limit - add
        left[node] = nodes
        stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = nodes + 1, at, stop
        stack[waiting + 1, 0], stack[waiting + 1, 1], stack[waiting + 1, 2] = nodes, start, at
        waiting += 2
        nodes += 2
    return nodes, leaves
