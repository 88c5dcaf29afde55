"""Several venues as one book."""

from decimal import Decimal

import numpy as np
import pytest

from liquidity.book import BookSnapshot, depth_bps
from liquidity.book.consolidated import VenueBook, consolidate
from liquidity.book.grid import BookGrid
from liquidity.book.units import in_base_units
from liquidity.domain.errors import ConfigError

S = 10**9
ONE = BookSnapshot.from_levels([[99.9, 1], [99.8, 2]], [[100.1, 1], [100.2, 5]])
TWO = BookSnapshot.from_levels([[99.9, 3], [99.7, 1]], [[100.2, 2], [100.3, 1]])


def venue(name: str, book: BookSnapshot, at_ns: int = 0, quote: str = "USDT") -> VenueBook:
    return VenueBook(name, quote, at_ns, book)


@pytest.mark.feature("PL-OB-15")
def test_sizes_add_up_at_common_prices() -> None:
    whole = consolidate([venue("one", ONE), venue("two", TWO)], now_ns=0)
    assert whole.book.bids.tolist() == [[99.9, 4], [99.8, 2], [99.7, 1]]
    assert whole.book.asks.tolist() == [[100.1, 1], [100.2, 7], [100.3, 1]]
    assert whole.bids.size_base.tolist() == [[1, 3], [2, 0], [0, 1]]
    assert whole.venues == ("one", "two")
    assert whole.crossed == whole.set_aside == ()
    together, apart = depth_bps(whole.book, 1_000), [depth_bps(each, 1_000) for each in (ONE, TWO)]
    assert together.bid_quote == pytest.approx(sum(each.bid_quote for each in apart))


@pytest.mark.feature("PL-OB-15")
def test_contracts_of_different_worth_are_added_in_base_units() -> None:
    grids = {
        "linear": BookGrid(Decimal("0.1"), Decimal(1), 0.01, "linear"),
        "inverse": BookGrid(Decimal("0.5"), Decimal(1), 100.0, "inverse"),
    }
    ticks = {"linear": 500_000, "inverse": 100_000}
    books = []
    for name, grid in grids.items():
        price = float(grid.prices(np.array([ticks[name]]))[0])
        raw = BookSnapshot.from_levels([[price, 500]], [[price + 10, 500]])
        books.append(venue(name, in_base_units(raw, grid.contract_size, grid.kind)))
    whole = consolidate(books, now_ns=0)
    assert whole.book.bids.tolist() == [[50_000.0, 6.0]]


def test_venues_that_cross_each_other_are_shown() -> None:
    rich = BookSnapshot.from_levels([[100.3, 1]], [[100.5, 1]])
    whole = consolidate([venue("one", ONE), venue("rich", rich)], now_ns=0)
    (crossing,) = whole.crossed
    assert (crossing.bid_venue, crossing.ask_venue) == ("rich", "one")
    assert crossing.gap_bps == pytest.approx(1e4 * 0.2 / 100.1)
    assert whole.book.crossed
    assert np.isnan(whole.book.mid)


def test_old_future_and_crossed_books_are_set_aside() -> None:
    crossed = BookSnapshot.from_levels([[101, 1]], [[100, 1]])
    whole = consolidate(
        [
            venue("fresh", ONE, at_ns=9 * S),
            venue("old", TWO, at_ns=4 * S),
            venue("later", TWO, at_ns=11 * S),
            venue("torn", crossed, at_ns=10 * S),
            venue("bare", BookSnapshot.from_levels([], []), at_ns=10 * S),
        ],
        now_ns=10 * S,
        max_age_s=5.0,
    )
    assert whole.venues == ("fresh",)
    assert [(each.venue, each.reason) for each in whole.set_aside] == [
        ("old", "stale"),
        ("later", "from_the_future"),
        ("torn", "crossed_book"),
        ("bare", "empty_book"),
    ]
    assert whole.book.bids.tolist() == ONE.bids.tolist()


def test_an_age_of_exactly_the_limit_is_fresh() -> None:
    assert consolidate([venue("one", ONE)], now_ns=5 * S, max_age_s=5.0).venues == ("one",)
    assert consolidate([venue("one", ONE)], now_ns=5 * S + 1, max_age_s=5.0).venues == ()


def test_a_one_sided_venue_adds_its_side() -> None:
    only_bids = BookSnapshot.from_levels([[99.9, 7]], [])
    assert consolidate([venue("one", ONE), venue("half", only_bids)], now_ns=0).book.bids[0].tolist() == [99.9, 8.0]


def test_no_venue_is_an_empty_book() -> None:
    nothing = consolidate([], now_ns=0)
    assert len(nothing.book.bids) == len(nothing.book.asks) == 0
    assert nothing.bids.size_base.shape == (0, 0)


def test_mixtures_are_refused() -> None:
    with pytest.raises(ConfigError, match="quote currencies"):
        consolidate([venue("one", ONE), venue("two", TWO, quote="USD")], now_ns=0)
    with pytest.raises(ConfigError, match="one book per venue"):
        consolidate([venue("one", ONE), venue("one", TWO)], now_ns=0)
    with pytest.raises(ConfigError, match="max_age_s"):
        consolidate([venue("one", ONE)], now_ns=0, max_age_s=0.0)
