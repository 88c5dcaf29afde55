"""Rolling statistics against slow pure Python, against pandas, and the two engines against each other."""

import math
import statistics
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.features import PANEL_SIGNALS, ROLLING_STATISTICS
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.features import nine as nine_module
from liquidity.features.nine import STATISTICS, rolling_nine
from liquidity.features.rolling import (
    ROLLING_INPUTS,
    observed_returns,
    rolling_moments,
    rolling_spans,
    rolling_statistics,
)

LAST = date(2026, 11, 20)


def slow_statistics(observations: list[tuple[int, float]], newest_day: int) -> dict[str, float]:
    """One window of (day, value) pairs, straight from the definitions."""
    values = [value for _, value in observations]
    ordered, n = sorted(values), len(values)
    mean = math.fsum(values) / n
    std = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1)) if n > 1 else math.nan
    median = statistics.median(values)
    place = 0.9 * (n - 1)
    low = math.floor(place + 1e-12)
    q90 = ordered[low] + (ordered[min(low + 1, n - 1)] - ordered[low]) * (place - low)
    mean_day = math.fsum(day for day, _ in observations) / n
    spread = math.fsum((day - mean_day) ** 2 for day, _ in observations)
    slope = math.fsum((d - mean_day) * (v - mean) for d, v in observations) / spread if spread > 0 else math.nan
    has_newest = observations[-1][0] == newest_day and std > 0 and max(values) > min(values)
    return {
        "n": n,
        "mean": mean,
        "std": std,
        "min": ordered[0],
        "max": ordered[-1],
        "z": (values[-1] - mean) / std if has_newest else math.nan,
        "median": median,
        "q90": q90,
        "mad": statistics.median(abs(v - median) for v in values),
        "slope": slope,
    }


