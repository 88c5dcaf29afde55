"""Bad input of portfolio risk: each is refused or labelled, exactly so, and everything beside it is still computed."""

import time
import tomllib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.market_risk.covariance import nearest_correlation
from liquidity.market_risk.scenarios import complete_scenarios
from liquidity.portfolio.allocation_model import AllocationLimits, RiskModel
from liquidity.portfolio.assessment import Assessor
from liquidity.portfolio.holdings_table import holdings, refused_portfolios
from liquidity.portfolio.ladder import ladder
from liquidity.portfolio.limits import check_limits
from liquidity.portfolio.policy import DEFAULT_POLICY
from liquidity.portfolio.portfolio_tables import portfolio_tables
from liquidity.stress.measures import portfolio_stress
from liquidity.stress.portfolio_tables import reverse_stress, stress_results
from liquidity.stress.scenario import Scenario, scenario_from
from liquidity.stress.vector import stress_vector
from tests.property.risk_portfolios import SESSION, Case, generated

DAY = pd.Timestamp(SESSION)
CRASH = """
name = "crash"
title = "Crash"
severity = "high"
basis = "judgement"
version = 1
as_of = 2026-01-01
[classes.every]
price_fall_frac = 0.3
spread_mult = 3.0
volume_haircut_frac = 0.5
"""


def crash(text: str = CRASH) -> Scenario:
    return scenario_from(tomllib.loads(text), "crash.toml")


def tables(case: Case):
    index = pd.DataFrame({"session_date": DAY, "instrument_id": case.surface.instrument_id, "liquidity_score": 40.0})
    return portfolio_tables(case.positions, case.accounts, case.rates, index, case.surface, SESSION, DEFAULT_POLICY)


def changed(case: Case, row: int, **values: object) -> Case:
    positions = case.positions.copy()
    for name, value in values.items():
        positions.loc[row, name] = value
    return replace(case, positions=positions)


def market(case: Case, row: int, **values: float) -> Case:
    arrays = {name: np.array(getattr(case.surface, name)) for name in values}
    for name, value in values.items():
        arrays[name][row] = value
    return replace(case, surface=replace(case.surface, **arrays))


SOUND = generated(3, 6, complete=True)
NAMES = SOUND.positions["instrument_id"].tolist()


@pytest.mark.feature("AP-PO-01", "AP-PF-01", "AP-ST-01")
@pytest.mark.parametrize(
    ("bad", "reason", "in_value"),
    [
        (changed(SOUND, 2, instrument_id="x:UNHEARD", price=5.0), "unknown_instrument", True),
        (changed(SOUND, 2, instrument_id="x:UNHEARD", price=np.nan), "unknown_instrument", False),
        (market(SOUND, 2, adv_ccy=0.0), "no_volume", True),
        (market(SOUND, 2, adv_ccy=np.nan), "no_volume", True),
        (market(changed(SOUND, 2, price=np.nan), 2, price=np.nan), "no_price", False),
        (
            market(changed(SOUND, 2, price=np.nan), 2, age_sessions=6.0),
            "stale_price",
            False,
        ),
        (changed(SOUND, 2, currency="JPY" if SOUND.positions["currency"][2] == "USD" else "USD"), "currency_differs", None),
    ],
)  # fmt: skip
def test_a_bad_position_is_labelled_and_the_others_keep_their_numbers(
    bad: Case, reason: str, in_value: bool | None
) -> None:
    if reason == "currency_differs":
        bad = replace(bad, rates=pd.concat([bad.rates, bad.rates.iloc[:1].assign(currency="JPY", rate=0.01)]))
    held, sound = bad.held(), SOUND.held()
    [row] = np.flatnonzero(held.reason == reason)
    others = [name for name in NAMES if name != NAMES[2]]
    assert (held.reason[[name in others for name in held.instrument_id]] == "").all()
    if in_value is not None:
        assert np.isfinite(held.value_base[row]) == in_value
    told, before = tables(bad), tables(SOUND)
    one = told.positions.set_index("instrument_id")
    other = before.positions.set_index("instrument_id")
    columns = ["value_base", "cost_now_bps", "stressed_cost_5_bps", "days_to_liquidate", "liquidity_risk_score"]
    pd.testing.assert_frame_equal(one.loc[others, columns], other.loc[others, columns])
    assert one.loc[held.instrument_id[row], "reason"] == reason
    assert np.isnan(one.loc[held.instrument_id[row], "days_to_liquidate"])
    assert told.portfolios["incomplete_count"].item() == 1
    assert "1 of 6 positions left out" in told.portfolios["reason"].item()
    found = stress_results(SESSION, [held], bad.surface, [crash()]).set_index("instrument_id")
    calm = stress_results(SESSION, [sound], SOUND.surface, [crash()]).set_index("instrument_id")
    same = ["price_loss_base", "cost_plan_after_bps", "stressed_loss_base"]
    pd.testing.assert_frame_equal(found.loc[others, same], calm.loc[others, same])
    assert reason in found.loc[held.instrument_id[row], "reason"]
    steps = ladder(held, bad.surface, "waterfall", 0.2)
    assert np.nan_to_num(steps.sold_base[row]).sum() == 0.0
    assert steps.sold_frac[-1] > 0.0


