"""Stage 4: how near every levered position is to liquidation, what leverage the market allows, how margin is used.

Brackets are the venues' files (``resources/venues/margin``). Read next: ``leverage_pictures.py`` (what the UI shows),
``liquidity/portfolio/leverage_table.py`` (the arithmetic).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import dagster as dg
import pandas as pd
from pydantic import Field

from io_managers.contract_assets import asset_out, borrow, history
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    ACCOUNTS,
    CORRELATION,
    FUNDING_RATES,
    LEVERAGE_CONTRACTS,
    LIQUIDITY_SURFACE,
    MARGIN_USE,
    POSITIONS,
    SIGNAL_PANEL,
    SURFACE_CURVES,
)
from liquidity.portfolio.leverage import DEFAULT_LEVERAGE_POLICY, LeveragePolicy
from resources.dagster_wiring import DAILY
from risk_assets.leverage_pictures import SUMMARIES
from risk_assets.upstream import follow

if TYPE_CHECKING:
    from resources.lake import Lake

__all__ = ["LeverageConfig", "leverage", "margin_is_enough"]

_DEPTH_DAYS: Final = 20
_RANGE_DAYS: Final = 20  # holds the 14 days of the true range, and the close before them
_FUNDING_DAYS: Final = 3


class LeverageConfig(dg.Config):
    """What leverage is judged by; change it in the launchpad for a what-if."""

    distance_sigmas: float = Field(
        default=DEFAULT_LEVERAGE_POLICY.distance_sigmas,
        gt=0,
        description="Daily standard deviations that the liquidation price should be away.",
    )
    distance_days: float = Field(
        default=DEFAULT_LEVERAGE_POLICY.distance_days, gt=0, description="Over so many days [days]."
    )
    depth_exponent: float = Field(
        default=DEFAULT_LEVERAGE_POLICY.depth_exponent,
        ge=0,
        le=2,
        description="Leverage goes with depth over its normal to this power.",
    )
    alert_use_frac: float = Field(
        default=DEFAULT_LEVERAGE_POLICY.alert_use_frac, gt=0, description="Margin use that alerts [frac of equity]."
    )
    alert_ratio_frac: float = Field(
        default=DEFAULT_LEVERAGE_POLICY.alert_ratio_frac,
        gt=0,
        le=1,
        description="Maintenance over equity that alerts [frac].",
    )


@dg.multi_asset(
    name="leverage",
    outs={
        contract.name: asset_out(
            contract, automation_condition=follow(SIGNAL_PANEL, LIQUIDITY_SURFACE, SURFACE_CURVES, FUNDING_RATES)
        )
        for contract in LEVERAGE_CONTRACTS
    },
    ins={
        "positions": borrow(POSITIONS),
        "accounts": borrow(ACCOUNTS),
        "surface_rows": history(LIQUIDITY_SURFACE, days=_DEPTH_DAYS),
        "curve_rows": borrow(SURFACE_CURVES),
        "panel": history(SIGNAL_PANEL, "session_date", "instrument_id", "high", "low", "close", days=_RANGE_DAYS),
        "funding": history(FUNDING_RATES, days=_FUNDING_DAYS),
        "correlations": borrow(CORRELATION, "session_date", "instrument_id", "other_id", "correlation"),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def leverage(
    context: dg.AssetExecutionContext,
    config: LeverageConfig,
    positions: pd.DataFrame,
    accounts: pd.DataFrame,
    surface_rows: pd.DataFrame,
    curve_rows: pd.DataFrame,
    panel: pd.DataFrame,
    funding: pd.DataFrame,
    correlations: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Judge every levered position and margin account of the run's days on the surface of each day."""
    from liquidity.impact.surface import LiquiditySurface
    from liquidity.portfolio.leverage_market import LeverageMarket
    from liquidity.portfolio.leverage_table import LeverageTables, leverage_tables
    from resources.margin_tables import load_margin_tables

    policy = _policy(config)
    tables = load_margin_tables()

    def market(session: date) -> LeverageMarket:
        day = pd.Timestamp(session)
        held = positions.loc[positions["session_date"] == day, "instrument_id"].unique()
        rows, curves, pairs = (each[each["session_date"] == day] for each in (surface_rows, curve_rows, correlations))
        return LeverageMarket.of(
            LiquiditySurface.from_tables(rows, curves),
            tables,
            panel=_until(panel, session, _RANGE_DAYS, held),
            surface_history=_until(surface_rows, session, _DEPTH_DAYS, held),
            funding_rows=_until(funding, session, _FUNDING_DAYS, held),
            correlations=pairs,
        )

    told = LeverageTables.joined(
        leverage_tables(positions, accounts, market(session), session, policy)
        for session in run_sessions(context)
        if (positions["session_date"] == pd.Timestamp(session)).any()
    )
    for contract, table in told.with_contracts():
        report_days(context, contract, table, SUMMARIES[contract.name])
        yield dg.Output(table, output_name=contract.name)


@dg.asset_check(
    asset=dg.AssetKey(MARGIN_USE.asset_path),
    name="margin_is_enough",
    description="No account's margin use or maintenance is at the alert; an error where maintenance is not covered.",
    partitions_def=DAILY,
    required_resource_keys={"lake"},
)
def margin_is_enough(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Tell the accounts at alert, liquidation, or of which nobody can say."""
    lake: Lake = context.resources.lake.open()
    columns = ["portfolio_id", "account", "currency", "level", "use_frac", "ratio_frac", "reason"]
    told, due = [], False
    for day in sorted(date.fromisoformat(key) for key in context.partition_keys):
        for each in lake.read(MARGIN_USE, day, day, columns).to_pylist():
            if each["level"] in ("alert", "liquidation", "unknown"):
                told.append(f"{day} " + ", ".join(f"{name} {value}" for name, value in each.items() if value != ""))
                due = due or each["level"] == "liquidation"
    return dg.AssetCheckResult(
        passed=not told,
        severity=dg.AssetCheckSeverity.ERROR if due else dg.AssetCheckSeverity.WARN,
        metadata={"accounts": dg.MetadataValue.json(told[:50])},
    )


def _policy(config: LeverageConfig) -> LeveragePolicy:
    return replace(
        DEFAULT_LEVERAGE_POLICY,
        distance_sigmas=config.distance_sigmas,
        distance_days=config.distance_days,
        depth_exponent=config.depth_exponent,
        alert_use_frac=config.alert_use_frac,
        warn_use_frac=min(DEFAULT_LEVERAGE_POLICY.warn_use_frac, config.alert_use_frac),
        alert_ratio_frac=config.alert_ratio_frac,
        warn_ratio_frac=min(DEFAULT_LEVERAGE_POLICY.warn_ratio_frac, config.alert_ratio_frac),
    )


def _until(rows: pd.DataFrame, session: date, days: int, ids: object) -> pd.DataFrame:
    """Rows of the held instruments on the session and the ``days`` - 1 calendar days before it."""
    first, last = pd.Timestamp(session - timedelta(days=days - 1)), pd.Timestamp(session)
    return rows[rows["session_date"].between(first, last) & rows["instrument_id"].isin(ids)]
