"""Walking rows down an ensemble of trees, compiled: leaves, sums over leaves, contributions along the paths.

One layout serves forests and boosting (:class:`~liquidity.forecast.members._leaf_tables.Trees`). Imported on first use
only (numba costs 0.6 s). Rows go through in blocks, tree by tree: a tree and a block stay in the processor's cache.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from liquidity.domain.compiled import compiled

__all__ = ["fill_leaves", "inlined", "leaf_of_rows", "node_steps", "path_contributions", "sum_of_leaves"]

_F4 = numba.types.Array(numba.float32, 2, "C", readonly=True)
_F8 = numba.types.Array(numba.float64, 2, "C", readonly=True)
_I8 = numba.types.Array(numba.int64, 1, "C", readonly=True)
_I4 = numba.types.Array(numba.int32, 1, "C", readonly=True)
_T4 = numba.types.Array(numba.float32, 1, "C", readonly=True)
_I4_OUT = numba.types.Array(numba.int32, 1, "C")
_BLOCK_ROWS = 1024
_SIDE_BY_SIDE = 8  # rows that go down together: one waits for memory while others move
_FEW = 64  # labels that are sorted by insertion


inlined: Callable[[Any], Any] = numba.njit(nogil=True, inline="always", error_model="numpy")
"""Compile into the functions that call it."""


@inlined
def _walk_together(
    values: Any, first: Any, many: Any, root: Any, split: Any, threshold: Any, left: Any, place: Any
) -> None:  # pragma: no cover - compiled
    """Leaves of ``many`` rows from ``first`` on into ``place``; no branch asks where a row turns, so none is guessed wrong."""
    for j in range(many):
        place[j] = root
    inner = many
    while inner > 0:
        inner = 0
        for j in range(many):
            node = place[j]
            code = np.int64(split[node])
            is_inner = np.int64(code >= 0)
            value = values[first + j, (code >> 1) * is_inner]
            goes_left = np.int64(value <= threshold[node]) | (np.int64(value != value) & code & 1)
            place[j] = node + is_inner * (left[node] + 1 - goes_left - node)
            inner += is_inner
    for j in range(many):
        place[j] = left[place[j]]


@compiled(numba.void(_F4, numba.int64, _I4, _T4, _I4, _I4_OUT))
def leaf_of_rows(
    values: Any, root: Any, split: Any, threshold: Any, left: Any, leaf: Any
) -> None:  # pragma: no cover - compiled
    """Leaf that each row of ``values`` (R, K) reaches in the tree at node ``root``, into ``leaf`` (R,)."""
    place = np.empty(_SIDE_BY_SIDE, np.int64)
    for first in range(0, values.shape[0], _SIDE_BY_SIDE):
        many = min(_SIDE_BY_SIDE, values.shape[0] - first)
        _walk_together(values, first, many, root, split, threshold, left, place)
        for j in range(many):
            leaf[first + j] = place[j]


def _sum_of_leaves(
    values: Any, roots: Any, split: Any, threshold: Any, left: Any, tables: Any, out: Any
) -> None:  # pragma: no cover - compiled
    rows, width = values.shape[0], tables.shape[1]
    place = np.empty(_SIDE_BY_SIDE, np.int64)
    for start in range(0, rows, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, rows)
        for tree in range(roots.size):
            for first in range(start, stop, _SIDE_BY_SIDE):
                many = min(_SIDE_BY_SIDE, stop - first)
                _walk_together(values, first, many, roots[tree], split, threshold, left, place)
                for j in range(many):
                    leaf = place[j]
                    for k in range(width):
                        out[first + j, k] += tables[leaf, k]


sum_of_leaves = compiled(
    numba.void(
        _F4, _I8, _I4, _T4, _I4,
        numba.types.Array(numba.int16, 2, "C", readonly=True), numba.types.Array(numba.int32, 2, "C"),
    ),
    numba.void(_F4, _I8, _I4, _T4, _I4, _F8, numba.types.Array(numba.float64, 2, "C")),
)(_sum_of_leaves)  # fmt: skip
"""Add to ``out`` (R, W) the rows of ``tables`` (leaves, W) that the rows reach, tree after tree in order.

