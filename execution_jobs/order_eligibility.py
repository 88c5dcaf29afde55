"""Which instruments are liquid enough for orders that add risk. Unknown means no."""

import dagster as dg
import pyarrow as pa
from pydantic import Field

from liquidity.contracts import LIQUIDITY_INDEX, ORDER_ELIGIBILITY
from resources.dagster_wiring import DAILY, FOLLOW, code_version
from resources.settings import current_settings

__all__ = ["EligibilityConfig", "order_eligibility"]

_READ = ["session_date", "instrument_id", "asset_class", "liquidity_score", "method", "source"]


class EligibilityConfig(dg.Config):
    """The rule; the defaults are the settings'."""

    min_liquidity_score: float = Field(
        default=current_settings().risk_thresholds.min_liquidity_score,
        ge=0,
        le=100,
        description="Smallest allowed liquidity score [points 0-100].",
    )
    allow_simulated: bool = Field(
        default=False, description="Whether simulated instruments may be eligible; for rehearsals only."
    )


@dg.asset(
    key=dg.AssetKey(ORDER_ELIGIBILITY.asset_path),
    description=ORDER_ELIGIBILITY.row_means,
    group_name=ORDER_ELIGIBILITY.group,
    owners=["team:execution"],
    kinds={"python", "parquet"},
    tags={"contract_version": str(ORDER_ELIGIBILITY.version)},
    code_version=code_version(),
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    automation_condition=FOLLOW,
    ins={"index_rows": dg.AssetIn(key=dg.AssetKey(LIQUIDITY_INDEX.asset_path), metadata={"columns": _READ})},
)
def order_eligibility(config: EligibilityConfig, index_rows: pa.Table) -> dg.Output[pa.Table]:
    """Apply the rule to the run's days."""
    from liquidity.contracts.conform import frame_from_table, table_from_frame
    from liquidity.orders.eligibility import order_eligibility as decide

    decided = table_from_frame(
        decide(frame_from_table(index_rows), config.min_liquidity_score, config.allow_simulated), ORDER_ELIGIBILITY
    )
    eligible = sum(decided.column("eligible").to_pylist())
    return dg.Output(
        decided,
        metadata={
            "eligible": eligible,
            "refused": decided.num_rows - eligible,
            "min_liquidity_score (points)": config.min_liquidity_score,
            "allow_simulated": config.allow_simulated,
        },
    )
