import math
from itertools import pairwise

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.adaptive_sizing import (
    AdaptiveSize,
    ScoreCurve,
    SizingLimits,
    adaptive_size,
    largest_size_within,
)


def market(adv_ccy: float = 5e7, spread_bps: float = 10.0) -> LiquiditySurface:
    return LiquiditySurface.of(
        ["A"], spread_bps=[spread_bps], adv_ccy=[adv_ccy], volatility_daily_frac=[0.02], price=[50.0]
    )


def sized(**changes: object) -> AdaptiveSize:
    inputs = {
        "price": 50.0, "equity_base": 1e8, "volatility_daily_frac": 0.02, "side_sign": 1, "risk_budget_frac": 0.01,
        "adv_quantity": 1e6, "liquidity_score": 80.0, "surface": market(),
    }  # fmt: skip
    return adaptive_size(**{**inputs, **changes})


@pytest.mark.feature("AP-SZ-01", "AP-SZ-03")
def test_every_reduction_is_itemised_in_the_fixed_order() -> None:
    told = sized(signal_strength=0.5, kelly_leverage=0.2, liquidity_score=30.0, lot=7.0)
    order = [
        "signal",
        "kelly",
        "order_adv_cap",
        "position_adv_cap",
        "participation",
        "impact",
        "score_haircut",
        "tier_cap",
        "lot",
    ]
    steps = [each.step for each in told.reductions]
    assert steps == sorted(steps, key=order.index)
    assert {"signal", "kelly", "order_adv_cap", "position_adv_cap", "score_haircut", "lot"} <= set(steps)
    assert told.reductions[0].before == told.volatility_quantity == pytest.approx(1e8 * 0.5 / 50.0)
    assert all(a.after == b.before for a, b in pairwise(told.reductions))
    assert told.reductions[-1].after == told.quantity
    assert told.quantity % 7.0 == 0.0


@pytest.mark.feature("AP-SZ-01", "AP-SZ-04")
def test_the_size_is_never_above_any_cap() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        adv, score, budget = 10 ** rng.uniform(3, 8), rng.uniform(0, 100), rng.uniform(0, 0.05)
        lot = 10 ** rng.uniform(-3, 2)
        surface = market(adv * 50.0, rng.uniform(1, 80))
        told = sized(adv_quantity=adv, liquidity_score=score, risk_budget_frac=budget, surface=surface, lot=lot)
        quantity = told.quantity
        assert 0.0 <= quantity <= min(0.10 * adv, 1e8 / 50.0, told.volatility_quantity) * (1 + 1e-12)
        assert quantity * 50.0 <= 1e8 * (1 + 1e-12)
        if adv * 50.0 < 1e5:
            assert quantity == 0.0
        elif adv * 50.0 < 1e6:
            assert quantity <= 0.05 * adv
        if quantity:
            assert told.expected_cost_bps <= 50.0 + 1e-6
            assert abs(quantity / lot - round(quantity / lot)) < 1e-6


@pytest.mark.feature("AI-SZ-06")
def test_the_warning_says_how_much_was_taken() -> None:
    told = sized()
    assert told.reduced_frac == pytest.approx(1.0 - told.quantity / told.volatility_quantity)
    assert f"{told.reduced_frac:.1%}" in told.warnings[-1]
    assert told.quantity <= 0.10 * 1e6
    assert sized(risk_budget_frac=0.00001).warnings == ()


@pytest.mark.feature("AP-SZ-03")
def test_knowing_more_limits_only_reduces() -> None:
    free = sized(surface=None, risk_budget_frac=0.0008).quantity
    assert sized(surface=market(spread_bps=90.0), risk_budget_frac=0.0008).quantity < free
    assert sized(surface=market(spread_bps=1.0), risk_budget_frac=0.0008).quantity == free
    assert sized(surface=None, risk_budget_frac=0.0008, kelly_leverage=0.01).quantity < free
    tight = SizingLimits(max_participation_frac=0.01)
    assert sized(surface=None, risk_budget_frac=0.0008, limits=tight).quantity == pytest.approx(10_000.0)


@pytest.mark.feature("BX-SZ-10")
def test_the_score_curve_is_configurable_and_monotone() -> None:
    curve = ScoreCurve(((0.0, 0.0), (20.0, 0.2), (80.0, 1.0)), "linear")
    shares = [curve.at(score) for score in np.linspace(0, 100, 21)]
    assert shares == sorted(shares)
    assert curve.at(50.0) == pytest.approx(0.6)
    sizes = [
        sized(liquidity_score=score, limits=SizingLimits(score_curve=curve)).quantity for score in (10, 30, 60, 90)
    ]
    assert sizes == sorted(sizes)
    assert ScoreCurve().at(39.9) == 0.5
    assert ScoreCurve().at(40.0) == 1.0
    for points in (((0.0, 1.0), (50.0, 0.5)), ((10.0, 1.0),), ((0.0, 0.5), (0.0, 1.0)), ((0.0, 1.5),)):
        with pytest.raises(ConfigError):
            ScoreCurve(points)


@pytest.mark.feature("AP-SZ-03")
@pytest.mark.parametrize("missing", ["volatility_daily_frac", "adv_quantity", "liquidity_score"])
def test_what_is_unknown_gets_no_size(missing: str) -> None:
    for value in (None, math.nan):
        told = sized(**{missing: value})
        assert told.quantity == 0.0
        assert told.reductions or told.warnings
    unknown = LiquiditySurface.of(["A"], spread_bps=[np.nan], adv_ccy=[5e7], volatility_daily_frac=[0.02], price=[50.0])
    told = sized(surface=unknown)
    assert told.quantity == 0.0
    assert any("cost unknown" in each.limit for each in told.reductions)


def test_no_equity_no_position_and_no_price_no_answer() -> None:
    assert sized(equity_base=-1.0).quantity == 0.0
    with pytest.raises(InsufficientDataError, match="price is missing"):
        sized(price=None)
    with pytest.raises(InsufficientDataError, match="rate to base is missing"):
        sized(base_per_ccy=None)
    for changes in ({"price": 0.0}, {"lot": 0.0}, {"signal_strength": 1.5}, {"side_sign": 0}):
        with pytest.raises(ConfigError):
            sized(**changes)


@pytest.mark.feature("AP-SZ-01")
def test_a_short_is_the_mirror_of_a_long_and_currencies_are_converted() -> None:
    assert sized(side_sign=-1, surface=None).quantity == -sized(surface=None).quantity
    small = {"surface": None, "risk_budget_frac": 1e-4}
    assert sized(base_per_ccy=2.0, **small).quantity == pytest.approx(sized(**small).quantity / 2.0, abs=1.0)


def test_the_largest_affordable_size_is_found_on_the_surface() -> None:
    surface = market()
    size = largest_size_within(surface, 1, 1.0, 20.0, 1e9)
    assert surface.cost(1, np.array([size]), 1.0).expected_bps[0] <= 20.0
    assert surface.cost(1, np.array([size * 1.001]), 1.0).expected_bps[0] > 20.0
    assert largest_size_within(surface, 1, 1.0, 4.0, 1e9) == 0.0
    assert largest_size_within(surface, 1, 1.0, 500.0, 1e3) == 1e3
