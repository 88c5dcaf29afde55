"""The simple forecasts: what each needs, and what it says of awkward series."""

import math

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.forecast.baselines import baselines
from liquidity.forecast.har import har_features


def test_an_empty_series_has_no_forecast() -> None:
    result = baselines([], m=5, a=0.3)
    assert [result.persistence, result.seasonal_naive, result.ewma, result.ar1, result.drift] == [None] * 5


def test_one_value_is_enough_for_persistence_and_ewma() -> None:
    result = baselines([40.0], m=5, a=0.3)
    assert result.persistence == result.ewma == (40.0,) * 5
    assert result.seasonal_naive is result.ar1 is result.drift is None


def test_a_season_longer_than_five_looks_back_into_the_last_one() -> None:
    assert baselines(np.arange(10.0), m=7, a=0.5).seasonal_naive == (3.0, 4.0, 5.0, 6.0, 7.0)
    assert baselines(np.arange(6.0), m=7, a=0.5).seasonal_naive is None


def test_a_season_of_one_is_persistence() -> None:
    result = baselines([1.0, 4.0, 2.0], m=1, a=0.5)
    assert result.seasonal_naive == result.persistence


def test_a_constant_series_stays_where_it_is() -> None:
    result = baselines([7.0] * 9, m=5, a=0.3)
    for path in (result.persistence, result.seasonal_naive, result.ewma, result.ar1, result.drift):
        assert path == (7.0,) * 5


def test_the_planted_autoregression_is_found() -> None:
    series = [10.0]
    for _ in range(12):
        series.append(2.0 + 0.6 * series[-1])
    expected, level = [], series[-1]
    for _ in range(5):
        level = 2.0 + 0.6 * level
        expected.append(level)
    assert baselines(series, m=5, a=0.3).ar1 == pytest.approx(expected, rel=1e-6)


def test_a_regressor_that_does_not_vary_gives_no_autoregression() -> None:
    assert baselines([5.0, 5.0, 6.0], m=1, a=0.5).ar1 is None
    assert baselines([5.0, 6.0], m=1, a=0.5).ar1 is None
    assert baselines([0.0, 1e-184, 0.0], m=1, a=0.5).ar1 is None


def test_a_missing_last_value_takes_those_that_start_from_it() -> None:
    result = baselines([1.0, 2.0, 3.0, 4.0, math.nan], m=2, a=0.5)
    assert result.persistence is result.seasonal_naive is result.ar1 is result.drift is None
    assert result.ewma == (3.125,) * 5


def test_a_gap_inside_costs_two_pairs_only() -> None:
    result = baselines([1.0, 2.0, None, 4.0, 5.0, 6.0], m=2, a=0.5)
    assert result.ar1 == pytest.approx((7.0, 8.0, 9.0, 10.0, 11.0))
    assert result.drift == pytest.approx((7.0, 8.0, 9.0, 10.0, 11.0))


@pytest.mark.parametrize(("m", "a"), [(0, 0.3), (5, 0.0), (5, 1.1)])
def test_wrong_settings_are_refused(m: int, a: float) -> None:
    with pytest.raises(ConfigError, match="baselines: found"):
        baselines([1.0, 2.0], m, a)


def test_har_levels_need_their_window_complete() -> None:
    series = [float(value) for value in range(1, 23)]
    full = har_features(series)
    assert (full.d, full.w, full.m) == (22.0, 20.0, 11.5)
    gap = har_features([*series[:-3], None, *series[-2:]])
    assert (gap.d, gap.w, gap.m) == (22.0, None, None)
    empty = har_features([])
    assert (empty.d, empty.w, empty.m) == (None, None, None)
