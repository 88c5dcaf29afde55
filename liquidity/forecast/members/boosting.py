"""Boosting: histogram gradient boosting for each horizon, quantile loss at 10, 50 and 90 %.

Fifteen models tell the quantiles of the change; the other levels lie between and beyond at the ratios that the
training's residuals show. The trees are kept as plain arrays. Read next: ``_leaf_tables.py``, ``forest.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError, InsufficientDataError
from liquidity.forecast.horizons import HORIZONS, LEVELS, MEDIAN
from liquidity.forecast.members._leaf_tables import (
    SMALL_TREE,
    TYPICAL_CHANGE,
    Grown,
    Trees,
    drivers_of_inputs,
    rearranged,
    refuse_other_inputs,
    typed_array,
    varying_inputs,
)
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._state import state_array

__all__ = ["Boosting", "FittedBoosting"]

MODELLED: Final = (1, MEDIAN, 5)
"""Places in ``LEVELS`` of the levels that have models of their own: 10, 50 and 90 %."""

ITERATIONS: Final = 100
LEARNING_RATE: Final = 0.08
LEAVES: Final = 8
MIN_LEAF_ROWS: Final = 40
INPUTS_FRAC: Final = 0.3
"""Share of the inputs that a split chooses among."""
MAX_ROWS: Final = 40_000
MIN_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class FittedBoosting:
    """Fifteen models, horizon by horizon and in it by level.

    Attributes
    ----------
    names
        Inputs, in order.
    trees
        Those of all models, one model behind the other, ``ITERATIONS`` each.
    leaf_values
        (L, 1) parts of the change, points.
    start
        (5, 3) what each model says before its first tree, points.
    ratios
        (5, 7) distance of each level from the median, as a multiple of the 10 % or 90 % model's.
    """

    names: tuple[str, ...]
    trees: Trees
    leaf_values: NDArray[np.float64]
    start: NDArray[np.float64]
    ratios: NDArray[np.float64]

    def quantiles(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5, 7) quantiles of the change, points; ascending.

        Raises
        ------
        ContractError
            The rows have other inputs than the training.
        """
        return _spread(self.modelled(rows), self.ratios)

    def modelled(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5, 3) what the models say of the change in points, as they say it: not yet ascending."""
        refuse_other_inputs(rows, self.names, "boosting")
        return _said(rows.values, self.trees, self.leaf_values, self.start.ravel()).reshape(-1, *self.start.shape)

    def drivers(self, rows: InputRows) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Subjects of the inputs and their parts of the median change, (R, 5, G) points; they add up to it."""
        refuse_other_inputs(rows, self.names, "boosting")
        drivers, place = drivers_of_inputs(self.names)
        values = np.ascontiguousarray(rows.values)
        whole = np.empty((len(rows), len(HORIZONS), len(drivers) + 1))
        middle = MODELLED.index(MEDIAN)
        for h in range(len(HORIZONS)):
            start, parts = self.trees.contributions(values, self.leaf_values, place, self._models(h, middle))
            whole[:, h, 0] = self.start[h, middle] + start
            whole[:, h, 1:] = parts[:, :, 0]
        return (TYPICAL_CHANGE, *drivers), whole

    def state(self) -> dict[str, NDArray[Any]]:
        """Names of the inputs, the trees, the values at their leaves, the models' starts and the ratios."""
        return {
            "names": np.array(self.names, np.str_),
            "leaf_values": self.leaf_values,
            "start": self.start,
            "ratios": self.ratios,
            **self.trees.state(),
        }

    def _models(self, horizon: int, level: int) -> slice:
        each = len(self.trees.roots) // self.start.size
        first = (horizon * len(MODELLED) + level) * each
        return slice(first, first + each)


