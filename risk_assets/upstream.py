"""Tables of the pulse location that this one reads. Locations share contracts, never code."""

import dagster as dg

from liquidity.contracts import BONDX_SCORE, LIQUIDITY_FEATURES, LIQUIDITY_INDEX, TableContract
from resources.dagster_wiring import DAILY

__all__ = ["UPSTREAM", "borrowed"]


def borrowed(contract: TableContract) -> dg.AssetSpec:
    """Name another location's table; the partitions are what makes reading it find the day's file."""
    return dg.AssetSpec(
        dg.AssetKey(contract.asset_path),
        partitions_def=DAILY,
        group_name=contract.group,
        description=contract.row_means,
    )


UPSTREAM = [borrowed(contract) for contract in (LIQUIDITY_INDEX, LIQUIDITY_FEATURES, BONDX_SCORE)]
