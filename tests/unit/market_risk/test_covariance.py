import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.market_risk.covariance import correlation_matrix, cov_shrink, effective_bets, nearest_correlation


@pytest.mark.parametrize("shape", [(30, 4), (12, 20), (200, 3), (5, 1)])
def test_shrinkage_is_that_of_scikit_learn(shape: tuple[int, int]) -> None:
    from sklearn.covariance import OAS, LedoitWolf

    sample = np.random.default_rng(shape[0]).normal(size=shape) * np.linspace(0.5, 2.0, shape[1])
    found, theirs = cov_shrink(sample), LedoitWolf().fit(sample)
    np.testing.assert_allclose(found.lw_cov, theirs.covariance_, rtol=1e-9, atol=1e-12)
    assert found.lw_shrinkage == pytest.approx(theirs.shrinkage_, abs=1e-9)
    assert found.oas_shrinkage == pytest.approx(OAS().fit(sample).shrinkage_, abs=1e-9)


@pytest.mark.feature("ET-MR-07")
@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_unequal_histories_give_a_symmetric_positive_definite_matrix(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 9))
    returns = random.normal(size=(120, n)) @ random.normal(size=(n, n))
    for column in range(n):
        returns[: int(random.integers(0, 95)), column] = np.nan
    found = correlation_matrix(returns)
    np.testing.assert_array_equal(found.matrix, found.matrix.T)
    np.testing.assert_array_equal(np.diag(found.matrix), 1.0)
    assert np.linalg.eigvalsh(found.matrix)[0] > 0.0
    assert np.abs(found.matrix).max() <= 1.0
    assert -1.0 <= found.mean_correlation <= 1.0
    assert found.observations[0, 0] == np.isfinite(returns[:, 0]).sum()


def test_complete_histories_give_the_shrunk_correlation() -> None:
    returns = np.random.default_rng(2).normal(size=(300, 5)) @ np.random.default_rng(3).normal(size=(5, 5))
    standard = (returns - returns.mean(0)) / returns.std(0)
    found = correlation_matrix(returns)
    np.testing.assert_allclose(found.matrix, cov_shrink(standard).lw_cov, atol=1e-12)
    assert not found.repaired
    assert not found.filled.any()


@pytest.mark.feature("ET-MR-07")
def test_pairs_that_contradict_each_other_are_repaired_and_it_is_told() -> None:
    random = np.random.default_rng(4)
    factor = random.normal(size=(3, 60))
    returns = np.full((180, 3), np.nan)
    noise = 0.001 * random.normal(size=(180, 3))
    for block, (one, other, sign) in enumerate([(0, 1, 1), (1, 2, 1), (0, 2, -1)]):
        rows = slice(60 * block, 60 * block + 60)
        returns[rows, one], returns[rows, other] = factor[block], sign * factor[block]
    found = correlation_matrix(returns + noise)
    assert found.repaired
    assert found.smallest_eigenvalue < 0.0
    assert np.linalg.eigvalsh(found.matrix)[0] > 0.0


def test_too_few_common_sessions_hold_the_mean_of_the_others() -> None:
    random = np.random.default_rng(5)
    returns = random.normal(size=(100, 3))
    returns[:60, 0], returns[50:, 1] = np.nan, np.nan
    found = correlation_matrix(returns)
    assert found.filled[0, 1]
    assert found.filled[1, 0]
    assert found.filled.sum() == 2
    assert found.matrix[0, 1] == pytest.approx((found.matrix[0, 2] + found.matrix[1, 2]) / 2)


def test_what_cannot_be_correlated_is_refused() -> None:
    returns = np.random.default_rng(6).normal(size=(100, 2))
    returns[10:, 1] = np.nan
    with pytest.raises(InsufficientDataError, match="1 of 2"):
        correlation_matrix(returns)
    returns[:, 1] = 0.5
    with pytest.raises(InsufficientDataError, match="never"):
        correlation_matrix(returns)
    for bad in (np.zeros((1, 3)), np.full((5, 2), np.nan), np.zeros(4)):
        with pytest.raises(InsufficientDataError):
            cov_shrink(bad)


def test_repair_leaves_a_good_matrix_alone_and_refuses_what_is_none() -> None:
    good = np.array([[1.0, 0.5], [0.5, 1.0]])
    np.testing.assert_allclose(nearest_correlation(good), good, atol=1e-12)
    bad = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    assert np.linalg.eigvalsh(bad)[0] < 0 < np.linalg.eigvalsh(nearest_correlation(bad))[0]
    for wrong in (np.ones((2, 3)), np.array([[1.0, 0.2], [0.3, 1.0]]), np.full((2, 2), np.nan)):
        with pytest.raises(ConfigError):
            nearest_correlation(wrong)


@pytest.mark.feature("PL-MR-08")
def test_effective_bets_between_one_and_the_number_of_positions() -> None:
    assert effective_bets(np.ones(4), np.diag([1.0, 1.0001, 1.0002, 1.0003])) == pytest.approx(4.0, abs=1e-3)
    same = np.full((4, 4), 0.999) + 0.001 * np.eye(4)
    assert effective_bets(np.ones(4), same) == pytest.approx(1.0, abs=1e-6)
    assert effective_bets(np.array([1.0, 0.0, 0.0]), np.diag([1.0, 2.0, 3.0])) == pytest.approx(1.0)
    assert np.isnan(effective_bets(np.zeros(3), np.eye(3)))
