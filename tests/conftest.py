"""Fixtures that several test folders share."""

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from resources.embedded_postgres import EmbeddedServer


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of recorded market data named by PULSE_REAL_DATA; the test skips where there is none."""
    folder = os.environ.get("PULSE_REAL_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PULSE_REAL_DATA names no folder of recorded data")
    return Path(folder)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--feature-outcomes",
        type=Path,
        help="write the outcome of each test by feature id as JSON (docs/build.py reads it)",
    )


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--feature-outcomes")
    if path is not None and not hasattr(config, "workerinput"):  # the workers of a parallel run report to one process
        config.pluginmanager.register(FeatureOutcomes(path))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each test's report carry the feature ids that the test names."""
    for item in items:
        named = [str(name) for mark in item.iter_markers("feature") for name in mark.args]
        if named:
            item.user_properties.append(("features", named))


class FeatureOutcomes:
    """Collects, for each feature id, the tests that name it and how they ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        features = dict(report.user_properties).get("features")
        if features and (report.when == "call" or report.outcome != "passed"):
            self.rows[report.nodeid] = {"features": features, "outcome": report.outcome}

    def pytest_sessionfinish(self) -> None:
        self.path.write_text(json.dumps(dict(sorted(self.rows.items())), indent=1), encoding="utf-8")


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[EmbeddedServer]":
    """A PostgreSQL server of this test session; its database ``pulse`` is migrated and serves as the template."""
    from resources.embedded_postgres import ensure_server
    from resources.stores.migrations import upgrade

    # Not pytest's tmp_path: the server may run as another user, and socket paths are short.
    folder = Path(tempfile.mkdtemp(prefix="pulse-pg-"))
    server = ensure_server(folder, durable=False)
    try:
        upgrade(server.pulse_url)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: "EmbeddedServer") -> Iterator[str]:
    """Address of a migrated, empty platform database of this test's own."""
    from resources.embedded_postgres import PULSE_DATABASE, clone_database, drop_database

    name = f"test_{uuid.uuid4().hex[:16]}"
    yield clone_database(postgres_server.url, PULSE_DATABASE, name)
    drop_database(postgres_server.url, name)


@pytest.fixture
def empty_postgres_url(postgres_server: "EmbeddedServer") -> Iterator[str]:
    """Address of a database of this test's own without any table."""
    from resources.embedded_postgres import create_database, database_url, drop_database

    name = f"test_{uuid.uuid4().hex[:16]}"
    create_database(postgres_server.url, name)
    yield database_url(postgres_server.url, name)
    drop_database(postgres_server.url, name)
