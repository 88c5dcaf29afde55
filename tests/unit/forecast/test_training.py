"""A training from end to end: who is promoted, kept, replaced; equal bits; and nothing half-done."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import FORECAST_EVALUATION, FORECAST_MODELS
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from liquidity.forecast import training as module
from liquidity.forecast.champion import PromotionRule
from liquidity.forecast.model_card import ModelCard
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.training import Training, TrainingSettings, train


def day(panel: ScorePanel, place: int = -1):
    return panel.sessions[place].item()


@pytest.fixture(scope="module")
def short(settings: TrainingSettings) -> TrainingSettings:
    """Settings that decide on the one or two judged blocks of a short history."""
    return replace(
        settings,
        evaluation=replace(settings.evaluation, blocks=3),
        rule=PromotionRule(min_points=100, min_sessions=10),
    )


@pytest.mark.feature("BX-FC-06", "BX-FC-07")
def test_the_first_training_promotes_what_wins(training: Training, market: ScorePanel) -> None:
    assert training.decision == "promoted"
    forecaster = training.forecaster
    assert forecaster is not None
    card = forecaster.card
    assert (card.member, card.kind, card.status) == ("ridge", "model", "model")
    assert (card.trained_on, card.data_from) == ("2026-06-09", "2026-01-01")
    assert (card.instruments_n, card.code_version, card.seed) == (12, "v1", 7)
    assert card.rows_n == 12 * 159  # the last session has no label yet
    assert card.held_out["mae_points"][0] < card.held_out["mae_points"][4]
    row = training.models.iloc[0]
    assert row["model_id"] == forecaster.model_id
    assert row["reason"] == card.reason
    assert pd.isna(row["incumbent_member"])
    assert ModelCard.from_json(row["card_json"]) == card
    for table, contract in ((training.models, FORECAST_MODELS), (training.evaluation, FORECAST_EVALUATION)):
        assert audit(table_from_frame(table, contract), contract, day(market)).violations == ()


def test_the_same_training_gives_the_same_bits(
    training: Training, market: ScorePanel, settings: TrainingSettings
) -> None:
    again = train(market, settings, None, day(market), "v1")
    assert again.forecaster.to_bytes() == training.forecaster.to_bytes()
    pd.testing.assert_frame_equal(again.evaluation, training.evaluation, check_exact=True)
    pd.testing.assert_frame_equal(again.models, training.models, check_exact=True)


def test_what_comes_after_the_training_day_is_not_read(market: ScorePanel, short: TrainingSettings) -> None:
    then = train(market.up_to(market.sessions[149]), short, None, day(market, 149), "v1")
    scores = market.scores.copy()
    scores[150:] = 1.0
    later = train(replace(market, scores=scores), short, None, day(market, 149), "v1")
    assert later.forecaster.to_bytes() == then.forecaster.to_bytes()


@pytest.mark.feature("BX-FC-02")
def test_where_no_model_wins_the_best_baseline_serves_and_says_so(make_market, settings: TrainingSettings) -> None:
    panel = make_market(driver_points=0.0, seed=5)
    found = train(panel, settings, None, day(panel), "v1")
    assert found.decision == "baseline_served"
    card = found.forecaster.card
    assert card.status == "baseline"
    assert card.member == card.best_baseline
    said = found.forecaster.forecast(panel, panel.sessions[-1])
    assert set(said["status"]) == {"baseline"}
    (reason,) = set(said["reason"])
    assert reason.startswith("no model beats the best baseline: pinball ")


def test_an_incumbent_that_was_just_trained_is_kept(
    training: Training, market: ScorePanel, settings: TrainingSettings
) -> None:
    found = train(market, settings, training.forecaster, day(market), "v2")
    assert found.decision == "kept"
    assert found.forecaster is training.forecaster
    row = found.models.iloc[0]
    assert row["model_id"] == row["incumbent_id"] == training.forecaster.model_id
    assert row["reason"].startswith("ridge does not beat the incumbent: ridge: no judged row")


@pytest.mark.feature("BX-FC-06")
def test_an_incumbent_that_knows_the_market_is_kept(
    make_market, settings: TrainingSettings, short: TrainingSettings
) -> None:
    panel = make_market(names=20)
    early = train(panel.up_to(panel.sessions[109]), short, None, day(panel, 109), "v1")
    assert early.decision == "promoted"
    found = train(panel, settings, early.forecaster, day(panel), "v2")
    assert found.decision == "kept"
    assert found.forecaster is early.forecaster
    assert "ridge does not beat the incumbent: pinball" in found.models["reason"].iloc[0]
    assert "of 49 sessions" in found.models["reason"].iloc[0]


@pytest.mark.feature("BX-FC-06")
def test_a_challenger_that_beats_the_champion_replaces_it(
    make_market, settings: TrainingSettings, short: TrainingSettings
) -> None:
    """The incumbent learned a market in which the driver lowers scores; here it lifts them."""
    opposite, panel = make_market(driver_points=-4.0), make_market()
    wrong = train(opposite.up_to(panel.sessions[109]), short, None, day(panel, 109), "v1")
    assert wrong.decision == "promoted"
    found = train(panel, settings, wrong.forecaster, day(panel), "v2")
    assert found.decision == "promoted"
    row = found.models.iloc[0]
    assert row["reason"].startswith("ridge beats the incumbent: pinball")
    assert (row["incumbent_member"], row["incumbent_id"]) == ("ridge", wrong.forecaster.model_id)
    assert row["model_id"] == found.forecaster.model_id != wrong.forecaster.model_id


@pytest.mark.feature("BX-FC-06")
def test_an_incumbent_goes_when_no_model_beats_the_baseline_any_more(
    make_market, settings: TrainingSettings, short: TrainingSettings
) -> None:
    panel = make_market(driver_points=0.0, seed=5)
    driven = make_market(seed=5)
    before = train(driven.up_to(panel.sessions[109]), short, None, day(panel, 109), "v1")
    assert before.decision == "promoted"
    found = train(panel, settings, before.forecaster, day(panel), "v2")
    assert found.decision == "baseline_served"
    assert found.forecaster.card.kind == "baseline"


def test_an_incumbent_of_other_inputs_is_replaced(
    training: Training, market: ScorePanel, short: TrainingSettings
) -> None:
    fewer = {name: values for name, values in market.signals.items() if name != "volatility_daily_frac"}
    early = train(replace(market, signals=fewer).up_to(market.sessions[139]), short, None, day(market, 139), "v1")
    assert early.decision == "promoted"
    found = train(market, short, early.forecaster, day(market), "v2")
    assert found.decision == "promoted"
    assert found.models["incumbent_id"].iloc[0] == early.forecaster.model_id


def test_too_short_a_history_is_a_decision_not_an_exception(
    make_market, training: Training, settings: TrainingSettings
) -> None:
    panel = make_market(sessions=70)
    found = train(panel, settings, None, day(panel), "v1")
    assert found.decision == "insufficient_data"
    assert found.forecaster is None
    assert found.evaluation.empty
    assert audit(table_from_frame(found.models, FORECAST_MODELS), FORECAST_MODELS, day(panel)).violations == ()
    assert "70 sessions with" in found.models["reason"].iloc[0]
    assert (
        audit(table_from_frame(found.evaluation, FORECAST_EVALUATION), FORECAST_EVALUATION, day(panel)).violations == ()
    )
    kept = train(panel, settings, training.forecaster, day(panel), "v1")
    assert kept.forecaster is training.forecaster


def test_an_interrupted_training_leaves_nothing_and_starts_anew(
    training: Training, market: ScorePanel, settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: np.array(values) for name, values in market.signals.items()}
    scores = market.scores.copy()

    def killed(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "sample_rows", killed)  # after the evaluation, before the final fit
        with pytest.raises(KeyboardInterrupt):
            train(market, settings, None, day(market), "v1")
    assert np.array_equal(market.scores, scores)
    assert all(np.array_equal(market.signals[name], before[name], equal_nan=True) for name in before)
    again = train(market, settings, None, day(market), "v1")
    assert again.forecaster.to_bytes() == training.forecaster.to_bytes()


def test_bad_input_in_training_stops_nobody(make_market, short: TrainingSettings) -> None:
    """A constant name, one that is born late, one with a gap of weeks, one that leaves: all in one market."""
    panel = make_market(names=16)
    scores = panel.scores.copy()
    scores[:, 0] = 50.0
    scores[:150, 1] = np.nan
    scores[100:120, 2] = np.nan
    scores[140:, 3] = np.nan
    scores[:, 4] = np.nan
    found = train(replace(panel, scores=scores), short, None, day(panel), "v1")
    assert found.decision == "promoted"
    said = found.forecaster.forecast(replace(panel, scores=scores), panel.sessions[-1])
    status = said.groupby("instrument_id")["status"].first()
    assert status["binance:C003"] == status["binance:C004"] == "insufficient_data"
    assert (status.drop(["binance:C003", "binance:C004"]) == "model").all()
    none = {name: np.full_like(values, np.nan) for name, values in panel.signals.items()}
    blind = train(replace(panel, signals=none), short, None, day(panel), "v1")
    assert blind.decision in {"promoted", "baseline_served"}
    assert not blind.forecaster.signals_known


def test_an_unknown_day_or_member_is_refused(market: ScorePanel, settings: TrainingSettings) -> None:
    with pytest.raises(ConfigError, match="none of the panel's 160 sessions"):
        train(market, settings, None, np.datetime64("2027-01-01").item(), "v1")
    with pytest.raises(ConfigError, match="oracle"):
        train(market, replace(settings, members=("oracle",)), None, day(market), "v1")


def test_the_card_refuses_what_is_not_one(training: Training) -> None:
    from liquidity.domain.errors import ContractError

    text = training.forecaster.card.to_json()
    content = json.loads(text)
    for broken in ("[]", "{", json.dumps({**content, "more": 1}), json.dumps({**content, "target": "price"}),
                   json.dumps({**content, "held_out": {"mae_points": [1.0]}}), json.dumps({**content, "held_out": 3})):  # fmt: skip
        with pytest.raises(ContractError, match="model card"):
            ModelCard.from_json(broken)
    assert ModelCard.from_json(text).to_json() == text
