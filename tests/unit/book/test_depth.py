"""Depth within a band and the slope of the book."""

import numpy as np
import pytest

from liquidity.book import BookSlope, BookSnapshot, Depth, depth_bps, lob_slope_ns

BOOK = BookSnapshot.from_levels([[99.95, 10], [99.9, 20], [99.0, 30]], [[100.05, 5], [100.1, 15], [101.0, 25]])


def test_the_edge_of_the_band_belongs_to_it() -> None:
    at_edge = depth_bps(BOOK, 10)
    assert (at_edge.bid_base, at_edge.ask_base) == (30.0, 20.0)
    assert at_edge.bid_quote == pytest.approx(99.95 * 10 + 99.9 * 20)
    assert depth_bps(BOOK, 9.99).ask_base == 5.0


def test_every_edge_of_a_cent_grid_is_inside() -> None:
    for step in range(1, 200):
        book = BookSnapshot.from_levels([[100 - step / 100, 1]], [[100 + step / 100, 1]])
        depth = depth_bps(book, step)
        assert (depth.bid_base, depth.ask_base) == (1.0, 1.0), step


def test_an_empty_band_is_zero_depth_without_an_imbalance() -> None:
    assert depth_bps(BOOK, 1) == Depth(0.0, 0.0, 0.0, 0.0, None)


def test_without_a_mid_or_band_there_is_no_depth() -> None:
    nothing = Depth(None, None, None, None, None)
    assert depth_bps(BookSnapshot.from_levels([[99.0, 1]], []), 10) == nothing
    assert depth_bps(BookSnapshot.from_levels([[101.0, 1]], [[100.0, 1]]), 10) == nothing
    assert depth_bps(BOOK, float("nan")) == nothing
    assert depth_bps(BOOK, -1) == nothing


@pytest.mark.feature("PL-OB-03")
def test_doubling_only_bids_moves_only_the_bid_figure() -> None:
    doubled = BookSnapshot(bids=BOOK.bids * [1, 2], asks=BOOK.asks)
    before, after = depth_bps(BOOK, 10), depth_bps(doubled, 10)
    assert after.bid_base == 2 * before.bid_base
    assert (after.ask_base, after.ask_quote) == (before.ask_base, before.ask_quote)


def test_slope_of_one_level_by_hand() -> None:
    book = BookSnapshot.from_levels([[99.0, np.e]], [[101.0, np.e**2]])
    slope = lob_slope_ns(book)
    assert slope.bid == pytest.approx(100.0)
    assert slope.ask == pytest.approx(200.0)
    assert slope.slope == pytest.approx(150.0)


def test_slope_needs_more_than_one_unit_at_the_best_quote() -> None:
    thin_bid = BookSnapshot.from_levels([[99.0, 1.0], [98.0, 9]], [[101.0, 5.0]])
    slope = lob_slope_ns(thin_bid)
    assert slope.bid is None
    assert slope.slope is None
    assert slope.ask is not None


def test_slope_is_missing_for_a_locked_or_one_sided_book() -> None:
    assert lob_slope_ns(BookSnapshot.from_levels([[100.0, 5]], [[100.0, 5]])) == BookSlope(None, None, None)
    assert lob_slope_ns(BookSnapshot.from_levels([], [[100.0, 5]])) == BookSlope(None, None, None)
