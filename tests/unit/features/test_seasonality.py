"""Weekday and month effects out, with the past only."""

import numpy as np
import pytest
from statsmodels.tsa.seasonal import STL

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.features.seasonality import Stl, seasonally_adjusted, stl

WEEKDAY_EFFECT = np.array([8.0, -3.0, 0.0, 2.0, -7.0, 5.0, -5.0])


def days_of(n: int, first: int = 20_500, weekend: bool = False) -> np.ndarray:
    days = np.arange(first, first + 2 * n)
    return days[:n] if weekend else days[(days + 3) % 7 < 5][:n]


def weekday_gap(values: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Largest difference between weekday means, per row."""
    means = np.stack([np.nanmean(values[:, days % 7 == one], axis=1) for one in np.unique(days % 7)])
    return means.max(axis=0) - means.min(axis=0)


@pytest.mark.feature("BX-FE-02")
@pytest.mark.parametrize("weekend", [False, True])
def test_a_planted_weekday_effect_shrinks_below_five_percent(weekend: bool) -> None:
    rng = np.random.default_rng(1)
    days = days_of(90, weekend=weekend)
    planted = WEEKDAY_EFFECT[days % 7] - WEEKDAY_EFFECT[np.unique(days % 7)].mean()
    trend = 100 + rng.normal(0, 0.1, (50, 1)) * np.arange(90)
    values = trend + planted + rng.normal(0, 0.15, (50, 90))
    adjusted = seasonally_adjusted(values, days)
    judged = slice(50, None)  # every weekday has its four earlier observations
    size = planted.max() - planted.min()
    before = weekday_gap((values - trend)[:, judged], days[judged])
    after = weekday_gap((adjusted - trend)[:, judged], days[judged])
    assert (before > 0.95 * size).all()
    assert (after < 0.05 * size).all()
    assert weekday_gap((adjusted - trend)[:, judged].mean(axis=0, keepdims=True), days[judged])[0] < 0.02 * size


@pytest.mark.feature("BX-FE-02")
def test_the_fit_knows_the_past_only() -> None:
    rng = np.random.default_rng(2)
    days = days_of(80)
    values = rng.normal(0, 1, (6, 80)) + WEEKDAY_EFFECT[days % 7]
    values[rng.random(values.shape) < 0.1] = np.nan
    whole = seasonally_adjusted(values, days)
    for stop in (1, 5, 21, 33, 79):
        np.testing.assert_array_equal(seasonally_adjusted(values[:, :stop], days[:stop]), whole[:, :stop])
    future = values.copy()
    future[:, 40:] = 1e6
    np.testing.assert_array_equal(seasonally_adjusted(future, days)[:, :40], whole[:, :40])


@pytest.mark.feature("BX-FE-02")
def test_a_trend_and_a_weekday_effect_without_noise_are_told_apart_exactly() -> None:
    days = days_of(60)
    line = 0.3 * (days - days[0]).astype(float)[np.newaxis]
    planted = WEEKDAY_EFFECT[days % 7] - WEEKDAY_EFFECT[np.unique(days % 7)].mean()
    np.testing.assert_allclose(seasonally_adjusted(line + planted, days)[:, 30:], line[:, 30:], atol=1e-9)


def test_until_four_earlier_observations_of_the_weekday_nothing_is_changed() -> None:
    days = days_of(40, first=20_503)
    values = np.random.default_rng(3).normal(0, 1, (2, 40))
    adjusted = seasonally_adjusted(values, days)
    changed = adjusted != values
    assert not changed[:, :20].any()
    assert changed[:, 20:].all()


def test_missing_stays_missing_and_rows_do_not_touch_each_other() -> None:
    days = days_of(60)
    values = np.random.default_rng(4).normal(0, 1, (3, 60))
    values[0] = np.nan
    values[1, ::7] = np.nan
    adjusted = seasonally_adjusted(values, days)
    np.testing.assert_array_equal(np.isnan(adjusted), np.isnan(values))
    np.testing.assert_array_equal(seasonally_adjusted(values[1:2], days)[0], adjusted[1])


def test_a_month_effect_is_taken_out_once_two_years_are_known() -> None:
    days = np.arange(20_000, 20_000 + 4 * 365)
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    planted = np.where(month == 11, 12.0, -12.0 / 11)[np.newaxis]
    adjusted = seasonally_adjusted(planted, days)
    late = days - days[0] > 1095
    assert planted[:, late].std() > 3.0
    assert adjusted[:, late].std() < 0.1 * planted[:, late].std()


@pytest.mark.parametrize("days", [np.array([1, 2]), np.array([1, 3, 2]), np.array([1, 1, 2])])
def test_sessions_that_do_not_fit_are_refused(days: np.ndarray) -> None:
    with pytest.raises(ContractError, match="ascending"):
        seasonally_adjusted(np.ones((2, 3)), days)


def test_an_empty_matrix_stays_empty() -> None:
    assert seasonally_adjusted(np.empty((2, 0)), np.empty(0, dtype=np.int64)).shape == (2, 0)
    assert seasonally_adjusted(np.empty((0, 5)), np.arange(5)).shape == (0, 5)


def test_stl_is_that_of_statsmodels_and_gives_the_newest_three() -> None:
    rng = np.random.default_rng(5)
    series = np.tile([0.0, 2, 4, 6, 3, 1, -1], 12) + np.arange(84) * 0.1 + rng.normal(0, 0.3, 84)
    fitted = STL(series, period=7, seasonal=13, robust=True).fit()
    result = stl(series, period=7, seasonal=13)
    assert result.seasonal == pytest.approx(tuple(fitted.seasonal[-3:]))
    assert result.trend == pytest.approx(tuple(fitted.trend[-3:]))
    assert result.resid == pytest.approx(tuple(fitted.resid[-3:]))


def test_stl_of_a_short_or_holed_series_is_missing() -> None:
    assert stl([1.0] * 13, period=7, seasonal=13) == Stl(None, None, None)
    assert stl([1.0] * 20 + [None], period=7, seasonal=13) == Stl(None, None, None)


@pytest.mark.parametrize(("period", "seasonal"), [(1, 13), (7, 12), (7, 1)])
def test_stl_refuses_impossible_settings(period: int, seasonal: int) -> None:
    with pytest.raises(ConfigError, match="period"):
        stl([1.0] * 50, period=period, seasonal=seasonal)


@pytest.mark.parametrize("seed", range(8))
def test_the_compiled_path_gives_the_numbers_of_the_plain_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = np.sort(rng.choice(np.arange(20_000, 20_900 if seed % 2 else 20_120), 80, replace=False))
    values = rng.normal(0, 10.0 ** rng.uniform(-3, 4), (7, 80)) * np.exp(rng.normal(0, 2, 80))
    values[rng.random(values.shape) < rng.random()] = np.nan
    values[0] = np.nan
    if seed == 3:
        values[2, 5] = np.inf
    with np.errstate(all="ignore"):
        plain = seasonally_adjusted(values, days, 3, engine="numpy")
    np.testing.assert_array_equal(seasonally_adjusted(np.asfortranarray(values), days, 3), plain)
