"""Run every benchmark and print one table: ours beside the named peer, both measured in this run.

``python -m benchmarks.run [NAME ...] [--quick] [--markdown FILE]``. Exit code 1 when a goal is missed, so that a
regression is seen; ``--quick`` runs at about a tenth of the sizes, for a look. Each benchmark runs in a process of its
own: the peak memory of one must not count for the next. Names are those of the files without ``bench_``.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.table import Row, as_markdown

HERE: Final = Path(__file__).resolve().parent
_CODE: Final = (
    "import dataclasses, importlib, json, sys; "
    "rows = importlib.import_module(f'benchmarks.bench_{sys.argv[1]}').run(sys.argv[2] == 'quick'); "
    "print(json.dumps([dataclasses.asdict(row) for row in rows]))"
)


def rows_of(name: str, *, quick: bool) -> list[Row]:
    """Run one benchmark in a fresh process; what it says on the way goes to our standard error."""
    command = [sys.executable, "-c", _CODE, name, "quick" if quick else "whole"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE.parent)
    return [Row(**row) for row in json.loads(answer.stdout.splitlines()[-1])]


def main(arguments: Sequence[str]) -> int:
    """Run the named benchmarks, or all ``bench_*.py``."""
    parser = argparse.ArgumentParser(description="Run the benchmarks and say which goals are met.")
    parser.add_argument("names", nargs="*", help="benchmarks to run; all by default")
    parser.add_argument("--quick", action="store_true", help="about a tenth of the sizes")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write their rows into this page")
    asked = parser.parse_args(arguments)
    found = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    unknown = sorted(set(asked.names) - set(found))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(found)}")
    table: dict[str, list[Row]] = {}
    began = datetime.now(UTC)
    for name in asked.names or found:
        table[name] = rows_of(name, quick=asked.quick)
        for row in table[name]:
            print(f"{'met   ' if row.met else 'MISSED'} {row.text()}", flush=True)
        if asked.markdown is not None:
            asked.markdown.write_text(as_markdown({name: table[name]}, asked.markdown, began), encoding="utf-8")
    missed = sum(not row.met for rows in table.values() for row in rows)
    print(f"{missed} of {sum(map(len, table.values()))} goals missed" if missed else "all goals met")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
