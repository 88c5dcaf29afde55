"""Walking the book: cost by hand, conservation, and what is not there stays unfilled."""

import pytest

from liquidity.book import BookSnapshot, BookSweep, book_sweep, xlm
from liquidity.domain.errors import ConfigError

BOOK = BookSnapshot.from_levels([[99.0, 1], [98.0, 2]], [[101.0, 1], [102.0, 2]])


def test_buy_and_sell_cost_by_hand() -> None:
    assert book_sweep(BOOK, 1, 2) == BookSweep(101.5, 150.0, 102.0, 2.0, 0.0, 2)
    assert book_sweep(BOOK, -1, 2) == BookSweep(98.5, 150.0, 98.0, 2.0, 0.0, 2)


def test_an_order_that_ends_on_a_level_does_not_touch_the_next() -> None:
    assert book_sweep(BOOK, 1, 1).levels == 1
    assert book_sweep(BOOK, 1, 3).levels == 2


@pytest.mark.parametrize("qty", [0.1, 1.0, 2.5, 3.0, 7.0])
@pytest.mark.parametrize("side", [1, -1])
def test_filled_and_unfilled_add_up_and_cost_grows_with_size(side: int, qty: float) -> None:
    fill = book_sweep(BOOK, side, qty)
    assert fill.filled is not None
    assert fill.unfilled is not None
    assert fill.filled + fill.unfilled == pytest.approx(qty)
    assert fill.filled <= 3.0
    assert fill.slippage_bps is not None
    assert fill.slippage_bps >= book_sweep(BOOK, side, 0.01).slippage_bps  # type: ignore[operator]


def test_an_empty_side_fills_nothing_and_a_missing_mid_leaves_the_price() -> None:
    bids_only = BookSnapshot.from_levels([[99.0, 1]], [])
    assert book_sweep(bids_only, 1, 5) == BookSweep(None, None, None, 0.0, 5.0, 0)
    assert book_sweep(bids_only, -1, 1) == BookSweep(99.0, None, 99.0, 1.0, 0.0, 1)


def test_a_crossed_book_answers_nothing() -> None:
    crossed = BookSnapshot.from_levels([[101.0, 1]], [[100.0, 1]])
    assert book_sweep(crossed, 1, 1) == BookSweep(None, None, None, None, None, None)


@pytest.mark.parametrize("qty", [0, -1, float("nan")])
def test_a_size_that_is_not_positive_is_refused(qty: float) -> None:
    with pytest.raises(ConfigError, match="allowed"):
        book_sweep(BOOK, 1, qty)


def test_a_side_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="side"):
        book_sweep(BOOK, 0, 1)


def test_round_trip_of_a_notional_by_hand() -> None:
    assert xlm(BOOK, 50.0).xlm_bps == pytest.approx(200.0)
    buy, sell = 200 / (1 + 99 / 102), 200 / (1 + 101 / 98)  # 200 spent: one level whole, the rest at the next
    assert xlm(BOOK, 200.0).xlm_bps == pytest.approx(1e4 * (buy - sell) / 100)


def test_a_notional_that_one_side_cannot_fill_has_no_cost() -> None:
    assert xlm(BOOK, 300.0).xlm_bps is None  # asks hold 305, bids 295
    assert xlm(BOOK, 0.0).xlm_bps is None
    assert xlm(BookSnapshot.from_levels([[99.0, 1]], []), 10.0).xlm_bps is None
