"""A run killed at any moment leaves each day's file old or new, and run again it completes as if nothing had been."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from io_managers.json_publish import pulse_path, read_pulse_json
from liquidity.contracts import LIQUIDITY_PULSE
from resources.dagster_home import environment, prepare_dagster_home
from resources.settings import PROJECT_ROOT, load_settings
from resources.workspace_database import WorkspaceDatabase

# Imports once, then runs the plan in a fresh fork for each line it is sent.
FORKER = """
import os, sys
import great_expectations
from pulse_assets.run_days import main
print("ready", flush=True)
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        os._exit(main(sys.argv[1:]))
    print("started", child, flush=True)
    print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def start(pipeline, plan, command):
    """Start a process on the workspace under thresholds of its own, so that its scores differ from those there are."""
    settings = load_settings(
        data_dir=pipeline.root, lake_dir=pipeline.lake.root, landing_dir=pipeline.landing, real_data=None
    )
    prepare_dagster_home(settings)
    variables = environment(settings, WorkspaceDatabase(pipeline.pulse_url, pipeline.dagster_url, None))
    path = pipeline.root / "plan.json"
    path.write_text(json.dumps(plan))
    with (pipeline.root / "log.txt").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", *command, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=PROJECT_ROOT,
            env={**os.environ, **variables, "PULSE_EARLY_WARNING__FALL_POINTS": "15"},
        )


def until(process, word):
    """Read lines up to one that starts with the word; its last field."""
    for line in process.stdout:
        if line.startswith(word):
            return line.split()[-1]
    raise AssertionError(f"ended before {word!r}")


def state(path):
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


@pytest.mark.slow
def test_killed_at_many_moments_each_day_is_old_or_new_and_a_rerun_completes(copy_pipeline):
    undisturbed, killed = copy_pipeline(), copy_pipeline()
    days = [undisturbed.last_day - timedelta(days=k) for k in (1, 0)]
    plan = [{"job": "features_to_pulse", "start": days[0].isoformat(), "end": days[-1].isoformat()}]
    old = killed.hashes("pulse")
    with start(undisturbed, plan, ["-m", "pulse_assets.run_days"]) as process:
        messages = [json.loads(line) for line in process.stdout if line.startswith('{"event"')]
    assert process.returncode == 0
    assert [(message["event"], message.get("success")) for message in messages] == [("begin", None), ("end", True)]
    new = undisturbed.hashes("pulse")
    assert set(new) == set(old)
    differing = {path for path in new if new[path] != old[path]}
    assert {path.split("/")[1] for path in differing} >= {"liquidity_index", "bondx_score", "liquidity_pulse"}

    lake = killed.lake.root
    moments = [
        lake / f"pulse/rolling_statistics/session_date={days[0]}.parquet",
        lake / f"pulse/liquidity_index/session_date={days[0]}.parquet",
        pulse_path(lake / "published", days[1]),
        lake / f"pulse/liquidity_pulse/session_date={days[0]}.parquet",
    ]
    mixtures = []
    with start(killed, plan, ["-c", FORKER]) as forker:
        until(forker, "ready")
        for watched in moments:
            before = state(watched)
            forker.stdin.write("go\n")
            forker.stdin.flush()
            child = int(until(forker, "started"))
            deadline = time.monotonic() + 60
            while state(watched) == before:
                assert time.monotonic() < deadline
                time.sleep(0.0005)
            os.kill(child, signal.SIGKILL)
            assert int(until(forker, "ended")) == -signal.SIGKILL
            left = {path: sha for path, sha in killed.hashes("pulse").items() if not path.endswith(".tmp")}
            assert set(left) == set(new)
            assert [path for path, sha in left.items() if sha not in (old[path], new[path])] == []
            mixtures.append({path for path in differing if left[path] == new[path]})
            for day in days:
                assert len(read_pulse_json(pulse_path(lake / "published", day))["data"]) > 0
        forker.stdin.write("go\n")
        forker.stdin.flush()
        assert int(until(forker, "ended")) == 0
        forker.stdin.close()
    assert 0 < len(mixtures[1]) < len(mixtures[-1]) < len(differing)

    killed.lake.sweep(older_than_s=0)
    assert killed.hashes("pulse") == new
    assert killed.hashes("publications") == undisturbed.hashes("publications")
    for day in days:
        documents = [json.loads(text) for text in killed.table(LIQUIDITY_PULSE, day)["document"]]
        assert read_pulse_json(pulse_path(lake / "published", day))["data"] == documents
        newest = killed.store.publication(day)
        assert newest.content_sha256 == undisturbed.store.publication(day).content_sha256
        assert len(killed.store.history(day)) == 2
