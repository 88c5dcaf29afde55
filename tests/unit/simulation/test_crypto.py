from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from liquidity.simulation import MarketConfig
from liquidity.simulation.crypto import crypto_instruments, first_state, next_day


def run(config, days, crisis=0.0):
    state, seen = first_state(config), []
    for offset in range(days):
        state, today = next_day(config, state, date(2026, 1, 1) + timedelta(days=offset), crisis)
        seen.append(today)
    return seen


def test_bars_are_consistent_and_days_join():
    days = run(MarketConfig(), 120)
    for today in days:
        assert (today.low <= np.minimum(today.open, today.close)).all()
        assert (today.high >= np.maximum(today.open, today.close)).all()
        assert ((today.low <= today.vwap + 1e-6) & (today.vwap <= today.high + 1e-6)).all()
        assert (today.turnover_ccy > 0).all()
    spot = slice(0, 10)
    for before, after in pairwise(days):
        assert after.open[spot] == pytest.approx(before.close[spot], rel=1e-6, abs=2e-6)


def test_weekends_are_quieter_and_large_coins_tighter():
    days = run(MarketConfig(), 364)
    turnover = np.array([np.log(today.turnover_ccy[:10]) for today in days])
    weekend = np.array([(date(2026, 1, 1) + timedelta(days=k)).weekday() >= 5 for k in range(364)])
    ratio = np.exp(turnover[weekend].mean() - turnover[~weekend].mean())
    assert ratio == pytest.approx(0.70, abs=0.06)
    assert (np.diff(np.mean([today.spread_bps[:10] for today in days], axis=0)) > 0).all()


def test_a_crisis_thins_books_and_widens_spreads():
    calm, crisis = (run(MarketConfig(), 40, crisis)[-1] for crisis in (0.0, 1.0))
    assert (crisis.depth_ccy < calm.depth_ccy).all()
    assert (crisis.spread_bps > calm.spread_bps).all()


def test_a_market_without_coins_is_allowed():
    config = MarketConfig(crypto_coins=0, crypto_perps=0)
    assert crypto_instruments(config) == ((), ())
    assert run(config, 2)[-1].close.size == 0
