"""Stress as assets: from stored tables to results, breaking points, the grid and cascades."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from io_managers.contract_checks import fast_contract_check
from io_managers.contract_parquet import ContractParquetIOManager
from io_managers.inline_svg import fits
from liquidity.contracts import (
    ACCOUNTS,
    CORRELATION,
    FX_RATES,
    LIQUIDATION_CASCADE,
    LIQUIDATION_LEVELS,
    LIQUIDITY_SURFACE,
    POSITIONS,
    REVERSE_STRESS,
    SIGNAL_PANEL,
    STRESS_CONTRACTS,
    STRESS_GRID,
    STRESS_RESULTS,
    SURFACE_CURVES,
    WHOLE_PORTFOLIO,
)
from liquidity.contracts.conform import table_from_frame
from liquidity.impact.book_curves import BookCurves, Curve
from liquidity.impact.surface import LiquiditySurface
from resources.dagster_wiring import DAILY, LakeResource
from resources.lake import Lake
from risk_assets.stress import liquidation_cascade, stress
from risk_assets.stress_pictures import breaking_bars, reverse_pictures, stress_pictures
from risk_assets.upstream import UPSTREAM, borrowed
from tests.unit.risk_assets.test_market_risk import filled

DAY = date(2025, 10, 12)
NAMES = ("binance:BTCUSDT", "binance:SOLUSDT-PERP", "binance:NEWUSDT")
PLACES = [
    *UPSTREAM,
    *(borrowed(each) for each in (POSITIONS, ACCOUNTS, FX_RATES, LIQUIDITY_SURFACE, SURFACE_CURVES, CORRELATION)),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    at = datetime(2025, 10, 12, 23, tzinfo=UTC)
    positions = [
        {"session_date": DAY, "portfolio_id": "book", "instrument_id": name, "account": "main", "quantity": quantity, "currency": "USDT", "observed_at": at, "source": "simulated"}
        for name, quantity in ((NAMES[0], 5e4), (NAMES[1], 4e3), ("binance:GONEUSDT", 1.0))
    ]  # fmt: skip
    accounts = [
        {"session_date": DAY, "portfolio_id": "book", "account": "main", "currency": "USDT", "kind": "crypto_book", "base_currency": "USDT", "cash": 1e5, "observed_at": at, "source": "simulated"}
    ]  # fmt: skip
    lake.publish(POSITIONS, DAY, filled(POSITIONS, positions))
    lake.publish(ACCOUNTS, DAY, filled(ACCOUNTS, accounts))
    lake.publish(FX_RATES, DAY, FX_RATES.arrow_schema.empty_table())
    step = Curve(np.array([1e5, 1e6]), np.array([1.0, 20.0]))
    surface = LiquiditySurface.of(
        NAMES,
        spread_bps=5.0,
        adv_ccy=[1e7, 1e6, 1e6],
        volatility_daily_frac=0.03,
        price=100.0,
        asset_class=["crypto_spot", "crypto_perp", "crypto_spot"],
        currency="USDT",
        origin="simulated",
        session_date=DAY,
        curves=BookCurves.of(3, {1: step}, {1: step}),
    )
    for contract, rows in zip((LIQUIDITY_SURFACE, SURFACE_CURVES), surface.to_tables(), strict=True):
        lake.publish(contract, DAY, rows)
    pair = {
        "session_date": DAY,
        "portfolio_id": "book",
        "instrument_id": NAMES[1],
        "other_id": NAMES[0],
        "correlation": 0.4,
        "origin": "simulated",
    }
    lake.publish(CORRELATION, DAY, filled(CORRELATION, [pair]))
    levels = [
        {"session_date": DAY, "instrument_id": NAMES[1], "venue": "binance", "at": at, "side": "long", "level": 1 + n, "price_level": 100.0 * (1.0 + away), "notional_quote": 4e5, "distance_frac": away, "risk_score": 50.0, "covered_frac": 0.4, "basis": "modelled", "source": "simulated"}
        for n, away in enumerate((-0.03, -0.06))
    ]  # fmt: skip
    lake.publish(LIQUIDATION_LEVELS, DAY, filled(LIQUIDATION_LEVELS, levels))
    closes = 100.0 * np.cumprod(1.0 + np.random.default_rng(1).normal(0.0, 0.01, 32))
    closes[-2:] = closes[-3] * np.array([0.7, 0.75])  # 10 and 11 October
    for row, close in enumerate(closes):
        day = date(2025, 10, 11) - timedelta(days=31 - row)
        panel = [{"session_date": day, "instrument_id": NAMES[0], "asset_class": "crypto_spot", "calendar": "24/7", "currency": "USDT", "close": close, "spread_bps": 5.0, "turnover_ccy": 1e7, "source": "simulated"}]  # fmt: skip
        lake.publish(SIGNAL_PANEL, day, table_from_frame(filled(SIGNAL_PANEL, panel), SIGNAL_PANEL))
    return lake


def materialise(lake, asset, config=None, *checked):
    return dg.materialize(
        [*PLACES, asset, *(fast_contract_check(contract, DAILY) for contract in checked)],
        selection=dg.AssetSelection.assets(asset),
        partition_key=DAY.isoformat(),
        run_config={"ops": {asset.op.name: {"config": config}}} if config else None,
        resources={
            "io_manager": ContractParquetIOManager(lake_dir=str(lake.root)),
            "lake": LakeResource(lake_dir=str(lake.root)),
        },
        raise_on_error=False,
    )


def read(lake, contract):
    return pd.DataFrame(lake.read(contract, DAY, DAY).to_pylist())


@pytest.mark.slow
@pytest.mark.feature("AP-ST-01", "AI-ST-02", "ET-ST-03", "BX-ST-05")
def test_every_portfolio_is_stressed(lake):
    result = materialise(lake, stress, None, *STRESS_CONTRACTS[:3])
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    rows = read(lake, STRESS_RESULTS)
    assert set(rows["kind"]) == {"scenario", "replay"}
    assert rows["scenario"].nunique() >= 13
    replay = rows[rows["kind"] == "replay"].set_index("instrument_id")
    assert replay.loc[NAMES[0], "price_fall_frac"] == pytest.approx(0.3)
    assert replay.loc[NAMES[0], "scenario"] == "replay_cascade_2025_10"
    assert replay.loc[NAMES[1], "reason"] == "no_history_of_class"
    gone = rows[rows["instrument_id"] == "binance:GONEUSDT"]
    assert gone["stressed_loss_base"].isna().all()
    assert (gone["reason"] != "").all()
    whole = rows[rows["instrument_id"] == WHOLE_PORTFOLIO]
    assert (whole["stressed_loss_base"] >= whole["price_loss_base"]).all()
    breaks = read(lake, REVERSE_STRESS)
    assert "breaks" in set(breaks["verdict"])
    grid = read(lake, STRESS_GRID)
    assert len(grid) == 4 * 3 * 2 * 2 * 2
    crash = whole.set_index("scenario").loc["cascade_2025_10"]
    assert crash["daily_risk_covered_frac"] == pytest.approx(1.0)
    assert crash["daily_risk_after_base"] > 0.0
    assert list(stress_pictures(rows)) == ["stress table of book (USDT)"]
    assert list(reverse_pictures(breaks)) == ["breaking point of book", "breaking points of book"]


@pytest.mark.slow
@pytest.mark.feature("AP-ST-01")
def test_a_what_if_from_the_launchpad(lake):
    asked = {"scenarios": ["flash_crash"], "replays": False, "price_fall_frac": [0.0, 0.5], "spread_mult": [1.0]}
    assert materialise(lake, stress, asked).success
    rows = read(lake, STRESS_RESULTS)
    assert set(rows["scenario"]) == {"flash_crash"}
    assert len(read(lake, STRESS_GRID)) == 2 * 1 * 2 * 2 * 2
    assert not materialise(lake, stress, {"scenarios": ["flash_crahs"]}).success
    assert not materialise(lake, stress, {"price_fall_frac": [1.5]}).success


@pytest.mark.slow
@pytest.mark.feature("PL-ST-04")
def test_cascades_of_the_day(lake):
    result = materialise(lake, liquidation_cascade, None, LIQUIDATION_CASCADE)
    assert result.success
    rows = read(lake, LIQUIDATION_CASCADE)
    assert set(rows["instrument_id"]) == {NAMES[1]}
    assert len(rows) == 9
    deep = rows[rows["first_fall_frac"] == 0.05].sort_values("depth_haircut_frac")
    assert deep["price_after"].is_monotonic_decreasing
    assert (rows["observed_level_frac"].dropna() == 0.0).all()


def test_bars_fit_into_the_page():
    picture = breaking_bars([0.123, 0.5, 0.987, *np.linspace(1.1, 3.9, 13).tolist()])
    assert fits(picture)
    assert picture.count("v7H0z") == 16
