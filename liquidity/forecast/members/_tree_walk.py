"""Walking rows down an ensemble of trees, compiled: leaves, sums over leaves, contributions along the paths.

One layout serves forests and boosting (:class:`~liquidity.forecast.members._leaf_tables.Trees`). Imported on first use
only (numba costs 0.6 s). Rows go through in blocks, tree by tree: a tree and a block stay in the processor's caches.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from liquidity.domain.compiled import compiled
from liquidity.forecast.members._leaf_tables import SMALL_TREE

__all__ = [
    "fill_leaves",
    "inlined",
    "leaves_of_rows",
    "node_steps",
    "path_contributions",
    "sum_of_leaves",
    "sum_of_small_trees",
]

_F4 = numba.types.Array(numba.float32, 2, "C", readonly=True)
_F8 = numba.types.Array(numba.float64, 2, "C", readonly=True)
_I8 = numba.types.Array(numba.int64, 1, "C", readonly=True)
_I4 = numba.types.Array(numba.int32, 1, "C", readonly=True)
_T4 = numba.types.Array(numba.float32, 1, "C", readonly=True)
_I4_OUT2 = numba.types.Array(numba.int32, 2, "C")
_BLOCK_ROWS = 4096  # their sums and the columns they read stay in the second cache
_PATH_ROWS = 1024
_TILE_ROWS = 16
_FEW_ROWS = 4  # so many rows go down one by one: parting them would cost more than their paths
_SMALL_BLOCK_ROWS = 1024

_DE_BRUIJN = np.uint32(0x077CB531)
"""Times a power of two, its first five bits tell which one (Leiserson, Prokop and Randall 1998)."""

_inner: Callable[[Any], Any] = numba.njit(nogil=True, error_model="numpy")

inlined: Callable[[Any], Any] = numba.njit(nogil=True, inline="always", error_model="numpy")
"""Compile into the functions that call it."""


@_inner
def _transposed(values: Any, start: Any, stop: Any, columns: Any) -> None:  # pragma: no cover - compiled
    """Rows ``start`` to ``stop`` of ``values`` (R, K) as columns (K, block), a few rows at a time."""
    for first in range(start, stop, _TILE_ROWS):
        end = min(first + _TILE_ROWS, stop)
        for k in range(values.shape[1]):
            for i in range(first, end):
                columns[k, i - start] = values[i, k]


@_inner
def _leaves_of_block(
    columns: Any, many: Any, root: Any, split: Any, threshold: Any, left: Any, order: Any, waiting: Any, leaf: Any
) -> None:  # pragma: no cover - compiled
    """Leaf of each of the first ``many`` rows of ``columns`` (K, block) in the tree at ``root``, into ``leaf``.

    All rows of a node are parted at once: its input and threshold are read once, and no branch asks where a row turns, so
    none is guessed wrong. ``order`` (2, block) and ``waiting`` (block + 1, 3) are room to work in: what waits has rows of
    its own, so there is never more of it than rows.
    """
    rows, behind = order[0], order[1]
    for i in range(many):
        rows[i] = i
    waiting[0, 0], waiting[0, 1], waiting[0, 2] = root, 0, many
    waiting_n: Any = 1
    while waiting_n > 0:
        waiting_n -= 1
        node, start, stop = waiting[waiting_n, 0], waiting[waiting_n, 1], waiting[waiting_n, 2]
        while split[node] >= 0 and stop - start > _FEW_ROWS:
            code, cut = split[node], threshold[node]
            column = columns[code >> 1]
            at, behind_n = start, np.int64(0)
            if code & 1:
                for i in range(start, stop):
                    row = rows[i]
                    goes_right = np.int64(column[row] > cut)  # a missing value does not
                    rows[at] = row
                    behind[behind_n] = row
                    at += 1 - goes_right
                    behind_n += goes_right
            else:
                for i in range(start, stop):
                    row = rows[i]
                    goes_left = np.int64(column[row] <= cut)
                    rows[at] = row
                    behind[behind_n] = row
                    at += goes_left
                    behind_n += 1 - goes_left
            for i in range(behind_n):
                rows[at + i] = behind[i]
            node = np.int64(left[node])
            if at == start:
                node += 1
            elif behind_n > 0:
                waiting[waiting_n, 0], waiting[waiting_n, 1], waiting[waiting_n, 2] = node + 1, at, stop
                waiting_n += 1
                stop = at
        for i in range(start, stop):
            row = rows[i]
            place = node
            code = split[place]
            while code >= 0:
                value = columns[code >> 1, row]
                goes_left = np.int64(value <= threshold[place]) | (np.int64(value != value) & code & 1)
                place = left[place] + 1 - goes_left
                code = split[place]
            leaf[row] = left[place]


@compiled(numba.void(_F4, _I8, _I4, _T4, _I4, _I4_OUT2))
def leaves_of_rows(
    values: Any, roots: Any, split: Any, threshold: Any, left: Any, leaves: Any
) -> None:  # pragma: no cover - compiled
    """Leaf that each row of ``values`` (R, K) reaches in each tree, into ``leaves`` (trees, R)."""
    columns = np.empty((values.shape[1], _BLOCK_ROWS), np.float32)
    order, waiting = np.empty((2, _BLOCK_ROWS), np.int32), np.empty((_BLOCK_ROWS + 1, 3), np.int64)
    for start in range(0, values.shape[0], _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, values.shape[0])
        _transposed(values, start, stop, columns)
        for tree in range(roots.size):
            _leaves_of_block(
                columns, stop - start, roots[tree], split, threshold, left, order, waiting, leaves[tree, start:stop]
            )


@compiled(numba.void(_F4, _I8, _I4, _T4, _I4, numba.types.Array(numba.int16, 2, "C", readonly=True), _I4_OUT2))
def sum_of_leaves(
    values: Any, roots: Any, split: Any, threshold: Any, left: Any, tables: Any, out: Any
) -> None:  # pragma: no cover - compiled
    """Add to ``out`` (R, W) the rows of ``tables`` (leaves, W) that the rows reach in every tree.

    Integers of two bytes are added up in four: exact, and therefore ascending where every table is.
    """
    width = tables.shape[1]
    columns, leaf = np.empty((values.shape[1], _BLOCK_ROWS), np.float32), np.empty(_BLOCK_ROWS, np.int32)
    order, waiting = np.empty((2, _BLOCK_ROWS), np.int32), np.empty((_BLOCK_ROWS + 1, 3), np.int64)
    for start in range(0, values.shape[0], _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, values.shape[0])
        _transposed(values, start, stop, columns)
        for tree in range(roots.size):
            _leaves_of_block(columns, stop - start, roots[tree], split, threshold, left, order, waiting, leaf)
            for i in range(stop - start):
                place = leaf[i]
                for k in range(width):
                    out[start + i, k] += tables[place, k]


@_inner
def _place_of_bit(word: Any) -> Any:  # pragma: no cover - compiled
    """0 to 31, another one for each word of a single bit."""
    return np.uint32(np.uint32(word) * _DE_BRUIJN) >> np.uint32(27)


@_inner
def _leaves_kept(
    root: Any, split: Any, left: Any, first_leaf: Any, below: Any, kept: Any
) -> None:  # pragma: no cover - compiled
    """Leaves that are still possible when a row goes left, or right, at each node, one bit each, into ``kept`` (nodes, 2)."""
    for node in range(len(below) - 1, -1, -1):
        child = left[root + node]
        if split[root + node] < 0:
            below[node] = np.int32(1) << np.int32(child - first_leaf)
        else:
            child -= root
            below[node] = below[child] | below[child + 1]
            kept[node, 0], kept[node, 1] = ~below[child + 1], ~below[child]


@compiled(numba.void(_F4, _I8, _I4, _T4, _I4, _F8, numba.int64, numba.types.Array(numba.float64, 2, "C")))
def sum_of_small_trees(
    values: Any, roots: Any, split: Any, threshold: Any, left: Any, leaf_values: Any, trees_each: Any, out: Any
) -> None:  # pragma: no cover - compiled
    """Add to ``out`` (models, R) what each model's ``trees_each`` trees say of each row, tree after tree in order.

    No path is walked: every split takes from each row the leaves beyond the side that it does not go to, and one is left
    (Lucchese, Nardini, Orlando, Perego, Tonellotto and Venturini 2015). Trees have ``SMALL_TREE`` leaves at most, and a
    tree's leaves lie side by side in ``leaf_values`` (leaves, 1).
    """
    columns = np.empty((values.shape[1], _SMALL_BLOCK_ROWS), np.float32)
    possible, of_leaf = np.empty(_SMALL_BLOCK_ROWS, np.int32), np.zeros(SMALL_TREE)
    below, kept = np.empty(2 * SMALL_TREE, np.int32), np.empty((2 * SMALL_TREE, 2), np.int32)
    for start in range(0, values.shape[0], _SMALL_BLOCK_ROWS):
        many = min(_SMALL_BLOCK_ROWS, values.shape[0] - start)
        _transposed(values, start, start + many, columns)
        leaves = 0
        for tree in range(roots.size):
            root = roots[tree]
            nodes = (roots[tree + 1] if tree + 1 < roots.size else len(split)) - root
            _leaves_kept(root, split, left, leaves, below[:nodes], kept)
            possible[:many] = below[0]
            for node in range(nodes):
                code = split[root + node]
                if code < 0:
                    of_leaf[_place_of_bit(below[node])] = leaf_values[left[root + node], 0]
                    leaves += 1
                    continue
                if_left, if_right = kept[node, 0], kept[node, 1]
                cut, column = threshold[root + node], columns[code >> 1]
                if code & 1:
                    for i in range(many):  # a missing value is not above, and goes left
                        possible[i] &= if_right if column[i] > cut else if_left
                else:
                    for i in range(many):
                        possible[i] &= if_left if column[i] <= cut else if_right
            model = tree // trees_each
            for i in range(many):
                out[model, start + i] += of_leaf[_place_of_bit(possible[i])]


@compiled(numba.void(_F4, _I8, _I4, _T4, _I4, _F8, _I4, numba.types.Array(numba.float64, 3, "C")))
def path_contributions(
    values: Any, roots: Any, split: Any, threshold: Any, left: Any, steps: Any, driver: Any, out: Any
) -> None:  # pragma: no cover - compiled
    """Add to ``out`` (R, G, H) what each split of the paths changed.

    ``steps`` (nodes, H) is a node's value less its parent's; it counts for ``driver`` (K,) of the input that split.
    """
    rows, horizons = values.shape[0], steps.shape[1]
    for start in range(0, rows, _PATH_ROWS):
        stop = min(start + _PATH_ROWS, rows)
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
        _I4, numba.types.Array(numba.int32, 2, "C", readonly=True), _F8,
        numba.types.Array(numba.float64, 1, "C", readonly=True), numba.types.Array(numba.float64, 3, "C"),
    )
)  # fmt: skip
def fill_leaves(leaf: Any, order: Any, labels: Any, levels: Any, tables: Any) -> None:  # pragma: no cover - compiled
    """Quantiles of the labels at each leaf of one tree, into ``tables`` (leaves, H, levels).

    ``leaf`` (R,) leaf of each row; ``order`` (H, R) rows by ascending label and ``labels`` (H, R) those labels, NaN last:
    dealt out in this order, every leaf's labels come sorted. Between the n labels at place n * level - 1/2, the first and
    last beyond (Hyndman and Fan 1996, type 5); NaN where a leaf has no label.
    """
    leaves, horizons = tables.shape[0], tables.shape[1]
    ordered, starts, ends = np.empty(leaf.size), np.empty(leaves, np.int64), np.empty(leaves, np.int64)
    for h in range(horizons):
        known = leaf.size
        while known > 0 and labels[h, known - 1] != labels[h, known - 1]:
            known -= 1
        ends[:] = 0
        for i in range(known):
            ends[leaf[order[h, i]]] += 1
        filled = 0
        for j in range(leaves):
            starts[j] = filled
            filled += ends[j]
            ends[j] = starts[j]
        for i in range(known):
            j = leaf[order[h, i]]
            ordered[ends[j]] = labels[h, i]
            ends[j] += 1
        for j in range(leaves):
            first, n, before = starts[j], ends[j] - starts[j], -np.inf
            for k in range(levels.size):
                place = min(max(n * levels[k] - 0.5, 0.0), n - 1.0)
                below = np.int64(place)
                above = min(below + 1, n - 1)
                value = np.nan
                if n > 0:
                    low = ordered[first + below]
                    value = max(low + (place - below) * (ordered[first + above] - low), before)
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
