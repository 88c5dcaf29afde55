"""Mean reversion of a spread."""

import numpy as np
import pytest

from liquidity.book import Resiliency, resiliency


def test_a_halving_series_has_a_half_life_of_one() -> None:
    estimate = resiliency([8.0, 4.0, 2.0, 1.0])
    assert estimate.phi == pytest.approx(0.5)
    assert estimate.half_life == pytest.approx(1.0)


def test_a_planted_coefficient_is_recovered() -> None:
    noise = np.random.default_rng(5).normal(size=20_000)
    series = np.zeros(20_000)
    for t in range(1, len(series)):
        series[t] = 0.8 * series[t - 1] + noise[t]
    assert resiliency(series).phi == pytest.approx(0.8, abs=0.02)


def test_overshooting_and_explosive_series_have_no_half_life() -> None:
    assert resiliency([1.0, -1.0, 1.0, -1.0]).half_life is None
    assert resiliency([1.0, 2.0, 4.0, 8.0]) == Resiliency(pytest.approx(2.0), None)


@pytest.mark.parametrize("series", [[], [1.0], [1.0, 2.0], [3.0, 3.0, 3.0, 3.0], [1.0, None, 2.0, None, 3.0]])
def test_too_little_to_fit_is_missing(series: list[float | None]) -> None:
    assert resiliency(series) == Resiliency(None, None)


def test_pairs_beside_a_gap_are_left_out() -> None:
    assert resiliency([8.0, 4.0, 2.0, None, 16.0, 8.0]).phi == pytest.approx(0.5)
