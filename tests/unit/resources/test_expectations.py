from datetime import date

import numpy as np
import pytest

from liquidity.contracts import MICROSTRUCTURE, SENTIMENT, SIGNAL_STATUS
from liquidity.contracts.conform import frame_from_table
from liquidity.contracts.example import example_table
from liquidity.domain.errors import ContractError
from resources.expectations import run_suite, suite_for

DAY = date(2026, 3, 19)


def test_the_suite_has_an_expectation_for_every_rule() -> None:
    suite = suite_for(MICROSTRUCTURE, DAY)
    codes = {(code, each.meta["column"]) for each in suite.expectations for code in each.meta["codes"]}
    for column in MICROSTRUCTURE.columns:
        assert column.nullable or {("null_key", column.name), ("null_value", column.name)} & codes
        assert column.minimum is None or ("below_minimum", column.name) in codes
        assert column.maximum is None or ("above_maximum", column.name) in codes
        assert column.dtype != "float64" or ("not_finite", column.name) in codes
        assert not column.allowed or ("not_allowed", column.name) in codes
        assert column.pattern is None or ("bad_pattern", column.name) in codes
        assert column.dtype != "timestamp" or ("future_timestamp", column.name) in codes
    assert {rule.code for rule in MICROSTRUCTURE.rules} <= {code for code, _ in codes}
    assert {"duplicate_key", "bad_isin_check_digit", "wrong_session"} <= {code for code, _ in codes}
    assert suite.name == "pulse.microstructure.v1"


@pytest.mark.feature("CD-CT-08")
def test_a_failed_expectation_names_column_codes_and_rows() -> None:
    frame = frame_from_table(example_table(SENTIMENT, DAY, 30, np.random.default_rng(0), null_frac=0.0))
    frame.loc[[3, 4], "sentiment_score"] = [1.5, -2.0]
    report = run_suite(SENTIMENT, frame, DAY)
    assert not report.passed
    (failed,) = report.failed
    assert (failed.column, failed.count, failed.expectation) == (
        "sentiment_score",
        2,
        "expect_column_values_to_be_between",
    )
    assert failed.codes == ("not_finite", "below_minimum", "above_maximum")


def test_types_are_judged_on_the_arrow_schema() -> None:
    frame = frame_from_table(example_table(SENTIMENT, DAY, 3, np.random.default_rng(0)))
    with pytest.raises(ContractError, match=r"sentiment\.observed_at: timestamps without a time zone"):
        run_suite(SENTIMENT, frame.assign(observed_at=frame["observed_at"].dt.tz_localize(None)))


def test_no_rows_pass() -> None:
    assert run_suite(SIGNAL_STATUS, SIGNAL_STATUS.arrow_schema.empty_table()).passed
