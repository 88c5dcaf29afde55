"""Assessment of one order and of a table of positions: one arithmetic, warnings with number and limit, older names."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.assessment import WARNING_CODES, Assessor
from liquidity.portfolio.assessment_table import assess_positions
from liquidity.portfolio.currency import Rates
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.legacy_names import (
    assess_order_liquidity,
    assess_position_liquidity_risk,
    calculate_portfolio_liquidity_risk,
    estimate_market_impact,
    get_liquidity_risk_summary,
)
from liquidity.portfolio.order_risk import risk_score, tier_of_score
from liquidity.portfolio.policy import DEFAULT_POLICY, URGENCIES

NAMES = ["A", "B", "C", "D"]


@pytest.fixture(scope="module")
def surface():
    return LiquiditySurface.of(
        NAMES,
        spread_bps=[4.0, 30.0, 150.0, 10.0],
        adv_ccy=[1e8, 1e6, 5e4, 0.0],
        volatility_daily_frac=[0.01, 0.02, 0.03, 0.01],
        price=[10.0, 50.0, 100.0, 1.0],
        age_sessions=[0.0, 2.0, 9.0, 0.0],
        method=["observed", "observed", "pooled_issuer", "observed"],
    )


@pytest.fixture(scope="module")
def assessor(surface):
    return Assessor(surface, np.array([85.0, 50.0, 15.0, np.nan]))


@pytest.mark.feature("AP-PO-01", "AI-PO-09")
def test_numbers_are_those_of_the_surface(surface, assessor):
    told = assessor.assess("B", -1, 2_000.0, "medium")
    assert told.position_value == 100_000.0
    assert told.order_adv_frac == told.concentration_risk == 0.1
    assert told.liquidation_time_days == float(surface.take([1]).days_to_liquidate([1e5], 0.10)[0])
    assert told.cash_after_sessions == 1.0 + 1.0
    stressed = surface.stressed(DEFAULT_POLICY.stress)
    for each in told.costs:
        assert each.cost_bps == float(surface.take([1]).cost(-1, [1e5], each.horizon_sessions).expected_bps[0])
        assert each.stressed_bps == float(stressed.take([1]).cost(-1, [1e5], each.horizon_sessions).expected_bps[0])
        assert each.stressed_bps > each.cost_bps
        assert each.p95_bps > each.cost_bps
    assert [each.horizon_sessions for each in told.costs[1:]] == [1.0, 3.0, 5.0, 10.0]
    assert told == assessor.assess("B", -1, 100_000.0, "medium", in_money=True)
    assert told == assessor.assess("B", -1, 2_000.0, "medium")


@pytest.mark.feature("AP-PO-05")
def test_ten_percent_of_volume_needs_no_plan_and_a_little_more_does(assessor):
    exactly, above = assessor.assess("B", 1, 2_000.0), assessor.assess("B", 1, 2_002.0)
    assert exactly.plan_required is False
    assert above.plan_required is True
    assert "plan_required" not in {each.code for each in exactly.risk_warnings}
    [found] = [each for each in above.risk_warnings if each.code == "plan_required"]
    assert (found.number, found.limit, found.unit) == (pytest.approx(0.1001), 0.10, "of ADV")


@pytest.mark.feature("AP-PO-07")
@settings(max_examples=25, deadline=None)
@given(size=st.floats(1.0, 1e5), side=st.sampled_from([-1, 1]))
def test_urgency_costs_more_and_takes_less_time(assessor, size, side):
    told = [assessor.assess("A", side, size, urgency) for urgency in URGENCIES]
    costs, times = [t.gradual_liquidation_cost for t in told], [t.horizon_sessions for t in told]
    assert (np.diff(costs) >= -1e-9).all()
    assert times == sorted(times, reverse=True)


@pytest.mark.feature("AP-PO-06")
def test_warnings_name_code_severity_number_and_limit(assessor):
    bad = assessor.assess("C", -1, 1_000.0)
    codes = {each.code: each for each in bad.risk_warnings}
    assert {
        "above_max_adv",
        "dear_now",
        "wide_spread",
        "low_score",
        "slow_exit",
        "stale_inputs",
        "modelled_inputs",
    } <= set(codes)
    assert set(codes) <= set(WARNING_CODES)
    severities = [each.severity for each in bad.risk_warnings]
    assert severities == sorted(severities, key=["critical", "warning", "info"].index)
    assert (codes["low_score"].number, codes["low_score"].limit) == (15.0, 30.0)
    assert "150 bps, limit 100" in str(codes["wide_spread"])
    assert assessor.assess("A", -1, 10.0).risk_warnings == ()


def test_without_volume_time_and_cost_are_missing_not_zero(assessor):
    told = assessor.assess("D", -1, 100.0)
    assert np.isnan([told.liquidation_time_days, told.immediate_liquidation_cost, told.order_adv_frac]).all()
    assert told.plan_required is None
    assert told.liquidity_tier == "unknown"
    assert {each.code for each in told.risk_warnings} >= {"no_volume", "no_answer", "no_score"}
    assert 0.0 <= told.liquidity_risk_score <= 100.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("X", 1, 1.0), "no such instrument"),
        (("A", 0, 1.0), "side_sign"),
        (("A", 1, -1.0), "size"),
        (("A", 1, float("nan")), "size"),
        (("A", 1, 1.0, "now"), "low, medium, high, critical"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(assessor, arguments, message):
    with pytest.raises(ConfigError, match=message):
        assessor.assess(*arguments)


def test_one_bad_order_does_not_stop_the_others(assessor):
    told = assessor.assess_many([("A", 1, 5.0), ("X", 1, 5.0)])
    assert told["A"].position_size == 5.0
    assert isinstance(told["X"], ConfigError)


@pytest.mark.feature("AP-PO-01")
def test_the_table_and_the_single_order_agree(surface, assessor):
    quantity = np.array([1000.0, -2000.0, 7.0, 3.0])
    text = np.full(4, None, dtype=object)
    held = Holdings(
        "p", "USD", 0.0, 1.0, surface.instrument_id, quantity, surface.price, np.ones(4), quantity * surface.price,
        np.arange(4), surface.asset_class, text, text, text, np.ones(4, dtype=np.int64), np.zeros(4), np.full(4, "", dtype=object),
    )  # fmt: skip
    scores = np.array([85.0, 50.0, 15.0, np.nan])
    table = assess_positions(held, surface, scores, DEFAULT_POLICY, rates=Rates({})).set_index("instrument_id")
    for name, amount in zip(NAMES, quantity, strict=True):
        one, row = assessor.assess(name, -1 if amount > 0 else 1, abs(amount)), table.loc[name]
        pairs = [
            (one.immediate_liquidation_cost, row["cost_now_bps"]),
            (one.costs[3].cost_bps, row["cost_5_bps"]),
            (one.costs[3].stressed_bps, row["stressed_cost_5_bps"]),
            (one.gradual_liquidation_cost, row["gradual_cost_bps"]),
            (one.horizon_sessions, row["gradual_sessions"]),
            (one.liquidity_risk_score, row["liquidity_risk_score"]),
            (one.order_adv_frac, row["order_adv_frac"]),
            (one.max_position_size, row["max_position_qty"]),
        ]
        assert np.allclose(*zip(*pairs, strict=True), rtol=1e-12, equal_nan=True), name
    assert table.loc["A", "adv_tier"] == "high"  # in dollars already
    assert [each["code"] for each in json.loads(table.loc["D", "warnings_json"])][:2] == ["no_answer", "no_volume"]
    assert table.loc["D", "days_to_liquidate"] is pd.NA or np.isnan(table.loc["D", "days_to_liquidate"])
    unknown = assess_positions(replace(held, place=np.full(4, -1)), surface, scores, DEFAULT_POLICY, rates=Rates({}))
    assert unknown["cost_now_bps"].isna().all()
    assert (unknown["method"] == "none").all()


def test_the_risk_score_is_the_documents_formula_in_its_range():
    assert risk_score(np.array([0.2]), np.array([50.0]), np.array([0.0])).tolist() == [100.0]
    assert risk_score(np.array([np.nan]), np.array([np.nan]), np.array([np.nan])).tolist() == [85.0]
    assert [tier_of_score(each) for each in (80.0, 60.0, 40.0, 20.0, 19.9)] == [
        "ultra_liquid",
        "liquid",
        "moderate",
        "illiquid",
        "distressed",
    ]


@pytest.mark.feature("AP-PO-01", "AI-PO-08")
def test_older_names_give_the_same_answers(assessor):
    long, short = (assess_position_liquidity_risk(assessor, "B", size) for size in (100.0, -100.0))
    assert (long.side_sign, short.side_sign) == (-1, 1)
    assert long == assessor.assess("B", -1, 100.0)
    whole = assess_order_liquidity(assessor, "B", "buy", 100.0)
    assert whole["assessment"] == assessor.assess("B", 1, 100.0)
    assert (whole["liquidity"]["age_sessions"], whole["conditions"]["age_sessions"]) == (2.0, 2.0)
    impact = estimate_market_impact(assessor, "B", 100.0, "sell")
    assert impact["expected_slippage_bps"] == pytest.approx(impact["market_impact_bps"] + 15.0)
    with pytest.raises(ConfigError, match="buy, sell"):
        estimate_market_impact(assessor, "B", 1.0, "short")


def test_portfolio_summaries_count_what_is_unknown(assessor):
    told = calculate_portfolio_liquidity_risk(assessor, {"A": 1e5, "B": -3e5, "X": 1e6})
    assert told["unknown"] == ["X"]
    assert told["liquidation_days"] == pytest.approx(3e5 / (0.15 * 1e6))
    assert told["concentration_herfindahl"] == pytest.approx(0.25**2 + 0.75**2)
    assert calculate_portfolio_liquidity_risk(assessor, {"A": 1.0, "D": 1.0})["liquidation_days"] is None
    assessments = {name: assessor.assess(name, -1, 1_000.0) for name in ("A", "C")}
    summary = get_liquidity_risk_summary({"A": 1e4, "C": 1e5, "Z": 5.0}, assessments)
    assert summary["illiquid_positions"] == ["C"]
    assert summary["not_assessed"] == ["Z"]
    assert sum(summary["risk_distribution"].values()) == 2
    assert calculate_portfolio_liquidity_risk(assessor, {})["portfolio_liquidity_risk"] is None


@pytest.mark.feature("AP-PF-02")
def test_values_of_several_currencies_are_refused_not_added(surface):
    mixed = Assessor(replace(surface, currency=np.array(["USD", "INR", "USD", "USD"], dtype=object)))
    assert calculate_portfolio_liquidity_risk(mixed, {"A": 1e5, "C": 1e3})["unknown"] == []
    with pytest.raises(ConfigError, match="values of instruments in INR, USD cannot be added"):
        calculate_portfolio_liquidity_risk(mixed, {"A": 1e5, "B": 1e5})
