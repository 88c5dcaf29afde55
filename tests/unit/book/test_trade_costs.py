"""Effective and realised spread of a tape, against hand results and the one-trade function."""

import numpy as np
import pytest

from liquidity.book import effective_spread, quoted_spread
from liquidity.book.trade_costs import summarise_trade_costs, trade_costs
from liquidity.domain.errors import ConfigError, ContractError

S = 10**9
MID_NS = np.array([0, 5, 12, 30, 65, 100]) * S
MID = [100.0, 100.1, 100.2, 100.0, 100.4, 100.3]
TRADE_NS = np.array([1, 6, 12, 35, 60]) * S
PRICE = [100.05, 100.05, 100.2, 100.1, 99.95]
SIDE = [1, -1, 1, 1, -1]


@pytest.mark.feature("PL-OB-09")
def test_five_trades_by_hand() -> None:
    assert quoted_spread(99.95, 100.05).bps == pytest.approx(10.0)
    costs = trade_costs(TRADE_NS, PRICE, SIDE, MID_NS, MID)
    # The trade at 12 s meets the mid of 5 s: the mid of the same instant may already show it.
    assert costs.mid_before.tolist() == [100.0, 100.1, 100.1, 100.0, 100.0]
    assert costs.effective_bps == pytest.approx([10.0, 9.99000999, 19.98001998, 20.0, 10.0])
    # Mids after 10 s: at 11, 16, 22, 45 and 70 s; after 60 s: at 61, 66, 72, 95 and (beyond 100 s) none.
    assert costs.realised_bps[:, 0] == pytest.approx([-10.0, 29.97002997, 0.0, 20.0, 90.0])
    assert costs.realised_bps[:4, 1] == pytest.approx([10.0, 69.93006993, -39.96003996, -60.0])
    assert np.isnan(costs.realised_bps[4, 1])


@pytest.mark.feature("PL-OB-09")
def test_each_row_is_the_one_trade_function_and_adds_up() -> None:
    costs = trade_costs(TRADE_NS, PRICE, SIDE, MID_NS, MID)
    after = [100.1, 100.2, 100.2, 100.0, 100.4]
    for row, mid_after in enumerate(after):
        judge = effective_spread(PRICE[row], costs.mid_before[row], mid_after, SIDE[row])
        assert costs.effective_bps[row] == pytest.approx(judge.effective_bps)
        assert costs.realised_bps[row, 0] == pytest.approx(judge.realised_bps, abs=1e-9)
        assert costs.impact_bps[row, 0] == pytest.approx(judge.impact_bps, abs=1e-9)
    parts = costs.realised_bps + costs.impact_bps
    known = ~np.isnan(parts)
    assert parts[known] == pytest.approx(np.broadcast_to(costs.effective_bps[:, None], parts.shape)[known])


def test_no_mid_before_none_too_old_and_none_when_unknown() -> None:
    early = trade_costs(np.array([0]), [100.0], [1], MID_NS, MID)
    assert np.isnan(early.mid_before[0])
    old = trade_costs(np.array([29 * S]), [100.0], [1], MID_NS, MID, max_age_s=16.9)
    assert np.isnan(old.mid_before[0])
    hole = trade_costs(np.array([13 * S]), [100.0], [1], MID_NS, [100.0, 100.1, None, 100.0, 100.4, 100.3])
    assert np.isnan(hole.effective_bps[0])
    assert len(trade_costs(np.array([5]), [1.0], [1], np.array([], dtype=np.int64), []).mid_before) == 1


def test_quotes_that_arrive_before_their_trade_are_skipped() -> None:
    plain = trade_costs(TRADE_NS, PRICE, SIDE, MID_NS, MID)
    led = trade_costs(TRADE_NS, PRICE, SIDE, MID_NS, MID, quote_lead_s=1.0)
    assert plain.mid_before[1] == 100.1
    assert led.mid_before[1] == 100.0
    assert np.isnan(led.mid_before[0])
    assert np.array_equal(led.realised_bps[2:], plain.realised_bps[2:], equal_nan=True)


def test_trades_without_price_or_side_have_no_cost() -> None:
    costs = trade_costs(TRADE_NS[:3], [100.0, None, -1.0], [0, 1, 1], MID_NS, MID)
    assert np.isnan(costs.effective_bps).all()


def test_the_mean_is_weighted_by_notional() -> None:
    costs = trade_costs(TRADE_NS, PRICE, SIDE, MID_NS, MID)
    summary = summarise_trade_costs(costs, [1.0, 0.0, None, 3.0, 0.0])
    assert summary.effective_bps == pytest.approx((10.0 + 3 * 20.0) / 4)
    assert summary.realised_bps == (pytest.approx((-10.0 + 60.0) / 4), pytest.approx((10.0 - 180.0) / 4))
    assert (summary.effective_n, summary.realised_n) == (2, (2, 2))
    assert summarise_trade_costs(costs, [0.0] * 5).effective_bps is None


def test_bad_input_is_refused() -> None:
    with pytest.raises(ContractError, match="back in time"):
        trade_costs(TRADE_NS, PRICE, SIDE, MID_NS[::-1], MID)
    with pytest.raises(ContractError, match="same length"):
        trade_costs(TRADE_NS, PRICE[:2], SIDE, MID_NS, MID)
    with pytest.raises(ConfigError, match="horizons_s"):
        trade_costs(TRADE_NS, PRICE, SIDE, MID_NS, MID, horizons_s=[0.0])
    with pytest.raises(ConfigError, match="quote_lead_s"):
        trade_costs(TRADE_NS, PRICE, SIDE, MID_NS, MID, quote_lead_s=-1.0)
    with pytest.raises(ContractError, match="notionals"):
        summarise_trade_costs(trade_costs(TRADE_NS, PRICE, SIDE, MID_NS, MID), [1.0])
