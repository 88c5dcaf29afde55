"""Days without a trade."""

import numpy as np

from liquidity.measures.zero_trade_share import MEASURE, ZeroTradingDays, zero_trading_days


def test_share_and_longest_gap() -> None:
    assert zero_trading_days([0, 2, 0, 0, 5, 1, 0, 0, 0, 3]) == ZeroTradingDays(0.6, 3)
    assert zero_trading_days([1, 2]) == ZeroTradingDays(0.0, 0)
    assert zero_trading_days([0, 0]) == ZeroTradingDays(1.0, 2)


def test_an_unknown_day_is_not_a_zero_day() -> None:
    assert zero_trading_days([0, None, 0, 4]) == ZeroTradingDays(2 / 3, 1)
    assert zero_trading_days([None]) == ZeroTradingDays(None, None)
    assert zero_trading_days([]) == ZeroTradingDays(None, None)


def test_where_trades_are_not_counted_turnover_tells() -> None:
    trades = np.array([[0.0, 2.0, *[np.nan] * 8]])
    turnover = np.array([[5.0, 5.0, 0.0, 0.0, 0.0, 9.0, 9.0, 9.0, np.nan, np.nan]])
    share, known = MEASURE.compute({"trades_count": trades, "turnover_ccy": turnover})
    assert known.tolist() == [8]
    assert share.tolist() == [0.5]
