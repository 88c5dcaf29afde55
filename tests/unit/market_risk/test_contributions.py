import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.market_risk.contributions import component_var, historical_components, incremental_var
from liquidity.market_risk.engine import batched_risk
from liquidity.market_risk.tail import var_es_hist

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_parts_sum_to_the_whole_and_shortfall_parts_are_the_derivative(confidence: float) -> None:
    returns, values = RANDOM.standard_t(4, (400, 6)) * 0.02, np.array([100.0, -40.0, 0.0, 30.0, 5.0, 80.0])
    split = historical_components(returns, values, confidence)
    whole = var_es_hist(returns @ values, confidence)
    assert split.var_parts.sum() == pytest.approx(whole.var_linear)
    assert split.es_parts.sum() == pytest.approx(whole.es)
    assert split.var_parts[2] == split.es_parts[2] == 0.0
    bumped = values.copy()
    bumped[3] *= 1 + 1e-7
    slope = (var_es_hist(returns @ bumped, confidence).es - whole.es) / (30.0 * 1e-7)
    assert split.es_parts[3] == pytest.approx(slope * 30.0, rel=1e-4)


def test_normal_parts_agree_with_a_change_of_the_weights_and_with_simulation() -> None:
    cov = np.array([[4e-4, 1e-4], [1e-4, 9e-4]])
    values = np.array([1e6, -5e5])
    found = component_var(values, cov, 0.99)
    assert found.component.sum() == pytest.approx(found.var)
    up = component_var(values + np.array([1.0, 0.0]), cov, 0.99).var
    assert found.marginal[0] == pytest.approx(up - found.var, rel=1e-4)
    simulated = RANDOM.multivariate_normal([0, 0], cov, 200_000)
    assert var_es_hist(simulated @ values, 0.99).var_linear == pytest.approx(found.var, rel=0.02)


def test_degenerate_covariances() -> None:
    assert component_var([0.0, 0.0], np.eye(2), 0.99).var == 0.0
    assert component_var([1.0], [[np.nan]], 0.99).var is None
    with pytest.raises(ConfigError, match="negative variance"):
        component_var([1.0, 1.0], [[1.0, -3.0], [-3.0, 1.0]], 0.99)
    with pytest.raises(ConfigError, match="shape"):
        component_var([1.0, 1.0], [[1.0]], 0.99)


def test_incremental_is_the_portfolio_with_less_without() -> None:
    returns, values = RANDOM.normal(size=(300, 5)), np.array([3.0, -2.0, 1.0, 0.5, 0.0])
    found = incremental_var(returns, values, 0.95)
    for i in range(5):
        without = np.where(np.arange(5) == i, 0.0, values)
        expected = var_es_hist(returns @ values, 0.95).var_linear - var_es_hist(returns @ without, 0.95).var_linear
        assert found[i] == pytest.approx(expected)
    hedge = incremental_var(np.column_stack([returns[:, 0], returns[:, 0]]), np.array([10.0, -4.0]), 0.95)
    assert hedge[1] < 0 < hedge[0]


@given(st.integers(5, 300), st.integers(1, 9), st.integers(1, 5), st.sampled_from([0.5, 0.9, 0.95, 0.975, 0.99]))
@settings(max_examples=40, deadline=None)
def test_the_batch_equals_one_portfolio_at_a_time(scenarios, positions, portfolios, confidence) -> None:
    random = np.random.default_rng(scenarios * 31 + positions)
    returns = random.standard_t(4, (scenarios, positions)) * 0.02
    values = random.normal(size=(portfolios, positions)) * 100
    costs = np.abs(values) * 0.001
    found = batched_risk(returns, values, confidence, costs)
    for k in range(portfolios):
        single = historical_components(returns, values[k], confidence)
        assert found.var[k] == pytest.approx(single.var, abs=1e-9)
        assert found.es[k] == pytest.approx(single.es, abs=1e-9)
        np.testing.assert_allclose(found.es_parts[k], single.es_parts, atol=1e-9)
        np.testing.assert_allclose(found.var_parts[k], single.var_parts, rtol=1e-6, atol=1e-6)
        assert found.lvar[k] == pytest.approx(single.var + costs[k].sum(), abs=1e-9)


def test_float32_keeps_its_type_and_six_digits() -> None:
    returns = (RANDOM.normal(size=(500, 50)) * 0.02).astype(np.float32)
    values = (RANDOM.normal(size=(3, 50)) * 1e5).astype(np.float32)
    half, full = (
        batched_risk(r, v, 0.99) for r, v in ((returns, values), (returns.astype(float), values.astype(float)))
    )
    assert half.es_parts.dtype == np.float32
    np.testing.assert_allclose(half.es, full.es, rtol=1e-5)
    assert half.exit_cost is None
    assert half.lvar is None


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ContractError, match="returns"):
        batched_risk(np.zeros((10, 3)), np.zeros((2, 4)), 0.95)
    with pytest.raises(ContractError, match="exit costs"):
        batched_risk(np.zeros((10, 3)), np.zeros((2, 3)), 0.95, np.zeros((3, 2)))
