"""Scenarios as files: all that ship can be read, and nothing is guessed."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from liquidity.domain.errors import ConfigError
from liquidity.stress.classes import STRESS_CLASSES, stress_class
from liquidity.stress.scenario import scenario_from
from resources.scenarios import load_scenario, load_scenarios, scenario_folder

HEAD: dict[str, Any] = {
    "name": "dry",
    "title": "Dry",
    "severity": "high",
    "basis": "judgement",
    "version": 1,
    "as_of": date(2026, 11, 21),
}


@pytest.mark.feature("AI-ST-02")
def test_shipped_scenarios() -> None:
    scenarios = load_scenarios()
    assert len(scenarios) >= 12
    assert {"gfc_2008", "covid_2020", "luna_2022", "cascade_2025_10", "moderate_stress", "flash_crash"} <= set(
        scenarios
    )
    for scenario in scenarios.values():
        assert scenario.version >= 1
        assert scenario.basis in ("judgement", "source_system")
        assert set(scenario.classes) <= set(STRESS_CLASSES)
        for fact in scenario.facts:
            assert fact.value
            assert fact.source
            assert fact.basis in ("verified", "verified-secondary", "recalled", "recorded", "source_system")


def test_numbers_of_the_file_arrive() -> None:
    covid = load_scenario(scenario_folder() / "covid_2020.toml")
    assert covid.classes["ig_bond"].spread_mult == 5.0
    assert covid.classes["hy_bond"].redemption_weekly_frac == 0.12
    assert "equity" in covid.classes
    assert covid.classes["crypto_alt"].price_fall_frac == 0.6
    assert len(load_scenarios()["flash_crash"].classes) == len(STRESS_CLASSES)  # "every"


@pytest.mark.feature("AI-ST-02")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classes": {"ig_bond": {"spred_mult": 3}}}, "'spread_mult'"),
        ({"classes": {"ig_bnd": {}}}, "'ig_bond'"),
        ({"classes": {}}, "at least"),
        ({"sevrity": "high"}, "'severity'"),
        ({"severity": "huge"}, "allowed medium, high, critical"),
        ({"basis": "guess"}, "basis"),
        ({"version": 0}, "version"),
        ({"as_of": "2026-11-21"}, "as_of"),
        ({"name": "Dry Run"}, "name"),
        ({"title": 3}, "title"),
        ({"classes": {"ig_bond": {"price_fall_frac": 1.5}}}, "price_fall_frac is 1.5, allowed -1 to 1"),
        ({"classes": {"ig_bond": {"vol_mult": True}}}, "not a number"),
        ({"classes": {"ig_bond": 3}}, "not a table"),
        ({"facts": [{"value": "x", "basis": "judgement"}]}, "source"),
        ({"facts": [{"value": "x", "basis": "judgement", "sourc": "y"}]}, "'source'"),
    ],
)
def test_a_wrong_scenario_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=r"dry\.toml") as caught:
        scenario_from({**HEAD, "classes": {"every": {"spread_mult": 2}}, **change}, "dry.toml")
    assert said in str(caught.value)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match="version, as_of, classes missing"):
        scenario_from({key: HEAD[key] for key in ("name", "title", "severity", "basis")}, "dry.toml")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no scenario"):
        load_scenarios(tmp_path)
    bad = tmp_path / "bad.toml"
    bad.write_text("name = ", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        load_scenario(bad)
    other = tmp_path / "other.toml"
    other.write_text((scenario_folder() / "taper_2013.toml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ConfigError, match="must be the file's, 'other'"):
        load_scenario(other)


def test_classes() -> None:
    assert stress_class("bond_corporate", "D", "X") == ("hy_bond", "")
    assert stress_class("bond_corporate", None, "X") == ("hy_bond", "unrated_as_hy_bond")
    assert stress_class("crypto_spot", None, "sim:USDCUSDT") == ("stablecoin", "")
    assert stress_class("crypto_perp", None, "sim:ETHUSDT-PERP") == ("crypto_major", "")
    assert stress_class("crypto_perp", None, "sim:LINKUSDT-PERP") == ("crypto_alt", "")
    assert stress_class("fund", None, "X") == ("", "asset_class_unknown")
