"""The Great Expectations suite of a contract: the same rules as the fast engine, in the form data stewards know.

``suite_for`` turns each rule of a :class:`~liquidity.contracts.table.TableContract` into one expectation; ``run_suite``
runs them in one call over the whole frame in an ephemeral context. Types, units and columns are judged on the Arrow
schema, because a pandas frame does not show them faithfully. Great Expectations is imported on first use (seconds).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liquidity.contracts.conform import conform, table_from_frame
from liquidity.contracts.table import Column, TableContract
from liquidity.contracts.validation import FUTURE_TOLERANCE
from liquidity.domain.errors import ConfigError
from liquidity.domain.identifier import ISIN_PATTERN, is_isin_array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExpectationReport", "FailedExpectation", "run_suite", "suite_for"]

_LARGEST = 1.7976931348623157e308
_CHECK_DIGIT = "instrument_id__check_digit_right"
_LIMIT = "session_date__latest_allowed"


@dataclass(frozen=True, slots=True)
class FailedExpectation:
    """One expectation that rows broke.

    Parameters
    ----------
    expectation
        Great Expectations' name of it.
    column
        Column, ``left<=right`` pair, or key columns joined by commas.
    codes
        Reason codes of the fast engine that the expectation stands for.
    count
        Rows that break it (for duplicates: all rows that share a key).
    """

    expectation: str
    column: str
    codes: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class ExpectationReport:
    """The verdict of one suite over one frame: rows judged and the expectations that failed."""

    contract: str
    passed: bool
    rows: int
    expectations: int
    failed: tuple[FailedExpectation, ...]


def suite_for(contract: TableContract, session_date: date | None = None) -> Any:
    """Make the Great Expectations suite of ``contract``; each expectation's ``meta`` names its reason codes.

    Parameters
    ----------
    session_date
        The partition's day; ``None`` leaves out the rule ``wrong_session``.
    """
    with _quiet():
        import great_expectations as gx

        _batch_definition()  # a suite needs a context to belong to
        return gx.ExpectationSuite(
            name=f"{contract.location}.{contract.name}.v{contract.version}",
            expectations=list(_expectations(contract, session_date)),
        )


def run_suite(
    contract: TableContract,
    frame: "pd.DataFrame | pa.Table",
    session_date: date | None = None,
    now: datetime | None = None,
) -> ExpectationReport:
    """Run the suite of ``contract`` over all rows of ``frame`` in one call.

    Parameters
    ----------
    session_date, now
        As in :func:`liquidity.contracts.validation.audit`.

    Raises
    ------
    ContractError
        Columns, types or units differ from the contract's (judged on the Arrow schema).
    """
    table = conform(frame, contract) if isinstance(frame, pa.Table) else table_from_frame(frame, contract)
    if table.num_rows == 0:
        return ExpectationReport(contract.name, True, 0, 0, ())
    with _quiet():
        suite = suite_for(contract, session_date)
        batch = _batch_definition().get_batch(batch_parameters={"dataframe": _observable(table, contract, now)})
        result = batch.validate(suite, result_format="SUMMARY")
    failed = tuple(_failed(each) for each in result.results if not each.success)
    return ExpectationReport(contract.name, not failed, table.num_rows, len(result.results), failed)


def _failed(outcome: Any) -> FailedExpectation:
    configuration = outcome.expectation_config
    told = outcome.exception_info or {}
    raised = [each for each in (told, *told.values()) if isinstance(each, dict) and each.get("raised_exception")]
    if raised:
        raise ConfigError(
            f"expectation {configuration.type} of column {configuration.meta['column']} could not be evaluated: {str(raised[0]['exception_message'])[:300]}"
        )
    meta = configuration.meta
    return FailedExpectation(
        configuration.type, meta["column"], tuple(meta["codes"]), int(outcome.result.get("unexpected_count", 0))
    )


def _expectations(contract: TableContract, session_date: date | None) -> Iterator[Any]:
    import great_expectations.expectations as gxe

    for column in contract.columns:
        yield from _column_expectations(column, contract, session_date)
        if column.dtype == "timestamp":
            yield gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=_LIMIT,
                column_B=column.name,
                or_equal=True,
                ignore_row_if="either_value_is_missing",
                meta={"codes": ["future_timestamp"], "column": column.name},
            )
    for rule in contract.rules:
        yield gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=_comparable(contract.column(rule.right)),
            column_B=_comparable(contract.column(rule.left)),
            or_equal=rule.op == "<=",
            ignore_row_if="either_value_is_missing",
            meta={"codes": [rule.code], "column": f"{rule.left}{rule.op}{rule.right}"},
        )
    keys = {"codes": ["duplicate_key", "conflicting_duplicate"], "column": ",".join(contract.key)}
    if len(contract.key) == 1:
        yield gxe.ExpectColumnValuesToBeUnique(column=contract.key[0], meta=keys)
    else:
        yield gxe.ExpectCompoundColumnsToBeUnique(
            column_list=list(contract.key), ignore_row_if="any_value_is_missing", meta=keys
        )


def _column_expectations(column: Column, contract: TableContract, session_date: date | None) -> Iterator[Any]:
    import great_expectations.expectations as gxe
    import pandas as pd

    name = column.name
    if not column.nullable:
        yield gxe.ExpectColumnValuesToNotBeNull(
            column=name, meta={"codes": ["null_key" if name in contract.key else "null_value"], "column": name}
        )
    if column.dtype in ("float64", "int64") and (
        column.dtype == "float64" or column.minimum is not None or column.maximum is not None
    ):
        yield gxe.ExpectColumnValuesToBeBetween(
            column=name,
            min_value=-_LARGEST if column.minimum is None else column.minimum,
            max_value=_LARGEST if column.maximum is None else column.maximum,
            strict_min=column.minimum_excluded,
            meta={"codes": ["not_finite", "below_minimum", "above_maximum"], "column": name},
        )
    if column.allowed:
        yield gxe.ExpectColumnValuesToBeInSet(
            column=name, value_set=list(column.allowed), meta={"codes": ["not_allowed"], "column": name}
        )
    if column.pattern is not None:
        yield gxe.ExpectColumnValuesToMatchRegex(
            column=name, regex=_strict(column.pattern), meta={"codes": ["bad_pattern"], "column": name}
        )
    if name == "instrument_id":
        yield gxe.ExpectColumnValuesToBeInSet(
            column=_CHECK_DIGIT, value_set=["yes"], meta={"codes": ["bad_isin_check_digit"], "column": name}
        )
    if name == "session_date" and session_date is not None:
        yield gxe.ExpectColumnValuesToBeInSet(
            column=name, value_set=[pd.Timestamp(session_date)], meta={"codes": ["wrong_session"], "column": name}
        )


def _comparable(column: Column) -> str:
    return f"{column.name}__finite" if column.dtype == "float64" else column.name


def _strict(pattern: str) -> str:
    r"""Refuse ``..`` anywhere, and the line end that Python's ``$`` would let pass."""
    return rf"^(?![\s\S]*(?:\.\.|\n))(?:{pattern})$"


