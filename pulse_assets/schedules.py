"""Jobs by the names people look for, and one schedule per market close.

Every schedule materialises the UTC day whole: the feeds give what they have by then, so an earlier market's rows
come out the same and the publication store sees no second publication of them.
"""

from datetime import timedelta
from functools import partial

import dagster as dg

from liquidity.contracts import FORECAST_EVALUATION, FORECAST_MODELS, MARKET_CONDITIONS, MARKET_REGIME, TableContract
from liquidity.domain.session import is_session
from resources.dagster_wiring import DAILY

__all__ = [
    "JOBS",
    "SCHEDULES",
    "crypto_books",
    "daily_pulse",
    "reforecast",
    "rescore",
    "signals_job",
    "train_forecasts",
    "validate_scores",
]

_INGESTED = dg.AssetSelection.groups("signals") | dg.AssetSelection.assets(["pulse", "signal_panel"])


def _tables(*contracts: TableContract) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(dg.AssetKey(contract.asset_path) for contract in contracts))


_TRAINING = _tables(FORECAST_MODELS, FORECAST_EVALUATION)
_REGIMES = _tables(MARKET_CONDITIONS, MARKET_REGIME)
_SCORED = (dg.AssetSelection.groups("pulse_indices", "forecasts", "publish") - _TRAINING) | _REGIMES
_COMPUTED = (dg.AssetSelection.groups("features") | _SCORED) - dg.AssetSelection.assets(["pulse", "signal_panel"])


_job = partial(dg.define_asset_job, executor_def=dg.in_process_executor)
_schedule = partial(dg.schedule, execution_timezone="UTC", default_status=dg.DefaultScheduleStatus.STOPPED)

daily_pulse = _job(
    "daily_pulse",
    dg.AssetSelection.groups("signals", "features") | _SCORED,
    description="Everything for the chosen days: collect, check, features, indices, forecasts, publish; order books come from "
    "crypto_books, models from train_forecasts.",
)
crypto_books = _job(
    "crypto_books",
    dg.AssetSelection.groups("crypto"),
    description="Replay the tapes of the chosen days and read funding, open interest and liquidations.",
)
signals_job = _job(
    "collect_signals",
    _INGESTED,
    description="Collect and check the signals of the chosen days and lay them side by side; no scores.",
)
features_to_pulse = _job(
    "features_to_pulse",
    _COMPUTED,
    description="Features, indices, forecasts and publication of the chosen days from signals already collected.",
)
rescore = _job(
    "rescore",
    _SCORED,
    description="Indices, forecasts and publication again from stored features, for example under another weight profile.",
)
reforecast = _job(
    "reforecast",
    dg.AssetSelection.groups("forecasts", "publish") - _TRAINING,
    description="Forecasts and publication again from stored scores, for example with the models as of then.",
)
train_forecasts = _job(
    "train_forecasts",
    _TRAINING,
    description="Judge every forecasting member on the history up to the chosen day and put in service who may speak after it.",
)
validate_scores = _job(
    "validate_scores",
    dg.AssetSelection.groups("validation") - _REGIMES,
    description="What low scores, forecasts and alarms of the last year were followed by, and which features are unusual together.",
)
JOBS = [
    daily_pulse,
    crypto_books,
    signals_job,
    features_to_pulse,
    rescore,
    reforecast,
    train_forecasts,
    validate_scores,
]


def _after_close(calendar: str, cron: str, days_back: int, note: str) -> dg.ScheduleDefinition:
    slug = calendar.replace("/", "_").lower()

    @_schedule(
        name=f"after_close_{slug}",
        job=daily_pulse,
        cron_schedule=cron,
        description=f"{note}; skips days that are no session of {calendar}.",
    )
    def after_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = (context.scheduled_execution_time - timedelta(days=days_back)).date()
        if not is_session(calendar, day):
            return dg.SkipReason(f"{day} is no session of {calendar}")
        key = day.isoformat()
        if not DAILY.has_partition_key(key):
            return dg.SkipReason(f"{key} is outside the partitions")
        return dg.RunRequest(run_key=f"{slug}:{key}", partition_key=key, tags={"calendar": slug})

    return after_close


@_schedule(
    name="crypto_books_daily",
    job=crypto_books,
    cron_schedule="5 0 * * *",
    description="Five minutes into the next day: the tapes of the day that ended, before daily_pulse asks for them.",
)
def crypto_books_daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Ask for the tables of the day that ended."""
    key = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
    return dg.RunRequest(run_key=f"crypto_books:{key}", partition_key=key)


SCHEDULES = [
    crypto_books_daily,
    _after_close("XBOM", "30 10 * * *", 0, "Half an hour after the Mumbai close"),
    _after_close("BVMF", "30 21 * * *", 0, "Half an hour after the latest Sao Paulo close"),
    _after_close("XNYS", "45 21 * * *", 0, "Three quarters of an hour after the New York winter close"),
    _after_close("24/7", "20 0 * * *", 1, "Twenty minutes into the next day, for markets that never close"),
]
