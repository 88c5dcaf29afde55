"""The ladder is the surface: every number is recomputed from it, sums hold, more time and more volume never hurt."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError
from liquidity.impact.shock import Shock
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.concentration import concentration, largest_group_frac
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.ladder import APPROACHES, ladder, sold_frac
from liquidity.portfolio.limits import LIMITS, check_limits
from liquidity.portfolio.liquidity_score import portfolio_score
from liquidity.portfolio.policy import DEFAULT_POLICY

STEPS = np.arange(1.0, 21.0)


def surface(n, rng, **changes):
    given_ = {
        "spread_bps": rng.uniform(1.0, 80.0, n),
        "adv_ccy": rng.lognormal(14.0, 1.5, n),
        "volatility_daily_frac": rng.uniform(0.001, 0.05, n),
        "price": rng.uniform(1.0, 200.0, n),
        "asset_class": "equity",
    }
    return LiquiditySurface.of([f"N{i}" for i in range(n)], **(given_ | changes))


def portfolio(on, money, *, signs=None, settlement=1, fx=1.0, asset_class="equity"):
    n = len(on)
    none = np.full(n, None, dtype=object)
    quantity = np.asarray(money) / on.price * (np.ones(n) if signs is None else signs)
    return Holdings(
        "p", "USD", 0.0, float(np.sum(money)), on.instrument_id, quantity, on.price, np.full(n, fx),
        quantity * on.price * fx, np.arange(n), np.full(n, asset_class, dtype=object), none, none, none,
        np.full(n, settlement), np.zeros(n), np.full(n, "", dtype=object),
    )  # fmt: skip


@pytest.fixture
def held():
    rng = np.random.default_rng(11)
    on = surface(25, rng)
    return portfolio(on, rng.lognormal(14.0, 1.0, 25), signs=rng.choice([-1.0, 1.0], 25), fx=2.0), on


@pytest.mark.feature("AP-PF-01", "AI-PF-04")
@pytest.mark.parametrize("approach", APPROACHES)
@pytest.mark.parametrize("shock", [Shock(), DEFAULT_POLICY.stress])
def test_each_number_is_recomputed_from_the_surface(held, approach, shock):
    portfolio_, calm = held
    on = calm.stressed(shock)
    told = ladder(portfolio_, on, approach, 0.2)
    share = sold_frac(portfolio_, on, approach, STEPS, 0.2)
    for session in (1, 7, 20):
        cost = 0.0
        for row in range(len(portfolio_)):
            size = abs(portfolio_.quantity[row] * portfolio_.price[row]) * share[row, session - 1]
            alone = on.take([row]).cost(portfolio_.side_sign[row], [size], float(session))
            cost += float(alone.money([size])[0]) * 2.0
        assert told.cost_base[:, session - 1].sum() == pytest.approx(cost, rel=1e-12)
        days = on.days_to_liquidate(np.abs(portfolio_.quantity * portfolio_.price), 0.2)
        if approach == "waterfall":
            alone_frac = np.minimum(1.0, session / days)
            assert share[:, session - 1] == pytest.approx(alone_frac, rel=1e-12)


@pytest.mark.feature("AP-PF-01")
@pytest.mark.parametrize("approach", ["waterfall"])
def test_a_portfolio_is_the_sum_of_portfolios_of_one_position(held, approach):
    portfolio_, on = held
    whole = ladder(portfolio_, on, approach, 0.2)
    parts = [ladder(_alone(portfolio_, row), on, approach, 0.2) for row in range(len(portfolio_))]
    for name in ("sold_base", "cost_base", "cash_base"):
        assert getattr(whole, name).sum(axis=0) == pytest.approx(
            sum(getattr(p, name).sum(axis=0) for p in parts), rel=1e-10
        )


@pytest.mark.feature("AP-PF-01")
def test_pro_rata_keeps_the_composition_and_waits_for_the_slowest(held):
    portfolio_, on = held
    share = sold_frac(portfolio_, on, "pro_rata", STEPS, 0.2)
    fastest = sold_frac(portfolio_, on, "waterfall", STEPS, 0.2)
    assert (np.ptp(share, axis=0) == 0.0).all()
    assert share[0] == pytest.approx(fastest.min(axis=0))
    mixed = sold_frac(portfolio_, on, "mixed", STEPS, 0.2)
    assert (mixed <= fastest + 1e-12).all()
    assert mixed[:, 9] == pytest.approx(fastest[:, 9])  # what sells in ten sessions is sold by then


def test_one_that_never_sells_stops_pro_rata_and_not_the_others():
    rng = np.random.default_rng(2)
    on = surface(3, rng, adv_ccy=[1e6, 0.0, np.nan])
    told = {name: ladder(portfolio(on, [1e5, 1e5, 1e5]), on, name, 0.2) for name in APPROACHES}
    assert told["waterfall"].sold_frac[-1] == pytest.approx(1 / 3)
    assert told["mixed"].sold_frac[-1] == pytest.approx(1 / 3)
    assert told["pro_rata"].sold_frac[-1] == 0.0
    assert np.isnan(told["waterfall"].first_session(0.5))


def test_a_position_without_a_price_or_a_place_is_no_zero(held):
    portfolio_, on = held
    value = portfolio_.value_base.copy()
    value[0], place = np.nan, portfolio_.place.copy()
    place[1] = -1
    left = replace(portfolio_, value_base=value, price=np.where(np.isnan(value), np.nan, portfolio_.price), place=place)
    told = ladder(left, on, "waterfall", 0.2)
    assert told.gross_base == pytest.approx(np.abs(portfolio_.value_base[1:]).sum())
    assert (told.sold_base[1] == 0.0).all()
    assert told.sold_frac[-1] <= 1.0 - abs(value[1]) / told.gross_base + 1e-12


def test_cash_waits_for_settlement_and_a_short_costs_it():
    rng = np.random.default_rng(5)
    on = surface(2, rng, adv_ccy=[1e9, 1e9])
    told = ladder(portfolio(on, [1e6, 1e6], signs=np.array([1.0, -1.0]), settlement=2), on, "waterfall", 0.2)
    assert (told.cash_base[:, :2] == 0.0).all()
    assert told.cash_base[0, 2] == pytest.approx(1e6 - told.cost_base[0, 2])
    assert told.cash_base[1, 2] == pytest.approx(-1e6 - told.cost_base[1, 2])


def test_closing_a_perpetual_moves_its_cost_alone():
    on = surface(1, np.random.default_rng(5), adv_ccy=[1e9], asset_class="crypto_perp")
    told = ladder(portfolio(on, [1e6], settlement=0, asset_class="crypto_perp"), on, "waterfall", 0.2)
    assert told.cash_base[0] == pytest.approx(-told.cost_base[0])


@pytest.mark.feature("AP-PO-04", "AP-PF-01")
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), participation=st.floats(0.01, 0.99), depth=st.floats(0.0, 0.9))
def test_monotone_in_time_participation_and_shock(seed, participation, depth):
    rng = np.random.default_rng(seed)
    on = surface(6, rng)
    portfolio_ = portfolio(on, rng.lognormal(14.0, 2.0, 6))
    for approach in APPROACHES:
        share = sold_frac(portfolio_, on, approach, STEPS, participation)
        assert (np.diff(share, axis=1) >= -1e-12).all()
        assert (sold_frac(portfolio_, on, approach, STEPS, min(1.0, participation * 1.3)) >= share - 1e-12).all()
        worse = on.stressed(Shock(volume_haircut_frac=depth))
        assert (sold_frac(portfolio_, worse, approach, STEPS, participation) <= share + 1e-12).all()


def test_another_approach_is_refused(held):
    with pytest.raises(ConfigError, match="waterfall, pro_rata, mixed"):
        ladder(*held, "best", 0.2)


@pytest.mark.feature("AI-PF-04")
def test_limits_are_the_ladder_and_a_bound_that_is_met_passes(held):
    portfolio_, on = held
    scores = np.full(25, 30.0)
    told = {each.limit: each for each in check_limits(portfolio_, on, scores, DEFAULT_POLICY)}
    assert list(told) == list(LIMITS)
    fastest = ladder(portfolio_, on, "waterfall", 0.2)
    assert told["min_daily_liquidatable_frac"].value == fastest.sold_frac[0]
    assert told["max_illiquid_frac"].value == pytest.approx(1.0 - fastest.sold_frac[9])
    assert told["max_exit_cost_bps"].value == pytest.approx(fastest.cost_bps[9], rel=1e-12)
    assert told["min_portfolio_score"].passed is True
    assert told["min_portfolio_score"].headroom_frac == 0.0
    assert told["max_issuer_frac"].passed is None
    below = {each.limit: each for each in check_limits(portfolio_, on, scores - 1e-6, DEFAULT_POLICY)}
    assert below["min_portfolio_score"].passed is False


def test_a_target_that_is_never_reached_fails():
    on = surface(1, np.random.default_rng(1), adv_ccy=[1.0])
    told = {each.limit: each for each in check_limits(portfolio(on, [1e6]), on, np.array([np.nan]), DEFAULT_POLICY)}
    assert told["max_liquidation_sessions"].value == np.inf
    assert told["max_liquidation_sessions"].passed is False
    assert told["max_illiquid_frac"].passed is False
    assert told["min_portfolio_score"].passed is None


def test_a_sovereign_is_no_issuer_that_is_limited():
    on = surface(3, np.random.default_rng(1))
    held = portfolio(on, [6.0, 3.0, 1.0])
    classes = np.array(["bond_sovereign", "bond_corporate", "bond_corporate"], dtype=object)
    issuers = np.array(["State", "Works", "Works"], dtype=object)
    told = check_limits(replace(held, asset_class=classes, issuer_id=issuers), on, np.full(3, 50.0), DEFAULT_POLICY)
    [found] = [each for each in told if each.limit == "max_issuer_frac"]
    assert (found.value, found.reason, found.passed) == (pytest.approx(0.4), "Works", False)


def test_an_empty_portfolio_has_no_limits_to_tell():
    on = surface(1, np.random.default_rng(1))
    told = check_limits(portfolio(on, [0.0]), on, np.array([50.0]), DEFAULT_POLICY)
    assert {each.passed for each in told} == {None}


@pytest.mark.feature("AP-PF-02")
def test_the_score_shows_its_tail():
    told = portfolio_score([50.0, -45.0, 5.0], [80.0, 60.0, 10.0])
    assert told.mean == pytest.approx(67.5)
    assert told.worst_decile == pytest.approx((5.0 * 10.0 + 5.0 * 60.0) / 10.0)
    partly = portfolio_score([50.0, 50.0, np.nan], [80.0, np.nan, 1.0])
    assert (partly.mean, partly.scored_frac) == (80.0, 0.5)
    assert np.isnan(portfolio_score([1.0], [np.nan]).mean)


@pytest.mark.parametrize("values", [[], [0.0], [np.nan]])
def test_no_value_has_no_concentration(values):
    assert np.isnan(concentration(values).hhi)
    assert np.isnan(largest_group_frac(values, [None] * len(values))[0])


def _alone(held, row):
    arrays = {
        name: getattr(held, name)[[row]] for name in Holdings.__slots__ if isinstance(getattr(held, name), np.ndarray)
    }
    return replace(held, **arrays)
