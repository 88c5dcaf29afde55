"""One alert for one deterioration, cleared with hysteresis, from history alone."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.pulse import EARLY_WARNINGS
from liquidity.domain.errors import ContractError
from liquidity.index.early_warning import early_warnings
from liquidity.index.thresholds import PulseThresholds

START = dt.date(2026, 1, 5)


def history(scores: dict[str, list[float]], method: str = "observed") -> pd.DataFrame:
    rows = [
        (START + dt.timedelta(days=i), name, score, method if score == score else "insufficient_data")
        for name, series in scores.items()
        for i, score in enumerate(series)
    ]
    return pd.DataFrame(rows, columns=["session_date", "instrument_id", "liquidity_score", "method"])


def states(series: list[float]) -> list[str]:
    """State of each session, a dot where quiet."""
    table = history({"XNSE:A": series})
    found = early_warnings(table, sorted(set(table["session_date"])))
    by_day = dict(zip(found["session_date"], found["state"], strict=True))
    return [by_day.get(START + dt.timedelta(days=i), ".")[0] for i in range(len(series))]


def slow_states(series: list[float], limits: PulseThresholds) -> list[str]:
    """The rule in plain words for one instrument, no vectors."""
    out, alert, recent, reference, recovered, since = [], False, [], 0.0, 0, []
    for score in series:
        if score != score:
            out.append("a" if alert else ".")
            continue
        if alert:
            since.append(score)
            recovered = recovered + 1 if score >= reference - limits.clear_within_points else 0
            last = since[-limits.stable_sessions :]
            stable = len(since) > limits.stable_sessions and max(last) - min(last) <= limits.stable_range_points
            if recovered >= limits.clear_sessions or stable:
                alert, recent = False, []
                out.append("c")
            else:
                out.append("a")
        elif recent and max(recent) - score >= limits.warning_fall_points:
            alert, reference, recovered, since = True, max(recent), 0, [score]
            out.append("r")
        else:
            out.append(".")
        recent = [*recent, score][-limits.warning_within_sessions :]
    return out


@pytest.mark.feature("BX-IX-12")
def test_a_planted_fall_of_20_in_3_sessions_raises_one_alert_that_clears() -> None:
    series = [70.0] * 5 + [63, 57, 50] + [48, 47, 49, 55, 58, 61, 62] + [66] * 3
    assert "".join(states(series)) == ".......raaaaaac..."  # 61 and 62 are within 10 of 70
    table = history({"XNSE:A": series})
    found = early_warnings(table, sorted(set(table["session_date"])))
    assert list(found.columns) == list(EARLY_WARNINGS.column_names)
    assert set(found["raised_on"]) == {START + dt.timedelta(days=7)}
    assert set(found["reference_date"]) == {START + dt.timedelta(days=4)}
    assert found["change_points"].iloc[0] == pytest.approx(-20.0)
    assert found["change_points"].iloc[-1] == pytest.approx(-8.0)


@pytest.mark.feature("BX-IX-12")
def test_slower_or_smaller_falls_raise_nothing() -> None:
    assert set(states([70, 65, 60, 55, 50, 45, 40])) == {"."}  # 15 within 3 sessions
    assert set(states([70, 50.001, 70, 50.001])) == {"."}
    assert states([70, 50])[1] == "r"


@pytest.mark.feature("BX-IX-12")
def test_a_touch_of_the_old_level_does_not_clear_and_a_new_level_does_after_10_sessions() -> None:
    flapping = [70, 50, 61, 50, 61, 50, 61, 50]
    assert "".join(states(flapping)) == ".raaaaaa"
    settled = [70.0, 50.0] + [48.0, 52.0] * 6
    assert "".join(states(settled)) == ".r" + "a" * 9 + "c.."
    assert "".join(states([70.0, 50.0] + [30.0, 52.0] * 6)) == ".r" + "a" * 12


@pytest.mark.feature("BX-IX-12")
def test_after_clearing_a_second_fall_is_a_second_alert() -> None:
    assert "".join(states([70, 50, 65, 66, 66, 40, 60, 60])) == ".rac.rac"


def test_only_observed_scores_count_and_a_gap_keeps_the_alert() -> None:
    gap = float("nan")
    assert "".join(states([70, gap, gap, 50, gap, 62, 63])) == "...raac"
    pooled = history({"XNSE:A": [70, 40]}, method="pooled_sector")
    assert early_warnings(pooled, [START + dt.timedelta(days=1)]).empty
    table = history({"XNSE:A": [70.0, 45.0, gap]})
    row = early_warnings(table, [START + dt.timedelta(days=2)]).iloc[0]
    assert row["state"] == "active"
    assert np.isnan(row["liquidity_score"])
    assert row["change_points"] == -25.0


@pytest.mark.feature("BX-IX-12")
def test_vectorised_equals_the_plain_rule_and_the_future_changes_nothing() -> None:
    random = np.random.default_rng(3)
    scores: dict[str, list[float]] = {}
    for i in range(60):
        walk = np.clip(55 + np.cumsum(random.normal(0, 9, 60)), 0, 100)
        walk[random.random(60) < 0.1] = np.nan
        scores[f"XNSE:B{i:02d}"] = walk.round(1).tolist()
    table = history(scores)
    days = sorted(set(table["session_date"]))
    whole = early_warnings(table, days)
    seen = {(row.instrument_id, row.session_date): row.state[0] for row in whole.itertuples()}
    for name, series in scores.items():
        expected = slow_states(series, PulseThresholds())
        assert [seen.get((name, day), ".") for day in days] == expected, name
    for cut in (10, 33, 59):
        before = table[table["session_date"] <= days[cut]]
        pd.testing.assert_frame_equal(
            early_warnings(before, [days[cut]]).reset_index(drop=True),
            whole[whole["session_date"] == days[cut]].reset_index(drop=True),
        )
    assert {"r", "a", "c"} <= set(seen.values())


def test_history_beyond_90_days_is_not_read() -> None:
    series = [70.0] + [50.0, 30.0] * 50
    table = history({"XNSE:A": series})
    last = table["session_date"].max()
    recent = table[table["session_date"] > last - dt.timedelta(days=90)]
    pd.testing.assert_frame_equal(early_warnings(table, [last]), early_warnings(recent, [last]))


def test_nothing_to_report_has_the_right_columns() -> None:
    quiet = early_warnings(history({"XNSE:A": [50.0, 50.0]}), [START, dt.date(2020, 1, 1)])
    assert list(quiet.columns) == list(EARLY_WARNINGS.column_names)
    assert quiet.empty
    with pytest.raises(ContractError, match="method"):
        early_warnings(history({"XNSE:A": [1.0]}).drop(columns="method"), [START])


def test_midnights_as_the_lake_returns_them_count_as_days() -> None:
    table = history({"XNSE:A": [70.0, 45.0]})
    last = START + dt.timedelta(days=1)
    midnights = table.assign(session_date=pd.to_datetime(table["session_date"]))
    pd.testing.assert_frame_equal(early_warnings(midnights, [last]), early_warnings(table, [last]))


def test_categorical_texts_count_as_plain_ones() -> None:
    table = history({"XNSE:B": [50.0, 50.0, 25.0, 25.0], "XNSE:A": [60.0, 30.0, 30.0, 30.0], "XNSE:C": [40.0] * 4})
    coded = table.astype(
        {"instrument_id": pd.CategoricalDtype(["XNSE:Z", "XNSE:B", "XNSE:C", "XNSE:A"]), "method": "category"}
    )
    days = sorted(set(table["session_date"]))
    plain = early_warnings(table, days)
    pd.testing.assert_frame_equal(early_warnings(coded, days), plain)
    assert plain["instrument_id"].drop_duplicates().tolist() == ["XNSE:A", "XNSE:B"]
