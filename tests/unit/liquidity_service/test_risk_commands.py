"""``pulse assess | portfolio | stress | report`` on a small lake: numbers are the surface's and the tables', refusals help."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import (
    ACCOUNTS,
    FUND_FLOWS,
    FX_RATES,
    LIQUIDITY_INDEX,
    LIQUIDITY_SURFACE,
    PORTFOLIO_LIQUIDITY,
    POSITIONS,
    REDEMPTION_COVERAGE,
    REGULATORY_BUCKETS,
    REGULATORY_TESTS,
    REVERSE_STRESS,
    STRESS_GRID,
    STRESS_RESULTS,
    SURFACE_CURVES,
    WHOLE_PORTFOLIO,
)
from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.policy import DEFAULT_POLICY
from liquidity.portfolio.portfolio_tables import portfolio_tables
from liquidity.regulation.packs import ReportTables, fund_holdings, liability_of, report_packs, table_of
from liquidity.stress.grid import WhatIfAxes
from liquidity.stress.portfolio_tables import reverse_stress, stress_grid, stress_results
from liquidity_service.cli import main
from liquidity_service.portfolio_table import breaking_line, risk_line
from liquidity_service.risk_tables import nearest
from resources.lake import Lake
from resources.scenarios import load_scenarios

DAY = date(2026, 3, 19)
AT = datetime(2026, 3, 19, 12, tzinfo=UTC)
NAMES = ("nse:BONDA", "nse:BONDB", "nse:GOVT", "binance:BTCUSDT")
CLASSES = ("bond_corporate", "bond_corporate", "bond_sovereign", "crypto_spot")
QUANTITY = (2e5, 1e5, 5e4, 10.0)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A fund of three bonds and a coin, one of the bonds without volume; and a book that lacks a rate."""
    lake = Lake(tmp_path_factory.mktemp("risk") / "lake")
    surface = LiquiditySurface.of(
        NAMES,
        spread_bps=[20.0, 60.0, 5.0, 1.0],
        adv_ccy=[2e7, 0.0, 5e7, 1e9],
        volatility_daily_frac=[0.004, 0.006, 0.003, 0.03],
        price=[100.0, 98.0, 101.0, 60_000.0],
        asset_class=CLASSES,
        session_date=DAY,
    )
    day = pd.Timestamp(DAY)
    shared = {"session_date": day, "observed_at": pd.Timestamp(AT), "source": "custodian"}
    positions = pd.DataFrame(
        [
            {**shared, "portfolio_id": "alpha_fund", "instrument_id": name, "account": "main", "quantity": quantity, "currency": "USD"}
            for name, quantity in zip(NAMES, QUANTITY, strict=True)
        ]
        + [{**shared, "portfolio_id": "beta_book", "instrument_id": NAMES[3], "account": "main", "quantity": 1.0, "currency": "USD"}]
    ).reindex(columns=list(POSITIONS.column_names))  # fmt: skip
    accounts = pd.DataFrame(
        [
            {**shared, "portfolio_id": "alpha_fund", "account": "main", "currency": "USD", "kind": "fund", "base_currency": "USD", "cash": 1e6},
            {**shared, "portfolio_id": "beta_book", "account": "main", "currency": "JPY", "kind": "crypto_book", "base_currency": "JPY", "cash": 1e6},
        ]
    ).reindex(columns=list(ACCOUNTS.column_names))  # fmt: skip
    positions = positions.astype(dict.fromkeys(("entry_price", "price", "leverage"), "float64"))
    positions["settlement_days"] = positions["settlement_days"].astype("Int64")
    accounts = accounts.astype(dict.fromkeys(("equity", "units"), "float64"))
    rates = frame_from_table(empty_table(FX_RATES))
    index = pd.DataFrame(
        {"session_date": day, "instrument_id": list(NAMES), "liquidity_score": [55.0, 20.0, 80.0, 90.0]}
    )
    tables = portfolio_tables(positions, accounts, rates, index, surface, DAY, DEFAULT_POLICY)
    for contract, rows in tables.with_contracts():
        lake.publish(contract, DAY, rows)
    for contract, rows in zip((LIQUIDITY_SURFACE, SURFACE_CURVES), surface.to_tables(), strict=True):
        lake.publish(contract, DAY, rows)
    known = ReportTables(positions, accounts, rates, frame_from_table(empty_table(FUND_FLOWS)), surface)
    [held] = fund_holdings(known, DAY)
    scenarios = [load_scenarios()[name] for name in ("gfc_2008", "luna_2022", "flash_crash")]
    lake.publish(STRESS_RESULTS, DAY, stress_results(DAY, [held], surface, scenarios))
    lake.publish(REVERSE_STRESS, DAY, reverse_stress(DAY, [held], surface, scenarios))
    axes = WhatIfAxes((0.0, 0.2), (1.0, 3.0), (0.0, 0.5), (0.0,), (1.0,))
    lake.publish(STRESS_GRID, DAY, stress_grid(DAY, [held], surface, axes))
    told = liability_of(held, known, DAY, scenarios[:1])
    packs = report_packs(
        known,
        DAY,
        scenarios[:1],
        regimes=("sec22e4", "esma"),
        portfolios=("alpha_fund",),
        liabilities={"alpha_fund": told},
    )
    lake.publish(REDEMPTION_COVERAGE, DAY, table_of(REDEMPTION_COVERAGE, [told.coverage]))
    lake.publish(REGULATORY_BUCKETS, DAY, table_of(REGULATORY_BUCKETS, [each.buckets for each in packs]))
    lake.publish(REGULATORY_TESTS, DAY, table_of(REGULATORY_TESTS, [each.test_rows() for each in packs]))
    return lake


