"""Score validation: a score that knows is told from one that does not, and never by reading the future."""

import json

import numpy as np
import pandas as pd
import pytest

from liquidity.backtest.score_validation import ValidationSettings, validate_scores
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.evidence import SCORE_VALIDATION, VALIDATED_OUTCOMES, VALIDATION_VIEWS
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from tests.unit.backtest.market import FIRST, SESSIONS, features_of, ids, illiquidity, panel_of

LAST = FIRST + SESSIONS - 1
QUICK = ValidationSettings(window_sessions=120, resamples=100)


def row(table, outcome, view, horizon, predictor="liquidity_score"):
    (found,) = table[
        (table["outcome"] == outcome)
        & (table["view"] == view)
        & (table["horizon_sessions"] == horizon)
        & (table["predictor"] == predictor)
    ].to_dict("records")
    return found


@pytest.fixture(scope="module")
def state():
    return illiquidity()


@pytest.fixture(scope="module")
def knowing(state):
    """A score that sees the state two sessions ahead."""
    ahead = np.roll(state, -2, axis=0)
    return validate_scores([panel_of(50.0 - 8.0 * ahead)], features_of(state), LAST, settings=QUICK)


@pytest.mark.feature("BX-BT-05")
def test_a_score_that_knows_adds_to_the_naive_guess(knowing):
    for view in VALIDATION_VIEWS:
        told = row(knowing, "spread_bps", view, 2)
        assert told["rank_correlation"] < -0.7
        assert told["rank_correlation_high"] < 0.0
        assert abs(told["rank_correlation"]) > told["naive_rank_correlation"]
        assert told["verdict"] == "adds_to_naive"
        assert abs(told["shuffled_rank_correlation"]) < 0.06


@pytest.mark.feature("BX-BT-05")
def test_the_outcome_is_worse_in_low_deciles(knowing):
    deciles = json.loads(row(knowing, "spread_bps", "across_names", 2)["deciles_json"])
    assert [item["decile"] for item in deciles] == list(range(10))
    assert deciles[0]["outcome"] > 1.5 * deciles[-1]["outcome"]
    assert all(item["low"] <= item["outcome"] <= item["high"] for item in deciles)
    assert sum(item["n"] for item in deciles) == row(knowing, "spread_bps", "across_names", 2)["points_n"]


@pytest.mark.feature("BX-BT-05")
def test_noise_predicts_nothing(state):
    rng = np.random.default_rng(12)
    table = validate_scores([panel_of(rng.uniform(0.0, 100.0, state.shape))], features_of(state), LAST, settings=QUICK)
    told = table[table["verdict"] != "insufficient_data"]
    assert len(told) >= 40
    assert (told["verdict"] == "no_evidence").mean() > 0.85  # intervals miss 0 one time in twenty
    assert told["rank_correlation"].abs().max() < 0.1


@pytest.mark.feature("BX-BT-05")
def test_shuffled_outcomes_of_a_knowing_score_show_nothing(state):
    features = features_of(state)
    dealt = np.random.default_rng(5).permutation(len(features))
    for name in ("spread_bps", "turnover_ccy"):
        features[name] = features[name].to_numpy()[dealt]
    table = validate_scores([panel_of(50.0 - 8.0 * state)], features, LAST, settings=QUICK)
    told = table[table["verdict"] != "insufficient_data"]
    assert (told["verdict"] == "no_evidence").mean() > 0.85
    assert told["rank_correlation"].abs().max() < 0.1


@pytest.mark.feature("BX-BT-05")
def test_a_score_that_repeats_the_outcome_adds_nothing(state):
    features = features_of(state)
    spread = features["spread_bps"].to_numpy().reshape(state.shape)
    table = validate_scores([panel_of(100.0 - spread / 5.0)], features, LAST, settings=QUICK)
    told = row(table, "spread_bps", "across_names", 1)
    assert told["verdict"] == "predicts"
    assert told["rank_correlation"] == pytest.approx(-told["naive_rank_correlation"])


@pytest.mark.feature("BX-BT-05")
def test_a_reversed_score_is_named(state):
    table = validate_scores([panel_of(50.0 + 8.0 * state)], features_of(state), LAST, settings=QUICK)
    assert row(table, "spread_bps", "over_time", 1)["verdict"] == "wrong_sign"


@pytest.mark.feature("BX-BT-05")
def test_forecasts_are_judged_beside_the_scores(state):
    scores = 50.0 - 8.0 * state
    made = pd.DataFrame(
        {
            "session_date": np.tile(np.repeat(FIRST + np.arange(SESSIONS), state.shape[1]), 5).astype("datetime64[s]"),
            "instrument_id": np.tile(ids(), SESSIONS * 5),
            "target": "liquidity_score",
            "horizon_sessions": np.repeat(np.arange(1, 6), state.size),
            "forecast_score": np.concatenate([np.roll(scores, -h, axis=0).ravel() for h in range(1, 6)]),
        }
    )
    table = validate_scores([panel_of(scores)], features_of(state), LAST, made, QUICK)
    assert set(table["predictor"]) == {"liquidity_score", "liquidity_score_forecast"}
    perfect = row(table, "spread_bps", "across_names", 5, "liquidity_score_forecast")
    assert perfect["rank_correlation"] < row(table, "spread_bps", "across_names", 5)["rank_correlation"] - 0.2


@pytest.mark.feature("BX-BT-05")
def test_nothing_after_the_session_is_read(state):
    features = features_of(state)
    panel = panel_of(50.0 - 8.0 * state)
    end = FIRST + 119
    spoiled = features.copy()
    spoiled.loc[spoiled["session_date"] > pd.Timestamp(end), ["spread_bps", "turnover_ccy"]] = 1e9
    scores = panel.scores.copy()
    scores[120:] = 0.0
    one = validate_scores([panel], features, end, settings=QUICK)
    other = validate_scores([panel_of(scores)], spoiled, end, settings=QUICK)
    pd.testing.assert_frame_equal(one, other)


def test_rows_keep_the_contract_and_say_why_there_is_nothing(knowing, state):
    assert audit(table_from_frame(knowing, SCORE_VALIDATION), SCORE_VALIDATION).rejected.num_rows == 0
    assert set(knowing["outcome"]) == set(VALIDATED_OUTCOMES)
    features = features_of(state)
    features["turnover_ccy"] = np.nan
    table = validate_scores([panel_of(50.0 - state)], features, LAST, settings=QUICK)
    told = row(table, "failed_exit", "across_names", 3)
    assert told["verdict"] == "insufficient_data"
    assert told["reason"] == "0 sessions with score and outcome, 40 needed"
    assert np.isnan(told["rank_correlation"])
    flat = validate_scores([panel_of(np.full(state.shape, 50.0))], features, LAST, settings=QUICK)
    assert "the score is the same" in row(flat, "spread_bps", "over_time", 1)["reason"]
    for each in (table, flat, validate_scores([], features, LAST)):
        assert audit(table_from_frame(each, SCORE_VALIDATION), SCORE_VALIDATION).rejected.num_rows == 0


def test_many_instruments_are_thinned_evenly(state):
    table = validate_scores(
        [panel_of(50.0 - 8.0 * state)],
        features_of(state),
        LAST,
        settings=ValidationSettings(window_sessions=120, resamples=60, max_instruments=8),
    )
    assert row(table, "spread_bps", "across_names", 1)["instruments_n"] == 8


def test_settings_refuse_what_cannot_be_used():
    with pytest.raises(ConfigError, match="resamples is 3"):
        ValidationSettings(resamples=3)
