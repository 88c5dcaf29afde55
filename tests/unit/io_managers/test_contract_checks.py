from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from io_managers.contract_checks import contract_check, contract_checks, fast_contract_check, judge, quality_check
from io_managers.contract_parquet import ContractParquetIOManager
from liquidity.contracts import MICROSTRUCTURE, SENTIMENT
from liquidity.contracts.conform import frame_from_table
from liquidity.contracts.example import example_table
from resources.dagster_wiring import LakeResource
from resources.lake import Lake

DAILY = dg.DailyPartitionsDefinition("2026-03-01")
DAY = date(2026, 3, 19)


def _good(day: date = DAY) -> pa.Table:
    return example_table(SENTIMENT, day, 40, np.random.default_rng(1), null_frac=0.0)


def _tamper(lake: Lake, day: date = DAY) -> None:
    """Put a file in place behind the lake's back."""
    table = _good(day)
    place = table.column_names.index("sentiment_score")
    values = table.column(place).to_pylist()
    values[3], values[9] = 2.0, float("inf")
    pq.write_table(
        table.set_column(place, table.schema.field(place), pa.array(values)), lake.partition_path(SENTIMENT, day)
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.publish(SENTIMENT, DAY, _good())
    return lake


def _run(lake: Lake, *definitions: Any, **options: Any) -> dg.ExecuteInProcessResult:
    resources = {
        "io_manager": ContractParquetIOManager(lake_dir=str(lake.root)),
        "lake": LakeResource(lake_dir=str(lake.root)),
    }
    return dg.materialize(
        list(definitions), resources=resources, partition_key=DAY.isoformat(), raise_on_error=False, **options
    )


@pytest.mark.feature("CD-CT-08")
@pytest.mark.parametrize(("limit", "engine"), [(0, "fast"), (40, "great_expectations and fast"), (39, "fast")])
def test_the_engine_follows_the_row_count_and_both_find_the_same_rows(lake: Lake, limit: int, engine: str) -> None:
    good = judge(lake, SENTIMENT, [DAY], limit)
    assert good.passed
    assert (good.metadata["engine"].value, good.metadata["evaluated_rows"].value) == (engine, 40)
    _tamper(lake)
    bad = judge(lake, SENTIMENT, [DAY], limit)
    assert not bad.passed
    assert bad.severity is dg.AssetCheckSeverity.ERROR
    assert bad.metadata["failed_rows"].value == 2
    assert "above_maximum | sentiment_score | 2" in bad.metadata["failed_rules"].value
    assert [row["instrument_id"] for row in bad.metadata["bad_keys"].value] == ["DEMO:NAME0000003", "DEMO:NAME0000009"]


def test_a_day_without_a_file_fails(lake: Lake) -> None:
    result = judge(lake, SENTIMENT, [DAY, date(2026, 3, 20)], 0)
    assert not result.passed
    assert result.metadata["missing_days"].value == "2026-03-20"


@pytest.mark.feature("CD-CT-08", "BX-CT-04")
def test_a_failed_check_stops_what_reads_the_table_in_the_same_run(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    reached = []

    class TamperingIOManager(ContractParquetIOManager):
        """Breaks the stored file after it was published, as a foreign writer would."""

        def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
            super().handle_output(context, obj)
            if context.asset_key.path[-1] == "sentiment":
                _tamper(self.open())

    @dg.asset(key=["pulse", "sentiment"], partitions_def=DAILY)
    def sentiment() -> pa.Table:
        return _good()

    @dg.asset(key=["pulse", "early_warnings"], partitions_def=DAILY, deps=[sentiment])
    def early_warnings() -> None:
        reached.append(1)

    resources = {
        "io_manager": TamperingIOManager(lake_dir=str(lake.root)),
        "lake": LakeResource(lake_dir=str(lake.root)),
    }
    check = fast_contract_check(SENTIMENT, DAILY)
    result = dg.materialize(
        [sentiment, early_warnings, check], resources=resources, partition_key=DAY.isoformat(), raise_on_error=False
    )
    assert not result.success
    assert [each.passed for each in result.get_asset_check_evaluations()] == [False]
    assert reached == []


def test_a_check_reads_only_the_days_of_its_run(lake: Lake) -> None:
    _tamper(lake, date(2026, 3, 20))

    @dg.asset(key=["pulse", "sentiment"], partitions_def=DAILY)
    def sentiment() -> pa.Table:
        return _good()

    result = _run(lake, sentiment, fast_contract_check(SENTIMENT, DAILY))
    (evaluation,) = result.get_asset_check_evaluations()
    assert (evaluation.passed, evaluation.metadata["days"].value, evaluation.metadata["evaluated_rows"].value) == (
        True,
        1,
        40,
    )


@pytest.mark.feature("BX-SG-08")
@pytest.mark.parametrize(("share", "passes"), [(0.0, True), (0.10, False)])
def test_ten_percent_of_poor_rows_move_the_batch_below_its_threshold(lake: Lake, share: float, passes: bool) -> None:
    frame = frame_from_table(_good()).assign(quality_frac=1.0)
    poor = int(share * len(frame))
    frame.loc[: poor - 1, "quality_frac"] = 0.4
    frame.loc[: poor - 1, "sentiment_score"] = np.nan

    @dg.asset(key=["pulse", "sentiment"], partitions_def=DAILY)
    def sentiment() -> Any:
        return frame

    result = _run(lake, sentiment, quality_check(SENTIMENT, DAILY, minimum_mean_frac=0.95))
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.passed is passes
    assert evaluation.metadata["lowest_mean_frac"].value == pytest.approx(1 - share * 0.6)
    assert result.success is passes


def test_checks_are_blocking_partitioned_and_one_per_contract() -> None:
    checks = contract_checks([SENTIMENT, MICROSTRUCTURE], DAILY)
    specs = [spec for check in checks for spec in check.check_specs]
    assert [(spec.asset_key.path[-1], spec.name, spec.blocking) for spec in specs] == [
        ("sentiment", "contract", True),
        ("microstructure", "contract", True),
    ]
    assert all(spec.partitions_def == DAILY for spec in specs)
    assert "version 1 (12 columns)" in next(iter(contract_check(SENTIMENT, DAILY).check_specs)).description
