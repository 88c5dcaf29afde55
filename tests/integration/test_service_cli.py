"""The command line on a published workspace: the pulse as a table, and what was said when."""

import json
import re
from datetime import timedelta

import pytest

from liquidity.contracts import LIQUIDITY_PULSE
from liquidity_service.cli import main
from liquidity_service.pulse_table import newest_by_source, pulse_rows
from resources.code_version import code_version

pytestmark = pytest.mark.slow


@pytest.fixture
def workspace(pipeline, monkeypatch, tmp_path):
    """The environment of a user whose workspace is the pipeline's."""
    monkeypatch.setenv("PULSE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PULSE_LAKE_DIR", str(pipeline.lake.root))
    monkeypatch.setenv("PULSE_DATABASE_URL", pipeline.pulse_url)
    monkeypatch.setenv("PULSE_DAGSTER_DATABASE_URL", pipeline.dagster_url)
    monkeypatch.delenv("PULSE_REAL_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "220")
    return pipeline


def test_show_prints_the_newest_session_with_reasons_and_ages(workspace, capsys):
    assert main(["show", "--rows", "5"]) == 0
    out = capsys.readouterr().out
    scored = workspace.table(LIQUIDITY_PULSE, workspace.last_day)["liquidity_score"].notna().sum()
    assert f"simulated, session {workspace.last_day}: {scored} of 28 scored, median " in out
    lines = [line for line in out.splitlines() if "moved by" in line or "made of" in line]
    assert len(lines) == 5
    assert all(re.search(r"\d+\.\d ±\d+\.\d", line) for line in lines)
    assert all("%" in line for line in lines)


def test_show_of_a_day_prints_that_day_or_says_there_is_none(workspace, capsys):
    day = workspace.last_day - timedelta(days=2)
    assert main(["show", "--date", str(day)]) == 0
    assert f"session {day}: " in capsys.readouterr().out
    assert main(["show", "--date", "2024-01-02"]) == 1
    assert "no pulse is published for 2024-01-02; `pulse tour` makes one" in capsys.readouterr().err


def test_rows_are_ordered_by_size_of_the_move(workspace):
    newest = newest_by_source(workspace.lake, workspace.lake.sessions(LIQUIDITY_PULSE))
    assert list(newest) == ["simulated"]
    records = pulse_rows(newest["simulated"], 10)
    moves = [abs(record["change"]) for record in records]
    assert moves == sorted(moves, reverse=True)
    assert all(record["why"] for record in records)
    assert all(0.0 <= record["coverage"] <= 1.0 for record in records)


@pytest.mark.feature("BX-DB-15")
def test_history_prints_what_was_said_and_by_whom(workspace, capsys):
    row = workspace.table(LIQUIDITY_PULSE, workspace.last_day).iloc[0]
    name, day = row["instrument_id"], str(workspace.last_day)
    assert main(["history", name, "--date", day]) == 0
    out = capsys.readouterr().out
    head, _, document = out.partition("{")
    assert json.loads("{" + document) == json.loads(row["document"])
    assert head.splitlines()[0] == f"{name}, session {day}"
    assert workspace.published_at.isoformat() in head
    assert code_version() in head
    assert json.loads(row["document"])["config_hash"] in head


@pytest.mark.feature("BX-DB-15")
def test_history_before_the_publication_or_of_a_stranger_is_nothing(workspace, capsys):
    name, day = workspace.table(LIQUIDITY_PULSE, workspace.last_day)["instrument_id"].iloc[0], str(workspace.last_day)
    before = (workspace.published_at - timedelta(seconds=1)).isoformat()
    assert main(["history", name, "--date", day, "--as-of", before]) == 1
    assert f"nothing was published for {name} on {day} by then" in capsys.readouterr().err
    assert main(["history", "XNYS:NOBODY", "--date", day]) == 1
    assert "nothing was published for XNYS:NOBODY" in capsys.readouterr().err
