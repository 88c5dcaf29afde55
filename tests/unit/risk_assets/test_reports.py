"""Liability and report packs as assets: from landed flows and stored tables to packs, checks and pictures."""

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from io_managers.contract_checks import fast_contract_check
from io_managers.contract_parquet import ContractParquetIOManager
from io_managers.inline_svg import fits
from liquidity.contracts import (
    ACCOUNTS,
    FUND_FLOWS,
    FX_RATES,
    LIQUIDITY_SURFACE,
    POSITIONS,
    REDEMPTION_COVERAGE,
    REDEMPTION_RISK,
    REGIMES,
    REGULATION_CONTRACTS,
    REGULATORY_BUCKETS,
    REGULATORY_TESTS,
    SIGNAL_PANEL,
    SURFACE_CURVES,
    VAR_BACKTEST,
)
from liquidity.contracts.conform import frame_from_table, table_from_frame
from liquidity.domain.errors import InsufficientDataError
from liquidity.regulation.packs import ESMA_SCENARIOS, report_packs, table_of
from liquidity.regulation.thresholds import thresholds
from resources.dagster_wiring import DAILY, FeedsResource, LakeResource
from resources.lake import Lake
from resources.portfolio_policy import portfolio_policy
from resources.report_tables import report_tables
from resources.scenarios import chosen_scenarios
from resources.settings import load_settings
from risk_assets.report_pictures import bucket_bars
from risk_assets.reports import REPORT_CHECKS, fund_flows, reports
from risk_assets.upstream import UPSTREAM, borrowed
from tests.unit.regulation.conftest import NAMES, SESSION
from tests.unit.regulation.conftest import surface as make_surface
from tests.unit.risk_assets.test_market_risk import filled

