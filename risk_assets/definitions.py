"""Everything this code location offers to Dagster."""

import dagster as dg

from io_managers.contract_checks import fast_contract_check
from io_managers.wiring import LOCATION_RESOURCES
from liquidity.contracts import SECTOR_LIQUIDITY
from resources.dagster_wiring import DAILY
from risk_assets.sector_liquidity import sector_liquidity
from risk_assets.upstream import UPSTREAM

__all__ = ["defs", "risk_automation", "sector_monitoring"]

# Sensors start stopped unless they say otherwise; 10 s instead of the default 30 s, because a chain of locations adds up.
risk_automation = dg.AutomationConditionSensorDefinition(
    "risk_automation",
    target=dg.AssetSelection.assets(dg.AssetKey(SECTOR_LIQUIDITY.asset_path)),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=10,
    description="Materialises risk tables as soon as the pulse tables they read are there and pass their checks.",
)

sector_monitoring = dg.define_asset_job(
    "sector_monitoring",
    selection=dg.AssetSelection.assets(dg.AssetKey(SECTOR_LIQUIDITY.asset_path)),
    description="Sector monitoring of the chosen days, by hand or as a backfill.",
)

defs = dg.Definitions(
    assets=[*UPSTREAM, sector_liquidity],
    asset_checks=[fast_contract_check(SECTOR_LIQUIDITY, DAILY)],
    jobs=[sector_monitoring],
    sensors=[risk_automation],
    resources=LOCATION_RESOURCES,
    executor=dg.in_process_executor,
)
