"""Peers that cannot share our environment, in one run: ``python -m benchmarks.peers.run [NAME ...]``.

Order books on the same deltas, and forecasts on the same rows (``forecast_run.py``, asked for as ``forecasts``),
portfolio optimisers on the same problem (``optimizer_run.py``, asked for as ``optimizers``), contributions to risk
(``risk_run.py``, asked for as ``risk``).

Each peer gets an environment of its own below ``--folder`` (``.peers``), made once and kept. Rounds alternate; a figure
is the median over them of nanoseconds per update. The deltas are the recorded BTCUSDT perpetual when ``PULSE_REAL_DATA``
names the data folder, generated ones otherwise. The table goes to ``docs/benchmarks_peers.md`` (``--markdown``) when all
peers ran. Exit code 1 when a goal is missed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.book_tapes import generated_tape, recorded_tape
from benchmarks.peers import forecast_run, optimizer_run, risk_run
from benchmarks.table import Row, as_markdown
from liquidity.book.block import BookBlock

HERE: Final = Path(__file__).resolve().parent
ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Peer:
    """One package, the script that times it, and the least ratio at each cadence it takes part in."""

    package: str
    release: str
    script: str
    goals: dict[str, float]


PEERS: Final = (
    Peer("nautilus_trader", "1.221.0", "nautilus_book.py", {"update": 1_000.0, "message": 50.0}),
    Peer("hftbacktest", "2.4.4", "hftbacktest_book.py", {"message": 19.0}),
)


def python_of(peer: Peer, folder: Path) -> Path:
    """Interpreter of the peer's environment, made and filled on first use."""
    home = folder / f"{peer.package}-{peer.release}"
    python = home / "bin" / "python"
    done = home / ".installed"
    if not done.is_file():
        venv.create(home, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, f"{peer.package}=={peer.release}"], check=True)
        done.touch()
    return python


def ns_per_update(command: Sequence[str]) -> float:
    """Run one timing; it prints rows and seconds."""
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE.parents[1])
    rows, seconds = answer.stdout.split()[-2:]
    return 1e9 * float(seconds) / int(rows)


def rows_beside(peer: Peer, python: Path, source: Path, what: str) -> list[Row]:
    """One row per cadence."""
    rows = []
    for cadence, goal in peer.goals.items():
        mine, theirs = [], []
        for _ in range(ROUNDS):
            mine.append(ns_per_update([sys.executable, "-m", "benchmarks.peers.ours", str(source), cadence]))
            theirs.append(ns_per_update([str(python), str(HERE / peer.script), str(source), cadence]))
        ours, other = statistics.median(mine), statistics.median(theirs)
        name = f"one update, features per {cadence} [ns]"
        label = f"{peer.package} {peer.release}"
        rows.append(Row(name, ours, what, f">= {goal:g} x", other / ours >= goal, label, other))
    return rows


def main(arguments: Sequence[str]) -> int:
    """Install what is missing, run, print one line per peer and cadence."""
    parser = argparse.ArgumentParser(description="Run peers in environments of their own.")
    parser.add_argument("--folder", type=Path, default=Path(".peers"), help="where their environments are kept")
    page = HERE.parents[1] / "docs" / "benchmarks_peers.md"
    parser.add_argument("--markdown", type=Path, default=page, metavar="FILE", help="page that the table goes into")
    parser.add_argument("names", nargs="*", help="peers to run, or forecasts, optimizers, risk; all by default")
    asked = parser.parse_args(arguments)
    real = os.environ.get("PULSE_REAL_DATA", "")
    tape = recorded_tape(Path(real)) if real else generated_tape(500_000)
    told: dict[str, list[Row]] = {}
    began = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "deltas.npz"
        np.savez(source, **{name: getattr(tape.block, name) for name in BookBlock.__slots__})
        for peer in PEERS:
            if asked.names and peer.package not in asked.names:
                continue
            python = python_of(peer, asked.folder.resolve())
            told[peer.package] = rows_beside(peer, python, source, f"{len(tape.block):,} updates, {tape.name}")
        if not asked.names or "forecasts" in asked.names:
            told["forecasts"] = forecast_run.rows_beside(
                Path(folder), lambda package, release: python_of(Peer(package, release, "", {}), asked.folder.resolve())
            )
        if not asked.names or "optimizers" in asked.names:
            told["optimizers"] = optimizer_run.rows_beside(
                Path(folder), lambda package, release: python_of(Peer(package, release, "", {}), asked.folder.resolve())
            )
        if not asked.names or "risk" in asked.names:
            told["risk"] = risk_run.rows_beside(
                Path(folder), lambda package, release: python_of(Peer(package, release, "", {}), asked.folder.resolve())
            )
    for rows in told.values():
        for row in rows:
            print(f"{'met   ' if row.met else 'MISSED'} {row.text()}", flush=True)
    if told:
        asked.markdown.write_text(as_markdown(told, asked.markdown, began), encoding="utf-8")
    return 0 if all(row.met for rows in told.values() for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
