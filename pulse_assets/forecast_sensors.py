"""When the forecasts are trained again: a model is old, its bands stopped covering, its errors grew, its inputs moved."""

import hashlib
from datetime import date, timedelta
from typing import Final

import dagster as dg

from liquidity.contracts import FORECAST_ACCURACY, FORECAST_MODELS, LIQUIDITY_INDEX
from liquidity.contracts.conform import frame_from_table
from liquidity.forecast.drift import DriftSettings, needs_training
from pulse_assets.schedules import train_forecasts
from resources.dagster_wiring import DAILY, LakeResource
from resources.lake import Lake
from resources.settings import current_settings

__all__ = ["SENSORS", "retrain_on_age_or_drift", "training_due"]

_SETTINGS: Final = current_settings().forecast
_HOUR_S: Final = 3_600
# Trainings further back than this are too old anyway.
_MODELS_SOUGHT: Final = timedelta(days=400)


def training_due(lake: Lake) -> tuple[date, str] | None:
    """Newest scored day and why the forecasts should be trained at its close; None where nothing asks for it."""
    scored = lake.sessions(LIQUIDITY_INDEX)
    if not scored:
        return None
    session = scored[-1]
    models = frame_from_table(lake.read(FORECAST_MODELS, session - _MODELS_SOUGHT, session))
    accuracy = frame_from_table(lake.read(FORECAST_ACCURACY, session, session))
    reason = needs_training(models, accuracy, session, DriftSettings(max_age_sessions=_SETTINGS.retrain_after_sessions))
    return None if reason is None else (session, reason)


@dg.sensor(
    name="retrain_on_age_or_drift",
    job=train_forecasts,
    minimum_interval_seconds=_HOUR_S,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Trains the forecasts of the newest scored day when a model is old, its coverage left the range of a calibrated "
    "band, its errors grew, or its inputs look different from those it learned from; at most once for each day.",
)
def retrain_on_age_or_drift(lake: LakeResource) -> dg.RunRequest | dg.SkipReason:
    """Ask for a training where there is a reason for one."""
    due = training_due(lake.lake())
    if due is None:
        return dg.SkipReason("no model is old and none drifts")
    session, reason = due
    key = session.isoformat()
    if not DAILY.has_partition_key(key):
        return dg.SkipReason(f"{key} is outside the partitions")
    return dg.RunRequest(run_key=f"train:{key}", partition_key=key, tags={"reason": _tag(reason)})


def _tag(reason: str) -> str:
    """A run's tag is short: the first reason, and a mark that tells different sets of reasons apart."""
    return f"{reason.split(';', maxsplit=1)[0][:180]} [{hashlib.sha256(reason.encode()).hexdigest()[:8]}]"


SENSORS = [retrain_on_age_or_drift]
