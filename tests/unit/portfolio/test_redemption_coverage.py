"""Coverage is the surface and the ladder's shares; nothing is paid by what has no value, no volume or no cost."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError
from liquidity.portfolio.ladder import ladder
from liquidity.portfolio.policy import DEFAULT_POLICY
from liquidity.portfolio.redemption_coverage import (
    RedemptionAssets,
    assets_of_holdings,
    rcr,
    redemption_coverage,
)


@pytest.mark.feature("BX-RM-04")
@pytest.mark.parametrize(
    ("assets", "redemption", "expected"),
    [
        ([], 10.0, (0.0, 0.0, 0.0, 0.0, 10.0)),
        ([[5.0, None, 0.0]], 10.0, (5.0, 5.0, 0.5, 0.5, 5.0)),
        ([[5.0, None, 0.0]], 0.0, (5.0, 5.0, None, None, 0.0)),
        ([[5.0, None, 0.0]], None, (5.0, 5.0, None, None, None)),
        ([[5.0, None, 0.0], [10.0, 0.0, 0.1]], 5.0, (5.0, 0.0, 1.0, 0.0, 0.0)),
        ([[0.0, 1.0, 0.0], [10.0, 100.0, 0.1]], 9.0, (9.0, 9.0, 1.0, 1.0, 0.0)),
        ([[None, 1.0, 0.0]], 9.0, (None, None, None, None, None)),
    ],
)
def test_edges_of_the_ratio(assets, redemption, expected):
    found = rcr(assets, 0.5, 2, redemption)
    assert (found.usable_waterfall, found.usable_pro_rata, found.rcr_waterfall, found.rcr_pro_rata, found.shortfall_waterfall) == expected  # fmt: skip


@pytest.mark.parametrize(
    ("haircut", "value", "redemption", "days"),
    [(1.2, 1.0, 1.0, 1), (-0.1, 1.0, 1.0, 1), (0.1, -1.0, 1.0, 1), (0.1, 1.0, -1.0, 1), (0.1, 1.0, 1.0, -1)],
)
def test_amounts_outside_their_range_are_refused(haircut, value, redemption, days):
    with pytest.raises(ConfigError, match="redemption coverage"):
        rcr([[value, None, haircut]], 0.2, days, redemption)


@pytest.mark.feature("BX-RM-04")
@pytest.mark.parametrize("horizon", [1, 3, 10])
def test_money_is_the_cash_of_the_ladder(market, horizon):
    held, on = market
    assets = assets_of_holdings(held, on, float(horizon), 0.2)
    for row in range(len(held)):
        time = horizon - held.settlement_days[row]
        share = min(1.0, time * 0.2 * on.adv_ccy[row] / (held.quantity[row] * 100.0)) if time > 0 else 0.0
        assert assets.sold_frac[1 + row] == pytest.approx(share, rel=1e-12)
        if share:
            alone = on.take([row]).cost(-1, [held.quantity[row] * 100.0 * share], float(time)).expected_bps[0]
            assert assets.haircut_frac[1 + row] == pytest.approx(alone / 1e4, rel=1e-12)
    # What settles at once is sold over the whole horizon in both.
    at_once = held.settlement_days == 0
    step = ladder(held, on, "waterfall", 0.2, horizons=np.array([float(horizon)]))
    mine = (assets.value * assets.sold_frac * (1.0 - assets.haircut_frac))[1:]
    assert mine[at_once] == pytest.approx(step.cash_base[at_once, 0], rel=1e-12)


@pytest.mark.feature("BX-RM-04", "AI-ST-02")
def test_more_time_pays_more_and_stress_pays_less(market):
    held, on = market
    harsh = on.stressed(DEFAULT_POLICY.stress)
    before = (0.0, 0.0)
    for horizon in (1.0, 2.0, 5.0, 10.0, 50.0):
        calm = redemption_coverage(assets_of_holdings(held, on, horizon, 0.2), 1e6)
        worse = redemption_coverage(assets_of_holdings(held, harsh, horizon, 0.2), 1e6)
        assert (calm.usable_waterfall, calm.usable_pro_rata) >= before
        assert calm.usable_waterfall >= calm.usable_pro_rata
        assert worse.usable_waterfall <= calm.usable_waterfall
        before = (calm.usable_waterfall, calm.usable_pro_rata)


def test_an_overdraft_is_repaid_first(market):
    held, on = market
    none, owing = (
        redemption_coverage(assets_of_holdings(replace(held, cash_base=cash), on, 10.0, 0.2), 1e6)
        for cash in (0.0, -3e4)
    )
    assert owing.usable_waterfall == pytest.approx(none.usable_waterfall - 3e4)
    assert owing.usable_pro_rata == pytest.approx(max(none.usable_pro_rata - 3e4, 0.0))


def test_an_asset_without_cost_brings_nothing_and_one_without_value_is_left_out():
    nan = np.nan
    assets = RedemptionAssets(np.array([10.0, 10.0, nan]), np.array([1.0, 1.0, 0.0]), np.array([0.1, nan, 0.0]))
    assert redemption_coverage(assets, 9.0).rcr_waterfall == 1.0


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.just(0.0), st.floats(1e-3, 1e9)),
            st.one_of(st.none(), st.just(0.0), st.floats(1e-3, 1e9)),
            st.floats(0.0, 1.0),
        ),
        min_size=1,
        max_size=6,
    ),
    st.floats(0.01, 1.0),
    st.integers(0, 20),
    st.floats(1.0, 1e9),
)
def test_ratio_equals_a_plain_loop(assets, participation, days, redemption):
    waterfall, kept, share = 0.0, 0.0, 1.0
    for value, volume, haircut in assets:
        traded = value if volume is None else min(value, participation * volume * days)
        waterfall += traded * (1.0 - haircut)
        kept += value * (1.0 - haircut)
        share = min(share, traded / value) if value > 0.0 else share
    found = rcr([list(each) for each in assets], participation, days, redemption)
    assert found.usable_waterfall == pytest.approx(waterfall, rel=1e-9, abs=1e-6)
    assert found.usable_pro_rata == pytest.approx(share * kept, rel=1e-9, abs=1e-6)
    assert found.rcr_waterfall == pytest.approx(waterfall / redemption, rel=1e-9, abs=1e-12)
    assert found.shortfall_waterfall == pytest.approx(max(0.0, redemption - waterfall), rel=1e-9, abs=1e-6)
