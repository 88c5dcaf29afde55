"""Packs from tables: rows keep their contracts, every number has its lineage, documents can be read back."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import (
    ACCOUNTS,
    FUND_FLOWS,
    FX_RATES,
    POSITIONS,
    REDEMPTION_COVERAGE,
    REDEMPTION_RISK,
    REGIMES,
    REGULATORY_BUCKETS,
    REGULATORY_TESTS,
)
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from liquidity.market_risk.liquidity_adjusted import frtb_es
from liquidity.market_risk.portfolio_scenarios import PortfolioScenarios
from liquidity.market_risk.scenarios import Scenarios
from liquidity.market_risk.tail import es_of_rows
from liquidity.portfolio.fund_flows import flow_histories
from liquidity.portfolio.liability_tables import coverage_rows, redemption_risk_rows, redemptions_of
from liquidity.portfolio.redemption_at_risk import redemption_at_risk
from liquidity.portfolio.redemption_coverage import assets_of_holdings, redemption_coverage
from liquidity.regulation.esma import esma_pack, hqla_weights, stressed_markets
from liquidity.regulation.frtb import HORIZON_OF_CLASS, frtb_pack, horizon_shortfalls, window_returns
from liquidity.regulation.packs import ReportTables, fund_holdings, liability_of, report_packs, table_of
from liquidity.regulation.sebi import days_for_share, sebi_pack
from liquidity.regulation.thresholds import DEFAULT_THRESHOLDS, thresholds
from liquidity.stress.scenario import scenario_from
from resources.settings import load_settings
from tests.unit.regulation.conftest import NAMES, SESSION

DAY = pd.Timestamp(SESSION)
CRASH = scenario_from(
    {
        "name": "crash", "title": "Crash", "severity": "high", "basis": "judgement", "version": 1, "as_of": SESSION,
        "classes": {"every": {"price_fall_frac": 0.1, "spread_mult": 3.0, "volume_haircut_frac": 0.4, "depth_haircut_frac": 0.4, "vol_mult": 2.0}},
    },
    "crash.toml",
)  # fmt: skip


@pytest.fixture
def tables(surface, flows):
    at = pd.Timestamp("2026-03-19T20:00Z")
    money = np.array([3e7, 2e7, 4e6, 1e7, 5e6, 1e6])
    positions = pd.DataFrame(
        {"session_date": DAY, "portfolio_id": "fund", "instrument_id": NAMES, "account": "a", "quantity": [*(money / surface.price[:6]), 1000.0], "entry_price": np.nan, "price": np.nan, "currency": "USD", "margin_mode": None, "leverage": np.nan, "settlement_days": pd.NA, "observed_at": at, "source": "simulated"}
    )[list(POSITIONS.column_names)]  # fmt: skip
    book = positions.iloc[[4]].assign(portfolio_id="book")
    accounts = pd.DataFrame(
        {"session_date": DAY, "portfolio_id": ["fund", "book"], "account": "a", "currency": "USD", "kind": ["fund", "crypto_book"], "base_currency": "USD", "cash": [3e6, 1e5], "equity": np.nan, "units": [1e6, np.nan], "observed_at": at, "source": "simulated"}
    )[list(ACCOUNTS.column_names)]  # fmt: skip
    fx = pd.DataFrame(columns=list(FX_RATES.column_names))
    return ReportTables(pd.concat([positions, book]), accounts, fx, flows, surface)


@pytest.fixture
def packs(tables):
    return report_packs(tables, SESSION, [CRASH])


def keeps(rows, contract):
    judged = audit(table_from_frame(rows, contract), contract, SESSION)
    assert judged.rejected.num_rows == 0
    return judged.accepted


@pytest.mark.feature("BX-RM-04")
def test_funds_have_every_pack_and_rows_keep_their_contracts(packs, tables):
    assert [(each.portfolio_id, each.regime) for each in packs] == [
        ("book", "frtb"),
        *(("fund", regime) for regime in REGIMES),
    ]
    keeps(table_of(REGULATORY_BUCKETS, [each.buckets for each in packs]), REGULATORY_BUCKETS)
    tests = table_of(REGULATORY_TESTS, [each.test_rows() for each in packs])
    keeps(tests, REGULATORY_TESTS)
    lineage = tests["tables"].str.contains("positions@2026-03-19:") & tests["tables"].str.contains("liquidity_surface@")
    assert lineage.all()
    assert (tests["formula"].str.len() > 5).all()
    assert tests.loc[tests["side"] != "told", "rule_date"].notna().all()
    held = liability_of(_fund(tables), tables, SESSION, [CRASH])
    keeps(table_of(REDEMPTION_RISK, [held.risk]), REDEMPTION_RISK)
    keeps(table_of(REDEMPTION_COVERAGE, [held.coverage]), REDEMPTION_COVERAGE)
    keeps(tables.flows[tables.flows["session_date"] == DAY], FUND_FLOWS)  # fmt: skip


def _fund(tables):
    [held] = fund_holdings(tables, SESSION, funds_only=True)
    return held


@pytest.mark.feature("BX-RM-04")
def test_documents_can_be_read_back(packs):
    for pack in packs:
        document = json.loads(pack.as_json())
        assert (document["regime"], document["session_date"]) == (pack.regime, "2026-03-19")
        assert len(document["tests"]) == len(pack.findings)
        assert document["failed"] == list(pack.failed)
        text = pack.as_markdown()
        assert all(each.test in text for each in pack.findings)
        assert "## Lineage" in text


def test_what_is_not_there_is_refused_by_name(tables):
    with pytest.raises(ConfigError, match="mifid"):
        report_packs(tables, SESSION, [], regimes=["mifid"])
    with pytest.raises(ConfigError, match="nobody"):
        report_packs(tables, SESSION, [], portfolios=["nobody"])


@pytest.mark.feature("BX-RM-04")
def test_without_flows_numbers_are_missing_with_reason_and_the_rest_stands(tables):
    silent = replace(tables, flows=tables.flows.iloc[:0])
    found = {
        (pack.regime, each.test): each for pack in report_packs(silent, SESSION, [CRASH]) for each in pack.findings
    }
    assert found["sebi", "lr_rar_ratio"].passed is None
    assert found["sebi", "lr_rar_ratio"].reason == "no_flows"
    assert found["esma", "coverage_waterfall_calm_at_risk_99"].passed is None
    assert found["esma", "coverage_waterfall_calm_assumed"].passed is not None
    assert found["sebi", "liquid_assets_frac"].passed is True  # fmt: skip


@pytest.mark.feature("BX-RM-04")
def test_esma_numbers_are_coverage_recomputed(held, surface, flows):
    limits, histories = thresholds(), flow_histories(flows, "fund", SESSION)
    risk = redemption_risk_rows(SESSION, "fund", "USD", histories, "simulated")
    redemptions = redemptions_of(risk, histories, 0.4)
    assert redemptions[2].net_assets_frac == 0.15
    markets = {"calm": (held, surface), **stressed_markets(held, surface, [CRASH], 0.2)}
    after, _ = markets["crash"]
    assert after.equity_base == pytest.approx(held.equity_base - 0.1 * np.nansum(held.value_base))
    coverage = coverage_rows(SESSION, held, markets, redemptions, 0.2, horizons=[5])
    pack = esma_pack(held, surface, SESSION, limits, coverage, redemptions, [CRASH], 0.2)
    found = {each.test: each for each in pack.findings}
    usable = redemption_coverage(assets_of_holdings(held, surface, 5.0, 0.2), None)
    net = held.equity_base
    assert found["coverage_waterfall_calm_assumed"].value == pytest.approx(usable.usable_waterfall / (0.4 * net))
    assert found["largest_redemption_waterfall_frac"].value == pytest.approx(min(1.0, usable.usable_waterfall / net))
    liquid = held.cash_base + np.nansum(held.value_base * hqla_weights(held))
    assert found["coverage_liquid_assets_assumed"].value == pytest.approx(liquid / (0.4 * net))
    assert found["coverage_waterfall_crash_assumed"].value < found["coverage_waterfall_calm_assumed"].value
    # STUCK never sells: slicing pays nothing, and is broken before any stress.
    assert found["breaking_multiple_slicing_crash"].value == 0.0
    haircut = found["failing_haircut_frac"].value
    left = held.cash_base + (usable.usable_waterfall - held.cash_base) * (1.0 - haircut)
    assert left == pytest.approx(0.4 * net)
    multiple = found["breaking_multiple_waterfall_crash"].value
    if np.isfinite(multiple):
        assert multiple > 1.0 or found["coverage_waterfall_crash_assumed"].value < 1.0


def test_liquid_weights_follow_class_and_rating(held):
    assert hqla_weights(held).tolist() == [1.0, 0.85, 0.0, 0.5, 0.0, 0.0, 0.5]


@pytest.mark.feature("BX-RM-04")
def test_sebi_numbers_by_hand(held, surface, flows):
    histories = flow_histories(flows, "fund", SESSION)
    pack = sebi_pack(held, surface, SESSION, thresholds(), histories)
    found = {each.test: each for each in pack.findings}
    assert found["liquid_assets_frac"].value == pytest.approx((3e6 + 3e7) / held.equity_base)
    rar = sum(
        redemption_at_risk(histories[name], 20, 0.95).at_risk_frac * nav
        for name, nav in (("retail", 3e7), ("institutional", 4e7))
    )
    assert found["lr_rar_base"].value == pytest.approx(rar)
    assert found["lr_rar_ratio"].value == pytest.approx((3e6 + 3e7 + 0.6 * 2e7) / rar)
    assert found["lr_crar_ratio"].value < found["lr_rar_ratio"].value
    assert np.isinf(found["days_to_liquidate_25_percent"].value)
    assert np.isnan(pack.test_rows().set_index("test").loc["days_to_liquidate_25_percent", "value"])
    # Without the least liquid fifth (STUCK, JUNK, then CORP does not fit) the slowest is CORP at 10 % of 20 million.
    assert found["days_to_liquidate_50_percent_without_least_liquid_fifth"].value == 5.0
    assert days_for_share(np.zeros(2), np.full(2, np.nan), 0.5) == 0.0  # fmt: skip


@pytest.mark.feature("BX-RM-04")
def test_frtb_shortfall_from_its_parts(held, surface):
    rng = np.random.default_rng(8)
    returns = np.where(np.isfinite(held.value_base), rng.normal(0.0, 0.01, (250, 7)), 0.0)
    reason = np.where(np.isfinite(held.value_base), "", "no_value").astype(object)
    days = np.arange("2025-01-01", "2025-09-08", dtype="datetime64[D]")
    scenarios = PortfolioScenarios(
        SESSION,
        "fund",
        "simulated",
        held.instrument_id,
        held.value_base,
        held.equity_base,
        Scenarios(days, returns, np.zeros(7), reason),
        None,
    )
    pack = frtb_pack(held, surface, SESSION, thresholds(), scenarios, np.array([250, 250, 50, 250, 250, 0, 0]))
    found = {each.test: each.value for each in pack.findings}
    windows = np.prod(1.0 + np.lib.stride_tricks.sliding_window_view(returns, 10, axis=0), axis=-1) - 1.0
    assert window_returns(returns, 10) == pytest.approx(windows, rel=1e-9, abs=1e-12)
    horizon = np.array([20, 40, 60, 20, 120, 60, 20])
    parts = [
        float(es_of_rows((windows @ np.where(horizon >= least, scenarios.money, 0.0))[None, :], 0.975)[0])
        for least in (10, 20, 40, 60, 120)
    ]
    assert [found[f"es_horizon_{least}_base"] for least in (10, 20, 40, 60, 120)] == pytest.approx(parts)
    assert found["es_liquidity_horizon_base"] == pytest.approx(frtb_es(parts))
    value = np.nan_to_num(held.value_base)
    assert found["enough_prices_frac"] == pytest.approx(value[[0, 1, 3, 4]].sum() / value.sum())
    assert horizon_shortfalls(np.zeros((50, 7)), scenarios.money, horizon, 0.975) == [0.0] * 5
    with pytest.raises(ConfigError, match="gov_bond"):
        frtb_pack(held, surface, SESSION, thresholds(), scenarios, horizon_of_class={**HORIZON_OF_CLASS, "gov_bond": 15})  # fmt: skip


@pytest.mark.feature("BX-RM-04", "BX-CF-03")
def test_thresholds_are_dated_and_overridden_by_name_alone():
    assert all(
        each.source and each.dated.year >= 2018 and each.lowest <= each.value <= each.highest
        for each in DEFAULT_THRESHOLDS
    )
    settings = load_settings().regulation.model_dump()
    assert settings == {each.name: each.value for each in DEFAULT_THRESHOLDS}
    assert {each.basis for each in thresholds(settings).known.values()} <= {"rule", "guideline", "judgement"}
    own = thresholds({"sec_max_illiquid_frac": 0.1})["sec_max_illiquid_frac"]
    assert (own.value, own.basis) == (0.1, "setting")
    assert "0.15" in own.source
    with pytest.raises(ConfigError, match="did you mean 'sec_max_illiquid_frac'"):
        thresholds({"sec_max_iliquid_frac": 0.1})
    with pytest.raises(ConfigError, match="allowed 0 to 1"):
        thresholds({"sec_max_illiquid_frac": 15.0})  # fmt: skip


@pytest.mark.feature("BX-RM-04")
@pytest.mark.parametrize("case", ["overdrawn", "cash_only", "one", "unknown", "no_price"])
def test_odd_portfolios_are_labelled_and_reported(tables, case):
    own = tables.positions[tables.positions["portfolio_id"] == "fund"].reset_index(drop=True)
    cash = tables.accounts[tables.accounts["portfolio_id"] == "fund"]
    if case == "overdrawn":
        cash = cash.assign(cash=-1e9)
    elif case == "cash_only":
        own = own.iloc[:0]
    elif case == "one":
        own = own.iloc[:1]
    elif case == "unknown":
        own = own.iloc[:1].assign(instrument_id="sim:NOBODY")
    else:
        own = own.iloc[6:]
    packs = report_packs(replace(tables, positions=own, accounts=cash), SESSION, [CRASH])
    assert [each.regime for each in packs] == list(REGIMES)
    keeps(table_of(REGULATORY_BUCKETS, [each.buckets for each in packs]), REGULATORY_BUCKETS)
    rows = table_of(REGULATORY_TESTS, [each.test_rows() for each in packs])
    keeps(rows, REGULATORY_TESTS)
    unknown = rows[rows["passed"].isna() & (rows["side"] != "told")]
    assert (unknown["reason"] != "").all()
    held = fund_holdings(replace(tables, positions=own, accounts=cash), SESSION, funds_only=True)[0]
    told = liability_of(held, replace(tables, positions=own, accounts=cash), SESSION, [CRASH]).coverage
    keeps(table_of(REDEMPTION_COVERAGE, [told]), REDEMPTION_COVERAGE)
    assert (told.loc[told["coverage_waterfall_ratio"].isna(), "reason"] != "").all()
    for pack in packs:
        json.loads(pack.as_json())
        pack.as_markdown()
