"""How much leverage the market allows: the closed form by substitution, and what volatility and depth take from it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquidity.derivatives import isolated_liquidation
from liquidity.domain.errors import ConfigError
from liquidity.domain.market_data import LeverageTier
from liquidity.portfolio.leverage import (
    LeveragePolicy,
    dynamic_leverage,
    leverage_at_distance,
    max_leverage,
    volatility_risk_score,
)


@given(
    side=st.sampled_from([1, -1]),
    mmr=st.floats(0.001, 0.1),
    sigma=st.floats(0.005, 0.15),
    k=st.floats(0.5, 6.0),
)
@pytest.mark.feature("PL-LV-01")
def test_liquidation_price_lies_at_the_distance(side, mmr, sigma, k):
    told = max_leverage(side, mmr, k, sigma, 1.0, 1e9)
    if told.distance < 1.0 and told.leverage > 1.0:
        found = isolated_liquidation(side, 1.0, 100.0, told.leverage, [LeverageTier(0.0, 1e9, mmr, 1e9)]).price
        assert found == pytest.approx(100.0 * (1.0 - side * told.distance), rel=1e-9)


@pytest.mark.feature("PL-LV-01")
def test_venue_caps_missing_is_missing_and_calm_is_the_bracket():
    assert max_leverage(1, 0.004, 1, 0.002, 1, 125).leverage == 125
    assert max_leverage(1, 0.01, 4, 0.0, 1, 500).leverage == pytest.approx(100.0)
    assert max_leverage(1, 0.0, 4, 0.0, 1, 50).leverage == 50
    assert max_leverage(1, 0.01, 4, None, 1, 50) == max_leverage(1, 0.01, 4, math.nan, 1, 50)
    assert max_leverage(1, 0.01, 4, None, 1, 50).distance is None
    gone = max_leverage(1, None, 4, 0.03, 1, 50)
    assert gone.leverage is None
    assert gone.distance == pytest.approx(0.12)
    for wrong in (
        (0, 0.01, 4, 0.03, 1, 50),
        (1, 1.0, 4, 0.03, 1, 50),
        (1, 0.01, -4, 0.03, 1, 50),
        (1, 0.01, 4, 0.03, 1, 0),
    ):
        with pytest.raises(ConfigError):
            max_leverage(*wrong)


@given(st.floats(0.001, 0.3), st.floats(0.001, 0.3))
@pytest.mark.feature("PL-LV-01", "PL-LV-03")
def test_leverage_falls_and_score_rises_with_volatility(one, other):
    low, high = sorted((one, other))
    score = volatility_risk_score([low, high])
    assert 0.0 <= score[0] <= score[1] <= 100.0
    allowed = dynamic_leverage(leverage_at_distance(1, 0.01, 4.0 * np.array([low, high]), 100.0), score)
    assert allowed[1] <= allowed[0]
    if high > low * 1.001:
        assert allowed[1] < allowed[0]
        assert score[1] > score[0]


@pytest.mark.feature("PL-LV-01")
def test_risk_of_70_gives_less_than_10():
    assert float(dynamic_leverage(10.0, 70.0)) == pytest.approx(3.0)
    assert (np.diff(dynamic_leverage(10.0, np.linspace(0.0, 100.0, 21))) < 0.0).all()
    assert float(dynamic_leverage(10.0, 100.0)) == 0.0


@pytest.mark.feature("PL-LV-02")
@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0])
def test_halved_depth_lowers_by_the_configured_curve(exponent):
    full, half, more = dynamic_leverage(8.0, 20.0, [1.0, 0.5, 3.0], exponent)
    assert half == pytest.approx(full * 0.5**exponent)
    assert more == full
    assert float(dynamic_leverage(8.0, 20.0, 0.0, exponent)) == 0.0


def test_refused_and_missing():
    assert np.isnan(dynamic_leverage([np.nan, 5.0], 10.0)).tolist() == [True, False]
    assert np.isnan(leverage_at_distance(1, [0.01, np.nan], 0.1, [np.nan, 10.0])).all()
    for wrong in ((0.0, 10.0, 1.0), (5.0, 101.0, 1.0), (5.0, -1.0, 1.0), (5.0, 1.0, -0.1)):
        with pytest.raises(ConfigError):
            dynamic_leverage(*wrong)
    with pytest.raises(ConfigError):
        volatility_risk_score([-0.1])
    for wrong in ({"distance_sigmas": 0.0}, {"depth_exponent": -1.0}, {"warn_use_frac": 0.9, "alert_use_frac": 0.8}):
        with pytest.raises(ConfigError):
            LeveragePolicy(**wrong)
