"""Imputed round trips."""

import pytest

from liquidity.measures.trades import ImputedRoundTrip, irc


def test_groups_of_two_and_three_count_and_others_do_not() -> None:
    trades = [
        [100.0, 5e4],
        [99.0, 5e4],
        [100.0, 2e4],
        [98.0, 2e4],
        [99.0, 2e4],
        [50.0, 7e3],
        *[[90.0 + k, 1e6] for k in range(4)],
    ]
    assert irc(trades, include_zero=False) == ImputedRoundTrip(pytest.approx((0.01 + 0.02) / 2), 2)


def test_a_group_at_one_price_counts_only_when_asked() -> None:
    trades = [[100.0, 5e4], [100.0, 5e4], [100.0, 2e4], [98.0, 2e4]]
    assert irc(trades, include_zero=False) == ImputedRoundTrip(pytest.approx(0.02), 1)
    assert irc(trades, include_zero=True) == ImputedRoundTrip(pytest.approx(0.01), 2)


def test_rows_without_price_or_volume_are_left_out() -> None:
    assert irc([[100.0, 5e4], [None, 5e4], [99.0, None]], include_zero=True) == ImputedRoundTrip(None, 0)
    assert irc([], include_zero=True) == ImputedRoundTrip(None, 0)
