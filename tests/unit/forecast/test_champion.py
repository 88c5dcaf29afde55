"""The rule by which a model may speak, case by case on planted losses."""

from dataclasses import replace

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.forecast.champion import PromotionRule, choose, compare, row_pinball
from liquidity.forecast.evaluation import HeldOut
from liquidity.forecast.horizons import LEVELS

RULE = PromotionRule()
SESSIONS, NAMES = 60, 10
SESSION = np.repeat(np.arange(SESSIONS), NAMES)


def losses(seed: int, mean: float = 4.0) -> np.ndarray:
    return mean + np.random.default_rng(seed).gamma(2.0, 0.5, SESSIONS * NAMES)


def noise(seed: int, size: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, size, SESSIONS * NAMES)


def test_a_small_steady_gain_wins_by_the_test() -> None:
    holder = losses(1)
    found = compare("ridge", holder - 0.05 + noise(2, 0.05), "persistence", holder, SESSION, RULE)
    assert found.wins
    assert found.skill_frac < RULE.min_skill_frac
    assert found.dm_stat < 0.0
    assert found.dm_p_value < 0.001


def test_a_large_gain_of_few_days_wins_by_skill() -> None:
    holder = losses(1)
    ours = holder.copy()
    ours[: 3 * NAMES] -= 4.0  # three of sixty sessions
    found = compare("ridge", ours, "persistence", holder, SESSION, RULE)
    assert found.dm_p_value > RULE.significance_frac
    assert found.skill_frac > RULE.min_skill_frac
    assert found.wins


def test_a_steady_loss_does_not_win_however_certain() -> None:
    holder = losses(1)
    found = compare("ridge", holder + 0.05, "persistence", holder, SESSION, RULE)
    assert not found.wins
    assert found.skill_frac < 0.0


def test_equal_losses_do_not_win() -> None:
    holder = losses(1)
    found = compare("ridge", holder, "persistence", holder, SESSION, RULE)
    assert (found.wins, found.dm_p_value, found.skill_frac) == (False, None, 0.0)
    perfect = np.zeros(SESSIONS * NAMES)
    assert compare("ridge", perfect, "persistence", perfect, SESSION, RULE).skill_frac is None


@pytest.mark.parametrize(
    ("rows", "wins"),
    [(39 * NAMES, False), (40 * NAMES, True)],
)
def test_too_few_sessions_decide_nothing(rows: int, wins: bool) -> None:
    holder = losses(1)[:rows]
    found = compare("ridge", holder - 1.0 + noise(3, 0.1)[:rows], "persistence", holder, SESSION[:rows], RULE)
    assert found.wins is wins
    assert ("needed to decide" in found.reason) is not wins


def test_too_few_rows_decide_nothing() -> None:
    one_name = np.arange(0, SESSIONS * NAMES, NAMES)
    holder = losses(1)[one_name]
    found = compare("ridge", holder - 1.0, "persistence", holder, SESSION[one_name], RULE)
    assert (found.points_n, found.sessions_n, found.wins) == (60, 60, False)
    nothing = np.full(3, np.nan)
    assert compare("ridge", nothing, "persistence", nothing, np.arange(3), RULE).reason == "ridge: no judged row"


def test_the_best_of_many_has_to_be_better() -> None:
    holder = losses(1)
    ours = holder - 0.02 + np.repeat(np.random.default_rng(8).normal(0.0, 0.075, SESSIONS), NAMES)
    alone = compare("ridge", ours, "persistence", holder, SESSION, RULE)
    assert RULE.significance_frac / 6 < alone.dm_p_value < RULE.significance_frac
    assert alone.wins
    assert not compare("ridge", ours, "persistence", holder, SESSION, RULE, challengers_n=6).wins


def test_names_of_one_session_do_not_count_as_many() -> None:
    """Ten names that share one surprise a session are no surer than one name."""
    shared = np.repeat(np.random.default_rng(5).normal(-0.03, 0.2, SESSIONS), NAMES)
    holder = losses(1)
    many = compare("ridge", holder + shared, "persistence", holder, SESSION, RULE)
    one = np.arange(0, SESSIONS * NAMES, NAMES)
    few = compare("ridge", (holder + shared)[one], "persistence", holder[one], SESSION[one], RULE)
    assert many.dm_p_value == pytest.approx(few.dm_p_value)


def test_the_loss_of_a_row_is_the_mean_over_its_known_horizons() -> None:
    scores = np.tile(np.array(LEVELS) * 100.0, (2, 5, 1))
    realised = np.array([[50.0, 50.0, np.nan, np.nan, np.nan], [np.nan] * 5])
    found = row_pinball(scores, realised)
    by_hand = np.mean([max(tau * (50 - 100 * tau), (tau - 1) * (50 - 100 * tau)) for tau in LEVELS])
    assert found[0] == pytest.approx(by_hand)
    assert np.isnan(found[1])


def test_the_choice_names_figures_and_the_best_baseline(held: HeldOut) -> None:
    choice = choose(held, RULE)
    assert choice.best_baseline in {"ewma", "har_regression", "persistence"}
    assert choice.comparison.holder == choice.best_baseline
    assert choice.reason.startswith(f"ridge beats the best baseline: pinball {'1.'}")
    assert "Diebold-Mariano p 0.000" in choice.reason
    harder = choose(held, replace(RULE, min_sessions=10_000))
    assert harder.kind == "baseline"
    assert harder.member == choice.best_baseline
    assert "10000 sessions are needed to decide" in harder.reason


def test_without_models_or_baselines(held: HeldOut) -> None:
    baselines = tuple(member for member in held.members if member.kind == "baseline")
    alone = choose(replace(held, members=baselines), RULE)
    assert alone.comparison is None
    assert alone.reason.endswith("serves: no model could be judged")
    models = tuple(member for member in held.members if member.kind == "model")
    with pytest.raises(InsufficientDataError, match="no baseline was judged"):
        choose(replace(held, members=models), RULE)


def test_a_rule_outside_its_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="allowed are fractions"):
        PromotionRule(significance_frac=10.0)
