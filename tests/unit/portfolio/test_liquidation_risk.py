"""Distance to liquidation, what rests before it, the score, and what the venue does behind it."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError
from liquidity.domain.market_data import LeverageTier
from liquidity.impact.book_curves import BookCurves, Curve
from liquidity.impact.shock import Shock
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.adl import adl_effect, adl_score, forced_close
from liquidity.portfolio.liquidation_risk import (
    average_true_range,
    bankruptcy_price,
    depth_to_liquidation,
    distance_to_liquidation,
    isolated_price,
    liquidation_risk_score,
)
from liquidity.portfolio.margin_account import CloseRules, MarginAccount, MarginTable

TABLE = MarginTable((LeverageTier(0.0, 1e9, 0.01, 50.0),), "demo", date(2026, 1, 1))
RULES = CloseRules(partial_above_ccy=100_000.0, partial_frac=0.2, cooldown_s=30.0, backstop_ratio=2.0 / 3.0)


@pytest.mark.feature("PL-LV-05")
def test_distance_in_percent_sigmas_and_true_ranges():
    told = distance_to_liquidation([1, -1, 1], 100.0, [88.0, 112.0, 101.0], [0.03, 0.04, 0.03], [4.0, 6.0, np.nan])
    assert told.frac == pytest.approx([0.12, 0.12, -0.01])
    assert told.sigmas == pytest.approx([4.0, 3.0, -1.0 / 3.0])
    assert told.true_ranges[:2] == pytest.approx([3.0, 2.0])
    assert np.isnan(told.true_ranges[2])
    assert np.isnan(distance_to_liquidation(1, 100.0, np.nan, 0.03).frac)
    assert np.isnan(distance_to_liquidation(1, 100.0, 90.0, 0.0).sigmas)


@pytest.mark.feature("PL-LV-05")
def test_true_range_counts_gaps_and_nothing_before_the_window():
    close = np.full((16, 1), 100.0)
    high, low = close + 1.0, close - 1.0
    assert average_true_range(high, low, close)[0] == 2.0
    close[-2] = 90.0
    assert average_true_range(high, low, close)[0] == pytest.approx((13 * 2.0 + 11.0) / 14)
    long = np.vstack([np.full((20, 1), 500.0), close])
    assert average_true_range(long + 1.0, long - 1.0, long)[0] == average_true_range(close + 1, close - 1, close)[0]
    assert np.isnan(average_true_range(high[:5], low[:5], close[:5]))


@given(st.floats(0.0, 2.0), st.floats(0.0, 2.0), st.floats(0.001, 0.2), st.floats(0.0, 0.1))
@pytest.mark.feature("PL-LV-04")
def test_score_is_100_at_the_price_and_falls_with_distance(one, other, sigma, cost):
    near, far = sorted((one, other))
    scores = liquidation_risk_score([0.0, near, far, np.inf], sigma, cost)
    assert scores[0] == 100.0
    assert scores[3] == 0.0
    assert 0.0 <= scores[2] <= scores[1] <= 100.0
    assert liquidation_risk_score(near, sigma, cost) >= liquidation_risk_score(near, sigma)
    assert liquidation_risk_score(near, 2.0 * sigma) >= liquidation_risk_score(near, sigma)


@pytest.mark.feature("PL-LV-04")
def test_unlevered_scores_0_past_the_price_100_unknown_nothing():
    assert liquidation_risk_score(0.05, 0.03, levered=False) == 0.0
    assert liquidation_risk_score(-0.2, 0.03) == 100.0
    assert np.isnan(liquidation_risk_score(np.nan, 0.03))
    assert np.isnan(liquidation_risk_score(0.1, np.nan))
    assert liquidation_risk_score(0.1, 0.0) == 0.0


@pytest.mark.feature("PL-LV-06")
def test_depth_is_the_book_up_to_the_price():
    bids = Curve(np.array([1e5, 3e5, 6e5]), np.array([1.0, 50.0, 300.0]))
    asks = Curve(np.array([2e5, 4e5]), np.array([1.0, 100.0]))
    surface = LiquiditySurface.of(
        ["A", "B"],
        spread_bps=2.0,
        adv_ccy=1e8,
        volatility_daily_frac=0.03,
        price=100.0,
        asset_class="crypto_perp",
        curves=BookCurves.of(2, {0: asks}, {0: bids}),
    )
    rows = surface.take([0, 0, 0, 0, 1])
    told = depth_to_liquidation(rows, [1, 1, -1, 1, 1], [0.01, 0.10, 0.01, 0.0, 0.10], [2e5, 2e5, 8e5, 2e5, 2e5])
    assert told.size_ccy[:4].tolist() == [3e5, 6e5, 4e5, 0.0]
    assert told.cover[:3].tolist() == [1.5, 3.0, 0.5]
    assert told.basis.tolist() == ["book", "book_edge", "book_edge", "book", "surface"]
    # Without a book the size costs what the distance is, or is all that trades in that time.
    assert told.size_ccy[4] <= 1e8 / 48.0 * (1 + 1e-12)
    thin = depth_to_liquidation(surface.take([1]), [1], [0.0005], [2e5])
    at = float(surface.take([1]).cost(-1, thin.size_ccy, 1.0 / 48.0).expected_bps[0])
    assert at == pytest.approx(5.0, rel=1e-6)
    halved = surface.stressed(Shock(depth_haircut_frac=0.5))
    assert depth_to_liquidation(halved.take([0]), [1], [0.01], [2e5]).cover[0] == pytest.approx(0.75)
    assert np.isnan(depth_to_liquidation(surface.take([0]), [1], [np.nan], [2e5]).size_ccy[0])


@pytest.mark.feature("PL-LV-06")
def test_isolated_and_bankruptcy_price():
    price = isolated_price(1, 16_000.0, 128.0, 8.0, TABLE)
    assert price == pytest.approx(128.0 * (1 - 1 / 8) / 0.99)
    assert bankruptcy_price(1, 120.0, 10.0, 200.0) == 100.0
    assert bankruptcy_price(-1, 120.0, -10.0, 200.0) == 140.0
    assert np.isnan(bankruptcy_price(1, 120.0, 10.0, 5_000.0))
    assert np.isnan(isolated_price(1, 1.0, 100.0, 1.0, TABLE))


@given(st.floats(1e4, 5e6), st.floats(0.0, 3.0), st.floats(0.0, 0.02))
def test_forced_close_conserves_money_and_ends(notional, ratio, cost_frac):
    equity = 0.01 * notional * ratio
    end = forced_close(notional, equity, lambda n: 0.01 * n, lambda n: cost_frac * n, RULES)
    assert 0.0 <= end.closed_frac <= 1.0
    assert end.cost_ccy == pytest.approx(cost_frac * notional * end.closed_frac)
    if end.outcome != "backstop":
        assert end.equity_ccy == pytest.approx(equity - end.cost_ccy)
    if end.outcome == "restored":
        assert end.equity_ccy >= 0.01 * notional * (1.0 - end.closed_frac) - 1e-6
    assert (end.outcome == "none") == (equity >= 0.01 * notional)


def test_partial_closes_of_a_fifth_with_their_waits_and_the_backstop():
    slow = forced_close(1e6, 9_000.0, lambda n: 0.01 * n, lambda n: 0.0, RULES)
    assert (slow.outcome, slow.orders, slow.closed_frac, slow.seconds) == ("restored", 1, pytest.approx(0.2), 30.0)
    small = forced_close(9e4, 800.0, lambda n: 0.01 * n, lambda n: 10.0, RULES)
    assert (small.outcome, small.orders, small.closed_frac, small.equity_ccy) == ("closed", 1, 1.0, 790.0)
    taken = forced_close(1e6, 6_000.0, lambda n: 0.01 * n, lambda n: 0.0, RULES)
    assert (taken.outcome, taken.orders, taken.equity_ccy) == ("backstop", 0, 0.0)
    dear = forced_close(1e6, 9_900.0, lambda n: 0.01 * n, lambda n: 0.02 * n, RULES)
    assert dear.outcome == "backstop"
    with pytest.raises(ConfigError):
        forced_close(0.0, 1.0, lambda n: n, lambda n: n, RULES)


def test_winners_with_leverage_are_deleveraged_first_and_the_hedge_is_missed():
    scores = adl_score([0.2, 0.2, -0.1, -0.1], [10.0, 2.0, 10.0, 2.0])
    assert np.argsort(-scores).tolist() == [0, 1, 2, 3]
    assert np.isnan(adl_score(0.1, np.nan))
    book = MarginAccount(100_000.0, np.array([10.0, -200.0]), np.array([60_000.0, 3_000.0]), (TABLE, TABLE))
    covariance = np.outer([0.03, 0.04], [0.03, 0.04]) * np.array([[1.0, 0.8], [0.8, 1.0]])
    effect = adl_effect(book, 1, 3_000.0, covariance)
    assert effect.sigmas_after < effect.sigmas_before
    assert effect.equity_after == book.equity
    assert adl_effect(book, 1, 3_050.0, covariance).equity_after == book.equity - 10_000.0
    with pytest.raises(ConfigError):
        adl_effect(book, 2, 3_000.0, covariance)
