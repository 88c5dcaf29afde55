import numpy as np
import pytest

from liquidity.simulation.trades import BondTrades, inventory_after, session_bars

TRADES = BondTrades(
    bond=np.array([0, 2, 2, 2]),
    time_us=np.array([10, 5, 7, 9]),
    price=np.array([101.0, 99.0, 100.0, 98.5]),
    face_ccy=np.array([2e5, 1e5, 3e5, 1e5]),
    side_sign=np.array([1, 1, -1, -1]),
)


def test_bars_of_three_bonds_by_hand():
    bars = session_bars(TRADES, 4)
    assert bars.count.tolist() == [1, 0, 3, 0]
    assert bars.turnover_ccy.tolist() == pytest.approx([202_000.0, 0.0, 99_000.0 + 300_000.0 + 98_500.0, 0.0])
    assert [bars.open[2], bars.high[2], bars.low[2], bars.close[2]] == [99.0, 100.0, 98.5, 98.5]
    assert bars.vwap[2] == pytest.approx((99.0 * 1 + 100.0 * 3 + 98.5 * 1) / 5, abs=1e-12)
    assert np.isnan(bars.close[[1, 3]]).all()
    assert bars.last_us.tolist() == [10, -1, 9, -1]


def test_no_trade_at_all():
    nothing = BondTrades(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, np.int64))
    bars = session_bars(nothing, 2)
    assert bars.turnover_ccy.tolist() == [0.0, 0.0]
    assert np.isnan(bars.vwap).all()


def test_dealers_hold_less_after_customers_buy_and_forget_slowly():
    held = inventory_after(np.array([1.0, 1.0, 0.0]), TRADES)
    assert held[0] < 0.87
    assert held[1] == pytest.approx(0.87)
    assert held[2] > 0.0
