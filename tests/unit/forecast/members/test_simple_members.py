"""Each simple member against the textbook form of one series, and what it learns from planted markets."""

import numpy as np
import pytest

from liquidity.domain.errors import ContractError
from liquidity.forecast.baselines import baselines
from liquidity.forecast.har import har_features
from liquidity.forecast.horizons import LEVELS, MEDIAN
from liquidity.forecast.members import ridge
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._point_bands import PointBands
from liquidity.forecast.members._state import state_array
from liquidity.forecast.members.ar1 import Ar1
from liquidity.forecast.members.ewma import ALPHA, Ewma
from liquidity.forecast.members.har_regression import HarRegression
from liquidity.forecast.members.persistence import Persistence
from liquidity.forecast.members.ridge import Ridge
from liquidity.forecast.members.seasonal_naive import SeasonalNaive

SIZE = 400


def rows_of(recent: np.ndarray, **inputs: np.ndarray) -> InputRows:
    size = len(recent)
    names = tuple(inputs)
    values = np.stack(list(inputs.values()), axis=1) if inputs else np.zeros((size, 0))
    places = np.arange(size)
    return InputRows(names, values.astype(np.float32), recent[:, -1].copy(), np.full(size, 2.0), recent, places, places)


def walks(seed: int, missing: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    recent = 50.0 + np.cumsum(rng.normal(0.0, 1.0, (SIZE, 22)), axis=1)
    recent[:, :-1][rng.random((SIZE, 21)) < missing] = np.nan
    return recent


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 2.0, (SIZE, 5))


def median(member: Persistence, rows: InputRows) -> np.ndarray:
    return member.quantiles(rows)[:, :, MEDIAN]


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_members_are_the_baselines_of_one_series(missing: float) -> None:
    recent = walks(1, missing)
    full_week = rows_of(recent, weekday=np.arange(SIZE) % 7)
    trading_week = rows_of(recent, weekday=np.arange(SIZE) % 5)
    fitted = {
        "persistence": Persistence.fit(full_week, noise(2), 0),
        "ewma": Ewma.fit(full_week, noise(2), 0),
        "ar1": Ar1.fit(full_week, noise(2), 0),
    }
    for place in range(0, SIZE, 11):
        one = baselines(recent[place], 7, ALPHA)
        for name, member in fitted.items():
            pairs = np.isfinite(recent[place, :-1]) & np.isfinite(recent[place, 1:])
            if name == "ar1" and pairs.sum() < 15:
                continue
            change = np.array(getattr(one, name)) - recent[place, -1]
            phi_is_kept = name != "ar1" or abs(own_phi(recent[place])) < 0.99
            if phi_is_kept:
                np.testing.assert_allclose(median(member, full_week)[place], change, atol=1e-9, err_msg=name)
    for rows, week in ((full_week, 7), (trading_week, 5)):
        member = SeasonalNaive.fit(rows, noise(2), 0)
        assert member.week_sessions == week
        for place in range(0, SIZE, 11):
            path = baselines(recent[place], week, ALPHA).seasonal_naive
            if path is not None:
                np.testing.assert_allclose(median(member, rows)[place], np.array(path) - recent[place, -1], atol=1e-9)


def own_phi(series: np.ndarray) -> float:
    x, y = series[:-1], series[1:]
    both = np.isfinite(x) & np.isfinite(y)
    return float(np.polyfit(x[both], y[both], 1)[0])


def test_a_week_that_is_missing_stays_where_it_is() -> None:
    recent = walks(3)
    recent[0, -7:-1] = np.nan
    rows = rows_of(recent, weekday=np.arange(SIZE) % 7)
    assert median(SeasonalNaive.fit(rows, noise(4), 0), rows)[0].tolist() == [0.0] * 5


def test_young_and_constant_instruments_take_the_pooled_coefficient() -> None:
    rng = np.random.default_rng(5)
    recent = walks(5)
    recent[:5, :18] = np.nan
    recent[5] = 40.0
    rows = rows_of(recent)
    distance = recent[:, -1] - np.nanmean(recent, axis=1)
    changes = -0.25 * distance[:, np.newaxis] + rng.normal(0.0, 0.01, (SIZE, 5))
    member = Ar1.fit(rows, changes, 0)
    assert member.phi == pytest.approx(0.75, abs=0.01)
    powers = member.phi ** np.arange(1, 6) - 1.0
    np.testing.assert_allclose(median(member, rows)[:5], distance[:5, np.newaxis] * powers, atol=1e-9)
    np.testing.assert_allclose(median(member, rows)[5], 0.0, atol=1e-9)


