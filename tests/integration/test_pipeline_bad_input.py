"""A feed that fails, rows that are wrong, a file that is broken: what still comes out, and what stays as it was."""

import json
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from io_managers.contract_parquet import ContractParquetIOManager, contract_of
from liquidity.contracts import (
    ALT_SIGNALS,
    AUCTION_MM,
    BONDX_SCORE,
    LIQUIDITY_INDEX,
    LIQUIDITY_PULSE,
    MICROSTRUCTURE,
    SENTIMENT,
    SIGNAL_PANEL,
    SIGNAL_STATUS,
)
from liquidity.domain.errors import SourceUnavailableError
from resources.dagster_wiring import FeedsResource

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class FailingFeed:
    """A feed whose one table cannot be read."""

    inner: Any
    failing: str

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def fetch(self, table, start, end):
        if table == self.failing:
            raise SourceUnavailableError("the delivery host does not answer")
        return self.inner.fetch(table, start, end)


class FailingFeeds(FeedsResource):
    """The landing feed with one table failing."""

    failing: str

    def feeds(self, only=()):
        return [FailingFeed(feed, self.failing) for feed in super().feeds(only)]


@pytest.mark.feature("BX-SG-05")
def test_one_adapter_down_leaves_the_others_and_widens_the_scores(own_pipeline):
    day = own_pipeline.last_day
    before = {contract.name: own_pipeline.table(contract, day) for contract in (LIQUIDITY_INDEX, BONDX_SCORE)}
    feeds = FailingFeeds(landing_dir=str(own_pipeline.landing), failing=AUCTION_MM.name)

    result = own_pipeline.run("daily_pulse", day, resources={"feeds": feeds})

    assert result.success
    status = own_pipeline.table(SIGNAL_STATUS, day).set_index("adapter")
    assert status["state"].to_dict() == {
        "alt_signals": "active",
        "auction_mm": "error",
        "microstructure": "active",
        "sentiment": "active",
    }
    assert (
        "feed landing: SourceUnavailableError: the delivery host does not answer" in status.loc["auction_mm", "detail"]
    )
    assert status.loc["auction_mm", "missing_count"] == 24
    assert len(own_pipeline.table(AUCTION_MM, day)) == 0
    assert all(len(own_pipeline.table(contract, day)) for contract in (MICROSTRUCTURE, ALT_SIGNALS, SENTIMENT))
    for contract in (LIQUIDITY_INDEX, BONDX_SCORE):
        old = before[contract.name].set_index("instrument_id")
        new = own_pipeline.table(contract, day).set_index("instrument_id")
        assert list(old.index) == list(new.index)
        bonds = old.index[old["asset_class"].str.startswith("bond") & (old["method"] == "observed")]
        observed = [name for name in bonds if new.loc[name, "method"] == "observed"]
        assert len(observed) >= 0.9 * len(bonds) >= 18
        assert (new.loc[observed, "uncertainty_sd"] > old.loc[observed, "uncertainty_sd"]).all()
        assert (new.loc[observed, "coverage_frac"] < old.loc[observed, "coverage_frac"]).all()
        coins = old.index[~old["asset_class"].str.startswith("bond")]
        pd.testing.assert_frame_equal(new.loc[coins], old.loc[coins])
    documents = [json.loads(text) for text in own_pipeline.table(LIQUIDITY_PULSE, day)["document"]]
    bond = next(each for each in documents if each["asset_class"] == "bond_corporate")
    reasons = {item["feature"]: item["reason"] for item in bond["missing_signals"]}
    assert "adapter auction_mm error: feed landing" in reasons["mm_online_ratio"]


def rewrite(landing, table, change):
    """Replace the newest landed file of a table by a changed one."""
    path = max((landing / table).glob("*.parquet"))
    content = change(pq.read_table(path))
    path.unlink()  # it is a link to the file of all tests
    pq.write_table(content, path)


def with_values(table, name, where, value):
    place = table.column_names.index(name)
    changed = pc.if_else(where, pa.scalar(value, table.schema.field(name).type), table.column(name))
    return table.set_column(place, table.schema.field(name), changed)


def on(table, day, *names):
    mask = pc.equal(table.column("session_date"), pa.scalar(day, pa.date32()))
    return pc.and_(mask, pc.is_in(table.column("instrument_id"), pa.array(names))) if names else mask


