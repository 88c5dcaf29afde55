"""The optimiser against brute force, against its own conditions, and against the surface it reads."""

from dataclasses import replace

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.impact.surface import LiquiditySurface
from liquidity.market_risk.covariance import cov_shrink
from liquidity.portfolio.allocation_model import (
    AllocationInputs,
    AllocationLimits,
    Preferences,
    RiskModel,
    WeightCost,
    cost_of_weights,
)
from liquidity.portfolio.optimizer import Allocation, optimize, optimize_on_surface, usage

WIDE = AllocationLimits(max_illiquid_frac=None, min_daily_liquidatable_frac=None)


def market(n: int, seed: int = 0, *, cost: float = 1.0) -> AllocationInputs:
    rng = np.random.default_rng(seed)
    ids = np.array([f"I{i}" for i in range(n)], dtype=object)
    sector = np.array([f"S{i % 3}" for i in range(n)], dtype=object)
    risk = RiskModel(rng.normal(0.0, 0.01, (2, n)), rng.uniform(0.005, 0.03, n) ** 2)
    costs = WeightCost(cost * rng.uniform(2e-4, 4e-3, n), cost * rng.uniform(0.02, 0.5, n))
    current = 0.95 * rng.dirichlet(np.ones(n))
    return AllocationInputs(
        ids, sector, current, rng.normal(3e-4, 3e-4, n), risk, costs, costs, rng.random(n) < 0.4, rng.uniform(0, 2.0 / n, n),
        np.ones(n, dtype=bool),
    )  # fmt: skip


CASES = [
    (WIDE, Preferences(8.0, 5.0)),
    (AllocationLimits(max_weight=0.6, max_illiquid_frac=0.1), Preferences(8.0, 20.0, 0.5)),
    (
        AllocationLimits(max_turnover_frac=0.2, max_illiquid_frac=None, min_daily_liquidatable_frac=0.6),
        Preferences(20.0, 10.0),
    ),
    (
        AllocationLimits(max_illiquid_frac=None, sector_bounds={"S1": (0.1, 0.3)}, max_cash_frac=0.2),
        Preferences(5.0, 20.0),
    ),
    (AllocationLimits(min_weight=-0.3, max_weight=0.8, max_illiquid_frac=0.4), Preferences(10.0, 20.0, 0.3)),
]


def many(
    inputs: AllocationInputs, limits: AllocationLimits, wishes: Preferences, points: np.ndarray, room: float
) -> np.ndarray:
    """Objective of each allowed point (P, 3), written out anew; the limits as a manager would check them."""
    size, change = np.abs(points), np.abs(points - inputs.current_weight)
    cash, invested = 1.0 - points.sum(axis=1), np.where(limits.min_weight == 0.0, size, points).sum(axis=1)
    stuck = np.maximum(size - inputs.capacity, 0.0).sum(axis=1)
    illiquid = np.maximum(size - np.where(inputs.illiquid, 0.0, 10.0 * inputs.capacity), 0.0).sum(axis=1)
    allowed = (points >= np.asarray(limits.min_weight) - room).all(axis=1)
    allowed &= (points <= np.asarray(limits.max_weight) + room).all(axis=1)
    allowed &= (cash >= limits.min_cash_frac - room) & (cash <= limits.max_cash_frac + room)
    if limits.max_illiquid_frac is not None:
        allowed &= illiquid <= limits.max_illiquid_frac * invested + room
    if limits.min_daily_liquidatable_frac is not None:
        allowed &= stuck <= (1.0 - limits.min_daily_liquidatable_frac) * invested + room
    if limits.max_turnover_frac is not None:
        allowed &= change.sum(axis=1) <= limits.max_turnover_frac + room
    for name, (low, high) in limits.sector_bounds.items():
        held = points[:, inputs.sector == name].sum(axis=1)
        allowed &= (held >= low - room) & (held <= high + room)
    points, size, change = points[allowed], size[allowed], change[allowed]
    cov = inputs.risk.loadings.T @ inputs.risk.loadings + np.diag(inputs.risk.specific_variance)
    trade, close = inputs.trading_cost, inputs.unwinding_cost
    paid = (trade.linear * change + trade.impact * change**1.5).sum(axis=1)
    paid = paid + wishes.unwinding_share * (close.linear * size + close.impact * size**1.5).sum(axis=1)
    risk = np.einsum("pi,ij,pj->p", points, cov, points)
    return wishes.risk_aversion / 2.0 * risk - points @ inputs.expected_return_frac + paid / wishes.holding_sessions


