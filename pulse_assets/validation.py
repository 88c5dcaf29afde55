"""Stage 5: what the scores mean. The state of each market, and what followed low scores, forecasts and alarms.

``market_conditions`` and ``market_regime`` belong to every day; the others look back over a year and run when asked.
Nothing here changes a score: weights that evidence would move are reported and applied by nobody.
"""

from datetime import date
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
from pydantic import Field

from io_managers.contract_assets import asset_settings, history
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.backtest.outcomes import FACT_COLUMNS
from liquidity.backtest.score_validation import ValidationSettings, validate_scores
from liquidity.backtest.warning_validation import forecast_alarms, raised_alarms, validate_warnings
from liquidity.backtest.weight_review import review_weights
from liquidity.contracts import (
    ANOMALY_PATTERNS,
    BONDX_SCORE,
    EARLY_WARNINGS,
    INDEX_FORECAST,
    INSTRUMENTS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    MARKET_CONDITIONS,
    MARKET_REGIME,
    REPAYMENT_SUPPORT,
    SCORE_VALIDATION,
    WARNING_VALIDATION,
    WEIGHT_REVIEW,
    TableContract,
)
from liquidity.domain.origin import SIMULATED
from liquidity.features.anomaly_patterns import PATTERN_COLUMNS, REFERENCE_DAYS, unusual_patterns
from liquidity.forecast.panel import ScorePanel
from liquidity.forecast.regime import HISTORY_DAYS, condition_rows, regime_rows
from liquidity.forecast.score_panels import SCORE_COLUMNS, score_panels
from liquidity.index.profiles import profiles_for
from liquidity.simulation.events import PlantedEvent
from pulse_assets.validation_summaries import (
    condition_summary,
    pattern_summary,
    regime_picture,
    regime_summary,
    review_summary,
    validation_summary,
    warning_validation_summary,
)
from resources.dagster_wiring import DAILY, FeedsResource
from resources.settings import current_settings

__all__ = [
    "ValidationConfig",
    "anomaly_patterns",
    "market_conditions",
    "market_regime",
    "score_validation",
    "warning_validation",
    "weight_review",
]

_YEAR_DAYS = 450  # 250 sessions of any calendar, and the sessions before them that averages need
_FALL_DAYS = 8  # the previous session: no market of ours has been shut for longer since 1998
_FORECAST_COLUMNS = (
    "session_date",
    "instrument_id",
    "target",
    "horizon_sessions",
    "base_score",
    "forecast_score",
)
_TARGETS = (
    (LIQUIDITY_INDEX, "liquidity_score"),
    (REPAYMENT_SUPPORT, "repayment_score"),
    (BONDX_SCORE, "bondx_score"),
)


class ValidationConfig(dg.Config):
    """How far to look back; the draws follow from the seed."""

    window_sessions: int = Field(default=250, description="Sessions looked at.")
    resamples: int = Field(default=400, description="Draws behind each interval.")
    max_instruments: int = Field(default=400, description="Instruments of a market looked at, evenly spaced by name.")

    def settings(self) -> ValidationSettings:
        """The same for the pure code."""
        return ValidationSettings(
            window_sessions=self.window_sessions, resamples=self.resamples, max_instruments=self.max_instruments
        )


