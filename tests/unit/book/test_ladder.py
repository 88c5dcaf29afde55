"""Known answers of the book engine: levels, windows, reasons, cadences, memory."""

import math
import tracemalloc
from decimal import Decimal

import numpy as np
import pytest

from liquidity.book.block import DELTA, INVALIDATE, SNAPSHOT, BookBlock
from liquidity.book.book_features import MAX_TICKS, NO_FLOW, NO_LEVEL
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import MAX_INSTANTS, Ladder
from liquidity.book.reference import BookRow, ReferenceBook, rows_of
from liquidity.book.replay import replay
from liquidity.domain.errors import ConfigError, ContractError

GRID = BookGrid(Decimal("0.1"), Decimal("0.001"), 1.0, "linear")
INVERSE = BookGrid(Decimal("0.1"), Decimal("1"), 100.0, "inverse")


def message(
    action: int, *levels: tuple[int, int, int], at: int = 1, last_id: int = -1, previous_id: int = -1
) -> BookBlock:
    """One message of levels (side, ticks, lots)."""
    rows = levels or ((0, 0, 0),)
    n = len(rows)
    side, ticks, lots = (np.array(column) for column in zip(*rows, strict=True))
    times, ids = np.full(n, at, np.int64), np.full(n, -1, np.int64)
    ends = np.arange(n) == n - 1
    codes = np.full(n, action, np.int8)
    told = np.full(n, last_id, np.int64), np.full(n, previous_id, np.int64)
    return BookBlock(times, times, codes, ends, side.astype(np.int8), ticks, lots, ids, *told)


FULL = message(SNAPSHOT, (1, 9_990, 5), (1, 9_980, 7), (-1, 10_010, 2), (-1, 10_050, 9), last_id=10)


@pytest.mark.feature("PL-CT-02")
def test_snapshot_and_deltas_make_the_full_book_and_0_removes() -> None:
    ladder = Ladder(GRID)
    ladder.apply(FULL)
    ladder.apply(message(DELTA, (1, 9_990, 0), (1, 9_985, 4), (-1, 10_010, 3), (-1, 10_020, 0), last_id=11))
    book = ladder.top(10)
    assert book.bids.tolist() == [[998.5, 0.004], [998.0, 0.007]]
    assert book.asks.tolist() == [[1001.0, 0.003], [1005.0, 0.009]]


@pytest.mark.feature("PL-CT-02")
@pytest.mark.parametrize("book", [Ladder(GRID), ReferenceBook(GRID)])
def test_out_of_order_raises_and_takes_nothing(book: Ladder | ReferenceBook) -> None:
    late = message(DELTA, (1, 9_990, 1), last_id=9)
    if isinstance(book, Ladder):
        book.apply(FULL)
        with pytest.raises(ContractError, match=r"last_id 9 .* after 10"):
            book.apply(late)
        assert book.top(1).bids.tolist() == [[999.0, 0.005]]
        book.apply(message(DELTA, (1, 9_990, 2), last_id=3, previous_id=10))  # a venue that counts anew says so
        assert book.top(1).bids.tolist() == [[999.0, 0.002]]
        return
    for row in rows_of(FULL):
        book.apply(row)
    with pytest.raises(ContractError, match="last_id 9 after 10"):
        book.apply(next(rows_of(late)))
    assert book.bids[9_990] == 5


@pytest.mark.feature("PL-OB-16")
def test_known_answers() -> None:
    row = Ladder(GRID).apply(FULL).row(0)
    assert row.quoted_spread_bps == 20.0
    assert row.weighted_mid == pytest.approx((5 * 1001.0 + 2 * 999.0) / 7)
    # The edges belong to the bands: 10 bps of 1000.0 is 1.0 away.
    assert row.bid_depth_10bps_quote == pytest.approx(999.0 * 0.005)
    assert row.ask_depth_10bps_quote == pytest.approx(1001.0 * 0.002)
    assert row.ask_depth_50bps_quote == pytest.approx(1001.0 * 0.002 + 1005.0 * 0.009)
    bid, ask = 999.0 * 5 + 998.0 * 7, 1001.0 * 2 + 1005.0 * 9
    assert row.bid_ask_imbalance == pytest.approx((bid - ask) / (bid + ask))
    near_bid, near_ask = 5 * 0.8 + 7 * 0.6, 2 * 0.8 + 9 * 0.0
    assert row.triangular_imbalance == pytest.approx((near_bid - near_ask) / (near_bid + near_ask))
    assert (row.largest_bid_ticks, row.largest_bid_lots) == (9_980, 7)
    assert (row.largest_ask_ticks, row.largest_ask_lots) == (10_050, 9)
    assert row.updates_n == 4
    assert row.ofi_lots == NO_FLOW


