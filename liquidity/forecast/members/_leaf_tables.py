"""Trees as plain arrays, and the tables that stand at their leaves.

scikit-learn grows the trees; here they become arrays that need neither it nor a pickle to be stored, checked and walked.
Read next: ``forest.py`` and ``boosting.py``, which use them; ``_tree_walk.py``, the compiled walk.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._state import state_array

__all__ = [
    "SMALL_TREE",
    "TYPICAL_CHANGE",
    "Grown",
    "Trees",
    "ascending",
    "bin_edges",
    "drivers_of_inputs",
    "rearranged",
    "refuse_other_inputs",
    "typed_array",
    "varying_inputs",
]

TYPICAL_CHANGE: Final = "typical_change"
"""Driver that no input explains: what an average row of the training would do."""

SMALL_TREE: Final = 32
"""Leaves at most of a tree that :meth:`Trees.add_models` takes: one bit of a word each."""

BINS: Final = 255
"""Bins of an input when trees grow: as many as a byte holds beside the code for missing."""

_SUBJECTS: Final = {
    "change_": "recent_change",
    "weekly_change_": "day_of_week",
    "deviation_": "distance_from_average",
    "month_": "recent_range",
    "scale_": "recent_range",
    "group_": "market",
    "relative_change_": "against_market",
    "above_group_": "against_market",
    "rank_": "level",
    "level_": "level",
    "sessions_since_": "staleness",
    "scores_n": "staleness",
    "weekday": "day_of_week",
    "days_to_": "calendar",
    "month_end": "calendar",
}
_SUFFIXES: Final = ("_change_5", "_own_rank_frac")


Grown: TypeAlias = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]
"""``split``, ``threshold``, ``left`` and ``weight`` of one tree, as :class:`Trees` has them."""


@dataclass(frozen=True, slots=True)
class Trees:
    """An ensemble in one set of arrays: N nodes and L leaves, siblings side by side.

    Attributes
    ----------
    roots
        (B,) int64, node at which each tree starts, ascending.
    split
        (N,) int32: twice the place of the input, plus 1 where a missing value goes left; -1 at a leaf.
    threshold
        (N,) float32: a value at or below it goes left.
    left
        (N,) int32: the left child, the right one stands behind it; at a leaf its place among the L leaves.
    weight
        (L,) int32 training rows at each leaf.
    """

    roots: NDArray[np.int64]
    split: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    weight: NDArray[np.int32]

    @classmethod
    def joined(cls, grown: Iterable[Grown]) -> "Trees":
        """Trees one behind the other; each as ``split``, ``threshold``, ``left`` and ``weight`` of a tree alone."""
        roots, splits, thresholds, lefts, weights = [], [], [], [], []
        nodes = leaves = 0
        for split, threshold, left, weight in grown:
            roots.append(nodes)
            splits.append(split)
            thresholds.append(threshold)
            lefts.append(left + np.where(split < 0, leaves, nodes).astype(np.int32))
            weights.append(weight)
            nodes += len(split)
            leaves += len(weight)
        return cls(
            np.array(roots, np.int64),
            np.concatenate(splits),
            np.concatenate(thresholds),
            np.concatenate(lefts),
            np.concatenate(weights),
        )

    def leaves_of(self, values: NDArray[np.float32]) -> NDArray[np.int32]:
        """(B, R) leaf that each row of ``values`` (R, K) reaches in each tree."""
        from liquidity.forecast.members._tree_walk import leaves_of_rows

        leaves = np.empty((len(self.roots), len(values)), np.int32)
        leaves_of_rows(values, self.roots, self.split, self.threshold, self.left, leaves)
        return leaves

    def add_leaves(self, values: NDArray[np.float32], tables: NDArray[np.int16], out: NDArray[np.int32]) -> None:
        """Add to ``out`` (R, W) the rows of ``tables`` (L, W) that the rows of ``values`` (R, K) reach in every tree."""
        from liquidity.forecast.members._tree_walk import sum_of_leaves

        sum_of_leaves(values, self.roots, self.split, self.threshold, self.left, tables, out)

    def add_models(
        self, values: NDArray[np.float32], leaf_values: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        """Add to ``out`` (M, R) what each of M models of equally many small trees says of each row, tree after tree.

        ``leaf_values`` (L, 1). The trees have to be :meth:`are_small`.
        """
        from liquidity.forecast.members._tree_walk import sum_of_small_trees

        each = len(self.roots) // len(out)
        sum_of_small_trees(values, self.roots, self.split, self.threshold, self.left, leaf_values, each, out)

    def are_small(self) -> bool:
        """Whether each tree stands alone, its leaves side by side and :data:`SMALL_TREE` of them at most."""
        leaf = self.split < 0
        nodes = np.diff(self.roots, append=len(self.split))
        tree = np.repeat(np.arange(len(nodes)), nodes)
        leaves = np.bincount(tree[leaf], minlength=len(nodes))
        stops, place = np.cumsum(leaves), self.left[leaf]
        return bool(
            leaves.max() <= SMALL_TREE
            and np.all(nodes == 2 * leaves - 1)
            and np.all(tree[self.left[~leaf] + 1] == tree[~leaf])
            and np.all((place >= (stops - leaves)[tree[leaf]]) & (place < stops[tree[leaf]]))
            and len(np.unique(place)) == len(place)
        )

    def contributions(
        self,
        values: NDArray[np.float32],
        tables: NDArray[np.float64],
        driver: NDArray[np.int32],
        trees: slice = slice(None),
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Split the sum of leaf values of each row among the inputs that led to the leaves.

        A step from a node to its child changes the mean leaf value of the training rows below; the step belongs to the
        input that the node splits on (Saabas 2014; Palczewska, Palczewski, Robinson, Neagu 2013, eq. 2-4).

        Parameters
        ----------
        values
            (R, K).
        tables
            (L, H) value of each leaf.
        driver
            (K,) place of each input's driver, 0 to G - 1.
        trees
            Which of the trees.

        Returns
        -------
        start, contribution
            (H,) sum of the trees' mean values; (R, G, H). Both add up to the sum of the leaf values.
        """
        from liquidity.forecast.members._tree_walk import node_steps, path_contributions

        roots = self.roots[trees]
        steps = np.empty((len(self.split), tables.shape[1]))
        node_steps(self.roots, self.split, self.left, tables, self.weight, steps)
        out = np.zeros((len(values), int(driver.max()) + 1, tables.shape[1]))
        path_contributions(values, roots, self.split, self.threshold, self.left, steps, driver, out)
        return steps[roots].sum(axis=0), out

    def state(self) -> dict[str, NDArray[Any]]:
        """The arrays by name."""
        return {
            "roots": self.roots,
            "split": self.split,
            "threshold": self.threshold,
            "left": self.left,
            "weight": self.weight,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]], member: str, inputs: int) -> "Trees":
        """The trees of :meth:`state` for rows of so many inputs, checked so far that no walk can leave or circle.

        Raises
        ------
        ContractError
            An array is missing, of another type or length, or points outside.
        """
        roots = typed_array(state, member, "roots", np.int64, (None,))
        split = typed_array(state, member, "split", np.int32, (None,))
        threshold = typed_array(state, member, "threshold", np.float32, split.shape)
        left = typed_array(state, member, "left", np.int32, split.shape)
        weight = typed_array(state, member, "weight", np.int32, (None,))
        nodes, leaf = np.arange(len(split)), split < 0
        sound = (
            len(roots) > 0
            and len(split) > 0
            and roots[0] == 0
            and bool(np.all(np.diff(roots) > 0))
            and roots[-1] < len(split)
            and bool(np.all(split < 2 * inputs))
            and bool(np.all((left[leaf] >= 0) & (left[leaf] < len(weight))))
            and bool(np.all((left[~leaf] > nodes[~leaf]) & (left[~leaf] < len(split) - 1)))
            and bool(np.all(weight > 0))
        )
        if not sound:
            raise ContractError(f"{member}: a node points outside its tree; the state is not one of ours, train again")
        return cls(roots, split, threshold, left, weight)


