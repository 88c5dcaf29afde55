"""Trees as plain arrays: the same leaves and sums as scikit-learn's, missing values included, and growth of our own."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from liquidity.domain.errors import ContractError
from liquidity.forecast.members._leaf_tables import (
    Trees,
    ascending,
    bin_edges,
    drivers_of_inputs,
    rearranged,
    refuse_other_inputs,
    varying_inputs,
)
from liquidity.forecast.members._tree_growth import LANES, MISSING_BIN, VECTOR, bin_inputs, grow_tree
from liquidity.forecast.members._tree_walk import fill_leaves

LEVELS = np.array([0.025, 0.5, 0.975])


def noisy(rows: int = 900, inputs: int = 6, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, inputs)).astype(np.float32)
    values[:, 1] = np.round(values[:, 1])  # ties
    values[random.random(values.shape) < 0.1] = np.nan
    values[:, 2] = random.normal(size=rows)  # never missing
    labels = np.nan_to_num(values[:, :1]) * np.arange(1.0, 6.0) + random.normal(size=(rows, 5))
    return values, labels


def of_forest(tree: Any) -> Any:
    nodes = tree.__getstate__()["nodes"]
    return rearranged(
        np.where(nodes["left_child"] < 0, -1, nodes["feature"]),
        nodes["threshold"],
        nodes["left_child"],
        nodes["right_child"],
        nodes["missing_go_to_left"],
        nodes["n_node_samples"],
    )


@pytest.fixture(scope="module")
def grown() -> tuple[Any, Trees, np.ndarray]:
    """A forest of scikit-learn, its trees in our layout, and values that it has not seen."""
    from sklearn.ensemble import ExtraTreesRegressor

    values, labels = noisy()
    forest = ExtraTreesRegressor(7, min_samples_leaf=3, random_state=5, n_jobs=1).fit(values, labels)
    return forest, Trees.joined(of_forest(tree.tree_) for tree in forest.estimators_), noisy(seed=4)[0]


def test_every_row_reaches_the_leaf_of_scikit_learn(grown: tuple[Any, Trees, np.ndarray]) -> None:
    forest, trees, values = grown
    theirs, ours = forest.apply(values), trees.leaves_of(values)
    for place, tree in enumerate(forest.estimators_):
        leaves = np.flatnonzero(tree.tree_.children_left < 0)
        first = int((trees.split[: trees.roots[place]] < 0).sum())
        assert np.array_equal(leaves[ours[place] - first], theirs[:, place])


def test_a_value_on_the_threshold_goes_where_scikit_learn_sends_it(grown: tuple[Any, Trees, np.ndarray]) -> None:
    forest, trees, values = grown
    tree = forest.estimators_[0].tree_
    exact = values.copy()
    inner = np.flatnonzero(tree.children_left >= 0)
    for node in inner[:200]:
        row = node % len(exact)
        exact[row, tree.feature[node]] = np.float32(tree.threshold[node])
    leaves = np.flatnonzero(tree.children_left < 0)
    assert np.array_equal(leaves[trees.leaves_of(exact)[0]], tree.apply(exact))


def test_sums_of_leaves_are_those_of_the_leaves_reached(grown: tuple[Any, Trees, np.ndarray]) -> None:
    _, trees, values = grown
    tables = np.random.default_rng(1).integers(-32_767, 32_767, (len(trees.weight), 35)).astype(np.int16)
    total = np.ones((len(values), 35), np.int32)
    trees.add_leaves(values, tables, total)
    assert np.array_equal(total, 1 + tables[trees.leaves_of(values)].sum(axis=0, dtype=np.int32))


def small(leaves: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    values, labels = noisy()
    return HistGradientBoostingRegressor(
        max_iter=12, max_leaf_nodes=leaves, min_samples_leaf=5, early_stopping=False, random_state=3
    ).fit(values, labels[:, 0])


def of_boosting(model: Any) -> tuple[Trees, np.ndarray]:
    nodes = [tree.nodes for (tree,) in model._predictors]
    names = ("num_threshold", "left", "right", "missing_go_to_left", "count")
    grown = [
        rearranged(np.where(each["is_leaf"] != 0, -1, each["feature_idx"]), *(each[name] for name in names))
        for each in nodes
    ]
    return Trees.joined(grown), np.concatenate([each["value"][each["is_leaf"] != 0] for each in nodes])[:, np.newaxis]


@pytest.mark.parametrize("leaves", [2, 3, 8, 31, 32])
@pytest.mark.parametrize("rows", [1, 900, 1025])
def test_models_of_small_trees_say_what_scikit_learn_says(leaves: int, rows: int) -> None:
    model = small(leaves)
    trees, leaf_values = of_boosting(model)
    assert trees.are_small()
    values = np.ascontiguousarray(np.resize(noisy(seed=4)[0], (rows, 6)))
    start = model._baseline_prediction.item()
    one, three = np.full((1, rows), start), np.zeros((3, rows))
    trees.add_models(values, leaf_values, one)
    trees.add_models(values, leaf_values, three)
    assert np.array_equal(one[0], model.predict(values))
    np.testing.assert_allclose(start + three.sum(axis=0), one[0], rtol=1e-12)  # a third of the trees each


def test_trees_that_are_not_small_are_known() -> None:
    assert not of_boosting(small(33))[0].are_small()
    trees, _ = of_boosting(small(4))
    leaf, inner = np.flatnonzero(trees.split < 0), np.flatnonzero(trees.split >= 0)
    for place, value in (
        (leaf[0], trees.left[leaf[-1]]),  # a leaf of another tree
        (leaf[0], trees.left[leaf[1]]),  # two nodes of one leaf
        (inner[0], trees.roots[1]),  # children in another tree
    ):
        left = trees.left.copy()
        left[place] = value
        assert not dataclasses.replace(trees, left=left).are_small()
    split = trees.split.copy()
    split[leaf[0]] = 0
    assert not dataclasses.replace(trees, split=split).are_small()


def test_a_tree_without_a_split_says_its_one_value() -> None:
    leaf = rearranged(np.array([-1]), np.zeros(1), np.zeros(1, int), np.zeros(1, int), np.zeros(1), np.array([9]))
    said = np.zeros((1, 3))
    Trees.joined([leaf, leaf]).add_models(np.zeros((3, 1), np.float32), np.array([[2.5], [4.0]]), said)
    assert said.tolist() == [[6.5] * 3]


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 9, 4097])
def test_a_row_walks_alike_whoever_stands_beside_it(grown: tuple[Any, Trees, np.ndarray], rows: int) -> None:
    _, trees, values = grown
    tables = np.random.default_rng(0).integers(-500, 500, (len(trees.weight), 3)).astype(np.int16)
    many = np.ascontiguousarray(np.resize(values, (rows, values.shape[1])))
    together, alone = np.zeros((rows, 3), np.int32), np.zeros((rows, 3), np.int32)
    trees.add_leaves(many, tables, together)
    for i in range(rows):
        trees.add_leaves(many[i : i + 1], tables, alone[i : i + 1])
    assert np.array_equal(together, alone)


def test_contributions_and_start_add_up_to_the_sum_of_leaves(grown: tuple[Any, Trees, np.ndarray]) -> None:
    forest, trees, values = grown
    tables = np.concatenate([tree.tree_.value[tree.tree_.children_left < 0, :, 0] for tree in forest.estimators_])
    tables = np.ascontiguousarray(tables)
    start, parts = trees.contributions(values, tables, np.arange(values.shape[1], dtype=np.int32))
    np.testing.assert_allclose(start + parts.sum(axis=1), tables[trees.leaves_of(values)].sum(axis=0), atol=1e-10)
    # A root's value is the mean over its rows: what scikit-learn keeps there itself.
    np.testing.assert_allclose(start, sum(tree.tree_.value[0, :, 0] for tree in forest.estimators_), atol=1e-10)


def test_one_split_gives_all_of_the_step_to_its_input() -> None:
    trees = Trees.joined(
        [
            rearranged(
                np.array([1, -1, -1]),
                np.array([0.5, 0.0, 0.0]),
                np.array([1, 0, 0]),
                np.array([2, 0, 0]),
                np.array([1, 0, 0]),
                np.array([40, 30, 10]),
            )
        ]
    )
    values = np.array([[0.0, 0.5], [0.0, 0.6], [9.0, np.nan]], np.float32)
    start, parts = trees.contributions(values, np.array([[2.0], [10.0]]), np.array([0, 1], np.int32))
    assert start.tolist() == [4.0]  # (30 * 2 + 10 * 10) / 40
    assert parts[:, :, 0].tolist() == [[0.0, -2.0], [0.0, 6.0], [0.0, -2.0]]


def test_stored_trees_come_back_and_broken_ones_are_refused(grown: tuple[Any, Trees, np.ndarray]) -> None:
    _, trees, values = grown
    again = Trees.from_state(trees.state(), "forest", values.shape[1])
    assert np.array_equal(again.leaves_of(values), trees.leaves_of(values))
    inner, leaf = int(np.flatnonzero(trees.split >= 0)[3]), int(np.flatnonzero(trees.split < 0)[3])
    broken = {
        "left": [(inner, inner), (inner, len(trees.split)), (leaf, len(trees.weight)), (leaf, -1)],
        "split": [(inner, 2 * values.shape[1])],
        "roots": [(0, 1), (1, 0)],
        "weight": [(0, 0)],
    }
    for name, changes in broken.items():
        for place, value in changes:
            state = {key: array.copy() for key, array in trees.state().items()}
            state[name][place] = value
            with pytest.raises(ContractError, match="points outside"):
                Trees.from_state(state, "forest", values.shape[1])
    with pytest.raises(ContractError, match="allowed is int32"):
        Trees.from_state({**trees.state(), "left": trees.left.astype(np.int64)}, "forest", values.shape[1])
    with pytest.raises(ContractError, match="lacks 'weight'"):
        Trees.from_state({k: v for k, v in trees.state().items() if k != "weight"}, "forest", values.shape[1])


def one_tree(values: np.ndarray, labels: np.ndarray, min_leaf: int, seed: int) -> tuple[Trees, np.ndarray]:
    """One tree of our growth on all rows, thresholds as values."""
    edges = bin_edges(values)
    binned = np.zeros((len(values), VECTOR), np.uint8)
    bin_inputs(values, edges, binned)
    lanes = np.zeros((len(values), LANES), np.float32)
    lanes[:, :5], lanes[:, 5] = labels, 1.0
    rows = np.arange(len(values), dtype=np.int32)
    split, threshold, left, weight = (np.empty(2 * len(values), np.int32) for _ in range(4))
    nodes, leaves = grow_tree(
        binned, lanes, rows, values.shape[1], min_leaf, np.uint64(seed), split, threshold, left, weight
    )
    highest = np.append(edges, np.full((len(edges), 1), np.finfo(np.float32).max, np.float32), axis=1)
    cut = highest[split[:nodes] >> 1, threshold[:nodes]]
    return Trees.joined([(split[:nodes], cut, left[:nodes], weight[:leaves])]), binned


@pytest.mark.parametrize("min_leaf", [1, 5, 40])
def test_a_grown_tree_sends_each_training_row_to_the_leaf_that_counted_it(min_leaf: int) -> None:
    values, labels = noisy()
    trees, _ = one_tree(values, labels, min_leaf, 9)
    reached = np.bincount(trees.leaves_of(values)[0], minlength=len(trees.weight))
    assert np.array_equal(reached, trees.weight)
    assert trees.weight.min() >= min_leaf
    assert len(trees.weight) > len(values) / (6 * min_leaf)


def test_growth_is_a_function_of_its_seed() -> None:
    values, labels = noisy()
    first, again, other = (one_tree(values, labels, 5, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first.split, again.split)
    assert np.array_equal(first.threshold, again.threshold)
    assert not np.array_equal(first.split, other.split)


def test_growth_splits_first_on_what_matters() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(2_000, 10)).astype(np.float32)
    labels = np.repeat(np.sign(values[:, 7:8]), 5, axis=1)
    chosen = [one_tree(values, labels, 10, seed)[0].split[0] >> 1 for seed in range(20)]
    assert chosen.count(7) >= 18  # a threshold drawn at the very end of the values may lose to noise


def test_growth_finds_that_missing_itself_tells() -> None:
    values = np.full((400, 2), 1.0, np.float32)
    values[::2, 1] = np.nan
    labels = np.repeat(np.isnan(values[:, 1:]).astype(float), 5, axis=1)
    trees, _ = one_tree(values, labels, 10, 3)
    assert (trees.split >> 1).tolist()[0] == 1
    assert sorted(trees.weight.tolist()) == [200, 200]
    assert len(set(trees.leaves_of(values)[0][::2])) == 1


def test_nothing_to_split_is_one_leaf() -> None:
    values, labels = np.ones((50, 3), np.float32), np.zeros((50, 5))
    trees, _ = one_tree(values, labels, 5, 1)
    assert trees.weight.tolist() == [50]
    trees, _ = one_tree(noisy(50, 3)[0], labels, 5, 1)  # inputs differ, labels do not
    assert trees.weight.tolist() == [50]


def test_bins_count_the_edges_below_a_value() -> None:
    values = np.array([[3.0], [1.0], [2.0], [np.nan], [2.0]], np.float32)
    edges = bin_edges(values)
    binned = np.zeros((5, VECTOR), np.uint8)
    bin_inputs(values, edges, binned)
    assert edges[0, :3].tolist() == [1.0, 2.0, np.finfo(np.float32).max]
    assert binned[:, 0].tolist() == [2, 0, 1, MISSING_BIN, 1]
    wide = np.linspace(-1.0, 1.0, 10_001, dtype=np.float32)[:, np.newaxis]
    spread = np.zeros((len(wide), VECTOR), np.uint8)
    bin_inputs(wide, bin_edges(wide), spread)
    assert np.bincount(spread[:, 0]).max() < 50
    assert spread[:, 0].max() == 254


@pytest.mark.parametrize("rows", [30, 400])
def test_leaf_quantiles_are_hazen_quantiles_of_the_known_labels(rows: int) -> None:
    random = np.random.default_rng(rows)
    labels = random.normal(size=(rows, 2))
    labels[random.random(labels.shape) < 0.2] = np.nan
    leaf = random.integers(0, 3, rows).astype(np.int32)
    tables = np.empty((3, 2, len(LEVELS)))
    fill_leaves(leaf, *ascending(labels), LEVELS, tables)
    for j, h in np.ndindex(3, 2):
        known = labels[leaf == j, h]
        known = known[np.isfinite(known)]
        np.testing.assert_allclose(tables[j, h], np.quantile(known, LEVELS, method="hazen"), atol=1e-12)


def test_a_leaf_without_labels_has_no_quantiles() -> None:
    tables = np.zeros((2, 1, 3))
    fill_leaves(np.zeros(4, np.int32), *ascending(np.ones((4, 1))), LEVELS, tables)
    assert tables[0, 0].tolist() == [1.0, 1.0, 1.0]
    assert np.isnan(tables[1]).all()


def test_inputs_that_do_not_differ_are_left_out() -> None:
    nothing = np.nan
    values = np.array([[1, 2, nothing, 3, nothing], [1, 5, nothing, nothing, nothing]], np.float32)
    assert varying_inputs(values).tolist() == [1, 3]


def test_drivers_are_subjects_and_every_input_has_one() -> None:
    names = (
        "level_points",
        "rank_frac",
        "group_median_points",
        "month_end",
        "month_sd_points",
        "spread_bps_own_rank_frac",
    )
    drivers, place = drivers_of_inputs((*names, "spread_bps_own_rank_frac_change_5"))
    assert drivers == ("level", "market", "calendar", "recent_range", "spread_bps")
    assert place.tolist() == [0, 0, 1, 2, 3, 4, 4]


def test_other_inputs_are_refused() -> None:
    from liquidity.forecast.members._member import InputRows

    none = np.zeros(0)
    rows = InputRows(
        ("a", "b"), np.zeros((0, 2), np.float32), none, none, np.zeros((0, 22)), none.astype(int), none.astype(int)
    )
    refuse_other_inputs(rows, ("a", "b"), "forest")
    with pytest.raises(ContractError, match=r"2 inputs, trained on 3; not in both: \['c'\]"):
        refuse_other_inputs(rows, ("a", "b", "c"), "forest")
    with pytest.raises(ContractError, match="the order differs"):
        refuse_other_inputs(rows, ("b", "a"), "forest")