def test_inverse_contracts_are_worth_100_dollars_at_any_price() -> None:
    row = Ladder(INVERSE).apply(FULL).row(0)
    assert row.bid_depth_50bps_quote == 1200.0
    assert row.ask_depth_10bps_quote == 200.0
    assert row.bid_ask_imbalance == pytest.approx(1 / 23)


@pytest.mark.feature("PL-OB-16")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (message(DELTA, (1, 9_990, 0), (1, 9_980, 0)), "one_sided"),
        (message(DELTA, (1, 10_011, 1)), "crossed"),
        (message(INVALIDATE), "no_book"),
        (message(DELTA, (1, 9_990, -1)), "refused_level"),
        (message(DELTA, (-1, MAX_TICKS + 1, 1)), "refused_level"),
    ],
)
def test_a_book_without_figures_says_why(change: BookBlock, reason: str) -> None:
    ladder = Ladder(GRID)
    ladder.apply(FULL)
    row = ladder.apply(change).row(0)
    assert not row.valid
    assert row.invalid_reason == reason
    assert not ladder.valid
    assert all(math.isnan(value) for value in row[13:])
    assert set(row[3:11]) == {NO_LEVEL}
    assert row.ofi_lots == NO_FLOW
    again = ladder.apply(FULL).row(0)
    assert again.valid
    assert ladder.refused_n == (reason == "refused_level")


def test_a_delta_before_the_snapshot_builds_nothing() -> None:
    ladder = Ladder(GRID)
    assert ladder.apply(message(DELTA, (1, 9_990, 5))).row(0).invalid_reason == "no_book"
    assert len(ladder.top(5).bids) == 0


def test_a_locked_book_is_valid_with_spread_0() -> None:
    ladder = Ladder(GRID)
    ladder.apply(FULL)
    row = ladder.apply(message(DELTA, (1, 10_010, 1))).row(0)
    assert row.valid
    assert row.quoted_spread_bps == 0.0


def test_outside_orders_come_back_when_the_market_goes_there() -> None:
    ladder = Ladder(GRID)
    ladder.apply(FULL)
    ladder.apply(message(DELTA, (1, 2_000, 8), (1, 1_000, 1), (-1, 90_000, 3)))
    assert ladder.outside_n == 3
    row = ladder.apply(message(DELTA, (1, 9_990, 0), (1, 9_980, 0), (-1, 2_004, 6))).row(0)
    assert (row.best_bid_ticks, row.best_bid_lots, row.best_ask_ticks) == (2_000, 8, 2_004)
    assert ladder.top(9).asks[:, 0].tolist() == [200.4, 1001.0, 1005.0, 9000.0]


def test_many_outside_orders_keep_their_sizes() -> None:
    ladder = Ladder(GRID)
    ladder.apply(FULL)
    levels = [(-1, 20_000 + k, 1 + k) for k in range(5_000)]
    for first in range(0, 5_000, 100):
        ladder.apply(message(DELTA, *levels[first : first + 100]))
    ladder.apply(message(DELTA, *((-1, 20_000 + k, 0) for k in range(0, 5_000, 2))))
    assert ladder.outside_n == 2_500
    asks = ladder.top(10_000).asks
    assert len(asks) == 2_502
    assert asks[-1].tolist() == [2499.9, 5.0]


@pytest.mark.feature("PL-CT-02")
def test_offers_at_absurd_prices_are_kept_and_never_spoil_the_book() -> None:
    ladder = Ladder(GRID)
    ladder.apply(FULL)
    row = ladder.apply(message(DELTA, (-1, 9 * 10**12, 4), (-1, MAX_TICKS, 1), (-1, 2**33, 5))).row(0)
    assert row.valid
    assert (row.best_ask_ticks, ladder.outside_n, ladder.refused_n) == (10_010, 3, 0)
    assert ladder.top(9).asks[:, 1].tolist() == [0.002, 0.009, 0.005, 0.004, 0.001]
    assert len(ladder.levels_within(50).asks) == 2
    ladder.apply(message(DELTA, (-1, 9 * 10**12, 0)))
    assert ladder.outside_n == 2


