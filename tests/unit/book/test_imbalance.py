"""Imbalance at the best quotes and over the near book."""

import pytest

from liquidity.book import BookSnapshot, WeightedMid, decay_imbalance, weighted_mid

BIDS = [[99.9, 10.0], [99.8, 30.0]]
ASKS = [[100.1, 10.0], [100.2, 30.0]]


def imbalance(bids: list[list[float]], asks: list[list[float]]) -> float | None:
    return decay_imbalance(BookSnapshot.from_levels(bids, asks), levels=10, tau_bps=5.0).imbalance


@pytest.mark.feature("PL-OB-06")
def test_a_symmetric_book_is_balanced_and_one_side_alone_is_all() -> None:
    assert imbalance(BIDS, ASKS) == pytest.approx(0.0, abs=1e-12)
    assert imbalance(BIDS, []) == 1.0
    assert imbalance([], ASKS) == -1.0


@pytest.mark.feature("PL-OB-06")
def test_scaling_all_sizes_changes_nothing() -> None:
    heavy = [[99.9, 25.0], [99.8, 3.0]]
    scaled = imbalance([[p, 1000 * q] for p, q in heavy], [[p, 1000 * q] for p, q in ASKS])
    assert scaled == pytest.approx(imbalance(heavy, ASKS), rel=1e-12)
    assert scaled is not None
    assert 0 < scaled < 1


def test_a_far_level_counts_less_than_a_near_one() -> None:
    near = imbalance([[99.9, 20.0], [99.8, 10.0]], [[100.1, 10.0], [100.2, 10.0]])
    far = imbalance([[99.9, 10.0], [99.8, 20.0]], [[100.1, 10.0], [100.2, 10.0]])
    assert near is not None
    assert far is not None
    assert near > far > 0


def test_unusable_requests_and_books_are_missing() -> None:
    assert imbalance([], []) is None
    assert imbalance([[101.0, 1]], [[100.0, 1]]) is None
    book = BookSnapshot.from_levels(BIDS, ASKS)
    assert decay_imbalance(book, levels=0, tau_bps=5.0).imbalance is None
    assert decay_imbalance(book, levels=5, tau_bps=0.0).imbalance is None


def test_weighted_mid_leans_to_the_thin_side() -> None:
    assert weighted_mid(99.0, 101.0, 300, 100) == WeightedMid(0.75, 0.5, 100.5)
    assert weighted_mid(99.0, 101.0, 0, 100) == WeightedMid(0.0, -1.0, 99.0)


@pytest.mark.parametrize(
    "quote",
    [(101.0, 99.0, 1, 1), (99.0, 101.0, 0, 0), (99.0, 101.0, -1, 2), (None, 101.0, 1, 1), (99.0, 101.0, None, 1)],
)
def test_weighted_mid_of_an_unusable_quote_is_missing(quote: tuple[float | None, ...]) -> None:
    assert weighted_mid(*quote) == WeightedMid(None, None, None)
