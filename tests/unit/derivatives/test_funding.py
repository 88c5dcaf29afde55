"""Funding payments, yearly rates of 1, 4 and 8 hour venues, and the prediction of the next rate."""

import math

import numpy as np
import pytest

from liquidity.derivatives import FundingEstimate, funding, funding_rate, next_funding, premium_index
from liquidity.derivatives.funding import payments_per_year
from liquidity.domain.errors import ConfigError


@pytest.mark.feature("PL-FU-02")
@pytest.mark.parametrize(("hours", "yearly"), [(1, 0.876), (4, 0.219), (8, 0.1095)])
def test_the_yearly_rate_follows_the_interval(hours: float, yearly: float) -> None:
    assert funding(1, 1.0, 1.0, 0.0001, payments_per_year(hours)).annualised == pytest.approx(yearly)


@pytest.mark.feature("PL-FU-02")
def test_longs_pay_a_positive_rate_and_shorts_receive_it() -> None:
    assert funding(1, 2.0, 50_000.0, 0.0003, 1095).payment == pytest.approx(30.0)
    assert funding(-1, 2.0, 50_000.0, 0.0003, 1095).payment == pytest.approx(-30.0)
    assert funding(1, 2.0, None, 0.0003, 1095).payment is None
    assert funding(1, 2.0, None, 0.0003, 1095).annualised is not None


@pytest.mark.feature("PL-FC-08")
@pytest.mark.parametrize(
    ("premium", "rate"),
    [(0.0, 0.0001), (0.0004, 0.0001), (0.0006, 0.0001), (0.0007, 0.0002), (-0.0004, 0.0001), (-0.001, -0.0005)],
)
def test_the_clamp_holds_the_rate_at_the_interest_within_five_bps(premium: float, rate: float) -> None:
    assert funding_rate(premium).rate == pytest.approx(rate, abs=1e-15)


@pytest.mark.feature("PL-FC-08")
def test_the_next_funding_of_a_simulated_interval_is_the_venue_formula() -> None:
    rng = np.random.default_rng(1)
    for hours in (1, 4, 8):
        samples = 0.001 + rng.normal(0, 0.0005, hours * 60)
        average = sum(k * p for k, p in enumerate(samples, 1)) / sum(range(1, len(samples) + 1))
        pull = max(-0.0005, min(0.0005, 0.0001 - average))
        assert next_funding(samples, interval_hours=hours).rate == pytest.approx((average + pull) / (8 / hours))


@pytest.mark.feature("PL-FC-08")
def test_the_premium_index_is_zero_between_the_impact_prices() -> None:
    assert premium_index(99.9, 100.1, 100.0) == 0.0
    assert premium_index(100.2, 100.3, 100.0) == pytest.approx(0.002)
    assert premium_index(99.5, 99.6, 100.0) == pytest.approx(-0.004)
    assert premium_index(None, 100.1, 100.0) is premium_index(99.9, 100.1, 0.0) is None


def test_the_cap_of_a_venue_binds() -> None:
    assert next_funding([0.1], interval_hours=1, cap_frac=0.01).rate == 0.01
    assert next_funding([-0.1], interval_hours=1, cap_frac=0.01).rate == -0.01
    with pytest.raises(ConfigError, match="cap_frac"):
        next_funding([0.1], interval_hours=1, cap_frac=0.0)


def test_a_missing_sample_keeps_its_weight_for_nobody() -> None:
    assert next_funding([0.002, None, 0.004], interval_hours=8).rate == pytest.approx((0.002 + 3 * 0.004) / 4 - 0.0005)
    assert next_funding([None, math.nan], interval_hours=8) == FundingEstimate(None)
    assert next_funding([], interval_hours=8) == FundingEstimate(None)


def test_bad_requests_are_refused() -> None:
    for hours in (0.0, -1.0, math.nan):
        with pytest.raises(ConfigError, match="interval"):
            payments_per_year(hours)
    with pytest.raises(ConfigError, match="clamp"):
        funding_rate(0.0, clamp=-1.0)
    with pytest.raises(ConfigError, match="intervals"):
        funding_rate(0.0, intervals=0)
    with pytest.raises(ConfigError, match="side"):
        funding(0, 1.0, 1.0, 1.0, 1.0)
    assert funding_rate(None).rate is None
