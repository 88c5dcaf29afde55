"""The compiled ladder equals the slow reference at every row, whatever the stream and wherever it is cut."""

import itertools
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.book import depth_bps, ofi, quoted_spread, weighted_mid
from liquidity.book.block import DELTA, INVALIDATE, SNAPSHOT, BookBlock
from liquidity.book.book_features import MAX_LOTS, MAX_TICKS, NO_FLOW, BookFeatures
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Cadence, Ladder
from liquidity.book.reference import ReferenceBook, replay_reference, rows_of

LINEAR = BookGrid(Decimal("0.1"), Decimal("0.001"), 1.0, "linear")
INVERSE = BookGrid(Decimal("0.1"), Decimal("1"), 100.0, "inverse")
CADENCES: tuple[Cadence, ...] = ("update", "message", 7)


def book_block(rows: list[tuple[int, int, int, bool, int, int, int]]) -> BookBlock:
    """Rows (received_ns, event_ns, action, message_end, side, price_ticks, size_lots) without ids."""
    columns = list(zip(*rows, strict=True)) or [()] * 7
    types = (np.int64, np.int64, np.int8, np.bool_, np.int8, np.int64, np.int64)
    ids = np.full(len(rows), -1, np.int64)
    return BookBlock(*(np.array(column, dtype) for column, dtype in zip(columns, types, strict=True)), ids, ids, ids)


def part(block: BookBlock, first: int, stop: int) -> BookBlock:
    return BookBlock(*(getattr(block, name)[first:stop] for name in BookBlock.__slots__))


def told(block: BookBlock, grid: BookGrid, every: Cadence, cuts: list[int]) -> list[BookFeatures]:
    ladder = Ladder(grid)
    edges = [0, *sorted(min(cut, len(block)) for cut in cuts), len(block)]
    rows: list[BookFeatures] = []
    for first, stop in itertools.pairwise(edges):
        figures = ladder.apply(part(block, first, stop), every)
        rows += [figures.row(place) for place in range(len(figures))]
    return rows


def same(fast: BookFeatures, slow: BookFeatures) -> bool:
    """Integers equal, floats bit-equal: both divide the same exact sums in the same order."""
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(fast, slow, strict=True))


