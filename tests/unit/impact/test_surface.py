"""Values, shapes and refusals of the surface."""

from datetime import date

import numpy as np
import pytest

from liquidity.contracts.conform import frame_from_table, table_from_frame
from liquidity.contracts.risk_surface import COST_METHODS, LIQUIDITY_SURFACE, SURFACE_CURVES
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.impact.book_curves import BookCurves, book_curve
from liquidity.impact.members import BLENDED_MEMBERS, prior_weights
from liquidity.impact.shock import CALM, Shock
from liquidity.impact.surface import IMMEDIATE_SESSIONS, LiquiditySurface

NOW = IMMEDIATE_SESSIONS / 4.0  # instant in every market
ASKS = (np.array([100.01, 100.02, 100.05]), np.array([1e4, 2e4, 5e4]))
BIDS = (np.array([99.99, 99.97]), np.array([1e4, 1e4]))


def plain(**others: object) -> LiquiditySurface:
    given = {"spread_bps": [4.0, 60.0], "adv_ccy": [1e8, 1e6], "volatility_daily_frac": [0.02, 0.004], "price": 50.0}
    return LiquiditySurface.of(["A", "B"], **(given | others))  # type: ignore[arg-type]


def with_book() -> LiquiditySurface:
    asks, bids = book_curve(*ASKS, mid=100.0), book_curve(*BIDS, mid=100.0)
    assert asks is not None
    assert bids is not None
    return plain(asset_class=["crypto_perp", "bond_corporate"], curves=BookCurves.of(2, {0: asks}, {0: bids}))


@pytest.mark.feature("AP-IM-01")
def test_the_parts_of_a_cost_add_up_in_bps_and_money() -> None:
    surface = plain()
    size = np.array([1e6, 1e4])
    cost = surface.cost(-1, size, 1.0)
    members = surface.member_costs(size, 1.0)
    blended = prior_weights() @ members
    np.testing.assert_allclose(cost.half_spread_bps, [2.0, 30.0])
    np.testing.assert_allclose(cost.impact_bps, blended)
    np.testing.assert_allclose(cost.permanent_bps + cost.temporary_bps, cost.impact_bps)
    np.testing.assert_allclose(cost.permanent_bps, 0.5e4 * 0.314 * surface.volatility_daily_frac * 0.01)
    np.testing.assert_allclose(cost.timing_bps, 1e4 * surface.volatility_daily_frac / np.sqrt(3.0))
    np.testing.assert_allclose(cost.model_bps, np.sqrt(prior_weights() @ (members - blended) ** 2))
    np.testing.assert_allclose(cost.money(size), size * cost.expected_bps / 1e4)
    spread_of_p90 = 1.2815515655446004 * np.hypot(cost.timing_bps, cost.model_bps)
    np.testing.assert_allclose(cost.at(0.9), cost.expected_bps + spread_of_p90)
    assert (cost.money(size, 0.9) > cost.money(size)).all()


@pytest.mark.feature("AP-IM-01")
def test_size_zero_costs_nothing_and_ten_times_the_size_less_than_ten_times_as_much_per_unit() -> None:
    surface = plain()
    cost = surface.cost(1, np.array([[0.0, 1e3, 1e4], [0.0, 1e3, 1e4]]), 1.0)
    assert (cost.money(np.array([[0.0, 1e3, 1e4]] * 2))[:, 0] == 0.0).all()
    assert (cost.impact_bps[:, 0] == 0.0).all()
    assert (cost.impact_bps[:, 2] < 10.0 * cost.impact_bps[:, 1]).all()


@pytest.mark.feature("AP-IM-02", "AI-IM-05")
def test_a_book_is_walked_level_by_level_and_the_sides_differ() -> None:
    surface = with_book()
    size = np.array([4e4, 1e3])
    buy = surface.cost(1, size, NOW)
    # 10k at 1 bp, 20k at 2 bps, 10k at 5 bps
    assert buy.expected_bps[0] == pytest.approx((1e4 * 1.0 + 2e4 * 2.0 + 1e4 * 5.0) / 4e4)
    assert not buy.beyond_book[0]
    sell = surface.cost(-1, np.array([2e4, 1e3]), NOW)
    assert sell.expected_bps[0] == pytest.approx((1.0 + 3.0) / 2.0)
    mixed = surface.cost(np.array([1.0, -1.0]), np.array([2e4, 1e3]), NOW)
    assert mixed.expected_bps[0] == pytest.approx((1e4 * 1.0 + 1e4 * 2.0) / 2e4)
    assert mixed.expected_bps[0] != sell.expected_bps[0]


@pytest.mark.feature("AP-IM-02")
def test_beyond_the_visible_book_the_models_speak_and_the_estimate_says_so() -> None:
    surface = with_book()
    edge = surface.cost(1, np.array([8e4, 1e3]), NOW)
    over = surface.cost(1, np.array([1e5, 1e3]), NOW)
    assert not edge.beyond_book[0]
    assert over.beyond_book[0]
    walked = (1e4 * 1.0 + 2e4 * 2.0 + 5e4 * 5.0) / 8e4
    of_models = surface.member_costs(np.array([1e5, 1e3]), NOW).T[0] @ prior_weights()
    assert over.expected_bps[0] == pytest.approx(0.8 * walked + 0.2 * (5.0 + of_models))
    assert over.model_bps[0] > 0.0
    assert not over.beyond_book[1]  # no book at all: the models speak for everything, nothing lies beyond


