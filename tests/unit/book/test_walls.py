"""Walls: heavy levels that last; flickering ones are no walls."""

import numpy as np
import pytest

from liquidity.book import BookSnapshot
from liquidity.book.units import in_base_units
from liquidity.book.walls import WallRule, WallTracker, heavy_levels
from liquidity.domain.errors import ConfigError

S = 10**9
N = 40


def planted(price: float | None = 99.6, multiple: float = 8.0, side: str = "bid", mid: float = 100.0) -> BookSnapshot:
    """A book of 40 equal levels a side every 0.1, one of them heavier."""
    sides = []
    for sign in (-1, 1):
        prices = np.round(mid + sign * 0.1 * np.arange(1, N + 1), 1)
        size = 10_000.0 / prices
        here = (sign == -1) == (side == "bid")
        if price is not None and here:
            size[prices == price] *= multiple
        sides.append(np.column_stack((prices, size)))
    return BookSnapshot(*sides)


@pytest.mark.feature("PL-OB-04")
@pytest.mark.parametrize(("side", "price"), [("bid", 99.6), ("ask", 101.3)])
def test_the_planted_level_is_found_at_its_price(side: str, price: float) -> None:
    (level,) = heavy_levels(planted(price, side=side), volume_24h_quote=1e6)
    assert (level.side, level.price) == (side, price)
    assert level.notional_quote == pytest.approx(80_000)
    assert level.median_multiple == pytest.approx(8.0)
    assert level.distance_bps == pytest.approx(1e4 * abs(price - 100) / 100)


@pytest.mark.feature("PL-OB-04")
def test_it_is_a_wall_from_its_third_snapshot_in_a_row() -> None:
    tracker = WallTracker()
    views = [tracker.update(k * S, planted(), volume_24h_quote=1e6) for k in range(4)]
    assert [len(view.walls) for view in views] == [0, 0, 1, 1]
    assert [[wall.state for wall in view.unconfirmed] for view in views] == [["new"], ["new"], [], []]
    assert views[3].walls[0].seen_in_a_row == 4
    assert views[3].walls[0].persistence_frac == 1.0
    assert views[3].walls[0].age_s == 3.0


def test_thirty_seconds_are_enough_for_slow_snapshots() -> None:
    tracker = WallTracker()
    assert not tracker.update(0, planted(), volume_24h_quote=None).walls
    assert tracker.update(30 * S, planted(), volume_24h_quote=None).walls
    tracker = WallTracker()
    tracker.update(0, planted(), volume_24h_quote=None)
    assert not tracker.update(30 * S - 1, planted(), volume_24h_quote=None).walls


@pytest.mark.feature("PL-OB-04")
def test_a_flickering_level_is_never_a_wall() -> None:
    tracker = WallTracker()
    views = [tracker.update(k * S, planted() if k % 3 < 2 else planted(None), volume_24h_quote=1e6) for k in range(30)]
    assert not any(view.walls for view in views)
    assert [each.state for each in views[0].unconfirmed] == ["new"]
    assert all(view.unconfirmed[0].state == "flickering" for view in views[3:] if view.unconfirmed)
    assert sum(len(view.vanished) for view in views) == 10
    last = views[28].unconfirmed[0]
    assert last.flickers == 9
    assert last.persistence_frac == pytest.approx(20 / 29)


def test_a_level_the_market_reached_did_not_flicker() -> None:
    tracker = WallTracker()
    tracker.update(0, planted(99.6), volume_24h_quote=None)
    view = tracker.update(S, planted(None, mid=99.0), volume_24h_quote=None)
    assert view.vanished == ()


def test_a_wall_that_ends_is_no_flicker() -> None:
    tracker = WallTracker()
    for k in range(5):
        tracker.update(k * S, planted(), volume_24h_quote=None)
    assert tracker.update(5 * S, planted(None), volume_24h_quote=None).vanished == ()


def test_flickers_are_forgotten() -> None:
    tracker = WallTracker(WallRule(memory_s=5.0))
    tracker.update(0, planted(), volume_24h_quote=None)
    tracker.update(S, planted(None), volume_24h_quote=None)
    tracker.update(7 * S, planted(None), volume_24h_quote=None)
    (back,) = tracker.update(8 * S, planted(), volume_24h_quote=None).unconfirmed
    assert (back.state, back.flickers) == ("new", 0)


