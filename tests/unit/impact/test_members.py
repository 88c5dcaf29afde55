import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.impact.almgren2005 import almgren2005
from liquidity.impact.istar import IStarParameters, istar
from liquidity.impact.linear import linear_impact
from liquidity.impact.members import BLENDED_MEMBERS, IMPACT_MEMBERS, ImpactMember, prior_weights
from liquidity.impact.obizhaeva_wang import ObizhaevaWangParameters, obizhaeva_wang
from liquidity.impact.propagator import PropagatorParameters, propagator
from liquidity.impact.square_root import SquareRootParameters, sqrt_law

NAMED = {member.name: member for member in IMPACT_MEMBERS}


def by_name(member: ImpactMember) -> str:
    return member.name


@pytest.mark.feature("AP-IM-01", "AP-IM-03")
def test_the_seven_models_are_there_and_the_baseline_is_not_blended() -> None:
    names = [member.name for member in IMPACT_MEMBERS]
    assert names == ["linear", "square_root", "almgren2005", "istar", "obizhaeva_wang", "propagator", "fixed"]
    assert [member.name for member in BLENDED_MEMBERS] == names[:-1]
    assert prior_weights().sum() == pytest.approx(1.0)
    assert (prior_weights() >= 0.05).all()


@pytest.mark.parametrize("member", IMPACT_MEMBERS, ids=by_name)
@pytest.mark.parametrize(
    ("size", "volatility", "horizon"),
    [(np.nan, 0.02, 1.0), (0.1, np.nan, 1.0), (0.1, 0.02, np.nan), (0.1, 0.02, 0.0), (0.1, 0.02, -1.0)],
)
def test_what_is_missing_has_no_cost(member: ImpactMember, size: float, volatility: float, horizon: float) -> None:
    assert np.isnan(member.average_cost_bps(size, volatility, horizon))


@pytest.mark.parametrize("member", IMPACT_MEMBERS, ids=by_name)
def test_arrays_broadcast(member: ImpactMember) -> None:
    costs = member.average_cost_bps(np.full((3, 1), 0.1), np.full((4, 1, 1), 0.02), np.ones(5))
    assert costs.shape == (4, 3, 5)
    assert costs == pytest.approx(float(member.average_cost_bps(0.1, 0.02, 1.0)))


def test_each_member_averages_what_its_model_says_of_one_order() -> None:
    size, volatility, horizon = 0.03, 0.021, 0.4
    cost = {member.name: float(member.average_cost_bps(size, volatility, horizon)) for member in IMPACT_MEMBERS}
    assert cost["linear"] == pytest.approx(linear_impact(size, 1.0, volatility, 1.0, 0.0).cost_bps)
    assert cost["square_root"] == pytest.approx(sqrt_law(size, 1.0, volatility).average_bps)
    assert cost["almgren2005"] == pytest.approx(almgren2005(size, 1.0, 1.0, volatility, horizon).realised_bps)
    at_rate = istar(size, 1.0, volatility * np.sqrt(250.0), size / (size + horizon))
    assert cost["istar"] == pytest.approx(at_rate.mi_bps)
    plan = obizhaeva_wang(size, horizon, 2.2231, 4.2231 * volatility)
    assert plan.cost is not None
    assert cost["obizhaeva_wang"] == pytest.approx(1e4 * plan.cost / size)
    assert cost["fixed"] == 10.0


def test_the_propagator_of_an_even_schedule_agrees_with_its_sum_over_trades() -> None:
    size, horizon, steps = 0.05, 2.0, 4000
    parameters = PropagatorParameters(strength=1.0, gamma=0.4, delta=0.7)
    lag, gap = 1e-6, horizon / steps
    # g0 (l0 / (l0 + l))^gamma is t^-gamma for steps far beyond l0
    path = np.array(
        propagator([size / horizon] * steps, gap * (1.0 / (lag * gap)) ** 0.4, lag, 0.4, 0.7).path, dtype=np.float64
    )
    first_excluded = path - path[0]
    averaged = float(NAMED["propagator"].model(size, 1.0, horizon, parameters))
    assert 1e4 * first_excluded.mean() == pytest.approx(averaged, rel=0.03)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: SquareRootParameters(delta=1.2),
        lambda: PropagatorParameters(gamma=0.3, delta=0.5),
        lambda: PropagatorParameters(gamma=1.0, delta=0.5),
        lambda: ObizhaevaWangParameters(resilience_per_session=-1.0),
        lambda: IStarParameters(b1=1.2),
    ],
)
def test_parameters_that_break_the_promises_are_refused(refused: object) -> None:
    with pytest.raises(ConfigError):
        refused()  # type: ignore[operator]


