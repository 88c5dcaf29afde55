"""Stage 3: the 0-100 scores, their heatmap, and early warnings."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd
from pydantic import Field

from liquidity.contracts import (
    BONDX_SCORE,
    EARLY_WARNINGS,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    PULSE_HEATMAP,
    REPAYMENT_SUPPORT,
)
from liquidity.index.bondx_score import combine_scores
from liquidity.index.early_warning import WarningThresholds, early_warnings
from liquidity.index.heatmap import sector_heatmap
from liquidity.index.liquidity_index import score_liquidity
from liquidity.index.profiles import ProfileChoice, choose_profiles
from liquidity.index.repayment_support import score_repayment
from liquidity.index.thin_bonds import fill_thin_bonds
from pulse_assets.contract_assets import asset_out, asset_settings, borrow, history
from pulse_assets.sessions import run_sessions
from pulse_assets.summaries import heatmap_summary, score_summary, warning_summary
from resources.dagster_wiring import DAILY

__all__ = ["ScoresConfig", "WarningsConfig", "early_warning_table", "heatmap", "scores"]


class ScoresConfig(dg.Config):
    """Which weights make the scores; the choice is hashed into every row."""

    bond_profile: str = Field(default="bondx_v1", description="Weight profile of bonds.")
    traded_profile: str = Field(default="traded_v1", description="Weight profile of equities and crypto.")
    weight_overrides: dict[str, float] = Field(
        default={}, description="Signed weights that replace the profile's own, by feature name; others stay."
    )
    min_coverage_frac: float = Field(default=0.5, ge=0.0, le=1.0, description="Weight share that fresh inputs must carry.")


@dg.multi_asset(
    name="scores",
    outs={c.name: asset_out(c) for c in (LIQUIDITY_INDEX, REPAYMENT_SUPPORT, BONDX_SCORE)},
    ins={"features": borrow(LIQUIDITY_FEATURES)},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def scores(config: ScoresConfig, features: pd.DataFrame) -> Iterator[dg.Output[pd.DataFrame]]:
    """Score every instrument from its own features, and thin bonds from those of their peers."""
    profiles = choose_profiles(
        ProfileChoice(
            bond_profile=config.bond_profile,
            traded_profile=config.traded_profile,
            weight_overrides=config.weight_overrides,
            min_coverage_frac=config.min_coverage_frac,
        )
    )
    liquidity = fill_thin_bonds(score_liquidity(features, profiles), features)
    repayment = score_repayment(features, profiles)
    combined = combine_scores(liquidity, repayment, features, profiles)
    for contract, table in ((LIQUIDITY_INDEX, liquidity), (REPAYMENT_SUPPORT, repayment), (BONDX_SCORE, combined)):
        yield dg.Output(table, output_name=contract.name, metadata=score_summary(table, contract))


@dg.asset(
    **asset_settings(PULSE_HEATMAP),
    ins={
        "liquidity": borrow(LIQUIDITY_INDEX, "session_date", "instrument_id", "asset_class", "sector", "rating", "liquidity_score"),
        "bondx": borrow(BONDX_SCORE, "session_date", "instrument_id", "bondx_score"),
        "features": borrow(LIQUIDITY_FEATURES, "session_date", "instrument_id", "amount_outstanding"),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def heatmap(liquidity: pd.DataFrame, bondx: pd.DataFrame, features: pd.DataFrame) -> dg.Output[pd.DataFrame]:
    """Average the scores by sector and rating; cells with few members are masked."""
    cells = sector_heatmap(liquidity, bondx, features)
    return dg.Output(cells, metadata=heatmap_summary(cells))


class WarningsConfig(dg.Config):
    """When a fall of the index is an alert, and when the alert ends."""

    fall_points: float = Field(default=20.0, gt=0, le=100, description="Fall of the liquidity score that raises an alert.")
    within_sessions: int = Field(default=3, ge=1, le=20, description="Sessions within which the fall must happen.")
    recovered_within_points: float = Field(default=10.0, ge=0, le=100, description="Distance to the pre-fall level that clears it.")


@dg.asset(
    **asset_settings(EARLY_WARNINGS),
    ins={"index_history": history(LIQUIDITY_INDEX, "session_date", "instrument_id", "liquidity_score")},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def early_warning_table(
    context: dg.AssetExecutionContext, config: WarningsConfig, index_history: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Raise one alert per deterioration and clear it with hysteresis."""
    thresholds = WarningThresholds(
        fall_points=config.fall_points,
        within_sessions=config.within_sessions,
        recovered_within_points=config.recovered_within_points,
    )
    warnings = early_warnings(index_history, run_sessions(context), thresholds)
    return dg.Output(warnings, metadata=warning_summary(warnings, index_history))