@pytest.mark.feature("AP-PO-01")
def test_an_order_in_an_unknown_instrument_is_refused_and_the_others_answered() -> None:
    told = Assessor(SOUND.surface).assess_many([("x:UNHEARD", 1, 5.0), (NAMES[0], -1, 10.0)])
    assert isinstance(told["x:UNHEARD"], ConfigError)
    assert "has no such instrument" in str(told["x:UNHEARD"])
    assert told[NAMES[0]].immediate_liquidation_cost > 0.0
    no_volume = Assessor(market(SOUND, 0, adv_ccy=0.0).surface).assess(NAMES[0], -1, 10.0)
    assert np.isnan(no_volume.liquidation_time_days)
    assert {"no_volume"} <= {each.code for each in no_volume.risk_warnings}


@pytest.mark.feature("AP-PF-01", "ET-SZ-07")
def test_negative_equity_is_told_and_breaks_solvency() -> None:
    poor = replace(SOUND, accounts=SOUND.accounts.assign(equity=-1e6, cash=0.0))
    held, told = poor.held(), tables(poor)
    assert held.equity_base == pytest.approx(-1.25e6)  # the account is in euro
    summary = told.portfolios.iloc[0]
    assert np.isnan(summary["leverage_ratio"])
    assert summary["reason"].startswith("equity is -1.25e+06 USD")
    assert np.isfinite(told.positions["cost_now_bps"]).all()
    broken = reverse_stress(SESSION, [held], poor.surface, [crash()]).set_index("limit")
    assert broken.loc["solvency", "verdict"] == "broken_already"
    assert (broken["verdict"] != "broken_already").any()
    assert portfolio_stress(held, poor.surface, stress_vector(crash(), held)).redemption_base == 0.0


@pytest.mark.feature("AP-PF-01")
def test_a_missing_rate_refuses_that_portfolio_alone() -> None:
    yen = SOUND.positions.iloc[[0]].assign(portfolio_id="q", currency="JPY")
    positions = pd.concat([SOUND.positions, yen], ignore_index=True)
    case = replace(SOUND, positions=positions)
    accounts = pd.concat([case.accounts, case.accounts.assign(portfolio_id="q")])
    refused = refused_portfolios(positions, accounts, case.rates, SESSION)
    assert list(refused) == ["q"]
    assert "no exchange rate from JPY to USD" in refused["q"]
    assert [each.portfolio_id for each in holdings(positions, accounts, case.rates, case.surface, SESSION)] == ["p"]


@pytest.mark.feature("AP-PF-01")
def test_accounts_that_state_one_instrument_in_two_currencies_are_not_added() -> None:
    second = SOUND.positions.iloc[[1]].assign(account="b", price=np.nan)
    wrong = "EUR" if SOUND.positions["currency"][1] != "EUR" else "USD"
    both = pd.concat([SOUND.positions, second.assign(currency=wrong)], ignore_index=True)
    held = replace(SOUND, positions=both).held()
    assert held.reason[list(held.instrument_id).index(NAMES[1])] == "currency_differs"
    agreeing = replace(SOUND, positions=pd.concat([SOUND.positions, second], ignore_index=True)).held()
    at = list(agreeing.instrument_id).index(NAMES[1])
    assert agreeing.reason[at] == ""
    assert agreeing.quantity[at] == pytest.approx(2.0 * SOUND.positions["quantity"][1])


