"""Blocking asset checks made from contracts: one per table, reading only the run's days.

The published file was audited before it was put in place; the check proves that what readers will get is that table.
Up to ``GX_MAX_ROWS`` rows the Great Expectations suite of the contract judges, above it the fast engine, which the
tests hold to the same verdict. Great Expectations is imported inside the check only. Read next: ``resources/expectations.py``.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.events import DagsterEvent, DagsterEventType

from liquidity.contracts import TableContract
from liquidity.contracts.validation import Audit, inspect_rows
from resources.lake import Lake

__all__ = ["GX_MAX_ROWS", "contract_check", "contract_checks", "fast_contract_check", "judge", "quality_check"]

GX_MAX_ROWS: Final = 50_000
_SHOWN_KEYS: Final = 20
# Automation of other locations follows tables of the last days only, and asks for the verdict of each day.
_FOLLOWED_DAYS: Final = 4


def contract_check(
    contract: TableContract, partitions_def: dg.PartitionsDefinition | None, *, gx_max_rows: int = GX_MAX_ROWS
) -> dg.AssetChecksDefinition:
    """Make the blocking check of one contract table.

    Parameters
    ----------
    partitions_def
        Partitions of the asset; without them the check would read every day. ``None`` for an unpartitioned asset.
    gx_max_rows
        Rows of one run up to which Great Expectations judges; 0 uses the fast engine always.

    Notes
    -----
    Needs a resource ``lake`` (:class:`resources.dagster_wiring.LakeResource`).
    """

    @dg.asset_check(
        asset=dg.AssetKey(list(contract.asset_path)),
        name="contract",
        description=_description(contract, gx_max_rows),
        blocking=True,
        partitions_def=partitions_def,
        required_resource_keys={"lake"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        lake: Lake = context.resources.lake.open()
        days = _run_days(context, lake, contract)
        if partitions_def is not None and len(days) > 1:
            _report_newest_days(context, lake, contract, days[-_FOLLOWED_DAYS:])
        return judge(lake, contract, days, gx_max_rows)

    return check


def fast_contract_check(
    contract: TableContract, partitions_def: dg.PartitionsDefinition | None
) -> dg.AssetChecksDefinition:
    """Make the blocking check with the fast engine only, for runs that a sensor starts often."""
    return contract_check(contract, partitions_def, gx_max_rows=0)


def contract_checks(
    contracts: Sequence[TableContract], partitions_def: dg.PartitionsDefinition | None
) -> list[dg.AssetChecksDefinition]:
    """Make one blocking check for each contract."""
    return [contract_check(contract, partitions_def) for contract in contracts]


def quality_check(
    contract: TableContract, partitions_def: dg.PartitionsDefinition | None, *, minimum_mean_frac: float
) -> dg.AssetChecksDefinition:
    """Make a blocking check that the mean ``quality_frac`` of each day with rows is at least ``minimum_mean_frac`` (0-1)."""

    @dg.asset_check(
        asset=dg.AssetKey(list(contract.asset_path)),
        name="quality",
        description=f"Mean quality_frac of each day with rows is at least {minimum_mean_frac:g} (fraction 0-1).",
        blocking=True,
        partitions_def=partitions_def,
        required_resource_keys={"lake"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        lake: Lake = context.resources.lake.open()
        means = {}
        for day in _run_days(context, lake, contract):
            mean = pc.mean(lake.read(contract, day, day, ["quality_frac"]).column("quality_frac")).as_py()
            if mean is not None:
                means[day] = mean
        low = {day: mean for day, mean in means.items() if mean < minimum_mean_frac}
        metadata: dict[str, Any] = {"days": len(means), "minimum_mean_frac": minimum_mean_frac}
        if means:
            metadata["lowest_mean_frac"] = min(means.values())
        if low:
            lines = [f"| {day} | {mean:.4f} |" for day, mean in sorted(low.items())[:_SHOWN_KEYS]]
            metadata["low_days"] = dg.MetadataValue.md("\n".join(["| day | mean quality_frac |", "|---|---|", *lines]))
        return dg.AssetCheckResult(passed=not low, severity=dg.AssetCheckSeverity.ERROR, metadata=metadata)

    return check


def judge(
    lake: Lake, contract: TableContract, days: Sequence[date], gx_max_rows: int = GX_MAX_ROWS
) -> dg.AssetCheckResult:
    """Judge the published files of ``days``; a day without a file fails."""
    missing = [day for day in days if not lake.has(contract, day)]
    audits = [inspect_rows(lake.read(contract, day, day), contract, day) for day in days]
    rows = sum(each.rows for each in audits)
    quarantined = sum(lake.read_quarantine(contract, day).num_rows for day in days)
    use_gx = 0 < rows <= gx_max_rows
    failed = [
        (violation.code, violation.column, violation.count, violation.allowed)
        for each in audits
        for violation in each.violations
    ]
    gx_failed = (
        _gx_failures(contract, [each.accepted for each in audits], [each.rejected for each in audits]) if use_gx else []
    )
    metadata: dict[str, Any] = {
        "evaluated_rows": rows,
        "failed_rows": sum(each.rejected.num_rows for each in audits),
        "quarantined_rows": quarantined,
        "days": len(days),
        "engine": "great_expectations and fast" if use_gx else "fast",
    }
    if missing:
        metadata["missing_days"] = ", ".join(day.isoformat() for day in missing[:_SHOWN_KEYS])
    if failed or gx_failed:
        metadata["failed_rules"] = _rules_table([*failed, *gx_failed])
        metadata["bad_keys"] = dg.MetadataValue.json(_bad_keys(contract, audits))
    return dg.AssetCheckResult(
        passed=not (missing or failed or gx_failed), severity=dg.AssetCheckSeverity.ERROR, metadata=metadata
    )


def _report_newest_days(
    context: dg.AssetCheckExecutionContext, lake: Lake, contract: TableContract, days: Sequence[date]
) -> None:
    """Record the verdict of single days: Dagster files the verdict of a run over many days under no day at all."""
    key = dg.AssetKey(list(contract.asset_path))
    for day in days:
        written = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[day.isoformat()]), limit=1
        ).records
        verdict = judge(lake, contract, [day], gx_max_rows=0)
        evaluation = dg.AssetCheckEvaluation(
            asset_key=key,
            check_name="contract",
            passed=verdict.passed,
            metadata=verdict.metadata,
            severity=verdict.severity,
            blocking=True,
            partition=day.isoformat(),
            # Without the table it speaks of, the verdict would count as one on an older table.
            target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
                storage_id=written[0].storage_id, run_id=written[0].run_id, timestamp=written[0].timestamp
            )
            if written
            else None,
        )
        # Under this run: Dagster stores one verdict for a check, day and run, so one without a run could be given once only.
        context.instance.report_dagster_event(
            DagsterEvent(
                event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION.value,
                event_specific_data=evaluation,
                job_name=context.run.job_name,
            ),
            run_id=context.run.run_id,
        )


def _run_days(context: dg.AssetCheckExecutionContext, lake: Lake, contract: TableContract) -> list[date]:
    if context.has_partition_key or context.has_partition_key_range:
        return sorted(date.fromisoformat(key) for key in context.partition_keys)
    return lake.sessions(contract)


def _gx_failures(
    contract: TableContract, accepted: list[pa.Table], rejected: list[pa.Table]
) -> list[tuple[str, str, int, str]]:
    from resources.expectations import run_suite  # great_expectations takes seconds to import

    names = list(contract.column_names)
    whole = pa.concat_tables(
        [
            *(table.select(names).cast(contract.arrow_schema) for table in accepted),
            *(table.select(names) for table in rejected),
        ],
        promote_options="permissive",
    )
    report = run_suite(contract, whole)
    return [("/".join(each.codes), each.column, each.count, each.expectation) for each in report.failed]


def _rules_table(failed: list[tuple[str, str, int, str]]) -> dg.MarkdownMetadataValue:
    lines = [
        f"| {code} | {column} | {count} | {allowed[:80].replace('|', '/')} |"
        for code, column, count, allowed in failed[:_SHOWN_KEYS]
    ]
    return dg.MetadataValue.md("\n".join(["| rule | column | rows | allowed |", "|---|---|---|---|", *lines]))


def _bad_keys(contract: TableContract, audits: Sequence[Audit]) -> list[dict[str, str]]:
    keys = [*contract.key, "reasons"]
    rows = (row for each in audits for row in each.rejected.select(keys).slice(0, _SHOWN_KEYS).to_pylist())
    return [
        {name: str(value)[:120] for name, value in row.items()}
        for row, _ in zip(rows, range(_SHOWN_KEYS), strict=False)
    ]


def _description(contract: TableContract, gx_max_rows: int) -> str:
    engine = (
        f"Great Expectations up to {gx_max_rows} rows of a run, the fast engine above" if gx_max_rows else "fast engine"
    )
    bad = "set aside with a reason" if contract.on_bad_row == "quarantine" else "refused with the whole table"
    return f"Every row keeps contract `{contract.name}` version {contract.version} ({len(contract.columns)} columns). Bad rows are {bad}. Engine: {engine}."
