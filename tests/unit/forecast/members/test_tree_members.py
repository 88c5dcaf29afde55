"""Forest, boosting and their blend: they learn what is planted, keep what scikit-learn would say, and need little to be stored."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from liquidity.domain.errors import ContractError, InsufficientDataError
from liquidity.forecast.horizons import HORIZONS, LEVELS, MEDIAN
from liquidity.forecast.inputs import input_rows, labelled_changes, sample_rows
from liquidity.forecast.members import MEMBERS
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members.blend import Blend
from liquidity.forecast.members.boosting import MODELLED, Boosting, _ratios, _spread
from liquidity.forecast.members.forest import Forest
from liquidity.forecast.members.ridge import Ridge
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.walk_forward import walk_forward

TREE_MEMBERS = [Forest, Boosting]
SEED = 11


def planted(rows: int = 600, seed: int = 0) -> tuple[InputRows, np.ndarray]:
    """Change = 2 x input 0 + noise, half of the noise where input 1 is below 0; input 2 is never known."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, 4)).astype(np.float32)
    values[:, 2] = np.nan
    values[random.random(rows) < 0.1, 3] = np.nan
    scale = np.exp(random.normal(0.0, 0.5, rows))
    noise = random.normal(size=(rows, 5)) * np.where(values[:, 1:2] < 0.0, 0.5, 1.0)
    changes = 2.0 * values[:, :1] + noise
    base = random.uniform(20.0, 80.0, rows)
    place = np.arange(rows)
    names = ("change_1_points", "month_sd_points", "auction_weight_frac", "coverage_frac")
    return InputRows(names, values, base, scale, np.tile(base[:, np.newaxis], 22), place, place), changes


@cache
def fitted_on(member: Any, rows: int) -> Any:
    return member.fit(*planted(rows), SEED)


@pytest.mark.feature("BX-FC-02")
@pytest.mark.parametrize("member", TREE_MEMBERS)
def test_beats_persistence_in_walk_forward_where_an_ar_and_a_driver_are_planted(
    member: Any, market: ScorePanel
) -> None:
    ours, theirs = [], []
    for split in walk_forward(len(market.sessions), max(HORIZONS), splits=1, test=40, embargo=1, min_train=60):
        rows, changes = sample_rows(market, 100_000, SEED, market.sessions[split.train_end - 1])
        ahead = input_rows(market, slice(split.test_start, split.test_end))
        told, labels = member.fit(rows, changes, SEED).quantiles(ahead)[:, :, MEDIAN], labelled_changes(market, ahead)
        ours.append(np.abs(labels - told))
        theirs.append(np.abs(labels))  # persistence: no change
    mine, none = (np.nanmean(np.concatenate(errors), axis=0) for errors in (ours, theirs))
    assert (mine < 0.95 * none).all(), (mine, none)
    assert mine[0] < 0.8 * none[0]  # the driver tells of tomorrow


@pytest.mark.parametrize("member", TREE_MEMBERS)
def test_finds_the_planted_change_and_where_it_is_uncertain(member: Any) -> None:
    fitted = fitted_on(member, 1_500)
    rows, changes = planted(1_000, seed=1)
    quantiles = fitted.quantiles(rows)
    assert np.corrcoef(quantiles[:, 0, MEDIAN], changes[:, 0])[0, 1] > 0.85
    width = quantiles[:, :, 5] - quantiles[:, :, 1]
    calm = rows.values[:, 1] < 0.0
    assert np.median(width[calm]) < 0.9 * np.median(width[~calm])
    inside = (changes >= quantiles[:, :, 1]) & (changes <= quantiles[:, :, 5])
    assert 0.7 < inside.mean() < 0.92


