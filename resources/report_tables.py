"""The lake's tables that report packs are made from, read for one session: what the command line calls.

>>> from resources.report_tables import FLOW_DAYS, PRICE_DAYS
>>> FLOW_DAYS > PRICE_DAYS
True

Read next: ``liquidity/regulation/packs.py`` (``report_packs``).
"""

from datetime import date, timedelta
from typing import Final

import pandas as pd

from liquidity.contracts import (
    ACCOUNTS,
    FUND_FLOWS,
    FX_RATES,
    LIQUIDITY_SURFACE,
    MICROSTRUCTURE,
    POSITIONS,
    SIGNAL_PANEL,
    SURFACE_CURVES,
    VAR_BACKTEST,
)
from liquidity.contracts.conform import frame_from_table
from liquidity.contracts.table import TableContract
from liquidity.domain.errors import InsufficientDataError
from liquidity.impact.surface import LiquiditySurface
from liquidity.market_risk.price_history import price_history
from liquidity.regulation.packs import ReportTables
from resources.lake import History, Lake
from resources.price_rows import held_and_peers, rows_of_names

__all__ = ["FLOW_DAYS", "PRICE_COLUMNS", "PRICE_DAYS", "PRICE_PEERS", "QUOTE_COLUMNS", "report_tables"]

FLOW_DAYS: Final = 1100
"""Calendar days of flows: three years."""
PRICE_DAYS: Final = 380
"""Calendar days of prices: the scenarios of a year."""
PRICE_PEERS: Final = 200
"""Instruments of each class whose returns may be lent to short histories."""
PRICE_COLUMNS: Final = ("session_date", "instrument_id", "asset_class", "calendar", "close", "spread_bps")
QUOTE_COLUMNS: Final = ("session_date", "instrument_id", "bid", "ask")


def report_tables(lake: Lake, session: date, *, prices: bool = True) -> ReportTables:
    """Read everything that the packs of one session need.

    Parameters
    ----------
    prices
        Whether to read price histories, which only the FRTB pack uses.

    Raises
    ------
    InsufficientDataError
        The lake has no positions or no surface of the session; the newest day of both is named.
    """

    def read(contract: TableContract, days: int = 1) -> pd.DataFrame:
        return frame_from_table(lake.read(contract, session - timedelta(days=days - 1), session))

    for contract in (POSITIONS, LIQUIDITY_SURFACE):
        days = lake.sessions(contract)
        if session not in days:
            newest = max((day for day in days if day <= session), default=None)
            raise InsufficientDataError(
                f"report: {contract.name} has no session {session}; the newest before it is {newest}; materialise it first"
            )
    positions = read(POSITIONS)
    history = None
    if prices:
        start = session - timedelta(days=PRICE_DAYS - 1)
        panel = History(lake, SIGNAL_PANEL, start, session, PRICE_COLUMNS)
        names = held_and_peers(panel, [session], set(positions["instrument_id"]), PRICE_PEERS)
        rows = rows_of_names(panel, names)
        quotes = rows_of_names(History(lake, MICROSTRUCTURE, start, session, QUOTE_COLUMNS), names)
        history = price_history(rows, quotes) if len(rows) else None
    return ReportTables(
        positions=positions,
        accounts=read(ACCOUNTS),
        fx=read(FX_RATES, PRICE_DAYS),
        flows=read(FUND_FLOWS, FLOW_DAYS),
        surface=LiquiditySurface.from_tables(read(LIQUIDITY_SURFACE), read(SURFACE_CURVES)),
        history=history,
        backtest=read(VAR_BACKTEST),
    )
