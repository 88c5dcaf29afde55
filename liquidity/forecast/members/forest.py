"""Forest: one ensemble of extremely randomised trees for all horizons, quantiles from tables at the leaves.

Trees grow on the change of the score, all five horizons at once (Geurts, Ernst, Wehenkel 2006). A leaf holds
the quantiles of the labels that fell into it, and a forecast is their mean over the trees, so quantiles never cross. Read next: ``_leaf_tables.py``, ``_tree_walk.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import InsufficientDataError
from liquidity.forecast.horizons import HORIZONS, LEVELS, MEDIAN
from liquidity.forecast.members._leaf_tables import (
    TYPICAL_CHANGE,
    Trees,
    ascending,
    bin_edges,
    drivers_of_inputs,
    refuse_other_inputs,
    typed_array,
    varying_inputs,
)
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._state import state_array

__all__ = ["FittedForest", "Forest"]

TREES: Final = 64
MIN_LEAF_ROWS: Final = 10
MAX_LEAVES: Final = 6_000
"""Leaves of a tree at most: leaves of more rows than ``MIN_LEAF_ROWS`` where there are many rows to learn from."""
ROWS_FRAC: Final = 0.63
MAX_DEVIATIONS: Final = 5.0
MIN_ROWS: Final = 200
_HIGHEST: Final = 32_767  # of the two-byte integers that tables are kept in


@dataclass(frozen=True, slots=True)
class FittedForest:
    """The trees, and at each leaf the quantiles of the change in whole steps.

    Attributes
    ----------
    names
        Inputs, in order.
    tables
        (L, 35) int16: five horizons by seven levels, in ``step``.
    step
        Size of one, points.
    """

    names: tuple[str, ...]
    trees: Trees
    tables: NDArray[np.int16]
    step: float

    def quantiles(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5, 7) quantiles of the change, points; ascending.

        Raises
        ------
        ContractError
            The rows have other inputs than the training.
        """
        refuse_other_inputs(rows, self.names, "forest")
        total = np.zeros((len(rows), self.tables.shape[1]), np.int32)
        self.trees.add_leaves(np.ascontiguousarray(rows.values), self.tables, total)
        return (total * np.float64(self.step / len(self.trees.roots))).reshape(-1, len(HORIZONS), len(LEVELS))

    def drivers(self, rows: InputRows) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Subjects of the inputs and their parts of the median change, (R, 5, G) points; they add up to it."""
        refuse_other_inputs(rows, self.names, "forest")
        drivers, place = drivers_of_inputs(self.names)
        medians = np.ascontiguousarray(self.tables[:, MEDIAN :: len(LEVELS)], np.float64)
        start, parts = self.trees.contributions(np.ascontiguousarray(rows.values), medians, place)
        whole = np.empty((len(rows), len(HORIZONS), len(drivers) + 1))
        whole[:, :, 0] = start
        whole[:, :, 1:] = parts.transpose(0, 2, 1)
        whole *= self.step / len(self.trees.roots)
        return (TYPICAL_CHANGE, *drivers), whole

    def state(self) -> dict[str, NDArray[Any]]:
        """Names of the inputs, the trees, the tables and their step."""
        return {
            "names": np.array(self.names, np.str_),
            "tables": self.tables,
            "step": np.array(self.step),
            **self.trees.state(),
        }


class Forest:
    """Extremely randomised trees on all inputs."""

    name: ClassVar[str] = "forest"
    kind: ClassVar[Literal["baseline", "model"]] = "model"

    @classmethod
    def fit(cls, rows: InputRows, changes: NDArray[np.float64], seed: int) -> FittedForest:
        """Grow trees on the rows with every label; then every label fills the leaves.

        Parameters
        ----------
        rows, changes
            R rows and their (R, 5) changes ahead in points, NaN where not known.
        seed
            Of the draws of rows, inputs and thresholds.

        Raises
        ------
        InsufficientDataError
            Fewer than 200 rows have all five labels.
        """
        complete = np.flatnonzero(np.isfinite(changes).all(axis=1))
        if len(complete) < MIN_ROWS:
            raise InsufficientDataError(
                f"forest: {len(complete)} rows with all {len(HORIZONS)} labels, at least {MIN_ROWS} needed; "
                "a longer history or more instruments would do"
            )
        values = np.ascontiguousarray(rows.values)
        used = varying_inputs(values[complete])
        if not len(used):
            raise InsufficientDataError("forest: no input differs between the rows; there is nothing to learn from")
        trees = _grown(values[complete], changes[complete], used, seed)
        tables = _tables(trees, values, changes)
        step = float(np.abs(tables).max()) / _HIGHEST or 1.0
        return FittedForest(rows.names, trees, np.rint(tables / step).astype(np.int16), step)

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> FittedForest:
        """The fitted forest again.

        Raises
        ------
        ContractError
            An array is missing, of another type or shape, or a tree is not sound.
        """
        names = tuple(state_array(state, cls.name, "names", "U", (None,)).tolist())
        trees = Trees.from_state(state, cls.name, len(names))
        tables = typed_array(state, cls.name, "tables", np.int16, (len(trees.weight), len(HORIZONS) * len(LEVELS)))
        return FittedForest(names, trees, tables, float(typed_array(state, cls.name, "step", np.float64, ())))


def _grown(values: NDArray[np.float32], labels: NDArray[np.float64], used: NDArray[np.int64], seed: int) -> Trees:
    """Trees that split on some of the inputs; each horizon's labels weigh the same."""
    from liquidity.forecast.members._tree_growth import LANES, VECTOR, bin_inputs, grow_tree

    edges = bin_edges(values[:, used])
    whole_vectors = -(-len(used) // VECTOR) * VECTOR
    binned = np.zeros((len(values), whole_vectors), np.uint8)
    bin_inputs(np.ascontiguousarray(values[:, used]), edges, binned)
    deviation = labels.std(axis=0)
    lanes = np.zeros((len(labels), LANES), np.float32)
    lanes[:, : len(HORIZONS)] = np.clip(
        (labels - labels.mean(axis=0)) / np.where(deviation > 0.0, deviation, 1.0), -MAX_DEVIATIONS, MAX_DEVIATIONS
    )
    lanes[:, len(HORIZONS)] = 1.0
    seeds = np.random.SeedSequence(seed).generate_state(TREES, np.uint64)
    rows_n = max(int(ROWS_FRAC * len(values)), MIN_LEAF_ROWS)
    min_leaf = max(MIN_LEAF_ROWS, len(values) // MAX_LEAVES)
    most = 2 * (len(values) // min_leaf) + 2
    split, threshold, left, weight = (np.empty(most, np.int32) for _ in range(4))
    highest = np.append(edges, np.full((len(used), 1), np.finfo(np.float32).max, np.float32), axis=1)
    parts = []
    for tree_seed in seeds.tolist():
        random = np.random.default_rng(tree_seed)
        rows = random.permutation(len(values)).astype(np.int32)[:rows_n]
        nodes, leaves = grow_tree(
            binned, lanes, rows, len(used), min_leaf, np.uint64(tree_seed), split, threshold, left, weight
        )
        place = split[:nodes] >> 1
        cut = highest[place, threshold[:nodes]]
        whole = np.where(split[:nodes] < 0, -1, 2 * used[place] + (split[:nodes] & 1)).astype(np.int32)
        parts.append((whole, cut, left[:nodes].copy(), weight[:leaves].copy()))
    return Trees.joined(parts)


def _tables(trees: Trees, values: NDArray[np.float32], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """(L, 35) quantiles of the labels at each leaf; all rows fill the leaves, drawn for the tree or not."""
    from liquidity.forecast.members._tree_walk import fill_leaves

    tables = np.empty((len(trees.weight), len(HORIZONS), len(LEVELS)))
    order, ordered = ascending(labels)
    for leaf, (first, stop) in zip(trees.leaves_of(values), _leaf_spans(trees), strict=True):
        fill_leaves(leaf - np.int32(first), order, ordered, np.array(LEVELS), tables[first:stop])
    return tables.reshape(len(tables), -1)


def _leaf_spans(trees: Trees) -> list[tuple[int, int]]:
    """First and last-but-one leaf of each tree."""
    counts = np.add.reduceat((trees.split < 0).astype(np.int64), trees.roots)
    stops = np.cumsum(counts)
    return list(zip((stops - counts).tolist(), stops.tolist(), strict=True))
