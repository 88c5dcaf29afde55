"""A whole daily run of a market of 100,000 bonds: from the files in the landing folder to the published pulse.

The run is the job ``daily_pulse`` as the platform runs it: a process of its own, Dagster's event log and the publications
in PostgreSQL, every table audited, published and checked. What is timed is that process from its start to its end; the
90 days of panels and scores before it, the modules as bytecode and the database server are there beforehand, as on any
ordinary day. The memory is the highest resident size of that process. A market of a quarter of the size shows how time grows.

Run ``python -m benchmarks.bench_daily_run [ISINs ...]`` for the stages of each size.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import pandas as pd

from benchmarks.table import Row

SESSION: Final = date(2026, 3, 19)
HISTORY: Final = timedelta(days=90)
NAMES: Final = 100_000
QUARTER: Final = 25_000
MAX_WALL_S: Final = 60.0
MAX_PEAK_GB: Final = 3.0
MAX_GROWTH: Final = 1.1
"""Time may grow by this much more than the number of names and still count as linear."""
PREPARERS: Final = 2
FORECAST_STEPS: Final = ("forecasts", "market_conditions", "market_regime")
"""Steps of the forecasts, told on their own. No model is trained here, so persistence speaks with bands of the past;
what a trained model takes is measured by ``bench_forecast.py``."""
_IMPORTED: Final = "import pulse_assets.run_days, resources.expectations, great_expectations.expectations"
PANEL_TABLES: Final = ("instruments", "microstructure", "alt_signals", "auction_mm", "sentiment")


@dataclass(frozen=True, slots=True)
class Stage:
    """One Dagster step of the run: wall seconds from its start to its end, highest resident size inside it [GB]."""

    name: str
    seconds: float
    peak_gb: float


@dataclass(frozen=True, slots=True)
class DailyRun:
    """One timed run: wall and processor seconds and peak resident size [GB] of the process, and its stages."""

    names: int
    wall_s: float
    processor_s: float
    peak_gb: float
    stages: tuple[Stage, ...]


class OneDay:
    """A feed over one simulated day in memory; see :class:`resources.feeds.Feed`."""

    name = "simulated"

    def __init__(self, day: Any) -> None:
        self.day = day
        self.tables = tuple(day.tables)
        self.asset_classes = tuple(sorted(set(day.tables["instruments"]["asset_class"])))

    def sessions(self) -> list[date]:
        """Its day."""
        return [self.day.session_date]

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        """Rows of a table, if the day is asked for."""
        rows: pd.DataFrame = self.day.tables[table]
        return rows if start <= self.day.session_date <= end else rows.iloc[:0]


def prepare(folder: Path, names: int) -> None:
    """Put the session's files into ``landing`` and the days before it into ``lake``, as earlier runs left them."""
    with ProcessPoolExecutor(PREPARERS, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(_prepare_days, folder, names, share) for share in range(PREPARERS)]:
            done.result()
        pool.submit(_prepare_scores, folder).result()
    # What an earlier run leaves, whatever this machine says about keeping bytecode.
    subprocess.run([sys.executable, "-c", _IMPORTED], env=_with_bytecode(folder, dict(os.environ)), check=True)


