from dataclasses import replace

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.rebalance import MAX_SESSIONS, Trades, rebalance_trades

N = 6


def surface(adv_ccy: object = 1e6) -> LiquiditySurface:
    return LiquiditySurface.of(
        [f"I{i}" for i in range(N)],
        spread_bps=np.linspace(5.0, 50.0, N),
        adv_ccy=np.broadcast_to(adv_ccy, (N,)).astype(float),
        volatility_daily_frac=0.02,
        price=10.0,
    )


def traded(**changes: object) -> Trades:
    inputs = {
        "quantity": np.array([1_000.0, 0.0, 523.0, -200.0, 90_000.0, 10.0]),
        "target_weight": np.array([0.02, 0.01, 0.0, -0.01, 0.1, 0.0001]),
        "price": np.full(N, 10.0),
        "fx": np.full(N, 1.0),
        "equity_base": 1e6,
        "lot": np.full(N, 7.0),
        "surface": surface(),
        "participation_frac": 0.2,
        "plan_required_above_adv_frac": 0.1,
    }
    return rebalance_trades(**{**inputs, **changes})


@pytest.mark.feature("AI-PF-06")
def test_trades_net_to_the_target_within_a_lot_and_never_pass_it() -> None:
    told = traded()
    held = np.array([1_000.0, 0.0, 523.0, -200.0, 90_000.0, 10.0])
    target = np.array([2_000.0, 1_000.0, 0.0, -1_000.0, 10_000.0, 10.0])
    left = target - (held + told.quantity)
    uncut = told.reason == ""
    assert (np.abs(left[uncut]) < 7.0).all()
    assert (left * (target - held) >= -1e-9).all()
    assert told.quantity[2] == -523.0  # closed whole, odd lot included
    assert told.quantity[5] == 0.0
    assert (told.quantity[[0, 1, 3]] % 7.0 == 0.0).all()


@pytest.mark.feature("AI-PF-06")
def test_large_trades_need_a_plan_and_a_ramp_within_capacity() -> None:
    told = traded()
    # About 80,000 units against 100,000 a day, a fifth of which may be taken.
    assert told.sessions.tolist() == [1.0, 1.0, 1.0, 1.0, 4.0, 0.0]
    assert told.needs_plan.tolist() == [False, False, False, False, True, False]
    ramp = told.ramp()
    assert ramp.shape == (N, 4)
    np.testing.assert_allclose(ramp.sum(axis=1), told.quantity)
    assert (np.abs(ramp[4]) <= 0.2 * 100_000.0).all()
    assert (np.abs(ramp[4, :-1]) == abs(told.per_session_quantity[4])).all()
    assert told.adv_frac[4] == pytest.approx(abs(told.quantity[4]) / 100_000.0)


@pytest.mark.feature("AI-PF-06")
def test_a_trade_between_plan_limit_and_capacity_needs_a_plan_for_one_session() -> None:
    told = traded(target_weight=np.array([0.15, 0.01, 0.0, -0.01, 0.9, 0.0001]))
    assert told.sessions[0] == 1.0
    assert told.needs_plan[0]


def test_costs_are_those_of_the_surface_over_the_ramp() -> None:
    told = traded()
    size = np.abs(told.quantity) * 10.0
    some = told.quantity != 0.0
    expected = surface().cost(np.sign(told.quantity), size, np.where(some, told.sessions, 1.0))
    np.testing.assert_allclose(told.expected_cost_bps[some], expected.expected_bps[some])
    np.testing.assert_allclose(told.p90_cost_bps[some], expected.at(0.9)[some])
    np.testing.assert_allclose(told.expected_cost_base, np.where(some, expected.money(size), 0.0))
    assert np.isnan(told.expected_cost_bps[~some]).all()


def test_what_cannot_be_scheduled_says_so() -> None:
    told = traded(surface=surface([1e6, 0.0, 1e6, np.nan, 1e4, 1e6]))
    assert [bool(reason) for reason in told.reason] == [False, True, False, True, True, False]
    assert told.needs_plan[[1, 3, 4]].all()
    assert np.isnan(told.sessions[[1, 3]]).all()
    assert told.sessions[4] == MAX_SESSIONS
    assert abs(told.quantity[4]) <= MAX_SESSIONS * 0.2 * 1_000.0
    assert "cut to what 20 can take" in told.reason[4]
    np.testing.assert_allclose(told.ramp()[4].sum(), told.quantity[4])


def test_without_a_price_there_is_no_trade() -> None:
    price = np.full(N, 10.0)
    price[0] = np.nan
    told = traded(price=price)
    assert told.quantity[0] == 0.0
    assert told.reason[0].startswith("no price")
    assert np.isnan(told.value_base[0])


def test_cash_follows_the_ramp() -> None:
    told = traded()
    path = told.cash_path_base(50_000.0)
    assert path[-1] == pytest.approx(50_000.0 - np.nansum(told.value_base))
    # Selling takes four sessions, buying one: cash rises to the end.
    assert (np.diff(path) > 0.0).all()


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ContractError, match="quantity"):
        traded(quantity=np.zeros(3))
    for changes in ({"equity_base": 0.0}, {"participation_frac": 0.0}, {"lot": np.zeros(N)}):
        with pytest.raises(ConfigError):
            traded(**changes)


def test_currencies_scale_the_money_not_the_units() -> None:
    double = traded(fx=np.full(N, 2.0), equity_base=2e6)
    np.testing.assert_allclose(double.quantity, traded().quantity)
    np.testing.assert_allclose(double.expected_cost_base, 2.0 * traded().expected_cost_base)
    assert replace(double).adv_frac.tolist() == traded().adv_frac.tolist()
