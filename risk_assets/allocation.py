"""Stage 6: what should be held instead, the trades to get there, and which names are dear to trade for their score.

Targets are proposals: nothing here sends an order. Read next: ``allocation_summaries.py`` (what the UI shows),
``docs/methodology/optimizer.md``.
"""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
import pandas as pd
from pydantic import Field

from io_managers.contract_assets import asset_out, asset_settings, borrow, history
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    ACCOUNTS,
    FX_RATES,
    LIQUIDITY_FEATURES,
    LIQUIDITY_INDEX,
    LIQUIDITY_SURFACE,
    POSITIONS,
    REBALANCE_TRADES,
    RELATIVE_VALUE,
    SIGNAL_PANEL,
    SURFACE_CURVES,
    TARGET_PORTFOLIO,
)
from liquidity.contracts.conform import empty_table, frame_from_table
from resources.dagster_wiring import DAILY
from resources.lake import History
from resources.portfolio_policy import portfolio_policy
from resources.settings import current_settings
from risk_assets.allocation_summaries import target_summary, trade_summary, value_summary
from risk_assets.upstream import follow

if TYPE_CHECKING:
    from liquidity.impact.surface import LiquiditySurface
    from liquidity.market_risk.price_history import PriceHistory
    from liquidity.portfolio.holdings import Holdings

__all__ = ["AllocationConfig", "allocation", "relative_value"]

_POLICY = portfolio_policy(current_settings())
# A year of scenarios in sessions of markets that close.
_HISTORY_DAYS = 400


class AllocationConfig(dg.Config):
    """What-ifs of the target portfolio."""

    risk_aversion: float = Field(default=5.0, gt=0, description="Times half the variance of a session [1].")
    holding_sessions: float = Field(
        default=20.0, gt=0, description="Sessions over which the cost of a trade is spread [sessions]."
    )
    unwinding_share: float = Field(
        default=1.0, ge=0, description="Share of the cost of closing the portfolio that counts [1]."
    )
    max_turnover_frac: float | None = Field(
        default=None, description="Largest sum of changes of weight, null is free [frac of equity]."
    )
    cash_band_frac: float = Field(default=0.02, ge=0, le=1, description="How far cash may move [frac of equity].")
    views: dict[str, float] = Field(
        default_factory=dict, description="Expected return of a session by instrument, beyond the implied one [frac]."
    )


@dg.multi_asset(
    name="allocation",
    outs={
        contract.name: asset_out(contract, automation_condition=follow(SIGNAL_PANEL))
        for contract in (TARGET_PORTFOLIO, REBALANCE_TRADES)
    },
    ins={
        "panel": history(
            SIGNAL_PANEL, "session_date", "instrument_id", "asset_class", "calendar", "close", days=_HISTORY_DAYS
        ),
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
def allocation(
    context: dg.AssetExecutionContext,
    config: AllocationConfig,
    panel: History,
    positions: pd.DataFrame,
    accounts: pd.DataFrame,
    fx_rates: pd.DataFrame,
    surface_rows: pd.DataFrame,
    curve_rows: pd.DataFrame,
    index_rows: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Find target weights and trades of every portfolio of the run's days."""
    from liquidity.impact.surface import LiquiditySurface
    from liquidity.market_risk.price_history import price_history
    from liquidity.portfolio.holdings_table import holdings

    names = sorted(set(positions["instrument_id"]))
    prices = frame_from_table(panel.lake.read(panel.contract, panel.start, panel.end, panel.columns, names))
    past = price_history(prices) if len(prices) else None
    targets, trades = [], []
    for session in run_sessions(context) if past is not None else ():
        surface = LiquiditySurface.from_tables(*(_of_day(rows, session) for rows in (surface_rows, curve_rows)))
        for held in holdings(
            positions,
            accounts,
            fx_rates,
            surface,
            session,
            max_price_age_sessions=_POLICY.max_price_age_sessions,
            settlement_sessions=_POLICY.settlement_sessions,
        ):
            target, trade = _rows_of(held, surface, past, _of_day(index_rows, session), positions, session, config)
            targets.append(target)
            trades.append(trade)
    for contract, parts, summary in (
        (TARGET_PORTFOLIO, targets, target_summary),
        (REBALANCE_TRADES, trades, trade_summary),
    ):
        having = [part for part in parts if len(part)]
        table = pd.concat(having, ignore_index=True) if having else frame_from_table(empty_table(contract))
        report_days(context, contract, table, summary)
        yield dg.Output(table, output_name=contract.name)


@dg.asset(
    **asset_settings(RELATIVE_VALUE),
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    automation_condition=follow(),
    ins={
        "index_rows": borrow(
            LIQUIDITY_INDEX, "session_date", "instrument_id", "asset_class", "sector", "liquidity_score", "source"
        ),
        "features": borrow(LIQUIDITY_FEATURES, "session_date", "instrument_id", "spread_bps"),
    },
)
def relative_value(
    context: dg.AssetExecutionContext, index_rows: pd.DataFrame, features: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Hold each spread against the spread of names with the same score."""
    from liquidity.domain.origin import origins
    from liquidity.portfolio.relative_value import relative_value as residuals

    scored = index_rows.assign(origin=origins(index_rows["source"])).drop(columns="source")
    rows = residuals(scored.merge(features, on=["session_date", "instrument_id"], how="left"))
    report_days(context, RELATIVE_VALUE, rows, value_summary)
    return dg.Output(rows)


def _rows_of(
    held: "Holdings",
    surface: "LiquiditySurface",
    past: "PriceHistory",
    index_rows: pd.DataFrame,
    positions: pd.DataFrame,
    session: date,
    config: AllocationConfig,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Target and trades of one portfolio; a view counts where its instrument is held."""
    from liquidity.portfolio.allocation_model import Preferences
    from liquidity.portfolio.allocation_table import AllocationChoices, allocation_rows
    from liquidity.portfolio.portfolio_tables import scores_of
    from liquidity.portfolio.risk_scenarios import scenario_window, scenarios_of_holdings

    window = scenario_window(held, past)
    judged, _ = scenarios_of_holdings(
        held, surface, past, session, window=window, participation_frac=_POLICY.participation_frac
    )
    choices = AllocationChoices(
        preferences=Preferences(config.risk_aversion, config.holding_sessions, config.unwinding_share),
        views={name: view for name, view in config.views.items() if name in set(held.instrument_id)},
        cash_band_frac=config.cash_band_frac,
        max_turnover_frac=config.max_turnover_frac,
    )
    stated = positions.loc[positions["portfolio_id"] == held.portfolio_id, "source"]
    source = str(stated.min()) if len(stated) else "positions"
    return allocation_rows(
        held, surface, judged.scenarios, scores_of(held, index_rows), _POLICY, choices, session, source
    )


def _of_day(rows: pd.DataFrame, session: date) -> pd.DataFrame:
    return rows[rows["session_date"] == pd.Timestamp(session)].reset_index(drop=True)