def test_the_floor_is_a_share_of_the_daily_volume() -> None:
    volume = 80_000 / 0.0025
    assert heavy_levels(planted(), volume_24h_quote=volume * 0.999)
    assert not heavy_levels(planted(), volume_24h_quote=volume * 1.001)
    assert WallTracker().update(0, planted(), volume_24h_quote=None).floor_quote is None
    with pytest.raises(ConfigError, match="volume_24h_quote"):
        heavy_levels(planted(), volume_24h_quote=-1.0)


def test_beyond_the_band_there_are_no_walls() -> None:
    assert heavy_levels(planted(98.0), volume_24h_quote=None)
    assert not heavy_levels(planted(97.9), volume_24h_quote=None)


def test_the_median_rolls_over_snapshots() -> None:
    """One odd moment in which all other levels are tiny makes no wall."""
    tracker = WallTracker()
    for k in range(5):
        tracker.update(k * S, planted(None), volume_24h_quote=None)
    usual = planted(None)
    odd = BookSnapshot(usual.bids * [1, 0.01], usual.asks)
    odd.bids[5, 1] = usual.bids[5, 1]
    assert heavy_levels(odd, volume_24h_quote=None)
    view = tracker.update(5 * S, odd, volume_24h_quote=None)
    assert view.walls == view.unconfirmed == ()


def test_an_unknown_book_confirms_and_ends_nothing() -> None:
    tracker = WallTracker()
    tracker.update(0, planted(), volume_24h_quote=None)
    tracker.update(S, planted(), volume_24h_quote=None)
    crossed = BookSnapshot.from_levels([[101.0, 1]], [[100.0, 1]])
    assert tracker.update(2 * S, crossed, volume_24h_quote=None).vanished == ()
    (wall,) = tracker.update(3 * S, planted(), volume_24h_quote=None).walls
    assert wall.persistence_frac == 1.0


def test_unknown_time_makes_no_wall() -> None:
    tracker = WallTracker()
    tracker.update(0, planted(), volume_24h_quote=None)
    tracker.update(10 * S, BookSnapshot.from_levels([], []), volume_24h_quote=None)
    (level,) = tracker.update(60 * S, planted(), volume_24h_quote=None).unconfirmed
    assert (level.state, level.age_s, level.seen_in_a_row) == ("new", 0.0, 2)


def test_a_level_that_still_rests_has_not_flickered() -> None:
    tracker = WallTracker()
    tracker.update(0, planted(multiple=5.1), volume_24h_quote=None)
    assert tracker.update(S, planted(multiple=4.9), volume_24h_quote=None).vanished == ()
    (back,) = tracker.update(2 * S, planted(multiple=5.1), volume_24h_quote=None).unconfirmed
    assert (back.state, back.seen_in_a_row) == ("new", 1)


def test_time_does_not_run_back() -> None:
    tracker = WallTracker()
    tracker.update(5, planted(), volume_24h_quote=None)
    with pytest.raises(ConfigError, match="time order"):
        tracker.update(4, planted(), volume_24h_quote=None)


def test_memory_stays_bounded() -> None:
    tracker = WallTracker(WallRule(memory_s=10.0))
    rng = np.random.default_rng(1)
    for k in range(500):
        tracker.update(k * S, planted(float(np.round(100 - 0.1 * rng.integers(1, 20), 1))), volume_24h_quote=None)
    assert len(tracker._tracks) <= 19


def test_contracts_of_fixed_value_are_compared_by_value() -> None:
    contracts = planted(None)
    contracts.bids[:, 1] = 10.0
    contracts.bids[3, 1] = 80.0
    (level,) = heavy_levels(in_base_units(contracts, 100.0, "inverse"), volume_24h_quote=None)
    assert level.price == 99.6
    assert level.notional_quote == pytest.approx(8_000.0)
    assert level.median_multiple == pytest.approx(8.0)


@pytest.mark.parametrize("wrong", [{"band_frac": 0.0}, {"multiple": -1.0}, {"min_snapshots": 0}, {"memory_s": -1.0}])
def test_a_rule_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="WallRule"):
        WallRule(**wrong)
