"""The page of stress names every scenario, and its numbers are the code's."""

from pathlib import Path

from liquidity.stress.reverse import breaking_points
from resources.scenarios import load_scenarios

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "methodology" / "stress.md").read_text(encoding="utf-8")


def test_every_scenario_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in load_scenarios())


def test_probes_and_reach() -> None:
    (held,) = breaking_points(lambda _: {"x": 1.0})
    assert f"in {held.evaluations} steps" in PAGE
    assert f"0 to {held.last_safe_multiple:g} are probed" in " ".join(PAGE.split())
