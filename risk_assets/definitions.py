"""Everything this code location offers to Dagster.

A new subject adds its assets to ``ASSETS`` and its contracts to ``CHECKED``; jobs and automation follow from these.
"""

import dagster as dg

from io_managers.contract_checks import fast_contract_check
from io_managers.wiring import LOCATION_RESOURCES
from liquidity.contracts import (
    ALLOCATION_CONTRACTS,
    FUND_FLOWS,
    LEVERAGE_CONTRACTS,
    MARKET_RISK_CONTRACTS,
    PORTFOLIO_LIQUIDITY_CONTRACTS,
    POSITION_CONTRACTS,
    REGULATION_CONTRACTS,
    SECTOR_LIQUIDITY,
    STRESS_CONTRACTS,
    SURFACE_CONTRACTS,
)
from resources.dagster_wiring import DAILY
from risk_assets.allocation import allocation, relative_value
from risk_assets.leverage import leverage, margin_is_enough
from risk_assets.market_risk import market_risk
from risk_assets.portfolio_liquidity import portfolio_liquidity, portfolios_are_valued
from risk_assets.positions import positions
from risk_assets.reports import REPORT_CHECKS, fund_flows, reports
from risk_assets.sector_liquidity import sector_liquidity
from risk_assets.stress import liquidation_cascade, stress
from risk_assets.surface import liquidity_surface
from risk_assets.upstream import UPSTREAM

__all__ = [
    "ASSETS",
    "CHECKED",
    "defs",
    "portfolio_risk",
    "portfolio_statements",
    "risk_automation",
    "sector_monitoring",
]

ASSETS = [
    sector_liquidity,
    positions,
    liquidity_surface,
    portfolio_liquidity,
    market_risk,
    leverage,
    allocation,
    relative_value,
    stress,
    liquidation_cascade,
    fund_flows,
    reports,
]
"""Assets of the location in the order of the data flow."""

CHECKED = [
    SECTOR_LIQUIDITY,
    *POSITION_CONTRACTS,
    *SURFACE_CONTRACTS,
    *PORTFOLIO_LIQUIDITY_CONTRACTS,
    *MARKET_RISK_CONTRACTS,
    *LEVERAGE_CONTRACTS,
    *ALLOCATION_CONTRACTS,
    *STRESS_CONTRACTS,
    *REGULATION_CONTRACTS,
]
"""Their tables, each with a blocking contract check."""

# Sensors start stopped unless they say otherwise; 10 s instead of the default 30 s, because a chain of locations adds up.
risk_automation = dg.AutomationConditionSensorDefinition(
    "risk_automation",
    target=dg.AssetSelection.assets(*(dg.AssetKey(contract.asset_path) for contract in CHECKED)),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=10,
    description="Materialises risk tables as soon as the tables they read are there and pass their checks.",
)

sector_monitoring = dg.define_asset_job(
    "sector_monitoring",
    selection=dg.AssetSelection.assets(dg.AssetKey(SECTOR_LIQUIDITY.asset_path)),
    description="Sector monitoring of the chosen days, by hand or as a backfill.",
)

portfolio_statements = dg.define_asset_job(
    "portfolio_statements",
    selection=dg.AssetSelection.assets(
        *(dg.AssetKey(contract.asset_path) for contract in (*POSITION_CONTRACTS, FUND_FLOWS))
    ),
    description="What was held and redeemed on the chosen days: exchange rates and flows are learned from it.",
)

portfolio_risk = dg.define_asset_job(
    "portfolio_risk",
    selection=dg.AssetSelection.assets(
        *(dg.AssetKey(contract.asset_path) for contract in CHECKED if contract is not SECTOR_LIQUIDITY)
    ),
    description="Positions and everything derived from them, of the chosen days, by hand or as a backfill.",
)

defs = dg.Definitions(
    assets=[*UPSTREAM, *ASSETS],
    asset_checks=[
        *(fast_contract_check(contract, DAILY) for contract in CHECKED),
        portfolios_are_valued,
        margin_is_enough,
        *REPORT_CHECKS,
    ],
    jobs=[sector_monitoring, portfolio_statements, portfolio_risk],
    sensors=[risk_automation],
    resources=LOCATION_RESOURCES,
    executor=dg.in_process_executor,
)
