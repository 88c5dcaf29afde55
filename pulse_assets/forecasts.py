"""Stage 4: the forecasts. Trained now and then, made every day, judged when their day arrives.

Top to bottom as in life: ``forecast_training`` decides who serves, ``forecasts`` speaks for the session and judges what was
said for it. What was said on earlier days is read from the lake, not through an input: a table that waits for itself
could not begin. Read next: ``forecast_tables.py`` (what is read), ``liquidity/forecast/daily.py`` (the order of a day).
"""

from collections.abc import Iterator
from datetime import date, datetime
from functools import partial

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from io_managers.contract_assets import asset_out, history, learned_from
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    BONDX_SCORE,
    FORECAST_ACCURACY,
    FORECAST_EVALUATION,
    FORECAST_MODELS,
    FORECAST_SCORES,
    INDEX_FORECAST,
    INSTRUMENTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    REPAYMENT_SUPPORT,
    TableContract,
)
from liquidity.contracts.conform import frame_from_table
from liquidity.contracts.validation import in_key_order
from liquidity.domain.errors import ConfigError
from liquidity.forecast.champion import PromotionRule
from liquidity.forecast.daily import FEATURE_DAYS, SCORE_DAYS, calendars_of, forecast_sessions
from liquidity.forecast.evaluation import EvaluationSettings
from liquidity.forecast.score_panels import FEATURE_COLUMNS, SCORE_COLUMNS
from liquidity.forecast.training import TrainingSettings
from liquidity.forecast.training_round import TrainingRound, train_markets
from pulse_assets.forecast_pictures import fan_charts
from pulse_assets.forecast_summaries import (
    accuracy_summary,
    evaluation_summary,
    forecast_summary,
    judged_summary,
    models_summary,
)
from pulse_assets.forecast_tables import (
    SCORE_TABLES,
    ServedModels,
    due_forecasts,
    one_session_accuracy,
    training_history,
)
from resources.dagster_wiring import DAILY, ClockResource, ForecastModelsResource, LakeResource, code_version
from resources.lake import History
from resources.settings import current_settings
from resources.stores.forecast_models import TrainedState

__all__ = ["ForecastsConfig", "TrainingConfig", "forecast_training", "forecasts"]

_SETTINGS = current_settings().forecast
_TRAINED_ON: tuple[TableContract, ...] = (INSTRUMENTS, LIQUIDITY_FEATURES, *SCORE_TABLES.values())
_PLAIN = EvaluationSettings()
_RULE = PromotionRule()


class TrainingConfig(dg.Config):
    """How the members are judged and fitted; recorded in each model's card."""

    days: int = Field(default=_SETTINGS.train_days, ge=30, le=3_650, description="History that is read, calendar days.")
    instruments: int = Field(
        default=_SETTINGS.train_instruments, ge=1, le=100_000, description="Instruments of a market at most."
    )
    seed: int = Field(default=_SETTINGS.seed, ge=0, description="Seed of every draw and fit.")
    members: list[str] = Field(default=[], description="Members that compete; empty takes all (docs/registries.md).")
    blocks: int = Field(default=_PLAIN.blocks, ge=2, description="Held-out blocks, the first calibrates only.")
    block_sessions: int = Field(default=_PLAIN.block_sessions, ge=1, description="Sessions of a block.")
    embargo_sessions: int = Field(
        default=_PLAIN.embargo_sessions, ge=0, description="Sessions between the last label learned from and a block."
    )
    min_train_sessions: int = Field(
        default=_PLAIN.min_train_sessions, ge=10, description="Sessions a block needs to learn from."
    )
    max_train_rows: int = Field(default=_PLAIN.max_train_rows, ge=100, description="Rows a fit sees at most.")
    min_sessions: int = Field(
        default=_RULE.min_sessions, ge=1, description="Judged sessions without which nothing is decided."
    )

    def settings(self) -> TrainingSettings:
        """The same for the training itself."""
        evaluation = EvaluationSettings(
            blocks=self.blocks,
            block_sessions=self.block_sessions,
            embargo_sessions=self.embargo_sessions,
            min_train_sessions=self.min_train_sessions,
            max_train_rows=self.max_train_rows,
            seed=self.seed,
        )
        rule = PromotionRule(min_sessions=self.min_sessions)
        return (
            TrainingSettings(evaluation, rule, tuple(self.members))
            if self.members
            else TrainingSettings(evaluation, rule)
        )


