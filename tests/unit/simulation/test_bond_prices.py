import numpy as np
import pytest

from liquidity.simulation.bond_prices import clean_price, modified_duration_years


def test_price_equals_the_sum_of_discounted_coupons_for_whole_years():
    for years in (1, 2, 7):
        cash = np.full(years, 6.0)
        cash[-1] += 100.0
        by_hand = float((cash / 1.09 ** np.arange(1, years + 1)).sum())
        assert clean_price(np.array([0.06]), np.array([0.09]), np.array([float(years)]))[0] == pytest.approx(
            by_hand, abs=1e-10
        )


def test_par_when_the_yield_is_the_coupon_and_falling_in_the_yield():
    years = np.array([0.1, 1.7, 9.3])
    at_par = np.full(3, 0.0835)
    assert clean_price(at_par, at_par, years) == pytest.approx(100.0)
    assert (clean_price(at_par, at_par + 0.001, years) < 100.0).all()


def test_duration_predicts_a_small_move():
    coupon, rate, years = np.array([0.08]), np.array([0.07]), np.array([6.0])
    duration = modified_duration_years(coupon, rate, years)
    moved = clean_price(coupon, rate + 0.0005, years) / clean_price(coupon, rate, years) - 1.0
    assert moved[0] == pytest.approx(-duration[0] * 0.0005, rel=2e-3)
