from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.contracts import ALT_SIGNALS, LIQUIDITY_INDEX, MICROSTRUCTURE, SENTIMENT
from liquidity.contracts.example import example_table
from liquidity.contracts.validation import audit, in_key_order, inspect_rows, latest_allowed
from liquidity.domain.errors import ContractError

DAY = date(2026, 3, 19)


def _table(rows: int = 50, contract=ALT_SIGNALS) -> pa.Table:
    return example_table(contract, DAY, rows, np.random.default_rng(4), null_frac=0.0)


def _with(table: pa.Table, name: str, changes: dict[int, object]) -> pa.Table:
    values = table.column(name).to_pylist()
    for row, value in changes.items():
        values[row] = value
    return table.set_column(
        table.column_names.index(name), table.schema.field(name), pa.array(values, table.schema.field(name).type)
    )


def test_a_clean_sorted_table_passes_through() -> None:
    table = _table()
    judged = audit(table, ALT_SIGNALS, DAY)
    assert judged.accepted.equals(table)
    assert (judged.rejected.num_rows, judged.violations, judged.rows) == (0, (), 50)


def test_an_empty_table_is_accepted() -> None:
    judged = audit(ALT_SIGNALS.arrow_schema.empty_table(), ALT_SIGNALS, DAY)
    assert (judged.accepted.num_rows, judged.violations) == (0, ())


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(0, 40))
@settings(max_examples=50, deadline=None)
def test_output_is_sorted_by_key_whatever_the_order_given(seed: int, rows: int) -> None:
    table = _table(rows)
    order = np.random.default_rng(seed).permutation(table.num_rows)
    assert audit(table.take(pa.array(order)), ALT_SIGNALS, DAY).accepted.equals(table)


@given(
    keys=st.lists(
        st.tuples(st.sampled_from(["AA:A", "AA:B", None]), st.sampled_from(["esg", "traffic"]), st.integers(0, 1)),
        max_size=12,
    )
)
@settings(max_examples=200, deadline=None)
def test_duplicates_are_judged_as_by_counting(keys: list[tuple[str | None, str, int]]) -> None:
    base = _table(1)
    table = pa.concat_tables([base.slice(0, 0), *[base] * len(keys)])
    for name, values in (
        ("instrument_id", [key[0] for key in keys]),
        ("kind", [key[1] for key in keys]),
        ("value", [float(key[2]) for key in keys]),
    ):
        table = table.set_column(
            table.column_names.index(name), table.schema.field(name), pa.array(values, table.schema.field(name).type)
        )
    judged = inspect_rows(table, ALT_SIGNALS, DAY)
    found = {violation.code: violation.count for violation in judged.violations}
    values_of: dict[tuple[str, str], list[int]] = {}
    for instrument, kind, value in keys:
        if instrument is not None:
            values_of.setdefault((instrument, kind), []).append(value)
    assert found.get("conflicting_duplicate", 0) == sum(len(v) for v in values_of.values() if len(set(v)) > 1)
    assert found.get("duplicate_key", 0) == sum(len(v) - 1 for v in values_of.values() if len(set(v)) == 1)
    assert found.get("null_key", 0) == sum(key[0] is None for key in keys)
    assert judged.accepted.num_rows + judged.rejected.num_rows == len(keys)


def test_a_row_names_all_its_reasons_in_the_order_of_the_contract() -> None:
    table = _with(_with(_table(), "value", {3: float("nan")}), "kind", {3: "weather"})
    judged = audit(table, ALT_SIGNALS, DAY)
    assert judged.rejected.column("reasons").to_pylist() == ["not_allowed:kind,not_finite:value"]
    assert judged.accepted.num_rows == 49


def test_a_message_says_what_where_found_allowed_and_first() -> None:
    table = _with(_table(200, MICROSTRUCTURE), "depth_ccy", {5: -4.1, 9: -1.0})
    (violation,) = audit(table, MICROSTRUCTURE, DAY).violations
    assert violation.describe(MICROSTRUCTURE, 200) == (
        "microstructure.depth_ccy: 2 of 200 rows below_minimum, allowed >= 0 (instrument currency); first: session_date 2026-03-19, "
        "instrument_id 'DEMO:NAME0000005', venue 'DEMO0000000', value -4.1"
    )