def test_a_mid_no_array_can_hold_has_no_figures_until_it_is_back() -> None:
    ladder, reference = Ladder(GRID), ReferenceBook(GRID)
    changes = [
        FULL,
        message(DELTA, (-1, 10_010, 0), (-1, 10_050, 0), (-1, 9 * 10**12, 4)),
        message(DELTA, (-1, 9 * 10**12 + 5, 3), (1, 9_985, 2)),
        message(DELTA, (-1, 10_020, 6)),
    ]
    reasons = []
    for change in changes:
        told = ladder.apply(change).row(0)
        for row in rows_of(change):
            reference.apply(row)
        judge = reference.features(None, told.ofi_lots, told.updates_n)
        assert told == judge or (not told.valid and told[:13] == judge[:13])
        reasons.append(told.invalid_reason)
    assert reasons == [None, "too_large", "too_large", None]
    assert ladder.top(9).asks[:, 1].tolist() == [0.006, 0.004, 0.003]
    assert ladder.memory_bytes < 50_000_000


def test_time_grid_tells_the_state_at_each_instant() -> None:
    ladder = Ladder(GRID)
    tape = [FULL, message(DELTA, (1, 9_990, 6), at=10), message(DELTA, (1, 9_990, 7), at=25)]
    rows = [figures.row(k) for block in tape for figures in [ladder.apply(block, 10)] for k in range(len(figures))]
    assert [(row.at_ns, row.best_bid_lots, row.updates_n) for row in rows] == [(10, 6, 5), (20, 6, 0)]
    assert [row.ofi_lots for row in rows] == [NO_FLOW, 0]


def test_a_broken_clock_is_refused_before_anything_is_taken() -> None:
    ladder = Ladder(GRID)
    ladder.apply(FULL, 10)
    with pytest.raises(ContractError, match="cut the tape"):
        ladder.apply(message(DELTA, (1, 9_990, 6), at=11 * MAX_INSTANTS), 10)
    with pytest.raises(ContractError, match="neither received_ns nor event_ns"):
        ladder.apply(message(DELTA, (1, 9_990, 6), at=-1), 10)
    assert ladder.top(1).bids[0, 1] == 0.005


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="depth_frac"):
        Ladder(GRID, depth_frac=2.0)
    ladder = Ladder(GRID)
    with pytest.raises(ConfigError, match="every 0"):
        ladder.apply(FULL, 0)
    ladder.apply(FULL, "update")
    with pytest.raises(ConfigError, match="one per ladder"):
        ladder.apply(FULL, "message")


def test_read_only_and_strided_columns_are_fine() -> None:
    columns = [np.repeat(getattr(FULL, name), 2)[::2] for name in BookBlock.__slots__]
    for column in columns:
        column.flags.writeable = False
    assert Ladder(GRID).apply(BookBlock(*columns)).row(0) == Ladder(GRID).apply(FULL).row(0)


def test_sums_beyond_63_bits_are_no_figures() -> None:
    ladder = Ladder(BookGrid(Decimal("1"), Decimal("1")))
    price = 2**31
    row = ladder.apply(message(SNAPSHOT, (1, price, 2**46), (-1, price + 1, 2**46))).row(0)
    assert row.invalid_reason == "too_large"


def test_table_is_in_market_units() -> None:
    (table,) = replay([FULL, message(INVALIDATE, at=2)], GRID, "message")
    valid, lost = table.to_pylist()
    assert valid["best_bid_price"] == 999.0
    assert valid["best_bid_size"] == 0.005
    assert valid["invalid_reason"] is None
    assert lost["invalid_reason"] == "no_book"
    assert math.isnan(lost["best_bid_price"])


@pytest.mark.feature("PL-OB-14")
def test_a_thousand_books_stay_flat_over_a_hundred_thousand_deltas() -> None:
    books = [Ladder(GRID) for _ in range(1_000)]
    full = message(SNAPSHOT, *((side, 10_000 - side * (1 + k), 5) for side in (1, -1) for k in range(100)))
    for book in books:
        book.apply(full)
    changes = [message(DELTA, (side, 10_000 - side * (1 + k), 1 + k)) for side in (1, -1) for k in range(50)]
    tracemalloc.start()
    for book in books:
        for change in changes:
            book.apply(change)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 1_000_000
    assert all(len(book.top(200).bids) == 100 for book in books)


def test_reference_row_is_a_row_of_the_block() -> None:
    assert next(rows_of(FULL)) == BookRow(1, 1, SNAPSHOT, False, 1, 9_990, 5, -1, 10, -1)
