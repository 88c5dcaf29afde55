"""Nothing later than a row's session is read, and nothing before its look-back: rows are equal bit for bit without them."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.session import is_session
from liquidity.forecast.inputs import (
    LOOKBACK_SESSIONS,
    InputRows,
    input_rows,
    labelled_changes,
    liquidity_group,
    sample_rows,
)
from liquidity.forecast.panel import MarketGroup, ScorePanel
from liquidity.forecast.score_panels import FEATURE_COLUMNS, SIGNALS, score_panels

SESSIONS, NAMES = 110, 6


def random_panel(seed: int, calendar: str, missing: float, ties: bool) -> ScorePanel:
    """Six instruments with gaps, late starts, constant stretches and ties."""
    rng = np.random.default_rng(seed)
    days = np.arange("2026-01-05", "2026-09-30", dtype="datetime64[D]")
    sessions = days[is_session(calendar, days)][:SESSIONS]
    scores = np.clip(50.0 + np.cumsum(rng.normal(0.0, 3.0, (SESSIONS, NAMES)), axis=0), 0.0, 100.0)
    if ties:
        scores = np.round(scores / 5.0) * 5.0
    scores[rng.random(scores.shape) < missing] = np.nan
    scores[: int(rng.integers(0, SESSIONS)), 0] = np.nan
    scores[40:, 1] = scores[39, 1]
    signals = {
        name: np.where(rng.random(scores.shape) < missing, np.nan, rng.random(scores.shape)).astype(np.float32)
        for name in SIGNALS
    }
    ids, blank = np.array([f"X:C{k}" for k in range(NAMES)]), np.full(NAMES, "")
    return ScorePanel(
        MarketGroup("equity", calendar, "recorded"), "liquidity_score", sessions, ids, scores, signals, blank, blank
    )


@st.composite
def panels(draw: st.DrawFn) -> tuple[ScorePanel, int]:
    panel = random_panel(
        draw(st.integers(0, 2**32 - 1)),
        draw(st.sampled_from(["24/7", "XNYS", "BVMF"])),
        draw(st.sampled_from([0.0, 0.2, 0.8])),
        draw(st.booleans()),
    )
    return panel, draw(st.integers(0, SESSIONS - 1))


def replaced(panel: ScorePanel, outside: np.ndarray) -> ScorePanel:
    """The same with rubbish in some sessions."""
    scores, signals = panel.scores.copy(), {name: values.copy() for name, values in panel.signals.items()}
    scores[outside] = 77.7
    for values in signals.values():
        values[outside] = -9.0
    return ScorePanel(
        panel.group, panel.target, panel.sessions, panel.instrument_ids, scores, signals, panel.sectors, panel.ratings
    )


def assert_equal_bits(found: InputRows, expected: InputRows) -> None:
    assert found.names == expected.names
    for name in ("values", "base", "scale", "recent", "session", "instrument"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@settings(max_examples=40, deadline=None)
@given(panels())
def test_dropping_the_future_changes_no_row(case: tuple[ScorePanel, int]) -> None:
    panel, last = case
    expected = input_rows(panel, slice(0, last + 1))
    assert_equal_bits(input_rows(panel.up_to(panel.sessions[last]), slice(None)), expected)
    np.testing.assert_array_equal(
        liquidity_group(input_rows(panel.up_to(panel.sessions[last]), slice(None))), liquidity_group(expected)
    )


@settings(max_examples=25, deadline=None)
@given(panels())
def test_another_future_changes_no_row(case: tuple[ScorePanel, int]) -> None:
    panel, last = case
    outside = np.arange(SESSIONS) > last
    assert_equal_bits(input_rows(replaced(panel, outside), slice(0, last + 1)), input_rows(panel, slice(0, last + 1)))


@settings(max_examples=25, deadline=None)
@given(panels())
def test_the_look_back_is_enough(case: tuple[ScorePanel, int]) -> None:
    """The daily run loads ninety days: the rows are those of the whole history, whatever lies before."""
    panel, last = case
    outside = np.arange(SESSIONS) <= last - LOOKBACK_SESSIONS
    here = slice(last, last + 1)
    assert_equal_bits(input_rows(replaced(panel, outside), here), input_rows(panel, here))


@settings(max_examples=25, deadline=None)
@given(panels(), st.integers(0, 5))
def test_training_as_of_a_session_is_the_training_of_that_day(case: tuple[ScorePanel, int], seed: int) -> None:
    panel, last = case
    through = panel.sessions[last]
    rows, changes = sample_rows(panel, 80, seed, through)
    known_rows, known_changes = sample_rows(panel.up_to(through), 80, seed)
    assert_equal_bits(rows, known_rows)
    np.testing.assert_array_equal(changes, known_changes)
    np.testing.assert_array_equal(changes, labelled_changes(panel.up_to(through), rows))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(75, SESSIONS - 1), st.booleans())
def test_tables_without_the_future_give_the_same_rows(seed: int, last: int, short: bool) -> None:
    """From the tables on: later rows, later downgrades and, for the daily run, rows older than 90 days."""
    panel = random_panel(seed, "XNYS", 0.2, ties=False)
    t, n = np.nonzero(np.isfinite(panel.scores))
    rng = np.random.default_rng(seed)
    scores = pd.DataFrame(
        {
            "session_date": panel.sessions[t].astype("datetime64[s]"),
            "instrument_id": panel.instrument_ids[n],
            "liquidity_score": panel.scores[t, n],
            "asset_class": "equity",
            "sector": np.where(t < 90, "UTILITIES", "FINANCIAL"),
            "rating": np.where(t < 80, "A", "CCC"),
            "method": rng.choice(["observed", "pooled_sector"], len(t)),
            "coverage_frac": rng.random(len(t)),
            "uncertainty_sd": rng.random(len(t)),
            "oldest_input_age_s": rng.random(len(t)),
            "source": "us_equities_daily",
        }
    )
    features = scores[["session_date", "instrument_id"]].assign(
        **{name: rng.random(len(t)) for name in FEATURE_COLUMNS[2:]}
    )
    calendars = dict.fromkeys(panel.instrument_ids.tolist(), "XNYS")
    (whole,) = score_panels(scores, features, "liquidity_score", calendars)
    day = whole.sessions[min(last, len(whole.sessions) - 1)]
    age = (day - scores["session_date"].to_numpy(dtype="datetime64[D]")).astype(int)
    kept = (age >= 0) & (age < 90) if short else age >= 0
    (daily,) = score_panels(scores[kept], features[kept], "liquidity_score", calendars)
    expected = input_rows(whole, np.flatnonzero(whole.sessions == day))
    found = input_rows(daily, np.flatnonzero(daily.sessions == day))
    for name in ("values", "base", "scale", "recent"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert daily.instrument_ids[found.instrument].tolist() == whole.instrument_ids[expected.instrument].tolist()
