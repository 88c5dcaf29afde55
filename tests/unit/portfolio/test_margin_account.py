"""Cross margin: venue prices with other marks standing, joint moves solved and checked by simulation."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.derivatives import binance_liq, hyperliquid_liq, margin_tiers
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.market_data import LeverageTier
from liquidity.portfolio.margin_account import MarginAccount, MarginTable, adverse_direction, joint_liquidation

DAY = date(2026, 1, 1)
ROWS = ((50_000.0, 0.004, 125.0), (250_000.0, 0.005, 100.0), (3_000_000.0, 0.01, 50.0), (50_000_000.0, 0.05, 10.0))


def table_of(rows=ROWS):
    floors = [0.0, *(cap for cap, _, _ in rows[:-1])]
    return MarginTable(
        tuple(LeverageTier(floor, cap, rate, most) for floor, (cap, rate, most) in zip(floors, rows, strict=True)),
        "demo",
        DAY,
    )


TABLE = table_of()


def account(equity, quantity, mark, table=TABLE):
    return MarginAccount(float(equity), np.array(quantity, float), np.array(mark, float), (table,) * len(quantity))


@given(st.floats(0.0, 40_000_000.0))
def test_maintenance_is_that_of_the_brackets(notional):
    expected = margin_tiers([[cap, rate] for cap, rate, _ in ROWS], notional).maintenance
    assert float(TABLE.maintenance(notional)) == pytest.approx(expected, rel=1e-12, abs=1e-9)


@given(
    equity=st.floats(20_000.0, 400_000.0),
    quantity=st.lists(st.floats(-30.0, 30.0).filter(lambda q: abs(q) > 0.01), min_size=1, max_size=4),
)
@settings(max_examples=60)
@pytest.mark.feature("PL-LV-07", "PL-FU-03")
def test_at_a_liquidation_price_equity_is_maintenance(equity, quantity):
    marks = np.array([60_000.0, 3_000.0, 150.0, 1.0])[: len(quantity)]
    book = account(equity, quantity, marks)
    for place, price in enumerate(book.liquidation_prices()):
        if math.isfinite(price):
            moved = book.mark.copy()
            moved[place] = price
            assert float(book.excess(moved)) == pytest.approx(0.0, abs=1e-6 * (equity + book.notional.sum()))


@pytest.mark.feature("PL-FU-03", "PL-LV-07")
def test_single_prices_are_the_venues_formulas():
    # The two positions of Binance's own worked example, told about the marks.
    entry, qty, side = np.array([1456.84, 32481.98]), np.array([3683.979, 109.488]), np.array([1.0, 1.0])
    mark = np.array([1335.18, 31967.27])
    rates, cum = (0.1, 0.025), (135365.0, 16300.0)
    flat = tuple(
        MarginTable((LeverageTier(0.0, 1e12, rate, 20.0, amount),), "demo", DAY)
        for rate, amount in zip(rates, cum, strict=True)
    )
    upnl = qty * side * (mark - entry)
    book = MarginAccount(1535443.01 + upnl.sum(), qty * side, mark, flat)
    owed = book.maintenance()
    for place, price in enumerate(book.liquidation_prices()):
        other = 1 - place
        official = binance_liq(
            1, 1535443.01, owed[other], upnl[other], cum[place], qty[place], entry[place], rates[place]
        ).price
        assert price == pytest.approx(official, rel=1e-9)
    half = table_of(((1e9, 0.5 / 20, 20.0),))
    for sign in (1, -1):
        lone = account(30.0, [sign * 2.0], [100.0], half)
        assert lone.liquidation_prices()[0] == pytest.approx(hyperliquid_liq(sign, 100.0, 2.0, 30.0, 20.0).price)


@given(
    equity=st.floats(50_000.0, 900_000.0),
    quantity=st.tuples(st.floats(-20, 20), st.floats(-400, 400), st.floats(-5_000, 5_000)),
    direction=st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2)),
)
@settings(max_examples=80)
@pytest.mark.feature("PL-LV-07")
def test_joint_move_is_the_first_crossing_of_a_simulated_path(equity, quantity, direction):
    if min(map(abs, quantity)) < 0.01:
        return
    book = account(equity, quantity, [60_000.0, 3_000.0, 150.0])
    move = np.array(direction)
    found = joint_liquidation(book, move)
    steps = np.linspace(0.0, 3.0, 6_001)
    paths = np.maximum(book.mark * (1.0 + steps[:, None] * move), 0.0)
    due = np.flatnonzero(book.excess(paths) <= 0.0)
    first = steps[due[0]] if len(due) else math.inf
    if math.isfinite(first):
        assert first - 5.1e-4 <= found.shock <= first + 1e-9
        assert float(book.excess(found.price)) == pytest.approx(0.0, abs=1e-6 * float(book.notional.sum() + equity))
    else:
        assert found.shock >= 3.0 - 1e-9


@pytest.mark.feature("PL-LV-07")
def test_hedged_book_dies_of_the_spread_and_not_of_the_market():
    book = account(100_000.0, [10.0, -200.0], [60_000.0, 3_000.0])
    assert joint_liquidation(book, -1.0).shock == math.inf
    covariance = 0.04**2 * np.array([[1.0, 0.8], [0.8, 1.0]])
    direction = adverse_direction(book, covariance)
    assert direction[0] < 0.0 < direction[1]
    sigmas = joint_liquidation(book, direction).shock
    loss = 600_000.0 * 0.04 * math.sqrt(2.0 - 2.0 * 0.8)
    assert sigmas == pytest.approx((100_000.0 - float(book.maintenance().sum())) / loss, rel=0.05)
    # No other direction of one standard deviation (Mahalanobis) gets there sooner at these marks.
    for angle in np.linspace(0.0, 2.0 * math.pi, 73):
        other = np.linalg.cholesky(covariance) @ [math.cos(angle), math.sin(angle)]
        assert joint_liquidation(book, other).shock >= sigmas * 0.99


def test_due_now_never_and_refused():
    due = account(100.0, [1.0], [60_000.0])
    assert joint_liquidation(due, -1.0).shock == 0.0
    assert due.liquidation_prices()[0] > 60_000.0
    assert joint_liquidation(account(70_000.0, [1.0], [60_000.0]), -1.0).shock == math.inf
    assert np.isnan(account(70_000.0, [1.0], [60_000.0]).liquidation_prices()).all()
    assert (adverse_direction(account(1e5, [1.0], [6e4]), [[0.0]]) == 0.0).all()
    with pytest.raises(ContractError):
        account(math.nan, [1.0], [60_000.0])
    with pytest.raises(ContractError):
        account(1.0, [1.0], [0.0])
    with pytest.raises(ContractError):
        MarginTable((LeverageTier(0.0, 10.0, 0.1, 5.0), LeverageTier(20.0, 30.0, 0.2, 3.0)), "demo", DAY)
    with pytest.raises(ConfigError):
        joint_liquidation(due, [math.nan])
    with pytest.raises(ConfigError):
        adverse_direction(due, np.eye(2))


def test_closing_a_leg_at_its_mark_changes_no_equity():
    book = account(100_000.0, [10.0, -200.0], [60_000.0, 3_000.0])
    left = book.without(1, 3_000.0)
    assert (left.equity, len(left)) == (book.equity, 1)
    assert book.without(1, 3_100.0).equity == book.equity - 20_000.0
