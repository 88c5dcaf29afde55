"""Members are found by their files; a file that is none is refused with its name."""

import sys
from pathlib import Path

import pytest

from liquidity.domain.errors import ConfigError
from liquidity.forecast.members import MEMBERS
from liquidity.forecast.members._registry import discover

GOOD = """
class Tomorrow:
    name = "tomorrow"
    kind = "model"
    def fit(rows, changes, seed): ...
    def from_state(state): ...
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "members_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    (folder / "_machinery.py").write_text("broken = 1 / 0", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


@pytest.mark.feature("BX-FC-10")
def test_a_file_is_a_member(package: Path) -> None:
    (package / "tomorrow.py").write_text(GOOD, encoding="utf-8")
    found = discover(package.name, [str(package)])
    assert list(found) == ["tomorrow"]
    assert found["tomorrow"].kind == "model"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found 0 classes"),
        (GOOD + GOOD.replace("class Tomorrow", "class Other"), "found 2 classes"),
        (GOOD.replace('"tomorrow"', '"yesterday"'), "'yesterday', allowed is the file's name"),
        (GOOD.replace('"model"', '"guess"'), "kind is 'guess'"),
        (GOOD.replace("def fit", "def learn"), r"lacks \['fit'\]"),
    ],
)
def test_a_file_that_is_no_member_is_refused(package: Path, text: str, message: str) -> None:
    (package / "tomorrow.py").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        discover(package.name, [str(package)])


def test_the_registry_is_sorted_and_loads_no_library() -> None:
    import subprocess

    assert list(MEMBERS) == sorted(MEMBERS)
    heavy = "import sys, liquidity.forecast.members; print([m for m in ('sklearn', 'numba', 'scipy.stats') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
