"""From landed statements to ladders and limits through Dagster: carried, checked, shown; a broken portfolio stops no other."""

from datetime import date, timedelta

import dagster as dg
import pandas as pd
import pytest

from io_managers.contract_checks import fast_contract_check
from io_managers.contract_parquet import ContractParquetIOManager
from io_managers.inline_svg import MAX_MARKDOWN
from liquidity.contracts import (
    ALL_CONTRACTS,
    INSTRUMENTS,
    LIQUIDATION_LADDER,
    LIQUIDITY_INDEX,
    LIQUIDITY_SURFACE,
    MACRO_SERIES,
    MICROSTRUCTURE,
    PORTFOLIO_LIMITS,
    PORTFOLIO_LIQUIDITY,
    PORTFOLIO_LIQUIDITY_CONTRACTS,
    POSITION_CONTRACTS,
    POSITION_LIQUIDITY,
    POSITIONS,
    SURFACE_CURVES,
)
from liquidity.contracts.conform import frame_from_table
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.limits import LIMITS
from resources.dagster_wiring import DAILY, ClockResource, FeedsResource, LakeResource, PulseStoreResource
from resources.lake import Lake
from risk_assets.liquidity_pictures import ladder_picture
from risk_assets.portfolio_liquidity import portfolio_liquidity, portfolios_are_valued
from risk_assets.positions import PositionsConfig, positions
from risk_assets.upstream import UPSTREAM

DAY = date(2026, 3, 19)
NAMES = ("sim:AAAUSDT", "sim:BBBUSDT")


def filled(contract, rows):
    frame = pd.DataFrame(rows)
    plain = {"string": "", "int64": 0, "float64": 0.0, "timestamp": pd.Timestamp(DAY, tz="UTC")}
    for column in contract.columns:
        if column.name not in frame:
            frame[column.name] = None if column.nullable else plain[column.dtype]
    return frame[list(contract.column_names)]


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "lake")
    facts = [
        {"session_date": DAY, "instrument_id": name, "asset_class": "crypto_spot", "currency": "USDT", "calendar": "24/7", "source": "simulated"}
        for name in NAMES
    ]  # fmt: skip
    lake.publish(INSTRUMENTS, DAY, filled(INSTRUMENTS, facts))
    lake.publish(MICROSTRUCTURE, DAY, MICROSTRUCTURE.arrow_schema.empty_table())
    lake.publish(MACRO_SERIES, DAY, MACRO_SERIES.arrow_schema.empty_table())
    scores = [
        {
            **row,
            "liquidity_score": 50.0,
            "method": "observed",
            "drivers_json": "[]",
            "profile": "p",
            "config_hash": "0" * 16,
        }
        for row in facts
    ]
    lake.publish(LIQUIDITY_INDEX, DAY, filled(LIQUIDITY_INDEX, scores))
    surface = LiquiditySurface.of(
        NAMES, spread_bps=[4.0, 8.0], adv_ccy=[1e6, 1e5], volatility_daily_frac=0.03, price=[10.0, 2.0],
        asset_class="crypto_spot", currency="USDT", session_date=DAY, source="simulated", origin="simulated",
    )  # fmt: skip
    rows, curves = surface.to_tables()
    lake.publish(LIQUIDITY_SURFACE, DAY, rows)
    lake.publish(SURFACE_CURVES, DAY, curves)
    return lake


@pytest.fixture
def landing(tmp_path):
    """A book stated three days before the session, and one in a currency without a rate."""
    folder, stated = tmp_path / "landing", (DAY - timedelta(days=3)).isoformat()
    (folder / "positions").mkdir(parents=True)
    (folder / "accounts").mkdir()
    (folder / "positions" / "book.csv").write_text(
        "session_date,portfolio_id,instrument_id,account,quantity,currency,observed_at,source\n"
        f"{stated},book,{NAMES[0]},a,50000,USDT,{stated}T20:00:00Z,test\n"
        f"{stated},book,{NAMES[1]},a,-50000,USDT,{stated}T20:00:00Z,test\n"
        f"{stated},odd,{NAMES[0]},a,5,USDT,{stated}T20:00:00Z,test\n",
        encoding="utf-8",
    )
    (folder / "accounts" / "book.csv").write_text(
        "session_date,portfolio_id,account,currency,kind,base_currency,cash,observed_at,source\n"
        f"{stated},book,a,USDT,crypto_book,USDT,1000,{stated}T20:00:00Z,test\n"
        f"{stated},odd,a,BRL,crypto_book,BRL,1000,{stated}T20:00:00Z,test\n",
        encoding="utf-8",
    )
    return folder


