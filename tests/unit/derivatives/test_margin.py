"""Margin brackets, margin ratio."""

import math

import pytest

from liquidity.derivatives import MarginRatio, margin_ratio, margin_tiers, tier_of
from liquidity.derivatives.margin_tiers import checked_tiers
from liquidity.domain.errors import ContractError
from liquidity.domain.market_data import LeverageTier

ROWS = [[50_000.0, 0.004], [250_000.0, 0.005], [1_000_000.0, 0.01]]
TIERS = [
    LeverageTier(0.0, 50_000.0, 0.004, 125.0),
    LeverageTier(50_000.0, 250_000.0, 0.005, 100.0),
    LeverageTier(250_000.0, math.inf, 0.01, 50.0),
]


def test_maintenance_is_continuous_at_every_cap() -> None:
    for cap, _ in ROWS[:-1]:
        below, above = margin_tiers(ROWS, cap).maintenance, margin_tiers(ROWS, cap * (1 + 1e-12)).maintenance
        assert above == pytest.approx(below, rel=1e-9)


@pytest.mark.parametrize("notional", [None, math.nan, -1.0, 1_000_000.01])
def test_a_notional_outside_the_brackets_has_no_margin(notional: float | None) -> None:
    assert margin_tiers(ROWS, notional).maintenance is None


def test_nothing_needs_no_margin() -> None:
    assert margin_tiers(ROWS, 0.0).maintenance == 0.0


@pytest.mark.parametrize(
    "rows", [[], [[100.0, 0.01], [50.0, 0.02]], [[100.0, 0.02], [200.0, 0.01]], [[100.0, 1.5]], [[0.0, 0.1]]]
)
def test_brackets_that_are_none_are_refused(rows: list[list[float]]) -> None:
    with pytest.raises(ContractError, match="margin_tiers"):
        margin_tiers(rows, 10.0)


def test_brackets_of_a_venue() -> None:
    assert [amount for _, amount in checked_tiers(TIERS[::-1])] == pytest.approx([0.0, 50.0, 1300.0])
    own = [TIERS[0], LeverageTier(50_000.0, 250_000.0, 0.005, 100.0, maintenance_amount_quote=51.0)]
    assert checked_tiers(own)[1][1] == 51.0
    with pytest.raises(ContractError, match="must join"):
        checked_tiers([TIERS[0], TIERS[2]])
    assert tier_of(TIERS, 50_000.0) is TIERS[0]
    assert tier_of(TIERS, 50_000.01) is TIERS[1]
    assert tier_of(TIERS, 1e12) is TIERS[2]
    assert tier_of(TIERS[:1], 1e12) is tier_of(TIERS, -1.0) is tier_of(TIERS, math.nan) is None


def test_margin_ratio_with_missing_parts() -> None:
    assert margin_ratio(None, 1.0, 1.0) == MarginRatio(None, None, None)
    assert margin_ratio(100.0, None, 50.0) == MarginRatio(None, 0.5, None)
    assert margin_ratio(100.0, 100.0, None) == MarginRatio(1.0, None, True)
    assert margin_ratio(0.0, 0.0, 0.0).liquidatable
