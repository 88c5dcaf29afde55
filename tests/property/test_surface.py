"""The surface never rewards a larger, a hastier or a more stressed order, and is the book where there is one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.impact.book_curves import BookCurves, Curve
from liquidity.impact.shock import Shock
from liquidity.impact.surface import IMMEDIATE_SESSIONS, LiquiditySurface

pytestmark = pytest.mark.feature("AP-IM-01", "AP-IM-02")

SIZES = np.array([0.0, 1.0, 1e2, 9e3, 1e4, 1e4 + 1, 5e4, 2e5, 1e6, 1e7, 3e8])
HORIZONS = np.array([IMMEDIATE_SESSIONS / 2, IMMEDIATE_SESSIONS, 0.08, 0.3, 1.0, 3.0, 10.0, 50.0])
ROUNDING = 1e-7

frac = st.floats(0.0, 1.0)


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    steps = draw(st.lists(st.tuples(st.floats(1.0, 1e5), st.floats(0.0, 40.0)), min_size=1, max_size=8))
    sizes = np.cumsum([size for size, _ in steps])
    return Curve(sizes, draw(st.floats(0.01, 5.0)) + np.cumsum([gap for _, gap in steps]))


@st.composite
def surfaces(draw: st.DrawFn) -> LiquiditySurface:
    book = draw(st.booleans())
    one = {0: draw(curves())} if book else {}
    other = {0: draw(curves())} if book else {}
    return LiquiditySurface.of(
        ["A"],
        spread_bps=draw(st.floats(0.0, 400.0)),
        adv_ccy=draw(st.floats(1e3, 1e9)),
        volatility_daily_frac=draw(st.floats(0.0, 0.2)),
        impact_scale=draw(st.floats(0.2, 3.0)),
        impact_scale_se=draw(st.floats(0.0, 1.0)),
        spread_sd_bps=draw(st.floats(0.0, 100.0)),
        asset_class=draw(st.sampled_from(["equity", "bond_corporate", "crypto_perp"])),
        curves=BookCurves.of(1, one, other),
    )


@st.composite
def shocks(draw: st.DrawFn) -> Shock:
    return Shock(
        spread_mult=1.0 + draw(st.floats(0.0, 9.0)),
        volume_haircut_frac=draw(st.floats(0.0, 0.95)),
        depth_haircut_frac=draw(frac),
        vol_mult=1.0 + draw(st.floats(0.0, 5.0)),
        dealer_withdrawal_frac=draw(st.floats(0.0, 0.95)),
    )


def not_falling(values: np.ndarray, axis: int) -> bool:
    return bool((np.diff(values, axis=axis) >= -ROUNDING * (1.0 + np.abs(np.delete(values, -1, axis=axis)))).all())


@settings(max_examples=60, deadline=None)
@given(surface=surfaces(), side=st.sampled_from([1, -1]))
def test_cost_rises_with_size_and_falls_with_time(surface: LiquiditySurface, side: int) -> None:
    cost = np.array([surface.cost(side, SIZES[None, :], horizon).expected_bps[0] for horizon in HORIZONS])
    assert np.isfinite(cost).all()
    assert (cost >= 0.0).all()
    assert not_falling(cost, axis=1)
    assert not_falling(-cost, axis=0)
    money = np.array([surface.cost(side, SIZES[None, :], 1.0).money(SIZES[None, :])[0]])
    assert money[0, 0] == 0.0
    assert not_falling(money, axis=1)


@settings(max_examples=60, deadline=None)
@given(
    surface=surfaces(),
    side=st.sampled_from([1, -1]),
    shock=shocks(),
    depth=st.floats(0.0, 3.0),
    more=st.floats(0.0, 3.0),
)
def test_a_deeper_shock_never_makes_trading_cheaper(
    surface: LiquiditySurface, side: int, shock: Shock, depth: float, more: float
) -> None:
    mild, hard = shock.scaled(depth), shock.scaled(depth + more)
    for horizon in (IMMEDIATE_SESSIONS, 2.0):
        before = surface.cost(side, SIZES[None, :], horizon).expected_bps
        mildly = surface.stressed(mild).cost(side, SIZES[None, :], horizon).expected_bps
        severely = surface.stressed(hard).cost(side, SIZES[None, :], horizon).expected_bps
        for less, dearer in ((before, mildly), (mildly, severely)):
            known = np.isfinite(less) & np.isfinite(dearer)  # no volume left has no answer
            assert (dearer[known] >= less[known] * (1.0 - ROUNDING) - ROUNDING).all()


@settings(max_examples=40, deadline=None)
@given(surface=surfaces(), side=st.sampled_from([1, -1]))
def test_the_small_size_limit_is_half_the_spread(surface: LiquiditySurface, side: int) -> None:
    half = surface.half_spread_bps(side)
    tiny = surface.cost(side, surface.adv_ccy * 1e-14, 1.0)
    np.testing.assert_allclose(tiny.expected_bps, half, atol=1e-2)
    np.testing.assert_array_equal(surface.cost(side, np.zeros(1), 1.0).expected_bps, half)


@settings(max_examples=40, deadline=None)
@given(surface=surfaces(), side=st.sampled_from([1, -1]), size=st.floats(1e-6, 1e6))
def test_an_instant_order_costs_the_walk_and_waiting_is_never_dearer(
    surface: LiquiditySurface, side: int, size: float
) -> None:
    curve = surface.curves.curve(0 if side == 1 else 1, 0)
    if curve is None or size > curve.size_ccy[-1]:
        return
    left, paid = size, 0.0
    for step, price in zip(np.diff(curve.size_ccy, prepend=0.0), curve.marginal_bps, strict=True):
        taken = min(left, step)
        paid += taken * price
        left -= taken
    instant = surface.cost(side, np.array([size]), IMMEDIATE_SESSIONS / 4.0)
    np.testing.assert_allclose(instant.expected_bps, paid / size, rtol=1e-9)
    assert instant.model_bps[0] == 0.0
    assert not instant.beyond_book[0]
    waited = surface.cost(side, np.array([size]), 2.0)
    assert waited.expected_bps[0] <= instant.expected_bps[0] * (1.0 + 1e-12)


@settings(max_examples=30, deadline=None)
@given(surface=surfaces(), side=st.sampled_from([1, -1]), percentile=st.floats(0.01, 0.999))
def test_the_grid_is_the_cost(surface: LiquiditySurface, side: int, percentile: float) -> None:
    shares = np.array([0.0, 1e-5, 1e-3, 0.1, 2.0])
    grid = surface.grid(side, shares, HORIZONS, [0.5, percentile])
    for place, horizon in enumerate(HORIZONS):
        cost = surface.cost(side, surface.adv_ccy[:, None] * shares, horizon)
        np.testing.assert_allclose(grid[:, :, place, 0], cost.expected_bps, rtol=3e-6, atol=1e-6)
        np.testing.assert_allclose(grid[:, :, place, 1], cost.at(percentile), rtol=1e-5, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(surface=surfaces(), low=st.floats(0.02, 0.5), step=st.floats(0.0, 0.4))
def test_percentiles_are_ordered(surface: LiquiditySurface, low: float, step: float) -> None:
    cost = surface.cost(-1, SIZES[None, :], 1.0)
    assert (cost.at(low + step) >= cost.at(low) - ROUNDING).all()
    assert (cost.at(low) >= 0.0).all()
    np.testing.assert_array_equal(cost.at(0.5), cost.expected_bps)
