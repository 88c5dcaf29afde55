"""Losses against their definitions, against each other and against slow twins."""

import math

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.forecast.horizons import LEVELS
from liquidity.forecast.metrics import (
    crps_ensemble,
    crps_normal,
    interval_losses,
    interval_score,
    mase,
    pinball,
    quantile_crps,
    quantile_pinball,
)

pytestmark = pytest.mark.feature("BX-FC-05", "BX-MN-04")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_the_half_quantile_costs_half_the_absolute_error() -> None:
    assert pinball([1.0, 5.0], [3.0, 1.0], 0.5) == pytest.approx(1.5)


def test_incomplete_pairs_are_left_out() -> None:
    assert pinball([1.0, None, 7.0], [3.0, 1.0, None], 0.5) == pytest.approx(1.0)
    assert crps_normal([1.0, None], [1.0, 2.0], [0.0, 1.0]) == 0.0


@pytest.mark.parametrize("nothing", [[], [None], [math.nan, math.inf]])
def test_no_pair_is_missing_not_zero(nothing: list[float | None]) -> None:
    assert pinball(nothing, nothing, 0.5) is None
    assert crps_normal(nothing, nothing, nothing) is None
    assert crps_ensemble(50.0, nothing) is None
    assert crps_ensemble(None, [1.0]) is None
    result = interval_score(nothing, nothing, nothing, 0.2)
    assert (result.score, result.coverage, result.width) == (None, None, None)


def test_the_ends_of_a_band_are_inside() -> None:
    result = interval_score([0.0, 10.0, 10.1], [0.0] * 3, [10.0] * 3, alpha=0.2)
    assert result.coverage == pytest.approx(2 / 3)
    assert result.score == pytest.approx(10.0 + (2 / 0.2) * 0.1 / 3)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_levels_outside_the_open_unit_interval_are_refused(level: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        pinball([1.0], [1.0], level)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        interval_score([1.0], [1.0], [1.0], level)


def test_lengths_must_agree() -> None:
    with pytest.raises(ConfigError, match="2, 1 values"):
        pinball([1.0, 2.0], [1.0], 0.5)


def test_a_normal_without_width_is_a_point() -> None:
    assert crps_normal([3.0, 0.0], [1.0, 1.0], [0.0, 0.0]) == pytest.approx(1.5)
    with pytest.raises(ConfigError, match="standard deviations >= 0"):
        crps_normal([3.0], [1.0], [-1.0])


def test_the_normal_score_is_the_limit_of_the_ensemble_score(rng: np.random.Generator) -> None:
    from scipy.special import ndtri

    draws = 50.0 + 4.0 * ndtri((np.arange(20_000) + 0.5) / 20_000)
    assert crps_ensemble(53.0, draws) == pytest.approx(crps_normal([53.0], [50.0], [4.0]), rel=1e-3)


def test_the_ensemble_score_equals_the_double_sum(rng: np.random.Generator) -> None:
    sample, y = rng.normal(50, 10, 40), 47.0
    slow = np.abs(sample - y).mean() - 0.5 * np.abs(sample[:, None] - sample[None, :]).mean()
    assert crps_ensemble(y, sample) == pytest.approx(slow, rel=1e-12)


@pytest.mark.parametrize(("train", "m"), [([5.0, 5.0, 5.0], 1), ([1.0], 1), ([], 1), ([1.0, 2.0, 3.0], 3)])
def test_mase_without_a_scale_is_missing(train: list[float], m: int) -> None:
    assert mase(train, [1.0], [2.0], m) is None


def test_mase_takes_the_season_and_skips_gaps() -> None:
    assert mase([1.0, 9.0, 3.0, None, 5.0], [4.0], [2.0], m=2) == pytest.approx(1.0)
    with pytest.raises(ConfigError, match="m = 0"):
        mase([1.0, 2.0], [1.0], [1.0], m=0)


def test_row_losses_average_to_the_scalar_ones(rng: np.random.Generator) -> None:
    y, q = rng.normal(50, 10, 30), np.sort(rng.normal(50, 10, (30, 7)), axis=1)
    slow = np.mean([pinball(y, q[:, place], tau) for place, tau in enumerate(LEVELS)])
    assert quantile_pinball(y, q).mean() == pytest.approx(slow, rel=1e-12)
    assert interval_losses(y, q[:, 1], q[:, 5], 0.2).mean() == pytest.approx(
        interval_score(y, q[:, 1], q[:, 5], 0.2).score, rel=1e-12
    )


def slow_quantile_crps(y: float, q: np.ndarray, levels: tuple[float, ...]) -> float:
    """Twice the pinball loss of the quantile function, over a fine grid of probabilities."""
    tau = (np.arange(200_000) + 0.5) / 200_000
    values = np.interp(tau, levels, q)
    return float(2.0 * np.maximum(tau * (y - values), (tau - 1.0) * (y - values)).mean())


@pytest.mark.parametrize("y", [20.0, 44.0, 50.0, 57.3, 90.0])
def test_the_quantile_score_is_twice_the_integrated_pinball_loss(y: float) -> None:
    q = np.array([40.0, 44.0, 44.0, 50.0, 55.0, 60.0, 70.0])
    assert quantile_crps(np.array([y]), q[np.newaxis])[0] == pytest.approx(slow_quantile_crps(y, q, LEVELS), rel=1e-6)


def test_with_many_levels_the_quantile_score_is_that_of_the_sample(rng: np.random.Generator) -> None:
    sample = np.sort(rng.gamma(3.0, 8.0, 4000))
    levels = tuple((np.arange(4000) + 0.5) / 4000)
    for y in (5.0, 22.0, 80.0):
        assert quantile_crps(np.array([y]), sample[np.newaxis], levels)[0] == pytest.approx(
            crps_ensemble(y, sample), rel=1e-4
        )


def test_row_losses_keep_shape_and_missing(rng: np.random.Generator) -> None:
    y = rng.normal(50, 10, (6, 5))
    y[2, 3] = np.nan
    q = np.sort(rng.normal(50, 10, (6, 5, 7)), axis=-1)
    for loss in (quantile_crps(y, q), quantile_pinball(y, q), interval_losses(y, q[..., 0], q[..., 6], 0.05)):
        assert loss.shape == (6, 5)
        assert np.array_equal(np.isnan(loss), np.isnan(y))
        assert np.nanmin(loss) >= 0.0


def test_a_forecast_of_one_value_costs_its_absolute_error() -> None:
    y = np.array([40.0, 50.0, 61.0])
    assert quantile_crps(y, np.full((3, 7), 50.0)).tolist() == [10.0, 0.0, 11.0]
