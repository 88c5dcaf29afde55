"""Write and read contract tables: one asset, one table, one file per day.

An asset returns the rows of all days of its run in one frame; each day is audited before the first is published, so a
bad day leaves every day as it was. Read next: ``resources/lake.py``.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liquidity.contracts import ALL_CONTRACTS, Column, TableContract
from liquidity.contracts.conform import conform, frame_from_table, table_from_frame
from liquidity.contracts.validation import Audit, audit
from liquidity.domain.errors import ConfigError, ContractError
from resources.lake import History, Lake, PublishReport
from resources.memory import give_back_memory

if TYPE_CHECKING:  # locations that move Arrow tables load without pandas
    import pandas as pd

__all__ = ["ContractParquetIOManager", "column_schema", "contract_of", "split_by_session"]

_CONTRACTS = {contract.name: contract for contract in ALL_CONTRACTS}


class ContractParquetIOManager(dg.ConfigurableIOManager):
    """Store assets as contract tables in the lake under ``lake_dir``.

    The last part of the asset key names the contract. Outputs are pandas frames or Arrow tables with the contract's
    columns; inputs are pandas frames, or Arrow tables or a :class:`resources.lake.History` (read in blocks by the asset
    itself) where the parameter is annotated so. An input's metadata ``{"columns": [...]}`` reads only those columns.
    """

    lake_dir: str

    def open(self) -> Lake:
        """Open the lake under ``lake_dir``."""
        return Lake(Path(self.lake_dir))

    def handle_output(self, context: dg.OutputContext, obj: "pd.DataFrame | pa.Table") -> None:
        """Audit all days of the run, then publish each; report counts, reasons and columns."""
        contract = contract_of(context.asset_key)
        table = conform(obj, contract) if isinstance(obj, pa.Table) else table_from_frame(obj, contract)
        days = _days(context.asset_partition_keys) if context.has_asset_partitions else None
        audits = [(day, audit(rows, contract, day)) for day, rows in split_by_session(table, contract, days)]
        lake = self.open()
        reports = [lake.publish_audit(day, judged) for day, judged in audits]
        give_back_memory()  # a table's buffers must not stay while the next table is made
        context.add_output_metadata(_output_metadata(lake, contract, reports, [judged for _, judged in audits]))
        if len(reports) > 1 and days is not None:
            for (day, _), report in zip(audits, reports, strict=True):
                context.step_context.add_asset_metadata(
                    _day_metadata(lake, report), asset_key=context.asset_key, partition_key=day.isoformat()
                )

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame | pa.Table | History":
        """Read the days that the partition mapping asks for (all days of an unpartitioned read) as one table."""
        contract = contract_of(context.asset_key)
        lake = self.open()
        days = sorted(_days(context.asset_partition_keys)) if context.has_asset_partitions else lake.sessions(contract)
        columns = _wanted_columns(context)
        if context.dagster_type.typing_type is History:
            if not days:
                raise ContractError(f"{contract.name}: no day to read; materialise the table first")
            return History(lake, contract, days[0], days[-1], tuple(columns or contract.column_names))
        table = (
            lake.read(contract, days[0], days[-1], columns)
            if days
            else contract.arrow_schema.empty_table().select(columns or list(contract.column_names))
        )
        if (
            days
            and (days[-1] - days[0]).days + 1 != len(days)
            and context.has_asset_partitions
            and "session_date" in table.column_names
        ):
            table = table.filter(pc.is_in(table.column("session_date"), value_set=pa.array(days, pa.date32())))
        return table if context.dagster_type.typing_type is pa.Table else frame_from_table(table)


def contract_of(key: dg.AssetKey) -> TableContract:
    """Find the contract that the last part of an asset key names.

    Raises
    ------
    ConfigError
        No contract has that name.
    """
    name = key.path[-1]
    if name not in _CONTRACTS:
        raise ConfigError(
            f"asset {key.to_user_string()}: no table contract is called {name!r}; add one to liquidity/contracts or give the asset another IO manager"
        )
    return _CONTRACTS[name]


def split_by_session(table: pa.Table, contract: TableContract, days: list[date] | None) -> list[tuple[date, pa.Table]]:
    """Cut a table of many days into one table per day.

    Parameters
    ----------
    table
        Rows with the contract's exact schema, in any order.
    days
        The run's days; each gets a table, if without rows. ``None`` takes the days that occur.

    Returns
    -------
    list
        (day, rows) ascending by day. Rows without a session_date go to the last day, whose audit sets them aside.

    Raises
    ------
    ContractError
        Rows of other days than ``days``, or rows without a day where no day is known.
    """
    sessions = table.column("session_date").combine_chunks().cast(pa.int32())
    if sessions.null_count == table.num_rows and table.num_rows and not days:
        raise ContractError(
            f"{contract.name}: session_date is null in all {table.num_rows} rows; set it from the partition"
        )
    newest = pc.max(sessions).as_py() if days is None else _day_number(max(days))
    numbers = pc.fill_null(sessions, newest if newest is not None else 0).to_numpy(zero_copy_only=False)
    if len(numbers) and (np.diff(numbers) < 0).any():
        order = np.argsort(numbers, kind="stable")
        table, numbers = table.take(pa.array(order)), numbers[order]
    present = np.unique(numbers)
    wanted = present if days is None else np.unique(np.array([_day_number(day) for day in days], dtype=np.int64))
    strangers = np.setdiff1d(present, wanted)
    if len(strangers):
        rows = int(np.isin(numbers, strangers).sum())
        raise ContractError(
            f"{contract.name}.session_date: {rows} of {table.num_rows} rows outside the run's {len(wanted)} partitions "
            f"{_day(wanted[0])} to {_day(wanted[-1])}; first: {_day(strangers[0])}; return only rows of the run's partitions"
        )
    starts, ends = np.searchsorted(numbers, wanted, "left"), np.searchsorted(numbers, wanted, "right")
    return [(_day(day), table.slice(start, end - start)) for day, start, end in zip(wanted, starts, ends, strict=True)]


def column_schema(contract: TableContract) -> dg.TableSchema:
    """Show the contract's columns, units, meanings and constraints in the Columns panel."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.dtype,
                description=f"{column.meaning} Unit: {column.unit}.",
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable,
                    unique=contract.key == (column.name,),
                    other=_constraints(column, contract),
                ),
            )
            for column in contract.columns
        ],
        constraints=dg.TableConstraints(
            other=[
                f"one row per {', '.join(contract.key)}",
                *(f"{rule.left} {rule.op} {rule.right}" for rule in contract.rules),
            ]
        ),
    )