@dg.asset(
    **asset_settings(MARKET_CONDITIONS),
    ins={
        "scores": history(LIQUIDITY_INDEX, *SCORE_COLUMNS, "liquidity_score", days=_FALL_DAYS),
        "instruments": history(INSTRUMENTS, "instrument_id", "calendar", days=_FALL_DAYS),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def market_conditions(
    context: dg.AssetExecutionContext, scores: pd.DataFrame, instruments: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Median, dispersion and breadth of the liquidity scores of each market."""
    panels = score_panels(scores, None, "liquidity_score", _calendars(instruments))
    table = condition_rows(panels, run_sessions(context))
    report_days(context, MARKET_CONDITIONS, table, condition_summary)
    return dg.Output(table)


@dg.asset(
    **asset_settings(MARKET_REGIME),
    ins={"conditions": history(MARKET_CONDITIONS, days=HISTORY_DAYS)},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def market_regime(context: dg.AssetExecutionContext, conditions: pd.DataFrame) -> dg.Output[pd.DataFrame]:
    """Tell calm, stressed and crisis from the last two years of each market, without look-ahead."""
    sessions = run_sessions(context)
    table = regime_rows(conditions, sessions)
    report_days(context, MARKET_REGIME, table, regime_summary, regime_picture(conditions, sessions[-1]))
    return dg.Output(table)


@dg.asset(
    **asset_settings(SCORE_VALIDATION),
    ins={
        **{c.name: history(c, *SCORE_COLUMNS, score, days=_YEAR_DAYS) for c, score in _TARGETS},
        "features": history(LIQUIDITY_FEATURES, "session_date", "instrument_id", *FACT_COLUMNS, days=_YEAR_DAYS),
        "forecasts": history(INDEX_FORECAST, *_FORECAST_COLUMNS, days=_YEAR_DAYS),
        "instruments": history(INSTRUMENTS, "instrument_id", "calendar", days=_YEAR_DAYS),
    },
    partitions_def=DAILY,
)
def score_validation(
    context: dg.AssetExecutionContext,
    config: ValidationConfig,
    liquidity_index: pd.DataFrame,
    repayment_support: pd.DataFrame,
    bondx_score: pd.DataFrame,
    features: pd.DataFrame,
    forecasts: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Compare scores and forecasts of the last year with the spreads, idle days, exits and costs that followed."""
    (session,) = run_sessions(context)
    calendars = _calendars(instruments)
    tables = (liquidity_index, repayment_support, bondx_score)
    panels = [
        panel
        for (_, target), scores in zip(_TARGETS, tables, strict=True)
        for panel in _open_panels(scores, target, calendars, session)
    ]
    table = validate_scores(panels, features, np.datetime64(session, "D"), forecasts, config.settings())
    report_days(context, SCORE_VALIDATION, table, validation_summary)
    return dg.Output(table)


@dg.asset(
    **asset_settings(WARNING_VALIDATION),
    ins={
        "scores": history(LIQUIDITY_INDEX, *SCORE_COLUMNS, "liquidity_score", days=_YEAR_DAYS),
        "warnings": history(EARLY_WARNINGS, "session_date", "instrument_id", "state", days=_YEAR_DAYS),
        "forecasts": history(INDEX_FORECAST, *_FORECAST_COLUMNS, days=_YEAR_DAYS),
        "instruments": history(INSTRUMENTS, "instrument_id", "calendar", "issuer_id", days=_YEAR_DAYS),
    },
    partitions_def=DAILY,
)
def warning_validation(
    context: dg.AssetExecutionContext,
    config: ValidationConfig,
    feeds: FeedsResource,
    scores: pd.DataFrame,
    warnings: pd.DataFrame,
    forecasts: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Lead time and false alarms on the crises that the simulator planted; recorded markets have no ground truth."""
    (session,) = run_sessions(context)
    events = _planted_events(feeds)
    issuers = instruments.dropna(subset=["issuer_id"]).drop_duplicates("instrument_id", keep="last")
    issuer_of = dict(zip(issuers["instrument_id"], issuers["issuer_id"], strict=True))
    tables = []
    for panel in _open_panels(scores, "liquidity_score", _calendars(instruments), session):
        if panel.group.origin == SIMULATED:
            alarms = {"early_warnings": raised_alarms(warnings, panel)}
            if len(forecasts):
                alarms["forecast"] = forecast_alarms(forecasts, panel)
            day = np.datetime64(session, "D")
            tables.append(validate_warnings(panel, issuer_of, events, alarms, day, config.window_sessions))
    table = _joined(tables, WARNING_VALIDATION)
    report_days(context, WARNING_VALIDATION, table, warning_validation_summary)
    return dg.Output(table)


@dg.asset(
    **asset_settings(WEIGHT_REVIEW),
    ins={
        "scores": history(LIQUIDITY_INDEX, *SCORE_COLUMNS, "liquidity_score", days=_YEAR_DAYS),
        "features": history(LIQUIDITY_FEATURES, days=_YEAR_DAYS),
        "instruments": history(INSTRUMENTS, "instrument_id", "calendar", days=_YEAR_DAYS),
    },
    partitions_def=DAILY,
)
def weight_review(
    context: dg.AssetExecutionContext,
    config: ValidationConfig,
    scores: pd.DataFrame,
    features: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Say which weights the outcomes of the last year would move, and by how much; nothing is changed."""
    (session,) = run_sessions(context)
    profiles = profiles_for(current_settings().weight_profile, {})
    day = np.datetime64(session, "D")
    tables = [
        review_weights(panel, features, profiles[panel.group.asset_class], day, config.settings())
        for panel in _open_panels(scores, "liquidity_score", _calendars(instruments), session)
        if panel.group.asset_class in profiles
    ]
    table = _joined(tables, WEIGHT_REVIEW)
    report_days(context, WEIGHT_REVIEW, table, review_summary)
    return dg.Output(table)


@dg.asset(
    **asset_settings(ANOMALY_PATTERNS),
    ins={
        "features": history(LIQUIDITY_FEATURES, *PATTERN_COLUMNS, days=REFERENCE_DAYS + 1),
        "instruments": history(INSTRUMENTS, "instrument_id", "calendar", days=REFERENCE_DAYS + 1),
    },
    partitions_def=DAILY,
)
def anomaly_patterns(
    context: dg.AssetExecutionContext, features: pd.DataFrame, instruments: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Find instruments whose features are unusual together, though each may be usual alone."""
    table = unusual_patterns(features, _calendars(instruments), run_sessions(context))
    report_days(context, ANOMALY_PATTERNS, table, pattern_summary)
    return dg.Output(table)


def _calendars(instruments: pd.DataFrame) -> dict[str, str]:
    last = instruments.drop_duplicates("instrument_id", keep="last")
    return dict(zip(last["instrument_id"], last["calendar"], strict=True))


def _open_panels(scores: pd.DataFrame, target: str, calendars: dict[str, str], session: date) -> list[ScorePanel]:
    """Panels of the markets that were open on the session."""
    panels = score_panels(scores, None, target, calendars)
    return [panel for panel in panels if panel.sessions[-1] == np.datetime64(session, "D")]


def _joined(tables: list[pd.DataFrame], contract: TableContract) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(contract.column_names))


def _planted_events(feeds: FeedsResource) -> list[PlantedEvent]:
    """Ground truth of the landed simulated market; none where no market was simulated."""
    from resources.feeds._simulated_files import TRUTH_FILE, read_truth

    landing = feeds.roots().landing
    if landing is None or not (landing / TRUTH_FILE).is_file():
        return []
    events: list[dict[str, Any]] = read_truth(landing)["events"]
    days = ("first_day", "last_day")
    return [PlantedEvent(**(event | {name: date.fromisoformat(event[name]) for name in days})) for event in events]
