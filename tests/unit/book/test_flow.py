"""Order-flow imbalance and VPIN."""

import pytest

from liquidity.book import ofi, vpin


def test_each_kind_of_change_by_hand() -> None:
    quotes = [
        [100.0, 10, 101.0, 20],
        [100.0, 15, 101.0, 20],
        [100.5, 5, 101.0, 20],
        [100.0, 8, 101.0, 20],
        [100.0, 8, 100.8, 4],
        [100.0, 8, 101.0, 9],
    ]
    assert ofi(quotes).events == (5.0, 5.0, -5.0, -4.0, 4.0)
    assert ofi(quotes).ofi == 5.0


def test_a_gap_makes_the_events_beside_it_unknown_but_not_zero() -> None:
    flow = ofi([[100.0, 10, 101.0, 20], [None, 10, 101.0, 20], [100.0, 10, 101.0, 20], [100.0, 13, 101.0, 20]])
    assert flow.events == (None, None, 3.0)
    assert flow.ofi == 3.0


def test_without_events_there_is_no_imbalance() -> None:
    assert ofi([]).ofi is None
    assert ofi([[100.0, 10, 101.0, 20]]).ofi is None
    assert ofi([[100.0, 10, 101.0, 20]]).events == ()


def test_vpin_of_balanced_and_one_sided_buckets() -> None:
    assert vpin([1.0, -1.0, 1.0, -1.0], 100, 4).vpin == pytest.approx(0.6135237692287672)
    small_next_to_large = vpin([0.0, 0.0, 10.0, -10.0], 100, 2).vpin
    assert small_next_to_large == pytest.approx(0.77933, abs=1e-4)


def test_vpin_waits_for_its_window_and_needs_spread() -> None:
    assert vpin([1.0, -1.0], 100, 3).vpin is None
    assert vpin([1.0, -1.0], 0, 2).vpin is None
    assert vpin([1.0, 1.0], 100, 2).buy_fraction == (None, None)
    assert vpin([1.0], 100, 1).vpin is None


def test_vpin_leaves_a_missing_bucket_out() -> None:
    with_gap = vpin([1.0, None, -1.0, 2.0, -2.0], 100, 3)
    assert with_gap.buy_fraction[1] is None
    assert with_gap.vpin == pytest.approx(vpin([1.0, -1.0, 2.0, -2.0], 100, 3).vpin)
