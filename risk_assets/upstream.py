"""Tables of the pulse location that this one reads, and how risk tables follow them. Locations share contracts, never code."""

from typing import Any

import dagster as dg

from liquidity.contracts import (
    BONDX_SCORE,
    BOOK_DAILY,
    BOOK_SNAPSHOTS,
    FUNDING_RATES,
    INSTRUMENTS,
    LIQUIDATION_EVENTS,
    LIQUIDATION_LEVELS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    MACRO_SERIES,
    MARKET_DEPTH,
    MICROSTRUCTURE,
    OPEN_INTEREST,
    SIGNAL_PANEL,
    TableContract,
)
from resources.dagster_wiring import DAILY, FOLLOW

__all__ = ["UPSTREAM", "borrowed", "follow"]


def borrowed(contract: TableContract) -> dg.AssetSpec:
    """Name another location's table; the partitions are what makes reading it find the day's file."""
    return dg.AssetSpec(
        dg.AssetKey(contract.asset_path),
        partitions_def=DAILY,
        group_name=contract.group,
        description=contract.row_means,
    )


def follow(*histories: TableContract) -> dg.AutomationCondition[Any]:
    """Materialise a day as soon as what it reads is there and passed its checks.

    Parameters
    ----------
    histories
        Tables of which earlier days are read too: their missing days hold nothing up, else a new workspace never starts.
    """
    if not histories:
        return FOLLOW
    past = dg.AssetSelection.assets(*(dg.AssetKey(contract.asset_path) for contract in histories))
    return FOLLOW.replace("any_deps_missing", dg.AutomationCondition.any_deps_missing().ignore(past))


UPSTREAM = [
    borrowed(contract)
    for contract in (
        INSTRUMENTS,
        MACRO_SERIES,
        MICROSTRUCTURE,
        BOOK_DAILY,
        BOOK_SNAPSHOTS,
        MARKET_DEPTH,
        FUNDING_RATES,
        OPEN_INTEREST,
        LIQUIDATION_EVENTS,
        LIQUIDATION_LEVELS,
        SIGNAL_PANEL,
        LIQUIDITY_FEATURES,
        LIQUIDITY_INDEX,
        BONDX_SCORE,
    )
]
