"""Shock recovery and half-life of spread and depth series."""

import numpy as np
import pytest

from liquidity.book import resiliency
from liquidity.book.recovery import RecoveryRule, find_shocks, recovery
from liquidity.domain.errors import ConfigError

RULE = RecoveryRule(prior_n=10)


def shocked(phi: float, jump: float = 4.0, calm: int = 40, after: int = 60) -> np.ndarray:
    """Spread 2 with a jump that decays by phi a period."""
    return np.concatenate((np.full(calm, 2.0), 2.0 + jump * phi ** np.arange(after)))


@pytest.mark.parametrize(("phi", "periods"), [(0.5, 5), (0.8, 14), (0.0, 1)])
def test_a_decaying_shock_is_over_within_ten_percent(phi: float, periods: int) -> None:
    """4 phi^n <= 0.2 first at n = ceil(ln 0.05 / ln phi)."""
    (shock,) = find_shocks(shocked(phi), RULE)
    assert (shock.start, shock.prior_median, shock.recovery_periods) == (40, 2.0, periods)


def test_depth_shocks_are_losses() -> None:
    depth = 10.0 - np.concatenate((np.zeros(20), 8.0 * 0.5 ** np.arange(20)))
    (shock,) = find_shocks(depth, RULE)
    assert (shock.prior_median, shock.recovery_periods) == (10.0, 3)


def test_two_shocks_are_two_and_the_last_may_be_open() -> None:
    series = np.concatenate((shocked(0.5), shocked(0.5), np.full(5, 9.0)))
    found = recovery(series, step_s=2.0, rule=RULE)
    assert (found.shocks_n, found.open_n, found.recovery_s) == (3, 1, 10.0)


def test_the_half_life_is_the_primitive_in_seconds() -> None:
    noise = np.random.default_rng(4).normal(size=20_000)
    series = np.empty(20_000)
    series[0] = 0.0
    for k in range(1, 20_000):
        series[k] = 0.9 * series[k - 1] + noise[k]
    found = recovery(series + 50, step_s=0.1)
    assert found.half_life_s == pytest.approx(0.1 * resiliency(series + 50).half_life)
    assert found.half_life_s == pytest.approx(0.1 * np.log(2) / -np.log(0.9), rel=0.2)


def test_calm_short_and_missing_series() -> None:
    assert find_shocks(np.full(100, 2.0), RULE) == ()
    assert find_shocks([2.0, 9.0], RULE) == ()
    nothing = recovery([None] * 50, step_s=1.0, rule=RULE)
    assert (nothing.half_life_s, nothing.recovery_s, nothing.shocks_n) == (None, None, 0)
    gaps = shocked(0.5)
    gaps[[5, 30, 42]] = np.nan
    assert find_shocks(gaps, RULE)[0].recovery_periods == 5


def test_the_prior_median_knows_nothing_of_the_future() -> None:
    series = shocked(0.8)
    for cut in range(41, 100, 7):
        assert find_shocks(series[:cut], RULE)[0].prior_median == 2.0


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="step_s"):
        recovery([1.0], step_s=0.0)
    with pytest.raises(ConfigError, match="RecoveryRule"):
        RecoveryRule(back_frac=0.6)
