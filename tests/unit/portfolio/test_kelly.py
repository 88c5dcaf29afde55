import numpy as np
import pytest

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.portfolio.kelly import kelly_binary, kelly_from_trades, kelly_gaussian


@pytest.mark.feature("AP-SZ-02", "ET-MR-09")
def test_the_full_fraction_maximises_growth() -> None:
    for p, b in ((0.5, 2.0), (0.6, 1.0), (0.55, 1.2)):
        full = kelly_binary(p, b, 1.0).full
        grid = np.linspace(0.0, 0.9, 9001)
        growth = p * np.log1p(b * grid) + (1.0 - p) * np.log1p(-grid)
        assert full == pytest.approx(grid[growth.argmax()], abs=2e-4)


@pytest.mark.feature("AP-SZ-02")
def test_without_an_edge_nothing_is_put_at_risk() -> None:
    assert kelly_binary(0.3, 1.5, 0.5).fraction == 0.0
    assert kelly_binary(0.3, 1.5, 0.5).full == pytest.approx(0.3 - 0.7 / 1.5)


def test_missing_odds_are_missing() -> None:
    assert kelly_binary(None, 2.0, 0.5).full is None
    assert kelly_binary(0.5, None, 0.5).fraction is None
    told = kelly_binary(0.5, 2.0, None)
    assert (told.full, told.fraction) == (0.25, None)
    assert kelly_gaussian(None, 0.0, 0.04, 0.5) is None
    assert kelly_gaussian([0.1, None], 0.0, [[1.0, 0.0], [0.0, 1.0]], 0.5) is None


@pytest.mark.parametrize(("p", "b", "k"), [(1.1, 2.0, 0.5), (-0.1, 2.0, 0.5), (0.5, 0.0, 0.5), (0.5, 2.0, -1.0)])
def test_impossible_odds_are_refused(p: float, b: float, k: float) -> None:
    with pytest.raises(ConfigError):
        kelly_binary(p, b, k)


@pytest.mark.feature("ET-MR-09")
def test_gaussian_leverage_maximises_mean_less_half_variance() -> None:
    cov = np.array([[0.09, 0.01], [0.01, 0.04]])
    mu = np.array([0.1, -0.06])
    best = np.array(kelly_gaussian(mu, 0.01, cov, 1.0))
    value = lambda f: f @ (mu - 0.01) - 0.5 * f @ cov @ f  # noqa: E731
    rng = np.random.default_rng(3)
    assert all(value(best) >= value(best + step) for step in rng.normal(0.0, 0.1, (200, 2)))


def test_leverage_without_bound_is_refused() -> None:
    with pytest.raises(ConfigError, match="positive definite"):
        kelly_gaussian([0.1, 0.1], 0.0, [[1.0, 1.0], [1.0, 1.0]], 1.0)
    with pytest.raises(ConfigError, match="positive definite"):
        kelly_gaussian(0.1, 0.0, 0.0, 1.0)
    with pytest.raises(ConfigError, match="shape"):
        kelly_gaussian([0.1, 0.2], 0.0, 0.04, 1.0)


@pytest.mark.feature("ET-MR-09")
def test_a_record_is_taken_one_standard_error_lower() -> None:
    told = kelly_from_trades([2.0] * 50 + [-1.0] * 50 + [0.0, None], k=0.5)
    assert (told.trades_count, told.win_rate, told.payoff_ratio) == (100, 0.5, 2.0)
    assert told.full == pytest.approx(0.25)
    assert told.shrunk == pytest.approx(0.45 - 0.55 / 2.0)
    assert told.fraction == pytest.approx(0.5 * told.shrunk)


def test_a_short_or_one_sided_record_says_nothing() -> None:
    with pytest.raises(InsufficientDataError, match="29 trades"):
        kelly_from_trades([1.0] * 28 + [-1.0])
    with pytest.raises(InsufficientDataError, match="0 losses"):
        kelly_from_trades([1.0] * 40)
