"""A signal table that breaks its contract stops its run before anything downstream, and the old file stays."""

from datetime import date
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from io_managers.contract_checks import fast_contract_check
from io_managers.contract_parquet import ContractParquetIOManager
from liquidity.contracts import ALT_SIGNALS, AUCTION_MM, MICROSTRUCTURE, SENTIMENT, TableContract
from liquidity.contracts.example import example_table
from resources.dagster_wiring import DAILY, LakeResource
from resources.lake import Lake

DAY = date(2026, 3, 3)


def _good(contract: TableContract) -> pa.Table:
    return example_table(contract, DAY, 30, np.random.default_rng(3))


def _wrong_dtype(table: pa.Table, contract: TableContract) -> pa.Table:
    place = next(i for i, column in enumerate(contract.columns) if column.dtype == "float64")
    texts = pa.array([str(value) for value in table.column(place).to_pylist()], pa.string())
    return table.set_column(place, table.schema.field(place).with_type(pa.string()), texts)


def _wrong_unit(table: pa.Table, contract: TableContract) -> pa.Table:
    place = next(i for i, column in enumerate(contract.columns) if column.dtype == "float64")
    field = table.schema.field(place).with_metadata({"unit": "furlongs"})
    return table.cast(table.schema.set(place, field))


def _materialise(contract: TableContract, table: pa.Table, folder: Path) -> tuple[dg.ExecuteInProcessResult, list[int]]:
    seen: list[int] = []

    @dg.asset(key=list(contract.asset_path), partitions_def=DAILY)
    def signal() -> pa.Table:
        return table

    @dg.asset(partitions_def=DAILY, deps=[signal])
    def downstream() -> None:
        seen.append(1)

    result = dg.materialize(
        [signal, downstream, fast_contract_check(contract, DAILY)],
        partition_key=DAY.isoformat(),
        resources={
            "io_manager": ContractParquetIOManager(lake_dir=str(folder)),
            "lake": LakeResource(lake_dir=str(folder)),
        },
        raise_on_error=False,
    )
    return result, seen


@pytest.mark.parametrize("damage", [_wrong_dtype, _wrong_unit], ids=["dtype", "unit"])
@pytest.mark.parametrize(
    "contract",
    [
        pytest.param(ALT_SIGNALS, marks=pytest.mark.feature("BX-CT-01", "CD-CT-08")),
        pytest.param(MICROSTRUCTURE, marks=pytest.mark.feature("BX-CT-02", "CD-CT-08")),
        pytest.param(AUCTION_MM, marks=pytest.mark.feature("BX-CT-03", "CD-CT-08")),
        pytest.param(SENTIMENT, marks=pytest.mark.feature("BX-CT-04", "CD-CT-08")),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_broken_signal_table_blocks_what_follows(contract: TableContract, damage: object, tmp_path: Path) -> None:
    result, seen = _materialise(contract, _good(contract), tmp_path)
    assert result.success
    assert seen == [1]
    published = Lake(tmp_path).partition_path(contract, DAY).read_bytes()

    broken, seen = _materialise(contract, damage(_good(contract), contract), tmp_path)  # type: ignore[operator]
    assert not broken.success
    assert seen == []
    assert Lake(tmp_path).partition_path(contract, DAY).read_bytes() == published
