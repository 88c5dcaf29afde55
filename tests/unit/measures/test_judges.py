"""Every registered measure: the vectorised form against the plain function of one instrument, on gaps and ties."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from liquidity.measures import MEASURES, Measure
from liquidity.measures.abdi_ranaldo import abdi_ranaldo
from liquidity.measures.amihud import amihud
from liquidity.measures.bpw_gamma import bpw_gamma
from liquidity.measures.corwin_schultz import corwin_schultz
from liquidity.measures.edge_spread import edge_spread
from liquidity.measures.roll import roll
from liquidity.measures.time_since_trade import time_since_trade
from liquidity.measures.turnover_velocity import turnover_velocity
from liquidity.measures.zero_fht import zero_fht
from liquidity.measures.zero_trade_share import zero_trading_days

Series = dict[str, np.ndarray]


def bps(signed: float | None, spread: float | None) -> float | None:
    return 1e4 * spread if signed is not None and spread is not None and signed > 0 else None


def judged_corwin_schultz(s: Series) -> float | None:
    estimate = corwin_schultz(s["high"], s["low"], s["close"])
    return bps(estimate.signed_mean, estimate.nonneg_mean)


def judged_abdi_ranaldo(s: Series) -> float | None:
    signed = abdi_ranaldo(s["high"], s["low"], s["close"]).monthly_signed
    return bps(signed, signed)


def judged_edge(s: Series) -> float | None:
    estimate = edge_spread(s["open"], s["high"], s["low"], s["close"])
    return bps(estimate.signed, estimate.spread)


def judged_roll(s: Series) -> float | None:
    estimate = roll(s["close"])
    return bps(estimate.signed, estimate.spread)


def judged_fht(s: Series) -> float | None:
    spread = zero_fht(s["return_frac"]).fht
    return bps(spread, spread)


def judged_zero_trade_share(s: Series) -> float | None:
    """Without a number of trades, turnover tells whether there was one."""
    return zero_trading_days(np.where(np.isnan(s["trades_count"]), s["turnover_ccy"], s["trades_count"])).share


JUDGES: dict[str, Callable[[Series], float | None]] = {
    "abdi_ranaldo": judged_abdi_ranaldo,
    "amihud": lambda s: amihud(s["return_frac"], s["turnover_ccy"]).illiq,
    "bpw_gamma": lambda s: bpw_gamma(s["close"]).gamma,
    "corwin_schultz": judged_corwin_schultz,
    "edge_spread": judged_edge,
    "roll": judged_roll,
    "time_since_trade": lambda s: time_since_trade(s["time_since_last_trade_h"]),
    "turnover_velocity": lambda s: turnover_velocity(s["turnover_ccy"], s["amount_outstanding"]),
    "zero_fht": judged_fht,
    "zero_trade_share": judged_zero_trade_share,
}


def market(instruments: int, sessions: int, seed: int) -> Series:
    """Bouncing prices on a coarse grid (ties and zero returns), with gaps of every density, zero volumes, dead names."""
    rng = np.random.default_rng(seed)
    shape = (instruments, sessions)
    value = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, shape), axis=1))
    bounce = rng.choice([-1, 1], (4, *shape)) * rng.uniform(0, 0.02, (instruments, 1))
    ticks = np.round(value * (1 + bounce + rng.normal(0, 0.003, (4, *shape))), 1)
    gaps = rng.random(shape) < rng.choice([0.0, 0.1, 0.5, 0.95], (instruments, 1))
    series = {
        "open": ticks[0],
        "high": ticks.max(axis=0),
        "low": ticks.min(axis=0),
        "close": ticks[1],
        "turnover_ccy": rng.lognormal(13, 1, shape) * (rng.random(shape) < 0.8),
        "trades_count": rng.poisson(1.0, shape).astype(float),
        "time_since_last_trade_h": rng.uniform(0, 40, shape),
        "amount_outstanding": np.where(rng.random(shape) < 0.9, 1e8, 0.0),
        "spread_bps": rng.uniform(1, 100, shape),
        "depth_density": rng.uniform(1, 100, shape),
    }
    series["close"][0] = series["open"][0] = series["high"][0] = series["low"][0] = 20.0  # a price that never moves
    for name, matrix in series.items():
        series[name] = np.where(gaps | (rng.random(shape) < 0.03), np.nan, matrix)
    series["close"][1] = np.nan
    series["return_frac"] = np.full(shape, np.nan)
    series["return_frac"][:, 1:] = series["close"][:, 1:] / series["close"][:, :-1] - 1
    return series


def test_every_registered_measure_has_a_judge() -> None:
    assert set(JUDGES) == {measure.name for measure in MEASURES}


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
@pytest.mark.parametrize(("sessions", "seed"), [(30, 1), (21, 2), (90, 3)])
def test_the_fast_form_equals_the_judge(measure: Measure, sessions: int, seed: int) -> None:
    series = market(120, sessions, seed)
    values, counts = measure.compute({name: series[name] for name in measure.inputs})
    measured = 0
    for row in range(120):
        judged = JUDGES[measure.name]({name: series[name][row] for name in measure.inputs})
        if counts[row] < measure.min_observations or judged is None:
            assert math.isnan(values[row]), row
        else:
            assert values[row] == pytest.approx(judged, rel=1e-8, abs=1e-10), row
            measured += 1
    assert measured >= 20


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
@pytest.mark.parametrize("sessions", [1, 2, 3])
def test_short_windows_give_missing_not_errors(measure: Measure, sessions: int) -> None:
    series = market(5, sessions, 7)
    values, counts = measure.compute({name: series[name] for name in measure.inputs})
    assert values.shape == counts.shape == (5,)
    if measure.min_observations > 1:
        assert np.isnan(values).all()


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_inputs_are_left_as_they_were_and_all_missing_is_missing(measure: Measure) -> None:
    series = market(4, 30, 9)
    before = {name: series[name].copy() for name in measure.inputs}
    measure.compute({name: series[name] for name in measure.inputs})
    for name in measure.inputs:
        np.testing.assert_array_equal(series[name], before[name])
    values, counts = measure.compute({name: np.full((3, 30), np.nan) for name in measure.inputs})
    assert np.isnan(values).all()
    assert (counts == 0).all()