Integers of two bytes are added up in four: exact, and therefore ascending where every table is.
"""


@compiled(numba.void(_F4, _I8, _I4, _T4, _I4, _F8, _I4, numba.types.Array(numba.float64, 3, "C")))
def path_contributions(
    values: Any, roots: Any, split: Any, threshold: Any, left: Any, steps: Any, driver: Any, out: Any
) -> None:  # pragma: no cover - compiled
    """Add to ``out`` (R, G, H) what each split of the paths changed.

    ``steps`` (nodes, H) is a node's value less its parent's; it counts for ``driver`` (K,) of the input that split.
    """
    rows, horizons = values.shape[0], steps.shape[1]
    for start in range(0, rows, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, rows)
        for tree in range(roots.size):
            root = roots[tree]
            for i in range(start, stop):
                node = root
                code = split[node]
                while code >= 0:
                    value = values[i, code >> 1]
                    goes_left = value <= threshold[node] or (value != value and (code & 1) == 1)
                    node = left[node] + (0 if goes_left else 1)
                    of = driver[code >> 1]
                    for h in range(horizons):
                        out[i, of, h] += steps[node, h]
                    code = split[node]


@compiled(
    numba.void(
        _I4, numba.types.Array(numba.float64, 2, "C", readonly=True), numba.types.Array(numba.float64, 1, "C", readonly=True),
        numba.types.Array(numba.float64, 3, "C"),
    )
)  # fmt: skip
def fill_leaves(leaf: Any, labels: Any, levels: Any, tables: Any) -> None:  # pragma: no cover - compiled
    """Quantiles of the labels at each leaf of one tree, into ``tables`` (leaves, H, levels).

    ``leaf`` (R,) leaf of each row, ``labels`` (R, H), NaN where not known. Between the n ordered labels at place
    n * level - 1/2, the first and last beyond (Hyndman and Fan 1996, type 5); NaN where a leaf has no label.
    """
    leaves, horizons = tables.shape[0], tables.shape[1]
    starts = np.zeros(leaves + 1, np.int64)
    for i in range(leaf.size):
        starts[leaf[i] + 1] += 1
    longest = 0
    for j in range(leaves):
        longest = max(longest, starts[j + 1])
        starts[j + 1] += starts[j]
    filled = starts[:-1].copy()
    rows = np.empty(leaf.size, np.int64)
    for i in range(leaf.size):
        rows[filled[leaf[i]]] = i
        filled[leaf[i]] += 1
    ordered = np.empty(longest, np.float64)
    for j in range(leaves):
        for h in range(horizons):
            n: Any = 0
            few = starts[j + 1] - starts[j] <= _FEW
            for i in range(starts[j], starts[j + 1]):
                label = labels[rows[i], h]
                if label != label:
                    continue
                at = n
                while few and at > 0 and ordered[at - 1] > label:
                    ordered[at] = ordered[at - 1]
                    at -= 1
                ordered[at] = label
                n += 1
            if not few:
                ordered[:n].sort()
            before = -np.inf
            for k in range(levels.size):
                place = min(max(n * levels[k] - 0.5, 0.0), n - 1.0)
                below = np.int64(place)
                above = min(below + 1, n - 1)
                value = np.nan
                if n > 0:
                    value = ordered[below] + (place - below) * (ordered[above] - ordered[below])
                    value = max(value, before)
                    before = value
                tables[j, h, k] = value


@compiled(numba.void(_I8, _I4, _I4, _F8, _I4, numba.types.Array(numba.float64, 2, "C")))
def node_steps(roots: Any, split: Any, left: Any, tables: Any, weight: Any, steps: Any) -> None:  # pragma: no cover
    """A node's value less its parent's, into ``steps`` (nodes, H); a root keeps its value.

    A leaf's value is its row of ``tables`` (leaves, H), a node's the mean of its children's by the training rows
    ``weight`` (leaves,) below them. Children stand behind their parent.
    """
    nodes, horizons = steps.shape
    rows = np.empty(nodes, np.float64)
    for node in range(nodes - 1, -1, -1):
        child = left[node]
        if split[node] < 0:
            rows[node] = weight[child]
            for h in range(horizons):
                steps[node, h] = tables[child, h]
            continue
        rows[node] = rows[child] + rows[child + 1]
        for h in range(horizons):
            both = rows[child] * steps[child, h] + rows[child + 1] * steps[child + 1, h]
            value = both / rows[node]
            steps[node, h] = value
            steps[child, h] -= value
            steps[child + 1, h] -= value
