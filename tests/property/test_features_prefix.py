"""The past decides: whatever happens after a session, or more than 90 days before it, changes none of its numbers."""

import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.contracts.features import PANEL_SIGNALS
from liquidity.features.assemble import FEATURE_INPUTS, liquidity_features
from liquidity.features.nine import STATISTICS, rolling_nine
from liquidity.features.panel import build_signal_panel
from liquidity.features.rolling import rolling_spans, rolling_statistics
from liquidity.measures import measure_sessions

FIRST = date(2026, 3, 2)
SPAN = 150
SIGNALS = [name for name in FEATURE_INPUTS if name in (*PANEL_SIGNALS, "open", "high", "low", "close", "trades_count")]
TRUST = [name for name in FEATURE_INPUTS if name.endswith(("_age_s", "_quality_frac"))]


def random_panel(seed: int, density: float, missing: float) -> pd.DataFrame:
    """Four instruments on two calendars over 150 days, with gaps, ties and missing values."""
    rng = np.random.default_rng(seed)
    days = [FIRST + timedelta(days=k) for k in range(SPAN)]
    rows = []
    for k, calendar in enumerate(("XNYS", "XNYS", "24/7", "BVMF")):
        for day in days:
            if rng.random() > density or (calendar != "24/7" and day.weekday() >= 5):
                continue
            numbers = np.round(rng.lognormal(3, 0.5, len(SIGNALS)), int(rng.integers(0, 4)))
            record = dict(zip(SIGNALS, np.where(rng.random(len(SIGNALS)) < missing, math.nan, numbers), strict=True))
            record["sentiment_signed"] = float(np.round(rng.uniform(-1, 1), 1))
            record["high"], record["low"] = 1e6, 1e-3
            record |= {name: float(rng.random() if "quality" in name else 1e5 * rng.random()) for name in TRUST}
            rows.append({"session_date": day, "instrument_id": f"US{k:09d}0", "calendar": calendar, **record})
    frame = pd.DataFrame(rows)
    for name in FEATURE_INPUTS:
        if name not in frame:
            frame[name] = 1e9 if name == "amount_outstanding" else "A"
    return frame.assign(maturity_date=date(2031, 1, 1), issue_date=date(2020, 1, 1))


@st.composite
def panels(draw: st.DrawFn) -> tuple[pd.DataFrame, date]:
    panel = random_panel(
        draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.3, 0.9, 1.0])), draw(st.sampled_from([0.0, 0.2, 0.7]))
    )
    return panel, FIRST + timedelta(days=draw(st.integers(0, SPAN - 1)))


def disturbed(panel: pd.DataFrame, session: date, *, drop: bool) -> pd.DataFrame:
    """The same up to the session; afterwards nothing, or rubbish; before the 90 days likewise."""
    outside = (panel["session_date"] > session) | (panel["session_date"] <= session - timedelta(days=90))
    if drop:
        return panel[~outside]
    rubbish = panel.copy()
    rubbish.loc[outside, SIGNALS] = 12345.678
    rubbish.loc[outside, TRUST] = 0.0
    return rubbish.sample(frac=1.0, random_state=1)


@pytest.mark.feature("BX-FE-01")
@settings(max_examples=25, deadline=None)
@given(panels(), st.booleans())
def test_every_statistic_reads_its_own_ninety_days_only(case, drop):
    panel, session = case
    expected = rolling_statistics(panel, [session])
    pd.testing.assert_frame_equal(
        rolling_statistics(disturbed(panel, session, drop=drop), [session]), expected, check_exact=True
    )


@pytest.mark.feature("BX-FE-01", "BX-FE-02")
@settings(max_examples=20, deadline=None)
@given(panels(), st.booleans())
def test_every_feature_reads_its_own_ninety_days_only(case, drop):
    panel, session = case
    other = disturbed(panel, session, drop=drop)
    expected = liquidity_features(panel, measure_sessions(panel, [session]), [session])
    got = liquidity_features(other, measure_sessions(other, [session]), [session])
    if expected.empty:
        assert got.empty
        return
    pd.testing.assert_frame_equal(got, expected, check_exact=True)