@pytest.fixture
def pulse(lake, tmp_path, monkeypatch, capsys):
    """Run a command in a workspace with that lake: exit code, what was printed, what was complained of."""
    monkeypatch.setenv("PULSE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PULSE_LAKE_DIR", str(lake.root))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("PULSE_REAL_DATA", "PULSE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def rows_of(lake, contract):
    return frame_from_table(lake.read(contract, DAY, DAY))


@pytest.mark.feature("AP-PO-01")
def test_an_order_costs_what_the_surface_says_at_every_horizon(lake, pulse):
    code, out, _ = pulse("assess", NAMES[0], 50_000, "--json")
    assert code == 0
    told = json.loads(out)
    whole = LiquiditySurface.from_tables(rows_of(lake, LIQUIDITY_SURFACE))
    surface = whole.take(whole.places(np.array([NAMES[0]], dtype=object)))
    assert [each["horizon_sessions"] for each in told["costs"][1:]] == [1.0, 3.0, 5.0, 10.0]
    stressed = surface.stressed(DEFAULT_POLICY.stress)
    for each in told["costs"]:
        for market, name in ((surface, "cost_bps"), (stressed, "stressed_cost_bps")):
            cost = market.cost(-1, np.array([5e6]), each["horizon_sessions"])
            assert each[name]["expected"] == pytest.approx(cost.expected_bps.item())
            assert each[name]["p75"] == pytest.approx(cost.at(0.75).item())
            assert each[name]["p95"] == pytest.approx(cost.at(0.95).item())
        assert each["cost_bps"]["expected"] <= each["stressed_cost_bps"]["expected"]
        assert each["cost_ccy"] == pytest.approx(5e6 * each["cost_bps"]["expected"] / 1e4)
    assert told["order_adv_frac"] == pytest.approx(0.25)
    assert told["days_to_liquidate"] == pytest.approx(2.5)  # a tenth of the volume at medium urgency
    assert told["liquidity_score"] is None  # no index is published
    assert told["plan_required"] is True
    assert {"above_max_adv", "plan_required", "no_score"} <= {each["code"] for each in told["warnings"]}


def test_an_assessment_is_printed_with_time_method_age_and_warnings(pulse):
    code, out, _ = pulse("assess", NAMES[0], "5000000", "--money", "--side", "buy", "--urgency", "high")
    assert code == 0
    assert f"buying 50,000 of {NAMES[0]}, session {DAY}, recorded, urgency high" in out
    assert "25.0% of average daily volume (20,000,000 USD)" in out
    assert "method observed, inputs 0 sessions old" in out
    assert "10 sessions" in out
    assert (
        "critical: the size is a larger share of daily volume than should be held or ordered: 0.25 of ADV, limit 0.2"
        in out
    )


def test_an_order_without_volume_never_ends_and_says_so(pulse):
    code, out, _ = pulse("assess", NAMES[1], 10)
    assert "never: no volume" in out
    assert "critical: no known volume" in out
    assert code == int("no cost:" in out)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("assess", "nse:BOND", 5), 2, "no surface has it; did you mean nse:BONDA or nse:BONDB or"),
        (("assess", "binance:btcusdt", 5), 2, "did you mean binance:BTCUSDT"),
        (("assess", NAMES[0], 5, "--session", "2026-03-18"), 2, "liquidity_surface has no session 2026-03-18; nearest are 2026-03-19"),
        (("portfolio", "alfa_fund"), 2, "no portfolio 'alfa_fund'; did you mean alpha_fund?"),
        (("portfolio", "--session", "2026-03-18"), 2, "portfolio_liquidity has no session 2026-03-18"),
        (("stress", "--portfolio", "alpha_fund", "--scenario", "gfc"), 2, "no scenario 'gfc' on 2026-03-19; did you mean gfc_2008?"),
        (("stress", "--portfolio", "beta_book"), 1, "no stress is stored for it"),
        (("report", "sebi"), 1, "no sebi pack is stored for any portfolio"),
        (("report", "esma", "--out", "pack.txt"), 2, "the ending says the form; write .json or .md"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused_with_the_nearest(pulse, words, code, told):
    found, _, err = pulse(*words)
    assert (found, told in err) == (code, True), err


def test_an_empty_workspace_says_what_makes_the_tables(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PULSE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PULSE_LAKE_DIR", str(tmp_path / "lake"))
    for words in (["portfolio"], ["assess", "X", "1"], ["stress"], ["report", "frtb"]):
        assert main(words) == 1
        assert "pulse run portfolio_risk --start DAY" in capsys.readouterr().err


@pytest.mark.feature("AP-PF-01", "AP-PF-02")
def test_a_portfolio_is_told_with_ladder_names_limits_and_breaking_point(lake, pulse):
    code, out, _ = pulse("portfolio", "alpha_fund")
    assert code == 0
    [whole] = rows_of(lake, PORTFOLIO_LIQUIDITY).query("portfolio_id == 'alpha_fund'").to_dict("records")
    lines = out.splitlines()
    first = next(line for line in lines if "T+1 " in line)
    assert f"{whole['sold_1_frac']:.1%}" in first
    assert f"{whole['stressed_sold_1_frac']:.1%}" in first
    slowest = lines.index(next(line for line in lines if "slowest to leave" in line))
    listed = [line for line in lines[slowest:] if any(name in line for name in NAMES)][:4]
    assert NAMES[1] in listed[0]
    assert "never" in listed[0]
    assert f"limits: {whole['limits_failed_count']} of 7 broken" in out
    assert "breaks first: " in out or "broken without stress" in out
    assert "market risk" not in out  # none is stored


def test_all_portfolios_are_listed_and_a_refused_one_says_why(pulse):
    code, out, _ = pulse("portfolio")
    assert code == 0
    assert "portfolios: 2" in out
    assert "beta_book: " in out
    refused, out, _ = pulse("portfolio", "beta_book")
    assert refused == 1
    assert "USD" in out


@pytest.mark.feature("AP-ST-01")
def test_scenarios_are_listed_by_loss_and_silent_ones_apart(lake, pulse):
    code, out, _ = pulse("stress", "--portfolio", "alpha_fund", "--grid")
    assert code == 0
    whole = rows_of(lake, STRESS_RESULTS).query("instrument_id == @WHOLE_PORTFOLIO").set_index("scenario")
    order = [name for name in whole.sort_values("stressed_loss_base", ascending=False).index if f" {name} " in out]
    places = [out.index(f" {name} ") for name in order]
    assert places == sorted(places)
    assert f"{whole.loc['gfc_2008', 'stressed_loss_base'] / 1e3:,.0f}" in out
    assert "what breaks first" in out
    assert "what-if grid" in out
    assert out.count(" x3 ") == 2  # two falls with the spread three times as wide


def test_a_scenario_that_shocks_nothing_held_is_named_and_not_shown_as_harmless(lake, tmp_path, monkeypatch, capsys):
    rows = rows_of(lake, STRESS_RESULTS)
    own = Lake(tmp_path / "lake")
    for contract in (PORTFOLIO_LIQUIDITY, REVERSE_STRESS, STRESS_GRID):
        own.publish(contract, DAY, rows_of(lake, contract))
    rows.loc[rows["scenario"] == "luna_2022", "reason"] = "not_in_scenario"
    own.publish(STRESS_RESULTS, DAY, rows)
    monkeypatch.setenv("PULSE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PULSE_LAKE_DIR", str(own.root))
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["stress", "--portfolio", "alpha_fund"]) == 0
    assert "no shock of what alpha_fund holds in: luna_2022" in capsys.readouterr().out


def test_one_scenario_is_told_position_by_position(lake, pulse):
    code, out, _ = pulse("stress", "--portfolio", "alpha_fund", "--scenario", "gfc_2008")
    assert code == 0
    assert all(name in out for name in (*NAMES, WHOLE_PORTFOLIO))
    limits = set(rows_of(lake, REVERSE_STRESS)["limit"])
    assert all(limit in out for limit in limits)


@pytest.mark.feature("BX-RM-04")
def test_a_pack_is_the_stored_one_in_every_form(lake, pulse, tmp_path):
    stored = rows_of(lake, REGULATORY_TESTS).query("regime == 'esma'").set_index("test")
    code, out, _ = pulse("report", "esma", "--json")
    assert code == 0
    told = json.loads(out)
    assert {each["test"]: each["value"] for each in told["tests"]} == {
        name: None if np.isnan(value) else value for name, value in stored["value"].items()
    }
    assert len(told["tables"]["Redemption coverage"]) == len(rows_of(lake, REDEMPTION_COVERAGE))
    assert sum(row["value_base"] for row in told["tables"]["Value by bucket"]) == pytest.approx(
        rows_of(lake, REGULATORY_BUCKETS).query("regime == 'esma'")["value_base"].sum()
    )
    file = tmp_path / "pack.md"
    code, out, _ = pulse("report", "esma", "--portfolio", "alpha_fund", "--out", file)
    assert code == 0
    assert f"{file}: esma of alpha_fund, {(stored['passed'] == False).sum()} tests fail" in out  # noqa: E712
    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"# ESMA liquidity stress test: alpha_fund, {DAY}")
    assert "## Lineage" in text
    assert f"liquidity_surface@{DAY}" in text
    code, out, _ = pulse("report", "sec22e4")
    assert code == 0
    assert "illiquid_frac" in out


