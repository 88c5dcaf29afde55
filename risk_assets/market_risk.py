"""Stage 4: what the market can take from today's holdings, who carries it, and whether the models were right.

Scenarios are the past returns of what is held today; costs of leaving come from the liquidity surface. Read next:
``market_risk_pictures.py`` (what the UI shows), ``docs/methodology/market_risk.md``.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np
import pandas as pd
from pydantic import Field

from io_managers.contract_assets import asset_out, borrow, history
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    ACCOUNTS,
    CORRELATION,
    FX_RATES,
    LIQUIDITY_SURFACE,
    MARKET_RISK,
    MARKET_RISK_CONTRACTS,
    MICROSTRUCTURE,
    POSITIONS,
    RISK_CONTRIBUTIONS,
    SIGNAL_PANEL,
    SURFACE_CURVES,
    VAR_BACKTEST,
)
from liquidity.contracts.conform import empty_table, frame_from_table
from resources.dagster_wiring import DAILY, LakeResource
from resources.lake import History
from resources.price_rows import held_and_peers, rows_of_names
from resources.settings import current_settings
from risk_assets.market_risk_pictures import (
    backtest_summary,
    contribution_summary,
    correlation_summary,
    exceedance_picture,
    risk_summary,
)
from risk_assets.upstream import follow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from liquidity.impact.surface import LiquiditySurface
    from liquidity.market_risk.backtest_table import VarPath
    from liquidity.market_risk.drawdown import HighWater
    from liquidity.market_risk.price_history import PriceHistory
    from liquidity.portfolio.holdings import Holdings

__all__ = ["MarketRiskConfig", "market_risk"]

_SETTINGS = current_settings()
# A year of scenarios and a year to judge the models on, in sessions of markets that close.
_HISTORY_DAYS = 750
_MARK_DAYS = 3660


class MarketRiskConfig(dg.Config):
    """How risk is measured; change it in the launchpad for a what-if."""

    participation_frac: float = Field(
        default=_SETTINGS.execution.max_participation_frac,
        gt=0.0,
        le=1.0,
        description="Share of the market's volume that leaving a position may take [frac 0-1].",
    )
    peers_n: int = Field(
        default=200, ge=3, description="Instruments of each asset class whose returns may be lent to short histories."
    )
    seed: int = Field(default=0, ge=0, description="Seed of the bootstrap intervals.")


@dg.multi_asset(
    name="market_risk",
    outs={
        contract.name: asset_out(
            contract, automation_condition=follow(SIGNAL_PANEL, MICROSTRUCTURE, FX_RATES, SURFACE_CURVES)
        )
        for contract in MARKET_RISK_CONTRACTS
    },
    ins={
        "panel": history(
            SIGNAL_PANEL,
            "session_date",
            "instrument_id",
            "asset_class",
            "calendar",
            "close",
            "spread_bps",
            days=_HISTORY_DAYS,
        ),
        "quotes": history(MICROSTRUCTURE, "session_date", "instrument_id", "bid", "ask", days=_HISTORY_DAYS),
        "positions": borrow(POSITIONS),
        "accounts": borrow(ACCOUNTS),
        "fx": history(FX_RATES, days=_HISTORY_DAYS),
        "surface_rows": borrow(LIQUIDITY_SURFACE),
        "curve_rows": borrow(SURFACE_CURVES),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def market_risk(
    context: dg.AssetExecutionContext,
    config: MarketRiskConfig,
    lake: LakeResource,
    panel: History,
    quotes: History,
    positions: pd.DataFrame,
    accounts: pd.DataFrame,
    fx: pd.DataFrame,
    surface_rows: pd.DataFrame,
    curve_rows: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Measure every portfolio of the run's days, and judge the models on the sessions before."""
    from liquidity.impact.surface import LiquiditySurface
    from liquidity.market_risk.price_history import price_history
    from liquidity.market_risk.wide_spread import spread_history
    from liquidity.portfolio.holdings_table import holdings

    sessions = run_sessions(context)
    marks = _stored_marks(lake, sessions[0])
    wanted = held_and_peers(panel, sessions, set(positions["instrument_id"]), config.peers_n)
    prices = rows_of_names(panel, wanted)
    made: dict[str, list[pd.DataFrame]] = {contract.name: [] for contract in MARKET_RISK_CONTRACTS}
    pictures: dict[str, dg.MetadataValue] = {}
    if len(prices):
        past = price_history(prices, rows_of_names(quotes, wanted))
        spreads = spread_history(prices, past)
        for session in sessions:
            surface = LiquiditySurface.from_tables(*(_of_day(rows, session) for rows in (surface_rows, curve_rows)))
            limit = _SETTINGS.portfolio.max_price_age_sessions
            for held in holdings(positions, accounts, fx, surface, session, max_price_age_sessions=limit):
                units = _units(accounts, held.portfolio_id, session)
                water = _carried(marks, held, units)
                tables, path = _measured(held, surface, past, spreads, fx, session, water, config)
                for name, rows in tables.items():
                    made[name].append(rows)
                if path is not None and session == sessions[-1]:
                    pictures[f"99 % VaR and results of {held.portfolio_id}"] = exceedance_picture(path)
    told = {
        MARKET_RISK: risk_summary,
        RISK_CONTRIBUTIONS: contribution_summary,
        VAR_BACKTEST: backtest_summary,
        CORRELATION: correlation_summary,
    }
    for contract in MARKET_RISK_CONTRACTS:
        parts = [rows for rows in made[contract.name] if len(rows)]
        table = pd.concat(parts, ignore_index=True) if parts else frame_from_table(empty_table(contract))
        table["session_date"] = pd.to_datetime(table["session_date"])
        report_days(context, contract, table, told[contract], pictures if contract is VAR_BACKTEST else None)
        yield dg.Output(table, output_name=contract.name)


