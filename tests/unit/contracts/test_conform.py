from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from liquidity.contracts import ALL_CONTRACTS, LIQUIDITY_PULSE, MICROSTRUCTURE, SENTIMENT, TableContract
from liquidity.contracts.conform import conform, empty_table, frame_from_table, table_from_frame
from liquidity.contracts.example import example_table
from liquidity.contracts.validation import audit, inspect_rows
from liquidity.domain.errors import ContractError

DAY = date(2026, 3, 19)


def _sentiment() -> pa.Table:
    return example_table(SENTIMENT, DAY, 6, np.random.default_rng(0), null_frac=0.3)


def _as(table: pa.Table, name: str, to: pa.DataType) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, table.column(name).cast(to))


@pytest.mark.parametrize("contract", ALL_CONTRACTS, ids=lambda contract: contract.name)
def test_every_table_comes_back_from_pandas_unchanged(contract: TableContract) -> None:
    table = example_table(contract, DAY, 30, np.random.default_rng(2), null_frac=0.4)
    assert table_from_frame(frame_from_table(table), contract).equals(table, check_metadata=True)


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("instrument_id", pa.large_string()),
        ("instrument_id", pa.dictionary(pa.int32(), pa.string())),
        ("observed_at", pa.timestamp("ns", tz="UTC")),
        ("observed_at", pa.timestamp("us", tz="Asia/Kolkata")),
        ("session_date", pa.date64()),
        ("session_date", pa.timestamp("ms")),
        ("sentiment_score", pa.float64()),
    ],
)
def test_exact_casts_are_made(name: str, to: pa.DataType) -> None:
    table = _sentiment()
    assert conform(_as(table, name, to), SENTIMENT).equals(table, check_metadata=True)


@pytest.mark.parametrize("to", [pa.int8(), pa.int32(), pa.uint16()])
def test_narrow_integers_widen(to: pa.DataType) -> None:
    table = _as(example_table(MICROSTRUCTURE, DAY, 5, np.random.default_rng(0)), "l2_levels", pa.int64())
    small = table.set_column(table.column_names.index("l2_levels"), "l2_levels", pa.array([1, 2, None, 4, 5], to))
    assert conform(small, MICROSTRUCTURE).column("l2_levels").to_pylist() == [1, 2, None, 4, 5]


def test_columns_are_put_in_order_and_all_null_columns_typed() -> None:
    table = _sentiment()
    shuffled = table.select(table.column_names[::-1])
    shuffled = shuffled.set_column(shuffled.column_names.index("issuer_id"), "issuer_id", pa.nulls(6))
    assert conform(shuffled, SENTIMENT).schema.equals(SENTIMENT.arrow_schema, check_metadata=True)


def test_pandas_nan_nat_and_float_counts_become_null_and_whole() -> None:
    frame = frame_from_table(example_table(MICROSTRUCTURE, DAY, 4, np.random.default_rng(0), null_frac=0.0))
    frame["trades_count"] = [1.0, np.nan, 3.0, 4.0]
    frame["bid"] = pd.array([1.0, None, 1.0, 1.0], dtype="Float64")
    frame["last_trade_at"] = frame["last_trade_at"].where([True, False, True, True])
    frame["session_date"] = [DAY] * 4
    table = table_from_frame(frame, MICROSTRUCTURE)
    assert table.column("trades_count").to_pylist() == [1, None, 3, 4]
    assert [table.column(name).null_count for name in ("trades_count", "bid", "last_trade_at")] == [1, 1, 1]


def test_fractional_counts_and_mixed_columns_are_refused() -> None:
    frame = frame_from_table(example_table(MICROSTRUCTURE, DAY, 2, np.random.default_rng(0), null_frac=0.0))
    with pytest.raises(ContractError, match=r"microstructure\.trades_count: double does not fit int64 exactly"):
        table_from_frame(frame.assign(trades_count=[1.5, 2.0]), MICROSTRUCTURE)
    with pytest.raises(ContractError, match=r"microstructure\.venue: values of mixed or unknown type"):
        table_from_frame(frame.assign(venue=pd.Series(["A", 2], dtype=object)), MICROSTRUCTURE)
    with pytest.raises(ContractError, match="repeated columns"):
        table_from_frame(pd.concat([frame, frame[["venue"]]], axis=1), MICROSTRUCTURE)


def test_times_within_a_day_are_no_days() -> None:
    table = _sentiment()
    noon = pa.array([datetime(2026, 3, 19, 12, tzinfo=UTC)] * 6, pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us"))
    with pytest.raises(ContractError, match="timestamps within a day"):
        conform(table.set_column(0, "session_date", noon), SENTIMENT)


def test_empty_frames_keep_the_schema() -> None:
    frame = pd.DataFrame({name: [] for name in SENTIMENT.column_names})
    assert table_from_frame(frame.astype(object), SENTIMENT).equals(empty_table(SENTIMENT))


def test_free_text_stays_in_its_chunks_and_judged_columns_are_joined() -> None:
    table = example_table(LIQUIDITY_PULSE, DAY, 9, np.random.default_rng(1))
    parts = pa.concat_tables([table.slice(start, 3) for start in range(0, 9, 3)])
    for made in (conform(parts, LIQUIDITY_PULSE), table_from_frame(frame_from_table(parts), LIQUIDITY_PULSE)):
        assert made.equals(table, check_metadata=True)
        assert {name for name in made.column_names if made.column(name).num_chunks > 1} <= {"document", "source"}
        assert made.column("instrument_id").num_chunks == 1
    found = audit(conform(parts, LIQUIDITY_PULSE), LIQUIDITY_PULSE, DAY)
    assert found.accepted.equals(table)
    lost = pa.array([*table.column("document").to_pylist()[:-1], None], pa.string())
    holed = parts.set_column(parts.column_names.index("document"), "document", pa.chunked_array([lost[:4], lost[4:]]))
    (violation,) = inspect_rows(holed, LIQUIDITY_PULSE, DAY).violations
    assert (violation.code, violation.column, violation.count) == ("null_value", "document", 1)


def test_coded_free_text_in_chunks_is_decoded() -> None:
    table = example_table(LIQUIDITY_PULSE, DAY, 6, np.random.default_rng(1))
    parts = [_as(table.slice(start, 3), "document", pa.dictionary(pa.int32(), pa.string())) for start in (0, 3)]
    assert conform(pa.concat_tables(parts), LIQUIDITY_PULSE).equals(table)
