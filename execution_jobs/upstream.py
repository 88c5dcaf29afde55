"""Tables of other locations that this one reads. Locations share contracts, never code."""

import dagster as dg

from liquidity.contracts import LIQUIDITY_INDEX
from resources.dagster_wiring import DAILY

__all__ = ["UPSTREAM"]

UPSTREAM = [
    dg.AssetSpec(
        dg.AssetKey(contract.asset_path),
        partitions_def=DAILY,
        group_name=contract.group,
        description=contract.row_means,
    )
    for contract in (LIQUIDITY_INDEX,)
]
