"""Generated open interest, funding and liquidations, against the recorded daily sums they are calibrated on."""

from datetime import date, timedelta

import numpy as np
import pytest

from liquidity.simulation.crypto_derivatives import derivatives_day
from liquidity.simulation.crypto_market import BookConditions, TapeConfig

CONFIG = TapeConfig(seed=5, coins=("BTC", "ETH"))
STATE = {"BTC": BookConditions(), "ETH": BookConditions(price=3000.0, turnover_quote=1.5e10)}
OPENS = {"BTC": 61_000.0, "ETH": 3_020.0}


def days(count):
    return [derivatives_day(CONFIG, date(2026, 1, 1) + timedelta(days=n), STATE, OPENS) for n in range(count)]


def test_a_day_is_repeatable_and_open_interest_joins_the_next_day():
    (today, _), (again, _), (tomorrow, _) = days(1)[0], days(1)[0], days(2)[1]
    np.testing.assert_array_equal(today.interest_base, again.interest_base)
    np.testing.assert_array_equal(today.event_price, again.event_price)
    steps = np.abs(np.diff(np.log(np.append(today.interest_base, tomorrow.interest_base))))
    assert steps[23] < 3.0 * steps[:23].max() + 1e-9


@pytest.mark.feature("PL-FU-04")
def test_liquidations_have_the_recorded_size_and_side():
    made = [btc for btc, _ in days(200)]
    totals = np.array([float((each.event_price * each.event_base).sum()) for each in made])
    longs = np.array([float((each.event_price * each.event_base)[each.event_long].sum()) for each in made])
    assert 12e6 < np.median(totals) < 48e6
    assert totals.max() < 1e9
    assert longs.sum() / totals.sum() == pytest.approx(0.73, abs=0.08)
    assert all((np.diff(each.event_ns) >= 0).all() for each in made)


def test_funding_is_paid_at_eight_hours_in_the_usual_range():
    rates = np.concatenate([btc.rate_frac for btc, _ in days(60)])
    assert (np.abs(rates) <= 0.0075).all()
    assert 0.0 < np.median(rates) < 3e-4
    [(btc, _)] = days(1)
    assert np.diff(btc.funding_ns).tolist() == [8 * 3600 * 10**9] * 2
