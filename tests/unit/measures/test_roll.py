"""Roll's spread: a planted bounce, the wrong sign, and gaps."""

import numpy as np
import pytest

from liquidity.measures.roll import Roll, roll


def test_a_planted_bounce_is_recovered() -> None:
    rng = np.random.default_rng(2)
    value = np.cumsum(rng.normal(0, 0.002, 100_000))
    close = 100 * np.exp(value + 0.005 * rng.choice([-1, 1], value.size))
    assert roll(close).spread == pytest.approx(0.01, rel=0.02)


def test_trending_prices_leave_it_undefined_with_a_negative_signed_value() -> None:
    estimate = roll([100.0, 101.0, 103.0, 107.0, 115.0, 116.0, 117.0])
    assert estimate.undefined is True
    assert estimate.spread == 0.0
    assert estimate.signed is not None
    assert estimate.signed < 0


def test_constant_prices_have_no_bounce() -> None:
    assert roll([5.0] * 6) == Roll(0.0, 0.0, False)


@pytest.mark.parametrize("close", [[], [1.0], [1.0, 2.0, 3.0], [1.0, None, 2.0, 3.0, None, 1.0]])
def test_below_two_pairs_it_is_missing(close: list[float | None]) -> None:
    assert roll(close) == Roll(None, None, None)


def test_pairs_beside_a_gap_are_left_out() -> None:
    bouncing = [100.0, 101.0, 100.0, 101.0, 100.0]
    with_gap = roll([*bouncing, None, *bouncing])
    returns = np.diff(np.log(bouncing))
    before, after = np.tile(returns[:-1], 2), np.tile(returns[1:], 2)
    assert with_gap.signed == pytest.approx(2 * np.sqrt(-np.cov(before, after)[0, 1]))
