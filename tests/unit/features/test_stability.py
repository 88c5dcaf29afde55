"""Stability of a spread or depth."""

import math

import numpy as np
import pytest

from liquidity.features.stability import RollingStability, rolling_stability, stability_frac


@pytest.mark.feature("BX-FE-03")
def test_a_constant_series_is_fully_stable() -> None:
    assert stability_frac(np.full((3, 30), 12.5)).tolist() == [1.0, 1.0, 1.0]
    assert rolling_stability([12.5] * 30, 30) == RollingStability(0.0, 100.0)


@pytest.mark.feature("BX-FE-03")
def test_doubling_the_variance_lowers_it_and_it_stays_within_0_and_1() -> None:
    rng = np.random.default_rng(9)
    noise = rng.normal(0, 1, (500, 30))
    noise -= noise.mean(axis=1, keepdims=True)
    spread = 20 + 3 * noise
    calm, wild = stability_frac(spread), stability_frac(20 + math.sqrt(2) * 3 * noise)
    assert (wild < calm).all()
    np.testing.assert_allclose(1 / wild - 1, math.sqrt(2) * (1 / calm - 1))
    extreme = stability_frac(rng.normal(0.001, 100, (500, 30)))
    assert ((extreme >= 0) & (extreme <= 1)).all()


@pytest.mark.feature("BX-FE-03")
def test_the_vectorised_form_equals_the_scalar_one() -> None:
    rng = np.random.default_rng(2)
    values = rng.lognormal(2, 1, (200, 30))
    values[rng.random(values.shape) < rng.choice([0.0, 0.5, 0.97], (200, 1))] = np.nan
    values[0] = 0.0
    fast = stability_frac(values)
    for row in range(200):
        score = rolling_stability(values[row], 30).score
        assert 100 * fast[row] == pytest.approx(math.nan if score is None else score, nan_ok=True)


def test_only_the_newest_points_count() -> None:
    assert rolling_stability([1.0, 1000.0, 10.0, 11.0, 9.0, 10.0, 10.0], 5).score == pytest.approx(93.39591174686886)
    assert rolling_stability([5.0, 5.0], 30).score == 100.0
    assert rolling_stability([5.0, 6.0, None], 2) == RollingStability(None, None)


def test_too_few_points_or_a_zero_mean_are_missing() -> None:
    for series in ([], [1.0], [0.0, 0.0, 0.0], [-1.0, 1.0]):
        assert rolling_stability(series, 30) == RollingStability(None, None)
    assert np.isnan(stability_frac(np.array([[1.0, 2.0, 3.0]]), min_n=4)).all()