@pytest.mark.feature("AP-PF-01")
def test_of_two_marks_the_younger_values_the_position() -> None:
    old = SOUND.positions.iloc[[1]].assign(
        account="A", price=1.0, observed_at=DAY.tz_localize("UTC") - pd.Timedelta(days=2)
    )
    young = SOUND.positions.iloc[[1]].assign(account="b", price=2.0)
    for rows in ([old, young], [young.assign(account="A"), old.assign(account="b")]):
        case = market(replace(SOUND, positions=pd.concat(rows, ignore_index=True)), 1, price=np.nan)
        [price] = case.held().price
        assert price == 2.0


@pytest.mark.feature("ET-MR-09")
def test_a_correlation_that_is_none_is_repaired_or_refused_with_its_eigenvalue() -> None:
    wrong = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    assert np.linalg.eigvalsh(wrong)[0] == pytest.approx(-0.8)
    fixed = nearest_correlation(wrong)
    assert np.linalg.eigvalsh(fixed)[0] > 0.0
    np.testing.assert_array_equal(np.diag(fixed), 1.0)
    with pytest.raises(ConfigError, match=r"smallest eigenvalue of the covariance is -0.8, allowed 0 or more"):
        RiskModel.from_covariance(wrong)


@pytest.mark.feature("ET-MR-04")
def test_a_short_history_is_left_out_by_name_and_the_others_are_not() -> None:
    returns = np.random.default_rng(1).normal(0.0, 0.01, (100, 3))
    returns[:85, 1] = np.nan
    days = np.arange(100).astype("datetime64[D]")
    found = complete_scenarios(days, returns, np.full(3, "equity", dtype=object), np.array([0, 1, 2, -1]), window=100)
    assert found.reason.tolist() == ["", "short_history", "", "no_price_history"]
    np.testing.assert_array_equal(found.returns[:, 0], returns[:, 0])


@pytest.mark.feature("AP-ST-01")
def test_a_scenario_with_an_unknown_key_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'spred_mult'; did you mean 'spread_mult'"):
        crash(CRASH.replace("spread_mult", "spred_mult"))
    with pytest.raises(ConfigError, match=r"unknown class 'ig_bonds'; did you mean 'ig_bond'"):
        crash(CRASH.replace("classes.every", "classes.ig_bonds"))


@pytest.mark.feature("AI-PF-05")
def test_limits_that_contradict_each_other_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"min_weight 0.5 is above max_weight 0.2; the two contradict"):
        AllocationLimits(min_weight=0.5, max_weight=0.2)


@pytest.mark.feature("AP-PF-01")
def test_one_position() -> None:
    case = generated(8, 1, complete=True)
    held, told = case.held(), tables(case)
    assert len(held) == 1
    assert told.portfolios["hhi"].item() == 1.0
    checks = {each.limit: each for each in check_limits(held, case.surface, np.array([40.0]), DEFAULT_POLICY)}
    assert checks["max_position_frac"].value == 1.0
    assert checks["max_position_frac"].passed is False
    results = stress_results(SESSION, [held], case.surface, [crash()]).set_index("instrument_id")
    assert results["price_loss_base"].nunique() == 1  # the whole is its only part


@pytest.mark.feature("AP-PF-01")
def test_no_position_at_all() -> None:
    empty = replace(SOUND, positions=SOUND.positions.iloc[:0])
    held, told = empty.held(), tables(empty)
    assert (len(held), held.equity_base) == (0, 1.25e5)
    assert np.isnan(told.portfolios["sold_1_frac"].item())
    assert told.limits["passed"].isna().all()
    assert len(stress_results(SESSION, [held], empty.surface, [crash()])) == 1


@pytest.mark.slow
@pytest.mark.feature("AP-PF-01")
def test_ten_thousand_positions() -> None:
    case = generated(1, 10_000)
    begun = time.process_time()
    held, told = case.held(), tables(case)
    breaks = reverse_stress(SESSION, [held], case.surface, [crash()])
    assert time.process_time() - begun < 60.0  # runs away no more; benchmarks hold the figures
    assert len(told.positions) == 10_000
    assert set(held.reason) >= {"", "unknown_instrument", "no_volume"}
    assert len(breaks) == 8
