"""Bring up what a workspace needs: folders, the database, the Dagster home; and open the UI on it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from liquidity.domain.errors import ConfigError
from resources.dagster_home import environment, prepare_dagster_home
from resources.embedded_postgres import ensure_server
from resources.settings import Settings
from resources.stores.pulse import PulseStore, open_pulse_store

__all__ = ["bring_up", "project_root", "run_dev", "workspace_store"]


def project_root() -> Path:
    """The folder that holds workspace.yaml; raises :class:`ConfigError` outside a checkout."""
    for folder in (Path.cwd(), Path(__file__).resolve().parent.parent):
        if (folder / "workspace.yaml").is_file():
            return folder
    raise ConfigError("no workspace.yaml here; run pulse from the project's folder")


def bring_up(settings: Settings) -> dict[str, str]:
    """Start (or find) the database, migrate it, write the Dagster home; the environment of child processes."""
    for folder in (settings.data_dir, settings.lake_dir, settings.landing_dir):
        folder.mkdir(parents=True, exist_ok=True)
    ensure_server(settings)
    prepare_dagster_home(settings)
    with workspace_store(settings) as store:
        store.migrate()
    return {**os.environ, **environment(settings)}


@contextmanager
def workspace_store(settings: Settings) -> Iterator[PulseStore]:
    """The publication store of the workspace's database."""
    with open_pulse_store(ensure_server(settings).pulse_url) as store:
        yield store


def run_dev(settings: Settings, *, host: str, port: int) -> int:
    """Replace this process by ``dagster dev`` on the workspace."""
    root = project_root()
    child_environment = bring_up(settings)
    sys.stdout.write(f"Dagster UI: http://{host}:{port}  (stop with Ctrl-C)\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(root / "workspace.yaml"), "-h", host, "-p", str(port)]
    os.chdir(root)
    os.execve(sys.executable, command, child_environment)