@settings(max_examples=20, deadline=None)
@given(panels())
def test_ranks_and_weights_are_fractions_and_trust_needs_an_age(case):
    panel, session = case
    got = liquidity_features(panel, measure_sessions(panel, [session]), [session])
    for name in got.columns:
        if name.endswith(("_rank_frac", "_weight_frac", "_stability")):
            known = got[name].dropna()
            assert ((known >= 0) & (known <= 1)).all(), name
    for group in ("micro", "alt", "auction", "sentiment"):
        assert not ((got[f"{group}_weight_frac"] > 0) & got[f"{group}_age_s"].isna()).any()
    assert not np.isinf(got.select_dtypes("float64").to_numpy()).any()


values = st.one_of(st.none(), st.floats(-1e6, 1e6, allow_subnormal=False), st.sampled_from([0.0, 1.0, 1.0000000001]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(values, st.integers(1, 40)), min_size=1, max_size=60), st.sampled_from([7, 30, 90]))
def test_window_statistics_keep_their_order_and_both_paths_agree(series, window):
    x = np.array([math.nan if value is None else value for value, _ in series])
    days = np.cumsum([gap for _, gap in series])
    starts, stops = rolling_spans(np.zeros(x.size, np.int64), days, window)
    fast, plain = (rolling_nine(x, days, starts, stops, engine) for engine in ("numba", "numpy"))
    np.testing.assert_array_equal(fast.values, plain.values)
    some = fast.n > 0
    for low, high in (("min", "median"), ("median", "q90"), ("q90", "max"), ("min", "mean"), ("mean", "max")):
        assert (fast[low][some] <= fast[high][some]).all(), (low, high)
    assert (fast["mad"][some] >= 0).all()
    assert (np.nan_to_num(fast["std"]) >= 0).all()
    assert np.isfinite(
        fast.values[[STATISTICS.index(name) for name in ("mean", "min", "max", "median", "q90", "mad")]][:, some]
    ).all()
    half = x.size // 2 + 1
    first = rolling_nine(x[:half], days[:half], starts[:half], stops[:half])
    np.testing.assert_array_equal(first.values, fast.values[:, :half])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_panel_of_a_session_does_not_know_other_sessions(seed):
    from liquidity.contracts.signals import INSTRUMENTS, MICROSTRUCTURE

    rng = np.random.default_rng(seed)
    days = [FIRST + timedelta(days=k) for k in range(4)]
    ids = [f"US{k:09d}0" for k in range(3)]
    listed = pd.DataFrame(
        [{**dict.fromkeys(INSTRUMENTS.column_names), "session_date": d, "instrument_id": i, "calendar": "24/7", "source": "a",
          "amount_outstanding": 1e9} for d in days for i in ids]
    )  # fmt: skip
    stamp = pd.Timestamp("2026-03-01", tz="UTC")
    numeric = [column.name for column in MICROSTRUCTURE.columns if column.dtype == "float64"]
    micro = pd.DataFrame(
        [{**dict.fromkeys(MICROSTRUCTURE.column_names), **dict(zip(numeric, rng.random(len(numeric)), strict=True)),
          "session_date": d, "instrument_id": i, "venue": v, "source": "a", "last_trade_at": stamp}
         for d in days for i in ids for v in ("A", "B") if rng.random() < 0.7]
    )  # fmt: skip
    nothing = pd.DataFrame()
    whole = build_signal_panel(listed, micro, nothing, nothing, nothing)
    for day in days:
        one = build_signal_panel(
            listed[listed["session_date"] == day],
            micro[micro["session_date"] == day] if len(micro) else micro,
            nothing,
            nothing,
            nothing,
        )
        mine = whole[whole["session_date"] == np.datetime64(day)].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine[one.columns], one, check_exact=True)
