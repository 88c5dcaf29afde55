"""Forced sales: quantity is conserved, the loop ends, more depth never ends lower."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError, ContractError, InsufficientDataError
from liquidity.stress.cascade import BidBook, book_cascade, cascade
from liquidity.stress.cascade_calibration import CascadeCase, cascade_case, fit_density, predict_low

LEVELS = st.lists(st.tuples(st.floats(20.0, 110.0), st.floats(0.0, 50.0)), max_size=12)
BIDS = st.lists(st.floats(0.0, 30.0), max_size=8)


def even_book(quantities, beyond=0.0):
    return BidBook(0.01 * np.arange(len(quantities)), np.array(quantities, dtype=np.float64), beyond)


@pytest.mark.feature("PL-ST-04")
def test_by_hand() -> None:
    # 100 falls to 95; the level at 96 sells 8 units: 5 at the mid, 3 one per cent below; that reaches the level at 94.5.
    found = book_cascade(
        100.0, 0.05, [96.0, 94.5, 90.0], [8.0, 4.0, 9.0], [True, False, True], even_book([5.0, 5.0, 5.0])
    )
    assert found.liquidated.tolist() == [True, True, False]
    assert found.price_by_round.tolist() == pytest.approx([95.0 * 0.99, 95.0 * 0.98])
    assert found.quantity_by_round.tolist() == [8.0, 4.0]
    assert found.notional == pytest.approx(95.0 * (5.0 + 5.0 * 0.99 + 2.0 * 0.98))
    assert found.observed_level_frac == pytest.approx(8.0 / 12.0)
    assert found.visible_fill_frac == 1.0
    assert found.unfilled_quantity == 0.0


def test_beyond_the_book_is_told_apart() -> None:
    found = book_cascade(100.0, 0.0, [100.0], [15.0], [True], even_book([5.0, 5.0], beyond=100.0))
    assert found.final_price == pytest.approx(100.0 * (1.0 - 0.01 - 0.05))
    assert found.visible_fill_frac == pytest.approx(10.0 / 15.0)
    assert found.notional == pytest.approx(5 * 100 + 5 * 99 + 5 * 0.5 * (99 + 94))
    empty = book_cascade(100.0, 0.0, [100.0], [15.0], [True], even_book([5.0, 5.0]))
    assert empty.final_price == 0.0
    assert empty.unfilled_quantity == 5.0


def test_nothing_reached() -> None:
    found = book_cascade(100.0, 0.01, [90.0], [5.0], [True], even_book([5.0]))
    assert (found.rounds, found.quantity, found.final_price) == (0, 0.0, 99.0)
    assert np.isnan(found.observed_level_frac)


@pytest.mark.feature("PL-ST-04")
@settings(max_examples=60, deadline=None)
@given(levels=LEVELS, bids=BIDS, beyond=st.floats(0.0, 500.0), shock=st.floats(0.0, 0.5))
def test_quantity_is_conserved_and_the_loop_ends(levels, bids, beyond, shock) -> None:
    prices, sizes = np.array([each[0] for each in levels]), np.array([each[1] for each in levels])
    book = even_book(bids, beyond)
    found = book_cascade(100.0, shock, prices, sizes, np.ones(len(levels), dtype=bool), book)
    assert found.rounds <= max(len(levels), 0)
    assert found.quantity == pytest.approx(sizes[found.liquidated].sum())
    assert found.quantity_by_round.sum() == pytest.approx(found.quantity)
    assert (np.diff(found.price_by_round) <= 1e-9).all()
    assert -1e-9 <= found.unfilled_quantity <= found.quantity + 1e-9
    # It stopped: no level that still stands is at or above the price, and each liquidated one is at or above the start or was passed.
    assert (prices[~found.liquidated] < found.final_price).all()
    assert found.notional <= found.quantity * found.start_price + 1e-6


@settings(max_examples=40, deadline=None)
@given(levels=LEVELS, bids=st.lists(st.floats(0.1, 30.0), min_size=1, max_size=8), cut=st.floats(0.0, 1.0))
@pytest.mark.feature("PL-ST-04")
def test_a_thinner_book_ends_no_higher(levels, bids, cut) -> None:
    prices, sizes = np.array([each[0] for each in levels]), np.array([each[1] for each in levels])
    book, marks = even_book(bids, 200.0), np.zeros(len(levels), dtype=bool)
    full = book_cascade(100.0, 0.05, prices, sizes, marks, book)
    thin = book_cascade(100.0, 0.05, prices, sizes, marks, book.thinned(cut))
    assert thin.final_price <= full.final_price + 1e-9
    assert (thin.liquidated >= full.liquidated).all()


def test_order_of_the_levels_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    prices, sizes = rng.uniform(60, 100, 50), rng.uniform(0, 3, 50)
    marks, turn = rng.random(50) > 0.5, rng.permutation(50)
    book = even_book(np.full(20, 4.0), 300.0)
    one = book_cascade(100.0, 0.05, prices, sizes, marks, book)
    two = book_cascade(100.0, 0.05, prices[turn], sizes[turn], marks[turn], book)
    assert two.final_price == pytest.approx(one.final_price)
    assert two.observed_level_frac == pytest.approx(one.observed_level_frac)


def test_missing_and_wrong_inputs() -> None:
    assert cascade(None, 0.1, [[90, 1]], 0.1).final_price is None
    assert cascade(100.0, 0.1, [[None, 1]], 0.1).rounds is None
    assert cascade(100.0, 0.1, [], 0.1).final_price == 90.0
    assert cascade(100.0, 0.5, [[60, 1e6]], 1.0).final_price == 0.0
    for wrong in ((-1.0, 0.1, [], 0.1), (100.0, 1.1, [], 0.1), (100.0, 0.1, [], -0.1), (100.0, 0.1, [[90, -1]], 0.1)):
        with pytest.raises(ConfigError):
            cascade(*wrong)
    with pytest.raises(ConfigError, match="first fall"):
        book_cascade(100.0, 1.0, [], [], [], even_book([1.0]))
    with pytest.raises(ContractError, match="one length"):
        book_cascade(100.0, 0.1, [90.0], [], [], even_book([1.0]))
    with pytest.raises(ContractError, match="ascend"):
        BidBook(np.array([0.02, 0.01]), np.ones(2))
    with pytest.raises(ConfigError, match="depth haircut"):
        even_book([1.0]).thinned(1.1)


def candles(hours=400, seed=5):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.004, hours)))
    open_ = np.concatenate([[100.0], close[:-1]])
    low = np.minimum(open_, close) * 0.998
    volume = rng.uniform(50.0, 150.0, hours)
    low[-2], low[-1] = open_[-2] * 0.95, open_[-2] * 0.70
    return open_, low, close, volume


@pytest.mark.feature("PL-ST-04")
def test_the_fitted_depth_explains_the_low() -> None:
    case = cascade_case("A", *candles(), event=399, open_interest_over_adv=0.8)
    assert case.level_adv.sum() == pytest.approx(0.8)
    assert case.first_fall_frac == pytest.approx(0.05)
    fit = fit_density(case)
    assert fit.result.low_price >= case.observed_low
    assert predict_low(case, fit.density_adv * 0.98).low_price < case.observed_low
    assert fit.result.observed_level_frac == 0.0  # every level is modelled


def test_a_case_needs_history_and_a_cascade() -> None:
    open_, low, close, volume = candles()
    with pytest.raises(InsufficientDataError, match="at least 240"):
        cascade_case("A", open_, low, close, volume, event=100, open_interest_over_adv=0.8)
    with pytest.raises(ContractError, match="open interest"):
        cascade_case("A", open_, low, close, volume, event=399, open_interest_over_adv=0.0)
    calm = CascadeCase("A", 100.0, 0.05, np.array([90.0]), np.array([0.1]), 96.0)
    with pytest.raises(InsufficientDataError, match="no cascade"):
        fit_density(calm)