def _measured(
    held: "Holdings",
    surface: "LiquiditySurface",
    past: "PriceHistory",
    spreads: "NDArray[np.float64]",
    fx: pd.DataFrame,
    session: date,
    water: "HighWater | None",
    config: MarketRiskConfig,
) -> "tuple[dict[str, pd.DataFrame], VarPath | None]":
    """Tables of one portfolio on one session, and what a picture shows of its back-test."""
    from liquidity.market_risk.backtest_table import backtest_rows, var_path
    from liquidity.market_risk.market_risk_table import contribution_rows, correlation_of, correlation_rows, risk_rows
    from liquidity.market_risk.wide_spread import wide_spread_bps
    from liquidity.portfolio.risk_scenarios import rate_paths, scenario_window, scenarios_of_holdings

    window = scenario_window(held, past)
    upto = int(np.searchsorted(past.days, np.datetime64(session, "D"), side="right"))
    currencies = sorted({str(name) for name in surface.currency[held.place[held.place >= 0]]} - {held.base_currency})
    judged, own = scenarios_of_holdings(
        held,
        surface,
        past,
        session,
        window=2 * window,
        participation_frac=config.participation_frac,
        rates=rate_paths(fx, past.days, currencies, held.base_currency) if currencies else None,
        wide_spread_bps=wide_spread_bps(spreads[:upto]),
    )
    today = judged.newest(window)
    places, correlation = correlation_of(today, own[-window:])
    tables = {
        MARKET_RISK.name: risk_rows(today, water=water, seed=config.seed, correlation=correlation),
        RISK_CONTRIBUTIONS.name: contribution_rows(today),
        VAR_BACKTEST.name: backtest_rows(judged, window),
        CORRELATION.name: correlation_rows(today, places, correlation),
    }
    return tables, var_path(judged, "filtered", 0.99, window)


def _of_day(rows: pd.DataFrame, session: date) -> pd.DataFrame:
    return rows[rows["session_date"] == pd.Timestamp(session)].reset_index(drop=True)


def _stored_marks(lake: LakeResource, first: date) -> dict[str, float]:
    """High-water marks as the newest session before the run stored them, by portfolio."""
    columns = ["session_date", "portfolio_id", "measure", "value_number"]
    rows = frame_from_table(
        lake.lake().read(MARKET_RISK, first - timedelta(days=_MARK_DAYS), first - timedelta(days=1), columns)
    )
    kept = rows[(rows["measure"] == "high_water_mark") & rows["value_number"].notna()]
    newest = kept.sort_values("session_date").drop_duplicates("portfolio_id", keep="last")
    return dict(zip(newest["portfolio_id"], newest["value_number"], strict=True))


def _units(accounts: pd.DataFrame, portfolio_id: str, session: date) -> float | None:
    """Fund units in issue; ``None`` where the portfolio has none."""
    rows = _of_day(accounts, session)
    units = float(rows.loc[rows["portfolio_id"] == portfolio_id, "units"].sum())
    return units if units > 0.0 else None


def _carried(marks: dict[str, float], held: "Holdings", units: float | None) -> "HighWater":
    """Carry the portfolio's mark to this session, in ``marks`` too."""
    from liquidity.market_risk.drawdown import high_water

    found = high_water(held.equity_base / (units or 1.0), marks.get(held.portfolio_id))
    if found.mark is not None:
        marks[held.portfolio_id] = found.mark
    return found
