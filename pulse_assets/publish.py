"""Stage 4: the published pulse: one JSON document for each instrument, and the record of what was published when."""

from datetime import date

import dagster as dg
import pandas as pd

from io_managers.json_publish import write_pulse_json
from liquidity.contracts import (
    BONDX_SCORE,
    EARLY_WARNINGS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    LIQUIDITY_PULSE,
    REPAYMENT_SUPPORT,
    SIGNAL_STATUS,
)
from liquidity.index.pulse_document import pulse_documents
from pulse_assets.contract_assets import asset_settings, borrow
from pulse_assets.sessions import run_sessions
from pulse_assets.summaries import pulse_summary
from resources.dagster_wiring import DAILY, ClockResource, LakeResource, PulseStoreResource, code_version

__all__ = ["liquidity_pulse"]

# The previous session of any calendar lies within a week; bonds rest at most a few days in a row.
_PREVIOUS = dg.TimeWindowPartitionMapping(start_offset=-7, end_offset=0)


@dg.asset(
    **asset_settings(LIQUIDITY_PULSE),
    ins={
        "liquidity": dg.AssetIn(key=dg.AssetKey(LIQUIDITY_INDEX.asset_path), partition_mapping=_PREVIOUS),
        "repayment": borrow(REPAYMENT_SUPPORT),
        "bondx": borrow(BONDX_SCORE),
        "features": borrow(LIQUIDITY_FEATURES),
        "warnings": borrow(EARLY_WARNINGS),
        "status": borrow(SIGNAL_STATUS),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def liquidity_pulse(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    store: PulseStoreResource,
    clock: ClockResource,
    liquidity: pd.DataFrame,
    repayment: pd.DataFrame,
    bondx: pd.DataFrame,
    features: pd.DataFrame,
    warnings: pd.DataFrame,
    status: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Write the documents, publish the file of each day, and record the publication for later questions."""
    sessions: list[date] = run_sessions(context)
    documents = pulse_documents(liquidity, repayment, bondx, features, warnings, status, sessions, code_version())
    for session, day in documents.groupby("session_date"):
        path = write_pulse_json(lake.lake(), session, day["document"], code_version())
        store.store().record_publication(session, day, path, code_version(), context.run_id, clock.now())
    return dg.Output(documents, metadata=pulse_summary(documents))
