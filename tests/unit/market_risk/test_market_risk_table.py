from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.risk_market import CORRELATION, MARKET_RISK, RISK_CONTRIBUTIONS, VAR_BACKTEST
from liquidity.contracts.validation import inspect_rows
from liquidity.market_risk.backtest_table import backtest_rows, backtest_window, var_path
from liquidity.market_risk.drawdown import HighWater
from liquidity.market_risk.liquidity_adjusted import ExitCosts
from liquidity.market_risk.market_risk_table import (
    CONFIDENCES,
    MEASURES,
    contribution_rows,
    correlation_of,
    correlation_rows,
    risk_rows,
)
from liquidity.market_risk.portfolio_scenarios import PortfolioScenarios, level_name
from liquidity.market_risk.scenarios import Scenarios
from liquidity.market_risk.tail import var_es_hist


def portfolio(n: int = 400, **changes: object) -> PortfolioScenarios:
    random = np.random.default_rng(3)
    returns = random.standard_t(4, (n, 4)) * 0.01
    returns[:, 3] = 0.0
    made = PortfolioScenarios(
        session_date=date(2026, 3, 2),
        portfolio_id="demo",
        origin="simulated",
        instrument_id=np.array(["XNYS:AA", "XNYS:BB", "XNYS:CC", "XNYS:DD"], dtype=object),
        value_base=np.array([1e6, -4e5, 2e5, 1e5]),
        equity_base=1e6,
        scenarios=Scenarios(
            np.datetime64("2024-01-01") + np.arange(n),
            returns,
            np.array([0.0, 0.1, 0.0, 0.0]),
            np.array(["", "", "", "short_history"], dtype=object),
        ),
        costs=ExitCosts(
            np.array([100.0, 400.0, 50.0, 10.0]),
            np.array([10.0, 900.0, 5.0, np.nan]),
            np.array([1.0, 8.0, 1.0, np.nan]),
            np.zeros(4, dtype=bool),
        ),
    )
    return replace(made, **changes)


def passes(rows: pd.DataFrame, contract) -> None:
    found = inspect_rows(table_from_frame(rows, contract), contract)
    assert found.accepted.num_rows == len(rows), found


def value(rows: pd.DataFrame, measure: str, confidence: float = 0.0) -> float:
    row = rows[(rows["measure"] == measure) & (rows["confidence"] == level_name(confidence))]
    assert len(row) == 1
    return float(row["value_base"].fillna(row["value_number"]).iloc[0])


@pytest.mark.feature("PL-MR-06", "PL-MR-11")
def test_every_measure_is_there_once_and_in_order() -> None:
    held = portfolio()
    places, correlation = correlation_of(held, held.scenarios.returns)
    rows = risk_rows(held, water=HighWater(1.2e6, 1 / 6), correlation=correlation)
    passes(rows, MARKET_RISK)
    for measure in MEASURES:
        levels = rows.loc[rows["measure"] == measure.name, "confidence"].tolist()
        assert levels == ([level_name(each) for each in CONFIDENCES] if measure.per_level else ["none"])
        assert set(rows.loc[rows["measure"] == measure.name, "unit"]) == {measure.unit}
    for measure in (each.name for each in MEASURES if each.per_level):
        numbers = [value(rows, measure, level) for level in CONFIDENCES]
        assert numbers == sorted(numbers)
    assert value(rows, "var_historical", 0.99) == var_es_hist(held.results, 0.99).var_linear
    assert value(rows, "es_historical", 0.99) >= value(rows, "var_historical", 0.99)
    assert value(rows, "lvar", 0.99) > value(rows, "var_historical", 0.99)
    assert value(rows, "exit_cost_exogenous") == 550.0
    assert value(rows, "leverage") == pytest.approx(1.7)
    assert value(rows, "high_water_mark") == 1.2e6
    assert 1.0 <= value(rows, "effective_bets") <= 3.0
    assert rows["covered_frac"].to_numpy() == pytest.approx(1.6 / 1.7)
    interval = rows[(rows["measure"] == "var_historical")]
    assert (interval["low_base"] <= interval["value_base"]).all()
    assert len(correlation_rows(held, places, correlation)) == 3
    passes(correlation_rows(held, places, correlation), CORRELATION)