@st.composite
def streams(draw: st.DrawFn) -> BookBlock:
    """A drifting market with far orders, crossings, empty sides, refused levels, snapshots and invalidations."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    mid = draw(st.sampled_from([40, 3_000, 600_000, 2**31]))
    width = draw(st.sampled_from([3, max(4, mid // 300), max(4, mid // 4)]))
    drift = draw(st.sampled_from([0.0, 0.01, -0.01]))
    refused = draw(st.sampled_from([0.0, 0.02]))
    rows: list[tuple[int, int, int, bool, int, int, int]] = []
    clock = draw(st.integers(0, 1_000))
    for number in range(draw(st.integers(1, 60))):
        clock += int(rng.integers(0, 12))
        dice = rng.random()
        centre = max(2, int(mid * (1 + drift) ** number))
        if number and dice < 0.03:
            rows.append((clock, clock, INVALIDATE, True, 0, 0, 0))
            continue
        if dice < 0.06 and number:
            rows.append((clock, -1, DELTA, True, 0, 0, 0))
            continue
        action = SNAPSHOT if number == draw(st.integers(0, 1)) or dice > 0.97 else DELTA
        count = int(rng.integers(1, 14))
        for place in range(count):
            side = int(rng.choice([1, -1]))
            away = int(rng.integers(-1 if rng.random() < 0.1 else 1, width))
            tick = max(1, centre - side * away)
            if rng.random() < 0.05:
                tick = max(1, int(tick * rng.choice([0.1, 0.7, 1.5, 8.0])))
            size = 0 if rng.random() < 0.35 and action == DELTA else int(rng.integers(1, 9))
            if rng.random() < 0.02:
                size = MAX_LOTS
            if rng.random() < refused:
                tick, size = [(0, 1), (MAX_TICKS + 1, 1), (tick, -1), (tick, MAX_LOTS + 1)][int(rng.integers(4))]
            rows.append((clock, clock + 5, action, place == count - 1, side, min(tick, MAX_TICKS + 1), size))
    return book_block(rows)


@pytest.mark.feature("PL-CT-02", "PL-OB-16")
@settings(max_examples=150, deadline=None)
@given(
    streams(), st.sampled_from(CADENCES), st.sampled_from([LINEAR, INVERSE]), st.lists(st.integers(0, 400), max_size=6)
)
def test_ladder_equals_reference_at_every_row(
    block: BookBlock, every: Cadence, grid: BookGrid, cuts: list[int]
) -> None:
    fast, slow = told(block, grid, every, cuts), list(replay_reference([block], grid, every))
    assert len(fast) == len(slow)
    for mine, judge in zip(fast, slow, strict=True):
        assert same(mine, judge), (mine, judge)


@settings(max_examples=60, deadline=None)
@given(streams(), st.lists(st.integers(0, 400), max_size=3))
def test_levels_equal_the_reference(block: BookBlock, cuts: list[int]) -> None:
    ladder, reference = Ladder(LINEAR), ReferenceBook(LINEAR)
    edges = [0, *sorted(min(cut, len(block)) for cut in cuts), len(block)]
    for first, stop in itertools.pairwise(edges):
        rows = part(block, first, stop)
        ladder.apply(rows, "message")
        for row in rows_of(rows):
            reference.apply(row)
        whole = reference.snapshot()
        for n in (1, 5, 10_000):
            assert np.array_equal(ladder.top(n).bids, whole.bids[:n])
            assert np.array_equal(ladder.top(n).asks, whole.asks[:n])
        assert ladder.refused_n == reference.refused_n
        if reference.reason == 0:
            limit = whole.mid * (30 / 1e4 + 1e-12)
            near = ladder.levels_within(30)
            assert np.array_equal(near.bids, whole.bids[whole.mid - whole.bids[:, 0] <= limit])
            assert np.array_equal(near.asks, whole.asks[whole.asks[:, 0] - whole.mid <= limit])


@settings(max_examples=60, deadline=None)
@given(streams(), st.sampled_from([LINEAR, INVERSE]))
def test_figures_equal_the_scalar_functions(block: BookBlock, grid: BookGrid) -> None:
    """Relative 1e-12: the scalar functions add rounded prices, the ladder rounds one exact sum."""
    ladder, reference = Ladder(grid), ReferenceBook(grid)
    for first in range(0, len(block), 17):
        rows = part(block, first, first + 17)
        figures = ladder.apply(rows, "update")
        for row in rows_of(rows):
            reference.apply(row)
        if not len(figures) or rows.action[-1] == SNAPSHOT or not figures.row(len(figures) - 1).valid:
            continue  # inside of a snapshot nothing is told
        row_now, book = figures.row(len(figures) - 1), reference.snapshot()
        if row_now.best_ask_ticks > 10_000_000:
            continue  # the guard of depth_bps against rounding (1e-12 of the mid) is then wider than a step of the edge
        spread = quoted_spread(book.bids[0, 0], book.asks[0, 0])
        assert row_now.quoted_spread_bps == pytest.approx(spread.bps, rel=1e-9, abs=1e-9)
        leaning = weighted_mid(book.bids[0, 0], book.asks[0, 0], book.bids[0, 1], book.asks[0, 1])
        assert row_now.weighted_mid == pytest.approx(leaning.weighted_mid, rel=1e-12)
        for bps in (10, 25, 50):
            depth = depth_bps(book, bps)
            for side in ("bid", "ask"):
                base, quote = getattr(depth, f"{side}_base"), getattr(depth, f"{side}_quote")
                expected = base * 100.0 if grid.kind == "inverse" else quote
                assert getattr(row_now, f"{side}_depth_{bps}bps_quote") == pytest.approx(expected, rel=1e-12, abs=0.0)
        if grid.kind != "inverse" and depth_bps(book, 50).imbalance is not None:
            assert row_now.bid_ask_imbalance == pytest.approx(depth_bps(book, 50).imbalance, rel=1e-12, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(streams(), st.sampled_from(["update", "message"]))
def test_flow_equals_the_scalar_function(block: BookBlock, every: Cadence) -> None:
    rows = told(block, LINEAR, every, [])
    missing = [None] * 4
    quotes = [
        [r.best_bid_ticks, r.best_bid_lots, r.best_ask_ticks, r.best_ask_lots] if r.valid else missing for r in rows
    ]
    if any(r.invalid_reason == "too_large" for r in rows):
        return  # a flow exists there, but its row tells no figure
    for row, event in zip(rows[1:], ofi(quotes).events, strict=True):
        if event is None or abs(event) < 2**53 / 4:
            assert row.ofi_lots == (NO_FLOW if event is None else event)
        else:  # the scalar function adds up to four floats, which step by more than one lot from 2**53 on
            assert row.ofi_lots == pytest.approx(event, rel=1e-15, abs=0)


@settings(max_examples=60, deadline=None)
@given(streams(), st.sampled_from(CADENCES), st.integers(0, 300))
def test_dropping_the_future_changes_nothing(block: BookBlock, every: Cadence, cut: int) -> None:
    whole, past = told(block, LINEAR, every, []), told(part(block, 0, cut), LINEAR, every, [])
    assert len(past) <= len(whole)
    assert all(same(now, then) for now, then in zip(past, whole, strict=False))
    if isinstance(every, int):
        seen = int(block.received_ns[: max(cut, 1)].max())
        assert all(row.at_ns % every == 0 and row.at_ns < seen for row in past)
