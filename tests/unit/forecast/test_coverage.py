"""How far a coverage may stray, and when the alarm rings."""

import numpy as np
import pytest
from scipy.special import bdtr

from liquidity.domain.errors import ConfigError
from liquidity.forecast.coverage import coverage_of, coverage_range, effective_n, rolling_coverage

pytestmark = pytest.mark.feature("BX-FC-05", "BX-MN-04")


@pytest.mark.parametrize("nominal", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("n", [1, 2, 39, 400, 12_345])
def test_the_range_is_that_of_the_binomial(n: int, nominal: float) -> None:
    cumulative = bdtr(np.arange(n + 1), n, nominal)
    assert coverage_range(n, nominal) == tuple(np.searchsorted(cumulative, [0.025, 0.975]) / n)


def test_fewer_effective_points_widen_the_range() -> None:
    low, high = coverage_range(1000, 0.8)
    wide_low, wide_high = coverage_range(1000, 0.8, effective_n=50.7)
    assert wide_low < low < 0.8 < high < wide_high
    assert coverage_range(1000, 0.8, effective_n=50.7) == coverage_range(50, 0.8)
    assert coverage_range(1000, 0.8, effective_n=5000.0) == coverage_range(1000, 0.8)
    assert coverage_range(1000, 0.8, effective_n=0.2) == coverage_range(1, 0.8)


def test_nothing_judged_says_nothing() -> None:
    assert coverage_range(0, 0.8) == (0.0, 1.0)
    assert coverage_of(np.empty(0), np.empty(0, np.bool_), 0.8, 1) is None
    assert rolling_coverage(np.empty(0), np.empty(0, np.bool_), 0.8, 1, 20) == ()


@pytest.mark.parametrize("nominal", [0.0, 1.0, 80.0])
def test_a_nominal_coverage_is_a_fraction(nominal: float) -> None:
    with pytest.raises(ConfigError, match="nominal"):
        coverage_range(100, nominal)


def test_independent_points_are_worth_what_they_number() -> None:
    rng = np.random.default_rng(1)
    inside = rng.binomial(50, 0.8, 400)
    assert effective_n(inside, np.full(400, 50), 0.8, 1) > 0.8 * 400 * 50


def test_names_that_move_as_one_are_worth_one() -> None:
    rng = np.random.default_rng(2)
    inside = 50.0 * (rng.random(400) < 0.8)
    assert effective_n(inside, np.full(400, 50), 0.8, 1) == pytest.approx(400, rel=0.15)


def test_overlapping_forecasts_are_worth_less() -> None:
    rng = np.random.default_rng(3)
    shock = rng.normal(size=1005)
    inside = 50.0 * (np.abs(np.convolve(shock, np.ones(5), "valid")) < 2.9)
    judged = np.full(len(inside), 50)
    assert effective_n(inside, judged, 0.8, 5) < 0.5 * len(inside)


def test_few_sessions_count_once_each() -> None:
    assert effective_n(np.full(12, 40.0), np.full(12, 50), 0.8, 1) == 12.0
    assert effective_n(np.zeros(3), np.zeros(3, np.int64), 0.8, 1) == 0.0


def test_all_inside_is_judged_by_the_promise() -> None:
    result = coverage_of(np.repeat(np.arange(40), 10), np.ones(400, np.bool_), 0.8, 1)
    assert result is not None
    assert result.coverage_frac == 1.0
    assert result.effective_n == 400.0
    assert result.alarm


def test_a_calibrated_band_rings_in_about_one_window_of_twenty() -> None:
    """250 sessions of 30 names with a common shock; a plain binomial range would ring far more often."""
    rng = np.random.default_rng(4)
    days, rings, plain = np.repeat(np.arange(250), 30), 0, 0
    edge = 1.281552 * np.sqrt(2.0)
    for _ in range(300):
        outcome = np.repeat(rng.normal(size=250), 30) + rng.normal(size=7500)
        result = coverage_of(days, np.abs(outcome) <= edge, 0.8, 1)
        low, high = coverage_range(7500, 0.8)
        rings += result.alarm
        plain += not low <= result.coverage_frac <= high
    assert rings / 300 < 0.10
    assert plain / 300 > 0.25


def test_a_band_that_covers_too_little_rings() -> None:
    rng = np.random.default_rng(5)
    days = np.repeat(np.arange(100), 30)
    assert coverage_of(days, rng.random(3000) < 0.72, 0.8, 1).alarm
    assert not coverage_of(days, rng.random(3000) < 0.80, 0.8, 1).alarm


def test_rolling_windows_equal_the_sample_cut_by_hand() -> None:
    rng = np.random.default_rng(6)
    days = rng.integers(0, 60, 700)
    inside = rng.random(700) < 0.8
    windows = rolling_coverage(days, inside, 0.8, 2, window_sessions=25)
    sessions = np.unique(days)
    assert [window.through for window in windows] == sessions.tolist()
    for place in (0, 10, 24, 40, 59):
        kept = np.isin(days, sessions[max(place - 24, 0) : place + 1])
        assert windows[place] == coverage_of(days[kept], inside[kept], 0.8, 2)


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(ConfigError, match="window of 0"):
        rolling_coverage(np.arange(3), np.ones(3, np.bool_), 0.8, 1, 0)
    with pytest.raises(ConfigError, match="3 sessions for 2 flags"):
        coverage_of(np.arange(3), np.ones(2, np.bool_), 0.8, 1)
