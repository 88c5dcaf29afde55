from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from io_managers.contract_parquet import ContractParquetIOManager, column_schema, contract_of, split_by_session
from liquidity.contracts import ALL_CONTRACTS, LIQUIDITY_FEATURES, MICROSTRUCTURE, SENTIMENT
from liquidity.contracts.conform import frame_from_table
from liquidity.contracts.example import example_table
from liquidity.domain.errors import ConfigError, ContractError
from resources.lake import Lake

DAILY = dg.DailyPartitionsDefinition("2026-03-01")
FIRST = date(2026, 3, 2)


def _day(day: date, rows: int = 30) -> pa.Table:
    return example_table(SENTIMENT, day, rows, np.random.default_rng(day.day), null_frac=0.0)


def _days(count: int) -> pa.Table:
    return pa.concat_tables([_day(FIRST + timedelta(days=number)) for number in range(count)])


def _asset(rows: Any) -> dg.AssetsDefinition:
    @dg.asset(key=["pulse", "sentiment"], partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
    def sentiment() -> Any:
        return rows

    return sentiment


def _run(
    folder: Path, assets: list[Any], first: str, last: str | None = None, **options: Any
) -> dg.ExecuteInProcessResult:
    key = (
        {"partition_key": first}
        if last is None
        else {"tags": {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}}
    )
    return dg.materialize(
        assets, resources={"io_manager": ContractParquetIOManager(lake_dir=str(folder))}, **key, **options
    )


def test_one_run_publishes_every_day_also_those_without_rows(tmp_path: Path) -> None:
    rows = frame_from_table(pa.concat_tables([_day(date(2026, 3, 5)), _day(date(2026, 3, 2))]))
    result = _run(tmp_path, [_asset(rows)], "2026-03-02", "2026-03-05")
    lake = Lake(tmp_path)
    assert [day.day for day in lake.sessions(SENTIMENT)] == [2, 3, 4, 5]
    assert lake.read(SENTIMENT, date(2026, 3, 2), date(2026, 3, 5)).equals(
        pa.concat_tables([_day(date(2026, 3, 2)), _day(date(2026, 3, 5))])
    )
    said = {each.partition: each.metadata for each in result.asset_materializations_for_node("pulse__sentiment")}
    assert {day: metadata["dagster/row_count"].value for day, metadata in said.items()} == {
        "2026-03-02": 30,
        "2026-03-03": 0,
        "2026-03-04": 0,
        "2026-03-05": 30,
    }
    assert said["2026-03-05"]["days"].value == 4
    assert said["2026-03-05"]["dagster/uri"].value == "pulse/sentiment/session_date=2026-03-05.parquet"


def test_one_day_reports_its_file_hash_and_reasons(tmp_path: Path) -> None:
    frame = frame_from_table(_day(FIRST))
    frame.loc[4, "sentiment_score"] = 7.0
    result = _run(tmp_path, [_asset(frame)], "2026-03-02")
    metadata = {
        name: value.value
        for name, value in result.asset_materializations_for_node("pulse__sentiment")[0].metadata.items()
    }
    assert (metadata["dagster/row_count"], metadata["dagster/partition_row_count"], metadata["quarantined_rows"]) == (
        29,
        29,
        1,
    )
    assert metadata["dagster/uri"] == "pulse/sentiment/session_date=2026-03-02.parquet"
    assert "| above_maximum:sentiment_score | 1 |" in metadata["quarantine_reasons"]
    assert len(metadata["sha256"]) == 64
    assert str(tmp_path) not in str(metadata)


@pytest.mark.feature("BX-CT-04")
def test_a_wrong_type_on_one_day_leaves_every_day_as_it_was(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    before = lake.publish(SENTIMENT, FIRST, _day(FIRST)).path.read_bytes()
    broken = frame_from_table(_days(3))
    broken.loc[broken["session_date"] == "2026-03-04", "buzz_volume"] = -1.0
    with pytest.raises(ContractError, match="sentiment of 2026-03-04: 30 of 30 rows break the contract"):
        _run(tmp_path, [_asset(broken)], "2026-03-02", "2026-03-04")
    assert lake.sessions(SENTIMENT) == [FIRST]
    assert lake.partition_path(SENTIMENT, FIRST).read_bytes() == before


def test_rows_of_days_outside_the_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ContractError, match=r"60 of 90 rows outside the run's 1 partitions 2026-03-02 to 2026-03-02; first: 2026-03-03"
    ):
        _run(tmp_path, [_asset(_days(3))], "2026-03-02")


def test_a_window_of_days_comes_as_one_frame_with_the_chosen_columns(tmp_path: Path) -> None:
    for number in range(4):
        day = FIRST + timedelta(days=number)
        Lake(tmp_path).publish(SENTIMENT, day, _day(day))
    seen: dict[str, Any] = {}

    @dg.asset(
        key=["pulse", "early_warnings"],
        partitions_def=DAILY,
        ins={
            "window": dg.AssetIn(
                ["pulse", "sentiment"],
                partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-2, end_offset=0),
                metadata={"columns": ["session_date", "buzz_volume"]},
            )
        },
    )
    def early_warnings(window: pd.DataFrame) -> pa.Table:
        seen["window"] = window
        return LIQUIDITY_EMPTY

    upstream = dg.AssetSpec(["pulse", "sentiment"], partitions_def=DAILY)
    _run(tmp_path, [upstream, early_warnings], "2026-03-05", selection=[early_warnings])
    window = seen["window"]
    assert list(window.columns) == ["session_date", "buzz_volume"]
    assert sorted({stamp.day for stamp in window["session_date"]}) == [3, 4, 5]
    assert len(window) == 90


