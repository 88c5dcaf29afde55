"""One surface, many numbers: each is recomputed here from the surface alone, so none of them can disagree.

Portfolios are generated: bonds, shares, coins and perpetuals in three currencies, long and short, some without volume or
unknown, some with a visible book.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from liquidity.contracts.risk_portfolio import LADDER_SCENARIOS
from liquidity.impact.shock import Shock
from liquidity.impact.surface import LiquiditySurface, immediate_sessions
from liquidity.portfolio.adaptive_sizing import SizingLimits, adaptive_size
from liquidity.portfolio.allocation_model import AllocationInputs, RiskModel, WeightCost
from liquidity.portfolio.assessment import Assessor
from liquidity.portfolio.assessment_table import assess_positions
from liquidity.portfolio.currency import Rates
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.ladder import APPROACHES, ladder
from liquidity.portfolio.limits import check_limits
from liquidity.portfolio.optimizer import usage
from liquidity.portfolio.policy import DEFAULT_POLICY
from liquidity.portfolio.portfolio_tables import portfolio_tables
from liquidity.stress.measures import portfolio_stress
from liquidity.stress.scenario import ClassShock, Scenario
from liquidity.stress.vector import StressVector, stress_vector
from tests.property.risk_portfolios import RATES, SESSION, Case, generated

CASES = st.builds(generated, st.integers(0, 10_000), st.integers(1, 9))
SOUND = st.builds(lambda seed, n: generated(seed, n, complete=True), st.integers(0, 10_000), st.integers(1, 9))
# Cases are made of a seed: a smaller seed is no simpler case, so nothing is gained by shrinking.
FEW = settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
RATES_KNOWN = Rates(RATES)
TEN = np.arange(1.0, 11.0)


def alone(surface: LiquiditySurface, place: int, side: float, size: float, sessions: float) -> float:
    """Cost in bps of one order, asked of the surface by itself."""
    return float(surface.take([place]).cost(side, [size], sessions).expected_bps[0])


def assessed(held: Holdings, surface: LiquiditySurface, **changes: float) -> pd.DataFrame:
    policy = replace(DEFAULT_POLICY, **changes)
    return assess_positions(held, surface, np.full(len(held), 50.0), policy, rates=RATES_KNOWN)


def scenario(**shock: float) -> Scenario:
    names = ("gov_bond", "ig_bond", "hy_bond", "equity", "crypto_major", "crypto_alt", "stablecoin")
    return Scenario("s", "S", "high", "judgement", 1, SESSION, {name: ClassShock(**shock) for name in names})


def crash(held: Holdings, depth: float = 1.0) -> StressVector:
    full = scenario(
        price_fall_frac=0.2, spread_mult=4.0, volume_haircut_frac=0.4, depth_haircut_frac=0.6, vol_mult=2.0,
        redemption_weekly_frac=0.1, margin_call_frac=0.05,
    )  # fmt: skip
    return stress_vector(full, held).scaled(depth)


@pytest.mark.feature("AP-PO-01", "AI-PO-09")
@FEW
@given(case=CASES)
def test_assessments_are_the_surface_and_one_order_is_its_row_of_the_table(case: Case) -> None:
    held, surface = case.held(), case.surface
    table = assessed(held, surface).set_index("instrument_id")
    assessor, stressed = Assessor(surface, np.full(len(surface), 50.0)), surface.stressed(DEFAULT_POLICY.stress)
    for row in np.flatnonzero(held.place >= 0):
        name, place, side = held.instrument_id[row], int(held.place[row]), float(held.side_sign[row])
        size = abs(held.quantity[row] * held.price[row])
        told = table.loc[name]
        adv = surface.adv_ccy[place]
        days = size / (0.20 * adv) if adv > 0.0 else np.nan
        assert told["days_to_liquidate"] == pytest.approx(days, rel=1e-12, nan_ok=True)
        assert told["order_adv_frac"] == pytest.approx(size / adv if adv > 0.0 else np.nan, nan_ok=True)
        assert told["value_base"] == pytest.approx(held.quantity[row] * held.price[row] * held.fx[row])
        now = float(immediate_sessions(held.asset_class)[row])
        for label, sessions in (("now", now), ("1", 1.0), ("3", 3.0), ("5", 5.0), ("10", 10.0)):
            for market, column in ((surface, f"cost_{label}_bps"), (stressed, f"stressed_cost_{label}_bps")):
                assert told[column] == pytest.approx(alone(market, place, side, size, sessions), rel=1e-9, nan_ok=True)
        assert told["cost_now_base"] == pytest.approx(
            size * held.fx[row] * told["cost_now_bps"] / 1e4, rel=1e-9, nan_ok=True
        )
        one = assessor.assess(str(name), int(side), size, in_money=True)
        assert one.immediate_liquidation_cost == pytest.approx(told["cost_now_bps"], rel=1e-9, nan_ok=True)
        assert one.gradual_liquidation_cost == pytest.approx(told["gradual_cost_bps"], rel=1e-9, nan_ok=True)
        assert one.liquidity_risk_score == pytest.approx(told["liquidity_risk_score"], rel=1e-9)


@pytest.mark.feature("AP-PF-01", "AI-PF-04")
@FEW
@given(case=CASES, approach=st.sampled_from(APPROACHES), stressed=st.booleans())
def test_ladders_sell_and_pay_what_the_surface_says(case: Case, approach: str, stressed: bool) -> None:
    held = case.held()
    surface = case.surface.stressed(DEFAULT_POLICY.stress) if stressed else case.surface
    steps = ladder(held, surface, approach, 0.20, horizons=TEN)
    value = np.abs(held.value_base)
    for row in range(len(held)):
        for column in (0, 4, 9):
            sold, sessions = steps.sold_base[row, column], TEN[column]
            if not held.known[row]:
                assert np.isnan(sold) or sold == 0.0 or not np.isfinite(value[row]) or held.place[row] < 0
                continue
            capacity = np.nan_to_num(0.20 * sessions * surface.adv_ccy[held.place[row]]) * held.fx[row]
            assert sold <= min(value[row], capacity) * (1.0 + 1e-9)
            if approach == "waterfall":
                assert sold == pytest.approx(min(value[row], capacity), rel=1e-9)
            bps = alone(surface, int(held.place[row]), float(held.side_sign[row]), sold / held.fx[row], sessions)
            expected = 0.0 if sold == 0.0 else sold * bps / 1e4
            assert steps.cost_base[row, column] == pytest.approx(expected, rel=1e-9, nan_ok=True)
            settled = sessions - held.settlement_days[row]
            if settled <= 0.0:
                assert steps.cash_base[row, column] == 0.0
            elif approach == "waterfall" and np.isfinite(bps):
                paid = min(value[row], np.nan_to_num(0.20 * settled * surface.adv_ccy[held.place[row]]) * held.fx[row])
                flow = 0.0 if held.asset_class[row] == "crypto_perp" else -held.side_sign[row]
                assert steps.cash_base[row, column] == pytest.approx(paid * (flow - bps / 1e4), rel=1e-9, abs=1e-6)


@pytest.mark.feature("AP-PF-02")
@FEW
@given(case=CASES)
def test_tables_and_limits_are_the_ladder(case: Case) -> None:
    held, surface = case.held(), case.surface
    index = pd.DataFrame(
        {"session_date": pd.Timestamp(SESSION), "instrument_id": surface.instrument_id, "liquidity_score": 40.0}
    )
    told = portfolio_tables(
        case.positions, case.accounts, case.rates, index, surface, SESSION, DEFAULT_POLICY, urgency="medium"
    )
    rows = told.ladder.set_index(["scenario", "approach", "horizon_sessions"])
    steps = ladder(held, surface, "waterfall", 0.20)
    for session in (1, 5, 20):
        row = rows.loc[(LADDER_SCENARIOS[0], "waterfall", session)]
        assert row["sold_base"] == pytest.approx(np.nansum(steps.sold_base[:, session - 1]))
        assert row["cost_base"] == pytest.approx(np.nansum(steps.cost_base[:, session - 1]))
    checks = {each.limit: each.value for each in check_limits(held, surface, np.full(len(held), 40.0), DEFAULT_POLICY)}
    value = np.where(held.known | np.isfinite(held.value_base), np.abs(held.value_base), np.nan)
    gross = np.nansum(value)
    adv = np.zeros(len(held))
    adv[held.place >= 0] = np.nan_to_num(surface.adv_ccy[held.place[held.place >= 0]]) * held.fx[held.place >= 0]
    for limit, sessions, sold in (
        ("min_daily_liquidatable_frac", 1.0, True),
        ("max_illiquid_frac", 10.0, False),
    ):
        share = np.nansum(np.minimum(value, 0.20 * sessions * adv)) / gross if gross > 0.0 else np.nan
        assert checks[limit] == pytest.approx(share if sold else 1.0 - share, abs=1e-9, nan_ok=True)
    limit_rows = told.limits.set_index("limit")["value"]
    summary = told.portfolios.iloc[0]
    assert limit_rows["min_daily_liquidatable_frac"] == pytest.approx(summary["sold_1_frac"], nan_ok=True)
    assert limit_rows["max_illiquid_frac"] == pytest.approx(summary["illiquid_frac"], abs=1e-12, nan_ok=True)
    assert summary["gross_value_base"] == pytest.approx(told.positions["value_base"].abs().sum())


@pytest.mark.feature("AP-ST-01", "ET-ST-03")
@FEW
@given(case=CASES)
def test_stress_is_the_stressed_surface_at_lower_prices_and_parts_make_the_whole(case: Case) -> None:
    held, surface = case.held(), case.surface
    vector = crash(held)
    found = portfolio_stress(held, surface, vector)
    by = found.positions
    harsh = surface.stressed(Shock(4.0, 0.4, 0.6, 2.0))
    for row in np.flatnonzero(held.known):
        place, side = int(held.place[row]), float(held.side_sign[row])
        size, plan = abs(held.quantity[row] * held.price[row]), float(by.plan_sessions[row])
        assert by.before.cost_plan_bps[row] == pytest.approx(
            alone(surface, place, side, size, plan), rel=1e-9, nan_ok=True
        )
        assert by.price_loss_base[row] == pytest.approx(0.2 * held.value_base[row])
        # The same units at a lower price in a market whose volume and book are the same units too.
        cheaper = replace(
            harsh,
            adv_ccy=harsh.adv_ccy * 0.8,
            curves=harsh.curves.stressed(np.full(len(harsh), 0.8), np.ones(len(harsh))),
        )
        assert by.after.cost_plan_bps[row] == pytest.approx(
            alone(cheaper, place, side, 0.8 * size, plan), rel=1e-9, nan_ok=True
        )
        assert by.after.cost_plan_base[row] == pytest.approx(
            by.after.cost_plan_bps[row] / 1e4 * 0.8 * size * held.fx[row], rel=1e-9, nan_ok=True
        )
    assert found.price_loss_base == pytest.approx(np.nansum(by.price_loss_base))
    assert found.stressed_loss_base == pytest.approx(np.nansum(by.stressed_loss_base))
    assert found.nav_after_base == pytest.approx(held.equity_base - found.price_loss_base)
    calm = ladder(held, surface, "waterfall", 0.20, horizons=np.array([1.0, 10.0]))
    # A position without a place is in the value and never sold, in both.
    assert found.daily_before_frac == pytest.approx(calm.sold_frac[0], nan_ok=True)
    assert found.illiquid_before_frac == pytest.approx(1.0 - calm.sold_frac[1], abs=1e-12, nan_ok=True)


@pytest.mark.feature("AP-ST-01")
def test_no_stress_changes_nothing() -> None:
    case = generated(5, 9)
    held = case.held()
    found = portfolio_stress(held, case.surface, crash(held, 0.0))
    np.testing.assert_array_equal(found.positions.before.cost_plan_bps, found.positions.after.cost_plan_bps)
    assert (found.price_loss_base, found.redemption_base, found.margin_call_base) == (0.0, 0.0, 0.0)


@pytest.mark.feature("AP-SZ-01", "ET-SZ-07")
@FEW
@given(case=SOUND, risk=st.floats(0.001, 0.05))
def test_sizes_stay_within_what_the_surface_allows(case: Case, risk: float) -> None:
    surface, limits = case.surface, SizingLimits()
    for place in range(len(surface)):
        market = surface.take([place])
        price, adv = float(market.price[0]), float(market.adv_ccy[0])
        sized = adaptive_size(
            price=price, equity_base=1e7, volatility_daily_frac=float(market.volatility_daily_frac[0]), side_sign=1,
            risk_budget_frac=risk, adv_quantity=adv / price, liquidity_score=80.0, surface=market,
        )  # fmt: skip
        money = sized.quantity * price
        assert money <= limits.max_position_adv_frac * adv * (1.0 + 1e-9)
        if sized.quantity > 0.0:
            cost = alone(surface, place, 1.0, money, limits.horizon_sessions)
            assert sized.expected_cost_bps == pytest.approx(cost, rel=1e-9)
            assert cost <= limits.max_cost_bps * (1.0 + 1e-9)


@pytest.mark.feature("AI-PF-04", "AP-PF-07")
@FEW
@given(case=SOUND)
def test_what_the_optimiser_calls_liquidatable_is_the_ladders_share(case: Case) -> None:
    held, surface = case.held(), case.surface
    n, equity = len(held), 1e7
    free = WeightCost(np.zeros(n), np.zeros(n))
    capacity = 0.20 * surface.adv_ccy[held.place] * held.fx / equity
    weight = held.value_base / equity
    inputs = AllocationInputs(
        held.instrument_id, held.sector, weight, np.zeros(n), RiskModel(np.zeros((1, n)), np.ones(n)), free, free,
        np.zeros(n, dtype=np.bool_), capacity, np.ones(n, dtype=np.bool_),
    )  # fmt: skip
    told, steps = usage(inputs, weight), ladder(held, surface, "waterfall", 0.20, horizons=TEN)
    assert told["daily_liquidatable_frac"] == pytest.approx(steps.sold_frac[0], rel=1e-9)
    assert told["illiquid_frac"] == pytest.approx(1.0 - steps.sold_frac[9], abs=1e-9)


@pytest.mark.feature("AP-PO-06", "AI-ST-02", "AP-PF-01")
@FEW
@given(case=CASES, larger=st.floats(1.0, 20.0), share=st.floats(0.02, 0.2))
def test_more_to_sell_less_time_a_smaller_share_or_a_deeper_stress_is_never_better(
    case: Case, larger: float, share: float
) -> None:
    held, surface = case.held(), case.surface
    bigger = replace(held, quantity=held.quantity * larger, value_base=held.value_base * larger)
    small, big = (assessed(each, surface, participation_frac=0.20) for each in (held, bigger))
    costs = ["cost_now_bps", "cost_1_bps", "cost_3_bps", "cost_5_bps", "cost_10_bps"]
    for table in (small, big):
        waited = table[costs].dropna().to_numpy()
        assert (np.diff(waited, axis=1) <= 1e-7 * (1.0 + waited[:, :1])).all()
    for column in (*costs, "days_to_liquidate", "liquidity_risk_score"):
        one, other = small[column].to_numpy(), big[column].to_numpy()
        # No answer (beyond a book without models) is not better either.
        assert not (other < one * (1.0 - 1e-9) - 1e-9).any()
    slow, fast = (ladder(held, surface, "waterfall", each, horizons=TEN) for each in (share, 0.2))
    assert (np.nan_to_num(fast.sold_frac) >= np.nan_to_num(slow.sold_frac) - 1e-12).all()
    assert (np.diff(np.nan_to_num(fast.sold_frac)) >= -1e-12).all()
    mild, hard = (portfolio_stress(held, surface, crash(held, depth)) for depth in (0.5, 1.5))
    assert mild.illiquid_after_frac <= hard.illiquid_after_frac + 1e-9 or np.isnan(hard.illiquid_after_frac)
    one, other = mild.positions.after.cost_plan_bps, hard.positions.after.cost_plan_bps
    known = np.isfinite(one) & np.isfinite(other)
    assert (other[known] >= one[known] * (1.0 - 1e-9) - 1e-9).all()


@pytest.mark.feature("AP-PF-01")
@FEW
@given(case=CASES, seed=st.integers(0, 100))
def test_the_order_of_positions_does_not_matter(case: Case, seed: int) -> None:
    mixed = replace(case, positions=case.positions.sample(frac=1.0, random_state=seed))
    one, other = case.held(), mixed.held()
    np.testing.assert_array_equal(one.instrument_id, other.instrument_id)
    np.testing.assert_array_equal(one.value_base, other.value_base)
    assert one.equity_base == pytest.approx(other.equity_base, rel=1e-12)
    # And not on the surface either.
    turned = np.random.default_rng(seed).permutation(len(case.surface))
    moved = replace(case, surface=case.surface.take(turned)).held()
    first, second = assessed(one, case.surface), assessed(moved, case.surface.take(turned))
    pd.testing.assert_frame_equal(first, second, rtol=1e-12)


@pytest.mark.feature("AP-PF-01")
@FEW
@given(case=CASES)
def test_another_base_currency_changes_money_by_the_rate_and_no_share_or_bps(case: Case) -> None:
    dollars, rupees = case.held("USD"), case.held("INR")
    rate = 1.0 / RATES["INR", "USD"]
    assert rupees.value_base == pytest.approx(dollars.value_base * rate, rel=1e-12, nan_ok=True)
    assert rupees.equity_base == pytest.approx(dollars.equity_base * rate, rel=1e-9)
    one, other = assessed(dollars, case.surface), assessed(rupees, case.surface)
    for column in one.columns:
        if column.endswith(("_bps", "_frac", "_score")) or column == "days_to_liquidate":
            np.testing.assert_allclose(one[column], other[column], rtol=1e-9)
        elif column.endswith("_base"):
            np.testing.assert_allclose(one[column] * rate, other[column], rtol=1e-9)
    first, second = (ladder(each, case.surface, "mixed", 0.2) for each in (dollars, rupees))
    np.testing.assert_allclose(first.sold_frac, second.sold_frac, rtol=1e-9)
    np.testing.assert_allclose(first.cost_bps, second.cost_bps, rtol=1e-9)
    gaps = [portfolio_stress(each, case.surface, crash(each)) for each in (dollars, rupees)]
    assert gaps[0].cash_coverage_ratio == pytest.approx(gaps[1].cash_coverage_ratio, rel=1e-9, nan_ok=True)


@pytest.mark.feature("AP-PF-01")
@FEW
@given(case=SOUND)
def test_a_portfolio_is_the_sum_of_its_positions(case: Case) -> None:
    held, surface = case.held(), case.surface
    whole = ladder(held, surface, "waterfall", 0.2, horizons=TEN)
    parts = [
        ladder(replace(case, positions=case.positions.iloc[[row]]).held(), surface, "waterfall", 0.2, horizons=TEN)
        for row in range(len(case.positions))
    ]
    for name in ("sold_base", "cost_base", "cash_base"):
        together = np.sum([getattr(part, name).sum(axis=0) for part in parts], axis=0)
        np.testing.assert_allclose(getattr(whole, name).sum(axis=0), together, rtol=1e-9)
    assert whole.gross_base == pytest.approx(sum(part.gross_base for part in parts))


@pytest.mark.feature("AP-PF-01")
@FEW
@given(case=CASES)
def test_rows_of_later_sessions_change_nothing(case: Case) -> None:
    def and_later(rows: pd.DataFrame, **changes: object) -> pd.DataFrame:
        return pd.concat(
            [rows, rows.assign(session_date=rows["session_date"] + pd.Timedelta(days=1), **changes)], ignore_index=True
        )

    later = replace(
        case,
        positions=and_later(case.positions, quantity=1e9),
        accounts=and_later(case.accounts, cash=-1e9),
        rates=and_later(case.rates, rate=7.0),
    )
    one, other = case.held(), later.held()
    np.testing.assert_array_equal(one.value_base, other.value_base)
    assert (one.equity_base, one.cash_base) == (other.equity_base, other.cash_base)
