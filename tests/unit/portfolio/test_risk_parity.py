import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.portfolio.risk_parity import risk_parity
from liquidity.portfolio.volatility_target import vol_target


def test_contributions_are_equal_whatever_the_size() -> None:
    rng = np.random.default_rng(2)
    for n in (1, 2, 7, 60):
        mixed = rng.normal(size=(n, n + 5))
        cov = mixed @ mixed.T / n * np.outer(*(rng.uniform(0.01, 2.0, n),) * 2)
        cov = (cov + cov.T) / 2.0
        weights = risk_parity(cov)
        shares = weights * (cov @ weights)
        assert weights.sum() == pytest.approx(1.0)
        assert (weights > 0.0).all()
        assert shares.max() / shares.min() - 1.0 < 1e-9


def test_without_correlation_weights_go_with_one_over_volatility() -> None:
    weights = risk_parity(np.diag([0.04, 0.01, 0.16]))
    assert weights * np.array([0.2, 0.1, 0.4]) == pytest.approx(np.full(3, (weights * [0.2, 0.1, 0.4])[0]))


@pytest.mark.parametrize(
    "cov", [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.1], [0.2, 1.0]], [[0.0]], [[1.0, 0.0]], [[1.0, -1.0], [-1.0, 1.0]]]
)
def test_what_is_no_covariance_is_refused(cov: list[list[float]]) -> None:
    with pytest.raises(ConfigError):
        risk_parity(cov)


def test_exposure_falls_as_volatility_rises() -> None:
    told = [vol_target(0.15, forecast, 3.0) for forecast in (0.01, 0.05, 0.1, 0.3, 0.9)]
    assert told == sorted(told, reverse=True)
    assert (vol_target(0.15, -0.1, 3.0), vol_target(0.15, None, 3.0), vol_target(None, 0.1, 3.0)) == (0.0, 0.0, 0.0)
    with pytest.raises(ConfigError):
        vol_target(-0.1, 0.2, 1.0)
