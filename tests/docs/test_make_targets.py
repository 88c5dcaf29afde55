"""The make targets that users and the source documents name exist and do what they say, as far as a dry run shows."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _dry(target: str, *more: str) -> str:
    done = subprocess.run(
        ["make", "-n", target, *more], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("tour", "pulse tour"),
        ("dev", "pulse dev"),
        ("check", "lint-imports"),
        ("shape", "docs/build.py shape"),
        pytest.param("liquidity-pulse-test", "-m pytest", marks=pytest.mark.feature("BX-MK-02")),
        pytest.param("liquidity-pulse-dev", "pulse dev", marks=pytest.mark.feature("BX-MK-03")),
        pytest.param("liquidity-pulse-simulate", "pulse simulate", marks=pytest.mark.feature("BX-MK-04")),
        pytest.param("liquidity-pulse-benchmark", "-m benchmarks.run", marks=pytest.mark.feature("BX-MK-07")),
        pytest.param("liquidity-pulse-docs", "docs/build.py", marks=pytest.mark.feature("BX-MK-08")),
        pytest.param("validate-liquidity-data", "pulse validate", marks=pytest.mark.feature("BX-CT-07")),
    ],
)
def test_target_runs_its_command(target: str, command: str) -> None:
    assert command in _dry(target)


def test_validation_takes_a_folder() -> None:
    assert "pulse validate /some/folder" in _dry("validate-liquidity-data", "DATA=/some/folder")


@pytest.mark.slow
@pytest.mark.feature("BX-MK-01")
def test_a_wheel_holds_every_package_and_no_tests(tmp_path: Path) -> None:
    import zipfile

    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(wheel).namelist()
    for package in (
        "liquidity",
        "resources",
        "io_managers",
        "pulse_assets",
        "risk_assets",
        "execution_jobs",
        "liquidity_service",
    ):
        assert f"{package}/__init__.py" in names
    assert "resources/stores/migrations/env.py" in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]


@pytest.mark.feature("BX-MK-01")
def test_locks_are_hashed_and_name_no_host() -> None:
    for lock in ("bootstrap.lock", "lock.txt"):
        text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
        assert "://" not in text
        pinned = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
        assert pinned
        assert text.count("--hash=sha256:") >= len(pinned)
