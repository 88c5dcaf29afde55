"""Missing is told from number in one place."""

import math

import numpy as np
import pytest

from liquidity.domain.observation import observed, observed_number, or_none


def test_series_keep_numbers_and_blank_the_rest() -> None:
    assert np.array_equal(
        observed([1, None, math.inf, -math.inf, math.nan, 0.0]), [1, *[math.nan] * 4, 0], equal_nan=True
    )
    assert observed([]).shape == (0,)


def test_the_input_is_not_changed() -> None:
    given = np.array([1.0, np.inf])
    observed(given)
    assert np.isinf(given[1])


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, -math.inf])
def test_missing_numbers(missing: float | None) -> None:
    assert math.isnan(observed_number(missing))


def test_results_keep_infinity_and_zero() -> None:
    assert or_none(math.nan) is None
    assert or_none(math.inf) == math.inf
    assert or_none(0.0) == 0.0
