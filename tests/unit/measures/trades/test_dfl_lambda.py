"""The composite of four bond measures."""

import pytest

from liquidity.domain.errors import ContractError
from liquidity.measures.trades import dfl_lambda

ONES = [1.0] * 4


def test_sum_of_standardised_measures() -> None:
    assert dfl_lambda([2, 3, 0, 1], ONES, [1, 2, 1, 1], renormalise=False, min_available=4) == pytest.approx(
        1 + 1 - 1 + 0
    )


def test_missing_ones_stand_in_only_when_allowed_and_enough_are_there() -> None:
    values = [2, None, 2, None]
    assert dfl_lambda(values, ONES, ONES, renormalise=False, min_available=1) is None
    assert dfl_lambda(values, ONES, ONES, renormalise=True, min_available=3) is None
    assert dfl_lambda(values, ONES, ONES, renormalise=True, min_available=2) == pytest.approx(4.0)
    assert dfl_lambda([None] * 4, ONES, ONES, renormalise=True, min_available=0) is None


def test_a_reference_without_spread_makes_its_measure_missing() -> None:
    assert dfl_lambda([2, 2, 2, 2], ONES, [1, 0, 1, 1], renormalise=False, min_available=4) is None
    assert dfl_lambda([2, 2, 2, 2], ONES, [1, 0, 1, 1], renormalise=True, min_available=3) == pytest.approx(4.0)


def test_four_of_each_are_asked_for() -> None:
    with pytest.raises(ContractError, match="3 values"):
        dfl_lambda([1, 2, 3], ONES, ONES, renormalise=True, min_available=3)
