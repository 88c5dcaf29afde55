"""Mid-ranks and clipping, against scipy and numpy."""

import math

import numpy as np
import pytest
from scipy.stats import percentileofscore

from liquidity.domain.errors import ConfigError
from liquidity.features.percentile import mid_rank_frac, percentile_score, winsorize


@pytest.mark.parametrize("x", [-1, 0, 2, 2.5, 5, 9])
def test_equals_scipy_on_ties(x: float) -> None:
    history = [0, 1, 2, 2, 2, 5, 5, 8]
    assert percentile_score(history, x, higher_is_liquid=True, min_n=1) == pytest.approx(
        percentileofscore(history, x, "mean")
    )
    assert percentile_score(history, x, higher_is_liquid=False, min_n=1) == pytest.approx(
        100 - percentileofscore(history, x, "mean")
    )


def test_missing_history_does_not_count_towards_the_minimum() -> None:
    assert percentile_score([1, 2, None, math.nan], 1, higher_is_liquid=True, min_n=3) is None
    assert percentile_score([1, 2, 3, None], 2, higher_is_liquid=True, min_n=3) == 50.0
    assert percentile_score([1, 2, 3], None, higher_is_liquid=True, min_n=3) is None
    assert percentile_score([], 1, higher_is_liquid=True, min_n=0) is None


def test_the_vectorised_rank_equals_the_score() -> None:
    rng = np.random.default_rng(4)
    history = np.round(rng.normal(0, 2, (200, 40)))
    history[rng.random(history.shape) < rng.choice([0.0, 0.5, 0.95], (200, 1))] = np.nan
    x = np.round(rng.normal(0, 2, 200))
    x[::17] = np.nan
    ranks = mid_rank_frac(history, x, min_n=10)
    assert np.isnan(ranks).any()
    for row in range(200):
        score = percentile_score(history[row], x[row], higher_is_liquid=True, min_n=10)
        assert 100 * ranks[row] == pytest.approx(math.nan if score is None else score, nan_ok=True)


def test_clips_to_its_own_quantiles_and_keeps_gaps() -> None:
    sample = [1, 2, 3, 4, 5, 6, 7, 8, 9, 100.0]
    np.testing.assert_allclose(winsorize([*sample, None], 0.05, 0.95)[[0, 1, 9, 10]], [1.45, 2.0, 59.05, np.nan])
    assert winsorize([], 0.01, 0.99).shape == (0,)
    assert np.isnan(winsorize([None, None], 0.01, 0.99)).all()


@pytest.mark.parametrize(("lo", "hi"), [(0.9, 0.1), (-0.1, 0.9), (0.1, 1.1), (math.nan, 0.9)])
def test_quantiles_that_are_none_are_refused(lo: float, hi: float) -> None:
    with pytest.raises(ConfigError, match="fractions"):
        winsorize([1.0, 2.0], lo, hi)
