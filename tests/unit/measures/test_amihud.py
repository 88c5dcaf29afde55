"""Amihud by hand, and days that carry no information."""

import pytest

from liquidity.domain.errors import ContractError
from liquidity.measures.amihud import Amihud, amihud


def test_by_hand() -> None:
    assert amihud([0.01, -0.02], [1e6, 4e6], 1e6).illiq == pytest.approx(0.0075)
    assert amihud([0.01, -0.02], [1e6, 4e6], 1e9).illiq == pytest.approx(7.5)


def test_a_day_without_turnover_return_or_reading_is_left_out_not_zero() -> None:
    thin = amihud([0.01, 0.05, None, 0.05, 0.0], [1e6, 0.0, 1e6, None, 1e6], 1e6)
    assert thin == Amihud(pytest.approx(0.005), 2)


def test_no_usable_day_is_missing() -> None:
    assert amihud([], [], 1e6) == Amihud(None, 0)
    assert amihud([0.01], [-5.0], 1e6) == Amihud(None, 0)


def test_lengths_must_agree() -> None:
    with pytest.raises(ContractError, match="1 returns but 2 volumes"):
        amihud([0.1], [1.0, 2.0])