def test_with_time_the_models_answer_unless_crossing_now_is_cheaper() -> None:
    surface = with_book()
    small, large = np.array([1e4, 1.0]), np.array([8e4, 1.0])
    assert surface.cost(1, small, 1.0).expected_bps[0] == pytest.approx(1.0)  # the best level alone
    now, later = surface.cost(1, large * 10.0, NOW), surface.cost(1, large * 10.0, 5.0)
    assert later.expected_bps[0] < now.expected_bps[0]


def test_missing_inputs_have_no_cost_and_no_days() -> None:
    surface = LiquiditySurface.of(
        ["A", "B", "C", "D"],
        spread_bps=[np.nan, 4.0, 4.0, 4.0],
        adv_ccy=[1e6, np.nan, 0.0, 1e6],
        volatility_daily_frac=[0.02, 0.02, 0.02, np.nan],
    )
    cost = surface.cost(-1, np.full(4, 1e4), 1.0)
    assert np.isnan(cost.expected_bps).all()
    assert np.isnan(cost.at(0.9)).all()
    assert np.isnan(surface.grid(-1, [0.1], [1.0], [0.5])).all()
    days = surface.days_to_liquidate(np.full(4, 1e5), 0.2)
    np.testing.assert_allclose(days, [0.5, np.nan, np.nan, 0.5])
    assert (surface.days_to_liquidate(np.zeros(4), 0.2) == 0.0).all()


def test_a_missing_member_leaves_its_weight_to_the_others() -> None:
    weight = prior_weights()
    weight[0] = 0.0
    surface = plain(weight=weight)
    size = np.array([1e6, 1e4])
    expected = (weight / weight.sum()) @ surface.member_costs(size, 1.0)
    np.testing.assert_allclose(surface.cost(-1, size, 1.0).impact_bps, expected)


