"""The workspace's two databases: those the settings name, else the embedded server's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import create_engine

from resources.embedded_postgres import EmbeddedServer, ensure_server
from resources.settings import Settings
from resources.stores.market_data import MarketDataStore
from resources.stores.migrations import upgrade
from resources.stores.pulse import PulseStore

__all__ = ["WorkspaceDatabase", "ensure_database", "open_market_data", "open_pulse_store"]


@dataclass(frozen=True, slots=True)
class WorkspaceDatabase:
    """Addresses of the platform's and of Dagster's database; ``server`` is None when neither is embedded."""

    pulse_url: str = field(repr=False)
    dagster_url: str = field(repr=False)
    server: EmbeddedServer | None = field(repr=False)

    def stop(self) -> None:
        """Let go of the embedded server, if there is one."""
        if self.server is not None:
            self.server.stop()


def ensure_database(settings: Settings) -> WorkspaceDatabase:
    """Find both addresses, starting or joining the embedded server when the settings leave one out."""
    pulse, dagster = settings.database_url, settings.dagster_database_url
    server = ensure_server(settings.data_dir) if pulse is None or dagster is None else None
    return WorkspaceDatabase(
        pulse_url=pulse.get_secret_value() if pulse is not None else _of(server).pulse_url,
        dagster_url=dagster.get_secret_value() if dagster is not None else _of(server).dagster_url,
        server=server,
    )


def _of(server: EmbeddedServer | None) -> EmbeddedServer:
    assert server is not None  # started above whenever an address is missing
    return server


@contextmanager
def open_pulse_store(settings: Settings) -> Iterator[PulseStore]:
    """Open the workspace's publications, migrated; lets go of the embedded server afterwards."""
    database = ensure_database(settings)
    try:
        store = PulseStore(database.pulse_url, settings.lake_dir)
        store.migrate()
        yield store
    finally:
        database.stop()


@contextmanager
def open_market_data(settings: Settings) -> Iterator[MarketDataStore]:
    """Open the workspace's market data, migrated; lets go of the embedded server afterwards.

    Two connections stay open meanwhile: opening one costs more than writing a small batch.
    """
    database = ensure_database(settings)
    engine = create_engine(database.pulse_url, pool_size=2, pool_pre_ping=True, hide_parameters=True)
    try:
        upgrade(database.pulse_url)
        yield MarketDataStore(engine)
    finally:
        engine.dispose()
        database.stop()
