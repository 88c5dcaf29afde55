import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.impact.shock import Shock
from liquidity.impact.surface import LiquiditySurface
from liquidity.market_risk.liquidity_adjusted import exit_costs, frtb_es, horizon_factor, lvar


@pytest.fixture
def surface() -> LiquiditySurface:
    return LiquiditySurface.of(
        ["A", "B", "C"],
        spread_bps=[4.0, 40.0, np.nan],
        adv_ccy=[1e7, 1e5, 1e6],
        volatility_daily_frac=[0.01, 0.03, 0.02],
    )


@given(st.floats(1.0, 500.0), st.floats(0.0, 100.0))
@settings(max_examples=50, deadline=None)
def test_a_longer_sale_is_never_less_risky(sessions: float, more: float) -> None:
    assert horizon_factor(sessions + more) >= horizon_factor(sessions) * (1 - 1e-15)
    assert horizon_factor(sessions) >= 1.0


def test_the_factor_is_the_risk_of_selling_in_equal_parts() -> None:
    for n in (1, 2, 5, 10):
        left = np.arange(n, 0, -1) / n
        assert horizon_factor(float(n)) == pytest.approx(math.sqrt((left**2).sum()))
    assert horizon_factor(0.1) == 1.0
    assert np.isnan(horizon_factor(np.nan))


def test_costs_are_those_of_the_surface(surface: LiquiditySurface) -> None:
    size = np.array([1e5, 1e5, 1e5])
    found = exit_costs(surface, -1.0, size, participation_frac=0.2)
    horizon = np.maximum(surface.days_to_liquidate(size, 0.2), 1.0)
    cost = surface.cost(-1.0, size, horizon)
    np.testing.assert_allclose(found.exogenous + found.endogenous, cost.money(size))
    assert found.horizon_sessions.tolist() == [1.0, 5.0, 1.0]
    assert np.isnan(found.exogenous[2])
    assert not found.wide_spread.any()
    wide = exit_costs(surface, -1.0, size, participation_frac=0.2, wide_spread_bps=np.array([20.0, 10.0, np.nan]))
    assert wide.exogenous[:2].tolist() == pytest.approx([1e5 * 10e-4, 1e5 * 20e-4])
    assert wide.wide_spread.tolist() == [True, False, False]
    with pytest.raises(ContractError, match="shape"):
        exit_costs(surface, -1.0, size[:, None], participation_frac=0.2)


def test_costs_never_fall_with_size_or_stress(surface: LiquiditySurface) -> None:
    sizes = [1e4, 1e5, 1e6, 1e7]
    costs = [exit_costs(surface, -1.0, np.full(3, size), participation_frac=0.2) for size in sizes]
    for less, more in pairwise(costs):
        assert (more.endogenous[:2] >= less.endogenous[:2]).all()
        assert (more.horizon_sessions >= less.horizon_sessions).all()
    hard = exit_costs(
        surface.stressed(Shock(spread_mult=3.0, volume_haircut_frac=0.5)), -1.0, np.full(3, 1e5), participation_frac=0.2
    )
    assert (hard.exogenous[:2] > costs[1].exogenous[:2]).all()
    assert (hard.horizon_sessions >= costs[1].horizon_sessions).all()


def test_liquidity_horizons() -> None:
    assert frtb_es([]) is None
    assert frtb_es([100.0, None]) is None
    assert frtb_es([3.0, 4.0]) == pytest.approx(5.0)
    for bad in ([1.0] * 6,):
        with pytest.raises(ConfigError):
            frtb_es(bad)
    with pytest.raises(ConfigError):
        frtb_es([1.0], 0.0)


def test_missing_inputs_and_a_riskless_price() -> None:
    assert lvar(None, 1.65, 0.02, 0.01, 0.0, 0.0).lvar is None
    assert lvar(100.0, 1.65, 0.0, 0.01, 0.0, 0.0).ratio is None
    with pytest.raises(ConfigError, match="absolute"):
        lvar(-1.0, 1.65, 0.02, 0.01, 0.0, 0.0)
