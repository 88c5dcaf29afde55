"""The life of a forecast on real storage: trained, said, waited for, judged; and asked again as of then.

A lake of generated scores stands in for the pipeline before it: twelve coins whose scores return to a level of their own,
so that persistence can be beaten, and two bonds of another market with too short a history.
"""

import json
import os
import shutil
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import (
    ALL_CONTRACTS,
    BONDX_SCORE,
    FORECAST_ACCURACY,
    FORECAST_EVALUATION,
    FORECAST_MODELS,
    FORECAST_SCORES,
    INDEX_FORECAST,
    INSTRUMENTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    REPAYMENT_SUPPORT,
)
from liquidity.domain.session import is_session
from liquidity.forecast.panel import MarketGroup
from tests.integration.conftest import Pipeline, failures

pytestmark = pytest.mark.slow

FIRST = date(2026, 3, 2)
TRAINED = FIRST + timedelta(days=64)
LAST = TRAINED + timedelta(days=6)
COINS = MarketGroup("crypto_spot", "24/7", "simulated")
T0 = datetime(2026, 6, 1, 12, tzinfo=UTC)
SMALL = {
    "blocks": 3,
    "block_sessions": 8,
    "embargo_sessions": 1,
    "min_train_sessions": 25,
    "min_sessions": 15,
    "members": ["persistence", "ewma", "ar1", "ridge"],
}
SCORES = {"liquidity_score": LIQUIDITY_INDEX, "repayment_score": REPAYMENT_SUPPORT, "bondx_score": BONDX_SCORE}


def plain_rows(contract, rows):
    """``rows`` with every other column of the contract empty, or its first allowed value."""
    for column in contract.columns:
        if column.name in rows:
            continue
        if column.nullable:
            rows[column.name] = None
        elif column.allowed:
            rows[column.name] = column.allowed[0]
        elif column.dtype == "string":
            rows[column.name] = "0123456789abcdef" if column.pattern else ""
        else:
            rows[column.name] = column.minimum or 0
    return rows[list(contract.column_names)]