def test_parts_sum_to_the_measures() -> None:
    held = portfolio()
    rows, parts = risk_rows(held), contribution_rows(held)
    passes(parts, RISK_CONTRIBUTIONS)
    for confidence in (0.95, 0.99):
        mine = parts[parts["confidence"] == level_name(confidence)]
        assert mine["component_var_base"].sum() == pytest.approx(value(rows, "var_historical", confidence))
        assert mine["component_es_base"].sum() == pytest.approx(value(rows, "es_historical", confidence))
        assert mine["component_lvar_base"].sum() == pytest.approx(value(rows, "lvar", confidence))
        assert mine["standalone_var_base"].sum() == pytest.approx(value(rows, "var_undiversified", confidence))
    left_out = parts[parts["instrument_id"] == "XNYS:DD"]
    assert set(left_out["reason"]) == {"short_history"}
    assert left_out["component_var_base"].isna().all()


def test_nothing_is_invented_where_something_is_missing() -> None:
    few = risk_rows(portfolio(12))
    passes(few, MARKET_RISK)
    tails = few[few["confidence"] != "none"]
    assert tails["value_base"].isna().all()
    assert set(tails["reason"]) == {"too_few_scenarios"}
    passes(contribution_rows(portfolio(12)), RISK_CONTRIBUTIONS)
    bare = risk_rows(portfolio(costs=None, equity_base=-5.0))
    passes(bare, MARKET_RISK)
    reasons = bare.set_index(["measure", "confidence"])["reason"]
    assert reasons["lvar", "0.99"] == "no_surface"
    assert reasons["leverage", "none"] == "equity_not_positive"
    assert reasons["high_water_mark", "none"] == "no_equity"
    assert value(bare, "var_historical", 0.99) > 0.0
    unknown = portfolio(value_base=np.array([np.nan, -4e5, 2e5, 1e5]))
    assert set(contribution_rows(unknown).query("instrument_id == 'XNYS:AA'")["reason"]) == {"no_value"}
    nothing = portfolio(value_base=np.full(4, np.nan))
    passes(risk_rows(nothing), MARKET_RISK)
    passes(backtest_rows(nothing), VAR_BACKTEST)
    assert correlation_rows(nothing, *correlation_of(nothing, nothing.scenarios.returns)).empty


def test_a_tail_thinner_than_one_scenario_is_told() -> None:
    rows = risk_rows(portfolio(60)).set_index(["measure", "confidence"])["reason"]
    assert rows["var_historical", "0.99"] == "thin_tail"
    assert rows["var_historical", "0.95"] == ""
    assert rows["var_normal", "0.99"] == ""


def test_one_position() -> None:
    single = portfolio(
        instrument_id=np.array(["XNYS:AA"], dtype=object),
        value_base=np.array([1e5]),
        scenarios=Scenarios(
            np.datetime64("2024-01-01") + np.arange(100),
            np.random.default_rng(1).normal(0, 0.01, (100, 1)),
            np.zeros(1),
            np.array([""], dtype=object),
        ),
        costs=None,
    )
    rows = risk_rows(single)
    passes(rows, MARKET_RISK)
    assert value(rows, "effective_bets") == pytest.approx(1.0)
    assert value(rows, "concentration") == 1.0
    parts = contribution_rows(single)
    assert parts["component_var_base"].to_numpy() == pytest.approx(parts["incremental_var_base"].to_numpy())


@pytest.mark.feature("PL-MR-06")
def test_the_models_are_judged_on_the_sessions_before() -> None:
    held = portfolio(520)
    rows = backtest_rows(held)
    passes(rows, VAR_BACKTEST)
    assert len(rows) == 15
    assert set(rows["window_sessions"]) == {250}
    assert set(rows["sessions_n"]) == {270}
    zones = rows.set_index(["model", "confidence"])["zone"]
    assert zones["historical", "0.99"] in ("green", "amber", "red")
    assert pd.isna(zones["historical", "0.95"])
    path = var_path(held, "filtered", 0.99)
    assert path is not None
    assert path.hits.sum() == rows.set_index(["model", "confidence"]).loc[("filtered", "0.99"), "hits_n"]
    short = backtest_rows(portfolio(100))
    passes(short, VAR_BACKTEST)
    assert set(short["reason"]) == {"short_window"}
    none = backtest_rows(portfolio(50))
    passes(none, VAR_BACKTEST)
    assert set(none["reason"]) == {"too_few_sessions"}
    assert var_path(portfolio(50), "normal", 0.99) is None
    assert [backtest_window(n) for n in (79, 80, 269, 270)] == [0, 60, 60, 250]


@pytest.mark.feature("PL-MR-11")
def test_every_measure_is_documented_with_unit_and_formula() -> None:
    page = (Path(__file__).parents[3] / "docs" / "methodology" / "market_risk.md").read_text(encoding="utf-8")
    for measure in MEASURES:
        [line] = [line for line in page.splitlines() if line.startswith(f"| `{measure.name}` |")]
        assert line.endswith(f"| {measure.formula} |")