@pytest.mark.parametrize("member", TREE_MEMBERS)
def test_the_planted_input_drives_the_change(member: Any) -> None:
    fitted = fitted_on(member, 1_500)
    rows, _ = planted(300, seed=1)
    names, points = fitted.drivers(rows)
    assert names == ("typical_change", "recent_change", "recent_range", "auction_weight_frac", "coverage_frac")
    size = np.abs(points[:, 0]).mean(axis=0)
    assert size[1] > 5.0 * max(size[2], size[4])
    assert np.corrcoef(points[:, 0, 1], rows.values[:, 0])[0, 1] > 0.9
    assert not points[:, :, 3].any()  # an input without values drives nothing
    np.testing.assert_allclose(points.sum(axis=2), fitted.quantiles(rows)[:, :, MEDIAN], rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("member", TREE_MEMBERS)
def test_another_seed_is_another_forecast(member: Any) -> None:
    rows, changes = planted(600)
    fitted = fitted_on(member, 600)
    assert not np.array_equal(member.fit(rows, changes, SEED + 1).quantiles(rows), fitted.quantiles(rows))


@pytest.mark.parametrize("member", TREE_MEMBERS)
def test_rows_without_labels_and_inputs_that_never_differ_are_named(member: Any) -> None:
    rows, changes = planted()
    with pytest.raises(InsufficientDataError, match=r"199 rows with"):
        member.fit(rows.take(np.arange(199)), changes[:199], SEED)
    same = InputRows(
        rows.names, np.ones_like(rows.values), rows.base, rows.scale, rows.recent, rows.session, rows.instrument
    )
    with pytest.raises(InsufficientDataError, match="no input differs"):
        member.fit(same, changes, SEED)


@pytest.mark.parametrize("member", TREE_MEMBERS)
def test_a_constant_series_is_forecast_to_stay(member: Any) -> None:
    rows, changes = planted(200)
    fitted = member.fit(rows, np.zeros_like(changes), SEED)
    assert not fitted.quantiles(rows).any()
    assert not fitted.drivers(rows)[1].any()


def test_forest_uses_labels_of_rows_that_lack_some() -> None:
    rows, changes = planted(2_000)
    partly = changes.copy()
    partly[1_000:, 4] = np.nan  # the last sessions: T+5 is not known yet
    shifted = np.where(np.arange(2_000)[:, np.newaxis] >= 1_000, partly + 10.0, partly)
    first = Forest.fit(rows, partly, SEED).quantiles(rows)[:, :, MEDIAN]
    second = Forest.fit(rows, shifted, SEED).quantiles(rows)[:, :, MEDIAN]
    np.testing.assert_allclose(first[:, 4], second[:, 4], rtol=0.0, atol=0.01)  # up to the step of the tables
    assert (second[:, 0] > first[:, 0]).mean() > 0.99


def test_forest_keeps_no_table_step_beyond_two_bytes() -> None:
    fitted = fitted_on(Forest, 1_500)
    assert np.abs(fitted.tables).max() == 32_767
    assert (np.diff(fitted.tables.reshape(-1, len(HORIZONS), len(LEVELS)), axis=2) >= 0).all()


def test_boosting_says_what_scikit_learn_says(monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.ensemble

    fits: list[Any] = []

    class Kept(sklearn.ensemble.HistGradientBoostingRegressor):
        def fit(self, *rows_and_labels: Any) -> Any:
            fits.append(self)
            return super().fit(*rows_and_labels)

    monkeypatch.setattr(sklearn.ensemble, "HistGradientBoostingRegressor", Kept)
    fitted = Boosting.fit(*planted(300), SEED)
    rows, _ = planted(400, seed=1)
    rows.values[::3, 0] = np.nan  # never missing in training
    said = fitted.modelled(rows)
    seen = rows.values[:, [0, 1, 3]]
    theirs = np.stack([model.predict(seen) for model in fits], axis=1).reshape(said.shape)
    assert len(fits) == len(HORIZONS) * len(MODELLED)
    assert np.array_equal(said, theirs)


def test_boosting_spreads_levels_from_three_and_never_crosses() -> None:
    ratios = np.array([1.8, 1.0, 0.5, 0.0, 0.4, 1.0, 2.0])
    said = np.array([[-1.0, 0.0, 2.0], [0.5, 0.0, -0.5], [-1.0, 0.5, 0.2]])
    spread = _spread(said, ratios)
    assert spread[0].tolist() == [-1.8, -1.0, -0.5, 0.0, 0.8, 2.0, 4.0]
    assert spread[1].tolist() == [0.0] * 7  # both on the wrong side of the median
    assert (np.diff(spread, axis=1) >= 0.0).all()
    assert spread[2, MEDIAN:].tolist() == [0.5] * 4


def test_boosting_learns_the_ratios_of_a_normal_distribution() -> None:
    labels = np.random.default_rng(0).normal(size=200_000)
    said = np.tile([-1.2816, 0.0, 1.2816], (len(labels), 1))
    np.testing.assert_allclose(_ratios(said, labels), [1.529, 1, 0.526, 0, 0.526, 1, 1.529], atol=0.02)
    flat = np.zeros((10, 3))
    assert _ratios(flat, labels[:10]).tolist() == [1, 1, 1, 0, 1, 1, 1]


def test_boosting_refuses_a_state_with_trees_left_over() -> None:
    fitted = fitted_on(Boosting, 1_500)
    state = fitted.state()
    last = int(state["roots"][-1])
    leaves = int((state["split"][:last] < 0).sum())
    cut = {"split": last, "threshold": last, "left": last, "weight": leaves, "leaf_values": leaves, "roots": -1}
    with pytest.raises(ContractError, match="trees for 15 models"):
        Boosting.from_state({name: array[: cut.get(name)] for name, array in state.items()})


def test_boosting_refuses_a_state_whose_trees_share_nodes() -> None:
    """The compiled sum counts on each tree standing alone: it must never read beyond one."""
    state = {name: array.copy() for name, array in fitted_on(Boosting, 1_500).state().items()}
    first = int(np.flatnonzero(state["split"] >= 0)[0])
    state["left"][first] = state["roots"][-1] + 1
    with pytest.raises(ContractError, match="not whole"):
        Boosting.from_state(state)


@pytest.mark.slow
@pytest.mark.feature("BX-FC-02")
def test_blend_is_the_mean_of_boosting_and_of_a_forest_on_what_a_line_leaves() -> None:
    rows, changes = planted(600)
    line = Ridge.fit(rows, changes, SEED)
    forest = Forest.fit(rows, changes - line.change(rows), SEED)
    ahead, _ = planted(200, seed=1)
    of_forest = forest.quantiles(ahead) + line.change(ahead)[:, :, np.newaxis]
    expected = (of_forest + fitted_on(Boosting, 600).quantiles(ahead)) / 2.0
    np.testing.assert_allclose(fitted_on(Blend, 600).quantiles(ahead), expected, rtol=0.0, atol=1e-12)


@pytest.mark.slow
def test_blend_credits_a_slope_beyond_the_training_to_its_input() -> None:
    blend = fitted_on(Blend, 600)
    ahead, _ = planted(200, seed=1)
    ahead.values[:, 0] = 5.0  # the training saw 3.3 at most
    names, points = blend.drivers(ahead)
    assert names == ("typical_change", "recent_change", "recent_range", "auction_weight_frac", "coverage_frac")
    alone = fitted_on(Boosting, 600).quantiles(ahead)[:, 0, MEDIAN]
    assert blend.quantiles(ahead)[:, 0, MEDIAN].mean() > alone.mean() + 0.5  # trees alone stop at what they saw
    assert (points[:, 0, 1] > 5.0 * np.abs(points[:, 0, 2:]).sum(axis=1)).all()


def test_all_are_in_the_registry() -> None:
    assert MEMBERS["blend"] is Blend
    assert MEMBERS["forest"] is Forest
    assert MEMBERS["boosting"] is Boosting
