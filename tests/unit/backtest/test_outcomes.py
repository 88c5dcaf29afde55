"""Outcomes: each number by hand, and nothing known too early."""

import numpy as np
import pandas as pd
import pytest

from liquidity.backtest.outcomes import MarketFacts, market_facts, outcomes
from liquidity.domain.errors import ContractError


def facts_of(spread=None, turnover=None, sessions=30):
    spread = np.full((sessions, 1), 10.0) if spread is None else np.asarray(spread, dtype=float)[:, np.newaxis]
    turnover = np.full(spread.shape, 100.0) if turnover is None else np.asarray(turnover, dtype=float)[:, np.newaxis]
    return MarketFacts(spread, turnover, np.full(spread.shape, 0.02))


def by_name(facts):
    return {outcome.name: outcome for outcome in outcomes(facts)}


@pytest.mark.feature("BX-BT-05")
def test_a_wide_spread_is_seen_one_to_five_sessions_before():
    spread = np.full(30, 10.0)
    spread[25] = 40.0
    told = by_name(facts_of(spread=spread))
    for horizon in range(1, 6):
        assert told["spread_bps"].ahead[horizon - 1, 25 - horizon, 0] == 40.0
        assert told["spread_ratio"].ahead[horizon - 1, 25 - horizon, 0] == 4.0
        assert np.isnan(told["spread_bps"].ahead[horizon - 1, 30 - horizon :, 0]).all()
    assert told["spread_bps"].latest[2, 25, 0] == 40.0
    assert np.isnan(told["spread_ratio"].latest[0, :19, 0]).all()


@pytest.mark.feature("BX-BT-05")
def test_an_idle_day_is_one_and_an_unknown_one_is_unknown():
    turnover = np.full(30, 100.0)
    turnover[[20, 22]] = 0.0, np.nan
    told = by_name(facts_of(turnover=turnover))["zero_trade_day"]
    assert told.ahead[0, 18:22, 0].tolist()[:3] == [0.0, 1.0, 0.0]
    assert np.isnan(told.ahead[0, 21, 0])


@pytest.mark.feature("BX-BT-05")
def test_an_exit_fails_when_the_market_does_not_take_it():
    """Position 0.1 x 100 = 10; a fifth of the turnover sells it in one session from 50 on."""
    turnover = np.full(40, 100.0)
    turnover[30:33] = [40.0, 5.0, 4.0]
    told = by_name(facts_of(spread=np.full(40, 10.0), turnover=turnover))["failed_exit"]
    at = 29
    assert told.ahead[:, at, 0].tolist() == [1.0, 1.0, 1.0, 0.0, 0.0]  # 8, 9, 9.8, then 29.8 of 10
    assert told.latest[0, 30, 0] == 1.0
    assert told.latest[3, 33, 0] == 0.0
    assert np.isnan(told.ahead[0, :9, 0]).all()


@pytest.mark.feature("BX-BT-05")
def test_a_cost_above_its_estimate_is_positive():
    turnover = np.full(40, 100.0)
    turnover[31] = 25.0
    told = by_name(facts_of(spread=np.full(40, 10.0), turnover=turnover))["cost_overrun_bps"]
    assert told.ahead[0, 30, 0] == pytest.approx(200.0 * (np.sqrt(10.0 / 25.0) - np.sqrt(0.1)))
    assert told.ahead[0, 20, 0] == pytest.approx(0.0)
    turnover[31] = 0.0
    told = by_name(facts_of(spread=np.full(40, 10.0), turnover=turnover))["cost_overrun_bps"]
    assert np.isnan(told.ahead[0, 30, 0])


@pytest.mark.feature("BX-BT-05")
def test_latest_is_the_outcome_that_is_over():
    rng = np.random.default_rng(3)
    facts = MarketFacts(rng.lognormal(2, 0.3, (60, 3)), rng.lognormal(8, 1, (60, 3)), rng.uniform(0.01, 0.03, (60, 3)))
    for outcome in outcomes(facts):
        if outcome.name == "spread_ratio":  # its usual level moves on with the session
            continue
        for horizon in range(1, 6):
            np.testing.assert_array_equal(
                outcome.latest[horizon - 1, horizon:], outcome.ahead[horizon - 1, : 60 - horizon]
            )


def test_facts_are_laid_out_by_session_and_name():
    days = np.datetime64("2026-03-02") + np.arange(3)
    frame = pd.DataFrame(
        {
            "session_date": pd.to_datetime(["2026-03-03", "2026-03-04", "2026-04-01"]),
            "instrument_id": ["b", "a", "a"],
            "spread_bps": [5.0, 7.0, 9.0],
            "turnover_ccy": [1.0, None, 3.0],
            "volatility_daily_frac": [0.1, 0.2, 0.3],
        }
    )
    told = market_facts(frame, days, np.array(["a", "b", "c"]))
    assert told.spread_bps[1, 1] == 5.0
    assert told.spread_bps[2, 0] == 7.0
    assert np.count_nonzero(np.isfinite(told.spread_bps)) == 2
    assert np.isnan(told.turnover_ccy[2, 0])
    with pytest.raises(ContractError, match="spread_bps"):
        market_facts(frame.drop(columns="spread_bps"), days, np.array(["a"]))
