"""Leverage as assets: from stored tables to liquidation prices, margin use and its alert."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pandas as pd
import pytest

from io_managers.contract_checks import fast_contract_check
from io_managers.contract_parquet import ContractParquetIOManager
from liquidity.contracts import (
    ACCOUNTS,
    CORRELATION,
    FUNDING_RATES,
    LEVERAGE_CONTRACTS,
    LEVERAGE_RISK,
    LIQUIDITY_SURFACE,
    MARGIN_USE,
    POSITIONS,
    SIGNAL_PANEL,
    SURFACE_CURVES,
)
from liquidity.contracts.conform import table_from_frame
from liquidity.impact.surface import LiquiditySurface
from resources.dagster_wiring import DAILY, LakeResource
from resources.lake import Lake
from risk_assets.leverage import leverage, margin_is_enough
from risk_assets.leverage_pictures import SUMMARIES, distance_picture
from risk_assets.upstream import UPSTREAM, borrowed

DAY = date(2026, 6, 30)
NAMES = ["sim:BTCUSDT-PERP", "sim:ETHUSDT-PERP", "sim:NEWUSDT-PERP"]
HELD = (POSITIONS, ACCOUNTS, LIQUIDITY_SURFACE, SURFACE_CURVES, CORRELATION)


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
def lake(tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    surface = LiquiditySurface.of(
        NAMES,
        spread_bps=1.0,
        adv_ccy=1e9,
        volatility_daily_frac=0.03,
        price=[60_000.0, 3_000.0, 10.0],
        asset_class="crypto_perp",
        currency="USDT",
        depth_ccy_per_bp=1e6,
        origin="simulated",
        source="simulated",
        session_date=DAY,
    )
    rows, curves = surface.to_tables()
    lake.publish(LIQUIDITY_SURFACE, DAY, rows)
    lake.publish(SURFACE_CURVES, DAY, curves)
    for back in range(16):
        day = DAY - timedelta(days=back)
        panel = {"session_date": day, "instrument_id": NAMES[:1], "asset_class": "crypto_perp", "calendar": "24/7", "currency": "USDT", "high": 61_000.0, "low": 59_000.0, "close": 60_000.0, "source": "simulated"}  # fmt: skip
        lake.publish(SIGNAL_PANEL, day, filled(SIGNAL_PANEL, panel))
    rates = {"session_date": DAY, "instrument_id": NAMES[:1], "venue": "sim", "at": datetime(2026, 6, 30, 16, tzinfo=UTC), "rate_frac": 0.0001, "interval_hours": 8.0, "annualised_frac": 0.1095, "source": "simulated"}  # fmt: skip
    lake.publish(FUNDING_RATES, DAY, filled(FUNDING_RATES, rates))
    pair = {"session_date": DAY, "portfolio_id": "book", "instrument_id": NAMES[:1], "other_id": NAMES[1:2], "correlation": 0.8, "source": "simulated"}  # fmt: skip
    lake.publish(CORRELATION, DAY, filled(CORRELATION, pair))
    shared = {"session_date": DAY, "portfolio_id": "book", "observed_at": datetime(2026, 6, 30, 23, tzinfo=UTC), "source": "simulated", "currency": "USDT"}  # fmt: skip
    held = {"instrument_id": NAMES, "account": ["m", "m", "other"], "quantity": [10.0, -150.0, 5.0], "entry_price": [59_000.0, 3_000.0, 9.0], "margin_mode": "cross", "leverage": 5.0}  # fmt: skip
    money = {"account": ["m", "other"], "kind": "crypto_book", "base_currency": "USDT", "cash": 240_000.0, "equity": 250_000.0}  # fmt: skip
    lake.publish(POSITIONS, DAY, filled(POSITIONS, {**shared, **held}))
    lake.publish(ACCOUNTS, DAY, filled(ACCOUNTS, {**shared, **money}))
    return lake


@pytest.mark.slow
@pytest.mark.feature("PL-LV-05", "PL-LV-07", "PL-MR-12")
def test_tables_follow_from_stored_ones_and_the_alert_is_raised(lake):
    result = dg.materialize(
        [
            *UPSTREAM,
            *(borrowed(each) for each in HELD),
            leverage,
            margin_is_enough,
            *(fast_contract_check(contract, DAILY) for contract in LEVERAGE_CONTRACTS),
        ],
        selection=dg.AssetSelection.assets(leverage),
        partition_key=DAY.isoformat(),
        resources={
            "io_manager": ContractParquetIOManager(lake_dir=str(lake.root)),
            "lake": LakeResource(lake_dir=str(lake.root)),
        },
    )
    assert result.success
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert all(check.passed for name, check in checks.items() if name != "margin_is_enough")
    risk = pd.DataFrame(lake.read(LEVERAGE_RISK, DAY, DAY).to_pylist()).set_index("instrument_id")
    use = pd.DataFrame(lake.read(MARGIN_USE, DAY, DAY).to_pylist()).set_index("account")
    assert risk.loc[NAMES[0], "distance_atrs"] == pytest.approx(
        60_000.0 * risk.loc[NAMES[0], "distance_frac"] / 2_000.0
    )
    assert risk.loc[NAMES[0], "margin_basis"] == "demo"
    assert risk.loc[NAMES[0], "funding_day_ccy"] == pytest.approx(180.0)
    assert "unknown_margin_table" in risk.loc[NAMES[2], "reason"]
    assert use.loc["m", "use_frac"] == pytest.approx((600_000.0 + 450_000.0) / 5.0 / 250_000.0)
    assert use.loc["m", "level"] == "alert"
    assert use.loc["m", "adverse_sigmas"] > 0.0
    assert use.loc["other", "reason"] == "account_incomplete"
    told = checks["margin_is_enough"]
    assert not told.passed
    assert told.severity is dg.AssetCheckSeverity.WARN
    assert len(told.metadata["accounts"].value) == 2


def test_pictures_of_many_none_and_unknown():
    rows = pd.DataFrame({"distance_sigmas": [None, 30.0, -1.0, 3.5, *range(5, 25)]}, dtype="float64")
    assert distance_picture(rows).startswith("![](<data:image/svg+xml,")
    assert distance_picture(rows.iloc[:0]).startswith("![](<data:image/svg+xml,")
    for contract in LEVERAGE_CONTRACTS:
        assert SUMMARIES[contract.name](contract.arrow_schema.empty_table().to_pandas())
