"""The contract guard beside Great Expectations, and as a share of the steps it guards.

Run ``python benchmarks/bench_contracts.py`` (about two minutes, most of it Great Expectations). Rounds alternate
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

from liquidity.contracts import (
    ALT_SIGNALS,
    AUCTION_MM,
    INSTRUMENTS,
    MICROSTRUCTURE,
    ROLLING_STATISTICS,
    SENTIMENT,
    SIGNAL_PANEL,
    TableContract,
)
from liquidity.contracts.conform import frame_from_table, table_from_frame
from liquidity.contracts.example import example_table
from liquidity.contracts.validation import audit
from resources.expectations import run_suite
from resources.lake import Lake

DAY = date(2026, 3, 19)
ROWS = 1_000_000
NAMES = 100_000


def best(rounds: int, *calls: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Smallest time of each call over alternating rounds, seconds."""
    times = [float("inf")] * len(calls)
    for _ in range(rounds):
        for place, call in enumerate(calls):
            start = clock()
            call()
            times[place] = min(times[place], clock() - start)
    return times


def row(name: str, ours: float, peer: str, other: float, ratio: float, goal: str, met: bool, n: int) -> dict[str, Any]:
    return {
        "name": name,
        "ours_s": round(ours, 4),
        "peer": peer,
        "peer_s": round(other, 4),
        "ratio": round(ratio, 3),
        "goal": goal,
        "met": met,
        "n": n,
    }


def alternative_readings(rows: int) -> pa.Table:
    """Three kinds of reading for each instrument; a third of the identifiers are distinct, as in a real day."""
    table = example_table(ALT_SIGNALS, DAY, rows // 3, np.random.default_rng(0))
    kinds = []
    for kind in ALT_SIGNALS.column("kind").allowed:
        place = table.column_names.index("kind")
        kinds.append(table.set_column(place, table.schema.field("kind"), pa.array([kind] * table.num_rows)))
    return pa.concat_tables(kinds).combine_chunks().sort_by([(name, "ascending") for name in ALT_SIGNALS.key])


def signals(contract: TableContract, names: int) -> Any:
    return frame_from_table(example_table(contract, DAY, names, np.random.default_rng(1)))


def run() -> list[dict[str, Any]]:
    table = alternative_readings(ROWS)
    run_suite(ALT_SIGNALS, table.slice(0, 10), DAY)  # the import and the context are not timed
    guard, suite = best(2, lambda: audit(table, ALT_SIGNALS, DAY), lambda: run_suite(ALT_SIGNALS, table, DAY))
    (processor,) = best(5, lambda: audit(table, ALT_SIGNALS, DAY), clock=time.process_time)
    shuffled = table.take(pa.array(np.random.default_rng(2).permutation(table.num_rows)))
    (unsorted,) = best(2, lambda: audit(shuffled, ALT_SIGNALS, DAY))
    rows = [
        row(
            "contract guard, 12 columns",
            guard,
            "great_expectations, one suite call",
            suite,
            suite / guard,
            ">= 6x",
            suite >= 6 * guard,
            table.num_rows,
        ),
        row(
            "contract guard, processor seconds",
            processor,
            "bound",
            0.1,
            processor / 0.1,
            "<= 0.1 s",
            processor <= 0.1,
            table.num_rows,
        ),
        row(
            "contract guard, rows unsorted",
            unsorted,
            "great_expectations, one suite call",
            suite,
            suite / unsorted,
            "reported",
            True,
            table.num_rows,
        ),
    ]
    rows.extend(_shares())
    return rows


def _shares() -> list[dict[str, Any]]:
    """Measure the guard of the daily panel as a share of the step: read the signals, join them, publish the panel."""
    from liquidity.features.panel import build_signal_panel

    inputs = {
        contract: signals(contract, NAMES)
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

        whole, guard, publish = best(
            6,
            step,
            lambda: audit(panel, SIGNAL_PANEL, DAY),
            lambda: lake.publish(SIGNAL_PANEL, DAY, panel),
            clock=time.process_time,
        )
    return [
        row(
            "guard of signal_panel as share of its step",
            guard,
            "read, join, publish",
            whole,
            guard / whole,
            "< 5 %",
            guard < 0.05 * whole,
            NAMES,
        ),
        row(
            "guard of signal_panel as share of publishing alone",
            guard,
            "audit, write, sync",
            publish,
            guard / publish,
            "reported",
            True,
            NAMES,
        ),
        _rolling_share(),
    ]


def _rolling_share() -> dict[str, Any]:
    """Measure the guard of the newest day's rolling statistics: read 90 days of the panel, compute, publish."""
    from liquidity.features.rolling import rolling_statistics

    names, days = 2000, [DAY - timedelta(days=back) for back in range(89, -1, -1)]
    panel = signals(SIGNAL_PANEL, names)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        for day in days:
            lake.publish(SIGNAL_PANEL, day, panel.assign(session_date=pd.Timestamp(day)))
        rows = table_from_frame(
            rolling_statistics(frame_from_table(lake.read(SIGNAL_PANEL, days[0], DAY)), [DAY]), ROLLING_STATISTICS
        )

        def step() -> None:
            lake.publish(
                ROLLING_STATISTICS,
                DAY,
                rolling_statistics(frame_from_table(lake.read(SIGNAL_PANEL, days[0], DAY)), [DAY]),
            )

        whole, guard = best(3, step, lambda: audit(rows, ROLLING_STATISTICS, DAY), clock=time.process_time)
    return row(
        "guard of rolling_statistics as share of its step",
        guard,
        "read 90 days, compute, publish",
        whole,
        guard / whole,
        "< 5 %",
        guard < 0.05 * whole,
        rows.num_rows,
    )


def main() -> int:
    rows = run()
    for each in rows:
        print("  ".join(f"{key}={value}" for key, value in each.items()))
    return 0 if all(each["met"] for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
