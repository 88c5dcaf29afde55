"""The rules on the page of the surface are those of the code."""

from pathlib import Path

import numpy as np
import pytest

from liquidity.contracts.risk_surface import COST_METHODS
from liquidity.impact.pooling import Peers, ruled_spread_bps

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "methodology" / "surface.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("row", "asset_class", "rating"),
    [
        ("sovereign", "bond_sovereign", None),
        ("AAA, AA", "bond_corporate", "AA"),
        ("A, BBB", "bond_corporate", "BBB"),
        ("BB, B", "bond_corporate", "BB"),
        ("CCC, D", "bond_corporate", "D"),
        ("unrated", "bond_corporate", None),
    ],
)
def test_spreads_by_rule_are_those_of_the_page(row: str, asset_class: str, rating: str | None) -> None:
    texts = (np.full(4, value, dtype=object) for value in ("recorded", asset_class, None, None, rating))
    peers = Peers(*texts, tenor_years=np.array([0.5, 3.0, 7.0, 20.0]))
    told = ruled_spread_bps(peers, np.full(4, np.nan), np.full(4, "USD", dtype=object))
    assert f"| {row} | " + " | ".join(f"{value:g}" for value in told) + " |" in PAGE


def test_every_method_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in COST_METHODS)
