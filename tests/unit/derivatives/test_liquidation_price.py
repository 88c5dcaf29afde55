"""Liquidation prices by substitution: at the price, equity is the maintenance margin."""

import math

import pytest

from liquidity.derivatives import binance_liq, hyperliquid_liq, inverse_liq, isolated_liquidation, margin_tiers
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.market_data import LeverageTier

CAPS = [[50_000.0, 0.004], [250_000.0, 0.005], [1_000_000.0, 0.01], [10_000_000.0, 0.025]]


def tiers_of(caps: list[list[float]]) -> list[LeverageTier]:
    floors = [0.0, *(cap for cap, _ in caps[:-1])]
    return [LeverageTier(floor, cap, rate, 100.0) for floor, (cap, rate) in zip(floors, caps, strict=True)]


TIERS = tiers_of(CAPS)
COIN_CAPS = [[5.0, 0.004], [10.0, 0.005], [20.0, 0.01], [1e4, 0.025]]


@pytest.mark.feature("PL-FU-03")
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("leverage", [3, 5, 10, 25, 50])
@pytest.mark.parametrize("qty", [0.1, 0.84, 1.0, 4.3, 20.0, 60.0])
def test_linear_equity_is_the_maintenance_of_the_bracket_at_that_price(side: int, leverage: int, qty: float) -> None:
    entry = 60_000.0
    price = isolated_liquidation(side, qty, entry, leverage, TIERS).price
    equity = qty * entry / leverage + side * qty * (price - entry)
    assert equity == pytest.approx(margin_tiers(CAPS, qty * price).maintenance, rel=1e-9)
    allowed = qty * entry / leverage > margin_tiers(CAPS, qty * entry).maintenance
    assert ((price - entry) * side < 0) == allowed


@pytest.mark.feature("PL-FU-03")
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("leverage", [3, 10, 50])
@pytest.mark.parametrize("contracts", [100, 3_100, 9_000, 100_000])
def test_inverse_equity_is_the_maintenance_in_coins(side: int, leverage: int, contracts: int) -> None:
    entry, worth = 60_000.0, contracts * 100.0
    price = isolated_liquidation(
        side, contracts, entry, leverage, tiers_of(COIN_CAPS), kind="inverse", contract_size=100.0
    ).price
    equity = worth / entry / leverage + side * worth * (1 / entry - 1 / price)
    assert equity == pytest.approx(margin_tiers(COIN_CAPS, worth / price).maintenance, rel=1e-9)
    allowed = worth / entry / leverage > margin_tiers(COIN_CAPS, worth / entry).maintenance
    assert ((price - entry) * side < 0) == allowed


@pytest.mark.feature("PL-FU-03")
def test_the_bracket_is_that_of_the_notional_at_the_liquidation_price() -> None:
    """Opened at 60,000 in the second bracket, liquidated at 47,000 in the first."""
    price = isolated_liquidation(1, 1.0, 60_000.0, 4.0, TIERS).price
    assert 1.0 * price < 50_000.0 < 60_000.0
    assert price == pytest.approx(60_000 * 0.75 / (1 - 0.004))


def test_a_contract_of_several_coins() -> None:
    one = isolated_liquidation(1, 2.0, 60_000.0, 10.0, TIERS).price
    assert isolated_liquidation(1, 200.0, 60_000.0, 10.0, TIERS, contract_size=0.01).price == pytest.approx(one)


@pytest.mark.feature("PL-FU-03")
def test_positions_that_no_price_liquidates() -> None:
    assert isolated_liquidation(1, 1.0, 60_000.0, 1.0, TIERS).price is None
    assert binance_liq(1, 1e9, 0.0, 0.0, 0.0, 1.0, 60_000.0, 0.004).price is None
    assert inverse_liq(-1, 1.0, 500, 100.0, 50_000.0, 0.005).price is None
    assert hyperliquid_liq(1, 2_458.5, 0.015, 500.0, 50).price is None


@pytest.mark.parametrize("missing", [None, math.nan, 0.0])
def test_missing_inputs_give_no_price(missing: float | None) -> None:
    assert binance_liq(1, 100.0, 0.0, 0.0, 0.0, missing, 60_000.0, 0.004).price is None
    assert hyperliquid_liq(1, 100.0, missing, 10.0, 20).price is None
    assert hyperliquid_liq(1, 100.0, 1.0, 10.0, missing).price is None
    assert inverse_liq(1, 0.1, missing, 100.0, 50_000.0, 0.005).price is None
    assert inverse_liq(1, 0.1, 1.0, 100.0, missing, 0.005).price is None


def test_more_leverage_is_closer() -> None:
    longs = [isolated_liquidation(1, 0.1, 60_000.0, leverage, TIERS).price for leverage in (3, 5, 10, 25, 50)]
    shorts = [isolated_liquidation(-1, 0.1, 60_000.0, leverage, TIERS).price for leverage in (3, 5, 10, 25, 50)]
    assert longs == sorted(longs)
    assert shorts == sorted(shorts, reverse=True)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(ConfigError, match="side"):
        binance_liq(0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.1)
    with pytest.raises(ConfigError, match="leverage"):
        isolated_liquidation(1, 1.0, 100.0, 0.0, TIERS)
    with pytest.raises(ConfigError, match="spot"):
        isolated_liquidation(1, 1.0, 100.0, 2.0, TIERS, kind="spot")
    with pytest.raises(ContractError, match="must join"):
        isolated_liquidation(1, 1.0, 100.0, 2.0, TIERS[1:])
