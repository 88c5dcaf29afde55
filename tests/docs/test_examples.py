"""Examples in the pages run: Python sessions give what they show, blocks import what exists, launchpad YAML is accepted."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of one language, indentation removed."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in text.splitlines()) for indent, text in found]


def pages_with(language: str, pattern: str) -> list[Path]:
    return [page for page in PAGES if any(re.search(pattern, block, re.MULTILINE) for block in blocks(page, language))]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", pages_with("python", "^>>> "), ids=named)
def test_sessions_give_what_they_show(page: Path) -> None:
    result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0, f"{named(page)}: see the report above"


@pytest.mark.parametrize("page", pages_with("python", "^(from|import) "), ids=named)
def test_blocks_compile_and_import_what_exists(page: Path) -> None:
    for block in blocks(page, "python"):
        if block.lstrip().startswith(">>>"):
            continue
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, name.name) for name in node.names), f"{named(page)}: {ast.unparse(node)}"


def test_the_simulator_block_runs() -> None:
    (block,) = blocks(ROOT / "docs" / "methodology" / "simulator.md", "python")
    exec(compile(block, "simulator.md", "exec"), {})


@pytest.mark.slow
def test_launchpad_examples_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg

    from pulse_assets.definitions import defs

    monkeypatch.setenv("PULSE_DATABASE_URL", "postgresql+psycopg2://nobody@localhost/none")  # asked for, never opened
    jobs = {
        "scores": "rescore",
        "signals": "daily_pulse",
        "forecasts": "reforecast",
        "forecast_training": "train_forecasts",
    }
    checked = 0
    for page in PAGES:
        for block in blocks(page, "yaml"):
            config = yaml.safe_load(block)
            if "ops" in config:
                (op,) = config["ops"]
                dg.validate_run_config(defs.resolve_job_def(jobs[op]), config)
                checked += 1
    assert checked >= 3


def test_the_profile_example_is_a_profile() -> None:
    from liquidity.index.profiles import profiles_for

    for page in PAGES:
        for block in blocks(page, "yaml"):
            settings = yaml.safe_load(block).get("ops", {}).get("scores", {}).get("config", {})
            if settings:
                assert profiles_for(settings["profile"], settings.get("overrides"))
