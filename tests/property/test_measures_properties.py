"""What must hold for every registered measure, whatever the market did."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.book import BookSnapshot, book_sweep, decay_imbalance, depth_bps, xlm
from liquidity.domain.session import sessions_between
from liquidity.measures import MEASURES, Measure, measure_sessions

SPREADS = ("abdi_ranaldo", "corwin_schultz", "edge_spread", "roll")
FIRST = date(2026, 3, 2)
SEEDS = st.integers(0, 2**31)


def measure_named(name: str) -> Measure:
    return next(measure for measure in MEASURES if measure.name == name)


def market(seed: int, instruments: int, sessions: int, gap_frac: float = 0.2) -> dict[str, np.ndarray]:
    """Matrices of every input: bouncing prices on a tick grid, gaps, sessions without turnover."""
    rng = np.random.default_rng(seed)
    shape = (instruments, sessions)
    value = rng.uniform(1, 500, (instruments, 1)) * np.exp(
        np.cumsum(rng.normal(0, rng.uniform(0, 0.05), shape), axis=1)
    )
    paid = np.maximum(
        np.round(value * (1 + rng.uniform(0, 0.03) * rng.choice([-1, 1], (4, *shape))), rng.integers(0, 4)), 0
    )
    series = {
        "open": paid[0],
        "high": paid.max(axis=0),
        "low": paid.min(axis=0),
        "close": paid[1],
        "turnover_ccy": rng.lognormal(10, 3, shape) * (rng.random(shape) < 0.7),
        "trades_count": rng.poisson(0.7, shape).astype(float),
        "time_since_last_trade_h": rng.exponential(20, shape),
        "amount_outstanding": rng.choice([0.0, 1e6, 1e10], shape),
        "spread_bps": rng.exponential(20, shape),
        "depth_density": rng.exponential(1e5, shape),
    }
    gaps = rng.random(shape) < gap_frac * rng.random((instruments, 1))
    return {name: np.where(gaps, np.nan, matrix) for name, matrix in series.items()}


def with_returns(series: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    close = np.where(series["close"] > 0, series["close"], np.nan)
    returns = np.full(close.shape, np.nan)
    returns[:, 1:] = close[:, 1:] / close[:, :-1] - 1
    return {**series, "return_frac": returns}


def panel_of(series: dict[str, np.ndarray], days: list[date], calendar: str) -> pd.DataFrame:
    instruments = len(series["close"])
    columns = {name: matrix.ravel() for name, matrix in series.items()}
    panel = pd.DataFrame(
        {
            "session_date": pd.Series(days * instruments, dtype=object),
            "instrument_id": np.repeat([f"I{k}" for k in range(instruments)], len(days)),
            "calendar": calendar,
            **columns,
        }
    )
    return panel[np.random.default_rng(len(days)).random(len(panel)) < 0.95]


@given(seed=SEEDS, calendar=st.sampled_from(["24/7", "XNYS", "BVMF", "XBOM"]), cut=st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_dropping_the_future_changes_no_measure(seed: int, calendar: str, cut: int) -> None:
    days = sessions_between(calendar, FIRST, FIRST + timedelta(days=100))
    panel = panel_of(market(seed, 4, len(days)), days, calendar)
    known = days[: len(days) - min(cut, len(days) - 5)]
    asked = known[-3:]
    whole = measure_sessions(panel, asked)
    past = measure_sessions(panel[panel["session_date"] <= known[-1]], asked)
    pd.testing.assert_frame_equal(past, whole)


@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_rows_older_than_ninety_days_and_other_instruments_change_no_measure(seed: int) -> None:
    days = sessions_between("24/7", FIRST, FIRST + timedelta(days=140))
    panel = panel_of(market(seed, 3, len(days)), days, "24/7")
    asked = days[-1:]
    whole = measure_sessions(panel, asked)
    recent = panel[panel["session_date"] > asked[0] - timedelta(days=90)]
    pd.testing.assert_frame_equal(measure_sessions(recent, asked), whole)
    alone = measure_sessions(panel[panel["instrument_id"] == "I1"], asked)
    pd.testing.assert_frame_equal(alone, whole[whole["instrument_id"] == "I1"].reset_index(drop=True))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
@given(seed=SEEDS, sessions=st.integers(1, 40), gap_frac=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_every_measure_is_finite_or_missing_and_counts_what_it_used(
    measure: Measure, seed: int, sessions: int, gap_frac: float
) -> None:
    series = with_returns(market(seed, 6, sessions, gap_frac))
    values, counts = measure.compute({name: series[name] for name in measure.inputs})
    assert values.shape == counts.shape == (6,)
    assert not np.isinf(values).any()
    assert ((counts >= 0) & (counts <= sessions)).all()
    assert np.isnan(values[counts < measure.min_observations]).all()
    if measure.unit == "bps":
        assert not (values <= 0).any()
    if measure.unit == "frac 0-1":
        assert not ((values < 0) | (values > 1)).any()


@pytest.mark.parametrize("name", SPREADS)
@given(seed=SEEDS, power=st.integers(-6, 6))
@settings(max_examples=15, deadline=None)
def test_spreads_do_not_depend_on_the_price_unit(name: str, seed: int, power: int) -> None:
    measure = measure_named(name)
    series = market(seed, 10, 30)
    values, counts = measure.compute({key: series[key] for key in measure.inputs})
    scaled, scaled_counts = measure.compute({key: series[key] * 2.0**power for key in measure.inputs})
    np.testing.assert_array_equal(counts, scaled_counts)
    both = ~(np.isnan(values) | np.isnan(scaled))
    np.testing.assert_allclose(scaled[both], values[both], rtol=1e-5, atol=1e-3)
    rounding_bps = 1e-2  # logarithms round: an estimate within this of 0 may change sides
    only_one = np.isnan(values) != np.isnan(scaled)
    assert (np.nan_to_num(np.where(np.isnan(values), scaled, values))[only_one] < rounding_bps).all()


@given(seed=SEEDS, factor=st.sampled_from([1e-3, 0.5, 2.0, 1e3]))
@settings(max_examples=15, deadline=None)
def test_amihud_falls_as_turnover_grows_and_velocity_rises(seed: int, factor: float) -> None:
    series = with_returns(market(seed, 10, 30))
    more = {**series, "turnover_ccy": series["turnover_ccy"] * factor}
    for name, power in (("amihud", -1), ("turnover_velocity", 1)):
        measure = measure_named(name)
        before, after = (measure.compute({key: given[key] for key in measure.inputs})[0] for given in (series, more))
        np.testing.assert_allclose(after, before * factor**power, rtol=1e-9)


LEVELS = st.lists(
    st.tuples(st.integers(1, 400), st.floats(0.01, 1e4)), min_size=1, max_size=12, unique_by=lambda level: level[0]
)


@given(bids=LEVELS, asks=LEVELS, qty=st.floats(0.01, 1e5), more=st.floats(1.0, 10.0), scale=st.integers(-8, 8))
@settings(max_examples=60, deadline=None)
def test_books_conserve_size_and_cost_grows_with_it(
    bids: list[tuple[int, float]], asks: list[tuple[int, float]], qty: float, more: float, scale: int
) -> None:
    book = BookSnapshot.from_levels(
        [(100 - tick / 100, size) for tick, size in bids], [(100 + tick / 100, size) for tick, size in asks]
    )
    for side, levels in ((1, asks), (-1, bids)):
        small, large = book_sweep(book, side, qty), book_sweep(book, side, qty * more)
        assert small.filled is not None
        assert small.unfilled is not None
        assert small.slippage_bps is not None
        assert large.slippage_bps is not None
        assert small.filled + small.unfilled == pytest.approx(qty)
        assert small.filled <= sum(size for _, size in levels) * (1 + 1e-12)
        assert 0 <= small.slippage_bps <= large.slippage_bps + 1e-9
    narrow, wide = depth_bps(book, 50.0), depth_bps(book, 100.0)
    assert narrow.bid_quote is not None
    assert wide.bid_quote is not None
    assert narrow.bid_quote <= wide.bid_quote * (1 + 1e-12)
    scaled = BookSnapshot(book.bids * [1, 2.0**scale], book.asks * [1, 2.0**scale])
    before, after = (decay_imbalance(each, 12, 5.0).imbalance for each in (book, scaled))
    if before is not None and after is not None:
        assert -1 <= before <= 1
        assert after == pytest.approx(before, rel=1e-9, abs=1e-12)
    cheap, dear = xlm(book, qty).xlm_bps, xlm(book, qty * more).xlm_bps
    assert cheap is None or cheap > 0
    assert dear is None or cheap is None or dear >= cheap - 1e-9
