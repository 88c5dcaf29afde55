"""Planted delays between two venues are recovered, on a grid and on ticks."""

import numpy as np
import pytest

from liquidity.book.lead_lag import hayashi_yoshida, lead_lag_grid, lead_lag_ticks, mids_on_grid
from liquidity.domain.errors import ConfigError, ContractError

MS = 10**6


def two_venues(delay_ms: int, seed: int, seconds: int = 120) -> tuple[np.ndarray, ...]:
    """One price observed at random times on two venues, the second later by the delay and with a little own noise."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 1e-4, seconds * 1_000 + 1_000))
    ticks = []
    for late in (0, delay_ms):
        at = np.sort(rng.choice(np.arange(1_000, seconds * 1_000), seconds * 20, replace=False))
        noise = rng.normal(0, 2e-5, len(at))
        ticks += [at * MS, 50_000 * np.exp(walk[np.maximum(at - late, 0)] + noise)]
    return tuple(ticks)


@pytest.mark.feature("PL-OB-15")
@pytest.mark.parametrize("delay_ms", [-300, 0, 200, 700])
def test_the_planted_delay_is_recovered_on_the_grid(delay_ms: int) -> None:
    found = lead_lag_grid(*two_venues(delay_ms, seed=1), step_ns=100 * MS, max_lag_steps=10)
    assert abs(found.lag_ns - delay_ms * MS) <= 100 * MS
    assert found.peak_correlation > 0.5
    if delay_ms:
        assert (found.lead_lag_ratio > 1) == (delay_ms > 0)


@pytest.mark.feature("PL-OB-15")
@pytest.mark.parametrize("delay_ms", [-120, 0, 50, 330])
def test_ticks_recover_delays_finer_than_a_grid(delay_ms: int) -> None:
    lags = np.arange(-400, 401, 10) * MS
    found = lead_lag_ticks(*two_venues(delay_ms, seed=2), lags_ns=lags)
    assert abs(found.lag_ns - delay_ms * MS) <= 20 * MS
    assert found.peak_correlation > 0.8


@pytest.mark.feature("PL-OB-15")
def test_ticks_see_the_correlation_that_a_fine_grid_loses() -> None:
    ticks = two_venues(0, seed=3)
    fine = lead_lag_grid(*ticks, step_ns=5 * MS, max_lag_steps=1)
    assert fine.zero_lag_correlation < 0.4
    assert hayashi_yoshida(*ticks)[0] > 0.85


def test_hayashi_yoshida_equals_the_double_sum() -> None:
    first_ns, first, second_ns, second = two_venues(40, seed=4, seconds=3)
    one, two = np.diff(np.log(first)), np.diff(np.log(second))
    for lag in (-70 * MS, 0, 35 * MS):
        moved = second_ns - lag
        total = sum(
            r * s
            for i, r in enumerate(one)
            for j, s in enumerate(two)
            if first_ns[i] < moved[j + 1] and moved[j] < first_ns[i + 1]
        )
        judge = total / np.sqrt((one**2).sum() * (two**2).sum())
        assert hayashi_yoshida(first_ns, first, second_ns, second, [lag])[0] == pytest.approx(judge, abs=1e-12)


def test_on_synchronous_ticks_it_is_the_plain_correlation() -> None:
    at = np.arange(200) * MS
    rng = np.random.default_rng(6)
    first = np.exp(np.cumsum(rng.normal(0, 1e-3, 200)))
    second = first * np.exp(np.cumsum(rng.normal(0, 1e-3, 200)))
    one, two = np.diff(np.log(first)), np.diff(np.log(second))
    judge = (one @ two) / np.sqrt((one @ one) * (two @ two))
    assert hayashi_yoshida(at, first, at, second)[0] == pytest.approx(judge)


def test_exchanging_the_venues_turns_the_delay_round() -> None:
    first_ns, first, second_ns, second = two_venues(200, seed=5)
    there = lead_lag_grid(first_ns, first, second_ns, second, step_ns=100 * MS, max_lag_steps=5)
    back = lead_lag_grid(second_ns, second, first_ns, first, step_ns=100 * MS, max_lag_steps=5)
    assert there.lag_ns == -back.lag_ns
    assert there.correlation == pytest.approx(back.correlation[::-1])


def test_the_grid_looks_back_only() -> None:
    at = np.array([10, 30])
    assert np.array_equal(mids_on_grid(at, [1.0, 2.0], 0, 40, 10), [np.nan, 1, 1, 2, 2], equal_nan=True)
    assert np.array_equal(mids_on_grid(at, [1.0, None], 0, 40, 10), [np.nan, 1, 1, np.nan, np.nan], equal_nan=True)
    assert np.isnan(mids_on_grid(np.array([], dtype=np.int64), [], 0, 20, 10)).all()


def test_short_and_still_series_have_a_reason() -> None:
    at = np.arange(50) * MS
    still = np.full(50, 100.0)
    assert lead_lag_grid(at, still, at, still, step_ns=MS, max_lag_steps=2).reason == "no_movement"
    assert lead_lag_grid(at[:2], still[:2], at, still, step_ns=MS, max_lag_steps=2).reason == "too_short"
    nothing = np.array([], dtype=np.int64)
    assert lead_lag_grid(nothing, [], at, still, step_ns=MS, max_lag_steps=2).lag_ns is None
    assert lead_lag_ticks(at, still, at, still, lags_ns=[0]).reason == "no_movement"
    assert np.isnan(hayashi_yoshida(nothing, [], at, still)).all()


def test_bad_input_is_refused() -> None:
    at = np.arange(3) * MS
    with pytest.raises(ContractError, match="ascending"):
        hayashi_yoshida(at[::-1], [1.0, 2.0, 3.0], at, [1.0, 2.0, 3.0])
    with pytest.raises(ConfigError, match="max_lag_steps"):
        lead_lag_grid(at, [1.0] * 3, at, [1.0] * 3, step_ns=MS, max_lag_steps=0)
    with pytest.raises(ConfigError, match="step"):
        mids_on_grid(at, [1.0] * 3, 0, 10, 0)
    with pytest.raises(ConfigError, match="ascending"):
        lead_lag_ticks(at, [1.0] * 3, at, [1.0] * 3, lags_ns=[1, 0])
