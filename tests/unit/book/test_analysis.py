"""One call tells everything; what cannot be told is null with a reason; the record of thirteen fields."""

import math
from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from liquidity.book import BookSnapshot, decay_imbalance
from liquidity.book.analysis import LiquidityAnalysis, analyse, book_liquidity_score, order_book_snapshot
from liquidity.book.toxicity import book_toxicity
from liquidity.domain.errors import ContractError
from liquidity.domain.market_data import OrderBookSnapshot

RNG = np.random.default_rng(7)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def deep(levels: int = 1_000, step: float = 1.0, best: float = 60_000.0) -> BookSnapshot:
    sides = []
    for sign in (-1, 1):
        prices = best + sign * step * (np.arange(levels) + 0.5)
        sides.append(np.column_stack((prices, 1.0 + RNG.exponential(2.0, levels))))
    return BookSnapshot(*sides)


@pytest.mark.feature("PL-OB-01")
def test_one_call_with_all_inputs_tells_every_figure() -> None:
    book = deep()
    quotes = [[100.0, 50.0 + k, 100.1, 50.0] for k in range(80)]
    seen = analyse(
        book,
        volume_24h_quote=1e9,
        half_life_s=5.0,
        tick_size=1.0,
        previous=deep(),
        toxicity=book_toxicity(quotes),
    )
    assert seen.reasons == {}
    for name, value in ((field.name, getattr(seen, field.name)) for field in fields(LiquidityAnalysis)):
        if isinstance(value, float):
            assert math.isfinite(value), name
        else:
            assert value is not None, name
    assert all(math.isfinite(cost) for cost in seen.xlm_bps)
    assert 0 <= seen.liquidity_score <= 100
    assert seen.score.coverage_frac == pytest.approx(1.0)
    assert len(seen.depth.bands) == 6
    assert len(seen.depth.costs) == 6


@pytest.mark.feature("PL-OB-01")
def test_what_cannot_be_told_has_a_reason() -> None:
    seen = analyse(deep(5))
    assert seen.reasons == {
        "order_flow_toxicity": "no_flow",
        "depth_pressure": "no_previous_book",
        "xlm_bps": "beyond_visible_book",
    }
    for book, reason in [
        (BookSnapshot.from_levels([], []), "empty_book"),
        (BookSnapshot.from_levels([], [[1, 1]]), "no_bids"),
        (BookSnapshot.from_levels([[1, 1]], []), "no_asks"),
        (BookSnapshot.from_levels([[2, 1]], [[1, 1]]), "crossed_book"),
    ]:
        blind = analyse(book, volume_24h_quote=1e9, half_life_s=1.0)
        missing = {name for name in blind.reasons if getattr(blind, name) is None}
        nulls = {field.name for field in fields(blind) if getattr(blind, field.name) is None}
        assert missing == nulls - {"toxicity"}
        assert blind.reasons["mid"] == blind.reasons["liquidity_score"] == reason
        assert blind.depth.reason == reason


@pytest.mark.feature("PL-OB-06")
def test_distance_weighted_imbalance_of_symmetric_one_sided_and_scaled_books() -> None:
    half = np.arange(1, 30) * 0.25
    size = RNG.exponential(1.0, 29)
    even = BookSnapshot(np.column_stack((100 - half, size)), np.column_stack((100 + half, size)))
    assert analyse(even).distance_weighted_imbalance == pytest.approx(0.0, abs=1e-12)
    assert analyse(BookSnapshot(even.bids, np.empty((0, 2)))).distance_weighted_imbalance == 1.0
    book = deep(50)
    scaled = BookSnapshot(book.bids * [1, 1e6], book.asks * [1, 1e6])
    assert analyse(scaled).distance_weighted_imbalance == pytest.approx(analyse(book).distance_weighted_imbalance)
    assert analyse(book).distance_weighted_imbalance == decay_imbalance(book, 50, 5.0).imbalance


@pytest.mark.feature("PL-OB-16")
def test_bid_ask_imbalance_by_hand_and_for_an_empty_book() -> None:
    assert analyse(BookSnapshot.from_levels([[99, 3], [98, 3]], [[101, 2]])).bid_ask_imbalance == 0.5
    empty = analyse(BookSnapshot.from_levels([], []))
    assert empty.bid_ask_imbalance is None
    assert empty.reasons["bid_ask_imbalance"] == "empty_book"


@pytest.mark.feature("PL-OB-03")
def test_doubling_only_bids_moves_only_the_bid_figures() -> None:
    book = deep(100)
    doubled = BookSnapshot(book.bids * [1, 2], book.asks)
    before, after = (analyse(each, volume_24h_quote=1e9) for each in (book, doubled))
    assert after.bid_liquidity_score > before.bid_liquidity_score
    assert after.ask_liquidity_score == before.ask_liquidity_score
    assert after.bid_depth_quote == 2 * before.bid_depth_quote
    assert after.ask_depth_quote == before.ask_depth_quote


def test_a_balanced_book_scores_the_same_on_both_sides() -> None:
    half = np.arange(1, 50) * 0.01
    even = BookSnapshot(
        np.column_stack((100 - half, 50 / (100 - half))), np.column_stack((100 + half, 50 / (100 + half)))
    )
    seen = analyse(even, volume_24h_quote=1e8)
    assert seen.bid_liquidity_score == pytest.approx(seen.liquidity_score)
    assert seen.ask_liquidity_score == pytest.approx(seen.liquidity_score)
    assert book_liquidity_score(even, volume_24h_quote=1e8).score == seen.liquidity_score


@pytest.mark.feature("PL-CT-01")
def test_the_record_holds_thirteen_fields_that_equal_recomputation() -> None:
    book = deep(25)
    record = order_book_snapshot(
        book, analyse(book, previous=deep(25)), symbol="BTC/USDT", exchange="binance", timestamp=AT
    )
    assert len(fields(OrderBookSnapshot)) == 13
    assert record.spread == record.asks[0][0] - record.bids[0][0]
    bid_volume, ask_volume = (math.fsum(size for _, size in side) for side in (record.bids, record.asks))
    assert record.total_bid_volume == pytest.approx(bid_volume)
    assert record.total_ask_volume == pytest.approx(ask_volume)
    assert record.bid_ask_imbalance == pytest.approx((bid_volume - ask_volume) / (bid_volume + ask_volume))
    assert record.depth_levels == 25
    assert record.order_flow_toxicity is None
    assert -1 <= record.depth_pressure <= 1
    assert 0 <= record.liquidity_score <= 100


@pytest.mark.feature("PL-CT-01")
def test_the_record_refuses_what_is_no_book() -> None:
    book = deep(3)
    seen = analyse(book)
    unsorted = BookSnapshot(book.bids[::-1].copy(), book.asks)
    with pytest.raises(ContractError, match="strictly fall"):
        order_book_snapshot(unsorted, seen, symbol="X", exchange="y", timestamp=AT)
    with pytest.raises(ContractError, match="the book it was made of"):
        order_book_snapshot(deep(4), seen, symbol="X", exchange="y", timestamp=AT)
    with pytest.raises(ContractError, match="naive"):
        order_book_snapshot(book, seen, symbol="X", exchange="y", timestamp=AT.replace(tzinfo=None))
    good = order_book_snapshot(book, seen, symbol="X", exchange="y", timestamp=AT)
    with pytest.raises(ContractError, match="above 0"):
        replace(good, bids=((1.0, -1.0),))
