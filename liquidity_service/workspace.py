"""Bring up what a workspace needs: folders, the database, the Dagster home; and open the UI on it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from liquidity.domain.errors import ConfigError
from resources.dagster_home import environment, prepare_dagster_home
from resources.settings import Settings
from resources.stores.migrations import upgrade
from resources.workspace_database import ensure_database

__all__ = ["JOBS", "brought_up", "project_root", "run_dev", "run_job"]

JOBS = {
    "daily_pulse": "pulse_assets",
    "crypto_books": "pulse_assets",
    "collect_signals": "pulse_assets",
    "features_to_pulse": "pulse_assets",
    "rescore": "pulse_assets",
    "reforecast": "pulse_assets",
    "train_forecasts": "pulse_assets",
    "validate_scores": "pulse_assets",
    "portfolio_statements": "risk_assets",
    "portfolio_risk": "risk_assets",
    "sector_monitoring": "risk_assets",
}
"""Jobs that run over a range of days, each with its code location; a test holds them to the locations' own lists."""


def project_root() -> Path:
    """The folder that holds workspace.yaml; raises :class:`ConfigError` outside a checkout."""
    for folder in (Path.cwd(), Path(__file__).resolve().parent.parent):
        if (folder / "workspace.yaml").is_file():
            return folder
    raise ConfigError("no workspace.yaml here; run pulse from the project's folder")


@contextmanager
def brought_up(settings: Settings) -> Iterator[dict[str, str]]:
    """Start (or join) and migrate the database, write the Dagster home; yields the environment of child processes.

    The embedded server is let go of at the end; it stops when nobody else holds it.
    """
    for folder in (settings.data_dir, settings.lake_dir, settings.landing_dir):
        folder.mkdir(parents=True, exist_ok=True)
    database = ensure_database(settings)
    try:
        prepare_dagster_home(settings)
        upgrade(database.pulse_url)
        yield {**os.environ, **environment(settings, database)}
    finally:
        database.stop()


def run_dev(settings: Settings, *, host: str, port: int, small: bool = False) -> int:
    """Run ``dagster dev`` on the workspace until it is stopped; its exit code."""
    root = project_root()
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "dagster",
        "dev",
        "-w",
        str(root / ("workspace.small.yaml" if small else "workspace.yaml")),
        "-h",
        host,
        "-p",
        str(port),
    ]
    with brought_up(settings) as child_environment:
        sys.stdout.write(f"Dagster UI: http://{host}:{port}  (stop with Ctrl-C)\n")
        sys.stdout.flush()
        # A session of its own: Dagster gets one signal from here, whether a terminal or a service manager asked to stop.
        with subprocess.Popen(command, env=child_environment, cwd=root, start_new_session=True) as process:
            for asked in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(asked, signal.default_int_handler)
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)  # closes its servers, then ends
                process.wait()
                return 0


def run_job(settings: Settings, job: str, start: date, end: date) -> int:
    """Run a job over the days ``start`` to ``end`` as one Dagster run; its exit code."""
    if end < start:
        raise ConfigError(f"end {end} is before start {start}; give an ascending range of days")
    with brought_up(settings) as child_environment, tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "plan.json"
        plan.write_text(
            json.dumps([{"job": job, "start": start.isoformat(), "end": end.isoformat()}]), encoding="utf-8"
        )
        command = [sys.executable, "-m", f"{JOBS[job]}.run_days", str(plan)]
        return subprocess.run(command, env=child_environment, cwd=project_root(), check=False).returncode
