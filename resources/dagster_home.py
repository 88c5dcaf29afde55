"""Dagster's home folder and the environment that its processes need.

``config/dagster.yaml`` is the template; it names environment variables, never values. Read next: ``dagster_wiring.py``.
"""

from pathlib import Path
from typing import Final

from liquidity.domain.errors import ConfigError
from resources.atomic_file import replacing
from resources.settings import PROJECT_ROOT, Settings
from resources.workspace_database import WorkspaceDatabase

__all__ = ["DAGSTER_URL_VARIABLE", "PULSE_URL_VARIABLE", "dagster_home", "environment", "prepare_dagster_home"]

DAGSTER_URL_VARIABLE: Final = "DAGSTER_PG_URL"
PULSE_URL_VARIABLE: Final = "PULSE_DATABASE_URL"
_TEMPLATE: Final = PROJECT_ROOT / "config" / "dagster.yaml"


def dagster_home(settings: Settings) -> Path:
    """Folder of Dagster's instance: ``data_dir/dagster_home``."""
    return settings.data_dir / "dagster_home"


def prepare_dagster_home(settings: Settings, template: Path = _TEMPLATE) -> Path:
    """Write ``dagster.yaml`` into the home folder and return the folder; an up-to-date file is left alone.

    Raises
    ------
    ConfigError
        The template is missing.
    """
    if not template.is_file():
        raise ConfigError(f"{template} is missing; run from a checkout of the project, or give the template's path")
    home = dagster_home(settings)
    home.mkdir(parents=True, exist_ok=True)
    content, target = template.read_bytes(), home / "dagster.yaml"
    if not target.is_file() or target.read_bytes() != content:
        with replacing(target) as staged:
            staged.write_bytes(content)
    return home


def environment(settings: Settings, database: WorkspaceDatabase) -> dict[str, str]:
    """Environment variables of every child process: where the instance, databases and folders are.

    The values hold the databases' passwords: hand them to processes, never to a log or a file.
    """
    variables = {
        "DAGSTER_HOME": str(dagster_home(settings)),
        DAGSTER_URL_VARIABLE: database.dagster_url,
        "DAGSTER_DISABLE_TELEMETRY": "1",
        PULSE_URL_VARIABLE: database.pulse_url,
        "PULSE_DAGSTER_DATABASE_URL": database.dagster_url,
        # glibc gives every thread an arena of its own, which keeps gigabytes of freed tables; two are enough.
        "MALLOC_ARENA_MAX": "2",
        "PULSE_DATA_DIR": str(settings.data_dir),
        "PULSE_LAKE_DIR": str(settings.lake_dir),
        "PULSE_LANDING_DIR": str(settings.landing_dir),
    }
    if settings.real_data is not None:
        variables["PULSE_REAL_DATA"] = str(settings.real_data)
    return variables
