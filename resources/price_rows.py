"""Which price histories risk reads from the lake: what is held, and the peers that lend returns to short histories.

Read next: ``liquidity/market_risk/scenarios.py`` (how returns are lent).
"""

from collections.abc import Collection
from datetime import date

import pandas as pd

from liquidity.contracts.conform import frame_from_table
from resources.lake import History

__all__ = ["held_and_peers", "rows_of_names"]


def held_and_peers(panel: History, sessions: Collection[date], held: Collection[str], peers_n: int) -> list[str]:
    """Instruments to read: what is held, and evenly chosen others of each asset class that may lend returns."""
    columns = ["instrument_id", "asset_class"]
    parts = [frame_from_table(panel.lake.read(panel.contract, day, day, columns)) for day in sessions]
    listed = pd.concat(parts).drop_duplicates("instrument_id").sort_values("instrument_id")
    chosen = set(held)
    for _, names in listed.groupby("asset_class")["instrument_id"]:
        step = max(1, -(-len(names) // peers_n))
        chosen |= set(names.iloc[::step])
    return sorted(chosen)


def rows_of_names(table: History, names: Collection[str]) -> pd.DataFrame:
    """Rows of the chosen instruments of a history that was not read yet."""
    return frame_from_table(table.lake.read(table.contract, table.start, table.end, table.columns, names))
