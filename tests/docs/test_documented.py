"""Every setting, table, command and package has its line in the documents."""

import os
from pathlib import Path

import pytest

from liquidity.contracts import ALL_CONTRACTS
from resources.settings import Settings, _leaves, settings_markdown

ROOT = Path(__file__).resolve().parents[2]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_setting_is_documented_with_unit_and_variable() -> None:
    text = page("settings.md")
    assert text == settings_markdown()
    for leaf in _leaves(Settings):
        assert leaf.field.description, f"{leaf.key} has no meaning"
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{leaf.key}` |")]
        assert f"`{leaf.variable}`" in row
        numeric = leaf.field.annotation in (int, float)
        assert not numeric or ("[" in leaf.field.description and (">" in row or "<" in row)), (
            f"{leaf.key} names no unit or range"
        )


def test_every_setting_stands_in_the_configuration_file() -> None:
    import yaml

    content = yaml.safe_load((ROOT / "config" / "liquidity.yaml").read_text(encoding="utf-8"))["liquidity"]
    for leaf in _leaves(Settings):
        value = content
        for part in leaf.key.split("."):
            assert part in value, f"config/liquidity.yaml lacks {leaf.key}"
            value = value[part]


def test_every_table_is_in_the_dictionary() -> None:
    text = page("data_dictionary.md")
    for contract in ALL_CONTRACTS:
        assert contract.name in text
        for column in contract.columns:
            assert f"{column.name}" in text


@pytest.mark.parametrize("location", ["liquidity", "."])
def test_the_map_names_every_package(location: str) -> None:
    folder = ROOT / location
    packages = [
        each.name for each in os.scandir(folder) if each.is_dir() and (folder / each.name / "__init__.py").is_file()
    ]
    assert packages
    missing = [name for name in packages if name not in page("map.md")]
    assert not missing, f"docs/map.md says nothing of {missing}"


def test_the_map_names_only_what_is_there() -> None:
    import re

    for path in re.findall(r"`((?:liquidity|resources|io_managers|pulse_assets)/[\w/]+(?:\.py)?)`", page("map.md")):
        assert (ROOT / path).exists(), f"docs/map.md names {path}, which is not there"