def test_lines_of_risk_and_breaking_hold_interval_and_multiple():
    shared = {"portfolio_id": "p", "n": 250, "covered_frac": 0.98}
    risk = pd.DataFrame(
        [
            {**shared, "measure": "var_historical", "confidence": "0.99", "value_base": 1e4, "low_base": 8e3, "high_base": 1.5e4, "reason": ""},
            {**shared, "measure": "mean_correlation", "confidence": "none", "value_base": np.nan, "low_base": np.nan, "high_base": np.nan, "reason": "", "n": 900},
            {**shared, "measure": "es_historical", "confidence": "0.975", "value_base": np.nan, "low_base": np.nan, "high_base": np.nan, "reason": "too_few_scenarios"},
        ]
    )  # fmt: skip
    line = risk_line(risk, "USD", 1e6)
    assert "one session, 250 scenarios, 98% of gross value inside" in line
    assert "99 % VaR 10,000 USD, 1.00% of net assets, 90 % of resamples 8,000 to 15,000" in line
    assert "97.5 % ES - (too_few_scenarios)" in line
    assert risk_line(risk.iloc[:0], "USD", 1e6) == ""
    breaks = pd.DataFrame(
        [
            {"scenario": "a", "limit": "x", "verdict": "breaks", "multiple": 1.5, "monotone": True},
            {"scenario": "b", "limit": "y", "verdict": "breaks", "multiple": 0.5, "monotone": False},
            {"scenario": "b", "limit": "z", "verdict": "broken_already", "multiple": 0.0, "monotone": True},
        ]
    )
    assert breaking_line(breaks) == "broken without stress: z; breaks first: y at 0.5 x b (not monotone)"
    assert breaking_line(breaks.iloc[:0]) == ""


