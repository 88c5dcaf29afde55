"""Abdi-Ranaldo by hand, and gaps."""

import math

import pytest

from liquidity.domain.errors import ContractError
from liquidity.measures.abdi_ranaldo import AbdiRanaldo, abdi_ranaldo


def test_a_pure_spread_is_recovered_exactly() -> None:
    # Mid-range constant and every close half a spread away: s2 = 4 (half)^2.
    half = 0.005
    high, low = [math.exp(half)] * 4, [math.exp(-half)] * 4
    estimate = abdi_ranaldo(high, low, [math.exp(half), math.exp(-half), math.exp(half), 1.0])
    assert estimate.monthly_signed == pytest.approx(2 * half)
    assert estimate.two_day == pytest.approx(2 * half)


def test_a_negative_mean_keeps_its_sign_in_one_and_is_zero_in_the_other() -> None:
    estimate = abdi_ranaldo([100.0, 120.0], [90.0, 110.0], [100.0, 115.0])  # the mid-range runs past the close
    assert estimate.monthly_signed is not None
    assert estimate.monthly_signed < 0
    assert estimate.two_day == 0.0


def test_pairs_with_a_missing_value_are_skipped() -> None:
    pair = abdi_ranaldo([101.0, 102.0], [99.0, 99.5], [100.5, 101.0])
    assert abdi_ranaldo([101.0, 102.0, None], [99.0, 99.5, 98.0], [100.5, 101.0, 99.0]) == pair
    assert abdi_ranaldo([], [], []) == AbdiRanaldo(None, None)


def test_lengths_must_agree() -> None:
    with pytest.raises(ContractError, match="1 highs, 1 lows, 2 closes"):
        abdi_ranaldo([1.0], [1.0], [1.0, 2.0])
