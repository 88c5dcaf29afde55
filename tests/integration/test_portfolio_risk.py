"""The whole of portfolio risk on the shared pipeline: statements in the landing folder to numbers that agree with each other."""

from datetime import timedelta

import dagster as dg
import numpy as np
import pytest

from io_managers.run_days import run_range
from liquidity.contracts import (
    ACCOUNTS,
    FUND_FLOWS,
    LIQUIDATION_LADDER,
    LIQUIDITY_SURFACE,
    MARKET_RISK,
    PORTFOLIO_LIMITS,
    PORTFOLIO_LIQUIDITY,
    POSITION_LIQUIDITY,
    POSITIONS,
    REGIMES,
    REGULATORY_TESTS,
    REVERSE_STRESS,
    STRESS_RESULTS,
    SURFACE_CURVES,
    WHOLE_PORTFOLIO,
)
from liquidity.impact.surface import LiquiditySurface
from tests.integration.conftest import PUBLISHED_AT, SEED, failures

pytestmark = pytest.mark.slow


def risk_definitions(pipeline):
    """The risk location's own definitions on the pipeline's workspace."""
    from risk_assets.definitions import CHECKED, defs

    own = pipeline.definitions(PUBLISHED_AT, {}).resources
    definitions = dg.Definitions(
        assets=defs.assets, asset_checks=defs.asset_checks, jobs=defs.jobs, resources={**defs.resources, **own}
    )
    return definitions, CHECKED


@pytest.fixture(scope="module")
def measured(pipeline, postgres_server, tmp_path_factory):
    """A copy of the pipeline with the demo portfolios stated over a fortnight and measured on the last weekday."""
    import os
    import shutil
    from dataclasses import replace

    from resources.demo_portfolios import demo_portfolios_to_landing

    root = tmp_path_factory.mktemp("portfolios") / "copy"
    shutil.copytree(pipeline.root, root, copy_function=os.link)
    made = replace(pipeline, root=root)
    demo_portfolios_to_landing(made.landing, made.first_day, made.last_day, SEED)
    definitions, checked = risk_definitions(made)
    day = made.last_day
    while day.weekday() > 4:
        day -= timedelta(days=1)
    few = {"ops": {"stress": {"config": {"scenarios": ["gfc_2008", "luna_2022"], "replays": False}}}}
    for job, start, config in (("portfolio_statements", day - timedelta(days=13), None), ("portfolio_risk", day, few)):
        result = run_range(
            made.instance, job, start.isoformat(), day.isoformat(), definitions=definitions, run_config=config
        )
        assert result.success, failures(result)
    return made, day, checked


@pytest.mark.feature("AP-PF-01", "AP-ST-01", "BX-RM-04")
def test_every_risk_table_is_made_and_passes_its_blocking_check(measured):
    made, day, checked = measured
    without_rows = set()
    for contract in checked:
        if contract.name == "sector_liquidity":  # a job of its own
            continue
        assert made.lake.has(contract, day), contract.name
        if made.table(contract, day).empty:
            without_rows.add(contract.name)
        check = dg.AssetCheckKey(dg.AssetKey(contract.asset_path), "contract")
        [record] = made.instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
        assert record.event.asset_check_evaluation.passed, contract.name
    # Without tapes there is no visible book, and no liquidation level.
    assert without_rows <= {"surface_curves", "liquidation_cascade"}