def test_names_alike_are_found_whatever_their_case():
    known = ["demo_fund", "demo_crypto_book", "recorded_equity_usd"]
    assert nearest("fund", known) == "did you mean demo_fund?"
    assert nearest("DEMO_FUN", known) == "did you mean demo_fund?"
    assert nearest("zzz", [f"n{k}" for k in range(9)]) == "there are n0, n1, n2, n3 and 5 more"


def test_the_newest_session_of_each_portfolio_is_taken(lake, tmp_path, monkeypatch, capsys):
    own = Lake(tmp_path / "lake")
    rows = rows_of(lake, PORTFOLIO_LIQUIDITY)
    later = DAY + timedelta(days=1)
    own.publish(PORTFOLIO_LIQUIDITY, DAY, rows)
    only = rows[rows["portfolio_id"] == "beta_book"].assign(session_date=pd.Timestamp(later))
    own.publish(PORTFOLIO_LIQUIDITY, later, only)
    monkeypatch.setenv("PULSE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PULSE_LAKE_DIR", str(own.root))
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["portfolio"]) == 0
    lines = capsys.readouterr().out.splitlines()
    sessions = {
        name: next(line for line in lines if name in line and "│" in line) for name in ("alpha_fund", "beta_book")
    }
    assert str(DAY) in sessions["alpha_fund"]
    assert str(later) in sessions["beta_book"]


def test_the_scores_of_the_index_are_read_where_they_are(lake, tmp_path, monkeypatch, capsys):
    from tests.unit.risk_assets.test_market_risk import filled

    own = Lake(tmp_path / "lake")
    own.publish(LIQUIDITY_SURFACE, DAY, rows_of(lake, LIQUIDITY_SURFACE))
    row = {
        "session_date": pd.Timestamp(DAY),
        "instrument_id": NAMES[0],
        "asset_class": CLASSES[0],
        "liquidity_score": 55.0,
        "method": "observed",
        "config_hash": "0" * 16,
    }
    own.publish(LIQUIDITY_INDEX, DAY, filled(LIQUIDITY_INDEX, [row]))
    monkeypatch.setenv("PULSE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PULSE_LAKE_DIR", str(own.root))
    assert main(["assess", NAMES[0], "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["liquidity_score"] == 55.0