@pytest.mark.feature("CD-CT-08", "BX-SG-02")
def test_bad_rows_of_a_landed_file_are_set_aside_and_the_rest_is_scored(own_pipeline):
    day = own_pipeline.last_day
    before = own_pipeline.table(MICROSTRUCTURE, day)
    quoted = before.dropna(subset=["bid", "ask"])["instrument_id"]
    crossed, negative = quoted.iloc[0], quoted.iloc[1]

    def damage(table):
        table = with_values(table, "ask", on(table, day, crossed), 1e-6)
        return with_values(table, "depth_ccy", on(table, day, negative), -5.0)

    rewrite(own_pipeline.landing, "microstructure", damage)
    result = own_pipeline.run("daily_pulse", day)

    assert result.success
    quarantine = own_pipeline.lake.read_quarantine(MICROSTRUCTURE, day).to_pylist()
    reasons = {row["instrument_id"]: row["reasons"] for row in quarantine}
    assert set(reasons) == {crossed, negative}
    assert "crossed_quote" in reasons[crossed]
    assert "below_minimum" in reasons[negative]
    after = own_pipeline.table(MICROSTRUCTURE, day)
    kept = before[~before["instrument_id"].isin([crossed, negative])].reset_index(drop=True)
    pd.testing.assert_frame_equal(after, kept)
    event = own_pipeline.instance.get_latest_materialization_event(dg.AssetKey(MICROSTRUCTURE.asset_path))
    metadata = event.asset_materialization.metadata
    assert metadata["quarantined_rows"].value == 2
    assert "crossed_quote" in metadata["quarantine_reasons"].value
    index = own_pipeline.table(LIQUIDITY_INDEX, day)
    assert {crossed, negative} <= set(index["instrument_id"])
    assert (index["method"] != "").all()


@pytest.mark.feature("CD-CT-08")
def test_a_broken_delivery_fails_its_step_and_nothing_published_changes(own_pipeline):
    day = own_pipeline.last_day
    before = own_pipeline.hashes()
    rewrite(own_pipeline.landing, "microstructure", lambda table: with_values(table, "depth_ccy", on(table, day), -5.0))

    result = own_pipeline.run("daily_pulse", day)

    assert not result.success
    failed = {e.step_key: e.event_specific_data.error_display_string for e in result.all_events if e.is_step_failure}
    assert list(failed) == ["signals"]
    assert "microstructure" in failed["signals"]
    assert "below_minimum" in failed["signals"] or "source itself is broken" in failed["signals"]
    assert not [
        e for e in result.all_events if e.is_step_start and e.step_key in ("pulse__signal_panel", "features", "scores")
    ]
    assert own_pipeline.hashes() == before
    assert len(own_pipeline.store.history(day)) == 1


class CarelessIOManager(ContractParquetIOManager):
    """Puts one table in place without an audit, as a disk or a stranger might damage it after one."""

    damaged: str

    def handle_output(self, context, obj):
        super().handle_output(context, obj)
        contract = contract_of(context.asset_key)
        if contract.name != self.damaged:
            return
        for key in context.asset_partition_keys:
            path = self.open().table_path(contract) / f"session_date={key}.parquet"
            table = pq.read_table(path)
            damaged = with_values(table, "spread_bps", pc.is_valid(table.column("spread_bps")), -1.0)
            path.unlink()
            pq.write_table(damaged.replace_schema_metadata(table.schema.metadata), path)


@pytest.mark.feature("CD-CT-08")
def test_a_failed_check_stops_what_is_downstream_in_the_same_run(own_pipeline):
    day = own_pipeline.last_day
    before = own_pipeline.hashes(
        "pulse/liquidity_features", "pulse/liquidity_index", "pulse/liquidity_pulse", "published"
    )
    careless = CarelessIOManager(lake_dir=str(own_pipeline.lake.root), damaged=SIGNAL_PANEL.name)

    result = own_pipeline.run("daily_pulse", day, resources={"io_manager": careless})

    assert not result.success
    [evaluation] = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert (evaluation.asset_key.path, evaluation.check_name) == (list(SIGNAL_PANEL.asset_path), "contract")
    assert evaluation.blocking
    assert evaluation.metadata["failed_rows"].value > 0
    assert "below_minimum" in evaluation.metadata["failed_rules"].value
    started = {e.step_key for e in result.all_events if e.is_step_start}
    assert "signals" in started
    assert not started & {"features", "scores", "pulse__liquidity_pulse"}
    after = own_pipeline.hashes(
        "pulse/liquidity_features", "pulse/liquidity_index", "pulse/liquidity_pulse", "published"
    )
    assert after == before
