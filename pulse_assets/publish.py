"""Stage 5: the published pulse: one JSON document for each instrument, and the record of what was published when."""

from collections.abc import Iterator
from typing import Final

import dagster as dg
import pandas as pd
import pyarrow as pa

from io_managers.contract_assets import asset_settings, borrow
from io_managers.day_metadata import report_days
from io_managers.json_publish import write_pulse_json
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    BONDX_SCORE,
    EARLY_WARNINGS,
    INDEX_FORECAST,
    INSTRUMENTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    LIQUIDITY_PULSE,
    REPAYMENT_SUPPORT,
    SIGNAL_STATUS,
)
from liquidity.contracts.conform import empty_table, frame_from_table, table_from_frame
from liquidity.index.pulse_document import pulse_header
from liquidity.index.pulse_engine import ScoreTables, document_sessions
from pulse_assets.summaries import pulse_summary
from resources.dagster_wiring import DAILY, ClockResource, LakeResource, PulseStoreResource, code_version
from resources.lake import History

__all__ = ["liquidity_pulse"]

# The previous session of any calendar lies within a week; after a longer rest there is no change to show.
_PREVIOUS: Final = dg.TimeWindowPartitionMapping(start_offset=-7, end_offset=0)
_DOCUMENTS_AT_ONCE: Final = 4096


@dg.asset(
    **asset_settings(LIQUIDITY_PULSE),
    ins={
        "scores": dg.AssetIn(key=dg.AssetKey(LIQUIDITY_INDEX.asset_path), partition_mapping=_PREVIOUS),
        "repayment": borrow(REPAYMENT_SUPPORT),
        "bondx": borrow(BONDX_SCORE),
        "features": borrow(LIQUIDITY_FEATURES),
        "warnings": borrow(EARLY_WARNINGS),
        "forecasts": borrow(INDEX_FORECAST),
        "status": borrow(SIGNAL_STATUS),
        "instruments": borrow(INSTRUMENTS, "session_date", "calendar"),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def liquidity_pulse(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    store: PulseStoreResource,
    clock: ClockResource,
    scores: History,
    repayment: pd.DataFrame,
    bondx: pd.DataFrame,
    features: pd.DataFrame,
    warnings: pd.DataFrame,
    forecasts: History,
    status: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Write the documents, publish each day's file, and record the publication for later questions."""
    liquidity = frame_from_table(scores.with_previous(run_sessions(context)))
    publications = store.store()
    configurations = publications.configurations(sorted(set(liquidity["config_hash"])))
    documents = document_sessions(
        ScoreTables(liquidity, repayment, bondx),
        features,
        warnings,
        status,
        run_sessions(context),
        configurations,
        code_version(),
        forecasts.coded(),
    )
    for session, day in documents.items():
        scored = liquidity[liquidity["session_date"] == pd.Timestamp(session)]
        receipt = write_pulse_json(
            lake.lake().root / "published",
            session,
            _utf8(day["document"]),
            pulse_header(scored, clock.now(), code_version()),
        )
        publications.publish(
            session,
            table_from_frame(day, LIQUIDITY_PULSE),
            configurations={name: configurations[name] for name in sorted(set(scored["config_hash"]))},
            profiles=sorted(set(scored["profile"])),
            code_version=code_version(),
            run_id=context.run.run_id,
            published_at=clock.now(),
            calendars=sorted(set(instruments.loc[instruments["session_date"] == pd.Timestamp(session), "calendar"])),
            document_path=receipt.path.relative_to(lake.lake().root).as_posix(),
        )
    table = (
        pd.concat(documents.values(), ignore_index=True)
        if documents
        else frame_from_table(empty_table(LIQUIDITY_PULSE))
    )
    report_days(context, LIQUIDITY_PULSE, table, pulse_summary)
    return dg.Output(table)


def _utf8(documents: "pd.Series[str]") -> Iterator[bytes]:
    """Documents as they are stored; some thousand at a time are Python objects."""
    stored = pa.array(documents).cast(pa.large_binary())
    for first in range(0, len(stored), _DOCUMENTS_AT_ONCE):
        yield from stored.slice(first, _DOCUMENTS_AT_ONCE).to_pylist()
