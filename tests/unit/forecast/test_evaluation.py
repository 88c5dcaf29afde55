"""The judgement itself: nobody sees the future, everybody is judged on the same rows, and noise has no winner."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from liquidity.contracts import FORECAST_EVALUATION
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.forecast.bands import Calibration
from liquidity.forecast.champion import PromotionRule, choose
from liquidity.forecast.diebold_mariano import diebold_mariano_of_sessions
from liquidity.forecast.evaluation import EvaluationSettings, HeldOut, held_out, shuffled
from liquidity.forecast.evaluation_tables import evaluation_table, horizon_figures
from liquidity.forecast.inputs import input_rows, labelled_changes, sample_rows
from liquidity.forecast.members import MEMBERS
from liquidity.forecast.metrics import quantile_pinball
from liquidity.forecast.panel import ScorePanel

QUICK = [MEMBERS[name] for name in ("ewma", "har_regression", "persistence", "ridge")]
EVALUATION = EvaluationSettings(blocks=6, block_sessions=15, seed=7)


def with_future(panel: ScorePanel, first: int, seed: int) -> ScorePanel:
    """The panel with everything from place ``first`` on replaced by something else."""
    random = np.random.default_rng(seed)
    scores = panel.scores.copy()
    scores[first:] = random.uniform(0.0, 100.0, scores[first:].shape)
    signals = {}
    for name, values in panel.signals.items():
        changed = np.array(values)
        changed[first:] = random.random(changed[first:].shape, dtype=np.float32)
        signals[name] = changed
    return replace(panel, scores=scores, signals=signals)


def test_every_member_is_judged_on_the_same_rows(market: ScorePanel, held: HeldOut) -> None:
    rows = len(held.session)
    assert [member.name for member in held.members] == ["ewma", "har_regression", "persistence", "ridge"]
    assert all(member.scores.shape == (rows, 5, 7) for member in held.members)
    assert rows == 6 * 15 * 12
    assert (~held.judged).sum() == 15 * 12  # the first block calibrates
    assert all(np.isnan(member.scores[~held.judged]).all() for member in held.members)
    for member in held.members:
        told = member.scores[held.judged]
        assert np.isfinite(told).all()
        assert told.min() >= 0.0
        assert told.max() <= 100.0
        assert (np.diff(told, axis=-1) >= 0.0).all()
    made = input_rows(market, slice(held.session[0], None))
    assert np.array_equal(held.session, made.session)
    assert np.array_equal(held.realised - held.base[:, np.newaxis], labelled_changes(market, made), equal_nan=True)


def test_what_comes_after_a_block_changes_nothing_said_before(market: ScorePanel, held: HeldOut) -> None:
    """The leak test: another future, equal forecasts up to it, to the bit."""
    first = 130
    other = held_out(with_future(market, first, seed=3), QUICK, EVALUATION)
    before = (held.session < first) & held.judged
    assert np.array_equal(held.session, other.session)
    assert before.sum() >= 400
    for ours, theirs in zip(held.members, other.members, strict=True):
        assert np.array_equal(ours.scores[before], theirs.scores[before]), ours.name
        assert np.array_equal(ours.changes[before], theirs.changes[before]), ours.name
        assert not np.array_equal(ours.scores[held.session > first], theirs.scores[held.session > first])


def test_a_leak_would_be_seen(market: ScorePanel, held: HeldOut) -> None:
    """The judgement can tell: a member that peeks (its rows are shifted into the future) wins by far."""

    class Peeking:
        name, kind = "peeking", "model"

        def __init__(self, inner: object) -> None:
            self.inner = inner

        @classmethod
        def fit(cls, rows, changes, seed):
            return cls(MEMBERS["persistence"].fit(rows, changes, seed))

        def quantiles(self, rows) -> NDArray[np.float64]:
            ahead = np.nan_to_num(labelled_changes(market, rows))
            return self.inner.quantiles(rows) * 0.05 + ahead[:, :, np.newaxis]

    peeked = held_out(market, [MEMBERS["persistence"], Peeking], EVALUATION)
    choice = choose(peeked, PromotionRule())
    assert choice.member == "peeking"
    assert choice.comparison.skill_frac > 0.8


def test_training_ends_before_the_embargo(market: ScorePanel) -> None:
    seen: list[tuple[int, int]] = []

    class Watching:
        name, kind = "watching", "baseline"

        @classmethod
        def fit(cls, rows, changes, seed):
            known = ~np.isnan(changes)
            last_label = (rows.session[:, np.newaxis] + np.arange(1, 6))[known].max()
            seen.append((int(rows.session.max()), int(last_label)))
            return MEMBERS["persistence"].fit(rows, changes, seed)

    held_out(market, [Watching], EVALUATION)
    starts = [160 - 15 * back for back in range(6, 0, -1)]
    assert [label for _, label in seen] == [start - EVALUATION.embargo_sessions - 1 for start in starts]


@pytest.mark.feature("BX-FC-02", "BX-FC-03")
def test_a_planted_driver_is_found_and_noise_is_not(held: HeldOut, make_market) -> None:
    choice = choose(held, PromotionRule())
    assert (choice.member, choice.kind) == ("ridge", "model")
    assert choice.comparison.skill_frac > 0.1
    assert choice.comparison.dm_p_value < 1e-6
    quiet = held_out(make_market(driver_points=0.0, seed=5), QUICK, EVALUATION)
    choice = choose(quiet, PromotionRule())
    assert choice.kind == "baseline"
    assert choice.reason.startswith("no model beats the best baseline: pinball ")


@pytest.mark.parametrize("seed", [1, 2])
def test_on_shuffled_labels_nothing_wins(market: ScorePanel, seed: int) -> None:
    control = held_out(market, QUICK, EVALUATION, shuffle_seed=seed)
    choice = choose(control, PromotionRule())
    assert choice.kind == "baseline", choice.reason
    assert choice.comparison.skill_frac < 0.02


def test_shuffled_labels_keep_sizes_and_gaps(market: ScorePanel) -> None:
    rows, changes = sample_rows(market, 500, 1)
    changes[::7, 2] = np.nan
    dealt = shuffled(changes, rows, np.random.default_rng(4))
    assert np.array_equal(np.isnan(dealt), np.isnan(changes))
    known = ~np.isnan(changes[:, 2])
    multiples = np.sort(changes[known, 2] / rows.scale[known])
    assert np.allclose(
        np.sort(dealt[known, 2] / rows.scale[known]), multiples, atol=1e-9
    )  # no score near 0 or 100 here
    assert abs(np.corrcoef(dealt[known, 0], changes[known, 0])[0, 1]) < 0.15


def test_equal_inputs_give_equal_bits(market: ScorePanel, held: HeldOut) -> None:
    again = held_out(market, QUICK[2:], EVALUATION)
    for theirs in again.members:
        assert held.of(theirs.name).scores.tobytes() == theirs.scores.tobytes()


def test_bands_of_a_block_come_from_the_blocks_before(held: HeldOut) -> None:
    second = np.isin(held.session, np.arange(85, 100))
    past = held.session < 85
    first_session = held.session == 85
    ridge = held.of("ridge")
    calibration = Calibration.fit(
        ridge.changes[past].astype(np.float64),
        held.known_by(84)[past],
        held.scale[past],
        held.liquidity_group[past],
        held.session[past],
    )
    expected = calibration.apply(
        ridge.changes[first_session].astype(np.float64),
        held.base[first_session],
        held.scale[first_session],
        held.liquidity_group[first_session],
    )
    assert second.sum() == 15 * 12
    assert np.allclose(ridge.scores[first_session], expected, atol=1e-4)


def test_a_large_universe_is_judged_on_some_instruments(market: ScorePanel) -> None:
    few = held_out(market, QUICK[:3], replace(EVALUATION, max_held_out_rows=300))
    assert len(few.session) == 3 * 90
    assert len(np.unique(few.instrument)) == 3
    assert set(np.unique(few.decile)) <= set(range(10))


def test_too_short_a_history_says_how_much_is_needed(make_market) -> None:
    with pytest.raises(InsufficientDataError, match=r"95 sessions with .* need 100 sessions"):
        held_out(make_market(sessions=95), QUICK, EVALUATION)
    empty = make_market()
    with pytest.raises(InsufficientDataError, match="with 0 rows labelled"):
        held_out(replace(empty, scores=np.full_like(empty.scores, np.nan)), QUICK, EVALUATION)


def test_a_member_that_cannot_learn_is_left_out_with_its_reason(market: ScorePanel) -> None:
    class Fussy:
        name, kind = "fussy", "model"

        @classmethod
        def fit(cls, rows, changes, seed):
            raise InsufficientDataError("fussy: 1 row, 2 needed")

    found = held_out(market, [MEMBERS["persistence"], Fussy], EVALUATION)
    assert [member.name for member in found.members] == ["persistence"]
    assert found.left_out["fussy"].endswith("fussy: 1 row, 2 needed")
    with pytest.raises(ConfigError, match="no member 'fussy'"):
        found.of("fussy")
    with pytest.raises(InsufficientDataError, match="no member could learn"):
        held_out(market, [Fussy], EVALUATION)


def test_settings_refuse_counts_that_judge_nothing() -> None:
    with pytest.raises(ConfigError, match="blocks is 1"):
        EvaluationSettings(blocks=1)


def test_the_table_holds_every_member_slice_and_figure(held: HeldOut) -> None:
    session = held.sessions[-1].item()
    table = evaluation_table(held, session)
    assert audit(table_from_frame(table, FORECAST_EVALUATION), FORECAST_EVALUATION, session).violations == ()
    whole = table[table["slice"] == "all"].set_index(["member", "horizon_sessions"])
    assert len(whole) == 4 * 5
    ridge, judged = held.of("ridge"), held.judged
    truth = held.realised[judged, 2]
    told = ridge.scores[judged, 2].astype(np.float64)
    row = whole.loc[("ridge", 3)]
    assert row["mae_points"] == pytest.approx(np.nanmean(np.abs(told[:, 3] - truth)))
    assert row["bias_points"] == pytest.approx(np.nanmean(told[:, 3] - truth))
    assert row["pinball_points"] == pytest.approx(np.nanmean(quantile_pinball(truth, told)))
    known = ~np.isnan(truth)
    assert row["points_n"] == known.sum()
    inside = (told[known, 0] <= truth[known]) & (truth[known] <= told[known, 6])
    assert row["coverage_95_frac"] == pytest.approx(inside.mean())
    assert row["mase"] == pytest.approx(row["mae_points"] / held.naive_mae_points)
    baselines = whole.xs(3, level="horizon_sessions").query("kind == 'baseline'")
    assert row["best_baseline"] == baselines["pinball_points"].idxmin()
    theirs = held.of(row["best_baseline"]).scores[judged, 2].astype(np.float64)
    test = diebold_mariano_of_sessions(
        quantile_pinball(truth, told), quantile_pinball(truth, theirs), held.session[judged], 3
    )
    assert row["dm_stat"] == pytest.approx(test.stat)
    assert row["skill_frac"] == pytest.approx(1.0 - row["pinball_points"] / baselines["pinball_points"].min())


def test_slices_add_up_to_the_whole(held: HeldOut) -> None:
    table = evaluation_table(held, held.sessions[-1].item())
    ewma = table[(table["member"] == "ewma") & (table["horizon_sessions"] == 1)]
    whole = ewma[ewma["slice"] == "all"].iloc[0]
    for name in ("liquidity_decile", "liquidity_group"):
        cut = ewma[ewma["slice"] == name]
        assert cut["points_n"].sum() == whole["points_n"]
        assert np.average(cut["mae_points"], weights=cut["points_n"]) == pytest.approx(whole["mae_points"])
    assert set(ewma[ewma["slice"] == "sector"]["slice_value"]) == {"FINANCIAL", "UTILITIES"}  # a third has no sector
    assert horizon_figures(held, "ewma")["mae_points"][0] == pytest.approx(whole["mae_points"], abs=1e-6)


@pytest.mark.feature("BX-FC-04")
def test_bands_cover_what_they_promise(make_market) -> None:
    """2,000 held-out points and more by horizon; both ends counted."""
    panel = make_market(names=36, sessions=160, seed=11)
    found = held_out(panel, QUICK[1:], EVALUATION)
    table = evaluation_table(found, panel.sessions[-1].item())
    whole = table[table["slice"] == "all"]
    assert whole["points_n"].min() > 2_000
    assert whole["coverage_80_frac"].between(0.77, 0.83).all()
    assert whole["coverage_95_frac"].between(0.92, 0.98).all()
