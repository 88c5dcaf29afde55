"""The contract guard beside Great Expectations, and as a share of the steps it guards.

Run ``python -m benchmarks.bench_contracts`` (about two minutes, most of it Great Expectations). Rounds alternate
between the candidates, so that load hits both; the smallest time counts. The bound in seconds and the shares are
processor seconds of this process, all threads; waiting for the disk is left out, which makes a share larger.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.table import Row
from liquidity.contracts import (
    ALT_SIGNALS,
    AUCTION_MM,
    INSTRUMENTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_MEASURES,
    MICROSTRUCTURE,
    ROLLING_STATISTICS,
    SENTIMENT,
    SIGNAL_PANEL,
    TableContract,
)
from liquidity.contracts.conform import frame_from_table, table_from_frame
from liquidity.contracts.example import example_table
from liquidity.contracts.validation import audit
from liquidity.features.blocks import PANEL_INPUTS, feature_tables
from liquidity.features.panel import build_signal_panel
from liquidity.simulation.isin import simulated_isins
from resources.expectations import run_suite
from resources.lake import History, Lake

DAY = date(2026, 3, 19)
ROWS = 1_000_000
NAMES = 100_000
STAGE_NAMES = 10_000


def best(rounds: int, *calls: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Smallest time of each call over alternating rounds, seconds."""
    times = [float("inf")] * len(calls)
    for _ in range(rounds):
        for place, call in enumerate(calls):
            start = clock()
            call()
            times[place] = min(times[place], clock() - start)
    return times


def alternative_readings(rows: int) -> pa.Table:
    """Three kinds of reading for each instrument; a third of the identifiers are distinct, as in a real day."""
    table = example_table(ALT_SIGNALS, DAY, rows // 3, np.random.default_rng(0))
    kinds = []
    for kind in ALT_SIGNALS.column("kind").allowed:
        place = table.column_names.index("kind")
        kinds.append(table.set_column(place, table.schema.field("kind"), pa.array([kind] * table.num_rows)))
    return pa.concat_tables(kinds).combine_chunks().sort_by([(name, "ascending") for name in ALT_SIGNALS.key])


def signals(contract: TableContract, names: int) -> Any:
    """Rows that keep the contract, of bonds that carry ISINs as a real day's do."""
    frame = frame_from_table(example_table(contract, DAY, names, np.random.default_rng(1)))
    codes, _ = pd.factorize(frame["instrument_id"], sort=True)
    isins = np.sort(simulated_isins(np.arange(names) // 10, np.arange(names) % 10))
    return frame.assign(instrument_id=pd.array(isins[codes], dtype="str"))


def run(quick: bool = False) -> list[Row]:
    """Rows of the table; ``quick`` at a tenth of the sizes."""
    cut = 10 if quick else 1
    table = alternative_readings(ROWS // cut)
    n = f"{table.num_rows:,} rows x {table.num_columns}"
    run_suite(ALT_SIGNALS, table.slice(0, 10), DAY)  # the import and the context are not timed
    guard, suite = best(2, lambda: audit(table, ALT_SIGNALS, DAY), lambda: run_suite(ALT_SIGNALS, table, DAY))
    (processor,) = best(5, lambda: audit(table, ALT_SIGNALS, DAY), clock=time.process_time)
    shuffled = table.take(pa.array(np.random.default_rng(2).permutation(table.num_rows)))
    (unsorted,) = best(2, lambda: audit(shuffled, ALT_SIGNALS, DAY))
    peer = "great_expectations, one suite call"
    return [
        Row("contract guard", guard, n, ">= 6 x", suite >= 6 * guard, peer, suite),
        Row("contract guard (processor s)", processor, n, "<= 0.1 s", processor <= 0.1),
        Row("contract guard, rows unsorted", unsorted, n, "reported", True, peer, suite),
        *_shares(NAMES // cut, STAGE_NAMES // cut),
    ]


def _shares(names: int, stage_names: int) -> list[Row]:
    """Measure the guards as shares of what they guard: the panel alone, and the whole features stage of a day."""
    inputs = {
        contract: signals(contract, names)
        for contract in (INSTRUMENTS, MICROSTRUCTURE, ALT_SIGNALS, AUCTION_MM, SENTIMENT)
    }
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        for contract, frame in inputs.items():
            lake.publish(contract, DAY, frame)
        panel = table_from_frame(build_signal_panel(*inputs.values()), SIGNAL_PANEL)

        def step() -> None:
            read = [frame_from_table(lake.read(contract, DAY, DAY)) for contract in inputs]
            lake.publish(SIGNAL_PANEL, DAY, build_signal_panel(*read))

        whole, guard = best(6, step, lambda: audit(panel, SIGNAL_PANEL, DAY), clock=time.process_time)
    return [
        Row("guard of signal_panel alone (processor s)", guard, f"{names:,} ISINs", f"< 5 % of the step ({guard / whole:.1%})", guard < 0.05 * whole, "read, join, publish", whole),
        _stage_share(stage_names),
    ]  # fmt: skip


def _stage_share(names: int) -> Row:
    """All guards of the features stage of a day: the signals joined to the panel, then 90 days of it to three tables."""
    inputs = [
        signals(contract, names) for contract in (INSTRUMENTS, MICROSTRUCTURE, ALT_SIGNALS, AUCTION_MM, SENTIMENT)
    ]
    days = [DAY - timedelta(days=back) for back in range(89, -1, -1)]
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        panel = build_signal_panel(*inputs)
        for day in days[:-1]:
            if day.weekday() < 5:
                lake.publish(SIGNAL_PANEL, day, panel.assign(session_date=pd.Timestamp(day)))
        history = History(lake, SIGNAL_PANEL, days[0], DAY, PANEL_INPUTS)
        made: dict[TableContract, pa.Table] = {}

        def step() -> None:
            made[SIGNAL_PANEL] = table_from_frame(build_signal_panel(*inputs), SIGNAL_PANEL)
            lake.publish(SIGNAL_PANEL, DAY, made[SIGNAL_PANEL])
            tables = feature_tables(map(frame_from_table, history.blocks([DAY])), [DAY])
            for contract, frame in (
                (ROLLING_STATISTICS, tables.rolling),
                (LIQUIDITY_MEASURES, tables.measures),
                (LIQUIDITY_FEATURES, tables.features),
            ):
                made[contract] = table_from_frame(frame, contract)
                lake.publish(contract, DAY, made[contract])

        def guards() -> None:
            for contract, table in made.items():
                audit(table, contract, DAY)

        step()
        whole, guard = best(3, step, guards, clock=time.process_time)
    rows = sum(table.num_rows for table in made.values())
    return Row("guards of the features stage (processor s)", guard, f"{names:,} ISINs, 4 tables, {rows:,} rows", f"< 5 % of the stage ({guard / whole:.1%})", guard < 0.05 * whole, "join, 90 days, publish", whole)  # fmt: skip


def main() -> int:
    rows = run()
    for row in rows:
        print(f"{'met   ' if row.met else 'MISSED'} {row.text()}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