class Boosting:
    """Gradient boosting on all inputs."""

    name: ClassVar[str] = "boosting"
    kind: ClassVar[Literal["baseline", "model"]] = "model"

    @classmethod
    def fit(cls, rows: InputRows, changes: NDArray[np.float64], seed: int) -> FittedBoosting:
        """Fit each horizon's three models on the rows that have its label, 40,000 at most.

        Parameters
        ----------
        rows, changes
            R rows and their (R, 5) changes ahead in points, NaN where not known.
        seed
            Of the draws of inputs, and of rows where there are more.

        Raises
        ------
        InsufficientDataError
            Fewer than 200 rows have the label of a horizon.
        """
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        random = np.random.default_rng(seed)
        forests: list[Grown] = []
        every_value: list[NDArray[np.float64]] = []
        start = np.empty((len(HORIZONS), len(MODELLED)))
        ratios = np.empty((len(HORIZONS), len(LEVELS)))
        with threadpool_limits(limits=1):
            for h in range(len(HORIZONS)):
                known = np.flatnonzero(np.isfinite(changes[:, h]))
                if len(known) < MIN_ROWS:
                    raise InsufficientDataError(
                        f"boosting: {len(known)} rows with the label of T+{HORIZONS[h]}, at least {MIN_ROWS} needed; "
                        "a longer history or more instruments would do"
                    )
                if len(known) > MAX_ROWS:
                    known = np.sort(random.choice(known, MAX_ROWS, replace=False, shuffle=False))
                whole, label = rows.values[known], changes[known, h]
                used = varying_inputs(whole)
                if not len(used):
                    raise InsufficientDataError(
                        "boosting: no input differs between the rows; there is nothing to learn from"
                    )
                values = whole[:, used]
                grown: list[Grown] = []
                leaf_values: list[NDArray[np.float64]] = []
                for k, place in enumerate(MODELLED):
                    model = HistGradientBoostingRegressor(
                        loss="quantile",
                        quantile=LEVELS[place],
                        max_iter=ITERATIONS,
                        learning_rate=LEARNING_RATE,
                        max_leaf_nodes=LEAVES,
                        min_samples_leaf=MIN_LEAF_ROWS,
                        max_features=INPUTS_FRAC,
                        early_stopping=False,
                        random_state=seed,
                    ).fit(values, label)
                    start[h, k] = model._baseline_prediction.item()
                    for (tree,) in model._predictors:
                        grown.append(_grown(tree.nodes, used))
                        leaf_values.append(tree.nodes["value"][tree.nodes["is_leaf"] != 0])
                said = _said(whole, Trees.joined(grown), np.concatenate(leaf_values)[:, np.newaxis], start[h])
                ratios[h] = _ratios(said, label)
                forests += grown
                every_value += leaf_values
        leaves = np.concatenate(every_value)[:, np.newaxis]
        return FittedBoosting(rows.names, Trees.joined(forests), leaves, start, ratios)

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> FittedBoosting:
        """The fitted models again.

        Raises
        ------
        ContractError
            An array is missing, of another type or shape, or a tree is not sound.
        """
        names = tuple(state_array(state, cls.name, "names", "U", (None,)).tolist())
        trees = Trees.from_state(state, cls.name, len(names))
        start = typed_array(state, cls.name, "start", np.float64, (len(HORIZONS), len(MODELLED)))
        if len(trees.roots) % start.size:
            raise ContractError(f"boosting: {len(trees.roots)} trees for {start.size} models; train again")
        if not trees.are_small():
            raise ContractError(
                f"boosting: the trees are not whole, one behind the other, of {SMALL_TREE} leaves at most; train again"
            )
        return FittedBoosting(
            names,
            trees,
            typed_array(state, cls.name, "leaf_values", np.float64, (len(trees.weight), 1)),
            start,
            typed_array(state, cls.name, "ratios", np.float64, (len(HORIZONS), len(LEVELS))),
        )


def _said(
    values: NDArray[np.float32], trees: Trees, leaf_values: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(R, M) what M models say of the rows ``values`` (R, K): their ``start`` (M,), then tree after tree."""
    said = np.repeat(start[:, np.newaxis], len(values), axis=1)
    trees.add_models(np.ascontiguousarray(values), leaf_values, said)
    return np.ascontiguousarray(said.T)


def _spread(modelled: NDArray[np.float64], ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """All seven levels from three; a model on the wrong side of the median is moved to it.

    Parameters
    ----------
    modelled
        (..., 3) 10, 50 and 90 %.
    ratios
        (..., 7).
    """
    low, median, high = (modelled[..., k, np.newaxis] for k in range(len(MODELLED)))
    below, above = np.maximum(median - low, 0.0), np.maximum(high - median, 0.0)
    return median + np.concatenate(
        (-below * ratios[..., :MEDIAN], np.zeros_like(median), above * ratios[..., MEDIAN + 1 :]), axis=-1
    )


def _ratios(modelled: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """(7,) distance of each level from the median over the modelled level's, from the training's residuals.

    1 at 10 and 90 %; below 1 between them and at least 1 beyond. Where no row has a distance all are 1.
    """
    low, median, high = modelled.T
    ratios = np.ones(len(LEVELS))
    ratios[MEDIAN] = 0.0
    for distance, residual, places in (
        (median - low, median - labels, range(MEDIAN)),
        (high - median, labels - median, range(MEDIAN + 1, len(LEVELS))),
    ):
        wide = distance > 1e-9
        if not wide.any():
            continue
        relative = residual[wide] / distance[wide]
        for place in places:
            level = LEVELS[place]
            found = float(np.quantile(relative, max(level, 1.0 - level)))
            inner = MODELLED[0] < place < MODELLED[-1]
            ratios[place] = min(max(found, 0.0), 1.0) if inner else max(found, 1.0)
        ratios[list(MODELLED)] = (1.0, 0.0, 1.0)
    return ratios


def _grown(nodes: Any, used: NDArray[np.int64]) -> Grown:
    """Plain arrays of a predictor of scikit-learn that saw some of the inputs."""
    return rearranged(
        np.where(nodes["is_leaf"] != 0, -1, used[nodes["feature_idx"]]),
        nodes["num_threshold"],
        nodes["left"],
        nodes["right"],
        nodes["missing_go_to_left"],
        nodes["count"],
    )