LIQUIDITY_EMPTY = next(
    contract for contract in ALL_CONTRACTS if contract.name == "early_warnings"
).arrow_schema.empty_table()


def test_an_unpartitioned_reader_gets_all_days_as_arrow(tmp_path: Path) -> None:
    for number in (0, 2):
        day = FIRST + timedelta(days=number)
        Lake(tmp_path).publish(SENTIMENT, day, _day(day))
    seen: dict[str, Any] = {}

    @dg.asset(key=["pulse", "early_warnings"], ins={"everything": dg.AssetIn(["pulse", "sentiment"])})
    def early_warnings(everything: pa.Table) -> pa.Table:
        seen["rows"] = everything
        return LIQUIDITY_EMPTY

    upstream = dg.AssetSpec(["pulse", "sentiment"], partitions_def=DAILY)
    dg.materialize(
        [upstream, early_warnings],
        selection=[early_warnings],
        resources={"io_manager": ContractParquetIOManager(lake_dir=str(tmp_path))},
    )
    assert isinstance(seen["rows"], pa.Table)
    assert seen["rows"].num_rows == 60


def test_days_that_were_never_published_load_as_no_rows(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    @dg.asset(key=["pulse", "early_warnings"], partitions_def=DAILY, ins={"rows": dg.AssetIn(["pulse", "sentiment"])})
    def early_warnings(rows: pd.DataFrame) -> pa.Table:
        seen["rows"] = rows
        return LIQUIDITY_EMPTY

    _run(
        tmp_path,
        [dg.AssetSpec(["pulse", "sentiment"], partitions_def=DAILY), early_warnings],
        "2026-03-02",
        selection=[early_warnings],
    )
    assert (len(seen["rows"]), tuple(seen["rows"].columns)) == (0, SENTIMENT.column_names)


def test_rows_without_a_day_go_to_the_last_day_of_the_run() -> None:
    table = _days(2)
    values = table.column("session_date").to_pylist()
    values[0] = None
    table = table.set_column(0, table.schema.field("session_date"), pa.array(values, pa.date32()))
    parts = split_by_session(table, SENTIMENT, [FIRST, FIRST + timedelta(days=1)])
    assert [(day.day, rows.num_rows, rows.column("session_date").null_count) for day, rows in parts] == [
        (2, 29, 0),
        (3, 31, 1),
    ]
    assert [rows.num_rows for _, rows in split_by_session(_days(3), SENTIMENT, None)] == [30, 30, 30]
    with pytest.raises(ContractError, match="session_date is null in all 1 rows"):
        split_by_session(table.slice(0, 1), SENTIMENT, None)


def test_the_column_panel_shows_units_and_constraints() -> None:
    columns = {column.name: column for column in column_schema(MICROSTRUCTURE).columns}
    assert columns["bid"].description == "Last bid of the session at which a holder can sell. Unit: price."
    assert (columns["bid"].constraints.nullable, columns["bid"].constraints.other) == (True, ["> 0"])
    assert columns["venue"].constraints.other[0] == "key"
    assert len(str(column_schema(LIQUIDITY_FEATURES))) < 50_000


def test_an_asset_without_contract_is_refused() -> None:
    assert contract_of(dg.AssetKey(["pulse", "sentiment"])) is SENTIMENT
    with pytest.raises(ConfigError, match="no table contract is called 'weather'"):
        contract_of(dg.AssetKey(["pulse", "weather"]))
