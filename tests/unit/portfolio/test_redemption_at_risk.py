"""Redemption at risk is the quantile of past outflows, forecasts know the past alone, and missing flows say so."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import FUND_FLOWS
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from liquidity.portfolio.demo import fund_units_frac
from liquidity.portfolio.fund_flows import FlowHistory, demo_fund_flows, flow_histories
from liquidity.portfolio.redemption_at_risk import redemption_at_risk


def history(outflow, inflow=0.0, nav=100.0):
    out = np.asarray(outflow, dtype=float)
    days = np.datetime64("2025-01-01") + np.arange(len(out))
    return FlowHistory(days, out, np.broadcast_to(inflow, out.shape), np.full(len(out), nav), float("nan"))


@pytest.mark.feature("BX-RM-04")
def test_quantile_and_tail_by_hand():
    found = redemption_at_risk(history(np.arange(1.0, 101.0)), 1, 0.95)
    assert found.at_risk_frac == pytest.approx(np.quantile(np.arange(1.0, 101.0), 0.95) / 100.0)
    assert found.conditional_frac == pytest.approx(0.98)
    assert (found.observations, found.tested, found.reason) == (100, 40, "")
    # Each day lies above all days before it.
    assert found.exceptions == 40
    assert found.backtest == "fail"


@pytest.mark.feature("BX-RM-04")
def test_net_flows_subtract_subscriptions_and_windows_add_up():
    flows = history(np.full(100, 2.0), 0.5)
    assert redemption_at_risk(flows, 5, 0.95).at_risk_frac == pytest.approx(0.10)
    assert redemption_at_risk(flows, 5, 0.95, "net").at_risk_frac == pytest.approx(0.075)
    assert flows.outflow_frac(5, "gross").shape == (96,)


@pytest.mark.parametrize(("given", "reason"), [(None, "no_flows"), (history(np.ones(30)), "short_history")])
def test_missing_flows_give_no_number(given, reason):
    found = redemption_at_risk(given, 5, 0.99)
    assert np.isnan(found.at_risk_frac)
    assert (found.reason, found.backtest, found.tested) == (reason, "untested", 0)


def test_same_seed_same_bits_and_bad_questions_are_refused():
    flows = history(np.random.default_rng(1).lognormal(size=200))
    assert redemption_at_risk(flows, 5, 0.95, seed=3) == redemption_at_risk(flows, 5, 0.95, seed=3)
    with pytest.raises(ConfigError, match="confidence"):
        redemption_at_risk(flows, 5, 95)
    with pytest.raises(ConfigError, match="horizon"):
        redemption_at_risk(flows, 0, 0.95)


@pytest.mark.feature("BX-RM-04")
@pytest.mark.parametrize("horizon", [1, 5])
def test_back_test_knows_nothing_of_the_window_it_forecasts(horizon):
    out = np.random.default_rng(2).lognormal(size=200)
    short, long = history(out[:150]), history(np.concatenate([out[:150], np.full(50, 1e6)]))
    first, second = redemption_at_risk(short, horizon, 0.95), redemption_at_risk(long, horizon, 0.95)
    # What came later adds exceptions only: the early forecasts stay what they were.
    assert second.tested > first.tested
    later = second.exceptions - first.exceptions
    assert 0 < later <= second.tested - first.tested + 1


@pytest.mark.feature("BX-RM-04")
def test_demo_flows_are_the_change_of_the_units_and_keep_their_contract():
    monday = date(2026, 3, 16)
    positions = pd.DataFrame({"portfolio_id": ["demo_fund"], "quantity": [1e5], "price": [100.0]})
    accounts = pd.DataFrame(
        {"portfolio_id": ["demo_fund", "book"], "kind": ["fund", "crypto_book"], "units": [1e7, np.nan], "cash": [5e5, 1.0], "base_currency": "INR", "source": "simulated", "observed_at": pd.Timestamp("2026-03-16T10:00Z")}
    )  # fmt: skip
    rows = demo_fund_flows(positions, accounts, monday, 7)
    audit(table_from_frame(rows, FUND_FLOWS), FUND_FLOWS, monday)
    net = (rows["subscriptions_base"] - rows["redemptions_base"]).sum() / rows["nav_base"].sum()
    moved = fund_units_frac(7, monday) / fund_units_frac(7, date(2026, 3, 13)) - 1.0
    assert net == pytest.approx(moved, rel=1e-9)
    assert rows["nav_base"].sum() * (1.0 + moved) == pytest.approx(1.05e7)
    assert demo_fund_flows(positions, accounts, date(2026, 3, 15), 7).empty


def test_histories_add_types_up_and_read_nothing_after_the_session():
    rows = pd.DataFrame(
        {"session_date": pd.to_datetime(["2026-03-18", "2026-03-18", "2026-03-19", "2026-03-20"]), "portfolio_id": "f", "investor_type": ["a", "b", "a", "a"], "redemptions_base": [1.0, 2.0, 3.0, 9.0], "subscriptions_base": 0.0, "nav_base": [10.0, 20.0, 10.0, 10.0], "top_holder_frac": [0.1, 0.3, 0.2, 0.9]}
    )  # fmt: skip
    found = flow_histories(rows, "f", date(2026, 3, 19))
    assert list(found) == ["all", "a", "b"]
    assert found["all"].redemption_base.tolist() == [3.0, 3.0]
    assert found["all"].nav_base.tolist() == [30.0, 30.0]
    assert found["all"].top_holder_frac == 0.2
    assert flow_histories(rows, "other", date(2026, 3, 19)) == {}