def test_an_explosive_series_is_held() -> None:
    recent = walks(6)
    recent[0] = 10.0 * 1.1 ** np.arange(22)
    rows = rows_of(recent)
    assert np.abs(median(Ar1.fit(rows, noise(7), 0), rows)[0]).max() < 60.0


def test_har_learns_the_planted_scales() -> None:
    recent = walks(8)
    har = [har_features(series) for series in recent]
    terms = np.array([[one.d, one.w, one.m] for one in har])
    planted = np.array([-0.5, 0.3, 0.2])
    changes = (terms @ planted)[:, np.newaxis] * np.arange(1, 6) + 1.0
    member = HarRegression.fit(rows_of(recent), changes, 0)
    np.testing.assert_allclose(member.coefficients[1:], planted[:, np.newaxis] * np.arange(1, 6), atol=1e-8)
    np.testing.assert_allclose(median(member, rows_of(recent)), changes, atol=1e-8)
    names, points = member.drivers(rows_of(recent))
    assert names == ("average_change", "day", "week", "month")
    np.testing.assert_allclose(points[:, :, 0].mean(axis=0), changes.mean(axis=0), atol=1e-8)


def test_bands_are_the_quantiles_of_what_was_missed() -> None:
    rng = np.random.default_rng(9)
    scale = rng.uniform(0.5, 4.0, 20_000)
    changes = scale[:, np.newaxis] * rng.normal(0.0, 1.0, (20_000, 5))
    bands = PointBands.fit("test", np.zeros((20_000, 5)), changes, scale)
    normal = [-1.95996, -1.28155, -0.67449, 0.0, 0.67449, 1.28155, 1.95996]
    np.testing.assert_allclose(bands.ratios, np.tile(normal, (5, 1)), atol=0.06)
    below = changes[:, :, np.newaxis] <= bands.quantiles(np.zeros((20_000, 5)), scale)
    np.testing.assert_allclose(below.mean(axis=(0, 1)), LEVELS, atol=0.01)


def test_a_member_that_is_always_too_low_keeps_its_number_as_median() -> None:
    bands = PointBands.fit("test", np.zeros((100, 5)), np.full((100, 5), 3.0), np.ones(100))
    assert bands.ratios[0].tolist() == [0.0, 0.0, 0.0, 0.0, 3.0, 3.0, 3.0]


@pytest.mark.feature("BX-FC-03")
def test_ridge_recovers_planted_coefficients() -> None:
    rng = np.random.default_rng(10)
    size = 6_000
    x = rng.normal(0.0, 1.0, (size, 4)) * np.array([1.0, 10.0, 0.1, 5.0]) + np.array([0.0, 50.0, -2.0, 3.0])
    planted = np.array([2.0, -0.3, 8.0, 0.0])
    horizon = np.arange(1, 6) / 5.0
    changes = ((x - [0.0, 50.0, -2.0, 3.0]) @ planted)[:, np.newaxis] * horizon + rng.normal(0.0, 1.0, (size, 5))
    changes[-50:, 4] = np.nan
    recent = np.full((size, 22), 50.0)
    rows = rows_of(recent, first=x[:, 0], second=x[:, 1], third=x[:, 2], idle=x[:, 3], nothing=np.full(size, np.nan))
    member = Ridge.fit(rows, changes, 0)
    found = member.coefficients / member.encoding.spread[:, np.newaxis]
    np.testing.assert_allclose(found, planted[:, np.newaxis] * horizon, atol=0.12, rtol=0.05)
    names, points = member.drivers(rows)
    assert names == ("average_change", "first", "second", "third", "idle")
    assert np.corrcoef(points[:, 4, 1], x[:, 0])[0, 1] > 0.999


