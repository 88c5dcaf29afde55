"""The demo fund and the demo crypto book of the simulated market, stated as landing files.

``<landing>/{positions,accounts,fx_rates,fund_flows}/simulated-YYYY-MM.parquet``, written from the simulated instruments and quotes
that lie beside them, whole months at a time, byte for byte the same on each run. Read next: ``liquidity/portfolio/demo.py``
(what is held).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow.parquet as pq

from liquidity.contracts import ACCOUNTS, FUND_FLOWS, FX_RATES, INSTRUMENTS, MICROSTRUCTURE, POSITIONS
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.table import TableContract
from liquidity.portfolio.demo import demo_portfolios, demo_prices, simulated_rates
from liquidity.portfolio.fund_flows import demo_fund_flows
from resources.atomic_file import replacing
from resources.feeds._landing_files import LandedFile, landed_files, read_landed
from resources.feeds._recording import contract_rows

__all__ = ["DemoReport", "demo_portfolios_to_landing"]

_PREFIX: Final = "simulated-"


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What one call wrote: ``sessions`` stated, rows of positions, files."""

    sessions: int
    positions: int
    files: int

    def __str__(self) -> str:
        """One line for the terminal."""
        return f"demo portfolios: {self.positions:,} positions on {self.sessions} sessions in {self.files} files"


def demo_portfolios_to_landing(landing: Path, start: date, end: date, seed: int) -> DemoReport:
    """State the demo portfolios of each simulated session of [start, end].

    Parameters
    ----------
    landing
        Folder with a simulated market (``simulate_to_landing``); without one nothing is written.
    start, end
        Days wanted, inclusive. Files of a month that was stated before are replaced where they differ.
    seed
        Seed of the fund's flows and of the simulated exchange rates.
    """
    sessions = rows = files = 0
    for file in landed_files(landing / INSTRUMENTS.name):
        if not (file.path.name.startswith(_PREFIX) and file.may_hold(start, end)):
            continue
        quotes = landing / MICROSTRUCTURE.name / file.path.name
        listed = _days(read_landed(file, INSTRUMENTS, naive_times_utc=False))
        prices = _days(
            demo_prices(read_landed(LandedFile(quotes, file.first, file.last), MICROSTRUCTURE, naive_times_utc=False))
        )
        stated = [
            (demo_portfolios(instruments, prices[day], day.date(), seed), simulated_rates(day.date(), seed))
            for day, instruments in listed.items()
            if day in prices and day.date() <= end
        ]
        if not stated:
            continue
        tables = {
            POSITIONS: [each.positions for each, _ in stated],
            ACCOUNTS: [each.accounts for each, _ in stated],
            FX_RATES: [rates for _, rates in stated],
            FUND_FLOWS: [
                demo_fund_flows(each.positions, each.accounts, rates["session_date"].iloc[0].date(), seed)
                for each, rates in stated
            ],
        }
        for contract, parts in _whole(tables):
            _write(landing / contract.name / file.path.name, contract, parts)
            files += 1
        sessions, rows = sessions + len(stated), rows + sum(len(each.positions) for each, _ in stated)
    return DemoReport(sessions, rows, files)


def _days(rows: pd.DataFrame) -> dict[pd.Timestamp, pd.DataFrame]:
    return {pd.Timestamp(day): rows[rows["session_date"] == day] for day in rows["session_date"].unique()}


def _whole(tables: dict[TableContract, list[pd.DataFrame]]) -> Iterator[tuple[TableContract, pd.DataFrame]]:
    for contract, parts in tables.items():
        whole = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
        yield contract, contract_rows(contract, {str(name): whole[name] for name in whole.columns})


def _write(path: Path, contract: TableContract, rows: pd.DataFrame) -> None:
    """Write a file; one that holds these rows already keeps its time, so that nothing after it is thought to be stale."""
    table = table_from_frame(rows, contract)
    if path.exists() and pq.read_table(path).equals(table):
        return
    with replacing(path) as staged:
        pq.write_table(table, staged, compression="zstd")
