"""Stage 3: what is held on the surface: each position's exit, the liquidation ladder, the portfolio, its limits.

Read next: ``liquidity_pictures.py`` (what the UI shows), ``liquidity/portfolio/portfolio_tables.py`` (the arithmetic).
"""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
import pandas as pd
import pyarrow.compute as pc
from pydantic import Field

from io_managers.contract_assets import asset_out, borrow
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    ACCOUNTS,
    FX_RATES,
    LIQUIDITY_INDEX,
    LIQUIDITY_SURFACE,
    PORTFOLIO_LIQUIDITY,
    PORTFOLIO_LIQUIDITY_CONTRACTS,
    POSITIONS,
    SURFACE_CURVES,
)
from resources.dagster_wiring import DAILY
from resources.portfolio_policy import portfolio_policy
from resources.settings import current_settings
from risk_assets.liquidity_pictures import SUMMARIES
from risk_assets.upstream import follow

if TYPE_CHECKING:
    from resources.lake import Lake

__all__ = ["PortfolioLiquidityConfig", "portfolio_liquidity", "portfolios_are_valued"]

_POLICY = portfolio_policy(current_settings())


class PortfolioLiquidityConfig(dg.Config):
    """What-ifs of the ladder; the defaults are the settings'."""

    urgency: str = Field(default="medium", description="Pace of the gradual cost: low, medium, high or critical.")
    participation_frac: float = Field(
        default=_POLICY.participation_frac,
        gt=0,
        le=1,
        description="Share of daily volume that is sold into [frac 0-1].",
    )
    stress_spread_mult: float = Field(
        default=current_settings().portfolio.stress_spread_mult, ge=0, description="Spreads under stress [times]."
    )
    stress_volume_haircut_frac: float = Field(
        default=current_settings().portfolio.stress_volume_haircut_frac,
        ge=0,
        lt=1,
        description="Volume lost under stress [frac 0-1].",
    )
    stress_depth_haircut_frac: float = Field(
        default=current_settings().portfolio.stress_depth_haircut_frac,
        ge=0,
        lt=1,
        description="Depth lost under stress [frac 0-1].",
    )
    stress_vol_mult: float = Field(
        default=current_settings().portfolio.stress_vol_mult, ge=0, description="Volatility under stress [times]."
    )


@dg.multi_asset(
    name="portfolio_liquidity",
    outs={
        contract.name: asset_out(contract, automation_condition=follow()) for contract in PORTFOLIO_LIQUIDITY_CONTRACTS
    },
    ins={
        "positions": borrow(POSITIONS),
        "accounts": borrow(ACCOUNTS),
        "fx_rates": borrow(FX_RATES),
        "surface_rows": borrow(LIQUIDITY_SURFACE),
        "curve_rows": borrow(SURFACE_CURVES),
        "index_rows": borrow(LIQUIDITY_INDEX, "session_date", "instrument_id", "liquidity_score"),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def portfolio_liquidity(
    context: dg.AssetExecutionContext,
    config: PortfolioLiquidityConfig,
    positions: pd.DataFrame,
    accounts: pd.DataFrame,
    fx_rates: pd.DataFrame,
    surface_rows: pd.DataFrame,
    curve_rows: pd.DataFrame,
    index_rows: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Assess every position, ladder and limit of the run's days on the surface of each day."""
    from dataclasses import replace

    from liquidity.impact.shock import Shock
    from liquidity.impact.surface import LiquiditySurface
    from liquidity.portfolio.portfolio_tables import PortfolioTables, portfolio_tables

    stress = Shock(
        spread_mult=config.stress_spread_mult,
        volume_haircut_frac=config.stress_volume_haircut_frac,
        depth_haircut_frac=config.stress_depth_haircut_frac,
        vol_mult=config.stress_vol_mult,
    )
    policy = replace(_POLICY, participation_frac=config.participation_frac, stress=stress)

    def of_session(session: date) -> PortfolioTables:
        day = pd.Timestamp(session)
        rows, curves = (table[table["session_date"] == day] for table in (surface_rows, curve_rows))
        surface = LiquiditySurface.from_tables(rows, curves)
        return portfolio_tables(
            positions, accounts, fx_rates, index_rows, surface, session, policy, urgency=config.urgency
        )

    held = {stamp.date() for stamp in pd.concat([positions["session_date"], accounts["session_date"]]).unique()}
    tables = PortfolioTables.joined(of_session(session) for session in run_sessions(context) if session in held)
    for contract, table in tables.with_contracts():
        report_days(context, contract, table, SUMMARIES[contract.name])
        yield dg.Output(table, output_name=contract.name)


@dg.asset_check(
    asset=dg.AssetKey(PORTFOLIO_LIQUIDITY.asset_path),
    name="portfolios_are_valued",
    description="Every portfolio could be brought into one currency, and has equity above 0.",
    partitions_def=DAILY,
    required_resource_keys={"lake"},
)
def portfolios_are_valued(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Tell the portfolios that are refused, and those whose equity is gone."""
    lake: Lake = context.resources.lake.open()
    days = sorted(date.fromisoformat(key) for key in context.partition_keys)
    told = []
    for day in days:
        rows = lake.read(PORTFOLIO_LIQUIDITY, day, day, ["portfolio_id", "gross_value_base", "equity_base", "reason"])
        wrong = rows.filter(
            pc.or_(pc.is_null(rows["gross_value_base"]), pc.fill_null(pc.less_equal(rows["equity_base"], 0.0), True))
        )
        told += [f"{day} {each['portfolio_id']}: {each['reason']}" for each in wrong.to_pylist()]
    return dg.AssetCheckResult(
        passed=not told, severity=dg.AssetCheckSeverity.ERROR, metadata={"refused": dg.MetadataValue.json(told[:50])}
    )
