"""Stage 3: the 0-100 scores, their heatmap, and early warnings."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg
import pandas as pd
from pydantic import Field

from io_managers.contract_assets import asset_out, asset_settings, borrow, history
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    BONDX_SCORE,
    EARLY_WARNINGS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    PULSE_HEATMAP,
    REPAYMENT_SUPPORT,
    TableContract,
)
from liquidity.index.configuration import run_configurations
from liquidity.index.early_warning import early_warnings
from liquidity.index.heatmap import sector_heatmap
from liquidity.index.profiles import profiles_for
from liquidity.index.pulse_engine import score_sessions
from pulse_assets.summaries import (
    driver_summary,
    heatmap_summary,
    history_picture,
    score_column,
    score_summary,
    warning_summary,
)
from pulse_assets.thresholds import THRESHOLDS
from resources.dagster_wiring import DAILY, ClockResource, PulseStoreResource
from resources.lake import History
from resources.settings import current_settings

__all__ = ["ScoresConfig", "heatmap", "scores", "warnings_table"]


class ScoresConfig(dg.Config):
    """Which weights make the scores; the choice is hashed into every row."""

    profile: str = Field(
        default=current_settings().weight_profile,
        description="Weight profile for the asset classes it is meant for; 'default' keeps each class on its own (docs/registries.md).",
    )
    overrides: dict[str, Any] = Field(
        default={},
        description="Numbers to change in it, for example {'liquidity': {'spread_bps': -0.4}, 'min_coverage': 0.6}; the rest stays.",
    )


@dg.multi_asset(
    name="scores",
    outs={c.name: asset_out(c) for c in (LIQUIDITY_INDEX, REPAYMENT_SUPPORT, BONDX_SCORE)},
    ins={"features": borrow(LIQUIDITY_FEATURES)},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def scores(
    context: dg.AssetExecutionContext,
    config: ScoresConfig,
    store: PulseStoreResource,
    clock: ClockResource,
    features: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Score every instrument from its own features, and thin bonds from those of their peers."""
    profiles = profiles_for(config.profile, config.overrides)
    store.store().record_configurations(run_configurations(profiles, THRESHOLDS), clock.now())
    tables = score_sessions(features, profiles, THRESHOLDS)
    for contract, table in (
        (LIQUIDITY_INDEX, tables.liquidity),
        (REPAYMENT_SUPPORT, tables.repayment),
        (BONDX_SCORE, tables.bondx),
    ):
        report_days(
            context, contract, table, partial(_said_of, contract), history_picture(table, score_column(contract))
        )
        yield dg.Output(table, output_name=contract.name)


@dg.asset(
    **asset_settings(PULSE_HEATMAP),
    ins={
        "liquidity": borrow(LIQUIDITY_INDEX),
        "bondx": borrow(BONDX_SCORE, "session_date", "instrument_id", "bondx_score"),
        "features": borrow(LIQUIDITY_FEATURES, "session_date", "instrument_id", "amount_outstanding", "currency"),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def heatmap(
    context: dg.AssetExecutionContext, liquidity: pd.DataFrame, bondx: pd.DataFrame, features: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Average the scores by sector and rating; cells with few members are masked."""
    cells = sector_heatmap(liquidity, bondx, features, THRESHOLDS)
    report_days(context, PULSE_HEATMAP, cells, heatmap_summary)
    return dg.Output(cells)


@dg.asset(
    **asset_settings(EARLY_WARNINGS),
    ins={"index_history": history(LIQUIDITY_INDEX, "session_date", "instrument_id", "liquidity_score", "method")},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def warnings_table(context: dg.AssetExecutionContext, index_history: History) -> dg.Output[pd.DataFrame]:
    """Raise one alert per deterioration and clear it with hysteresis."""
    scored = index_history.coded()
    table = early_warnings(scored, run_sessions(context), THRESHOLDS)
    picture = history_picture(scored, "liquidity_score")
    report_days(context, EARLY_WARNINGS, table, warning_summary, picture)
    return dg.Output(table)


def _said_of(contract: TableContract, scores_of_day: pd.DataFrame) -> dict[str, Any]:
    return score_summary(scores_of_day, contract) | driver_summary(scores_of_day)
