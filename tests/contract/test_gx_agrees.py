"""The fast engine and the Great Expectations suite of a contract give the same verdict, rule by rule."""

import re
import runpy
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liquidity.contracts import ALL_CONTRACTS, MICROSTRUCTURE, TableContract
from liquidity.contracts.example import example_table
from liquidity.contracts.validation import inspect_rows
from liquidity.domain.errors import ContractError
from resources.expectations import run_suite, suite_for

SEEDED = runpy.run_path(str(Path(__file__).with_name("seeded_defects.py")))
DAY: date = SEEDED["DAY"]
SAME_KEY = ("duplicate_key", "conflicting_duplicate")


def _fast_verdict(
    table: pa.Table, contract: TableContract, day: date | None, now: datetime | None
) -> dict[tuple[str, str], int]:
    """Rows of each (rule family, column); families join the codes that one expectation stands for."""
    judged = inspect_rows(table, contract, day, now)
    family = {
        "below_minimum": "range",
        "above_maximum": "range",
        "not_finite": "range",
        **dict.fromkeys(SAME_KEY, "same_key"),
    }
    rows: dict[tuple[str, str], set[int]] = defaultdict(set)
    for place, reasons in enumerate(judged.rejected.column("reasons").to_pylist()):
        for reason in reasons.split(","):
            code, _, column = reason.partition(":")
            rows[family.get(code, code), column].add(place)
    return {key: len(places) for key, places in rows.items()}


def _suite_verdict(
    table: pa.Table, contract: TableContract, day: date | None, now: datetime | None
) -> dict[tuple[str, str], int]:
    family = {"not_finite": "range", "duplicate_key": "same_key"}
    rules = {rule.code for rule in contract.rules}
    return {
        (
            family.get(each.codes[0], each.codes[0]),
            "" if each.codes[0] in {*rules, "duplicate_key"} else each.column,
        ): each.count
        for each in run_suite(contract, table, day, now).failed
    }


def _assert_agree(
    table: pa.Table, contract: TableContract, day: date | None = DAY, now: datetime | None = None
) -> None:
    fast, suite = _fast_verdict(table, contract, day, now), _suite_verdict(table, contract, day, now)
    assert fast.keys() == suite.keys()
    for key, count in fast.items():
        if key[0] == "same_key":  # the suite counts the copy that the fast engine keeps
            assert count <= suite[key]
        else:
            assert count == suite[key], key


@pytest.mark.slow
@pytest.mark.feature("CD-CT-08")
@pytest.mark.parametrize("defect", SEEDED["ROW_DEFECTS"], ids=lambda defect: defect.name)
def test_both_engines_find_each_seeded_row_defect(defect: Any) -> None:
    _assert_agree(defect.damage(SEEDED["good"](defect.contract)), defect.contract)


@pytest.mark.slow
@pytest.mark.feature("CD-CT-08")
@pytest.mark.parametrize("defect", SEEDED["TABLE_DEFECTS"], ids=lambda defect: defect.name)
def test_both_engines_refuse_or_fail_each_broken_table(defect: Any) -> None:
    damaged = defect.damage(SEEDED["good"](defect.contract))
    try:
        inspect_rows(damaged, defect.contract, DAY)
    except ContractError as fast:
        with pytest.raises(ContractError, match=f"^{re.escape(str(fast))}$"):
            run_suite(defect.contract, damaged, DAY)
    else:
        _assert_agree(damaged, defect.contract)


@pytest.mark.slow
@pytest.mark.feature("CD-CT-08")
@pytest.mark.parametrize("contract", ALL_CONTRACTS, ids=lambda contract: contract.name)
def test_both_engines_pass_good_tables_of_every_contract(contract: TableContract) -> None:
    table = example_table(contract, DAY, 40, np.random.default_rng(1))
    report = run_suite(contract, table, DAY)
    assert (report.passed, report.rows, report.failed) == (True, table.num_rows, ())
    assert report.expectations == len(suite_for(contract, DAY).expectations) >= len(contract.columns) // 3
    assert inspect_rows(table, contract, DAY).violations == ()


_NUMBERS = st.one_of(
    st.none(),
    st.just(float("nan")),
    st.sampled_from([float("inf"), float("-inf"), 0.0, -0.0, 5e-324]),
    st.floats(-10, 10),
)
_TEXTS = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.sampled_from(["US0378331005", "US0378331006", "XNYS:IBM", "US0378331005\n", "XNYS:..", "XNYS:a/../b", "\n", ""]),
)
_TIMES = st.one_of(
    st.none(),
    st.integers(0, 6 * 86_400).map(lambda seconds: datetime(2026, 3, 17, tzinfo=UTC) + timedelta(seconds=seconds)),
)
_BY_COLUMN = {
    "instrument_id": _TEXTS,
    "venue": st.one_of(_TEXTS, st.just("XNYS")),
    "spread_method": st.sampled_from([None, "snapshot_median", "mean"]),
    "source": _TEXTS,
    "bid": _NUMBERS,
    "ask": _NUMBERS,
    "low": _NUMBERS,
    "high": _NUMBERS,
    "quality_frac": _NUMBERS,
    "trades_count": st.one_of(st.none(), st.integers(-3, 3)),
    "session_date": st.one_of(st.none(), st.dates(date(2026, 3, 18), date(2026, 3, 20))),
    "observed_at": _TIMES,
    "known_at": _TIMES,
}


@pytest.mark.slow
@pytest.mark.feature("CD-CT-08")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_both_engines_agree_on_made_frames(data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 5))
    table = example_table(MICROSTRUCTURE, DAY, rows, np.random.default_rng(rows))
    for name in data.draw(st.lists(st.sampled_from(sorted(_BY_COLUMN)), min_size=1, max_size=5, unique=True)):
        place = table.column_names.index(name)
        field = table.schema.field(name)
        values = data.draw(st.lists(_BY_COLUMN[name], min_size=rows, max_size=rows))
        table = table.set_column(place, field, pa.array(values, field.type))
    if data.draw(st.booleans()):
        table = pa.concat_tables([table, table.slice(0, 1)])
    day = data.draw(st.sampled_from([DAY, None]))
    now = data.draw(st.sampled_from([None, datetime(2026, 3, 19, 9, tzinfo=UTC) + timedelta(hours=1)]))
    _assert_agree(table, MICROSTRUCTURE, day, now)


def test_contracts_and_checks_load_without_great_expectations() -> None:
    code = "import sys, io_managers.contract_checks, io_managers.contract_parquet, resources.expectations; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