def _observable(table: pa.Table, contract: TableContract, now: datetime | None) -> "pd.DataFrame":
    """Make the frame that the suite sees.

    pandas reads NaN as missing, so NaN goes in as infinity: both are ``not_finite``. Columns are added for what no
    expectation can compute: the finite values that row rules compare, the latest allowed time of the row, and whether
    an ISIN's check digit is right.
    """
    import pandas as pd

    frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas(date_as_object=False)
    for column in contract.columns:
        if column.dtype == "float64":
            nan = pc.fill_null(pc.is_nan(table.column(column.name)), False).to_numpy()
            if nan.any():
                frame.loc[nan, column.name] = float("inf")
    for name in {side for rule in contract.rules for side in (rule.left, rule.right)}:
        if contract.column(name).dtype == "float64":
            frame[_comparable(contract.column(name))] = frame[name].where(np.isfinite(frame[name]))
    if "session_date" in frame:
        limit = (frame["session_date"] + (timedelta(days=1) + FUTURE_TOLERANCE)).dt.tz_localize("UTC")
        frame[_LIMIT] = limit if now is None else limit.mask(limit > pd.Timestamp(now), pd.Timestamp(now))
    if "instrument_id" in frame:
        ids = table.column("instrument_id").combine_chunks()
        shaped = pc.match_substring_regex(ids, f"^{ISIN_PATTERN}$").to_numpy(zero_copy_only=False)
        right = pd.Series(is_isin_array(ids)).map({True: "yes", False: "no"})
        frame[_CHECK_DIGIT] = right.where(pd.Series(shaped).fillna(False).astype(bool))
    return frame


@cache
def _batch_definition() -> Any:
    """Open one ephemeral context for the process: no files, no progress bars."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return (
        context.data_sources.add_pandas("contracts")
        .add_dataframe_asset("table")
        .add_batch_definition_whole_dataframe("whole")
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence deprecations that Great Expectations 1.24 causes in pandas 3; ours stay errors in the tests."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="Series.values returning an ndarray")
        warnings.filterwarnings("ignore", message=".*has match groups", category=UserWarning)
        yield
