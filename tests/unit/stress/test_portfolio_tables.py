"""Tables of stress: contracts hold, sums conserve, reverse stress is the headroom's zero."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.risk_stress import (
    LIQUIDATION_CASCADE,
    REVERSE_STRESS,
    STRESS_GRID,
    STRESS_RESULTS,
    WHOLE_PORTFOLIO,
)
from liquidity.contracts.validation import audit
from liquidity.portfolio.limits import check_limits
from liquidity.portfolio.policy import DEFAULT_POLICY
from liquidity.stress.grid import WhatIfAxes
from liquidity.stress.measures import headroom, portfolio_stress
from liquidity.stress.portfolio_tables import cascades, reverse_stress, stress_grid, stress_results
from liquidity.stress.vector import stress_vector
from resources.scenarios import load_scenarios
from tests.unit.stress.portfolios import make_holdings, make_surface
from tests.unit.stress.test_replay import CRISIS, PANEL

SESSION = date(2026, 3, 20)
SCENARIOS = load_scenarios()


def assert_keeps(frame: pd.DataFrame, contract) -> None:
    judged = audit(table_from_frame(frame, contract), contract, session_date=SESSION)
    assert not judged.violations, judged.violations


@pytest.mark.feature("ET-ST-03", "AP-ST-01", "BX-ST-05")
def test_the_whole_is_the_sum_of_its_positions() -> None:
    held = [make_holdings(), replace(make_holdings(unknown=True), portfolio_id="other")]
    table = stress_results(SESSION, held, make_surface(), SCENARIOS.values(), panels={"test": (CRISIS, PANEL)})
    assert_keeps(table, STRESS_RESULTS)
    assert len(table) == (len(SCENARIOS) + 1) * (9 + 10)
    assert set(table["kind"]) == {"scenario", "replay"}
    money = [
        "value_before_base",
        "value_after_base",
        "price_loss_base",
        "cost_plan_before_base",
        "cost_plan_after_base",
        "stressed_loss_base",
    ]
    for _, rows in table.groupby(["portfolio_id", "scenario"]):
        whole, positions = (
            rows[rows["instrument_id"] == WHOLE_PORTFOLIO],
            rows[rows["instrument_id"] != WHOLE_PORTFOLIO],
        )
        for name in money:
            assert whole[name].iloc[0] == pytest.approx(positions[name].sum(), rel=1e-12, abs=1e-6), name
        assert whole["nav_after_base"].iloc[0] == pytest.approx(
            whole["nav_before_base"].iloc[0] - whole["price_loss_base"].iloc[0]
        )


@pytest.mark.feature("AP-ST-01")
def test_the_shares_are_those_of_the_limits() -> None:
    held, surface = make_holdings(), make_surface()
    calm = portfolio_stress(held, surface, stress_vector(SCENARIOS["gfc_2008"], held).scaled(0.0))
    checks = {each.limit: each for each in check_limits(held, surface, np.full(8, np.nan), DEFAULT_POLICY)}
    assert calm.daily_before_frac == calm.daily_after_frac == pytest.approx(checks["min_daily_liquidatable_frac"].value)
    assert calm.illiquid_before_frac == pytest.approx(checks["max_illiquid_frac"].value)
    gaps = headroom(calm)
    for name, check in checks.items():
        if name != "min_portfolio_score":
            assert (gaps[name] >= 0.0) == bool(check.passed)


@pytest.mark.feature("AP-ST-01")
def test_cash_due_against_cash_available() -> None:
    held, surface = make_holdings(cash=5e5), make_surface()
    found = portfolio_stress(held, surface, stress_vector(SCENARIOS["covid_2020"], held))
    gross = np.abs(held.value_base)
    weights = np.array([0.05, 0.10, 0.12, 0.12, 0.03, 0.0, 0.0, 0.0])
    assert found.redemption_base == pytest.approx(held.equity_base * (gross * weights).sum() / gross.sum())
    assert found.margin_call_base == pytest.approx(0.05 * (gross[4] + gross[5] + gross[6]))
    assert found.cash_coverage_ratio == pytest.approx(
        found.cash_available_base / (found.redemption_base + found.margin_call_base)
    )
    assert found.cash_available_base < 5e5 + held.value_base.sum()


def test_negative_equity_is_broken_and_redeems_nothing() -> None:
    held = replace(make_holdings(), equity_base=-1e6)
    found = portfolio_stress(held, make_surface(), stress_vector(SCENARIOS["covid_2020"], held))
    assert found.redemption_base == 0.0
    assert headroom(found)["solvency"] < 0.0


@pytest.mark.feature("AI-ST-02")
def test_reverse_stress_finds_where_headroom_ends() -> None:
    held, surface = make_holdings(), make_surface()
    one = SCENARIOS["severe_stress"]
    table = reverse_stress(SESSION, [held], surface, [one, SCENARIOS["fund_redemption"]])
    assert_keeps(table, REVERSE_STRESS)
    rows = table[table["scenario"] == "severe_stress"].sort_values("place")
    assert set(rows["verdict"]) >= {"breaks"}
    full = stress_vector(one, held)
    for row in rows[rows["verdict"] == "breaks"].itertuples():
        assert headroom(portfolio_stress(held, surface, full.scaled(row.last_safe_multiple)))[row.limit] >= 0.0
        assert headroom(portfolio_stress(held, surface, full.scaled(row.multiple)))[row.limit] < 0.0
        assert row.multiple - row.last_safe_multiple <= 1e-3
    breaks = rows.loc[rows["verdict"] == "breaks", "multiple"]
    assert breaks.is_monotonic_increasing


def test_no_portfolio_no_rows() -> None:
    assert_keeps(stress_results(SESSION, [], make_surface(), SCENARIOS.values()), STRESS_RESULTS)
    assert_keeps(reverse_stress(SESSION, [], make_surface(), SCENARIOS.values()), REVERSE_STRESS)
    empty = make_holdings(np.zeros(8), cash=0.0)
    table = stress_results(SESSION, [empty], make_surface(), [SCENARIOS["gfc_2008"]])
    assert_keeps(table, STRESS_RESULTS)
    assert table["stressed_loss_base"].sum() == 0.0


@pytest.mark.feature("PL-ST-04")
def test_cascades_on_the_surfaces_books() -> None:
    at = datetime(2026, 3, 20, 12, tzinfo=UTC)
    levels = pd.DataFrame(
        {
            "session_date": SESSION,
            "instrument_id": ["binance:SOLUSDT-PERP"] * 3 + ["sim:GOV"],
            "at": at,
            "side": ["long", "long", "short", "long"],
            "price_level": [96.0, 94.0, 105.0, 96.0],
            "notional_quote": [4e6, 2e7, 1e7, 1e6],
            "distance_frac": [-0.04, -0.06, 0.05, -0.04],
            "covered_frac": 0.4,
        }
    )
    table = cascades(SESSION, levels, make_surface(), [0.0, 0.05], [0.0, 0.9])
    assert_keeps(table, LIQUIDATION_CASCADE)
    assert set(table["instrument_id"]) == {"binance:SOLUSDT-PERP"}
    assert len(table) == 4
    calm = table[(table["first_fall_frac"] == 0.05) & (table["depth_haircut_frac"] == 0.0)].iloc[0]
    thin = table[(table["first_fall_frac"] == 0.05) & (table["depth_haircut_frac"] == 0.9)].iloc[0]
    assert (calm["levels_reached"], calm["price_before"]) == (1, pytest.approx(100.0))
    assert thin["price_after"] < calm["price_after"] < 95.0
    assert calm["observed_level_frac"] == 0.0
    assert table.loc[table["first_fall_frac"] == 0.0, "rounds"].eq(0).all()


@pytest.mark.feature("AP-ST-01")
def test_grid_table() -> None:
    axes = WhatIfAxes((0.0, 0.2), (1.0, 3.0), (0.0, 0.5), (0.0, 0.5), (1.0, 2.0))
    table = stress_grid(SESSION, [make_holdings(unknown=True)], make_surface(), axes)
    assert_keeps(table, STRESS_GRID)
    assert table["cell"].tolist() == list(range(32))
    assert set(table["left_out"]) == {1}
    assert table["stressed_loss_base"].iloc[-1] == table["stressed_loss_base"].max()
    assert_keeps(stress_grid(SESSION, [], make_surface(), axes), STRESS_GRID)


@pytest.mark.feature("PL-ST-04")
def test_a_forced_sale_within_the_visible_bids_brings_the_money_that_rests_there() -> None:
    # The bids hold 1m at 0.5 bps, 4m at 3 bps and 15m at 12 bps; their units are that money at each bid's own price.
    units = 1e6 / (100.0 * (1.0 - 0.5e-4)) + 4e6 / (100.0 * (1.0 - 3e-4))
    levels = pd.DataFrame(
        {
            "session_date": SESSION,
            "instrument_id": ["binance:SOLUSDT-PERP"],
            "at": datetime(2026, 3, 20, 12, tzinfo=UTC),
            "side": ["long"],
            "price_level": [100.0],
            "notional_quote": [100.0 * units],
            "distance_frac": [0.0],
            "covered_frac": 1.0,
        }
    )
    [row] = cascades(SESSION, levels, make_surface(), [0.0], [0.0]).to_dict("records")
    assert row["received_quote"] == pytest.approx(5e6, rel=1e-12)
    assert row["visible_fill_frac"] == pytest.approx(1.0)


@pytest.mark.feature("AP-ST-01")
def test_the_origin_of_a_portfolio_is_that_of_its_instruments() -> None:
    held, market = make_holdings(), make_surface()
    some = market.origin.copy()
    some[0] = "simulated"
    for origin, told in (
        (market.origin, "recorded"),
        (some, "mixed"),
        (np.full(8, "simulated", dtype=object), "simulated"),
    ):
        assert held.joint_origin(replace(market, origin=origin).origin) == told
    assert replace(held, place=np.full(8, -1)).joint_origin(market.origin) == "mixed"
