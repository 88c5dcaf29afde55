"""Order clusters: planted groups are recovered with span and volume."""

import numpy as np
import pytest

from liquidity.book import BookSnapshot
from liquidity.book.clusters import ClusterRule, ClusterTracker, order_clusters
from liquidity.domain.errors import ConfigError

TICK = 0.01
LONE = np.round(np.arange(0.05, 2.0, 0.1), 2)


def with_lone_levels(sign: int, heavy: dict[float, float]) -> list[list[float]]:
    """Levels of 10 every ten ticks, and the heavy ones."""
    return [[round(100 + sign * k, 2), 10.0] for k in LONE.tolist()] + [list(row) for row in heavy.items()]


def planted() -> BookSnapshot:
    bids = with_lone_levels(-1, {99.61: 40.0, 99.6: 30.0, 99.59: 60.0, 98.61: 40.0, 98.59: 50.0})
    return BookSnapshot.from_levels(bids, with_lone_levels(1, {101.39: 20.0, 101.4: 20.0, 101.41: 10.0}))


EMPTY = BookSnapshot.from_levels(with_lone_levels(-1, {}), with_lone_levels(1, {}))


@pytest.mark.feature("PL-OB-05")
def test_three_planted_clusters_are_recovered() -> None:
    found = order_clusters(planted(), tick_size=TICK)
    assert [(each.side, each.low, each.high, each.levels) for each in found] == [
        ("bid", 99.59, 99.61, 3),
        ("bid", 98.59, 98.61, 2),
        ("ask", 101.39, 101.41, 3),
    ]
    near, far, ask = found
    assert (near.size_base, far.size_base, ask.size_base) == (130.0, 90.0, 50.0)
    assert near.notional_quote == pytest.approx(40 * 99.61 + 30 * 99.6 + 60 * 99.59)
    assert near.distance_bps == pytest.approx(39.0)
    assert ask.distance_bps == pytest.approx(139.0)
    assert near.median_multiple == pytest.approx(13.0, rel=0.02)


def test_a_gap_of_three_ticks_joins_and_four_part() -> None:
    def book(gap: int) -> BookSnapshot:
        near = round(99.0 - TICK * gap, 2)
        return BookSnapshot.from_levels([[99.9, 1], [99.0, 50], [near, 50], [98.8, 1], [98.6, 1]], [[100.1, 1]])

    assert [each.levels for each in order_clusters(book(3), tick_size=TICK)] == [2]
    assert not order_clusters(book(4), tick_size=TICK)


def test_without_a_tick_the_gap_is_two_bps() -> None:
    rows = [[99.99, 1], [99.0, 50], [98.98, 50], [98.7, 1], [98.5, 1]]
    found = order_clusters(BookSnapshot.from_levels(rows, [[100.01, 1]]), tick_size=None)
    assert [(each.low, each.high) for each in found] == [(98.98, 99.0)]
    rows[2][0] = 98.97
    assert not order_clusters(BookSnapshot.from_levels(rows, [[100.01, 1]]), tick_size=None)


def test_an_even_book_has_no_cluster_and_a_lone_level_is_none() -> None:
    even = BookSnapshot.from_levels([[100 - k, 5] for k in range(1, 9)], [[100 + k, 5] for k in range(1, 9)])
    assert order_clusters(even, tick_size=TICK, rule=ClusterRule(band_frac=0.5)) == ()
    heavy = BookSnapshot.from_levels([[99.9, 1], [99.0, 500], [98.5, 1]], [[100.1, 1]])
    assert order_clusters(heavy, tick_size=TICK) == ()


def test_a_book_without_a_mid_has_none() -> None:
    assert order_clusters(BookSnapshot.from_levels([], [[100.0, 1]]), tick_size=TICK) == ()


def test_dust_next_to_dust_is_no_cluster() -> None:
    dust = [[round(100 - 0.05 * k, 2), 5.0 if k == 20 else 0.001] for k in range(1, 35)]
    pair = [[98.0, 0.01], [98.01, 0.01]]
    book = BookSnapshot.from_levels([*dust, *pair], [[100.05, 1]])
    assert not [each for each in order_clusters(book, tick_size=TICK) if each.low == 98.0]
    found = order_clusters(book, tick_size=TICK, rule=ClusterRule(min_side_frac=0.0))
    assert [each.low for each in found] == [98.0]


def test_persistence_counts_the_snapshots_that_showed_it() -> None:
    tracker = ClusterTracker()
    seen = [tracker.update(k * 10**9, planted() if k != 1 else EMPTY, tick_size=TICK) for k in range(4)]
    assert [len(view) for view in seen] == [3, 0, 3, 3]
    assert [each.persistence_frac for each in seen[3]] == [0.75] * 3
    assert seen[3][0].age_s == 3.0


def test_a_cluster_that_moves_a_little_stays_the_same() -> None:
    tracker = ClusterTracker()
    tracker.update(0, planted(), tick_size=TICK)
    moved = planted()
    moved.bids[moved.bids[:, 0] == 99.61, 0] = 99.62
    first = tracker.update(10**9, moved, tick_size=TICK)[0]
    assert first.cluster.high == 99.65, "the lone level at 99.65 is three ticks away now"
    assert first.persistence_frac == 1.0


def test_a_cluster_away_for_long_is_forgotten() -> None:
    tracker = ClusterTracker(forget_snapshots=2)
    tracker.update(0, planted(), tick_size=TICK)
    for k in range(1, 4):
        tracker.update(k, EMPTY, tick_size=TICK)
    assert tracker.update(5, planted(), tick_size=TICK)[0].persistence_frac == 1.0
    assert len(tracker._tracks) == 3


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="tick_size"):
        order_clusters(planted(), tick_size=0.0)
    with pytest.raises(ConfigError, match="ClusterRule"):
        ClusterRule(multiple=0.0)
    with pytest.raises(ConfigError, match="ClusterRule"):
        ClusterRule(min_side_frac=1.0)
