"""Sector monitoring as a table: follows each new index by itself, in the same minute."""

import dagster as dg
import pandas as pd

from io_managers.contract_assets import asset_settings, borrow, history
from io_managers.sessions import run_sessions
from liquidity.contracts import BONDX_SCORE, LIQUIDITY_FEATURES, LIQUIDITY_INDEX, SECTOR_LIQUIDITY
from liquidity.index.sector_monitor import sector_monitor
from resources.dagster_wiring import DAILY
from risk_assets.upstream import follow

__all__ = ["sector_liquidity"]

# Five sessions of any calendar lie within 15 calendar days but around the longest holidays; the change is then null.
_HISTORY_DAYS = 16


@dg.asset(
    **asset_settings(SECTOR_LIQUIDITY),
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    automation_condition=follow(LIQUIDITY_INDEX),
    ins={
        "index_history": history(
            LIQUIDITY_INDEX,
            "session_date",
            "instrument_id",
            "asset_class",
            "sector",
            "liquidity_score",
            "source",
            days=_HISTORY_DAYS,
        ),
        "bondx": borrow(BONDX_SCORE, "session_date", "instrument_id", "bondx_score"),
        "features": borrow(LIQUIDITY_FEATURES, "session_date", "instrument_id", "amount_outstanding", "currency"),
    },
)
def sector_liquidity(
    context: dg.AssetExecutionContext, index_history: pd.DataFrame, bondx: pd.DataFrame, features: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Summarise the run's days by asset class, origin and sector."""
    sectors = sector_monitor(index_history, bondx, features, run_sessions(context))
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
