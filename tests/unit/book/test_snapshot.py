"""What counts as a book."""

import math

from liquidity.book import BookSnapshot


def test_levels_without_offer_are_left_out_and_the_rest_is_sorted() -> None:
    book = BookSnapshot.from_levels(
        bids=[[98.0, 1], [99.0, 2], [99.5, 0], [None, 3], [97.0, math.nan], [-1.0, 4]],
        asks=[[102.0, 1], [101.0, 2, 77]],
    )
    assert book.bids.tolist() == [[99.0, 2.0], [98.0, 1.0]]
    assert book.asks.tolist() == [[101.0, 2.0], [102.0, 1.0]]
    assert book.mid == 100.0


def test_a_one_sided_or_empty_book_has_no_mid() -> None:
    assert math.isnan(BookSnapshot.from_levels([[99.0, 1]], []).mid)
    assert math.isnan(BookSnapshot.from_levels([], []).mid)


def test_a_crossed_book_is_flagged_and_has_no_mid_but_a_locked_one_has() -> None:
    crossed = BookSnapshot.from_levels([[101.0, 1]], [[100.0, 1]])
    assert crossed.crossed
    assert math.isnan(crossed.mid)
    locked = BookSnapshot.from_levels([[100.0, 1]], [[100.0, 1]])
    assert not locked.crossed
    assert locked.mid == 100.0
