"""Corwin-Schultz: the overnight adjustment by hand, and gaps."""

import math

import pytest

from liquidity.domain.errors import ContractError
from liquidity.measures.corwin_schultz import CorwinSchultz, corwin_schultz


def test_a_pure_spread_is_recovered_exactly() -> None:
    # Every day trades at bid 99 and ask 101 only: the daily and the two-day range are both the spread.
    estimate = corwin_schultz([101.0] * 3, [99.0] * 3, [101.0, 99.0, 101.0])
    width = math.log(101 / 99)
    assert estimate.signed_mean == pytest.approx(2 * math.tanh(width / 2), rel=1e-9)


def test_an_overnight_gap_is_shifted_away() -> None:
    level = corwin_schultz([101.0, 101.0], [99.0, 99.0], [99.0, 100.0])
    jumped = corwin_schultz([101.0, 101.0 * 1.5], [99.0, 99.0 * 1.5], [99.0, 150.0])
    unadjusted_range = math.log(101.0 * 1.5 / 99.0)
    assert jumped.signed_mean is not None
    assert level.signed_mean is not None
    assert jumped.signed_mean > level.signed_mean - unadjusted_range  # the jump no longer counts as volatility
    assert abs(jumped.signed_mean - level.signed_mean) < 0.06


def test_negative_estimates_count_as_zero_in_the_measure() -> None:
    estimate = corwin_schultz([100.0, 110.0, 121.0], [99.9, 109.9, 120.9], [100.0, 109.9, 121.0])
    assert estimate.nonneg_mean is not None
    assert estimate.signed_mean is not None
    assert estimate.nonneg_mean >= max(estimate.signed_mean, 0.0)


def test_pairs_with_a_missing_value_are_skipped() -> None:
    pair = corwin_schultz([101.0, 102.0], [99.0, 99.5], [100.0, 101.0])
    assert corwin_schultz([101.0, 102.0, None, 105.0], [99.0, 99.5, 98.0, 98.0], [100.0, 101.0, 99.0, 100.0]) == pair
    assert corwin_schultz([101.0, None], [99.0, 98.0], [100.0, 99.0]) == CorwinSchultz(None, None)
    assert corwin_schultz([], [], []) == CorwinSchultz(None, None)


def test_lengths_must_agree() -> None:
    with pytest.raises(ContractError, match="1 highs, 2 lows"):
        corwin_schultz([1.0], [1.0, 2.0], [1.0])
