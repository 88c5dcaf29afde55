"""A day by itself: what was said is judged, and inputs that moved since the training are recorded and ask for another."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import FORECAST_ACCURACY
from liquidity.contracts.conform import empty_table, frame_from_table, table_from_frame
from liquidity.contracts.forecast import INDEX_FORECAST
from liquidity.contracts.validation import audit
from liquidity.forecast.daily import (
    FEATURE_DAYS,
    JUDGED_COLUMNS,
    DailyForecasts,
    calendars_of,
    forecast_sessions,
)
from liquidity.forecast.drift import needs_training
from liquidity.forecast.evaluation import EvaluationSettings
from liquidity.forecast.forecaster import SHIFT_DAYS
from liquidity.forecast.score_panels import FEATURE_COLUMNS, score_panels
from liquidity.forecast.training import Training, TrainingSettings, train

TARGET = "liquidity_score"
NAMES = [f"sim:C{place:02d}USDT" for place in range(60)]
CALENDARS = dict.fromkeys(NAMES, "24/7")
DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=day) for day in range(130)]
TRAINED, LAST = DAYS[-16], DAYS[-1]

Live = Callable[[pd.DataFrame], DailyForecasts]


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    """Scores that return to the level of their instrument."""
    random = np.random.default_rng(3)
    level = np.linspace(30.0, 70.0, len(NAMES))
    values = [level]
    for _ in DAYS[1:]:
        values.append(level + 0.5 * (values[-1] - level) + random.normal(0.0, 3.0, len(NAMES)))
    return pd.DataFrame(
        {
            "session_date": np.repeat(np.array(DAYS, dtype="datetime64[ms]"), len(NAMES)),
            "instrument_id": NAMES * len(DAYS),
            "asset_class": "crypto_spot",
            "sector": None,
            "rating": None,
            "method": "observed",
            "coverage_frac": 1.0,
            "uncertainty_sd": 4.0,
            "oldest_input_age_s": 3_600.0,
            "source": "simulated",
            TARGET: np.concatenate(values),
        }
    )


@pytest.fixture(scope="module")
def features(scores: pd.DataFrame) -> pd.DataFrame:
    random = np.random.default_rng(4)
    table = scores[["session_date", "instrument_id"]].assign(**dict.fromkeys(FEATURE_COLUMNS[2:], np.nan))
    return table.assign(volatility_daily_frac=random.uniform(0.01, 0.03, len(table)), micro_weight_frac=1.0)


@pytest.fixture(scope="module")
def trained(scores: pd.DataFrame, features: pd.DataFrame) -> Training:
    (panel,) = score_panels(scores, features, TARGET, CALENDARS)
    evaluation = EvaluationSettings(blocks=2, block_sessions=20)
    return train(panel, TrainingSettings(evaluation, members=("ewma", "persistence")), None, TRAINED, "v1")


@pytest.fixture(scope="module")
def live(scores: pd.DataFrame, trained: Training) -> Live:
    """The last two days, on features of the test's choice."""

    def run(features: pd.DataFrame) -> DailyForecasts:
        nothing = frame_from_table(empty_table(INDEX_FORECAST))[list(JUDGED_COLUMNS)]
        record = frame_from_table(empty_table(FORECAST_ACCURACY))
        return forecast_sessions(
            TARGET,
            scores,
            features,
            CALENDARS,
            DAYS[-2:],
            lambda *_: trained.forecaster or "not trained",
            lambda _: nothing,
            record,
            60,
        )

    return run


def alone(told: DailyForecasts) -> pd.DataFrame:
    """The record of the last session by itself."""
    accuracy = told.accuracy
    assert audit(table_from_frame(accuracy, FORECAST_ACCURACY), FORECAST_ACCURACY, LAST).violations == ()
    rows = accuracy[accuracy["window_sessions"] == 1]
    longer, cut = accuracy[accuracy["window_sessions"] == 60], rows[rows["slice"] != "all"]
    assert len(longer) == len(rows)
    assert longer["input_shift_psi"].isna().all()
    assert cut["input_shift_psi"].isna().all()
    assert cut["shifted_input"].isna().all()
    return rows[rows["slice"] == "all"]


@pytest.mark.feature("BX-FC-06")
def test_inputs_that_stay_start_no_training(live: Live, features: pd.DataFrame, trained: Training) -> None:
    told = live(features)
    assert len(told.judged) == len(NAMES)
    (row,) = alone(told).to_dict("records")
    assert 0.0 < row["input_shift_psi"] < 0.25
    assert needs_training(trained.models, told.accuracy, LAST) is None


@pytest.mark.feature("BX-FC-06")
def test_a_planted_shift_starts_a_training(live: Live, features: pd.DataFrame, trained: Training) -> None:
    later = features["session_date"] > pd.Timestamp(TRAINED)
    moved = features.assign(
        volatility_daily_frac=features["volatility_daily_frac"].mask(later, features["volatility_daily_frac"] * 3.0)
    )
    told = live(moved)
    (row,) = alone(told).to_dict("records")
    assert row["shifted_input"] == "volatility_daily_frac"
    assert row["input_shift_psi"] > 1.0
    assert needs_training(trained.models, told.accuracy, LAST) == (
        "crypto_spot 24/7 simulated liquidity_score: input volatility_daily_frac has a population stability index of "
        f"{row['input_shift_psi']:.2f}, allowed 0.25"
    )


def test_without_a_model_the_shift_is_not_known(scores: pd.DataFrame, features: pd.DataFrame) -> None:
    nothing = frame_from_table(empty_table(INDEX_FORECAST))[list(JUDGED_COLUMNS)]
    record = frame_from_table(empty_table(FORECAST_ACCURACY))
    told = forecast_sessions(
        TARGET, scores, features, CALENDARS, DAYS[-2:], lambda *_: "not trained", lambda _: nothing, record, 60
    )
    assert set(told.forecasts["status"]) == {"fallback"}
    assert alone(told)["input_shift_psi"].isna().all()


def test_features_are_read_for_every_day_of_the_shift() -> None:
    assert SHIFT_DAYS <= FEATURE_DAYS  # days without features would look like features that went missing


def test_tables_read_as_codes_say_the_same(scores: pd.DataFrame, features: pd.DataFrame, trained: Training) -> None:
    """Texts as categories and features as panels hold them: what the daily run reads."""
    texts = ["instrument_id", "asset_class", "sector", "rating", "method", "source"]
    coded = scores.astype(dict.fromkeys(texts, "category"))
    beside = features.astype({"instrument_id": "category"} | dict.fromkeys(FEATURE_COLUMNS[2:], np.float32))
    record = frame_from_table(empty_table(FORECAST_ACCURACY))
    nothing = frame_from_table(empty_table(INDEX_FORECAST))[list(JUDGED_COLUMNS)]
    plain, told = (
        forecast_sessions(
            TARGET, *tables, CALENDARS, DAYS[-2:], lambda *_: trained.forecaster or "", lambda _: nothing, record, 60
        ).tables()
        for tables in ((scores, features), (coded, beside))
    )
    assert told["forecast_scores"].num_rows == len(NAMES)
    for name, table in plain.items():
        assert table.equals(told[name])


def test_the_last_row_says_the_calendar() -> None:
    rows = pd.DataFrame(
        {"instrument_id": ["b", "a", "b", "c", "a"], "calendar": ["XNYS", "24/7", "XBOM", "XNYS", "XNYS"]}
    )
    said = {"a": "XNYS", "b": "XBOM", "c": "XNYS"}
    assert calendars_of(rows) == calendars_of(rows.astype("category")) == said
