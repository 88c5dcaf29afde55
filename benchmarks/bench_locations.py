"""Seconds until each Dagster code location is imported, and proof that the heavy libraries are not among what it loads.

Each import runs in a fresh process, three times in turns; the median counts. Run ``python -m benchmarks.bench_locations``.
"""

import json
import statistics
import subprocess
import sys
from typing import Final

from benchmarks.table import Row

LOCATIONS: Final = ("pulse_assets.definitions", "risk_assets.definitions", "execution_jobs.definitions")
HEAVY: Final = ("great_expectations", "sklearn", "ccxt")
ROUNDS: Final = 3
_CODE: Final = """
import importlib, json, sys, time
began = time.perf_counter()
importlib.import_module(sys.argv[1])
print(json.dumps([time.perf_counter() - began, sorted(set(sys.argv[2:]) & set(sys.modules))]))
"""


def loaded(module: str) -> tuple[float, list[str]]:
    """Seconds of the import in a process of its own, and which heavy libraries came with it."""
    command = [sys.executable, "-c", _CODE, module, *HEAVY]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, heavy = json.loads(answer.stdout.splitlines()[-1])
    return seconds, heavy


def run(quick: bool = False) -> list[Row]:
    """One row for each location; ``quick`` imports once."""
    rounds = [[loaded(module) for module in LOCATIONS] for _ in range(1 if quick else ROUNDS)]
    rows = []
    for module, times in zip(LOCATIONS, zip(*rounds, strict=True), strict=True):
        heavy = sorted({name for _, names in times for name in names})
        goal = f"without {', '.join(HEAVY)}: " + (f"LOADED {', '.join(heavy)}" if heavy else "none loaded")
        rows.append(Row(f"import of {module}", statistics.median(seconds for seconds, _ in times), f"{len(times)} fresh processes", goal, not heavy))  # fmt: skip
    return rows


def main() -> int:
    rows = run()
    for row in rows:
        print(f"{row.name}: {row.ours:.2f} s ({row.goal})")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
