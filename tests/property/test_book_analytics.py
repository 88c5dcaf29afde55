"""What must hold for the analysis of any book."""

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.book import BookSnapshot, book_sweep, depth_bps, effective_spread
from liquidity.book.analysis import LiquidityAnalysis, analyse
from liquidity.book.book_score import ANCHORS, book_score
from liquidity.book.clusters import order_clusters
from liquidity.book.consolidated import VenueBook, consolidate
from liquidity.book.depth_bands import market_depth
from liquidity.book.pressure import depth_pressure
from liquidity.book.toxicity import book_toxicity, trade_toxicity
from liquidity.book.trade_costs import trade_costs
from liquidity.book.walls import heavy_levels

SIZE = st.floats(1e-6, 1e6)


@st.composite
def books(draw: st.DrawFn, min_levels: int = 0) -> BookSnapshot:
    """Books around 100 on a grid of 0.05, never crossed."""
    sides = []
    for sign in (-1, 1):
        ticks = sorted(draw(st.lists(st.integers(1, 400), min_size=min_levels, max_size=25, unique=True)))
        sides.append([[round(100 + sign * 0.05 * tick, 2), draw(SIZE)] for tick in ticks])
    return BookSnapshot.from_levels(*sides)


@given(book=books(), before=books(), volume=st.none() | st.floats(0, 1e12))
@settings(max_examples=150, deadline=None)
@pytest.mark.feature("PL-OB-01")
def test_every_figure_is_finite_or_has_a_reason(book: BookSnapshot, before: BookSnapshot, volume: float | None) -> None:
    seen = analyse(book, volume_24h_quote=volume, previous=before, tick_size=0.05)
    for name in (field.name for field in fields(LiquidityAnalysis)):
        value = getattr(seen, name)
        if value is None:
            assert name == "toxicity" or name in seen.reasons
        elif isinstance(value, float):
            assert math.isfinite(value)
    for name in ("liquidity_score", "bid_liquidity_score", "ask_liquidity_score"):
        assert getattr(seen, name) is None or 0 <= getattr(seen, name) <= 100
    for name in ("bid_ask_imbalance", "distance_weighted_imbalance", "depth_pressure"):
        assert getattr(seen, name) is None or -1 <= getattr(seen, name) <= 1


@given(book=books(min_levels=1), scale=st.floats(1e-3, 1e3))
@settings(max_examples=100, deadline=None)
def test_scaling_all_sizes_changes_no_ratio(book: BookSnapshot, scale: float) -> None:
    scaled = BookSnapshot(book.bids * [1, scale], book.asks * [1, scale])
    for name in ("bid_ask_imbalance", "distance_weighted_imbalance", "spread_bps", "weighted_mid"):
        mine, theirs = getattr(analyse(book), name), getattr(analyse(scaled), name)
        assert (mine is None) == (theirs is None)
        assert mine is None or mine == pytest.approx(theirs, abs=1e-9)
    assert {each.price for each in heavy_levels(book, volume_24h_quote=None)} == {
        each.price for each in heavy_levels(scaled, volume_24h_quote=None)
    }


@given(first=books(min_levels=1), second=books(min_levels=1))
@settings(max_examples=150, deadline=None)
@pytest.mark.feature("PL-OB-08")
def test_pressure_is_bounded_and_antisymmetric_in_the_sides(first: BookSnapshot, second: BookSnapshot) -> None:
    pressure = depth_pressure(first, second).pressure
    assert pressure is None or -1 <= pressure <= 1

    def mirrored(book: BookSnapshot) -> BookSnapshot:
        flipped = (np.column_stack((200 - side[:, 0], side[:, 1])) for side in (book.asks, book.bids))
        return BookSnapshot(*flipped)

    other = depth_pressure(mirrored(first), mirrored(second)).pressure
    # Notionals of mirrored prices differ a little; signs agree wherever the pressure is not tiny.
    if pressure is not None and other is not None and abs(pressure) > 0.3:
        assert np.sign(other) == -np.sign(pressure)


@given(book=books(min_levels=1), band=st.floats(1e-5, 0.5), notional=st.floats(1e-2, 1e9))
@settings(max_examples=150, deadline=None)
@pytest.mark.feature("PL-OB-10")
def test_bands_and_costs_are_the_primitives(book: BookSnapshot, band: float, notional: float) -> None:
    depth = market_depth(book, bands_frac=[band], notionals_quote=[notional])
    judge = depth_bps(book, band * 1e4)
    assert depth.bands[0].bid_quote == pytest.approx(judge.bid_quote, rel=1e-9)
    assert depth.bands[0].ask_base == pytest.approx(judge.ask_base, rel=1e-9)
    for cost, side in zip(depth.costs, (1, -1), strict=True):
        assert cost.filled_quote + cost.unfilled_quote == pytest.approx(notional)
        assert (cost.cost_bps is None) == (cost.unfilled_quote > 0)
        fill = book_sweep(book, side, cost.filled_quote / cost.avg_price)
        assert fill.avg_price == pytest.approx(cost.avg_price, rel=1e-9)
        if cost.cost_bps is not None:
            assert fill.slippage_bps == pytest.approx(cost.cost_bps, abs=1e-5)