def generated_market(days, seed=5):
    """Key, market and a mean-reverting score of each instrument and day."""
    rng = np.random.default_rng(seed)
    rows = []
    for place in range(14):
        bond = place >= 12
        name = f"sim:BOND{place:02d}" if bond else f"sim:C{place:02d}USDT"
        level, score = rng.uniform(30, 70), 50.0
        for number, day in enumerate(days):
            score = level + 0.5 * (score - level) + rng.normal(0, 6)
            if bond and (number < len(days) - 15 or not is_session("XBOM", day)):
                continue
            value = float(np.clip(score, 0, 100))
            market = ("bond_corporate", "XBOM") if bond else ("crypto_spot", "24/7")
            rows.append((pd.Timestamp(day), name, *market, value, "simulated"))
    columns = ["session_date", "instrument_id", "asset_class", "calendar", "score", "source"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folder with a lake of ten weeks of scores and nothing else."""
    from resources.lake import Lake

    root = tmp_path_factory.mktemp("scored")
    lake = Lake(root / "lake")
    days = [FIRST + timedelta(days=k) for k in range((LAST - FIRST).days + 1)]
    for day, rows in generated_market(days).groupby("session_date"):
        key = rows[["session_date", "instrument_id", "asset_class", "source"]]
        listed = key.assign(currency="USD")
        tables = {LIQUIDITY_FEATURES: listed, INSTRUMENTS: listed.assign(calendar=rows["calendar"])}
        for target, contract in SCORES.items():
            tables[contract] = key.assign(
                **{target: rows["score"], "method": "observed", "coverage_frac": 1.0, "uncertainty_sd": 5.0}
            )
        for contract, table in tables.items():
            lake.publish(contract, day.date(), plain_rows(contract, table), now=T0)
    return root


@pytest.fixture
def scored(written, dagster_instance, postgres_url, tmp_path) -> Pipeline:
    """A workspace of a test's own on it."""
    root = tmp_path / "workspace"
    shutil.copytree(written, root, copy_function=os.link)
    return Pipeline(root, dagster_instance, postgres_url, "", FIRST, LAST, FIRST)


def run(workspace, step, start, end=None, *, at=T0, config=None, checks=False):
    """Run one step of the location over days; with its asset checks where they are what is looked at."""
    from io_managers.run_days import run_range

    whole = workspace.definitions(at, {})
    keys = {"forecasts": (INDEX_FORECAST, FORECAST_SCORES, FORECAST_ACCURACY)}.get(
        step, (FORECAST_MODELS, FORECAST_EVALUATION)
    )
    selection = dg.AssetSelection.assets(*(dg.AssetKey(contract.asset_path) for contract in keys))
    definitions = dg.Definitions(
        assets=whole.assets,
        asset_checks=whole.asset_checks if checks else None,
        jobs=[dg.define_asset_job("step", selection, executor_def=dg.in_process_executor)],
        resources=whole.resources,
    )
    result = run_range(
        workspace.instance,
        "step",
        start.isoformat(),
        (end or start).isoformat(),
        definitions=definitions,
        run_config={"ops": {step: {"config": config}}} if config else {},
    )
    assert result.success, failures(result)
    return result


@pytest.mark.feature("BX-FC-01", "BX-FC-05", "BX-MN-04")
def test_a_forecast_from_training_to_judgement(scored):
    run(scored, "forecast_training", TRAINED, config=SMALL, checks=True)
    decided = scored.table(FORECAST_MODELS, TRAINED).set_index(["asset_class", "target"])
    assert len(decided) == 6
    assert set(decided.loc["bond_corporate", "decision"]) == {"insufficient_data"}
    coins = decided.loc["crypto_spot"]
    assert set(coins["decision"]) <= {"promoted", "baseline_served"}
    for promotion in scored.models.promotions():
        assert promotion.data_through == TRAINED
        assert coins.loc[promotion.target, "model_id"] == promotion.model_id
        assert json.loads(promotion.card)["seed"] == 7
    assert len(scored.models.promotions()) == 3
    evaluation = scored.table(FORECAST_EVALUATION, TRAINED)
    assert set(evaluation["member"]) == set(SMALL["members"])

    day = TRAINED + timedelta(days=1)
    judged_run = run(scored, "forecasts", day, LAST, checks=True)
    checked = judged_run.get_asset_check_evaluations()
    assert {check.asset_key.path[-1] for check in checked} == {"index_forecast", "forecast_scores", "forecast_accuracy"}
    assert all(check.passed for check in checked)
    said = scored.table(INDEX_FORECAST, day, LAST)
    assert len(said[said["asset_class"] == "crypto_spot"]) == 12 * 3 * 5 * 6
    served = said[said["asset_class"] == "crypto_spot"]
    assert set(served["status"]) <= {"model", "baseline"}
    assert set(served["model_id"]) == {each.model_id for each in scored.models.promotions()}
    bonds = said[said["asset_class"] == "bond_corporate"]
    assert set(bonds["status"]) == {"insufficient_data"}
    assert (bonds["reason"] != "").all()

    judged = scored.table(FORECAST_SCORES, day, LAST)
    assert (judged["made_on"] < judged["session_date"]).all()
    key = ["instrument_id", "target", "horizon_sessions"]
    due = said[said["target_date"] <= pd.Timestamp(LAST)].rename(columns={"session_date": "made_on"})
    due = due[due["status"] != "insufficient_data"].set_index([*key, "made_on"])["forecast_score"]
    found = judged.set_index([*key, "made_on"])
    assert set(found.index) == set(due.index)
    truth = scored.table(LIQUIDITY_INDEX, day, LAST).set_index(["instrument_id", "session_date"])["liquidity_score"]
    row = judged[judged["target"] == "liquidity_score"].iloc[7]
    assert row["realised_score"] == truth[(row["instrument_id"], row["session_date"])]
    assert row["error_points"] == pytest.approx(row["forecast_score"] - row["realised_score"])

    accuracy = scored.table(FORECAST_ACCURACY, LAST)
    whole = accuracy[(accuracy["slice"] == "all") & (accuracy["target"] == "liquidity_score")]
    long = whole[whole["window_sessions"] == 60].set_index("horizon_sessions")
    of_target = judged[judged["target"] == "liquidity_score"]
    for horizon, rows in of_target.groupby("horizon_sessions"):
        assert long.loc[horizon, "points_n"] == len(rows)
        assert long.loc[horizon, "mae_points"] == pytest.approx(rows["error_points"].abs().mean())
        assert long.loc[horizon, "coverage_80_frac"] == pytest.approx(rows["inside_80"].astype(float).mean())

    event = scored.instance.get_latest_materialization_event(dg.AssetKey(INDEX_FORECAST.asset_path))
    fans = [name for name in event.asset_materialization.metadata if name.startswith("fan ")]
    assert len(fans) == 2  # the deepest fall and its axes


@pytest.mark.feature("BX-FC-07")
def test_days_one_by_one_and_as_of_then_are_the_days_of_one_run(scored):
    run(scored, "forecast_training", TRAINED, config=SMALL)
    start, last = TRAINED - timedelta(days=1), TRAINED + timedelta(days=4)
    run(scored, "forecasts", start, last)
    folders = [f"pulse/{contract.name}" for contract in (INDEX_FORECAST, FORECAST_SCORES, FORECAST_ACCURACY)]
    before = scored.hashes(*folders)
    statuses = scored.table(INDEX_FORECAST, start, last).groupby("session_date")["status"].agg(set)
    assert statuses[pd.Timestamp(start)] <= {"fallback", "insufficient_data"}
    assert statuses[pd.Timestamp(TRAINED)] <= {"fallback", "insufficient_data"}
    assert statuses[pd.Timestamp(TRAINED + timedelta(days=1))] & {"model", "baseline"}

    for back in (1, 0):
        run(scored, "forecasts", last - timedelta(days=back))
    assert scored.hashes(*folders) == before

    # The same window is trained once more, with another seed, a month later: then is still then.
    first = scored.models.promotions()
    later = T0 + timedelta(days=30)
    run(scored, "forecast_training", TRAINED, at=later, config={**SMALL, "seed": 8, "members": ["persistence", "ewma"]})
    assert len(scored.models.promotions()) == 6
    then = {"as_of": T0.isoformat()}
    run(scored, "forecasts", TRAINED + timedelta(days=1), at=later, config=then)
    assert scored.hashes(*folders) == before
    run(scored, "forecasts", TRAINED + timedelta(days=1), at=later)
    now = scored.table(INDEX_FORECAST, TRAINED + timedelta(days=1))
    assert set(now["model_id"].dropna()) == {each.model_id for each in scored.models.promotions() if each not in first}


@pytest.mark.feature("BX-FC-07")
def test_a_damaged_model_is_replaced_by_a_stated_fallback(scored):
    run(scored, "forecast_training", TRAINED, config={**SMALL, "members": ["persistence", "ewma"]})
    champion = scored.models.champion(COINS, "liquidity_score", LAST)
    (scored.lake.root / "models" / champion.model_id / "state.npz").write_bytes(b"not a state")
    run(scored, "forecasts", LAST)
    rows = scored.table(INDEX_FORECAST, LAST)
    coins = rows[rows["asset_class"] == "crypto_spot"].groupby("target")
    assert set(coins.get_group("liquidity_score")["status"]) == {"fallback"}
    assert coins.get_group("liquidity_score")["reason"].str.contains("not used: forecast model", regex=False).all()
    assert set(coins.get_group("bondx_score")["status"]) <= {"model", "baseline"}


@pytest.mark.feature("BX-FC-06")
def test_the_sensor_asks_once_for_a_reason(scored):
    from pulse_assets.forecast_sensors import retrain_on_age_or_drift, training_due
    from resources.dagster_wiring import LakeResource

    lake = LakeResource(lake_dir=str(scored.lake.root))
    with dg.build_sensor_context(instance=scored.instance) as context:
        asked = retrain_on_age_or_drift(context, lake=lake)
    assert asked.partition_key == LAST.isoformat()
    assert asked.run_key == f"train:{LAST}"
    assert "no training has been recorded yet" in asked.tags["reason"]

    run(scored, "forecast_training", TRAINED, config={**SMALL, "members": ["persistence", "ewma"]})
    assert training_due(scored.lake) is None
    with dg.build_sensor_context(instance=scored.instance) as context:
        assert isinstance(retrain_on_age_or_drift(context, lake=lake), dg.SkipReason)

    moved = pd.DataFrame(
        {
            **{name: [getattr(COINS, name)] for name in ("asset_class", "calendar", "origin")},
            "session_date": [pd.Timestamp(LAST)],
            "slice_value": ["all"],
            "coverage_alarm": [False],
            "input_shift_psi": [0.7],
            "shifted_input": ["volatility_daily_frac"],
        }
    )
    scored.lake.publish(FORECAST_ACCURACY, LAST, plain_rows(FORECAST_ACCURACY, moved), now=T0)
    with dg.build_sensor_context(instance=scored.instance) as context:
        asked = retrain_on_age_or_drift(context, lake=lake)
    assert "input volatility_daily_frac has a population stability index of 0.70, allowed 0.25" in asked.tags["reason"]


def test_the_tables_have_contracts_of_this_location():
    names = {INDEX_FORECAST, FORECAST_SCORES, FORECAST_ACCURACY, FORECAST_MODELS, FORECAST_EVALUATION}
    assert names <= set(ALL_CONTRACTS)
    assert {contract.location for contract in names} == {"pulse"}
    assert {contract.group for contract in names} == {"forecasts"}
