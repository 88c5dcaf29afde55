"""Sector monitoring as a table: follows each new index by itself, in the same minute."""

from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
import pandas as pd

from liquidity.contracts import BONDX_SCORE, LIQUIDITY_FEATURES, LIQUIDITY_INDEX, SECTOR_LIQUIDITY, TableContract
from liquidity.index.sector_monitor import LOOKBACK_SESSIONS, sector_monitor
from resources.dagster_wiring import DAILY, FOLLOW, code_version

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["sector_liquidity"]

# Five sessions of any calendar lie within 15 calendar days but around the longest holidays; the change is then null.
_HISTORY = dg.TimeWindowPartitionMapping(start_offset=-15, end_offset=0)

# Missing days of the look-back do not hold a new workspace up; the session's own day is held by the other two tables.
_FOLLOW = FOLLOW.replace(
    "any_deps_missing",
    dg.AutomationCondition.any_deps_missing().ignore(dg.AssetSelection.assets(dg.AssetKey(LIQUIDITY_INDEX.asset_path))),
)


def _borrow(
    contract: TableContract, columns: "Sequence[str]", mapping: dg.PartitionMapping | None = None
) -> dg.AssetIn:
    return dg.AssetIn(
        key=dg.AssetKey(contract.asset_path), partition_mapping=mapping, metadata={"columns": list(columns)}
    )


@dg.asset(
    key=dg.AssetKey(SECTOR_LIQUIDITY.asset_path),
    description=f"{SECTOR_LIQUIDITY.row_means}\n\nThe change compares the names scored on both days, {LOOKBACK_SESSIONS} sessions apart.",
    group_name=SECTOR_LIQUIDITY.group,
    owners=["team:risk"],
    kinds={"python", "parquet"},
    tags={"contract_version": str(SECTOR_LIQUIDITY.version)},
    code_version=code_version(),
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    automation_condition=_FOLLOW,
    ins={
        "index_history": _borrow(
            LIQUIDITY_INDEX,
            ["session_date", "instrument_id", "asset_class", "sector", "liquidity_score", "source"],
            _HISTORY,
        ),
        "bondx": _borrow(BONDX_SCORE, ["session_date", "instrument_id", "bondx_score"]),
        "features": _borrow(LIQUIDITY_FEATURES, ["session_date", "instrument_id", "amount_outstanding", "currency"]),
    },
)
def sector_liquidity(
    context: dg.AssetExecutionContext, index_history: pd.DataFrame, bondx: pd.DataFrame, features: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Summarise the run's days by asset class, origin and sector."""
    sessions = sorted(date.fromisoformat(key) for key in context.partition_keys)
    sectors = sector_monitor(index_history, bondx, features, sessions)
    return dg.Output(sectors, metadata=_summary(sectors))


def _summary(sectors: pd.DataFrame) -> dict[str, dg.MetadataValue]:
    """Numbers for the plots, and the sectors that fell most."""
    scored = sectors.dropna(subset=["liquidity_score"])
    metadata: dict[str, dg.MetadataValue] = {"sectors": dg.MetadataValue.int(len(sectors))}
    if len(scored):
        metadata["lowest sector score (points)"] = dg.MetadataValue.float(float(scored["liquidity_score"].min()))
        metadata["lowest worst decile (points)"] = dg.MetadataValue.float(float(scored["worst_decile_score"].min()))
    moved = sectors.dropna(subset=["change_points"]).nsmallest(5, "change_points")
    if len(moved):
        metadata["largest fall in five sessions (points)"] = dg.MetadataValue.float(
            float(moved["change_points"].iloc[0])
        )
        lines = [
            f"| {row.asset_class} | {row.origin} | {row.sector} | {row.liquidity_score:.1f} | {row.change_points:+.1f} | {row.members_count} |"
            for row in moved.itertuples()
        ]
        metadata["falls"] = dg.MetadataValue.md(
            "\n".join(["| class | origin | sector | score | change | members |", "|---|---|---|--:|--:|--:|", *lines])
        )
    return metadata
