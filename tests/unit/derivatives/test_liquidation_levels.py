"""Modelled liquidation levels: prices of the venue formula, sizes that add up, labelled as modelled."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from liquidity.derivatives import LevelModel, LeverageShare, isolated_liquidation, liquidation_levels
from liquidity.derivatives.liquidation_levels import LEVERAGE_MIX
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.market_data import LeverageTier, LiquidationLevel

AT = datetime(2026, 3, 1, tzinfo=UTC)
TIERS = [LeverageTier(0.0, 50_000.0, 0.004, 125.0), LeverageTier(50_000.0, 1e9, 0.005, 100.0)]
TEN = LevelModel(mix=(LeverageShare(10.0, 1.0),))
NAMED = {"symbol": "BTC/USDT:USDT", "exchange": "binanceusdm", "timestamp": AT}


def modelled(interest, close, high=None, low=None, tiers=TIERS, **more):
    return liquidation_levels(
        interest, close if high is None else high, close if low is None else low, close, tiers, **NAMED, **more
    )


@pytest.mark.feature("PL-FU-03")
def test_the_mix_is_the_documented_one() -> None:
    assert [each.leverage for each in LEVERAGE_MIX] == [3, 5, 10, 25, 50]
    assert sum(each.share_frac for each in LEVERAGE_MIX) == pytest.approx(1.0)


@pytest.mark.feature("PL-FU-03")
@pytest.mark.parametrize(("kind", "size"), [("linear", 1.0), ("inverse", 100.0)])
def test_prices_are_the_venue_formula_for_longs_and_shorts(kind: str, size: float) -> None:
    price = 60_000.0
    tiers = TIERS if kind == "linear" else [LeverageTier(0.0, 1e6, 0.004, 125.0)]
    found = modelled([100.0, 110.0], [price] * 2, tiers=tiers, kind=kind, contract_size=size)
    assert found.method == "modelled"
    qty = 10_000.0 / size / (price if kind == "linear" else 1.0)
    for side, name in ((1, "long"), (-1, "short")):
        mine = sorted(level.price_level for level in found.levels if level.side == name)
        theirs = sorted(
            isolated_liquidation(side, qty, price, each.leverage, tiers, kind=kind, contract_size=size).price
            for each in LEVERAGE_MIX
        )
        near = [at for at in theirs if abs(at / price - 1) <= 0.5]
        assert mine == pytest.approx(near)


@pytest.mark.feature("PL-CT-03")
def test_distance_is_negative_for_longs_and_positive_for_shorts() -> None:
    assert len(fields(LiquidationLevel)) == 8
    found = modelled([100.0, 110.0], [100.0] * 2, model=TEN)
    short, long = found.levels
    assert long.distance_from_price_frac == pytest.approx(long.price_level / 100 - 1)
    assert long.distance_from_price_frac < 0 < short.distance_from_price_frac
    assert long.risk_score == pytest.approx(100 * (1 - abs(long.distance_from_price_frac) / 0.5))
    assert short.risk_score > long.risk_score, "the nearer level scores higher"


@pytest.mark.feature("PL-FU-03")
def test_sizes_and_coverage_add_up_to_the_opened_interest() -> None:
    found = modelled([100.0, 120.0, 125.0], [100.0, 100.0, 101.0])
    for side, covered in (("long", found.long_covered_frac), ("short", found.short_covered_frac)):
        assert sum(each.quantity for each in found.levels if each.side == side) == pytest.approx(25.0)
        assert covered == pytest.approx(25 / 125)
    assert found.confidence == "low"
    assert modelled([100.0, 200.0], [100.0] * 2).confidence == "medium"


def test_a_price_that_passes_a_level_clears_it() -> None:
    close = [100.0, 100.0, 100.0]
    crash = modelled([50.0, 60.0, 60.0], close, low=[100.0, 100.0, 90.0], model=TEN)
    assert [each.side for each in crash.levels] == ["short"]
    assert crash.long_covered_frac == 0.0
    touched = crash.levels[0].price_level
    squeeze = modelled([50.0, 60.0, 60.0], close, high=[100.0, 100.0, touched], model=TEN)
    assert [each.side for each in squeeze.levels] == ["long"]
    opened_in_the_crash = modelled([50.0, 60.0], close[:2], low=[100.0, 50.0], model=TEN)
    assert {each.side for each in opened_in_the_crash.levels} == {"long", "short"}


def test_closing_takes_evenly_and_liquidations_are_not_counted_twice() -> None:
    halved = modelled([100.0, 120.0, 60.0], [100.0] * 3, model=TEN)
    assert [each.quantity for each in halved.levels] == pytest.approx([10.0, 10.0])
    assert halved.long_covered_frac == pytest.approx(20 / 120)
    both = modelled([100.0, 120.0, 100.0], [100.0] * 3, low=[100.0, 100.0, 90.0], model=TEN)
    (short,) = both.levels
    assert short.quantity == pytest.approx(20 * 100 / 120)


def test_close_levels_are_one_and_far_ones_left_out() -> None:
    near = modelled([100.0, 110.0, 130.0], [100.0, 100.0, 100.05], model=TEN)
    long = next(each for each in near.levels if each.side == "long")
    assert long.quantity == pytest.approx(30.0)
    factor = isolated_liquidation(1, 100.0, 100.0, 10.0, TIERS).price / 100
    assert long.price_level == pytest.approx(factor * (10 * 100 + 20 * 100.05) / 30)
    assert not modelled([100.0, 110.0], [100.0] * 2, model=replace(TEN, max_distance_frac=0.05)).levels


def test_leverage_the_venue_forbids_leaves_its_share() -> None:
    low = [LeverageTier(0.0, 1e9, 0.01, 20.0)]
    found = modelled([100.0, 110.0], [100.0] * 2, tiers=low)
    assert sum(each.quantity for each in found.levels if each.side == "long") == pytest.approx(10.0)
    assert max(each.price_level for each in found.levels if each.side == "long") < 91.5
    none = modelled([100.0, 110.0], [100.0] * 2, tiers=[LeverageTier(0.0, 1e9, 0.5, 2.0)])
    assert (none.levels, none.reason) == ((), "no_leverage_allowed")


@pytest.mark.feature("PL-FU-03")
def test_a_history_of_one_row_models_nothing_and_says_so() -> None:
    for interest in ([100.0], [None, 100.0], []):
        found = modelled(interest, [100.0] * len(interest))
        assert (found.levels, found.reason, found.long_covered_frac) == ((), "fewer_than_two_readings", None)
    assert modelled([100.0, 0.0], [100.0] * 2).reason == "no_open_interest"


def test_missing_readings_keep_the_range_and_bars_without_prices_are_left_out() -> None:
    gap = modelled([50.0, 60.0, None, 60.0], [100.0] * 4, low=[100.0, 100.0, 90.0, 100.0], model=TEN)
    assert [each.side for each in gap.levels] == ["short"]
    assert len(modelled([50.0, 60.0, 70.0], [100.0, None, 100.0], model=TEN).levels) == 2


def test_bad_requests_are_refused() -> None:
    with pytest.raises(ContractError, match="one of each per bar"):
        liquidation_levels([1.0], [1.0, 2.0], [1.0], [1.0], TIERS, **NAMED)
    with pytest.raises(ContractError, match="naive"):
        liquidation_levels([1.0], [1.0], [1.0], [1.0], TIERS, **{**NAMED, "timestamp": AT.replace(tzinfo=None)})
    for mix in ((LeverageShare(10.0, 0.5),), (LeverageShare(1.0, 1.0),)):
        with pytest.raises(ConfigError, match="LevelModel"):
            LevelModel(mix=mix)


def test_levels_of_a_month_of_hours_lie_on_their_side_of_the_price() -> None:
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 720)))
    interest = 1_000 + np.cumsum(rng.normal(0, 10, 720))
    found = modelled(interest, close, high=close * 1.005, low=close * 0.995)
    assert all(each.distance_from_price_frac < 0 for each in found.levels if each.side == "long")
    assert all(each.distance_from_price_frac > 0 for each in found.levels if each.side == "short")
    assert 0 < found.long_covered_frac <= 1