PLACES = [
    *UPSTREAM,
    *(borrowed(each) for each in (POSITIONS, ACCOUNTS, FX_RATES, LIQUIDITY_SURFACE, SURFACE_CURVES, VAR_BACKTEST)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("reports")
    lake, at = Lake(root / "lake"), pd.Timestamp("2026-03-19T20:00Z")
    surface = replace(make_surface.__wrapped__(), session_date=SESSION)
    money = np.array([3e7, 2e7, 4e6, 1e7, 5e6, 1e6])
    positions = [
        {"session_date": SESSION, "portfolio_id": "fund", "instrument_id": name, "account": "a", "quantity": quantity, "currency": "USD", "observed_at": at, "source": "simulated"}
        for name, quantity in zip(NAMES, [*(money / surface.price[:6]), 1000.0], strict=True)
    ]  # fmt: skip
    accounts = [{"session_date": SESSION, "portfolio_id": "fund", "account": "a", "currency": "USD", "kind": "fund", "base_currency": "USD", "cash": 3e6, "units": 1e6, "observed_at": at, "source": "simulated"}]  # fmt: skip
    lake.publish(POSITIONS, SESSION, filled(POSITIONS, positions))
    lake.publish(ACCOUNTS, SESSION, filled(ACCOUNTS, accounts))
    for contract in (FX_RATES, VAR_BACKTEST):
        lake.publish(contract, SESSION, contract.arrow_schema.empty_table())
    for contract, rows in zip((LIQUIDITY_SURFACE, SURFACE_CURVES), surface.to_tables(), strict=True):
        lake.publish(contract, SESSION, rows)
    rng = np.random.default_rng(2)
    closes = 100.0 * np.cumprod(1.0 + rng.normal(0.0, 0.01, (12, 2)), axis=0)
    for place, day in enumerate(pd.bdate_range(end=SESSION, periods=12)):
        panel = [{"session_date": day.date(), "instrument_id": name, "asset_class": kind, "calendar": "24/7", "currency": "USD", "close": close, "spread_bps": 5.0, "turnover_ccy": 1e7, "source": "simulated"} for name, kind, close in (("sim:COIN", "crypto_spot", closes[place, 0]), ("sim:SHARE", "equity", closes[place, 1]))]  # fmt: skip
        lake.publish(SIGNAL_PANEL, day.date(), table_from_frame(filled(SIGNAL_PANEL, panel), SIGNAL_PANEL))
    (root / "landing" / "fund_flows").mkdir(parents=True)
    days = pd.bdate_range(end=SESSION, periods=10)
    flows = pd.DataFrame(
        {"session_date": days, "portfolio_id": "fund", "investor_type": "retail", "base_currency": "USD", "redemptions_base": 2e5 * rng.lognormal(0.0, 0.5, 10), "subscriptions_base": 2e5, "nav_base": 7e7, "top_holder_frac": 0.01, "observed_at": days.tz_localize("UTC") + timedelta(hours=20), "source": "registrar"}
    )  # fmt: skip
    flows.iloc[:-1].pipe(
        lambda early: [
            lake.publish(FUND_FLOWS, day.date(), table_from_frame(rows, FUND_FLOWS))
            for day, rows in early.groupby("session_date")
        ]
    )
    flows.iloc[-1:].to_parquet(root / "landing" / "fund_flows" / f"{SESSION}.parquet", index=False)
    return root


def materialise(folder, asset, config=None):
    checked = [FUND_FLOWS] if asset is fund_flows else [each for each in REGULATION_CONTRACTS if each is not FUND_FLOWS]
    lake = str(folder / "lake")
    places = PLACES if asset is fund_flows else [*PLACES, borrowed(FUND_FLOWS)]
    return dg.materialize(
        [*places, asset, *(fast_contract_check(each, DAILY) for each in checked), *(REPORT_CHECKS if asset is reports else ())],
        selection=dg.AssetSelection.assets(asset),
        partition_key=SESSION.isoformat(),
        run_config={"ops": {asset.op.name: {"config": config}}} if config else None,
        resources={
            "io_manager": ContractParquetIOManager(lake_dir=lake),
            "lake": LakeResource(lake_dir=lake),
            "feeds": FeedsResource(landing_dir=str(folder / "landing")),
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def results(folder):
    return materialise(folder, fund_flows), materialise(folder, reports)


def read(folder, contract):
    return frame_from_table(Lake(folder / "lake").read(contract, SESSION, SESSION))


@pytest.mark.feature("BX-RM-04")
def test_packs_are_stored_checked_and_told(folder, results):
    assert all(each.success for each in results)
    assert read(folder, FUND_FLOWS)["source"].tolist() == ["registrar"]
    risk = read(folder, REDEMPTION_RISK)
    assert set(risk["reason"]) == {"short_history"}
    assert risk.loc[risk["horizon_sessions"] == 1, "observations"].eq(10).all()
    coverage = read(folder, REDEMPTION_COVERAGE)
    assert set(coverage["market"]) == {"calm", "stressed", "fund_redemption", "gfc_2008", "covid_2020"}
    assert set(read(folder, REGULATORY_BUCKETS)["regime"]) == set(REGIMES)
    tests = read(folder, REGULATORY_TESTS)
    assert tests["tables"].str.contains("fund_flows@2026-03-19:10").any()
    told = tests.set_index(["regime", "test"])
    assert told.loc[("frtb", "es_liquidity_horizon_base"), "reason"] == "too_few_scenarios"
    assert told.loc[("frtb", "covered_frac"), "reason"] == ""
    checks = {each.check_name: each for each in results[1].get_asset_check_evaluations()}
    assert checks["esma_tests_hold"].severity is dg.AssetCheckSeverity.WARN
    failed = tests.loc[tests["passed"].eq(False).fillna(False), "regime"]
    for regime in REGIMES:
        assert checks[f"{regime}_tests_hold"].passed == (not failed.eq(regime).any())
    assert checks["contract"].passed
    told = results[1].asset_materializations_for_node("reports")
    shown = {name: each for one in told for name, each in one.metadata.items()}
    assert any(name.startswith("buckets of fund") for name in shown)
    assert "sec22e4 fund" in shown


@pytest.mark.feature("BX-RM-04")
def test_the_command_line_reads_the_same_numbers(folder, results):
    settings = load_settings()
    tables = report_tables(Lake(folder / "lake"), SESSION)
    packs = report_packs(
        tables, SESSION, chosen_scenarios(ESMA_SCENARIOS), portfolio_policy(settings), thresholds(settings.regulation.model_dump())
    )  # fmt: skip
    again = table_of(REGULATORY_TESTS, [each.test_rows() for each in packs])
    pd.testing.assert_series_equal(again["value"], read(folder, REGULATORY_TESTS)["value"])
    with pytest.raises(InsufficientDataError, match="newest before it is 2026-03-19"):
        report_tables(Lake(folder / "lake"), SESSION + timedelta(days=1))


def test_what_if_changes_a_threshold_by_name(folder, results):
    found = materialise(folder, reports, {"thresholds": {"sec_max_illiquid_frac": 0.0}, "scenarios": ["gfc_2008"]})
    assert found.success
    rows = read(folder, REGULATORY_TESTS).set_index(["regime", "test"])
    assert rows.loc[("sec22e4", "illiquid_frac"), ["bound", "passed", "basis"]].tolist() == [0.0, False, "setting"]
    assert set(read(folder, REDEMPTION_COVERAGE)["market"]) == {"calm", "stressed", "gfc_2008"}


def test_bars_fit_the_page():
    assert fits(bucket_bars({"highly_liquid": 0.7, "moderately_liquid": 0.1, "less_liquid": 0.1, "illiquid": 0.1}))
    assert bucket_bars({}).count("path") == 1