def _constraints(column: Column, contract: TableContract) -> list[str]:
    other = ["key"] if column.name in contract.key else []
    if column.minimum is not None:
        other.append(f"{'>' if column.minimum_excluded else '>='} {column.minimum:g}")
    if column.maximum is not None:
        other.append(f"<= {column.maximum:g}")
    if column.allowed:
        other.append(f"one of {', '.join(column.allowed)}")
    if column.pattern is not None:
        other.append(f"like {column.pattern}")
    return other


def _output_metadata(
    lake: Lake, contract: TableContract, reports: list[PublishReport], audits: list[Audit]
) -> dict[str, Any]:
    rows = sum(report.rows for report in reports)
    reasons: Counter[str] = Counter()
    for judged in audits:
        for violation in judged.violations:
            reasons[f"{violation.code}:{violation.column}"] += violation.count
    metadata: dict[str, Any] = {
        "dagster/row_count": rows,
        "dagster/column_schema": column_schema(contract),
        "dagster/uri": _uri(lake, contract, reports),
        "days": len(reports),
        "quarantined_rows": sum(report.quarantined for report in reports),
        "contract_version": contract.version,
        "sha256": reports[0].sha256
        if len(reports) == 1
        else hashlib.sha256("".join(report.sha256 for report in reports).encode()).hexdigest(),
    }
    if len(reports) == 1:
        metadata["dagster/partition_row_count"] = rows
    if reasons:
        lines = [f"| {reason[:120]} | {count} |" for reason, count in reasons.most_common(10)]
        metadata["quarantine_reasons"] = dg.MetadataValue.md("\n".join(["| reason | rows |", "|---|---|", *lines]))
    return metadata


def _day_metadata(lake: Lake, report: PublishReport) -> dict[str, Any]:
    """What one day of a run over many says instead of the run's totals, so that it plots."""
    return {
        "dagster/row_count": report.rows,
        "dagster/partition_row_count": report.rows,
        "dagster/uri": report.path.relative_to(lake.root).as_posix(),
        "quarantined_rows": report.quarantined,
        "sha256": report.sha256,
    }


def _uri(lake: Lake, contract: TableContract, reports: list[PublishReport]) -> str:
    path = reports[0].path if len(reports) == 1 else lake.table_path(contract)
    return path.relative_to(lake.root).as_posix()


def _wanted_columns(context: dg.InputContext) -> list[str] | None:
    columns = (context.definition_metadata or {}).get("columns")
    if columns is None:
        return None
    value = columns.value if isinstance(columns, dg.MetadataValue) else columns
    return [str(name) for name in value]


def _days(keys: Iterable[str]) -> list[date]:
    return [date.fromisoformat(key) for key in keys]


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _day(number: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(number))
