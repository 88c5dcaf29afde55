"""The engine on the recorded Binance books: equal to the reference at every row, best quotes as the venue told them."""

import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from liquidity.book.block import DELTA, NO_ID, NO_TIME, SNAPSHOT, BookBlock
from liquidity.book.book_features import BookFeatureBlock
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Cadence, Ladder
from liquidity.book.reference import ReferenceBook, replay_reference, rows_of
from resources.tapes import open_tape

GRIDS = {
    "binance_usdm_btcusdt": BookGrid(Decimal("0.1"), Decimal("0.001"), 1.0, "linear"),
    "binance_spot_btcusdt": BookGrid(Decimal("0.01"), Decimal("1e-8"), 1.0, "spot"),
    "binance_coinm_btcusd_perp": BookGrid(Decimal("0.1"), Decimal("1"), 100.0, "inverse"),
}


def recorded(folder: Path, stem: str) -> BookBlock:
    grid = GRIDS[stem]
    full = pq.read_table(folder / "orderbook" / f"{stem}.snapshot.parquet").to_pandas()
    depth = pq.read_table(folder / "orderbook" / f"{stem}.depth.parquet").to_pandas()
    newest = int(full["last_update_id"].iloc[0])
    depth = depth[depth["u"] >= newest]
    held, after = len(full), len(depth)
    last = depth["u"].to_numpy(np.int64)
    ids = np.concatenate((np.full(held, newest), last))
    none = np.full(held + after, NO_ID)
    received = np.concatenate((np.full(held, depth["recv_ns"].iloc[0]), depth["recv_ns"].to_numpy(np.int64)))
    return BookBlock(
        received,
        np.full(held + after, NO_TIME),
        np.repeat(np.array([SNAPSHOT, DELTA], np.int8), (held, after)),
        np.append(ids[1:] != ids[:-1], True) | (np.arange(held + after) == held - 1),
        np.where(np.concatenate((full["side"], depth["side"])) == "b", 1, -1).astype(np.int8),
        grid.ticks(np.concatenate((full["price"], depth["price"]))),
        grid.lots(np.concatenate((full["qty"], depth["qty"]))),
        none,
        ids,
        none,
    )


def first_rows(block: BookBlock, rows: int) -> BookBlock:
    return BookBlock(*(getattr(block, name)[:rows] for name in BookBlock.__slots__))


def assert_equal(fast: BookFeatureBlock, block: BookBlock, grid: BookGrid, every: Cadence) -> None:
    count = 0
    for count, judge in enumerate(replay_reference([block], grid, every), start=1):
        mine = fast.row(count - 1)
        assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(mine, judge, strict=True)), (mine, judge)
    assert count == len(fast)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.feature("PL-CT-02")
@pytest.mark.parametrize("every", ["update", "message", 100_000_000])
@pytest.mark.parametrize("stem", sorted(GRIDS))
def test_recorded_book_equals_the_reference(real_data: Path, stem: str, every: Cadence) -> None:
    block = first_rows(recorded(real_data, stem), 6_000 if every == "update" else 40_000)
    assert_equal(Ladder(GRIDS[stem]).apply(block, every), block, GRIDS[stem], every)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.feature("PL-CT-02")
@pytest.mark.parametrize("stem", sorted(GRIDS))
def test_levels_after_the_whole_tape_equal_the_reference(real_data: Path, stem: str) -> None:
    block = recorded(real_data, stem)
    ladder, reference = Ladder(GRIDS[stem]), ReferenceBook(GRIDS[stem])
    for first in range(0, len(block), 65_536):
        ladder.apply(BookBlock(*(getattr(block, name)[first : first + 65_536] for name in BookBlock.__slots__)))
    for row in rows_of(block):
        reference.apply(row)
    whole = reference.snapshot()
    assert np.array_equal(ladder.top(10**6).bids, whole.bids)
    assert np.array_equal(ladder.top(10**6).asks, whole.asks)
    assert ladder.outside_n > 0


@pytest.mark.real_data
@pytest.mark.feature("PL-CT-02")
@pytest.mark.parametrize("stem", sorted(GRIDS))
def test_best_quotes_are_those_the_venue_told(real_data: Path, stem: str) -> None:
    block, grid = recorded(real_data, stem), GRIDS[stem]
    figures = Ladder(grid).apply(block)
    assert figures.valid.all()
    ours = dict(zip(block.last_id[block.message_end].tolist(), range(len(figures)), strict=True))
    quotes = pq.read_table(real_data / "orderbook" / f"{stem}.bbo.parquet")
    matched = [(place, ours[u]) for place, u in enumerate(quotes["u"].to_pylist()) if u in ours]
    assert len(matched) > 20
    theirs, mine = (np.array(column) for column in zip(*matched, strict=True))
    for price, ticks, size, lots in (
        ("bid", "best_bid_ticks", "bid_qty", "best_bid_lots"),
        ("ask", "best_ask_ticks", "ask_qty", "best_ask_lots"),
    ):
        assert np.array_equal(grid.ticks(quotes[price].to_numpy()[theirs]), figures[ticks][mine])
        assert np.array_equal(grid.lots(quotes[size].to_numpy()[theirs]), figures[lots][mine])


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.feature("PL-CT-02")
def test_offers_far_beyond_the_market_leave_recorded_books_valid(real_data: Path) -> None:
    tape = open_tape(real_data / "venue_captures" / "coinbase_2021-04-17.jsonl.gz")
    highest = 0
    for (venue, venue_symbol), grid in tape.books.items():
        ladder, reference = Ladder(grid), ReferenceBook(grid)
        for block in tape.blocks(venue, venue_symbol):
            highest = max(highest, int(block.price_ticks.max()))
            assert ladder.apply(block).valid.all(), venue_symbol
            for row in rows_of(block):
                reference.apply(row)
        assert np.array_equal(ladder.top(10**6).asks, reference.snapshot().asks)
        assert ladder.refused_n == 0
    assert highest > 2**42