def typed_array(
    state: Mapping[str, NDArray[Any]], member: str, name: str, dtype: type[np.generic], shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """One array of a stored state, of exactly the type that the compiled walk takes.

    Raises
    ------
    ContractError
        It is missing, of another type or shape, or not finite.
    """
    values = state_array(state, member, name, np.dtype(dtype).kind, shape)
    if values.dtype != dtype:
        raise ContractError(f"{member}: stored {name!r} is {values.dtype}, allowed is {np.dtype(dtype)}; train again")
    return np.asarray(values, order="C")


def refuse_other_inputs(rows: InputRows, names: tuple[str, ...], member: str) -> None:
    """Raise a ContractError where rows have other inputs than the training, or the same in another order."""
    if rows.names != names:
        other = sorted(set(rows.names) ^ set(names))
        raise ContractError(
            f"{member}: rows have {len(rows.names)} inputs, trained on {len(names)}; "
            f"not in both: {other[:5] or 'none, the order differs'}; train again"
        )


def rearranged(
    feature: NDArray[Any],
    threshold: NDArray[np.float64],
    left: NDArray[Any],
    right: NDArray[Any],
    missing_left: NDArray[Any],
    rows: NDArray[Any],
) -> Grown:
    """A tree of scikit-learn in our layout; leaves keep the order of its nodes.

    Parameters
    ----------
    feature
        (M,) place of the input, -1 at a leaf; each node stands before its children, the root first.
    threshold
        (M,) a value at or below it goes left.
    left, right
        (M,) children; not read at a leaf.
    missing_left
        (M,) where a missing value goes.
    rows
        (M,) training rows that reached the node.
    """
    inner, ends = np.flatnonzero(feature >= 0), np.flatnonzero(feature < 0)
    place = np.zeros(len(feature), np.int64)
    place[left[inner]] = 1 + 2 * np.arange(len(inner))
    place[right[inner]] = 2 + 2 * np.arange(len(inner))
    split = np.full(len(place), -1, np.int32)
    split[place[inner]] = 2 * feature[inner].astype(np.int64) + (missing_left[inner] != 0)
    cut = np.zeros(len(place), np.float32)
    cut[place[inner]] = _not_above(threshold[inner])
    to = np.empty(len(place), np.int32)
    to[place[inner]] = place[left[inner]]
    to[place[ends]] = np.arange(len(ends))
    return split, cut, to, rows[ends].astype(np.int32)


def bin_edges(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, 254) ascending edges at evenly spaced quantiles of each input's known values, each one of the values.

    Equal quantiles give one edge; the rest of the row is the largest float32, which nothing exceeds.
    """
    edges = np.full((values.shape[1], BINS - 1), np.finfo(np.float32).max, np.float32)
    levels = np.arange(1, BINS) / BINS
    for k, column in enumerate(values.T):
        known = np.sort(column[np.isfinite(column)])
        if known.size:
            found = np.unique(known[(levels * (known.size - 1)).astype(np.int64)])
            edges[k, : len(found)] = found
    return edges


def ascending(labels: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Rows by ascending label of each horizon, and the labels in that order, both (H, R); ``labels`` (R, H), NaN last."""
    order = np.argsort(labels.T, axis=1, kind="stable")
    return order.astype(np.int32), np.take_along_axis(labels.T, order, axis=1)


def varying_inputs(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Places of the inputs that differ between rows, a missing value counting as one; the others split nothing."""
    missing = np.isnan(values)
    low = np.where(missing, np.float32(np.inf), values).min(axis=0)
    high = np.where(missing, np.float32(-np.inf), values).max(axis=0)
    return np.flatnonzero((low < high) | (missing.any(axis=0) & (low == high)))


def drivers_of_inputs(names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Subject of each input as an analyst would name it: inputs that tell one story count as one driver.

    Returns
    -------
    drivers, place
        The subjects in the order in which they first appear, and (K,) the place of each input's subject.

    Examples
    --------
    >>> drivers_of_inputs(["change_1_points", "change_5_points", "amihud_per_m_own_rank_frac"])
    (('recent_change', 'amihud_per_m'), array([0, 0, 1], dtype=int32))
    """
    subjects = [_subject(name) for name in names]
    drivers = tuple(dict.fromkeys(subjects))
    return drivers, np.array([drivers.index(subject) for subject in subjects], np.int32)


def _subject(name: str) -> str:
    if name == "month_end":
        return "calendar"
    for start, subject in _SUBJECTS.items():
        if name.startswith(start):
            return subject
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _not_above(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Largest float32 not above, and finite: splits float32 values exactly as the float64 threshold does."""
    rounded = np.minimum(threshold, np.finfo(np.float32).max).astype(np.float32)
    above = rounded > threshold
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    return rounded
