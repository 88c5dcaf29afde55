"""The embedded server: both databases, clones, holds, recovery from a crash."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from liquidity.domain.errors import ConfigError
from resources.embedded_postgres import clone_database, create_database, database_url, drop_database, ensure_server


@pytest.fixture
def data_dir():
    folder = Path(tempfile.mkdtemp(prefix="pulse-pg-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def scalar(url, statement):
    with create_engine(url, poolclass=NullPool).begin() as connection:
        result = connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" if Path("/proc").is_dir() else True
    )


def wait_until_gone(pid, seconds=10.0):
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def test_server_has_both_databases_and_is_postgres(postgres_server):
    for url, name in ((postgres_server.pulse_url, "pulse"), (postgres_server.dagster_url, "dagster")):
        assert url.startswith("postgresql+psycopg2://")
        assert scalar(url, "SELECT current_database()") == name
    assert int(scalar(postgres_server.url, "SHOW server_version_num")) >= 150_000
    assert scalar(postgres_server.url, "SHOW wal_level") == "minimal"  # from its first start on


def test_clones_are_independent(postgres_server):
    create_database(postgres_server.url, "template_of_test")
    template = database_url(postgres_server.url, "template_of_test")
    scalar(template, "CREATE TABLE t AS SELECT 1 AS n")
    one = clone_database(postgres_server.url, "template_of_test", "clone_one")
    two = clone_database(postgres_server.url, "template_of_test", "clone_two")
    scalar(one, "INSERT INTO t VALUES (2)")
    assert [scalar(url, "SELECT count(*) FROM t") for url in (one, two, template)] == [2, 1, 1]
    for name in ("clone_one", "clone_two", "template_of_test"):
        drop_database(postgres_server.url, name)
    assert create_database(postgres_server.url, "clone_one")
    assert not create_database(postgres_server.url, "clone_one")
    drop_database(postgres_server.url, "clone_one")


@pytest.mark.parametrize("name", ["", "a b", 'x"; DROP DATABASE pulse; --', "ä", "a" * 64, "1a"])
def test_odd_database_names_are_refused(postgres_server, name):
    with pytest.raises(ConfigError, match="database name"):
        create_database(postgres_server.url, name)


def test_white_space_in_the_path_is_refused(data_dir):
    with pytest.raises(ConfigError, match="white space"):
        ensure_server(data_dir / "my data")


def test_server_stops_with_its_last_holder(data_dir):
    first, second = ensure_server(data_dir, durable=False), ensure_server(data_dir, durable=False)
    assert first.pid == second.pid
    second.stop()
    second.stop()  # repeated: takes nothing from the first
    assert scalar(first.pulse_url, "SELECT 1") == 1
    first.stop()
    assert wait_until_gone(first.pid)


@pytest.mark.slow
def test_data_survive_a_killed_server_and_the_next_start_needs_no_hand(data_dir):
    server = ensure_server(data_dir)
    scalar(server.pulse_url, "CREATE TABLE t AS SELECT 42 AS n")
    os.kill(server.pid, signal.SIGKILL)
    # Another process finds the wreck, as after a crash of the machine's user session.
    code = (
        "import sys; from pathlib import Path; from sqlalchemy import create_engine, text; from resources.embedded_postgres import ensure_server\n"
        "server = ensure_server(Path(sys.argv[1]))\n"
        "print(create_engine(server.pulse_url).connect().execute(text('SELECT n FROM t')).scalar(), server.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(data_dir)], capture_output=True, text=True, timeout=60, check=True
    )
    number, pid = done.stdout.split()
    assert number == "42"
    server.stop()
    wait_until_gone(int(pid))
    again = ensure_server(data_dir)
    assert scalar(again.pulse_url, "SELECT n FROM t") == 42
    again.stop()
    assert wait_until_gone(again.pid)


@pytest.mark.slow
def test_holder_that_was_killed_does_not_keep_the_server_up(data_dir):
    code = (
        "import os, sys, time; from pathlib import Path; from resources.embedded_postgres import ensure_server\n"
        "print(ensure_server(Path(sys.argv[1]), durable=False).pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(data_dir)], stdout=subprocess.PIPE, text=True) as holder:
        pid = int(holder.stdout.readline())
        holder.kill()
        holder.wait()
    server = ensure_server(data_dir, durable=False)
    assert server.pid == pid  # it outlived its holder, and is joined
    server.stop()
    assert wait_until_gone(pid)
