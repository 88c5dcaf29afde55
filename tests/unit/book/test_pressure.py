"""Depth pressure: the sign is that of what moved, the size is bounded."""

import numpy as np
import pytest

from liquidity.book import BookSnapshot
from liquidity.book.pressure import depth_pressure
from liquidity.domain.errors import ConfigError

PRICES = np.arange(1, 21) * 0.01
BOOK = BookSnapshot(
    np.column_stack((100 - PRICES, np.full(20, 5.0))), np.column_stack((100 + PRICES, np.full(20, 5.0)))
)


def changed(bids: float = 1.0, asks: float = 1.0) -> BookSnapshot:
    return BookSnapshot(BOOK.bids * [1, bids], BOOK.asks * [1, asks])


@pytest.mark.feature("PL-OB-08")
@pytest.mark.parametrize(
    ("after", "sign"),
    [(changed(bids=2), 1), (changed(asks=0.5), 1), (changed(asks=2), -1), (changed(bids=0.5), -1)],
)
def test_the_sign_agrees_with_the_planted_pressure(after: BookSnapshot, sign: int) -> None:
    pressure = depth_pressure(BOOK, after).pressure
    assert np.sign(pressure) == sign
    assert abs(pressure) <= 1.0


def test_more_pressure_tells_more() -> None:
    steps = [depth_pressure(BOOK, changed(bids=k)).pressure for k in (1.1, 1.5, 3, 100, 1e9)]
    assert steps == sorted(steps)
    assert steps[-1] == pytest.approx(1.0)


def test_a_bid_that_steps_up_and_a_lifted_ask_are_buying_pressure() -> None:
    stepped = BookSnapshot(np.vstack(([100.005, 5.0], BOOK.bids)), BOOK.asks)
    assert depth_pressure(BOOK, stepped).pressure > 0
    lifted = BookSnapshot(BOOK.bids, BOOK.asks[3:])
    assert depth_pressure(BOOK, lifted).pressure > 0
    moved = BookSnapshot(BOOK.bids + np.array([0.05, 0]), BOOK.asks + np.array([0.05, 0]))
    assert depth_pressure(BOOK, moved).pressure > 0


def test_the_same_book_presses_nowhere_and_far_levels_hardly_count() -> None:
    assert depth_pressure(BOOK, BOOK).pressure == 0.0
    far = BookSnapshot(np.vstack((BOOK.bids, [90.0, 1e6])), BOOK.asks)
    assert depth_pressure(BOOK, far).pressure == pytest.approx(0.0, abs=1e-12)


def test_reversing_the_sides_reverses_the_sign() -> None:
    up = depth_pressure(BOOK, changed(bids=2)).pressure
    down = depth_pressure(changed(bids=2), BOOK).pressure
    assert up == pytest.approx(-down)


def test_without_a_mid_there_is_a_reason() -> None:
    crossed = BookSnapshot.from_levels([[101.0, 1]], [[100.0, 1]])
    assert depth_pressure(crossed, BOOK).reason == depth_pressure(BOOK, crossed).reason == "no_mid"
    assert depth_pressure(BOOK, crossed).pressure is None
    wide = BookSnapshot.from_levels([[1.0, 1]], [[1e6, 1]])
    assert depth_pressure(wide, wide).reason == "no_depth"
    with pytest.raises(ConfigError, match="tau_bps"):
        depth_pressure(BOOK, BOOK, tau_bps=0.0)