@pytest.mark.parametrize(
    ("size", "horizon", "shape"),
    [
        (np.ones(2), 1.0, (2,)),
        (np.ones(2), np.array([1.0, 2.0]), (2,)),
        (np.ones((2, 3)), 1.0, (2, 3)),
        (np.ones((2, 3)), np.array([1.0, 2.0]), (2, 3)),
        (np.ones(2), np.array([[1.0, 2.0, 3.0]]), (2, 3)),
        (np.ones((1, 3)), np.array([1.0, 2.0]), (2, 3)),
        (1.0, 1.0, (2,)),
    ],
)
def test_shapes_broadcast_over_instruments_first(size: object, horizon: object, shape: tuple[int, ...]) -> None:
    cost = plain().cost(1, size, horizon)  # type: ignore[arg-type]
    for part in (cost.expected_bps, cost.timing_bps, cost.model_bps, cost.permanent_bps, cost.beyond_book):
        assert part.shape == shape
    assert with_book().cost(1, size, horizon).expected_bps.shape == shape  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((2.0, 1.0, 1.0), "side_sign"),
        ((1, -1.0, 1.0), "below 0"),
        ((1, 1.0, 0.0), "horizon 0.0 sessions"),
        ((1, np.ones(3), 1.0), "do not fit 2 instruments"),
        ((np.ones(3), 1.0, 1.0), "sides"),
    ],
)
def test_orders_that_make_no_sense_are_refused(arguments: tuple[object, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        plain().cost(*arguments)  # type: ignore[arg-type]


def test_percentiles_participation_and_places_are_checked() -> None:
    surface = plain()
    with pytest.raises(ConfigError, match="percentile 1"):
        surface.cost(1, 1.0, 1.0).at(1.0)
    with pytest.raises(ConfigError, match="participation"):
        surface.days_to_liquidate(1.0, 0.0)
    with pytest.raises(ConfigError, match="place -1"):
        surface.take(surface.places(["B", "unknown"]))
    with pytest.raises(ConfigError, match="percentiles"):
        surface.grid(1, [0.1], [1.0], [1.0])
    with pytest.raises(ConfigError, match="unknown"):
        plain(sprad=1.0)
    with pytest.raises(ContractError, match="weights of shape"):
        plain(weight=np.ones(2))


def test_taken_rows_cost_what_they_cost_before() -> None:
    surface = with_book()
    both = surface.cost(-1, np.array([3e4, 1e4]), 0.5).expected_bps
    turned = surface.take(surface.places(["B", "A", "A"]))
    assert turned.instrument_id.tolist() == ["B", "A", "A"]
    np.testing.assert_array_equal(turned.cost(-1, np.array([1e4, 3e4, 3e4]), 0.5).expected_bps, both[[1, 0, 0]])
    assert turned.curves.curve(0, 0) is None
    assert len(surface.take([])) == 0


def test_a_shock_changes_what_it_names() -> None:
    surface = with_book()
    calm = surface.stressed(CALM)
    np.testing.assert_array_equal(calm.cost(1, 1e4, 1.0).expected_bps, surface.cost(1, 1e4, 1.0).expected_bps)
    thin = surface.stressed(Shock(depth_haircut_frac=0.5))
    # 20k of the 40k are gone from the best levels: the walk is that of twice the size
    assert thin.cost(1, np.array([2e4, 1.0]), NOW).expected_bps[0] == pytest.approx(
        surface.cost(1, np.array([4e4, 1.0]), NOW).expected_bps[0]
    )
    np.testing.assert_allclose(thin.impact_scale, surface.impact_scale * np.sqrt(2.0))
    wide = surface.stressed(Shock(spread_mult=3.0))
    assert wide.half_spread_bps(1)[0] == pytest.approx(3.0)
    assert wide.cost(1, np.array([4e4, 1.0]), NOW).expected_bps[0] == pytest.approx(2.5 + 2.0)
    half = surface.stressed(Shock(volume_haircut_frac=0.5))
    np.testing.assert_allclose(half.days_to_liquidate(1e5, 0.2), 2.0 * surface.days_to_liquidate(1e5, 0.2))
    gone = surface.stressed(Shock(volume_haircut_frac=1.0))
    assert np.isnan(gone.cost(1, 1e4, 1.0).expected_bps[1])


def test_dealers_that_withdraw_leave_bonds_alone() -> None:
    surface = with_book().stressed(Shock(dealer_withdrawal_frac=0.4))
    np.testing.assert_allclose(surface.adv_ccy, [1e8, 0.6e6])
    assert surface.impact_scale[0] == 1.0
    assert surface.impact_scale[1] == pytest.approx(0.6**-0.5)


def test_tables_and_back_are_the_same_surface() -> None:
    surface = with_book()
    rows, curves = LiquiditySurface.of(
        ["XNYS:A", "XNYS:B"],
        spread_bps=surface.spread_bps,
        adv_ccy=surface.adv_ccy,
        volatility_daily_frac=surface.volatility_daily_frac,
        price=50.0,
        asset_class=surface.asset_class,
        curves=surface.curves,
        rating=["BBB", None],
        reason="",
        session_date=date(2026, 3, 2),
    ).to_tables()
    stored = [
        frame_from_table(audit(table_from_frame(frame, contract), contract, date(2026, 3, 2), None).accepted)
        for frame, contract in ((rows, LIQUIDITY_SURFACE), (curves, SURFACE_CURVES))
    ]
    assert [len(frame) for frame in stored] == [2, 5]
    again = LiquiditySurface.from_tables(*stored)
    assert again.rating.tolist() == ["BBB", None]
    assert again.session_date == date(2026, 3, 2)
    for horizon in (NOW, 1.0):
        np.testing.assert_allclose(
            again.cost(1, np.array([1e5, 1e4]), horizon).at(0.9), surface.cost(1, np.array([1e5, 1e4]), horizon).at(0.9)
        )
    bought = stored[1][stored[1]["side"] == "buy"]
    assert bought["cost_bps"].tolist() == pytest.approx([1.0, 5.0 / 3.0, 30e4 / 8e4])
    with pytest.raises(ContractError, match="without a session"):
        surface.to_tables()
    with pytest.raises(ContractError, match="occurs twice"):
        LiquiditySurface.from_tables(stored[0].iloc[[0, 0]])


def test_every_method_has_a_place_and_every_member_a_column() -> None:
    assert COST_METHODS[0] == "book"
    assert COST_METHODS[-1] == "none"
    assert {f"weight_{member.name}_frac" for member in BLENDED_MEMBERS} <= set(LIQUIDITY_SURFACE.column_names)


@pytest.mark.feature("AP-IM-01")
def test_a_sale_costs_at_most_all_it_brings_and_a_purchase_may_cost_more():
    surface = LiquiditySurface.of(
        ["A", "B"], spread_bps=[50.0, 3e4], adv_ccy=[1e3, 1e8], volatility_daily_frac=[0.3, 0.1]
    )
    sizes = np.array([[1e2, 1e9], [1e2, 1e9]])
    sold, bought = surface.cost(-1, sizes, 1.0), surface.cost(1, sizes, 1.0)
    assert sold.expected_bps[0, 0] == bought.expected_bps[0, 0] < 1e4
    assert sold.expected_bps[0, 1] == 1e4 < bought.expected_bps[0, 1]
    assert sold.expected_bps[1].tolist() == [1e4, 1e4]
    assert (bought.expected_bps[1] > 1e4).all()
    assert sold.money(sizes)[0, 1] == sizes[0, 1]
    for side, told in ((-1, sold), (1, bought)):
        grid = surface.grid(side, [1e6], [1.0])[0, 0, 0, 0]
        assert grid == pytest.approx(told.expected_bps[0, 1], rel=1e-5)
