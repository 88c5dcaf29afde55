"""EDGE: the vectorised twin against the authors' package over a grid, and what cannot be measured."""

import math

import numpy as np
import pytest
from bidask import edge

from liquidity.domain.errors import ContractError
from liquidity.measures.edge_spread import EdgeSpread, edge_matrix, edge_spread


def bars(
    instruments: int, sessions: int, spread: float, trades: int, seed: int, digits: int = 8
) -> tuple[np.ndarray, ...]:
    """Open, high, low and close of simulated trades that bounce between bid and ask."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.02 / math.sqrt(trades), (instruments, sessions * trades))
    value = 40 * np.exp(np.cumsum(steps, axis=1))
    paid = np.round(value * (1 + spread / 2 * rng.choice([-1, 1], value.shape)), digits).reshape(
        instruments, sessions, trades
    )
    return paid[..., 0], paid.max(axis=2), paid.min(axis=2), paid[..., -1]


@pytest.mark.parametrize("sessions", [2, 3, 4, 10, 21, 60])
@pytest.mark.parametrize("trades", [1, 2, 30])
@pytest.mark.parametrize(("spread", "gap_frac", "digits"), [(0.01, 0.0, 8), (0.03, 0.1, 8), (0.002, 0.4, 1)])
def test_the_twin_equals_the_package(sessions: int, trades: int, spread: float, gap_frac: float, digits: int) -> None:
    prices = bars(40, sessions, spread, trades, seed=sessions * 100 + trades, digits=digits)
    rng = np.random.default_rng(3)
    prices = tuple(np.where(rng.random(price.shape) < gap_frac, np.nan, price) for price in prices)
    signed, _ = edge_matrix(*prices)
    by_package = [edge(*(price[row] for price in prices), sign=True) for row in range(40)]
    np.testing.assert_allclose(signed, by_package, rtol=1e-8, atol=1e-12)


def test_a_planted_spread_is_recovered() -> None:
    signed, sessions = edge_matrix(*bars(200, 250, spread=0.02, trades=50, seed=11))
    assert np.median(signed) == pytest.approx(0.02, rel=0.05)
    assert (sessions == 249).all()


def test_prices_that_do_not_move_and_short_samples_are_missing() -> None:
    still = [10.0] * 20
    assert edge_spread(still, still, still, still) == EdgeSpread(None, None)
    assert edge_spread([1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0]) == EdgeSpread(None, None)
    assert edge_spread([], [], [], []) == EdgeSpread(None, None)
    assert np.isnan(edge_matrix(*(np.full((3, 20), 10.0),) * 4)[0]).all()


def test_nulls_and_non_positive_prices_are_left_out() -> None:
    opens, highs, lows, closes = (price[0].tolist() for price in bars(1, 40, 0.02, 20, seed=4))
    opens[5], highs[7], lows[9], closes[11] = None, 0.0, -1.0, math.inf
    clean = [
        [math.nan if v is None or not 0 < v < math.inf else v for v in series]
        for series in (opens, highs, lows, closes)
    ]
    assert edge_spread(opens, highs, lows, closes).signed == pytest.approx(edge(*map(np.array, clean), sign=True))


def test_series_of_different_lengths_are_refused() -> None:
    with pytest.raises(ContractError, match="lengths"):
        edge_spread([1.0], [1.0, 2.0], [1.0], [1.0])
