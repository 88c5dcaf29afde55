"""The folder is the registry: what it finds, and what it refuses."""

import re
import sys
from pathlib import Path

import pytest

from liquidity.domain.errors import ConfigError
from liquidity.measures import INPUTS, MEASURES
from liquidity.measures._registry import discover

FILE = """
from liquidity.measures._registry import Measure
MEASURE = Measure(name="{name}", unit="bps", higher_is_liquid=False, window_days={window}, min_observations=1,
                  inputs={inputs}, undefined_reason="", formula="", source="", compute=lambda inputs: (0, 0))
"""


def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> tuple[str, list[str]]:
    name = f"measures_of_{tmp_path.name}"
    folder = tmp_path / name
    folder.mkdir()
    for file, text in {"__init__": "", **files}.items():
        (folder / f"{file}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name, [str(folder)]


def text(name: str, inputs: str = '("close",)', window: int = 30) -> str:
    return FILE.format(name=name, inputs=inputs, window=window)


def test_the_registered_measures() -> None:
    assert [measure.name for measure in MEASURES] == [
        "abdi_ranaldo",
        "amihud",
        "bpw_gamma",
        "corwin_schultz",
        "edge_spread",
        "roll",
        "time_since_trade",
        "turnover_velocity",
        "zero_fht",
        "zero_trade_share",
    ]


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_each_measure_says_what_it_is(measure) -> None:  # type: ignore[no-untyped-def]
    assert re.fullmatch(r"[a-z][a-z0-9_]{1,39}", measure.name)
    assert set(measure.inputs) <= set(INPUTS)
    assert measure.unit
    assert measure.formula
    assert measure.source
    assert measure.undefined_reason
    assert sys.modules[f"liquidity.measures.{measure.name}"].__doc__


def test_files_are_found_sorted_and_underscored_ones_are_machinery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, paths = package(tmp_path, monkeypatch, zeta=text("zeta"), alpha=text("alpha"), _machinery="X = 1")
    assert [measure.name for measure in discover(name, paths)] == ["alpha", "zeta"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("X = 1", "defines no MEASURE"),
        ("MEASURE = 1", "defines no MEASURE"),
        (text("another"), "is 'another', allowed is the file's name 'alpha'"),
        (text("alpha", '("open_interest",)'), "open_interest"),
        (text("alpha", "()"), "empty"),
        (text("alpha", window=0), "window_days"),
    ],
)
def test_a_file_that_keeps_no_rule_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, message: str
) -> None:
    name, paths = package(tmp_path, monkeypatch, alpha=content)
    with pytest.raises(ConfigError, match=message):
        discover(name, paths)


def test_a_name_that_the_table_cannot_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, paths = package(tmp_path, monkeypatch, Alpha=text("Alpha"))
    with pytest.raises(ConfigError, match="2-40"):
        discover(name, paths)
