"""Gamma of Bao, Pan and Wang."""

import numpy as np
import pytest

from liquidity.measures.bpw_gamma import BpwGamma, bpw_gamma


def test_gamma_implies_rolls_spread_in_percent() -> None:
    rng = np.random.default_rng(8)
    prices = 100 * np.exp(np.cumsum(rng.normal(0, 0.001, 100_000)) + 0.004 * rng.choice([-1, 1], 100_000))
    assert bpw_gamma(prices).implied_spread_pct == pytest.approx(0.8, rel=0.02)


def test_trending_prices_have_a_negative_gamma_and_no_spread() -> None:
    estimate = bpw_gamma([100.0, 101.0, 103.0, 107.0, 115.0, 116.0, 117.0])
    assert estimate.gamma is not None
    assert estimate.gamma < 0
    assert estimate.implied_spread_pct == 0.0


@pytest.mark.parametrize("prices", [[], [1.0], [1.0, 2.0, 3.0], [1.0, None, 2.0, None, 3.0]])
def test_below_two_pairs_it_is_missing(prices: list[float | None]) -> None:
    assert bpw_gamma(prices) == BpwGamma(None, None)