def _with_bytecode(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a process that keeps its bytecode in the folder."""
    kept = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def _prepare_days(folder: Path, names: int, share: int) -> None:
    """Every second day: the market is the same in each process, the tables are made by one."""
    from liquidity.contracts import INSTRUMENTS, SIGNAL_PANEL
    from liquidity.features.panel import build_signal_panel
    from liquidity.simulation import MarketConfig, simulate_market
    from resources.feeds._simulated_files import write_landing
    from resources.feeds.adapters import collect_signals
    from resources.lake import Lake

    lake = Lake(folder / "lake")
    for number, day in enumerate(simulate_market(MarketConfig.sized(names), SESSION - HISTORY, SESSION)):
        if number % PREPARERS != share:
            continue
        if day.session_date == SESSION:
            write_landing(folder / "landing", [day], "day")
            continue
        tables = collect_signals([OneDay(day)], day.session_date, day.session_date)
        lake.publish(SIGNAL_PANEL, day.session_date, build_signal_panel(*(tables[name] for name in PANEL_TABLES)))
        lake.publish(INSTRUMENTS, day.session_date, tables["instruments"])


def _prepare_scores(folder: Path) -> None:
    """Features and scores of the session before, and the same rows under the dates of the sessions before that."""
    from liquidity.contracts import BONDX_SCORE, LIQUIDITY_FEATURES, LIQUIDITY_INDEX, REPAYMENT_SUPPORT, SIGNAL_PANEL
    from liquidity.contracts.conform import frame_from_table
    from liquidity.features.assemble import FEATURE_INPUTS, liquidity_features
    from liquidity.forecast.daily import FEATURE_DAYS
    from liquidity.index import profiles_for
    from liquidity.index.pulse_engine import score_sessions
    from liquidity.measures import measure_sessions
    from resources.lake import Lake

    lake = Lake(folder / "lake")
    days = [day for day in lake.sessions(SIGNAL_PANEL) if day.weekday() < 5]
    panel = frame_from_table(lake.read(SIGNAL_PANEL, days[-1] - HISTORY, days[-1], FEATURE_INPUTS))
    measures = measure_sessions(panel, days[-1:])
    features = liquidity_features(panel, measures, days[-1:])
    scores = score_sessions(features, profiles_for())
    for day in days:
        tables = {LIQUIDITY_INDEX: scores.liquidity, REPAYMENT_SUPPORT: scores.repayment, BONDX_SCORE: scores.bondx}
        if day > SESSION - timedelta(days=FEATURE_DAYS):
            tables[LIQUIDITY_FEATURES] = features
        for contract, table in tables.items():
            lake.publish(contract, day, table.assign(session_date=pd.Timestamp(day)))


def timed_run(folder: Path, names: int) -> DailyRun:
    """Run the daily job of a prepared folder once."""
    from liquidity_service.workspace import brought_up, project_root
    from resources.settings import load_settings

    settings = load_settings(data_dir=folder, lake_dir=folder / "lake", landing_dir=folder / "landing", real_data=None)
    plan = folder / "plan.json"
    day = SESSION.isoformat()
    plan.write_text(f'[{{"job": "daily_pulse", "start": "{day}", "end": "{day}"}}]', encoding="utf-8")
    with brought_up(settings) as environment, (folder / "run.log").open("w", encoding="utf-8") as log:
        command = [sys.executable, "-m", "pulse_assets.run_days", str(plan)]
        began_at, began = time.time(), time.perf_counter()
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=_with_bytecode(folder, environment), cwd=project_root()
        )
        watch = _Watch(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.perf_counter() - began
        watch.stop()
        if process.returncode:
            raise RuntimeError(f"the daily run failed:\n{(folder / 'run.log').read_text(encoding='utf-8')[-4000:]}")
        steps = list(_steps(environment))
    first = min(start for _, start, _ in steps)
    last = max(end for _, _, end in steps)
    spans = [("start of the process", began_at, first), *steps, ("end of the process", last, began_at + wall_s)]
    stages = tuple(Stage(name, end - start, watch.highest_gb(start, end)) for name, start, end in spans)
    return DailyRun(names, wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6, stages)


class _Watch:
    """Resident size of a process, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        self._path = Path(f"/proc/{pid}/statm")
        self._page_gb = os.sysconf("SC_PAGE_SIZE") / 1e9
        self._seen: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            try:
                pages = int(self._path.read_text(encoding="ascii").split()[1])
            except (OSError, IndexError):  # it has ended
                return
            self._seen.append((time.time(), pages * self._page_gb))

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def highest_gb(self, start: float, end: float) -> float:
        return max((size for at, size in self._seen if start <= at <= end), default=float("nan"))


def _steps(environment: dict[str, str]) -> Iterator[tuple[str, float, float]]:
    """Name, start and end of each step of the newest run, by start."""
    import dagster as dg

    os.environ.update({name: environment[name] for name in ("DAGSTER_HOME", "DAGSTER_PG_URL")})
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs(limit=1)
        steps = instance.get_run_step_stats(run.run_id)
        yield from sorted(((step.step_key, step.start_time, step.end_time) for step in steps), key=lambda step: step[1])


def measured(names: int) -> DailyRun:
    """Prepare a market of ``names`` bonds in a temporary folder and time one run."""
    with tempfile.TemporaryDirectory(prefix="pulse_bench_") as folder:
        Path(folder).chmod(0o755)  # the database's user must reach its folder
        prepare(Path(folder), names)
        return timed_run(Path(folder), names)


def run(quick: bool = False) -> list[Row]:
    """Rows of the table; ``quick`` at a tenth of the size."""
    whole, part = (measured(size // (10 if quick else 1)) for size in (NAMES, QUARTER))
    times, sizes = whole.wall_s / part.wall_s, whole.names / part.names
    n = f"{whole.names:,} ISINs, {len(whole.stages) - 2} steps"
    forecasting = [stage for stage in whole.stages if any(name in stage.name for name in FORECAST_STEPS)]
    forecasts_s, forecasts_gb = sum(stage.seconds for stage in forecasting), max(stage.peak_gb for stage in forecasting)
    other_gb = max(stage.peak_gb for stage in whole.stages if stage not in forecasting)
    return [
        Row("daily run, landing to published pulse (wall s)", whole.wall_s, n, f"< {MAX_WALL_S:g} s on two cores", whole.wall_s < MAX_WALL_S),
        Row("daily run, of it forecasts and regimes of three scores (wall s)", forecasts_s, n, f"< {MAX_WALL_S:g} s on two cores", forecasts_s < MAX_WALL_S),
        Row("daily run, of it everything else (wall s)", whole.wall_s - forecasts_s, n, "reported", True),
        Row("daily run, the same in processor seconds", whole.processor_s, n, "reported", True),
        Row("daily run, peak memory (GB)", whole.peak_gb, n, f"< {MAX_PEAK_GB:g} GB", whole.peak_gb < MAX_PEAK_GB),
        Row("daily run, peak memory in the forecasts (GB)", forecasts_gb, n, "reported", True),
        Row("daily run, peak memory in all other steps (GB)", other_gb, n, "reported", True),
        Row("daily run, a quarter of the names (wall s)", part.wall_s, f"{part.names:,} ISINs", f"growth {times:.2f} x for {sizes:g} x the names, <= {MAX_GROWTH:g} times that", times <= MAX_GROWTH * sizes),
    ]  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    for names in [int(text) for text in arguments] or [NAMES]:
        result = measured(names)
        print(
            f"{names:,} ISINs: {result.wall_s:.1f} s wall, {result.processor_s:.1f} s processor, peak {result.peak_gb:.2f} GB"
        )
        for stage in result.stages:
            print(f"  {stage.name:<50} {stage.seconds:7.2f} s {stage.peak_gb:6.2f} GB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
