"""The surface as assets: from stored tables to costs, curves, counts and pictures."""

from datetime import date, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from io_managers.contract_checks import fast_contract_check
from io_managers.contract_parquet import ContractParquetIOManager
from io_managers.inline_svg import MAX_MARKDOWN
from liquidity.contracts import LIQUIDITY_FEATURES, LIQUIDITY_SURFACE, SIGNAL_PANEL, SURFACE_CONTRACTS, SURFACE_CURVES
from liquidity.contracts.conform import frame_from_table
from liquidity.contracts.table import TableContract
from liquidity.impact.surface import LiquiditySurface
from resources.dagster_wiring import DAILY, LakeResource
from resources.lake import Lake
from risk_assets.surface import liquidity_surface
from risk_assets.surface_pictures import cost_curves, cost_heatmap
from risk_assets.upstream import UPSTREAM

LAST = date(2026, 6, 30)
NAMES = ("binance:AAAUSDT", "binance:BBBUSDT")


def filled(contract: TableContract, rows: list[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    plain = {"string": "", "int64": 0, "float64": 0.0}
    for column in contract.columns:
        if column.name not in frame:
            frame[column.name] = None if column.nullable else plain[column.dtype]
    return frame[list(contract.column_names)]


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path)
    facts = {"asset_class": "crypto_spot", "currency": "USDT", "source": "simulated"}
    for back in range(12):
        day = LAST - timedelta(days=back)
        rows = [
            {"session_date": day, "instrument_id": name, "calendar": "24/7", "turnover_ccy": 1e6 * (1 + place), "close": 10.0} | facts
            for place, name in enumerate(NAMES)
        ]  # fmt: skip
        lake.publish(SIGNAL_PANEL, day, filled(SIGNAL_PANEL, rows))
        rows = [
            {"session_date": day, "instrument_id": NAMES[0], "spread_bps": 5.0, "spread_origin": "quoted", "volatility_daily_frac": 0.03, "history_n": 12} | facts
        ]  # fmt: skip
        lake.publish(LIQUIDITY_FEATURES, day, filled(LIQUIDITY_FEATURES, rows))
    return lake


@pytest.mark.slow
@pytest.mark.feature("AP-IM-01", "AP-PO-02")
def test_days_become_surfaces_with_counts_and_pictures(lake):
    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize(
        [*UPSTREAM, liquidity_surface, *(fast_contract_check(contract, DAILY) for contract in SURFACE_CONTRACTS)],
        selection=dg.AssetSelection.assets(liquidity_surface),
        instance=instance,
        tags={
            "dagster/asset_partition_range_start": (LAST - timedelta(days=1)).isoformat(),
            "dagster/asset_partition_range_end": LAST.isoformat(),
        },
        resources={
            "io_manager": ContractParquetIOManager(lake_dir=str(lake.root)),
            "lake": LakeResource(lake_dir=str(lake.root)),
        },
    )
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    rows = frame_from_table(lake.read(LIQUIDITY_SURFACE, LAST, LAST))
    surface = LiquiditySurface.from_tables(rows, frame_from_table(lake.read(SURFACE_CURVES, LAST, LAST)))
    assert surface.method.tolist() == ["observed", "rule_based"]
    assert surface.adv_ccy.tolist() == [1e6, 2e6]
    assert surface.session_date == LAST
    newest = next(
        event.metadata
        for event in result.asset_materializations_for_node("liquidity_surface")
        if event.asset_key.path[-1] == LIQUIDITY_SURFACE.name and event.partition == LAST.isoformat()
    )
    assert newest["method observed"].value == 1
    assert newest["method rule_based"].value == 1
    pictures = [str(value.value) for value in newest.values() if "image/svg" in str(value.value)]
    assert len(pictures) == 2
    assert all(len(picture) <= MAX_MARKDOWN and "of ADV" in picture for picture in pictures)


@pytest.mark.parametrize("seed", range(20))
def test_pictures_of_any_cost_are_short_enough_to_be_shown(seed):
    rng = np.random.default_rng(seed)
    cost = np.exp(rng.normal(3.0, 3.0, (8, 5)))
    if seed % 2:  # a surface rises with size and falls with time
        cost = np.sort(np.sort(cost, axis=0), axis=1)[:, ::-1]
    assert len(cost_heatmap(cost)) <= MAX_MARKDOWN
    cost[0, 0] = np.nan
    for picture in (cost_heatmap(cost), cost_curves(cost[:, :3])):
        assert len(picture) <= MAX_MARKDOWN
        assert "nan" not in picture.lower()
