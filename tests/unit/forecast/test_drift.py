"""When to train again: age, coverage, error and inputs, each alone."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.forecast.drift import DriftSettings, InputBins, needs_training
from liquidity.forecast.inputs import sample_rows
from liquidity.forecast.panel import ScorePanel

TRAINED = dt.date(2026, 3, 2)  # a Monday
MARKET = ("equity", "XNYS", "recorded", "liquidity_score")
SHIFTED = "volatility_daily_frac"


def models(trained: dt.date = TRAINED, mae: float = 2.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "session_date": [np.datetime64(trained, "ms")],
            "asset_class": [MARKET[0]],
            "calendar": [MARKET[1]],
            "origin": [MARKET[2]],
            "target": [MARKET[3]],
            "card_json": [json.dumps({"held_out": {"mae_points": [mae] * 5}})],
        }
    )


def accuracy(
    session: dt.date, mae: float = 2.0, alarm: bool = False, points_n: int = 1_000, psi: float = 0.1
) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "session_date": np.datetime64(session, "ms"),
            "asset_class": MARKET[0],
            "calendar": MARKET[1],
            "origin": MARKET[2],
            "target": MARKET[3],
            "horizon_sessions": [1, 2],
            "slice": "all",
            "window_sessions": 60,
            "points_n": points_n,
            "mae_points": [mae, 2.0],
            "coverage_80_frac": 0.7,
            "coverage_95_frac": 0.9,
            "coverage_alarm": [alarm, False],
            "input_shift_psi": np.nan,
            "shifted_input": None,
        }
    )
    one_day = rows.assign(
        window_sessions=1, coverage_alarm=True, mae_points=99.0, input_shift_psi=psi, shifted_input=SHIFTED
    )
    return pd.concat([rows, one_day], ignore_index=True)


SOON = dt.date(2026, 3, 11)  # seven sessions later


@pytest.mark.feature("BX-FC-06")
def test_nothing_new_needs_no_training() -> None:
    assert needs_training(models(), accuracy(SOON), SOON) is None


@pytest.mark.feature("BX-FC-06")
def test_age_counts_sessions_of_the_market() -> None:
    assert needs_training(models(), accuracy(SOON), dt.date(2026, 3, 27)) is None
    found = needs_training(models(), accuracy(SOON), dt.date(2026, 3, 30))  # twenty trading days later
    assert found == "equity XNYS recorded liquidity_score: last training 20 sessions ago, allowed 20"


@pytest.mark.feature("BX-FC-06")
@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (accuracy(SOON, alarm=True), "T+1 bands cover 70.0% (80 %) and 90.0% (95 %), outside their range"),
        (
            accuracy(SOON, mae=2.6),
            "T+1 mean absolute error 2.60 points, 2.00 in the evaluation, allowed 1.25 times",
        ),
    ],
)
def test_coverage_and_error_ask_for_a_training(table: pd.DataFrame, reason: str) -> None:
    assert needs_training(models(), table, SOON) == f"equity XNYS recorded liquidity_score: {reason}"
    few = table.assign(points_n=10)
    assert needs_training(models(), few, SOON) is None
    other_day = table.assign(session_date=np.datetime64("2026-03-10", "ms"))
    assert needs_training(models(), other_day, SOON) is None


@pytest.mark.feature("BX-FC-06")
def test_inputs_that_moved_ask_for_a_training() -> None:
    found = needs_training(models(), accuracy(SOON, psi=0.4), SOON)
    assert found == (
        "equity XNYS recorded liquidity_score: input volatility_daily_frac has a population stability index of 0.40, allowed 0.25"
    )
    assert needs_training(models(), accuracy(SOON, psi=0.25), SOON) is None
    assert needs_training(models(), accuracy(SOON, psi=np.nan), SOON) is None  # too few rows, or no trained model


def test_a_fresh_training_waits_for_new_labels() -> None:
    day = dt.date(2026, 3, 6)  # four sessions later
    assert needs_training(models(), accuracy(day, mae=9.0, alarm=True, psi=9.0), day) is None


def test_without_any_training_one_is_needed_and_the_newest_counts() -> None:
    assert needs_training(models().iloc[:0], accuracy(SOON), SOON) == "no training has been recorded yet"
    assert needs_training(models(), accuracy(SOON), dt.date(2026, 3, 1)) == "no training has been recorded yet"
    old = models(dt.date(2025, 3, 3))
    assert needs_training(pd.concat([models(), old]), accuracy(SOON), SOON) is None
    undecided = models().assign(card_json="{}")  # a training without enough data writes no card
    assert needs_training(undecided, accuracy(SOON, mae=9.0), SOON) is None


def test_settings_that_never_train_are_refused() -> None:
    with pytest.raises(ConfigError, match="min <= max"):
        DriftSettings(max_age_sessions=3, min_age_sessions=5)


def test_equal_populations_have_an_index_near_zero(market: ScorePanel) -> None:
    rows, _ = sample_rows(market, 5_000, 1)
    bins = InputBins.fit(rows)
    assert bins.shift(rows).index == pytest.approx(0.0, abs=1e-12)
    assert bins.shift(rows.take(np.arange(100))) is None
    again = InputBins.from_state(bins.state())
    assert again.names == bins.names
    assert np.array_equal(again.shares, bins.shares)
    with pytest.raises(ContractError, match="edges"):
        InputBins.from_state({**bins.state(), "edges": np.zeros((1, 2))})


def test_values_that_went_missing_are_a_shift(market: ScorePanel) -> None:
    rows, _ = sample_rows(market, 5_000, 1)
    bins = InputBins.fit(rows)
    rows.values[:, rows.names.index("volatility_daily_frac")] = np.nan
    shift = bins.shift(rows)
    assert shift.input == "volatility_daily_frac"
    assert shift.index > 5.0