@pytest.mark.feature("AI-PF-05")
@pytest.mark.parametrize(("limits", "wishes"), CASES)
def test_no_point_of_a_grid_is_better(limits: AllocationLimits, wishes: Preferences) -> None:
    for seed in range(2):
        inputs = market(3, seed)
        best = optimize(inputs, limits, wishes)
        assert best.infeasibility is None
        (value,) = many(inputs, limits, wishes, best.weight[None, :], 1e-6)
        assert value == pytest.approx(best.objective, abs=1e-12)
        axis = np.arange(float(np.min(limits.min_weight)), 1.01, 0.02)
        grid = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
        near = best.weight + np.random.default_rng(1).normal(0.0, 1e-3, (2_000, 3))
        assert best.objective <= many(inputs, limits, wishes, grid, 1e-9).min() + 1e-9
        assert best.objective <= many(inputs, limits, wishes, near, 0.0).min(initial=np.inf) + 1e-9


@pytest.mark.feature("AI-PF-05")
def test_the_same_inputs_give_the_same_bits() -> None:
    one, other = (optimize(market(40, 4), AllocationLimits(max_weight=0.2)) for _ in range(2))
    assert one.weight.tobytes() == other.weight.tobytes()


@pytest.mark.feature("AI-PF-03", "AI-PF-04")
def test_liquidity_limits_hold_and_cost_something() -> None:
    inputs = replace(market(30, 2), expected_return_frac=np.where(market(30, 2).illiquid, 2e-3, 2e-4))
    free = optimize(inputs, AllocationLimits(max_illiquid_frac=None, min_daily_liquidatable_frac=None, max_weight=0.2))
    held = optimize(inputs, AllocationLimits(max_weight=0.2, min_daily_liquidatable_frac=0.7))
    assert free.usage["illiquid_frac"] > 0.25
    assert held.usage["illiquid_frac"] <= 0.20 + 1e-6
    assert held.usage["daily_liquidatable_frac"] >= 0.7 - 1e-6
    assert held.objective > free.objective
    assert held.shadow_price["max_illiquid_frac"] > 0.0


def test_a_shadow_price_is_what_a_wider_limit_gains() -> None:
    inputs = replace(market(30, 2), expected_return_frac=np.where(market(30, 2).illiquid, 2e-3, 2e-4))
    at = {limit: optimize(inputs, AllocationLimits(max_weight=0.2, max_illiquid_frac=limit)) for limit in (0.2, 0.201)}
    gained = (at[0.2].objective - at[0.201].objective) / 0.001
    price, invested = at[0.2].shadow_price["max_illiquid_frac"], at[0.2].usage["gross_frac"]
    assert gained == pytest.approx(price * invested, rel=0.02)


@pytest.mark.feature("AP-PF-07")
def test_costs_lower_turnover_and_leave_a_band() -> None:
    dear, free = market(30, 7), market(30, 7, cost=0.0)
    limits = AllocationLimits(max_weight=0.3, max_illiquid_frac=None, min_daily_liquidatable_frac=None)
    costly, careless = optimize(dear, limits), optimize(free, limits)
    assert costly.usage["turnover_frac"] < 0.7 * careless.usage["turnover_frac"]
    moved = np.abs(costly.weight - dear.current_weight) > 1e-5
    inside = (dear.current_weight > costly.band_lower + 1e-7) & (dear.current_weight < costly.band_upper - 1e-7)
    assert (costly.band_upper > costly.band_lower).all()
    assert moved.any()
    assert (~moved).any()
    assert not (moved & inside).any()
    assert inside[~moved].mean() > 0.8
    assert (costly.band_lower <= costly.weight + 1e-7).all() or moved.any()


@pytest.mark.feature("AP-PF-07")
def test_the_band_is_where_trading_one_name_stops_paying() -> None:
    inputs = market(3, 1)
    inputs = replace(inputs, trading_cost=WeightCost(inputs.trading_cost.linear, np.zeros(3)))
    wishes = Preferences(8.0, 5.0)
    best = optimize(inputs, WIDE, wishes)
    for name in range(3):
        for edge, outwards in ((best.band_lower[name], -1.0), (best.band_upper[name], 1.0)):
            for distance, trades in ((-0.002, False), (0.002, True)):
                start = best.weight.copy()
                start[name] = edge + outwards * distance
                if start.min() < 0.0 or start.sum() > 1.0:
                    continue
                others = np.arange(3) != name
                lower, upper = np.where(others, start, -1.0), np.where(others, start, 2.0)
                limits = replace(WIDE, min_weight=lower, max_weight=upper, min_cash_frac=-2.0, max_cash_frac=2.0)
                moved = optimize(replace(inputs, current_weight=start), limits, wishes)
                assert bool(abs(moved.weight[name] - start[name]) > 1e-4) is trades


