"""Open hours since the latest trade."""

from liquidity.measures.time_since_trade import time_since_trade


def test_only_the_newest_reading_counts() -> None:
    assert time_since_trade([9.0, 2.0]) == 2.0
    assert time_since_trade([9.0, 0.0]) == 0.0
    assert time_since_trade([9.0, None]) is None
    assert time_since_trade([]) is None