@pytest.mark.feature("BX-FC-03")
def test_ridge_learns_what_a_missing_number_means() -> None:
    rng = np.random.default_rng(11)
    x = np.where(rng.random(SIZE) < 0.3, np.nan, rng.normal(5.0, 1.0, SIZE))
    change = np.where(np.isnan(x), 4.0, 0.0)[:, np.newaxis] + rng.normal(0.0, 0.1, (SIZE, 5))
    rows = rows_of(np.full((SIZE, 22), 50.0), x=x)
    said = median(Ridge.fit(rows, change, 0), rows)
    np.testing.assert_allclose(said[np.isnan(x)], 4.0, atol=0.15)
    np.testing.assert_allclose(said[~np.isnan(x)], 0.0, atol=0.15)


def test_the_penalty_is_chosen_without_labels_that_reach_into_its_judges() -> None:
    rng = np.random.default_rng(15)
    design, session = rng.normal(0.0, 1.0, (SIZE, 3)), np.arange(SIZE) // 4
    change = design @ np.array([1.0, -1.0, 0.5]) + rng.normal(0.0, 1.0, SIZE)
    expected = ridge._later_losses(design, session, change, horizon=5, split=74.0)
    spoiled = np.where((session > 69) & (session <= 74), 1e6, change)
    np.testing.assert_array_equal(ridge._later_losses(design, session, spoiled, horizon=5, split=74.0), expected)
    assert expected.min() < 0.9 < expected.max()


def test_ridge_takes_weekdays_for_names() -> None:
    rng = np.random.default_rng(12)
    weekday = np.arange(SIZE) % 7
    effect = np.array([3.0, -1.0, 0.0, 2.0, -3.0, 1.0, -2.0])  # no line through these
    change = effect[weekday][:, np.newaxis] + rng.normal(0.0, 0.1, (SIZE, 5))
    rows = rows_of(np.full((SIZE, 22), 50.0), weekday=weekday)
    np.testing.assert_allclose(
        median(Ridge.fit(rows, change, 0), rows), effect[weekday][:, np.newaxis] + np.zeros(5), atol=0.15
    )


def test_an_input_that_has_left_its_range_is_cut() -> None:
    rng = np.random.default_rng(13)
    x = rng.normal(0.0, 1.0, SIZE)
    member = Ridge.fit(rows_of(np.full((SIZE, 22), 50.0), x=x), x[:, np.newaxis] + noise(13) * 0.01, 0)
    far = rows_of(np.full((2, 22), 50.0), x=np.array([1e6, -np.inf]))
    assert median(member, far)[0] == pytest.approx(6.0, abs=0.5)
    assert np.isfinite(member.quantiles(far)).all()


def test_rows_with_other_inputs_are_refused() -> None:
    rng = np.random.default_rng(14)
    member = Ridge.fit(rows_of(walks(14), x=rng.normal(0.0, 1.0, SIZE)), noise(14), 0)
    with pytest.raises(ContractError, match=r"differ in \['x', 'y'\]"):
        member.quantiles(rows_of(walks(14), y=np.zeros(SIZE)))


def test_a_damaged_encoding_is_refused() -> None:
    state = Ridge.fit(rows_of(walks(16), x=walks(16)[:, 3]), noise(16), 0).state()
    for name, damaged, message in (
        ("spread", np.zeros(1), "above 0"),
        ("columns", np.array([[1, -1]]), "outside 0..0"),
        ("coefficients", np.zeros((2, 5)), r"shape \(2, 5\), allowed"),
    ):
        with pytest.raises(ContractError, match=message):
            Ridge.from_state(state | {name: damaged})


def test_stored_arrays_are_checked() -> None:
    good = {"x": np.zeros((2, 3))}
    assert state_array(good, "test", "x", "f", (None, 3)).shape == (2, 3)
    with pytest.raises(ContractError, match="lacks 'y'"):
        state_array(good, "test", "y", "f", (2, 3))
    with pytest.raises(ContractError, match=r"shape \(2, 3\), allowed is kind 'f' of shape \(2, 4\)"):
        state_array(good, "test", "x", "f", (2, 4))
    with pytest.raises(ContractError, match="float64"):
        state_array(good, "test", "x", "i", (2, 3))
    with pytest.raises(ContractError, match="not finite"):
        state_array({"x": np.array([np.nan])}, "test", "x", "f", (1,))
    with pytest.raises(ContractError, match="allowed are 5 and 7"):
        SeasonalNaive.from_state({"ratios": np.zeros((5, 7)), "week_sessions": np.array(6)})