def test_unwinding_cost_moves_weight_to_what_can_be_sold() -> None:
    inputs = market(20, 3)
    limits = AllocationLimits(
        max_weight=0.3, max_cash_frac=0.1, max_illiquid_frac=None, min_daily_liquidatable_frac=None
    )
    without, with_it = (optimize(inputs, limits, Preferences(5.0, 20.0, share)) for share in (0.0, 2.0))
    assert with_it.unwinding_cost_frac < without.unwinding_cost_frac


def test_a_name_without_a_cost_keeps_its_weight() -> None:
    inputs = market(10, 3)
    linear = inputs.trading_cost.linear.copy()
    linear[4] = np.nan
    inputs = replace(inputs, trading_cost=WeightCost(linear, inputs.trading_cost.impact))
    told = optimize(inputs, replace(WIDE, max_weight=0.05, max_cash_frac=1.0))
    assert told.weight[4] == inputs.current_weight[4]
    assert told.infeasibility is None


@pytest.mark.feature("AI-PF-03")
def test_a_conflict_is_named_and_the_nearest_portfolio_given() -> None:
    inputs = market(10, 5)
    limits = AllocationLimits(
        max_weight=0.05, max_cash_frac=0.1, max_illiquid_frac=None, min_daily_liquidatable_frac=None
    )
    told = optimize(inputs, limits)
    assert told.infeasibility is not None
    assert set(told.infeasibility.conflict) == {"max_weight", "max_cash_frac"}
    # Ten names of 5 % and 10 % of cash leave 40 % of equity without a place.
    assert sum(each.breach_frac for each in told.infeasibility.relaxations) == pytest.approx(0.4, abs=1e-4)
    assert "max_cash_frac" in told.infeasibility.sentence()
    over = np.maximum(told.weight - 0.05, 0.0).sum() + max(told.cash_frac - 0.1, 0.0)
    assert over == pytest.approx(0.4, abs=1e-3)


@pytest.mark.feature("AI-PF-03")
def test_each_limit_of_a_conflict_is_needed_for_it() -> None:
    inputs = market(12, 6)
    limits = AllocationLimits(
        max_illiquid_frac=0.0,
        max_turnover_frac=0.01,
        sector_bounds={"S0": (0.0, 1.0)},
        min_daily_liquidatable_frac=None,
    )
    told = optimize(inputs, limits)
    assert told.infeasibility is not None
    assert set(told.infeasibility.conflict) == {"max_illiquid_frac", "max_turnover_frac"}
    for name in told.infeasibility.conflict:
        assert optimize(inputs, replace(limits, **{name: None})).infeasibility is None


def test_contradictory_limits_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"min_weight 0\.3 is above max_weight 0\.2"):
        AllocationLimits(min_weight=0.3, max_weight=0.2)
    with pytest.raises(ConfigError, match="min_cash_frac"):
        AllocationLimits(min_cash_frac=0.5, max_cash_frac=0.1)
    with pytest.raises(ConfigError, match="lower bound of FIN"):
        AllocationLimits(sector_bounds={"FIN": (0.4, 0.2)})
    with pytest.raises(ConfigError, match="max_turnover_frac"):
        AllocationLimits(max_turnover_frac=-0.1)
    with pytest.raises(ConfigError, match="risk_aversion"):
        Preferences(risk_aversion=0.0)


def test_inputs_that_do_not_fit_are_refused() -> None:
    inputs = market(4)
    with pytest.raises(ContractError, match="illiquid"):
        replace(inputs, illiquid=np.zeros(3, dtype=bool))
    with pytest.raises(ContractError, match="expected_return_frac is missing for 1 of 4, first I0"):
        replace(inputs, expected_return_frac=np.array([np.nan, 0.0, 0.0, 0.0]))