def test_a_table_of_our_own_is_blocked_by_one_bad_row() -> None:
    table = _with(_table(100, LIQUIDITY_INDEX), "liquidity_score", {0: 100.5})
    with pytest.raises(
        ContractError,
        match=r"liquidity_index of 2026-03-19: 1 of 100 rows break the contract; this table is computed here",
    ):
        audit(table, LIQUIDITY_INDEX, DAY)
    assert inspect_rows(table, LIQUIDITY_INDEX, DAY).rejected.num_rows == 1


@pytest.mark.parametrize(("bad", "refused"), [(5, False), (6, True)])
def test_the_share_that_may_be_set_aside_is_inclusive(bad: int, refused: bool) -> None:
    table = _with(_table(50), "value", dict.fromkeys(range(bad), float("inf")))
    if refused:
        with pytest.raises(ContractError, match=r"12\.0%, above the 10%"):
            audit(table, ALT_SIGNALS, DAY)
    else:
        assert audit(table, ALT_SIGNALS, DAY).rejected.num_rows == bad


@pytest.mark.parametrize(
    ("bad", "rows", "refused"), [(1, 5, False), (2, 5, False), (3, 5, True), (1, 1, True), (2, 2, True)]
)
def test_small_tables_set_single_rows_aside(bad: int, rows: int, refused: bool) -> None:
    table = _with(_table(rows), "value", dict.fromkeys(range(bad), float("inf")))
    if refused:
        with pytest.raises(ContractError, match=f"{bad} of {rows} rows break the contract"):
            audit(table, ALT_SIGNALS, DAY)
    else:
        judged = audit(table, ALT_SIGNALS, DAY)
        assert (judged.accepted.num_rows, judged.rejected.num_rows) == (rows - bad, bad)


def test_times_up_to_one_day_after_the_session_are_allowed() -> None:
    limit = latest_allowed(DAY, None)
    assert audit(_with(_table(), "known_at", {2: limit}), ALT_SIGNALS, DAY).rejected.num_rows == 0
    late = _with(_table(), "known_at", {2: limit + timedelta(microseconds=1)})
    for day in (DAY, None):
        assert [each.code for each in audit(late, ALT_SIGNALS, day).violations] == ["future_timestamp"]


def test_now_bounds_the_times() -> None:
    table = _with(_table(), "known_at", {2: datetime(2026, 3, 19, 12, tzinfo=UTC)})
    now = datetime(2026, 3, 19, 11, tzinfo=UTC)
    assert audit(table, ALT_SIGNALS, DAY).violations == ()
    for day in (DAY, None):
        assert [(each.code, each.count) for each in audit(table, ALT_SIGNALS, day, now).violations] == [
            ("future_timestamp", 1)
        ]


def test_rows_of_another_day_are_named() -> None:
    judged = audit(_with(_table(), "session_date", {1: DAY - timedelta(days=1)}), ALT_SIGNALS, DAY)
    assert [(each.code, each.allowed) for each in judged.violations] == [("wrong_session", "2026-03-19")]
    assert audit(_with(_table(), "session_date", {1: DAY + timedelta(days=1)}), ALT_SIGNALS, None).violations == ()


def test_null_passes_a_row_rule_and_not_finite_is_not_compared() -> None:
    table = _with(_with(_table(50, MICROSTRUCTURE), "bid", {0: None}), "ask", {1: float("nan"), 2: None})
    assert [(each.code, each.column) for each in audit(table, MICROSTRUCTURE, DAY).violations] == [
        ("not_finite", "ask")
    ]


def test_many_chunks_are_one_table() -> None:
    table = _table(20, SENTIMENT)
    chunked = pa.concat_tables([table.slice(start, 5) for start in range(0, 20, 5)])
    assert audit(chunked, SENTIMENT, DAY).accepted.equals(table)


def test_rows_in_key_order_are_those_that_the_audit_accepts() -> None:
    table = _table(40, SENTIMENT)
    mixed = table.take(pa.array(np.random.default_rng(5).permutation(40)))
    ordered = in_key_order(pa.concat_tables([mixed.slice(0, 17), mixed.slice(17)]), SENTIMENT)
    assert ordered.equals(audit(mixed, SENTIMENT, DAY).accepted)
    assert in_key_order(table, SENTIMENT) is table
