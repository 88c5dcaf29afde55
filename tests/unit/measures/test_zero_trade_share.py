"""Days without a trade."""

from liquidity.measures.zero_trade_share import ZeroTradingDays, zero_trading_days


def test_share_and_longest_gap() -> None:
    assert zero_trading_days([0, 2, 0, 0, 5, 1, 0, 0, 0, 3]) == ZeroTradingDays(0.6, 3)
    assert zero_trading_days([1, 2]) == ZeroTradingDays(0.0, 0)
    assert zero_trading_days([0, 0]) == ZeroTradingDays(1.0, 2)


def test_an_unknown_day_is_not_a_zero_day() -> None:
    assert zero_trading_days([0, None, 0, 4]) == ZeroTradingDays(2 / 3, 1)
    assert zero_trading_days([None]) == ZeroTradingDays(None, None)
    assert zero_trading_days([]) == ZeroTradingDays(None, None)
