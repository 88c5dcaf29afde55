"""The same day again: byte for byte, published once; under other weights, published beside what was said before."""

import json
from datetime import timedelta

import dagster as dg
import pytest

from io_managers.json_publish import pulse_path
from liquidity.contracts import (
    ALT_SIGNALS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    LIQUIDITY_MEASURES,
    LIQUIDITY_PULSE,
    ROLLING_STATISTICS,
)

pytestmark = pytest.mark.slow

# Says how long each adapter took, so two runs differ.
TIMED = "pulse/signal_status/"
COMPUTED = ("rolling_statistics", "liquidity_measures", "liquidity_features", "liquidity_index", "repayment_support",
            "bondx_score", "pulse_heatmap", "early_warnings", "index_forecast", "forecast_scores", "forecast_accuracy",
            "market_conditions", "market_regime", "liquidity_pulse")  # fmt: skip


def timeless(hashes):
    return {path: sha for path, sha in hashes.items() if not path.startswith(TIMED)}


@pytest.mark.feature("BX-QA-02", "BX-SG-01", "BX-FE-05")
def test_the_whole_pipeline_again_changes_no_byte_and_publishes_nothing_twice(own_pipeline):
    first, last = own_pipeline.last_day - timedelta(days=1), own_pipeline.last_day
    before = own_pipeline.hashes()

    assert own_pipeline.run("daily_pulse", first, last).success

    assert timeless(own_pipeline.hashes()) == timeless(before)
    readings = own_pipeline.table(ALT_SIGNALS, last)
    assert set(readings["kind"]) == {"traffic", "utilities", "esg"}
    assert not readings.duplicated(["instrument_id", "kind", "session_date"]).any()
    assert readings[["value", "source", "observed_at", "quality_frac"]].notna().all(axis=None)
    for day in (first, last):
        assert len(own_pipeline.store.history(day)) == 1


@pytest.mark.feature("BX-FE-01", "BX-FE-05")
def test_days_one_by_one_equal_the_days_of_one_run(own_pipeline, pipeline):
    days = [own_pipeline.last_day - timedelta(days=k) for k in (4, 1, 0)]
    expected = pipeline.hashes("pulse", "published", "publications")
    removed = 0
    for table in COMPUTED:
        for day in days:
            (own_pipeline.lake.root / "pulse" / table / f"session_date={day}.parquet").unlink()
            removed += 1
    for day in days:
        pulse_path(own_pipeline.lake.root / "published", day).unlink()
    assert len(own_pipeline.hashes("pulse")) == len(pipeline.hashes("pulse")) - removed

    for day in days:
        assert own_pipeline.run("features_to_pulse", day).success

    assert own_pipeline.hashes("pulse", "published", "publications") == expected


@pytest.mark.feature("BX-IX-13", "BX-DB-15", "BX-FE-06")
def test_an_analyst_rescores_a_day_and_both_answers_remain(own_pipeline):
    day = own_pipeline.last_day
    later = own_pipeline.published_at + timedelta(hours=3)
    before = own_pipeline.table(LIQUIDITY_INDEX, day).set_index("instrument_id")
    old_documents = own_pipeline.table(LIQUIDITY_PULSE, day).set_index("instrument_id")["document"]
    features = own_pipeline.hashes(
        *(f"pulse/{c.name}" for c in (ROLLING_STATISTICS, LIQUIDITY_MEASURES, LIQUIDITY_FEATURES))
    )
    other_days = {path: sha for path, sha in own_pipeline.hashes("pulse").items() if str(day) not in path}
    config = {"ops": {"scores": {"config": {"overrides": {"liquidity": {"spread_bps": -0.6}}}}}}

    result = own_pipeline.run("rescore", day, at=later, run_config=config)

    assert result.success
    after = own_pipeline.table(LIQUIDITY_INDEX, day).set_index("instrument_id")
    # Sovereign bonds and coins have profiles of their own.
    bonds = before.index[(before["asset_class"] == "bond_corporate") & (before["method"] == "observed")]
    others = before.index[before["asset_class"] != "bond_corporate"]
    assert (after.loc[others, "config_hash"] == before.loc[others, "config_hash"]).all()
    assert (after.loc[bonds, "config_hash"] != before.loc[bonds, "config_hash"]).all()
    assert ((after.loc[bonds, "liquidity_score"] - before.loc[bonds, "liquidity_score"]).abs() > 1e-6).mean() > 0.9
    assert own_pipeline.hashes(*{path.rpartition("/")[0] for path in features}) == features
    assert {path: sha for path, sha in own_pipeline.hashes("pulse").items() if str(day) not in path} == other_days

    # The configuration is recorded where the table is: on its materialisation.
    event = own_pipeline.instance.get_latest_materialization_event(dg.AssetKey(LIQUIDITY_INDEX.asset_path))
    assert event.run_id == result.run_id
    recorded = event.asset_materialization.metadata["config_hash"].value.split(", ")
    assert set(recorded) == set(after["config_hash"])

    # Features were read, not computed again.
    loaded = [e for e in result.all_events if e.event_type is dg.DagsterEventType.LOADED_INPUT]
    assert any(e.step_key == "scores" and e.event_specific_data.input_name == "features" for e in loaded)
    made = {
        e.asset_key.path[-1] for e in result.all_events if e.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
    }
    assert LIQUIDITY_INDEX.name in made
    assert LIQUIDITY_FEATURES.name not in made

    name = bonds[0]
    then = own_pipeline.store.what_was_published(name, day, later - timedelta(seconds=1))
    now = own_pipeline.store.what_was_published(name, day, later)
    assert then.document == old_documents[name]
    assert json.loads(now.document)["liquidity"]["score"] == after.loc[name, "liquidity_score"]
    assert (then.publication.published_at, now.publication.published_at) == (own_pipeline.published_at, later)
    assert json.loads(now.configurations[after.loc[name, "config_hash"]]) != json.loads(
        then.configurations[before.loc[name, "config_hash"]]
    )
    assert [publication.run_id == result.run_id for publication in own_pipeline.store.history(day)] == [False, True]

    # And back: the old configuration gives the old bytes.
    assert own_pipeline.run("rescore", day, at=later + timedelta(hours=1)).success
    again = own_pipeline.table(LIQUIDITY_PULSE, day).set_index("instrument_id")["document"]
    assert again.equals(old_documents)
    assert len(own_pipeline.store.history(day)) == 3


def test_a_profile_that_does_not_exist_fails_with_the_names_there_are(own_pipeline):
    before = own_pipeline.hashes()
    result = own_pipeline.run(
        "rescore", own_pipeline.last_day, run_config={"ops": {"scores": {"config": {"profile": "bondx_v9"}}}}
    )
    assert not result.success
    [error] = [e.event_specific_data.error_display_string for e in result.all_events if e.is_step_failure]
    assert "bondx_v9" in error
    assert "bondx_v1" in error
    assert own_pipeline.hashes() == before