def irregular_panel(instruments: int, seed: int, days: int = 130) -> pd.DataFrame:
    """Gaps, holidays, missing values, ties and constant runs; rows in random order."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(instruments):
        for back in range(days):
            day = LAST - timedelta(days=back)
            if (k % 2 == 0 and day.weekday() >= 5) or rng.random() < 0.1:
                continue
            row = {"session_date": day, "instrument_id": f"US{k:09d}0"}
            for signal in ROLLING_INPUTS[2:]:
                kind = rng.random()
                row[signal] = math.nan if kind < 0.2 else 5.0 if kind < 0.4 else float(rng.lognormal(0, 2))
            if k == 1:
                row["auction_demand"] = math.nan
            if k == 2:
                row["spread_bps"] = 7.1
            rows.append(row)
    frame = pd.DataFrame(rows).sample(frac=1.0, random_state=seed)
    return frame.reset_index(drop=True)


def slow_rolling(panel: pd.DataFrame, session: date) -> dict[tuple[str, str, int], dict[str, float]]:
    found = {}
    for instrument, rows in panel.sort_values("session_date").groupby("instrument_id"):
        rows = rows[(rows["session_date"] <= session) & (rows["session_date"] > session - timedelta(days=90))]
        if session not in rows["session_date"].tolist():
            continue
        days = [day.toordinal() for day in rows["session_date"]]
        series = {signal: rows[signal].tolist() for signal in PANEL_SIGNALS if signal != "return_frac"}
        returns, before = [], math.nan
        for close in rows["close"]:
            returns.append(close / before - 1.0)
            before = before if math.isnan(close) else close
        series["return_frac"] = returns
        for signal, values in series.items():
            for window in (7, 30, 90):
                inside = [
                    (day, value)
                    for day, value in zip(days, values, strict=True)
                    if day > session.toordinal() - window and not math.isnan(value)
                ]
                if inside:
                    found[str(instrument), signal, window] = slow_statistics(inside, session.toordinal())
    return found


def as_dict(frame: pd.DataFrame) -> dict[tuple[str, str, int], dict[str, float]]:
    return {
        (row["instrument_id"], row["signal"], row["window_days"]): {name: row[name] for name in ("n", *STATISTICS)}
        for row in frame.to_dict("records")
    }


@pytest.mark.feature("BX-FE-01")
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_equals_slow_reference_on_gaps_and_holidays(engine):
    panel = irregular_panel(6, seed=1)
    for session in (LAST, LAST - timedelta(days=3), LAST - timedelta(days=20)):
        fast, slow = as_dict(rolling_statistics(panel, [session], engine)), slow_rolling(panel, session)
        assert fast.keys() == slow.keys()
        for key, expected in slow.items():
            for name, value in expected.items():
                assert fast[key][name] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), (key, name)


@pytest.mark.feature("BX-FE-01")
def test_newest_day_alone_equals_history_bit_for_bit():
    panel = irregular_panel(8, seed=2)
    sessions = [LAST - timedelta(days=back) for back in range(40)]
    history = rolling_statistics(panel, sessions)
    alone = pd.concat([rolling_statistics(panel, [session]) for session in sorted(sessions)], ignore_index=True)
    pd.testing.assert_frame_equal(history, alone, check_exact=True)
    past_only = panel[panel["session_date"] > LAST - timedelta(days=90)]
    newest = history[history["session_date"] == np.datetime64(LAST)].reset_index(drop=True)
    pd.testing.assert_frame_equal(newest, rolling_statistics(past_only, [LAST]), check_exact=True)


def test_numba_and_numpy_paths_agree_bit_for_bit():
    panel = irregular_panel(8, seed=3)
    sessions = [LAST - timedelta(days=back) for back in range(30)]
    compiled, plain = rolling_statistics(panel, sessions, "numba"), rolling_statistics(panel, sessions, "numpy")
    pd.testing.assert_frame_equal(compiled, plain, check_exact=True)


@pytest.mark.parametrize("seed", range(5))
def test_kernel_takes_spans_in_any_order(seed):
    rng = np.random.default_rng(seed)
    values, days = rng.normal(size=300).round(1), np.arange(300)
    values[rng.random(300) < 0.1] = np.nan
    starts = rng.integers(0, 290, 500)
    stops = np.minimum(starts + rng.integers(0, 95, 500), 300)
    both = [rolling_nine(values, days, starts, stops, engine) for engine in ("numba", "numpy")]
    np.testing.assert_array_equal(both[0].values, both[1].values)
    for i in range(0, 500, 7):
        inside = [(int(d), float(values[d])) for d in range(starts[i], stops[i]) if not math.isnan(values[d])]
        if inside:
            expected = slow_statistics(inside, int(stops[i]) - 1)
            assert [both[0][name][i] for name in STATISTICS] == pytest.approx(
                [expected[name] for name in STATISTICS], rel=1e-9, abs=1e-9, nan_ok=True
            )
        else:
            assert np.isnan(both[0].values[:, i]).all()


def test_plain_path_serves_when_numba_is_absent_or_disabled(monkeypatch):
    import numba

    x, one = np.array([1.0, 2.0, 4.0]), np.array([3])
    expected = rolling_nine(x, np.arange(3), one - 3, one).values
    nine_module.compiled_kernel.cache_clear()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(numba.config, "DISABLE_JIT", 1)
            assert nine_module.compiled_kernel() is None
            np.testing.assert_array_equal(rolling_nine(x, np.arange(3), one - 3, one).values, expected)
            with pytest.raises(ConfigError, match="numba"):
                rolling_nine(x, np.arange(3), one - 3, one, engine="numba")
        nine_module.compiled_kernel.cache_clear()
        with monkeypatch.context() as patched:
            patched.setitem(__import__("sys").modules, "numba", None)
            assert nine_module.compiled_kernel() is None
            np.testing.assert_array_equal(rolling_nine(x, np.arange(3), one - 3, one).values, expected)
    finally:
        nine_module.compiled_kernel.cache_clear()


def test_read_only_and_strided_inputs_use_the_one_compiled_signature():
    table = np.random.default_rng(0).normal(size=(50, 3))
    table.flags.writeable = False
    starts, stops = rolling_spans(np.zeros(50, np.int64), np.arange(50), 7)
    strided = rolling_nine(table[:, 1], np.arange(50, dtype=np.int32), starts, stops)
    contiguous = rolling_nine(table[:, 1].copy(), np.arange(50), starts, stops)
    np.testing.assert_array_equal(strided.values, contiguous.values)
    assert len(nine_module.compiled_kernel().signatures) == 1


def test_spans_make_pandas_equal_to_groupby_rolling_bit_for_bit():
    rng = np.random.default_rng(5)
    groups = np.sort(rng.integers(0, 20, 2000))
    days = np.concatenate([np.sort(rng.choice(400, size=n, replace=False)) for n in np.bincount(groups) if n])
    values = pd.DataFrame(rng.lognormal(size=(2000, 3)), columns=list("abc")).mask(rng.random((2000, 3)) < 0.1)
    starts, stops = rolling_spans(groups, days, 30)
    ours = rolling_moments(values, starts, stops)
    dated = values.assign(g=groups).set_index(pd.to_datetime(days, unit="D"))
    peer = dated.groupby("g").rolling("30D")
    for name, table in ours.items():
        np.testing.assert_array_equal(table.to_numpy(), getattr(peer, name)().to_numpy())
    nine = rolling_nine(values["a"].to_numpy(), days, starts, stops)
    for name in ("mean", "std", "min", "max"):
        np.testing.assert_allclose(nine[name], ours[name]["a"].to_numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_constant_window_has_no_spread_and_one_value_has_no_deviation(engine):
    result = rolling_nine(np.full(9, 0.1), np.arange(9), np.array([0, 8, 3]), np.array([9, 9, 3]), engine)
    assert result.n.tolist() == [9, 1, 0]
    assert result["std"][0] == 0.0
    assert result["mean"][0] == 0.1
    assert result["mad"][0] == 0.0
    assert result["slope"][0] == 0.0
    assert np.isnan(result["z"][0])
    assert np.isnan(result["std"][1])
    assert np.isnan(result["slope"][1])
    assert np.isnan(result.values[:, 2]).all()


def test_infinity_is_refused():
    with pytest.raises(ContractError, match=r"values\[1\] is infinite"):
        rolling_nine(np.array([1.0, np.inf]), np.arange(2), np.array([0]), np.array([2]))


def test_returns_bridge_gaps():
    close = np.array([[np.nan, 100.0, np.nan, 110.0, 99.0]])
    returns, previous = observed_returns(close)
    assert returns[0, 3] == pytest.approx(0.1)
    assert returns[0, 4] == pytest.approx(-0.1)
    assert np.isnan(returns[0, :3]).all()
    assert previous[0].tolist() == [-1, -1, 1, 1, 3]


def test_empty_all_missing_and_one_row():
    one = irregular_panel(1, seed=4).tail(1)
    session = one["session_date"].iloc[0]
    assert rolling_statistics(one.iloc[:0], [session]).empty
    assert rolling_statistics(one, []).empty
    assert rolling_statistics(one, [session + timedelta(days=1)]).empty
    assert list(rolling_statistics(one.iloc[:0], [session]).columns) == list(ROLLING_STATISTICS.column_names)
    missing = one.assign(**dict.fromkeys(ROLLING_INPUTS[2:], math.nan))
    assert rolling_statistics(missing, [session]).empty
    single = rolling_statistics(one.assign(spread_bps=3.0), [session])
    row = single[single["signal"] == "spread_bps"].iloc[0]
    assert (row["n"], row["mean"], row["median"], row["q90"]) == (1, 3.0, 3.0, 3.0)
    assert math.isnan(row["std"])


def test_rows_are_sorted_by_key_and_duplicates_refused():
    panel = irregular_panel(5, seed=6)
    frame = rolling_statistics(panel, [LAST, LAST - timedelta(days=1)])
    pd.testing.assert_frame_equal(frame, frame.sort_values(list(ROLLING_STATISTICS.key), ignore_index=True))
    with pytest.raises(ContractError, match="repeat"):
        rolling_statistics(pd.concat([panel, panel[panel["session_date"] == LAST].tail(1)]), [LAST])


def test_categorical_ids_and_timestamps_give_the_same():
    panel = irregular_panel(4, seed=7)
    other = panel.assign(
        instrument_id=panel["instrument_id"].astype("category"),
        session_date=pd.to_datetime(panel["session_date"]).astype("datetime64[ms]"),
    )
    pd.testing.assert_frame_equal(rolling_statistics(panel, [LAST]), rolling_statistics(other, [LAST]))
