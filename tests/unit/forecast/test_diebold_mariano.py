"""Better beyond chance: sign, size and power of the test, for a series and for a panel."""

import numpy as np
import pytest
from scipy.special import betainc

from liquidity.domain.errors import ConfigError
from liquidity.forecast.diebold_mariano import diebold_mariano, diebold_mariano_of_sessions


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_the_sign_names_the_better_forecast(rng: np.random.Generator) -> None:
    truth = rng.normal(size=200)
    good, bad = truth + 0.1 * rng.normal(size=200), truth + rng.normal(size=200)
    result, mirrored = diebold_mariano(truth, good, bad, 1), diebold_mariano(truth, bad, good, 1)
    assert result.stat is not None
    assert result.stat < -5.0
    assert mirrored.stat == pytest.approx(-result.stat)
    assert mirrored.p_value == pytest.approx(result.p_value)


def test_student_t_of_the_mean_at_horizon_one(rng: np.random.Generator) -> None:
    truth, first, second = rng.normal(size=(3, 30))
    result = diebold_mariano(truth, first, second, 1)
    difference = (truth - first) ** 2 - (truth - second) ** 2
    t = difference.mean() / (difference.std(ddof=1) / np.sqrt(30))
    assert result.stat == pytest.approx(t, rel=1e-9)
    assert result.p_value == pytest.approx(betainc(29 / 2, 0.5, 29 / (29 + t * t)), rel=1e-9)


@pytest.mark.parametrize(
    ("truth", "first", "second", "h"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], [1.0, 2.0, 4.0], 1),
        ([0.1] * 9, [0.2] * 9, [0.4] * 9, 1),
        ([1.0], [2.0], [3.0], 1),
        ([], [], [], 1),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], [0.0, 2.0, 4.0], 3),
        ([1.0, None, 3.0], [1.0, 2.0, None], [0.0, 2.0, 4.0], 1),
    ],
    ids=["equal", "constant difference", "one row", "no row", "shorter than the horizon", "one complete row"],
)
def test_nothing_to_judge_by_is_missing(truth, first, second, h) -> None:
    result = diebold_mariano(truth, first, second, h)
    assert (result.stat, result.p_value) == (None, None)


def test_a_negative_variance_estimate_is_missing() -> None:
    losses = np.tile([1.0, -1.0], 10) + 0.01
    result = diebold_mariano_of_sessions(losses, np.zeros(20), np.arange(20), h=2)
    assert (result.stat, result.p_value, result.n_sessions) == (None, None, 20)


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(ConfigError, match="horizon h = 0"):
        diebold_mariano([1.0, 2.0], [1.0, 2.0], [1.0, 3.0], 0)
    with pytest.raises(ConfigError, match="one length"):
        diebold_mariano([1.0, 2.0], [1.0], [1.0, 3.0], 1)
    with pytest.raises(ConfigError, match="per row"):
        diebold_mariano_of_sessions(np.zeros(2), np.zeros(2), np.zeros(3), 1)


def test_instruments_of_a_session_count_once(rng: np.random.Generator) -> None:
    """Copies of one instrument add nothing, where a test of the rows would grow surer with every copy."""
    a, b = rng.exponential(size=(2, 60))
    days = np.arange(60)
    one = diebold_mariano_of_sessions(a, b, days, 1)
    copies = diebold_mariano_of_sessions(np.tile(a, 50), np.tile(b, 50), np.tile(days, 50), 1)
    assert copies.stat == pytest.approx(one.stat, rel=1e-9)
    assert copies.n_sessions == one.n_sessions == 60


def test_the_panel_test_follows_time_not_row_order_and_skips_gaps(rng: np.random.Generator) -> None:
    a, b, days = rng.exponential(size=300), rng.exponential(size=300), np.repeat(np.arange(60), 5)
    a[::7] = np.nan
    shuffle = rng.permutation(300)
    ordered = diebold_mariano_of_sessions(a, b, days, 5)
    assert diebold_mariano_of_sessions(a[shuffle], b[shuffle], days[shuffle], 5).stat == pytest.approx(
        ordered.stat, rel=1e-9
    )
    as_dates = np.datetime64("2026-01-01") + days
    assert diebold_mariano_of_sessions(a, b, as_dates, 5) == ordered


def test_a_single_session_is_missing() -> None:
    result = diebold_mariano_of_sessions(np.ones(4), np.zeros(4), np.zeros(4), 1)
    assert (result.stat, result.n_sessions) == (None, 1)


def test_equal_forecasts_are_called_better_about_as_often_as_promised(rng: np.random.Generator) -> None:
    """On pure noise with a shock common to each session, 10 % of the tests reject; the rows alone would reject far more."""
    days = np.repeat(np.arange(80), 20)
    rejected = 0
    for _ in range(400):
        shared = np.repeat(rng.normal(size=80), 20)
        a = shared + rng.normal(size=1600)
        rejected += (diebold_mariano_of_sessions(a, np.zeros(1600), days, 1).p_value or 1.0) < 0.10
    assert 0.06 < rejected / 400 < 0.14
