"""Everything this code location offers to Dagster."""

import dagster as dg

from io_managers.wiring import LOCATION_RESOURCES
from pulse_assets.checks import CHECKS
from pulse_assets.crypto import (
    book_daily,
    books,
    funding_rates,
    liquidation_events,
    liquidation_levels,
    open_interest,
)
from pulse_assets.features import features, signal_panel
from pulse_assets.forecast_sensors import SENSORS
from pulse_assets.forecasts import forecast_training, forecasts
from pulse_assets.freshness import with_freshness
from pulse_assets.indices import heatmap, scores, warnings_table
from pulse_assets.market_database import market_database
from pulse_assets.publish import liquidity_pulse
from pulse_assets.schedules import JOBS, SCHEDULES
from pulse_assets.signals import signals
from pulse_assets.validation import (
    anomaly_patterns,
    market_conditions,
    market_regime,
    score_validation,
    warning_validation,
    weight_review,
)

__all__ = ["defs"]

defs = dg.Definitions(
    assets=with_freshness(
        [
            signals,
            books,
            book_daily,
            open_interest,
            funding_rates,
            liquidation_events,
            liquidation_levels,
            market_database,
            signal_panel,
            features,
            scores,
            heatmap,
            warnings_table,
            forecast_training,
            forecasts,
            market_conditions,
            market_regime,
            score_validation,
            warning_validation,
            weight_review,
            anomaly_patterns,
            liquidity_pulse,
        ]
    ),
    asset_checks=CHECKS,
    jobs=JOBS,
    schedules=SCHEDULES,
    sensors=SENSORS,
    resources=LOCATION_RESOURCES,
)
