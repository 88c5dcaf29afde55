"""With full swing those who stay lose nothing; below the threshold and without swing they lose what the trades cost."""

from dataclasses import replace

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.portfolio.swing_pricing import SwingRules, dilution, settle_units, trade_cost

ALWAYS = SwingRules(0.0, 10_000.0)


@pytest.mark.feature("BX-RM-04")
@pytest.mark.parametrize("side", ["redemption", "subscription"])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.3])
def test_full_swing_leaves_the_value_of_a_unit_unchanged(market, side, share):
    held, on = market
    net, units = held.equity_base, 1e6
    found = dilution(held, on, share * net, 0.2, ALWAYS, side=side)
    assert found.factor_bps == found.full_factor_bps > 0.0
    after = settle_units(net, units, share * net, found.factor_bps, found.cost_base, side)
    assert after.per_unit == pytest.approx(net / units, rel=1e-12)
    assert found.swung_bps == pytest.approx(0.0, abs=1e-6)
    # Without it they lose what unswung_bps says, by an account of its own.
    assert found.unswung_bps > 0.0
    left = net * (1.0 - share if side == "redemption" else 1.0 + share)
    cost = found.unswung_bps / 1e4 * left
    plain = settle_units(net, units, share * net, 0.0, cost, side)
    assert 1e4 * (1.0 - plain.per_unit / (net / units)) == pytest.approx(found.unswung_bps, rel=1e-9)


@pytest.mark.feature("BX-RM-04")
def test_unswung_sale_brings_exactly_the_money_that_is_paid(market):
    held, on = market
    flow = 0.2 * held.equity_base
    found = dilution(held, on, flow, 0.2, SwingRules(0.5, 100.0))
    assert (found.swung, found.factor_bps, found.swung_bps) == (False, 0.0, found.unswung_bps)
    cost = found.unswung_bps / 1e4 * (held.equity_base - flow)
    assert trade_cost(held, on, flow + cost, 0.2)[0] == pytest.approx(cost, rel=1e-9)
    assert cost > found.cost_base


def test_factor_is_capped_and_the_rest_stays_as_dilution(market):
    held, on = market
    found = dilution(held, on, 0.2 * held.equity_base, 0.2, SwingRules(0.01, 1.0))
    assert found.factor_bps == 1.0
    assert 0.0 < found.swung_bps < found.unswung_bps


@pytest.mark.feature("BX-RM-04")
def test_waterfall_takes_cash_first_and_then_the_cheapest(market):
    held, on = market
    assert trade_cost(held, on, 0.9 * held.cash_base, 0.2, way="waterfall")[0] == 0.0
    amount = 0.05 * held.equity_base
    cost, traded, unmet = trade_cost(held, on, amount, 0.2, way="waterfall")
    assert unmet == 0.0
    assert (traded * held.value_base).sum() + held.cash_base == pytest.approx(amount)
    assert cost <= trade_cost(held, on, amount, 0.2)[0]
    assert trade_cost(held, on, held.equity_base, 0.2, way="waterfall", horizon_sessions=1.0)[2] > 0.0


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_cost_rises_with_the_flow_and_nothing_costs_nothing(market, share):
    held, on = market
    some, more = (trade_cost(held, on, size * held.equity_base, 0.2)[0] for size in (share, 1.5 * share))
    assert 0.0 < some < more
    nothing = dilution(held, on, 0.0, 0.2)
    assert (nothing.cost_base, nothing.full_factor_bps, nothing.unswung_bps) == (0.0, 0.0, 0.0)


def test_a_slice_without_cost_makes_the_factor_unknown(market):
    held, on = market
    dead = replace(on, adv_ccy=np.where(np.arange(len(on)) == 3, np.nan, on.adv_ccy))
    found = dilution(held, dead, 0.1 * held.equity_base, 0.2)
    assert np.isnan([found.cost_base, found.full_factor_bps, found.unswung_bps]).all()


def test_impossible_flows_and_rules_are_refused(market):
    held, on = market
    with pytest.raises(ConfigError, match="net assets"):
        dilution(held, on, held.equity_base, 0.2)
    with pytest.raises(ConfigError, match="net assets"):
        dilution(replace(held, equity_base=-1.0), on, 1.0, 0.2)
    with pytest.raises(ConfigError, match="waterfall"):
        trade_cost(held, on, 1.0, 0.2, side="subscription", way="waterfall")
    with pytest.raises(ConfigError, match="threshold"):
        SwingRules(2.0)
