"""When the published tables count as late.

A table that crypto feeds must be renewed each day, two hours after the UTC day ended; a table that only bonds,
auctions and agencies feed is due after weekdays, because those markets rest at weekends. What is late *within* a market is said by the ages in the rows, which
count open hours only. Forecast models are trained when they are old or drift, see ``forecast_sensors.py``, and what scores
mean is looked at now and then: two months without are too long.
"""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from liquidity.contracts import (
    ALT_SIGNALS,
    ANOMALY_PATTERNS,
    AUCTION_MM,
    FORECAST_EVALUATION,
    FORECAST_MODELS,
    MACRO_SERIES,
    SCORE_VALIDATION,
    SENTIMENT,
    WARNING_VALIDATION,
    WEIGHT_REVIEW,
)

__all__ = ["with_freshness"]

# Only bonds and public agencies feed these; what their markets said on Friday is due on Saturday, then on Tuesday.
_WEEKDAY_TABLES = {contract.asset_path for contract in (ALT_SIGNALS, AUCTION_MM, SENTIMENT, MACRO_SERIES)}
# Looked at over a year, when asked or when a sensor finds a reason.
_ASKED_TABLES = {
    contract.asset_path
    for contract in (
        FORECAST_MODELS, FORECAST_EVALUATION, SCORE_VALIDATION, WARNING_VALIDATION, WEIGHT_REVIEW, ANOMALY_PATTERNS,
    )
}  # fmt: skip
_EVERY_DAY = dg.FreshnessPolicy.cron("0 2 * * *", lower_bound_delta=timedelta(hours=24), timezone="UTC")
_AFTER_WEEKDAYS = dg.FreshnessPolicy.cron("0 2 * * 2-6", lower_bound_delta=timedelta(hours=24), timezone="UTC")

_NOW_AND_THEN = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=60))


def with_freshness(assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The same assets with a freshness policy on each table: due after each weekday, after every day, or now and then."""
    return [definition.map_asset_specs(_due) for definition in assets]


def _due(spec: dg.AssetSpec) -> dg.AssetSpec:
    path = tuple(spec.key.path)
    if path in _ASKED_TABLES:
        return dg.apply_freshness_policy(spec, _NOW_AND_THEN)
    return dg.apply_freshness_policy(spec, _AFTER_WEEKDAYS if path in _WEEKDAY_TABLES else _EVERY_DAY)