@given(book=books(min_levels=1), tick=st.none() | st.sampled_from([0.05, 0.5]))
@settings(max_examples=100, deadline=None)
@pytest.mark.feature("PL-OB-05")
def test_clusters_hold_the_levels_of_their_span(book: BookSnapshot, tick: float | None) -> None:
    for cluster in order_clusters(book, tick_size=tick):
        side = book.bids if cluster.side == "bid" else book.asks
        inside = side[(side[:, 0] >= cluster.low) & (side[:, 0] <= cluster.high)]
        assert len(inside) == cluster.levels >= 2
        assert inside[:, 1].sum() == pytest.approx(cluster.size_base)
        assert inside.prod(axis=1).sum() == pytest.approx(cluster.notional_quote)


@given(
    trades=st.lists(st.tuples(st.floats(0.01, 100), st.sampled_from([-1, 1])), max_size=200),
    volume=st.floats(0.1, 50),
    window=st.integers(1, 20),
)
@settings(max_examples=100, deadline=None)
@pytest.mark.feature("PL-OB-07")
def test_toxicity_is_bounded_and_turns_with_the_sides(trades: list, volume: float, window: int) -> None:
    size, side = [trade[0] for trade in trades], [trade[1] for trade in trades]
    found = trade_toxicity(size, side, bucket_volume=volume, window=window)
    turned = trade_toxicity(size, [-each for each in side], bucket_volume=volume, window=window)
    assert (found.toxicity is None) == (found.reason is not None)
    if found.toxicity is not None:
        assert -1 <= found.toxicity <= 1
        assert 0 <= found.vpin <= 1
        assert abs(found.net_frac) <= found.vpin + 1e-9
        assert found.vpin == pytest.approx(turned.vpin, abs=1e-9)


@given(
    rows=st.lists(
        st.tuples(st.integers(90, 99), st.floats(0, 50), st.integers(100, 110), st.floats(0, 50)), max_size=120
    )
)
@settings(max_examples=100, deadline=None)
@pytest.mark.feature("PL-OB-07")
def test_the_fallback_is_bounded_and_labelled(rows: list) -> None:
    found = book_toxicity(rows, buckets=10)
    assert found.method == "book_flow"
    assert found.toxicity is None or -1 <= found.toxicity <= 1
    assert (found.toxicity is None) == (found.reason is not None)


@given(
    name=st.sampled_from(list(ANCHORS)),
    values=st.lists(st.floats(0, 1e12), min_size=2, max_size=2),
    others=st.fixed_dictionaries({key: st.none() | st.floats(0, 1e12) for key in ANCHORS}),
)
@settings(max_examples=200, deadline=None)
@pytest.mark.feature("PL-OB-02")
def test_the_score_is_monotone_whatever_the_others_are(name: str, values: list[float], others: dict) -> None:
    low, high = (book_score(**{**others, name: value}).score for value in sorted(values))
    worst, best = ANCHORS[name]
    assert (low is None) == (high is None)
    if low is not None:
        assert (high - low) * np.sign(best - worst) >= -1e-9


@given(venues=st.lists(books(), max_size=4))
@settings(max_examples=100, deadline=None)
@pytest.mark.feature("PL-OB-15")
def test_nothing_is_lost_or_invented_in_the_whole_book(venues: list[BookSnapshot]) -> None:
    whole = consolidate([VenueBook(str(k), "USD", 0, book) for k, book in enumerate(venues)], now_ns=0)
    for side in ("bids", "asks"):
        levels = getattr(whole.book, side)
        assert levels[:, 1].sum() == pytest.approx(sum(getattr(book, side)[:, 1].sum() for book in venues))
        prices = {price for book in venues for price in getattr(book, side)[:, 0].tolist()}
        assert levels[:, 0].tolist() == sorted(prices, reverse=side == "bids")
    assert not whole.crossed, "no venue of this test lies beyond 100"


@given(
    trades=st.lists(st.tuples(st.integers(0, 1_000), st.floats(1, 1e5), st.sampled_from([-1, 0, 1])), max_size=30),
    mids=st.lists(st.tuples(st.integers(0, 1_000), st.floats(1, 1e5)), max_size=30),
    horizon=st.integers(1, 200),
)
@settings(max_examples=100, deadline=None)
@pytest.mark.feature("PL-OB-09")
def test_every_trade_is_the_one_trade_function_on_a_plain_search(trades: list, mids: list, horizon: int) -> None:
    mids = sorted(mids, key=lambda row: row[0])
    mid_ns, mid = np.array([row[0] for row in mids], dtype=np.int64), [row[1] for row in mids]
    costs = trade_costs(
        np.array([row[0] for row in trades], dtype=np.int64),
        [row[1] for row in trades],
        [row[2] for row in trades],
        mid_ns,
        mid,
        horizons_s=[horizon / 1e9],
    )
    for row, (at, price, sign) in enumerate(trades):
        before = next((m for t, m in reversed(mids) if t < at), None)
        after = (
            next((m for t, m in reversed(mids) if t <= at + horizon), None)
            if mids and mids[-1][0] >= at + horizon
            else None
        )
        judge = effective_spread(price, before, after, sign)
        for mine, theirs in (
            (costs.effective_bps[row], judge.effective_bps),
            (costs.realised_bps[row, 0], judge.realised_bps),
            (costs.impact_bps[row, 0], judge.impact_bps),
        ):
            assert np.isnan(mine) if theirs is None else mine == pytest.approx(theirs, rel=1e-9, abs=1e-6)
