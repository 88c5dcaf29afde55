"""What must hold for margin, liquidation prices, funding and open interest."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.derivatives import funding_rate, isolated_liquidation, margin_tiers, open_interest_changes
from liquidity.domain.market_data import LeverageTier


@st.composite
def brackets(draw: st.DrawFn) -> list[list[float]]:
    """One to six brackets with rising caps and rates."""
    count = draw(st.integers(1, 6))
    caps = np.cumsum([draw(st.floats(1e3, 1e6)) for _ in range(count)]).tolist()
    rates = np.cumsum([draw(st.floats(1e-3, 0.05)) for _ in range(count)]).tolist()
    return [list(row) for row in zip([*caps[:-1], math.inf], rates, strict=True)]


@given(rows=brackets(), first=st.floats(0, 1e7), second=st.floats(0, 1e7))
@settings(max_examples=200, deadline=None)
def test_maintenance_never_falls_and_never_exceeds_the_notional(rows: list, first: float, second: float) -> None:
    low, high = sorted((first, second))
    small, large = margin_tiers(rows, low).maintenance, margin_tiers(rows, high).maintenance
    assert 0 <= small <= large + 1e-6
    assert large <= high


@given(
    rows=brackets(),
    side=st.sampled_from([1, -1]),
    qty=st.floats(1e-3, 1e3),
    entry=st.floats(1.0, 1e5),
    leverage=st.floats(1.5, 100),
)
@settings(max_examples=300, deadline=None)
@pytest.mark.feature("PL-FU-03")
def test_at_the_liquidation_price_equity_is_the_maintenance(
    rows: list, side: int, qty: float, entry: float, leverage: float
) -> None:
    floors = [0.0, *(cap for cap, _ in rows[:-1])]
    tiers = [LeverageTier(floor, cap, rate, 100.0) for floor, (cap, rate) in zip(floors, rows, strict=True)]
    price = isolated_liquidation(side, qty, entry, leverage, tiers).price
    assert price is not None, "the last bracket has no cap and the leverage is above 1"
    equity = qty * entry / leverage + side * qty * (price - entry)
    notional = qty * max(entry, price)
    assert equity == pytest.approx(margin_tiers(rows, qty * price).maintenance, abs=1e-6 * notional)


@given(premium=st.floats(-0.1, 0.1), interest=st.floats(-0.01, 0.01), clamp=st.floats(0, 0.01))
@settings(max_examples=200, deadline=None)
@pytest.mark.feature("PL-FC-08")
def test_the_rate_stays_within_the_clamp_of_the_premium(premium: float, interest: float, clamp: float) -> None:
    rate = funding_rate(premium, interest, clamp).rate
    assert abs(rate - premium) <= clamp + 1e-12
    assert min(premium, interest) - 1e-12 <= rate <= max(premium, interest) + 1e-12


@given(
    steps=st.lists(st.integers(1, 7_200), min_size=1, max_size=40),
    values=st.data(),
    lookback=st.integers(600, 20_000),
)
@settings(max_examples=100, deadline=None)
@pytest.mark.feature("PL-CT-04")
def test_changes_equal_a_plain_search_and_know_no_future(steps: list, values: st.DataObject, lookback: int) -> None:
    at = np.cumsum(steps)
    known = [values.draw(st.none() | st.floats(1, 1e6)) for _ in steps]
    changes = open_interest_changes(at * 10**9, known, lookbacks_s=[lookback]).change_frac[:, 0]
    for row in range(len(at)):
        rows = [k for k in range(len(at)) if known[k] is not None]
        distance = {k: abs(int(at[k]) - (int(at[row]) - lookback)) for k in rows}
        near = [k for k in rows if distance[k] <= 0.1 * lookback]
        if known[row] is None or not near:
            assert np.isnan(changes[row])
        else:
            nearest = min(near, key=lambda k: (distance[k], k))
            assert nearest < row
            assert changes[row] == pytest.approx(known[row] / known[nearest] - 1, abs=1e-9)
