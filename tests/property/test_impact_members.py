"""What every impact model promises, for any size, volatility and horizon."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.impact.ensemble import BlendedImpact, ensemble, floored
from liquidity.impact.members import BLENDED_MEMBERS, IMPACT_MEMBERS, ImpactMember

SIZE = st.floats(1e-9, 50.0)
VOLATILITY = st.floats(0.0, 2.0)
HORIZON = st.floats(1e-3, 500.0)
MEMBERS = st.sampled_from(IMPACT_MEMBERS)
SLACK = 1.0 + 1e-9


@pytest.mark.feature("AP-IM-01")
@given(member=MEMBERS, size=SIZE, times=st.floats(1.0, 100.0), volatility=VOLATILITY, horizon=HORIZON)
def test_a_larger_order_costs_more_but_never_more_than_in_proportion(
    member: ImpactMember, size: float, times: float, volatility: float, horizon: float
) -> None:
    small, large = member.average_cost_bps([size, size * times], volatility, horizon)
    assert 0.0 <= small <= large * SLACK
    assert large <= small * times * SLACK


@pytest.mark.feature("AP-IM-01")
@given(member=MEMBERS, size=SIZE, volatility=VOLATILITY, horizon=HORIZON, longer=st.floats(1.0, 100.0))
def test_more_time_never_costs_more_impact(
    member: ImpactMember, size: float, volatility: float, horizon: float, longer: float
) -> None:
    soon, late = member.average_cost_bps(size, volatility, [horizon, horizon * longer])
    assert late <= soon * SLACK


@given(member=MEMBERS, size=SIZE, volatility=VOLATILITY, horizon=HORIZON)
def test_volatility_enters_as_a_power(member: ImpactMember, size: float, volatility: float, horizon: float) -> None:
    whole = float(member.average_cost_bps(size, volatility, horizon))
    assert whole == pytest.approx(
        volatility**member.volatility_power * float(member.average_cost_bps(size, 1.0, horizon)), rel=1e-9, abs=1e-300
    )


@pytest.mark.feature("AP-IM-01", "AP-IM-03")
@given(volatility=VOLATILITY, horizon=HORIZON)
def test_no_order_has_no_impact(volatility: float, horizon: float) -> None:
    mean, between = BlendedImpact.prior().cost_bps(0.0, volatility, horizon)
    assert (mean, between) == (0.0, 0.0)
    assert all(member.average_cost_bps(0.0, volatility, horizon) == 0.0 for member in IMPACT_MEMBERS)


@settings(max_examples=50)
@given(raw=st.lists(st.floats(0.0, 1e6), min_size=1, max_size=20).filter(lambda values: sum(values) > 1e-6))
def test_floored_weights_sum_to_one_and_keep_the_floor_and_the_order(raw: list[float]) -> None:
    weights = floored(np.array(raw))
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0.05 - 1e-12).all()
    order = np.argsort(raw, kind="stable")
    assert (np.diff(weights[order]) >= -1e-12).all()


COST = st.one_of(st.none(), st.floats(0.0, 1e4))
NAMES = [member.name for member in BLENDED_MEMBERS]


@pytest.mark.feature("AP-IM-03")
@given(
    costs=st.lists(COST, min_size=6, max_size=6),
    errors=st.lists(st.one_of(st.none(), st.floats(0.0, 1e3)), min_size=6, max_size=6),
)
def test_the_blend_lies_between_its_members_and_is_never_negative(
    costs: list[float | None], errors: list[float | None]
) -> None:
    told = ensemble(dict(zip(NAMES, costs, strict=True)), dict(zip(NAMES, errors, strict=True)))
    used = [cost for cost, error in zip(costs, errors, strict=True) if cost is not None and error is not None]
    if not used:
        assert (told.weights, told.mean_bps, told.spread_bps) == ({}, None, None)
        return
    assert sum(told.weights.values()) == pytest.approx(1.0)
    assert told.mean_bps is not None
    assert min(used) - 1e-9 <= told.mean_bps <= max(used) * SLACK + 1e-9
    assert told.spread_bps is not None
    assert 0.0 <= told.spread_bps <= (max(used) - min(used)) * SLACK + 1e-9
