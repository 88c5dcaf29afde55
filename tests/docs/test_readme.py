"""Commands in the pages are commands of the product, and the README stays short."""

import re
import shlex
from pathlib import Path

import pytest

from liquidity_service.cli import _parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(
    page for page in (ROOT / "docs").rglob("*.md") if page.name != "status.md"
)
# Words that stand for a value in running text.
PLACEHOLDERS = {"DAY": "2026-11-20", "D": "2026-11-20", "T": "2026-11-20T18:00:00+00:00", "DATE": "2026-11-20"}


def code(page: Path) -> list[str]:
    """Lines of fenced blocks without a language, and inline code outside of blocks."""
    lines, language = [], None
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            language = line.strip().removeprefix("```") if language is None else None
        elif language == "":
            lines.append(line)
        elif language is None:
            lines += re.findall(r"`([^`]+)`", line)
    return lines


def commands(page: Path, program: str) -> list[list[str]]:
    lines = (line.removeprefix("$ ") for line in code(page))
    words = [shlex.split(line, comments=True) for line in lines if re.match(rf"{program} [a-z]", line)]
    return [[PLACEHOLDERS.get(word, word) for word in line[1:]] for line in words]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_pulse_commands_parse(page: Path) -> None:
    named_alone = _parser("").format_usage()
    for words in commands(page, "pulse"):
        if len(words) == 1 and words[0] in named_alone:  # running text that names a command
            continue
        try:
            _parser(words[0]).parse_args(words)
        except SystemExit:
            pytest.fail(f"{named(page)}: `pulse {' '.join(words)}` is not a command")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    for words in commands(page, "make"):
        assert set(words) <= targets, f"{named(page)}: `make {' '.join(words)}`; targets are {sorted(targets)}"


def test_the_readme_shows_every_command_a_first_day_needs() -> None:
    shown = {words[0] for words in commands(ROOT / "README.md", "pulse")}
    assert {"show", "validate", "simulate", "history", "config", "tour"} <= shown
    assert {"tour", "dev", "test"} <= {word for words in commands(ROOT / "README.md", "make") for word in words}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.feature("BX-CT-07")
def test_validate_answers_0_and_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from liquidity_service.cli import main

    folder = tmp_path / "market"
    span = ["--start", "2026-11-09", "--end", "2026-11-10", "--bonds", "5"]
    assert main(["simulate", "--out", str(folder), *span]) == 0
    assert main(["validate", str(folder)]) == 0
    assert "passed" in capsys.readouterr().out
    (folder / "sentiment" / "broken.csv").write_text("instrument_id\nx:A\n", encoding="utf-8")
    assert main(["validate", str(folder)]) == 1
    assert "broken.csv" in capsys.readouterr().out
    assert main(["validate", str(folder), "--json"]) == 1
