"""How a table contract appears in Dagster: key, description, group, owner and code version of its asset."""

from typing import Any, Final

import dagster as dg

from liquidity.contracts import TableContract
from liquidity.contracts.dictionary import asset_description
from resources.dagster_wiring import code_version

__all__ = ["LOOKBACK", "OWNERS", "asset_out", "asset_settings", "borrow", "history", "learned_from"]

OWNERS: Final = {"pulse": ["team:liquidity"], "risk": ["team:risk"], "exec": ["team:execution"]}
KINDS = {"python", "parquet"}
# Features of a session read the panel of (session - 90 days, session].
LOOKBACK_DAYS = 90
LOOKBACK = dg.TimeWindowPartitionMapping(start_offset=1 - LOOKBACK_DAYS, end_offset=0)


def asset_settings(contract: TableContract) -> dict[str, Any]:
    """Keyword arguments of ``@dg.asset`` that follow from the contract."""
    return {
        "key": dg.AssetKey(contract.asset_path),
        "description": asset_description(contract),
        "group_name": contract.group,
        "owners": OWNERS[contract.location],
        "kinds": KINDS,
        "code_version": code_version(),
        "tags": {"contract_version": str(contract.version)},
    }


def asset_out(contract: TableContract, automation_condition: dg.AutomationCondition[Any] | None = None) -> dg.AssetOut:
    """The same for one table of a ``@dg.multi_asset``."""
    return dg.AssetOut(**asset_settings(contract), automation_condition=automation_condition)


def borrow(contract: TableContract, *columns: str) -> dg.AssetIn:
    """The run's own days of another table; only ``columns`` where given."""
    return dg.AssetIn(key=dg.AssetKey(contract.asset_path), metadata={"columns": list(columns)} if columns else None)


def history(contract: TableContract, *columns: str, days: int = LOOKBACK_DAYS) -> dg.AssetIn:
    """The run's days of another table and the ``days`` - 1 calendar days before them."""
    return dg.AssetIn(
        key=dg.AssetKey(contract.asset_path),
        partition_mapping=dg.TimeWindowPartitionMapping(start_offset=1 - days, end_offset=0),
        metadata={"columns": list(columns)} if columns else None,
    )


def learned_from(contract: TableContract, days: int) -> dg.AssetDep:
    """A table that the asset reads by itself: the run's days and the ``days`` - 1 calendar days before them."""
    return dg.AssetDep(
        dg.AssetKey(contract.asset_path),
        partition_mapping=dg.TimeWindowPartitionMapping(start_offset=1 - days, end_offset=0),
    )
