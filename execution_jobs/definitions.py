"""Everything this code location offers to Dagster."""

import dagster as dg

from execution_jobs.order_eligibility import order_eligibility
from execution_jobs.stale_pulse import PULSE_FRESHNESS, report_stale_pulse, stale_pulse_sensor
from execution_jobs.upstream import UPSTREAM
from io_managers.contract_checks import fast_contract_check
from io_managers.wiring import LOCATION_RESOURCES
from liquidity.contracts import ORDER_ELIGIBILITY
from resources.dagster_wiring import DAILY

__all__ = ["defs", "eligibility", "execution_automation"]

_ELIGIBILITY = dg.AssetSelection.assets(dg.AssetKey(ORDER_ELIGIBILITY.asset_path))

execution_automation = dg.AutomationConditionSensorDefinition(
    "execution_automation",
    target=_ELIGIBILITY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=10,
    description="Materialises execution tables as soon as the pulse tables they read are there and pass their checks.",
)

eligibility = dg.define_asset_job(
    "eligibility", selection=_ELIGIBILITY, description="Order eligibility of the chosen days, by hand or as a backfill."
)

defs = dg.Definitions(
    assets=[*UPSTREAM, PULSE_FRESHNESS, order_eligibility],
    asset_checks=[fast_contract_check(ORDER_ELIGIBILITY, DAILY)],
    jobs=[eligibility, report_stale_pulse],
    sensors=[execution_automation, stale_pulse_sensor],
    resources=LOCATION_RESOURCES,
    executor=dg.in_process_executor,
)
