"""Metadata of each day of a run: a run may hold many days, and each must show its own numbers, else nothing plots.

Dagster gives the metadata of an ``Output`` to every day of the run alike; what is said here belongs to one day.
"""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from liquidity.contracts import TableContract

__all__ = ["report_days"]


def report_days(
    context: dg.AssetExecutionContext,
    contract: TableContract,
    table: pd.DataFrame,
    summarise: Callable[[pd.DataFrame], Mapping[str, Any]],
    newest: Mapping[str, Any] | None = None,
) -> None:
    """Attach ``summarise(rows of the day)`` to each day of the run.

    Parameters
    ----------
    table
        Rows of all days of the run, with ``session_date``; a day may have none.
    summarise
        Gets the rows of one day and returns metadata; called with an empty frame for a day without rows. Numbers are
        told with six significant digits.
    newest
        What only the newest day says besides, for example a picture over many days.
    """
    keys = sorted(context.partition_keys)
    rows_of = {f"{day:%Y-%m-%d}": rows for day, rows in table.groupby("session_date")} if len(keys) > 1 else {}
    for key in keys:
        rows = rows_of.get(key, table.iloc[:0]) if len(keys) > 1 else table
        said = {**summarise(rows), **(newest or {})} if key == keys[-1] else summarise(rows)
        told = {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in said.items()}
        context.add_asset_metadata(told, asset_key=dg.AssetKey(contract.asset_path), partition_key=key)