@dg.multi_asset(
    name="forecast_training",
    outs={contract.name: asset_out(contract) for contract in (FORECAST_MODELS, FORECAST_EVALUATION)},
    deps=[learned_from(contract, _SETTINGS.train_days) for contract in _TRAINED_ON],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def forecast_training(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    lake: LakeResource,
    models: ForecastModelsResource,
    clock: ClockResource,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Judge every member on the past of each market, and put in service who may speak from the next session on."""
    store, rounds = models.store(), []
    for session in run_sessions(context):
        served = ServedModels(store, None, context.log)
        for target in SCORE_TABLES:
            learned = training_history(lake.lake(), target, session, config.days, config.instruments)
            round_ = train_markets(
                learned.scores,
                learned.features,
                learned.calendars,
                target,
                session,
                config.settings(),
                served,
                code_version(),
            )
            for forecaster in round_.new:
                card = forecaster.card
                state = TrainedState(
                    card.group,
                    card.target,
                    card.member,
                    forecaster.to_bytes(),
                    card.to_json(),
                    date.fromisoformat(card.data_from),
                    date.fromisoformat(card.trained_on),
                )
                store.promote(state, code_version=code_version(), run_id=context.run.run_id, promoted_at=clock.now())
            rounds.append(round_)
    whole = TrainingRound.joined(rounds)
    report_days(context, FORECAST_MODELS, whole.models, models_summary)
    yield dg.Output(whole.models, output_name=FORECAST_MODELS.name)
    report_days(context, FORECAST_EVALUATION, whole.evaluation, evaluation_summary)
    yield dg.Output(whole.evaluation, output_name=FORECAST_EVALUATION.name)


class ForecastsConfig(dg.Config):
    """Which models speak, and which fan charts are drawn."""

    as_of: str = Field(
        default="",
        description="Use the models as they were promoted at this moment (ISO 8601 with zone); empty is now.",
    )
    fan_instruments: list[str] = Field(
        default=[], description="Instruments to draw; empty draws the deepest expected fall of each market."
    )

    def moment(self) -> datetime | None:
        """``as_of`` as a time; :class:`ConfigError` when it is none or has no zone."""
        if not self.as_of:
            return None
        try:
            moment = datetime.fromisoformat(self.as_of)
        except ValueError as error:
            raise ConfigError(f"as_of {self.as_of!r}: {error}; write 2026-11-20T22:00:00+00:00") from error
        if moment.tzinfo is None:
            raise ConfigError(f"as_of {self.as_of!r} has no time zone; write 2026-11-20T22:00:00+00:00")
        return moment


@dg.multi_asset(
    name="forecasts",
    outs={contract.name: asset_out(contract) for contract in (INDEX_FORECAST, FORECAST_SCORES, FORECAST_ACCURACY)},
    ins={
        "liquidity": history(LIQUIDITY_INDEX, *SCORE_COLUMNS, "liquidity_score", days=SCORE_DAYS),
        "repayment": history(REPAYMENT_SUPPORT, *SCORE_COLUMNS, "repayment_score", days=SCORE_DAYS),
        "bondx": history(BONDX_SCORE, *SCORE_COLUMNS, "bondx_score", days=SCORE_DAYS),
        "features": history(LIQUIDITY_FEATURES, *FEATURE_COLUMNS, days=FEATURE_DAYS),
        "instruments": history(INSTRUMENTS, "instrument_id", "calendar", days=SCORE_DAYS),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def forecasts(
    context: dg.AssetExecutionContext,
    config: ForecastsConfig,
    lake: LakeResource,
    models: ForecastModelsResource,
    liquidity: History,
    repayment: History,
    bondx: History,
    features: History,
    instruments: History,
) -> Iterator[dg.Output[pa.Table]]:
    """Judge what was said for each session of the run, then forecast the five sessions after it."""
    sessions, calendars = run_sessions(context), calendars_of(instruments.coded())
    beside = features.coded().astype(dict.fromkeys(FEATURE_COLUMNS[2:], np.float32))  # as panels hold them
    served = ServedModels(models.store(), config.moment(), context.log)
    made, charts = [], {}
    for target, scores in (("liquidity_score", liquidity), ("repayment_score", repayment), ("bondx_score", bondx)):
        rows = scores.coded()
        said = due_forecasts(lake.lake(), sessions[0], target)
        record = one_session_accuracy(lake.lake(), sessions[0], target)
        told = forecast_sessions(
            target, rows, beside, calendars, sessions, served, said, record, _SETTINGS.accuracy_window_sessions
        )
        if target == "liquidity_score":
            charts = fan_charts(rows, told.forecasts, target, config.fan_instruments)
        made.append(told.tables())
        del rows, told  # of a large market one score at a time
    del beside
    for contract, summarise, newest in (
        (INDEX_FORECAST, forecast_summary, charts),
        (FORECAST_SCORES, judged_summary, {}),
        (FORECAST_ACCURACY, partial(accuracy_summary, _SETTINGS.accuracy_window_sessions), {}),
    ):
        table = in_key_order(pa.concat_tables([part.pop(contract.name) for part in made]), contract)
        report_days(context, contract, frame_from_table(table), summarise, newest)
        yield dg.Output(table, output_name=contract.name)