def test_participation_outside_what_was_observed_is_told() -> None:
    member = NAMED["almgren2005"]
    told = member.in_range([0.1, 0.1, 1e-9, np.nan], [1.0, 0.01, 1.0, 1.0])
    assert told.tolist() == [True, False, False, False]


class TestOneOrder:
    def test_a_sell_costs_what_a_buy_costs(self) -> None:
        assert sqrt_law(-1e5, 1e7, 0.02) == sqrt_law(1e5, 1e7, 0.02)
        assert linear_impact(-1e5, 1e7, 0.02, 1.0, 1.0) == linear_impact(1e5, 1e7, 0.02, 1.0, 1.0)
        assert almgren2005(-1e5, 1e7, 1e9, 0.02, 1.0) == almgren2005(1e5, 1e7, 1e9, 0.02, 1.0)
        assert istar(-1e5, 1e7, 0.3, 0.1) == istar(1e5, 1e7, 0.3, 0.1)
        sold, bought = obizhaeva_wang(-10, 1, 2, 0.1), obizhaeva_wang(10, 1, 2, 0.1)
        assert (sold.block, sold.cost) == (-(bought.block or 0.0), bought.cost)

    def test_no_volume_is_missing_and_never_free(self) -> None:
        for volume in (0.0, None, float("nan"), -5.0):
            assert sqrt_law(1e5, volume, 0.02).cost_bps is None
            assert linear_impact(1e5, volume, 0.02, 1.0, 1.0).cost_bps is None
            assert almgren2005(1e5, volume, 1e9, 0.02, 1.0).realised_bps is None
            assert istar(1e5, volume, 0.3, 0.1).mi_bps is None

    def test_a_missing_part_takes_only_what_needs_it(self) -> None:
        assert sqrt_law(1e5, 1e7, 0.02, half_spread_bps=None).cost_bps is None
        assert sqrt_law(1e5, 1e7, 0.02, half_spread_bps=None).peak_bps == pytest.approx(20.0)
        unknown_rate = istar(1e5, 1e6, 0.25, None)
        assert unknown_rate.istar_bps is not None
        assert unknown_rate.mi_bps is None
        no_shares = almgren2005(1e5, 1e7, None, 0.02, 1.0)
        assert (no_shares.permanent_bps, no_shares.realised_bps) == (None, None)
        assert no_shares.temporary_bps is not None
        assert obizhaeva_wang(10, -1, 2, 0.1).block is None

    def test_an_order_of_nothing_has_no_impact_and_one_that_never_ends_no_bound(self) -> None:
        assert sqrt_law(0.0, 0.0, 0.02, half_spread_bps=2.5).cost_bps == 2.5
        forever = istar(1e5, 1e6, 0.25, 0.0)
        assert forever.timing_risk_bps == np.inf
        assert forever.mi_bps == pytest.approx(0.02 * (forever.istar_bps or 0.0))
        assert istar(0.0, 1e6, 0.25, 0.0).timing_risk_bps == 0.0
        assert istar(1e5, 1e6, 0.25, 1.1).mi_bps is None

    def test_at_once_the_block_book_is_traded_in_two_halves(self) -> None:
        assert obizhaeva_wang(10, 0, 5, 0.1).block == 5.0

    def test_a_path_is_missing_from_the_first_missing_trade_on(self) -> None:
        told = propagator([1.0, None, 1.0], 1.0, 1.0, 0.5, 0.5)
        assert told.path == [1.0, None, None]
        assert told.free_of_manipulation is True
        assert propagator([1.0], 1.0, 1.0, 0.3, 0.5).free_of_manipulation is False
        assert propagator([1.0], 1.0, 0.0, 0.3, 0.5).path == [None]
        assert propagator([], 1.0, 1.0, 0.3, 0.5).path == []
