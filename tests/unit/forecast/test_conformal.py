"""The rank that gives a band its coverage, and the level that follows it."""

import math

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.forecast.conformal import aci, conformal_quantile, conformal_rank, cqr, split_conformal


def test_whole_ranks_are_not_pushed_up_by_rounding() -> None:
    assert conformal_rank(9, 1.0 - 0.3) == 3


def test_the_quantile_is_the_sorted_score_of_the_rank() -> None:
    scores = np.random.default_rng(1).normal(size=57)
    for alpha in (0.01, 0.05, 0.2, 0.5, 0.9):
        k = conformal_rank(57, alpha)
        expected = math.inf if k > 57 else sorted(scores)[k - 1]
        assert conformal_quantile(scores, alpha) == expected


def test_the_ends_of_the_levels() -> None:
    assert conformal_quantile(np.array([1.0]), 0.0) == math.inf
    assert conformal_quantile(np.array([1.0]), 1.0) == -math.inf
    with pytest.raises(ConfigError, match="fractions 0 to 1"):
        conformal_rank(5, 1.2)


def test_without_scores_nothing_is_bounded() -> None:
    result = split_conformal([], 0.1)
    assert (result.k, result.qhat) == (1, math.inf)
    band = cqr([], [], [], 0.1, new_lo=1.0, new_hi=2.0)
    assert (band.lower, band.upper) == (-math.inf, math.inf)


def test_missing_scores_are_left_out() -> None:
    assert split_conformal([0.1, None, 0.4, math.nan], 0.5) == split_conformal([0.1, 0.4], 0.5)


def test_a_band_that_was_too_wide_shrinks() -> None:
    band = cqr([5.0] * 20, [0.0] * 20, [10.0] * 20, 0.1, new_lo=0.0, new_hi=10.0)
    assert (band.qhat, band.lower, band.upper) == (-5.0, 5.0, 5.0)
    with pytest.raises(ConfigError, match="one length"):
        cqr([5.0], [0.0, 1.0], [10.0], 0.1, 0.0, 1.0)


@pytest.mark.feature("BX-FC-04")
def test_new_points_are_covered_as_promised_whatever_the_sample_size() -> None:
    rng = np.random.default_rng(5)
    for n, alpha in ((19, 0.1), (50, 0.2), (7, 0.5)):
        scores = np.abs(rng.standard_t(3, (4000, n + 1)))
        inside = [row[-1] <= conformal_quantile(row[:-1], alpha) for row in scores]
        assert conformal_rank(n, alpha) / (n + 1) == pytest.approx(np.mean(inside), abs=0.025)


def test_the_level_leaves_the_unit_interval_and_returns() -> None:
    path = aci(0.05, 0.1, [1, 1] + [0] * 40)
    assert min(path) < 0.0
    assert path[-1] > 0.05


@pytest.mark.feature("BX-FC-04")
def test_the_share_outside_is_what_was_aimed_at_in_the_long_run() -> None:
    """Gibbs and Candes (2021), proposition 4.1: the distance is at most (max(alpha, 1 - alpha) + gamma) / (gamma T)."""
    rng = np.random.default_rng(2)
    level, errors = 0.1, []
    for step in range(4000):
        spread = 1.0 + 3.0 * (step > 2000)
        half_width = math.inf if level <= 0 else -math.log(min(level, 1.0))
        errors.append(float(rng.exponential(spread) > half_width))
        level = aci(0.1, 0.02, errors[-1:])[0] - 0.1 + level
    assert abs(np.mean(errors) - 0.1) <= (0.9 + 0.02) / (0.02 * 4000)
