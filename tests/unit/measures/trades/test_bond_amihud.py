"""Price impact of single bond trades."""

import pytest

from liquidity.domain.errors import ContractError
from liquidity.measures.trades import bond_amihud


def test_the_size_is_that_of_the_later_trade() -> None:
    assert bond_amihud([100.0, 101.0, 99.99], [9.0, 2.0, 4.0]) == pytest.approx((0.01 / 2 + 0.01 / 4) / 2)


def test_steps_beside_a_gap_or_without_size_are_left_out() -> None:
    assert bond_amihud([100.0, None, 50.0, 50.5, 60.0], [1.0, 1.0, 1.0, 1.0, 0.0]) == pytest.approx(0.01)
    assert bond_amihud([100.0, 0.0], [1.0, 1.0]) is None
    assert bond_amihud([100.0], [1.0]) is None
    assert bond_amihud([], []) is None


def test_lengths_must_agree() -> None:
    with pytest.raises(ContractError, match="1 prices but 2"):
        bond_amihud([1.0], [1.0, 2.0])
