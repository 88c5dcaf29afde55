"""Robust outliers: a spike does not hide itself, and the normal day after it is normal."""

import math

import numpy as np
import pytest

from liquidity.features.anomaly import RobustZ, robust_flags, robust_z, robust_z_rows


@pytest.mark.feature("BX-FE-04")
def test_a_six_sigma_spike_is_flagged_and_the_next_normal_point_is_not() -> None:
    rng = np.random.default_rng(6)
    series = rng.normal(50, 2, (200, 62))
    series[:, 60] = 50 + 6 * 2
    series[:, 61] = 50 + rng.uniform(-1, 1, 200) * 2
    assert robust_flags(series[:, :60], series[:, 60]).mean() > 0.98
    assert not robust_flags(series[:, :61], series[:, 61]).any()  # the spike is now part of the history


@pytest.mark.feature("BX-FE-04")
def test_a_spike_does_not_mask_itself_where_the_plain_z_score_does() -> None:
    history = np.array([[10.0, 11.0, 9.0, 10.5, 9.5, 10.0, 10.2, 9.8, 10.1, 100.0, 110.0]])
    plain = (110 - history.mean()) / history.std(ddof=1)
    assert plain < 3.5
    assert robust_flags(history, np.array([110.0]))[0]


@pytest.mark.feature("BX-FE-04")
def test_the_vectorised_form_equals_the_scalar_one() -> None:
    rng = np.random.default_rng(0)
    history = np.round(rng.normal(5, 1, (300, 25)), rng.integers(0, 2))
    history[rng.random(history.shape) < rng.choice([0.0, 0.3, 0.97], (300, 1))] = np.nan
    history[:5] = 7.0
    x = np.round(rng.normal(5, 3, 300))
    x[:3] = 7.0
    x[10] = np.nan
    z = robust_z_rows(history, x)
    flags = robust_flags(history, x, 3.5, min_n=1)
    for row in range(300):
        judge = robust_z(history[row], x[row], 3.5)
        assert z[row] == pytest.approx(math.nan if judge.z is None else judge.z, nan_ok=True, rel=1e-12)
        assert bool(flags[row]) == bool(judge.anomaly)


def test_falls_back_to_the_mean_deviation_and_then_to_equality() -> None:
    assert robust_z([5, 5, 5, 5, 5, 9], 9.0).z == pytest.approx(4.787361365993776)
    assert robust_z([3, 3, 3], 3.0) == RobustZ(0.0, False)
    assert robust_z([3, 3, 3], 4.0) == RobustZ(None, None)


def test_missing_history_or_value_is_missing() -> None:
    assert robust_z([], 1.0) == RobustZ(None, None)
    assert robust_z([None, math.nan], 1.0) == RobustZ(None, None)
    assert robust_z([1, 2, 3], None) == RobustZ(None, None)
    assert robust_z([1, None, 2, 3], 2.0) == robust_z([1, 2, 3], 2.0)


def test_a_short_history_raises_no_flag() -> None:
    history = np.array([[1.0, 2.0, 3.0, 2.0, 1.0]])
    assert not robust_flags(history, np.array([99.0]))[0]
    assert robust_flags(history, np.array([99.0]), min_n=5)[0]
    assert np.isnan(robust_z_rows(np.empty((2, 0)), np.ones(2))).all()
