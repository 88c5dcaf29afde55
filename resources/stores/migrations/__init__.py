"""Schema of the platform's database: numbered, reversible steps, shipped with the package.

Steps only expand (new tables, new nullable columns): the previous release keeps working on the migrated database.
"""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

__all__ = ["current_revision", "downgrade", "head_revision", "upgrade"]

_LOCK = 7_203_118_640_231  # any number of ours: one process migrates at a time


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at ``url`` up to ``revision``; a database already there is left as it is."""
    _run(url, command.upgrade, revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database at ``url`` back to ``revision`` (``base`` removes every table and what it holds)."""
    _run(url, command.downgrade, revision)


def current_revision(url: str) -> str | None:
    """Revision of the database at ``url``; None before the first migration."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        revision: str | None = MigrationContext.configure(connection).get_current_revision()
    return revision


def head_revision() -> str:
    """Newest revision that this release knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("the package holds no migration; reinstall it")
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _run(url: str, step: Callable[[Config, str], None], revision: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    config = _config()
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config.attributes["connection"] = connection
        step(config, revision)
