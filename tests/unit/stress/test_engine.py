"""The engine: everything from the surface, sums conserve, deeper is never better."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.impact.shock import Shock
from liquidity.impact.surface import LiquiditySurface, immediate_sessions
from liquidity.portfolio.holdings import Holdings
from liquidity.stress.engine import StressRules, stress
from liquidity.stress.grid import WhatIfAxes, what_if_grid
from liquidity.stress.joint_risk import joint_risk, stressed_correlation
from liquidity.stress.vector import StressVector, stress_vector
from resources.scenarios import load_scenarios
from tests.unit.stress.portfolios import make_holdings, make_surface

SCENARIOS = load_scenarios()
_SURFACE, _HELD = make_surface(), make_holdings()


def even(holdings: Holdings, fall: float, shock: Shock) -> StressVector:
    """The same stress for all positions."""
    n = len(holdings)
    blank = stress_vector(SCENARIOS["moderate_stress"], holdings)
    full = {name: np.full(n, float(getattr(shock, name))) for name in Shock.__slots__}
    return replace(blank, price_fall_frac=np.full(n, fall), conditions=Shock(**full))


@pytest.mark.feature("AP-ST-01", "BX-ST-05")
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_number_is_the_surfaces(name: str, holdings: Holdings, surface: LiquiditySurface) -> None:
    vector = stress_vector(SCENARIOS[name], holdings)
    found = stress(holdings, surface, vector)
    size = np.abs(holdings.quantity * holdings.price)
    calm_days = surface.days_to_liquidate(size, 0.2)
    np.testing.assert_allclose(found.before.days, calm_days, rtol=1e-12)
    np.testing.assert_allclose(
        found.before.cost_plan_bps, surface.cost(-1, size, found.plan_sessions).expected_bps, rtol=1e-12
    )
    harsh = surface.stressed(vector.conditions)
    now = immediate_sessions(surface.asset_class)
    # Before the fall of the price on the stressed surface: the same units, so the same days and the same cost in bps.
    np.testing.assert_allclose(found.after.days, harsh.days_to_liquidate(size, 0.2), rtol=1e-9)
    np.testing.assert_allclose(
        found.after.cost_now_bps, np.minimum(harsh.cost(-1, size, now).expected_bps, 1e4), rtol=1e-9
    )
    left = holdings.value_base * (1.0 - vector.price_fall_frac)
    np.testing.assert_allclose(found.after.holdings.value_base, left, rtol=1e-12)
    np.testing.assert_allclose(found.after.cost_plan_base, found.after.cost_plan_bps * left / 1e4, rtol=1e-9)


@pytest.mark.feature("ET-ST-03")
def test_sums_conserve(holdings: Holdings, surface: LiquiditySurface) -> None:
    found = stress(holdings, surface, stress_vector(SCENARIOS["gfc_2008"], holdings))
    total = holdings.value_base.sum() - found.after.holdings.value_base.sum()
    assert found.price_loss_base.sum() == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(found.stressed_loss_base, found.price_loss_base + found.after.cost_plan_base)


@pytest.mark.feature("AI-ST-02")
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_deeper_costs_more(name: str, holdings: Holdings, surface: LiquiditySurface) -> None:
    vector = stress_vector(SCENARIOS[name], holdings)
    rising = vector.price_fall_frac >= 0.0
    before = None
    for multiple in (0.0, 0.25, 0.5, 1.0, 1.1):
        found = stress(holdings, surface, vector.scaled(multiple))
        if before is not None:
            assert (found.after.cost_plan_bps >= before.after.cost_plan_bps - 1e-9).all()
            assert (found.stressed_loss_base >= before.stressed_loss_base - 1e-6)[rising].all()
        else:
            np.testing.assert_allclose(found.after.cost_plan_base, found.before.cost_plan_base, rtol=1e-12)
        before = found


@pytest.mark.feature("AI-ST-02")
def test_the_source_systems_scenarios_are_ordered(holdings: Holdings, surface: LiquiditySurface) -> None:
    cost = {
        name: float(stress(holdings, surface, stress_vector(SCENARIOS[name], holdings)).after.cost_now_base.sum())
        for name in ("moderate_stress", "liquidity_drought", "severe_stress", "flash_crash")
    }
    assert list(cost) == sorted(cost, key=cost.__getitem__)


def test_what_is_unknown_is_kept_and_named(surface: LiquiditySurface) -> None:
    held = make_holdings(unknown=True)
    found = stress(held, surface, stress_vector(SCENARIOS["luna_2022"], held))
    assert np.isnan(found.stressed_loss_base[-1])
    assert found.reason[-1] == "instrument_unknown,asset_class_unknown"
    assert np.isfinite(found.stressed_loss_base[:-1]).all()
    assert found.reason[0] == "not_in_scenario"
    assert found.price_loss_base[0] == 0.0
    assert found.reason[5] == ""


def test_no_volume_left_is_never(holdings: Holdings) -> None:
    surface = make_surface(books=False)
    found = stress(holdings, surface, even(holdings, 0.0, Shock(volume_haircut_frac=1.0)))
    assert np.isnan(found.after.days).all()
    assert np.isnan(found.after.cost_plan_base).all()
    assert all(reason.startswith("no_volume_left") for reason in found.reason)


def test_a_worthless_position_costs_nothing_to_close(holdings: Holdings, surface: LiquiditySurface) -> None:
    found = stress(holdings, surface, even(holdings, 1.0, Shock()))
    assert found.after.cost_plan_base.tolist() == [0.0] * len(holdings)
    np.testing.assert_allclose(found.stressed_loss_base, holdings.value_base)


def test_a_short_gains_from_a_fall_and_pays_to_buy_back(surface: LiquiditySurface) -> None:
    held = make_holdings(quantity=[0, 0, 0, 0, 0, -3e4, 0, 0])
    found = stress(held, surface, even(held, 0.1, Shock(spread_mult=2.0)))
    assert found.price_loss_base[5] == pytest.approx(-3e5)
    assert found.after.cost_plan_base[5] > 0.0


def test_currency_of_the_account(surface: LiquiditySurface) -> None:
    vector = stress_vector(SCENARIOS["severe_stress"], make_holdings())
    one, two = (stress(make_holdings(fx=rate), surface, vector) for rate in (1.0, 0.5))
    np.testing.assert_allclose(two.after.cost_plan_base, 0.5 * one.after.cost_plan_base)
    np.testing.assert_allclose(two.after.days, one.after.days)


@pytest.mark.feature("AP-ST-01")
def test_the_grid_is_the_engine_in_every_cell(holdings: Holdings, surface: LiquiditySurface) -> None:
    axes = WhatIfAxes((0.0, 0.2, 0.5), (1.0, 4.0), (0.0, 0.6, -1.0), (0.0, 0.5, 0.95), (1.0, 5.0))
    table = what_if_grid(holdings, surface, axes)
    assert len(table) == axes.cells == 108
    assert table.attrs == {"positions": 8, "left_out": 0, "cell_by_cell": 2}
    for row in table.iloc[::7].itertuples():
        shock = Shock(row.spread_mult, row.volume_haircut_frac, row.depth_haircut_frac, row.vol_mult)
        found = stress(holdings, surface, even(holdings, row.price_fall_frac, shock))
        assert row.price_loss_base == pytest.approx(found.price_loss_base.sum(), rel=1e-9)
        assert row.liquidation_cost_base == pytest.approx(found.after.cost_plan_base.sum(), rel=1e-9)
        assert row.stressed_loss_base == pytest.approx(found.stressed_loss_base.sum(), rel=1e-9)


def test_the_grid_leaves_the_unknown_out_and_says_so(surface: LiquiditySurface) -> None:
    table = what_if_grid(make_holdings(unknown=True), surface, WhatIfAxes(spread_mult=(1.0, 2.0)))
    assert table.attrs["left_out"] == 1
    assert table["liquidation_cost_base"].is_monotonic_increasing


@settings(max_examples=25, deadline=None)
@given(
    spread=st.floats(1.0, 20.0),
    volume=st.floats(0.0, 0.95),
    depth=st.floats(0.0, 0.98),
    volatility=st.floats(1.0, 10.0),
    fall=st.floats(0.0, 0.9),
)
@pytest.mark.feature("AP-ST-01")
def test_no_shock_makes_it_cheaper(spread: float, volume: float, depth: float, volatility: float, fall: float) -> None:

    held, surface = _HELD, _SURFACE
    found = stress(held, surface, even(held, fall, Shock(spread, volume, depth, volatility)), StressRules(0.1))
    assert (found.after.cost_now_bps >= found.before.cost_now_bps - 1e-9).all()
    assert (found.after.cost_plan_bps >= found.before.cost_plan_bps - 1e-9).all()
    assert (found.after.days >= found.before.days - 1e-9).all()


def test_the_grid_cuts_off_what_costs_more_than_it_brings(holdings: Holdings) -> None:
    surface, axes = make_surface(books=False), WhatIfAxes((0.3,), (1.0, 300.0), (0.0, 0.9), (0.0, 0.99), (1.0, 40.0))
    table = what_if_grid(holdings, surface, axes)
    assert table.attrs["cell_by_cell"] > 0
    for row in table.itertuples():
        shock = Shock(row.spread_mult, row.volume_haircut_frac, row.depth_haircut_frac, row.vol_mult)
        found = stress(holdings, surface, even(holdings, row.price_fall_frac, shock))
        assert row.liquidation_cost_base == pytest.approx(found.after.cost_plan_base.sum(), rel=1e-9)


@pytest.mark.feature("AP-ST-01")
def test_joint_risk_moves_with_volatility_and_correlation(holdings: Holdings, surface: LiquiditySurface) -> None:
    pairs = pd.DataFrame(
        {"instrument_id": [holdings.instrument_id[5]], "other_id": [holdings.instrument_id[6]], "correlation": [0.5]}
    )
    vector = stress_vector(SCENARIOS["luna_2022"], holdings)
    told = joint_risk(stress(holdings, surface, vector), pairs)
    one, two = holdings.value_base[5] * 0.03, holdings.value_base[6] * 0.05
    assert told.before_base == pytest.approx(np.sqrt(one**2 + two**2 + one * two))
    one, two = one * 0.72 * 3.0, two * 0.45 * 4.0
    together = np.sqrt(0.1 * 0.05) * 0.5 + np.sqrt(0.9 * 0.95)
    assert told.after_base == pytest.approx(np.sqrt(one**2 + two**2 + 2.0 * together * one * two))
    assert told.covered_frac == pytest.approx(8e6 / holdings.value_base.sum())
    assert np.isnan(joint_risk(stress(holdings, surface, vector), None).after_base)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_a_stressed_correlation_stays_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    calm = np.corrcoef(rng.normal(size=(5, 8)))
    moved = stressed_correlation(calm, rng.uniform(size=5))
    np.testing.assert_allclose(np.diag(moved), 1.0)
    assert np.linalg.eigvalsh(moved).min() > -1e-9
    assert (np.abs(moved) <= 1.0 + 1e-12).all()
