"""Zeros and FHT at their ends."""

import pytest

from liquidity.measures.zero_fht import ZeroFht, zero_fht


def test_by_hand() -> None:
    estimate = zero_fht([0.0, 0.0, 0.01, -0.01], tol=0.0)
    assert estimate.zeros == 0.5
    assert estimate.fht == pytest.approx(2 * (2e-4 / 3) ** 0.5 * 0.6744897501960817)


def test_the_tolerance_includes_its_edge() -> None:
    assert zero_fht([0.001, -0.001, 0.002, 0.003], tol=0.001).zeros == 0.5


def test_no_zero_day_means_no_cost_and_only_zero_days_mean_no_answer() -> None:
    assert zero_fht([0.01, -0.01], 0.0) == ZeroFht(0.0, 0.0)
    assert zero_fht([0.0, 0.0], 0.0) == ZeroFht(1.0, None)


def test_missing_returns_are_left_out() -> None:
    assert zero_fht([0.0, None, 0.01, -0.01, 0.0], 0.0) == zero_fht([0.0, 0.01, -0.01, 0.0], 0.0)
    assert zero_fht([], 0.0) == ZeroFht(None, None)
    assert zero_fht([0.02], 0.0) == ZeroFht(0.0, None)
