"""A publication killed at any moment leaves the old table or the new one, whole; a full disk leaves the old one."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liquidity.contracts import SENTIMENT
from liquidity.contracts.example import example_table
from liquidity.domain.errors import ContractError
from resources.lake import Lake

DAY = date(2026, 3, 19)
STAGES = ("audited", "staged", "checked", "quarantined", "replaced", "done")

# Two known contents, each with its own quarantined row.
PREPARE = """
import os, signal, sys
from datetime import date
from pathlib import Path
import numpy as np, pyarrow as pa
from liquidity.contracts import SENTIMENT
from liquidity.contracts.example import example_table
from resources.lake import Lake

day = date(2026, 3, 19)
def content(seed):
    table = example_table(SENTIMENT, day, 4000, np.random.default_rng(seed))
    values = table.column("buzz_volume").to_pylist(); values[seed] = -1.0
    return table.set_column(table.column_names.index("buzz_volume"), table.schema.field("buzz_volume"), pa.array(values))
tables = [content(1), content(2)]
"""

# Publishes them in turn for ever.
LOOP = """
root, fault = Path(sys.argv[1]), sys.argv[2]
turn = 0
def on_stage(stage):
    if turn and stage == fault:
        os.kill(os.getpid(), signal.SIGKILL)
lake = Lake(root, on_stage=on_stage)
while True:
    lake.publish(SENTIMENT, day, tables[turn % 2])
    turn += 1
    if turn == 2 and not fault:
        print("looping", flush=True)
"""


def _content(seed: int) -> pa.Table:
    table = example_table(SENTIMENT, DAY, 4000, np.random.default_rng(seed))
    values = table.column("buzz_volume").to_pylist()
    values[seed] = -1.0
    return table.set_column(
        table.column_names.index("buzz_volume"), table.schema.field("buzz_volume"), pa.array(values)
    )


def _start(root: Path, fault: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE + LOOP, str(root), fault],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def _expected(tmp_path: Path) -> dict[str, int]:
    """Hash of each content's file, and the row it sets aside."""
    reference = Lake(tmp_path / "reference")
    return {reference.publish(SENTIMENT, DAY, _content(seed)).sha256: seed for seed in (1, 2)}


def _assert_whole(root: Path, expected: dict[str, int]) -> str:
    lake = Lake(root)
    path = lake.partition_path(SENTIMENT, DAY)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert sha256 in expected
    assert lake.read(SENTIMENT, DAY, DAY).num_rows == 3999
    quarantined = lake.read_quarantine(SENTIMENT, DAY)
    assert quarantined.column("instrument_id").to_pylist() == [f"DEMO:NAME{expected[sha256]:07d}"]
    lake.sweep(older_than_s=0)
    assert not list(root.rglob("*.tmp"))
    return sha256


@pytest.mark.slow
@pytest.mark.feature("CD-CT-08")
def test_sigkill_at_random_moments_leaves_old_or_new(tmp_path: Path) -> None:
    expected = _expected(tmp_path)
    rng = np.random.default_rng(11)
    seen = set()
    kills = 0
    root = tmp_path / "lake"
    # A fork is frozen and killed at a random moment of the loop; the interpreter starts once.
    forker = subprocess.Popen(
        [sys.executable, "-c", PREPARE + FORKER, str(root), LOOP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert forker.stdin is not None
    assert forker.stdout is not None
    try:
        while kills < 64:
            forker.stdin.write("go\n")
            forker.stdin.flush()
            child = int(forker.stdout.readline())
            assert forker.stdout.readline().strip() == "looping"
            time.sleep(float(rng.uniform(0.0, 0.03)))
            os.kill(child, signal.SIGKILL)
            assert forker.stdout.readline().strip() == "reaped"
            kills += 1
            seen.add(_assert_whole(root, expected))
    finally:
        forker.kill()
        forker.wait()
        forker.stdin.close()
        forker.stdout.close()
    assert seen == set(expected)


# Imports once, then runs the loop in a fresh fork for each line it is sent.
FORKER = """
root, loop = sys.argv[1], sys.argv[2]
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.argv = ["loop", root, ""]
        exec(loop)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("reaped", flush=True)
"""


@pytest.mark.slow
@pytest.mark.feature("CD-CT-08")
@pytest.mark.parametrize("stage", STAGES)
def test_sigkill_at_each_stage_leaves_old_or_new(tmp_path: Path, stage: str) -> None:
    expected = _expected(tmp_path)
    old, new = expected
    process = _start(tmp_path / "lake", stage)
    assert process.wait(timeout=60) == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()
    left = _assert_whole(tmp_path / "lake", expected)
    assert left == (new if stage in ("replaced", "done") else old)
    again = Lake(tmp_path / "lake").publish(SENTIMENT, DAY, _content(2))
    assert again.sha256 == new


@pytest.mark.feature("CD-CT-08")
@pytest.mark.parametrize("fails_at", [1, 2], ids=["table", "quarantine"])
def test_a_full_disk_fails_clearly_and_keeps_the_old_table(tmp_path: Path, fails_at: int) -> None:
    expected = _expected(tmp_path)
    old = next(iter(expected))
    root = tmp_path / "lake"
    Lake(root).publish(SENTIMENT, DAY, _content(1))
    calls = []

    def full_disk(table: pa.Table, path: Path) -> None:
        calls.append(path)
        if len(calls) == fails_at:
            path.write_bytes(b"PAR1" + bytes(1000))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        pq.write_table(table, path)

    with pytest.raises(OSError, match="No space left"):
        Lake(root, write_table=full_disk).publish(SENTIMENT, DAY, _content(2))

    assert not list(root.rglob("*.tmp"))
    assert _assert_whole(root, expected) == old


def test_a_write_that_loses_rows_is_noticed_before_it_is_published(tmp_path: Path) -> None:
    expected = _expected(tmp_path)
    root = tmp_path / "lake"
    Lake(root).publish(SENTIMENT, DAY, _content(1))

    def loses_rows(table: pa.Table, path: Path) -> None:
        pq.write_table(table.slice(1), path)

    with pytest.raises(ContractError, match="read back 3998 rows where 3999 were written"):
        Lake(root, write_table=loses_rows).publish(SENTIMENT, DAY, _content(2))
    assert _assert_whole(root, expected) == next(iter(expected))


def test_the_sweep_spares_young_files(tmp_path: Path) -> None:
    folder = tmp_path / "pulse" / "sentiment"
    folder.mkdir(parents=True)
    young, aged = folder / ".a.parquet.1.tmp", folder / ".b.parquet.2.tmp"
    young.touch()
    aged.touch()
    hours_ago = time.time() - 7200
    os.utime(aged, (hours_ago, hours_ago))
    assert Lake(tmp_path).sweep() == 1
    assert young.exists()
    assert not aged.exists()
    os.utime(young, (hours_ago, hours_ago))
    Lake(tmp_path).publish(SENTIMENT, DAY, example_table(SENTIMENT, DAY, 3, np.random.default_rng(0)))
    assert not young.exists()
