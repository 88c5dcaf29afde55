import math
from dataclasses import asdict

import pytest

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.portfolio.sizing import VenueEquity, optimal_position_size, position_size, total_equity

TWELVE = {
    "symbol", "position_size_usd", "kelly_position_size_usd", "quantity", "kelly_quantity", "current_price",
    "kelly_fraction", "safe_kelly", "total_equity", "risk_per_trade", "win_rate", "reward_risk_ratio",
}  # fmt: skip


def sized(**changes: object) -> object:
    inputs = {
        "equity": 1e6, "risk_fraction": 0.01, "entry": 50.0, "stop": 48.0, "kelly_fraction": 0.1, "max_leverage": 3.0,
        "adv_qty": 20_000.0, "max_adv_pct": 0.15, "liquidity_score": 80.0,
    }  # fmt: skip
    return position_size(**{**inputs, **changes})


@pytest.mark.feature("AP-SZ-05")
def test_a_size_is_halved_below_40_points_only() -> None:
    assert sized(liquidity_score=40.0).qty == 3000.0
    assert sized(liquidity_score=39.9).qty == 1500.0


@pytest.mark.feature("AP-SZ-04")
def test_the_smallest_limit_binds_and_is_named() -> None:
    assert (sized().binding, sized().qty) == ("liquidity", 3000.0)
    assert sized(adv_qty=1e9).binding == "risk"
    assert sized(adv_qty=1e9, kelly_fraction=0.001).binding == "kelly"
    assert sized(adv_qty=1e9, max_leverage=0.1).binding == "leverage"


def test_unknown_limits_are_not_absent_ones() -> None:
    for name in ("equity", "adv_qty", "liquidity_score", "max_leverage"):
        told = sized(**{name: None})
        assert (told.qty, told.binding, told.risk_amount) == (None, None, None)
    assert sized(kelly_fraction=None).qty == 3000.0
    assert sized(equity=-5.0).qty == 0.0


def test_a_stop_at_the_entry_is_refused() -> None:
    for changes in ({"stop": 50.0}, {"entry": 0.0}, {"max_leverage": -1.0}, {"kelly_fraction": -0.1}):
        with pytest.raises(ConfigError):
            sized(**changes)


@pytest.mark.feature("ET-SZ-07", "ET-SZ-08")
def test_the_loss_at_the_stop_is_the_risk_per_trade() -> None:
    told = optimal_position_size("BTC/USDT", 60_000.0, 100_000.0, stop_price=58_800.0)
    assert set(asdict(told)) - {"risk_amount", "binding", "rule"} == TWELVE
    assert told.quantity * (60_000.0 - 58_800.0) == pytest.approx(1_000.0)
    assert told.risk_amount == pytest.approx(1_000.0)
    assert told.position_size_usd == pytest.approx(told.quantity * 60_000.0)
    assert told.kelly_position_size_usd == pytest.approx(100_000.0 * told.kelly_fraction * 0.5)
    assert told.kelly_quantity * 1_200.0 == pytest.approx(told.kelly_position_size_usd)
    assert (told.rule, told.binding) == ("stop_distance", "risk")


@pytest.mark.feature("ET-SZ-08")
def test_without_a_stop_the_notional_rule_says_so() -> None:
    told = optimal_position_size("BTC/USDT", 60_000.0, 100_000.0)
    assert (told.rule, told.risk_amount) == ("notional", None)
    assert told.position_size_usd == pytest.approx(1_000.0)
    assert (told.kelly_fraction, told.safe_kelly) == (0.25, 0.125)
    assert optimal_position_size("X", 1.0, 1.0, win_rate=0.2, reward_risk_ratio=1.0).kelly_fraction == 0.0


@pytest.mark.feature("ET-SZ-07")
def test_a_price_of_zero_or_none_is_a_typed_error() -> None:
    for price in (None, math.nan):
        with pytest.raises(InsufficientDataError, match="price is missing"):
            optimal_position_size("BTC/USDT", price, 1e5)
    with pytest.raises(ConfigError, match="price 0"):
        optimal_position_size("BTC/USDT", 0.0, 1e5)
    with pytest.raises(InsufficientDataError, match="equity is missing"):
        optimal_position_size("BTC/USDT", 1.0, None)
    with pytest.raises(ConfigError, match="stop"):
        optimal_position_size("BTC/USDT", 100.0, 1e5, stop_price=100.0)


@pytest.mark.feature("ET-SZ-09")
def test_currencies_are_converted_or_refused() -> None:
    accounts = [
        VenueEquity("binance", "USDT", 100.0),
        VenueEquity("nse", "INR", 8_300.0),
        VenueEquity("x", "USD", -5.0),
    ]
    assert total_equity(accounts, {"USDT": 0.999, "INR": 0.012}, "USD") == pytest.approx(99.9 + 99.6 - 5.0)
    with pytest.raises(InsufficientDataError, match="rate to USD of nse in INR"):
        total_equity(accounts, {"USDT": 1.0}, "USD")
    with pytest.raises(InsufficientDataError, match="equity of y"):
        total_equity([VenueEquity("y", "USD", None)], {}, "USD")
