"""Scenarios over five sessions: the bands of each day, the company that days keep."""

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.forecast.horizons import LEVELS
from liquidity.forecast.paths import joint_ranks, outcome_probabilities, quantile_function, score_paths

FAN = 50.0 + np.sqrt(np.arange(1, 6))[:, None] * np.array([-12.0, -6.0, -3.0, 0.5, 3.0, 7.0, 15.0])


def walks(seed: int, rows: int, memory: float) -> np.ndarray:
    """Probabilities of days that follow each other."""
    from scipy.special import ndtr

    rng = np.random.default_rng(seed)
    shocks = rng.normal(size=(rows, 5))
    days = [shocks[:, 0]]
    for day in range(1, 5):
        days.append(memory * days[-1] + np.sqrt(1 - memory**2) * shocks[:, day])
    return ndtr(np.stack(days, axis=1))


def test_every_day_has_the_quantiles_of_its_forecast() -> None:
    paths = score_paths(FAN, joint_ranks(walks(1, 300, 0.8)), n=2000, seed=3)
    found = np.quantile(paths, LEVELS, axis=0, method="inverted_cdf").T
    assert found == pytest.approx(FAN, abs=0.1)
    assert paths.min() >= 0.0
    assert paths.max() <= 100.0


def test_days_move_together_as_they_did_before() -> None:
    for memory in (0.0, 0.9):
        paths = score_paths(FAN, joint_ranks(walks(2, 1500, memory)), n=1500, seed=3)
        ranks = paths.argsort(axis=0).argsort(axis=0)
        assert np.corrcoef(ranks[:, 0], ranks[:, 1])[0, 1] == pytest.approx(memory, abs=0.08)


def test_equal_seeds_give_equal_bits_and_others_do_not() -> None:
    ranks = joint_ranks(walks(3, 100, 0.5))
    first = score_paths(FAN, ranks, n=50, seed=1)
    assert np.array_equal(first, score_paths(FAN, ranks, n=50, seed=1))
    assert not np.array_equal(first, score_paths(FAN, ranks, n=50, seed=2))


def test_more_scenarios_than_templates_still_have_the_bands() -> None:
    paths = score_paths(FAN, joint_ranks(walks(4, 25, 0.5)), n=400, seed=1)
    for day in range(5):
        assert np.sort(paths[:, day]) == pytest.approx(quantile_function(FAN[day], (np.arange(400) + 0.5) / 400))


def test_a_score_at_the_edge_of_the_scale_stays_on_it() -> None:
    edge = np.tile([90.0, 95.0, 99.0, 100.0, 100.0, 100.0, 100.0], (5, 1))
    paths = score_paths(edge, joint_ranks(walks(5, 50, 0.5)), n=100, seed=1)
    assert paths.max() == 100.0
    assert (paths == 100.0).mean() == pytest.approx(0.5, abs=0.02)


def test_outcomes_of_calibrated_forecasts_are_uniform() -> None:
    rng = np.random.default_rng(6)
    drawn = np.stack([quantile_function(day, rng.random(20_000)) for day in FAN], axis=1)
    probability = outcome_probabilities(np.broadcast_to(FAN, (20_000, 5, 7)), drawn)
    assert np.quantile(probability, [0.1, 0.5, 0.9], axis=0) == pytest.approx(
        np.repeat([[0.1], [0.5], [0.9]], 5, axis=1), abs=0.015
    )


def test_a_probability_leads_back_to_its_value() -> None:
    grid = np.linspace(0.001, 0.999, 97)
    values = quantile_function(FAN[1], grid)
    outcomes = np.repeat(values[:, None], 5, axis=1)
    back = outcome_probabilities(np.broadcast_to(FAN[1], (97, 5, 7)), outcomes)
    assert back == pytest.approx(np.repeat(grid[:, None], 5, axis=1), abs=1e-9)


def test_an_outcome_on_a_forecast_without_width_is_in_the_middle() -> None:
    point = np.full((3, 5, 7), 40.0)
    found = outcome_probabilities(point, np.repeat([[30.0], [40.0], [50.0]], 5, axis=1))
    assert found[:, 0].tolist() == pytest.approx([0.0, 0.5, 1.0])


def test_ranks_skip_what_is_not_known_and_stay_within_a_bound() -> None:
    probabilities = walks(7, 5000, 0.5)
    probabilities[::2, 3] = np.nan
    ranks = joint_ranks(probabilities)
    assert ranks.shape == (2000, 5)
    assert np.array_equal(np.sort(ranks, axis=0), np.repeat(np.arange(1, 2001)[:, None], 5, axis=1))
    assert joint_ranks(np.full((4, 5), np.nan)).shape == (0, 5)


def test_what_cannot_be_used_is_refused() -> None:
    ranks = joint_ranks(walks(8, 30, 0.5))
    with pytest.raises(InsufficientDataError, match="19 past joint outcomes"):
        score_paths(FAN, ranks[:19], n=10, seed=1)
    with pytest.raises(ConfigError, match="cross"):
        score_paths(FAN[:, ::-1], ranks, n=10, seed=1)
    with pytest.raises(ConfigError, match="n >= 1"):
        score_paths(FAN, ranks, n=0, seed=1)
    with pytest.raises(ConfigError, match=r"\(R, 5\)"):
        joint_ranks(np.zeros((4, 3)))