def test_the_tables_agree_with_each_other_and_with_the_surface(measured):
    made, day, _ = measured
    held = made.table(POSITION_LIQUIDITY, day).query("portfolio_id == 'demo_fund'")
    stated = made.table(POSITIONS, day).query("portfolio_id == 'demo_fund'").set_index("instrument_id")["quantity"]
    [whole] = made.table(PORTFOLIO_LIQUIDITY, day).query("portfolio_id == 'demo_fund'").to_dict("records")
    assert set(held["instrument_id"]) == set(stated.index)
    assert whole["gross_value_base"] == pytest.approx(held["value_base"].abs().sum())

    surface = LiquiditySurface.from_tables(made.table(LIQUIDITY_SURFACE, day), made.table(SURFACE_CURVES, day))
    known = held.dropna(subset=["cost_5_bps"])
    places = surface.places(known["instrument_id"].to_numpy(dtype=object))
    size = (known["quantity"] * known["price"]).abs().to_numpy()
    again = surface.take(places).cost(-np.sign(known["quantity"].to_numpy()), size, 5.0).expected_bps
    np.testing.assert_allclose(again, known["cost_5_bps"], rtol=1e-9)

    ladder = made.table(LIQUIDATION_LADDER, day).query("portfolio_id == 'demo_fund'")
    steps = ladder.set_index(["scenario", "approach", "horizon_sessions"])["sold_frac"]
    assert steps["calm", "waterfall", 1] == pytest.approx(whole["sold_1_frac"])
    assert (steps["calm", "waterfall"] >= steps["stressed", "waterfall"] - 1e-12).all()
    limits = made.table(PORTFOLIO_LIMITS, day).query("portfolio_id == 'demo_fund'").set_index("limit")["value"]
    assert limits["min_daily_liquidatable_frac"] == pytest.approx(whole["sold_1_frac"])

    stress = made.table(STRESS_RESULTS, day).query("portfolio_id == 'demo_fund'")
    summed = stress[stress["instrument_id"] != WHOLE_PORTFOLIO].groupby("scenario")["price_loss_base"].sum()
    total = stress[stress["instrument_id"] == WHOLE_PORTFOLIO].set_index("scenario")["price_loss_base"]
    np.testing.assert_allclose(summed.loc[total.index], total, rtol=1e-9, atol=1e-6)
    breaks = made.table(REVERSE_STRESS, day).query("portfolio_id == 'demo_fund' and verdict == 'broken_already'")
    failed = made.table(PORTFOLIO_LIMITS, day).query("portfolio_id == 'demo_fund'")
    assert set(breaks["limit"]) <= set(failed.loc[failed["passed"].eq(False), "limit"])


def test_past_statements_make_flows_rates_and_every_pack(measured):
    made, day, _ = measured
    start = day - timedelta(days=13)
    assert made.table(FUND_FLOWS, start, day)["session_date"].nunique() >= 9
    assert set(made.table(ACCOUNTS, day)["portfolio_id"]) == {"demo_fund", "demo_crypto_book"}
    tests = made.table(REGULATORY_TESTS, day)
    assert set(tests.query("portfolio_id == 'demo_fund'")["regime"]) == set(REGIMES)
    assert tests["tables"].str.contains(f"@{day}").all()
    risk = made.table(MARKET_RISK, day).query("measure == 'var_historical' and confidence == '0.99'")
    assert (risk["value_base"] > 0.0).all()


def test_the_commands_speak_of_the_stored_tables(measured, monkeypatch, tmp_path, capsys):
    from liquidity_service.cli import main

    made, day, _ = measured
    monkeypatch.setenv("PULSE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PULSE_LAKE_DIR", str(made.lake.root))
    monkeypatch.delenv("PULSE_REAL_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    [whole] = made.table(PORTFOLIO_LIQUIDITY, day).query("portfolio_id == 'demo_fund'").to_dict("records")
    assert main(["portfolio", "demo_fund"]) == 0
    told = capsys.readouterr().out
    assert f"session {day}, simulated: {whole['positions_count']} positions" in told
    assert f"{whole['sold_1_frac']:.1%}" in told
    assert "99 % VaR" in told
    assert main(["stress", "--portfolio", "demo_crypto_book", "--grid"]) == 0
    assert "no shock of what demo_crypto_book holds in:" in capsys.readouterr().out
    assert main(["assess", "sim:BTCUSDT", "2"]) == 0
    assert f"session {day}" in capsys.readouterr().out
    for regime in REGIMES:
        assert main(["report", regime, "--portfolio", "demo_fund"]) == 0
        assert regime in capsys.readouterr().out