class TestRisk:
    def test_factors_of_a_sample_are_its_shrunk_covariance(self) -> None:
        rng = np.random.default_rng(1)
        for sessions, n in ((60, 5), (20, 40)):
            returns = rng.normal(0.0, 0.01, (sessions, n)) @ (np.eye(n) + 0.3)
            risk = RiskModel.from_returns(returns)
            expected = cov_shrink(returns).lw_cov
            assert risk.loadings.shape[0] <= min(sessions, n)
            whole = risk.loadings.T @ risk.loadings + np.diag(risk.specific_variance)
            np.testing.assert_allclose(whole, expected, rtol=1e-8, atol=1e-12)
            np.testing.assert_allclose(risk.times(np.ones(n)), expected @ np.ones(n), rtol=1e-8)
            np.testing.assert_allclose(risk.variance, np.diag(expected), rtol=1e-8)

    def test_fewer_factors_keep_every_variance(self) -> None:
        rng = np.random.default_rng(1)
        returns = rng.normal(0.0, 0.01, (60, 2)) @ rng.normal(size=(2, 30)) + rng.normal(0.0, 0.001, (60, 30))
        whole, few = RiskModel.from_returns(returns), RiskModel.from_returns(returns, factors=2)
        assert few.loadings.shape == (2, 30)
        np.testing.assert_allclose(few.variance, whole.variance, rtol=1e-10)
        weight = rng.dirichlet(np.ones(30))
        assert weight @ few.times(weight) == pytest.approx(weight @ whole.times(weight), rel=0.02)

    def test_what_is_no_covariance_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="smallest eigenvalue"):
            RiskModel.from_covariance([[1.0, 2.0], [2.0, 1.0]])
        with pytest.raises(ConfigError, match="not symmetric"):
            RiskModel.from_covariance([[1.0, 0.5], [0.2, 1.0]])
        risk = RiskModel.from_covariance([[0.04, 0.01], [0.01, 0.09]])
        np.testing.assert_allclose(risk.loadings.T @ risk.loadings, [[0.04, 0.01], [0.01, 0.09]])


class TestOnTheSurface:
    def surface(self, n: int) -> LiquiditySurface:
        return LiquiditySurface.of(
            [f"I{i}" for i in range(n)],
            spread_bps=np.linspace(2.0, 80.0, n),
            adv_ccy=np.geomspace(1e9, 1e6, n),
            volatility_daily_frac=np.linspace(0.01, 0.03, n),
            price=10.0,
        )

    @pytest.mark.feature("AI-PF-05", "AP-PF-07")
    def test_the_cost_that_was_optimised_is_that_of_the_surface(self) -> None:
        n, equity = 25, np.full(25, 2e8)
        surface = self.surface(n)
        found, priced = optimize_on_surface(
            market(n, 9), surface, equity, AllocationLimits(max_weight=0.2), Preferences(5.0, 20.0, 0.5)
        )
        moved = found.weight - priced.current_weight
        size = np.where(np.abs(moved) > 1e-6, np.abs(moved), 0.0) * equity
        told = surface.cost(np.where(moved < 0, -1, 1), size, 1.0).money(size).sum() / 2e8
        assert found.trading_cost_frac == pytest.approx(told, rel=0.02)

    def test_the_curve_equals_the_surface_at_its_anchor(self) -> None:
        surface, equity = self.surface(5), np.full(5, 1e7)
        weight = np.linspace(0.01, 0.3, 5)
        cost = cost_of_weights(surface, np.ones(5), weight, equity, 2.0)
        told = surface.cost(np.ones(5), weight * equity, 2.0).money(weight * equity) / equity
        np.testing.assert_allclose(cost.of(weight), told)
        assert (cost.of(np.zeros(5)) == 0.0).all()

    def test_a_name_the_surface_does_not_know_is_not_traded(self) -> None:
        n = 6
        surface = self.surface(n)
        blind = replace(
            surface, volatility_daily_frac=np.where(np.arange(n) == 2, np.nan, surface.volatility_daily_frac)
        )
        found, priced = optimize_on_surface(market(n, 9), blind, np.full(n, 1e8), WIDE)
        assert not priced.tradable[2]
        assert found.weight[2] == priced.current_weight[2]


def test_measured_usage_is_arithmetic() -> None:
    inputs = replace(
        market(3), current_weight=np.array([0.2, 0.3, 0.0]), illiquid=np.array([True, False, True]),
        daily_capacity_frac=np.array([0.1, np.nan, 0.5]),
    )  # fmt: skip
    told = usage(inputs, np.array([0.3, 0.2, -0.1]))
    assert told["cash_frac"] == pytest.approx(0.6)
    # A name without a capacity cannot be sold, one with 0.5 a session can, one marked illiquid counts whole.
    assert told["illiquid_frac"] == pytest.approx((0.3 + 0.2 + 0.1) / 0.6)
    assert told["daily_liquidatable_frac"] == pytest.approx(1.0 - (0.2 + 0.2) / 0.6)
    assert told["turnover_frac"] == pytest.approx(0.3)
    assert isinstance(optimize(inputs, replace(WIDE, min_weight=-1.0)), Allocation)
