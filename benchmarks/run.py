"""Run every benchmark and print one table: ours beside the named peer, both measured in this run.

``python -m benchmarks.run [NAME ...]``. Exit code 1 when a goal is missed, so that a regression is seen.
"""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all ``bench_*.py``."""
    found = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    missed = 0
    print(f"{'benchmark':<62} {'n':>12} {'ours s':>9} {'peer':>26} {'peer s':>9} {'ratio':>7}  goal")
    for name in found:
        if names and name not in names:
            continue
        for row in importlib.import_module(f"benchmarks.bench_{name}").run():
            missed += not row["met"]
            print(
                f"{row['name'][:62]:<62} {row['n']!s:>12} {row['ours_s']:>9.4f} {row['peer'] or '-':>26} "
                f"{_number(row['peer_s'])} {_number(row['ratio'], 7, 1)}  {row['goal']} {'met' if row['met'] else 'MISSED'}",
                flush=True,
            )
    return 1 if missed else 0


def _number(value: float | None, width: int = 9, digits: int = 4) -> str:
    return f"{value:>{width}.{digits}f}" if value is not None else f"{'-':>{width}}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