def materialise(lake, landing, **config):
    own = [positions, portfolio_liquidity]
    checks = [
        fast_contract_check(contract, DAILY) for contract in (*POSITION_CONTRACTS, *PORTFOLIO_LIQUIDITY_CONTRACTS)
    ]
    borrowed = [
        dg.AssetSpec(dg.AssetKey(contract.asset_path), partitions_def=DAILY)
        for contract in (LIQUIDITY_SURFACE, SURFACE_CURVES)
    ]
    return dg.materialize(
        [*UPSTREAM, *borrowed, *own, *checks, portfolios_are_valued],
        selection=dg.AssetSelection.assets(*own),
        partition_key=DAY.isoformat(),
        run_config={"ops": {"positions": {"config": config}}} if config else None,
        raise_on_error=False,
        resources={
            "io_manager": ContractParquetIOManager(lake_dir=str(lake.root)),
            "lake": LakeResource(lake_dir=str(lake.root)),
            "feeds": FeedsResource(landing_dir=str(landing)),
            "store": PulseStoreResource(url="", lake_dir=str(lake.root)),
            "clock": ClockResource(),
        },
    )


@pytest.mark.slow
@pytest.mark.feature("AP-PF-01", "AP-PF-02", "AI-PO-09", "ET-SZ-09")
def test_statements_become_ladders_and_limits(lake, landing):
    result = materialise(lake, landing)
    assert result.success
    verdicts = {check.check_name: check for check in result.get_asset_check_evaluations() if not check.passed}
    assert list(verdicts) == ["portfolios_are_valued"]
    assert "USDT to BRL" in str(verdicts["portfolios_are_valued"].metadata)
    held = frame_from_table(lake.read(POSITIONS, DAY, DAY))
    assert (len(held), set(held["observed_at"].dt.day)) == (3, {16})  # carried, with the moment it was stated
    whole = frame_from_table(lake.read(PORTFOLIO_LIQUIDITY, DAY, DAY)).set_index("portfolio_id")
    assert whole.loc["book", "gross_value_base"] == 50_000 * 10.0 + 50_000 * 2.0
    assert whole.loc["book", "equity_base"] == 1_000 + 500_000 - 100_000
    assert pd.isna(whole.loc["odd", "gross_value_base"])
    assert "USDT to BRL" in whole.loc["odd", "reason"]
    steps = frame_from_table(lake.read(LIQUIDATION_LADDER, DAY, DAY))
    assert steps.groupby(["scenario", "approach"]).size().unique().tolist() == [20]
    first = steps[(steps["scenario"] == "calm") & (steps["approach"] == "waterfall")].iloc[0]
    assert first["sold_frac"] == pytest.approx((0.2 * 1e6 + 0.2 * 1e5) / 600_000)
    limits = frame_from_table(lake.read(PORTFOLIO_LIMITS, DAY, DAY))
    assert set(limits["limit"]) == set(LIMITS)
    assert set(limits["portfolio_id"]) == {"book"}
    told = frame_from_table(lake.read(POSITION_LIQUIDITY, DAY, DAY))
    assert (told["stressed_cost_5_bps"] > told["cost_5_bps"]).all()
    shown = {
        event.asset_key.path[-1]: event.metadata
        for event in result.asset_materializations_for_node("portfolio_liquidity")
        if event.partition == DAY.isoformat()
    }
    assert shown["portfolio_liquidity"]["refused"].value == 1
    picture = shown["liquidation_ladder"]["ladder book"].value
    assert len(picture) <= MAX_MARKDOWN
    assert "under stress" in shown["liquidation_ladder"]["ladder axes"].value


@pytest.mark.slow
def test_an_unknown_source_is_named(lake, landing):
    result = materialise(lake, landing, sources=["landing", "custodian"])
    assert not result.success
    assert any("custodian" in str(event.event_specific_data) for event in result.all_events if event.is_step_failure)


def test_an_empty_day_gives_empty_tables(lake, tmp_path):
    result = materialise(lake, tmp_path / "none")
    assert result.success
    assert lake.read(PORTFOLIO_LIQUIDITY, DAY, DAY).num_rows == 0


def test_the_ladder_is_drawn_short_enough_to_be_shown():
    rows = pd.DataFrame(
        [
            {"scenario": scenario, "approach": approach, "horizon_sessions": n, "sold_frac": 1.0 - 0.837**n / (1 + n)}
            for scenario in ("calm", "stressed")
            for approach in ("waterfall", "pro_rata", "mixed")
            for n in range(1, 21)
        ]
    )
    picture = ladder_picture(rows)
    assert len(picture) <= MAX_MARKDOWN
    for word in ("waterfall", "mixed", "pro rata", "limits", "20 sessions", "stroke-dasharray"):
        assert word in picture
    assert ladder_picture(rows.assign(sold_frac=None)).startswith("![](")


def test_the_configuration_defaults_to_landed_statements_first():
    assert PositionsConfig().sources == ["landing", "demo_recorded"]
    assert {c.name for c in ALL_CONTRACTS} >= {c.name for c in PORTFOLIO_LIQUIDITY_CONTRACTS}
