"""Market risk as assets: from stored tables to measures, parts, judgement and correlations."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from io_managers.contract_checks import fast_contract_check
from io_managers.contract_parquet import ContractParquetIOManager
from liquidity.contracts import (
    ACCOUNTS,
    FX_RATES,
    LIQUIDITY_SURFACE,
    MARKET_RISK,
    MARKET_RISK_CONTRACTS,
    POSITIONS,
    RISK_CONTRIBUTIONS,
    SIGNAL_PANEL,
    SURFACE_CURVES,
    VAR_BACKTEST,
)
from liquidity.contracts.conform import table_from_frame
from liquidity.impact.surface import LiquiditySurface
from resources.dagster_wiring import DAILY, LakeResource
from resources.lake import Lake
from risk_assets.market_risk import market_risk
from risk_assets.upstream import UPSTREAM, borrowed

LAST = date(2026, 6, 30)
COINS = [f"binance:{name}USDT" for name in ("AAA", "BBB", "CCC", "DDD", "EEE")]
N = 90
PLACES = [*UPSTREAM, *(borrowed(each) for each in (POSITIONS, ACCOUNTS, FX_RATES, LIQUIDITY_SURFACE, SURFACE_CURVES))]


def filled(contract, rows):
    """Rows with the columns that this test does not mind filled plainly."""
    frame = pd.DataFrame(rows)
    for column in contract.columns:
        if column.name not in frame:
            plain = {
                "string": "x",
                "int64": 0,
                "float64": 1.0,
                "bool": False,
                "timestamp": datetime(2026, 6, 30, tzinfo=UTC),
            }
            frame[column.name] = None if column.nullable else plain[column.dtype]
    return frame[list(contract.column_names)]


def publish_holdings(lake, day, cash=1e5, fx=()):
    observed = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
    held = [(COINS[0], 900.0), (COINS[1], -400.0), (COINS[2], 300.0), ("binance:NEWUSDT", 5.0)]
    positions = [
        {"session_date": day, "portfolio_id": "book", "instrument_id": name, "account": "main", "quantity": quantity, "currency": "USDT", "observed_at": observed, "source": "simulated"}
        for name, quantity in held
    ]  # fmt: skip
    accounts = [
        {"session_date": day, "portfolio_id": "book", "account": "main", "currency": "USDT", "kind": "crypto_book", "base_currency": "USDT", "cash": cash, "observed_at": observed, "source": "simulated"}
    ]  # fmt: skip
    lake.publish(POSITIONS, day, filled(POSITIONS, positions))
    lake.publish(ACCOUNTS, day, filled(ACCOUNTS, accounts))
    lake.publish(FX_RATES, day, FX_RATES.arrow_schema.empty_table())
    surface = LiquiditySurface.of(
        COINS,
        spread_bps=5.0,
        adv_ccy=1e6,
        volatility_daily_frac=0.03,
        price=100.0,
        asset_class="crypto_spot",
        currency="USDT",
        origin="simulated",
        session_date=day,
    )
    rows, curves = surface.to_tables()
    lake.publish(LIQUIDITY_SURFACE, day, rows)
    lake.publish(SURFACE_CURVES, day, curves)


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    random = np.random.default_rng(5)
    common = random.standard_t(5, N) * 0.02
    moves = common[:, None] + random.normal(0, 0.01, (N, len(COINS)))
    closes = 100.0 * np.cumprod(1.0 + moves, axis=0)
    for row in range(N):
        day = LAST - timedelta(days=N - 1 - row)
        panel = [
            {"session_date": day, "instrument_id": name, "asset_class": "crypto_spot", "calendar": "24/7", "currency": "USDT", "close": close, "spread_bps": 4.0 + row % 10, "source": "simulated"}
            for name, close in zip(COINS, closes[row], strict=True)
        ]  # fmt: skip
        lake.publish(SIGNAL_PANEL, day, table_from_frame(filled(SIGNAL_PANEL, panel), SIGNAL_PANEL))
    for back in range(3):
        publish_holdings(lake, LAST - timedelta(days=back), cash=1e5 - 2e4 * (2 - back))
    return lake


def materialise(lake, first, last):
    return dg.materialize(
        [*PLACES, market_risk, *(fast_contract_check(contract, DAILY) for contract in MARKET_RISK_CONTRACTS)],
        selection=dg.AssetSelection.assets(market_risk),
        tags={
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        },
        resources={
            "io_manager": ContractParquetIOManager(lake_dir=str(lake.root)),
            "lake": LakeResource(lake_dir=str(lake.root)),
        },
    )


@pytest.mark.slow
@pytest.mark.feature("PL-MR-06", "ET-MR-07", "ET-MR-10")
def test_every_portfolio_is_measured_and_a_restart_keeps_the_mark(market):
    first = LAST - timedelta(days=2)
    result = materialise(market, first, first)
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    assert materialise(market, first + timedelta(days=1), LAST).success  # another process, from the stored mark
    rows = pd.DataFrame(market.read(MARKET_RISK, first, LAST).to_pylist())
    last = rows[rows["session_date"] == LAST].set_index(["measure", "confidence"])
    tail = last.loc[("var_historical", "0.99")]
    assert tail["value_base"] > last.loc[("var_historical", "0.95"), "value_base"] > 0
    assert tail["n"] == N - 1
    assert tail["origin"] == "simulated"
    assert last.loc[("lvar", "0.99"), "value_base"] > tail["value_base"]
    marks = rows[rows["measure"] == "high_water_mark"].sort_values("session_date")["value_number"].tolist()
    falls = rows[rows["measure"] == "current_drawdown"].sort_values("session_date")["value_number"].tolist()
    assert marks == sorted(marks)
    equity = [1e5 - 2e4 * back + 100.0 * 800.0 for back in (0, 1, 2)]
    assert marks == pytest.approx([max(equity[: i + 1]) for i in range(3)])
    assert falls == pytest.approx([1 - equity[i] / marks[i] for i in range(3)])

    parts = pd.DataFrame(market.read(RISK_CONTRIBUTIONS, LAST, LAST).to_pylist())
    mine = parts[parts["confidence"] == "0.99"].set_index("instrument_id")
    assert mine["component_var_base"].sum() == pytest.approx(tail["value_base"])
    assert mine["component_lvar_base"].sum() == pytest.approx(last.loc[("lvar", "0.99"), "value_base"])
    assert mine.loc["binance:NEWUSDT", "reason"] == "no_value"
    # Exogenous: half of the 99 % quantile of the spread's own history, on the value of the surface.
    assert mine.loc[COINS[0], "exogenous_cost_base"] == pytest.approx(0.5 * 13.0e-4 * 900 * 100.0, rel=0.02)
    surface = LiquiditySurface.from_tables(
        pd.DataFrame(market.read(LIQUIDITY_SURFACE, LAST, LAST).to_pylist())
    )  # the same object answers
    size = np.array([90_000.0])
    one = surface.take([0])
    horizon = np.maximum(one.days_to_liquidate(size, 0.2), 1.0)
    assert mine.loc[COINS[0], "liquidation_sessions"] == pytest.approx(horizon[0])
    assert mine.loc[COINS[0], "endogenous_cost_base"] == pytest.approx(
        one.cost(-1.0, size, horizon).impact_bps[0] * 1e-4 * 90_000.0
    )

    judged = pd.DataFrame(market.read(VAR_BACKTEST, LAST, LAST).to_pylist())
    assert set(judged["window_sessions"]) == {60}
    assert set(judged["sessions_n"]) == {N - 1 - 60}


def test_a_day_without_portfolios_gives_empty_tables(market):
    day = LAST - timedelta(days=5)
    for contract in (POSITIONS, ACCOUNTS, FX_RATES, LIQUIDITY_SURFACE, SURFACE_CURVES):
        market.publish(contract, day, contract.arrow_schema.empty_table())
    assert materialise(market, day, day).success
    for contract in MARKET_RISK_CONTRACTS:
        assert market.read(contract, day, day).num_rows == 0
