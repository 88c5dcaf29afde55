"""Allocation as assets: from stored tables to targets, trades and residuals, with their contract checks."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from io_managers.contract_checks import fast_contract_check
from io_managers.contract_parquet import ContractParquetIOManager
from liquidity.contracts import (
    ACCOUNTS,
    ALLOCATION_CONTRACTS,
    FX_RATES,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    LIQUIDITY_SURFACE,
    POSITIONS,
    REBALANCE_TRADES,
    RELATIVE_VALUE,
    SIGNAL_PANEL,
    SURFACE_CURVES,
    TARGET_PORTFOLIO,
)
from liquidity.contracts.conform import table_from_frame
from liquidity.impact.surface import LiquiditySurface
from resources.dagster_wiring import DAILY, LakeResource
from resources.lake import Lake
from risk_assets.allocation import allocation, relative_value
from risk_assets.upstream import UPSTREAM, borrowed

DAY = date(2026, 6, 30)
COINS = [
    f"binance:{name}USDT"
    for name in ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH", "III", "JJJ", "KKK", "LLL")
]
N = 62
PLACES = [*UPSTREAM, *(borrowed(each) for each in (POSITIONS, ACCOUNTS, FX_RATES, LIQUIDITY_SURFACE, SURFACE_CURVES))]


def filled(contract, rows):
    """The table of some columns, the others plain."""
    frame = pd.DataFrame(rows)
    plain = {"string": "x", "int64": 0, "float64": 1.0, "bool": False, "timestamp": datetime(2026, 6, 30, tzinfo=UTC)}
    for column in contract.columns:
        if column.name not in frame:
            known = column.allowed[0] if column.allowed else plain.get(column.dtype)
            frame[column.name] = None if column.nullable else known
    return table_from_frame(frame[list(contract.column_names)], contract)


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    random = np.random.default_rng(5)
    moves = random.normal(0, 0.02, (N, 1)) + random.normal(0, 0.01, (N, len(COINS)))
    closes = 100.0 * np.cumprod(1.0 + moves, axis=0)
    for row in range(N):
        day = DAY - timedelta(days=N - 1 - row)
        panel = {
            "session_date": day,
            "instrument_id": COINS,
            "asset_class": "crypto_spot",
            "calendar": "24/7",
            "currency": "USDT",
            "close": closes[row],
            "source": "simulated",
        }
        lake.publish(SIGNAL_PANEL, day, filled(SIGNAL_PANEL, panel))
    stated = {
        "session_date": DAY,
        "account": "main",
        "observed_at": datetime(2026, 6, 30, 23, tzinfo=UTC),
        "source": "simulated",
    }
    quantity = np.where(np.arange(len(COINS)) == 0, 9_000.0, 1_000.0)
    positions = {**stated, "portfolio_id": "book", "instrument_id": COINS, "quantity": quantity, "currency": "USDT"}
    money = {"kind": "crypto_book", "base_currency": "USDT", "currency": "USDT", "cash": [1e5, -1e7]}
    lake.publish(
        POSITIONS,
        DAY,
        filled(POSITIONS, pd.concat([pd.DataFrame(positions), pd.DataFrame(positions).assign(portfolio_id="sunk")])),
    )
    lake.publish(ACCOUNTS, DAY, filled(ACCOUNTS, {**stated, "portfolio_id": ["book", "sunk"], **money}))
    lake.publish(FX_RATES, DAY, FX_RATES.arrow_schema.empty_table())
    surface = LiquiditySurface.of(
        COINS, spread_bps=5.0, adv_ccy=np.geomspace(1e7, 1e6, len(COINS)), volatility_daily_frac=0.03, price=closes[-1],
        asset_class="crypto_spot", currency="USDT", origin="simulated", session_date=DAY,
    )  # fmt: skip
    for contract, rows in zip((LIQUIDITY_SURFACE, SURFACE_CURVES), surface.to_tables(), strict=True):
        lake.publish(contract, DAY, table_from_frame(rows, contract) if isinstance(rows, pd.DataFrame) else rows)
    scored = {
        "session_date": DAY,
        "instrument_id": COINS,
        "asset_class": "crypto_spot",
        "source": "simulated",
        "config_hash": "0" * 16,
        "currency": "USDT",
    }
    lake.publish(
        LIQUIDITY_INDEX,
        DAY,
        filled(LIQUIDITY_INDEX, {**scored, "liquidity_score": np.linspace(90.0, 40.0, len(COINS))}),
    )
    lake.publish(
        LIQUIDITY_FEATURES, DAY, filled(LIQUIDITY_FEATURES, {**scored, "spread_bps": np.linspace(2.0, 9.0, len(COINS))})
    )
    return lake


@pytest.mark.slow
@pytest.mark.feature("AI-PF-03", "AI-PF-06", "BX-PF-09")
def test_targets_trades_and_residuals_are_published(market):
    result = dg.materialize(
        [*PLACES, allocation, relative_value, *(fast_contract_check(each, DAILY) for each in ALLOCATION_CONTRACTS)],
        selection=dg.AssetSelection.assets(allocation, relative_value),
        partition_key=DAY.isoformat(),
        resources={
            "io_manager": ContractParquetIOManager(lake_dir=str(market.root)),
            "lake": LakeResource(lake_dir=str(market.root)),
        },
    )
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    targets = pd.DataFrame(market.read(TARGET_PORTFOLIO, DAY, DAY).to_pylist())
    book = targets[targets["portfolio_id"] == "book"].set_index("instrument_id")
    assert set(book["outcome"]) == {"optimal"}
    # The largest name stood at 45 % of the value; one may be 10 %.
    assert book["current_weight_frac"].max() > 0.3
    assert book["target_weight_frac"].max() <= 0.10 * book["current_weight_frac"].sum() + 1e-6
    assert book["risk_share_frac"].sum() == pytest.approx(1.0)
    sunk = targets[targets["portfolio_id"] == "sunk"]
    assert set(sunk["outcome"]) == {"not_optimised"}
    assert sunk["target_weight_frac"].isna().all()

    trades = pd.DataFrame(market.read(REBALANCE_TRADES, DAY, DAY).to_pylist()).set_index("instrument_id")
    assert set(trades["portfolio_id"]) == {"book"}
    assert trades.loc[COINS[0], "side"] == "sell"
    assert (trades["expected_cost_base"] >= 0.0).all()
    value = pd.DataFrame(market.read(RELATIVE_VALUE, DAY, DAY).to_pylist())
    assert len(value) == len(COINS)
    assert value["reason"].str.contains("needs 20").all()  # twelve names are no market
