"""The report packs of every portfolio from the lake's tables: what the assets and the command line call.

>>> from liquidity.contracts.risk_regulation import REGIMES
>>> REGIMES
('sec22e4', 'esma', 'sebi', 'frtb')

Read next: ``report_pack.py`` (a pack), the regimes' files (what is in one).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts.risk_regulation import REGIMES
from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ConfigError
from liquidity.impact.surface import LiquiditySurface
from liquidity.market_risk.portfolio_scenarios import PortfolioScenarios
from liquidity.market_risk.price_history import PriceHistory
from liquidity.portfolio.fund_flows import FlowHistory, flow_histories
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.holdings_table import holdings
from liquidity.portfolio.liability_tables import Redemption, coverage_rows, redemption_risk_rows, redemptions_of
from liquidity.portfolio.policy import DEFAULT_POLICY, LiquidityPolicy
from liquidity.portfolio.risk_scenarios import rate_paths, scenario_window, scenarios_of_holdings
from liquidity.portfolio.swing_pricing import SwingRules
from liquidity.regulation.esma import esma_pack, stressed_markets
from liquidity.regulation.frtb import frtb_pack
from liquidity.regulation.report_pack import ReportPack
from liquidity.regulation.sebi import sebi_pack
from liquidity.regulation.sec22e4 import sec_pack
from liquidity.regulation.thresholds import Thresholds, thresholds
from liquidity.stress.scenario import Scenario

__all__ = ["ESMA_SCENARIOS", "Liability", "ReportTables", "fund_holdings", "liability_of", "report_packs", "table_of"]

ESMA_SCENARIOS: Final = ("fund_redemption", "gfc_2008", "covid_2020")
"""Asset shocks of the ESMA pack by default."""


@dataclass(frozen=True, slots=True)
class ReportTables:
    """Rows of the lake's tables that packs are made from; days after the session are not read.

    Attributes
    ----------
    positions, accounts, fx
        Of the session; of ``fx`` earlier days too, for exchange rates in scenarios.
    flows
        FUND_FLOWS up to the session, the longer the better.
    surface
        Of the session.
    history
        Prices of the held instruments and their peers for the scenarios of FRTB; ``None``: not told.
    backtest
        Rows of VAR_BACKTEST of the session; ``None``: not told.
    """

    positions: pd.DataFrame
    accounts: pd.DataFrame
    fx: pd.DataFrame
    flows: pd.DataFrame
    surface: LiquiditySurface
    history: PriceHistory | None = None
    backtest: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Liability:
    """The liability side of one fund: flows, rows of the two tables, and the redemptions they tell of."""

    histories: dict[str, FlowHistory]
    risk: pd.DataFrame
    redemptions: list[Redemption]
    coverage: pd.DataFrame


def fund_holdings(
    tables: ReportTables, session: date, policy: LiquidityPolicy = DEFAULT_POLICY, *, funds_only: bool = False
) -> list[Holdings]:
    """Portfolios of the session; with ``funds_only`` those whose account says that they have holders who may redeem."""
    held = holdings(
        tables.positions, tables.accounts, tables.fx, tables.surface, session,
        max_price_age_sessions=policy.max_price_age_sessions, settlement_sessions=policy.settlement_sessions,
    )  # fmt: skip
    if not funds_only:
        return held
    day = tables.accounts[tables.accounts["session_date"] == pd.Timestamp(session)]
    funds = set(day.loc[day["kind"] == "fund", "portfolio_id"])
    return [each for each in held if each.portfolio_id in funds]


def liability_of(
    held: Holdings,
    tables: ReportTables,
    session: date,
    scenarios: Sequence[Scenario],
    policy: LiquidityPolicy = DEFAULT_POLICY,
    limits: Thresholds | None = None,
    rules: SwingRules | None = None,
    *,
    seed: int = 0,
) -> Liability:
    """Redemption risk of one fund and its coverage in calm, stressed and every scenario's markets."""
    limits = limits or thresholds()
    histories = flow_histories(tables.flows, held.portfolio_id, session)
    own = tables.flows[tables.flows["portfolio_id"] == held.portfolio_id]
    source = str(min(own["source"])) if len(own) else _source(tables, held.portfolio_id, session)
    risk = redemption_risk_rows(session, held.portfolio_id, held.base_currency, histories, source, seed=seed)
    redemptions = redemptions_of(risk, histories, limits.value("esma_redemption_frac"))
    markets = {
        "calm": (held, tables.surface),
        "stressed": (held, tables.surface.stressed(policy.stress)),
        **stressed_markets(held, tables.surface, scenarios, policy.participation_frac),
    }
    notice = round(limits.value("esma_notice_sessions"))
    horizons = sorted({1, 2, 5, 10, 20, notice})
    coverage = coverage_rows(
        session, held, markets, redemptions, policy.participation_frac, horizons=horizons, rules=rules
    )
    return Liability(histories, risk, redemptions, coverage)


def report_packs(
    tables: ReportTables,
    session: date,
    scenarios: Sequence[Scenario],
    policy: LiquidityPolicy = DEFAULT_POLICY,
    limits: Thresholds | None = None,
    *,
    regimes: Sequence[str] = REGIMES,
    portfolios: Sequence[str] = (),
    liabilities: dict[str, Liability] | None = None,
    seed: int = 0,
) -> list[ReportPack]:
    """Packs of every portfolio of one session; funds have all, other portfolios the market-risk one.

    Parameters
    ----------
    scenarios
        Asset shocks of the ESMA pack.
    regimes
        Of ``sec22e4``, ``esma``, ``sebi``, ``frtb``.
    portfolios
        Names wanted; empty: all.
    liabilities
        Of :func:`liability_of` by portfolio, where they are already known.

    Raises
    ------
    ConfigError
        An unknown regime, or a portfolio that the session does not have.
    """
    unknown = sorted(set(regimes) - set(REGIMES))
    if unknown:
        raise ConfigError(f"report: regimes {unknown} are not known; allowed: {', '.join(REGIMES)}")
    limits = limits or thresholds()
    funds = {each.portfolio_id for each in fund_holdings(tables, session, policy, funds_only=True)}
    everything = fund_holdings(tables, session, policy)
    missing = sorted(set(portfolios) - {each.portfolio_id for each in everything})
    if missing:
        raise ConfigError(
            f"report: {session} has no portfolio {missing}; there are {[each.portfolio_id for each in everything]}"
        )
    packs = []
    for held in everything:
        if portfolios and held.portfolio_id not in portfolios:
            continue
        told = (liabilities or {}).get(held.portfolio_id)
        if told is None and held.portfolio_id in funds and {"sec22e4", "esma", "sebi"} & set(regimes):
            told = liability_of(held, tables, session, scenarios, policy, limits, seed=seed)
        if told is not None and "sec22e4" in regimes:
            week = float(told.redemptions[0].net_assets_frac)
            packs.append(sec_pack(held, tables.surface, session, limits, policy.participation_frac, redeemed_week_frac=week))  # fmt: skip
        if told is not None and "esma" in regimes:
            packs.append(esma_pack(held, tables.surface, session, limits, told.coverage, told.redemptions, scenarios, policy.participation_frac))  # fmt: skip
        if told is not None and "sebi" in regimes:
            packs.append(sebi_pack(held, tables.surface, session, limits, told.histories, seed=seed))
        if "frtb" in regimes:
            found, own = _scenarios(held, tables, session, policy)
            backtest = tables.backtest
            if backtest is not None:
                backtest = backtest[backtest["portfolio_id"] == held.portfolio_id]
            packs.append(frtb_pack(held, tables.surface, session, limits, found, own, backtest))
    return packs


def table_of(contract: TableContract, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all parts under one contract of this subject, sorted by key."""
    having = [part for part in parts if len(part)]
    if not having:
        return pd.DataFrame(columns=list(contract.column_names))
    kinds = {
        column.name: {"float64": "float64", "int64": "int64", "bool": "boolean"}[column.dtype]
        for column in contract.columns
        if column.dtype in ("float64", "int64", "bool")
    }
    whole = pd.concat([part.astype(kinds) for part in having], ignore_index=True)
    return whole[list(contract.column_names)].sort_values(list(contract.key), ignore_index=True)


def _scenarios(
    held: Holdings, tables: ReportTables, session: date, policy: LiquidityPolicy
) -> tuple[PortfolioScenarios | None, NDArray[np.int64] | None]:
    """Daily scenarios of one portfolio, and own price moves of each position inside them."""
    past = tables.history
    if past is None:
        return None, None
    currencies = sorted(
        {str(name) for name in tables.surface.currency[held.place[held.place >= 0]]} - {held.base_currency}
    )
    rates = rate_paths(tables.fx, past.days, currencies, held.base_currency) if currencies else None
    window = scenario_window(held, past)
    found, own = scenarios_of_holdings(
        held, tables.surface, past, session, window=window, participation_frac=policy.participation_frac, rates=rates
    )
    return found, np.isfinite(own).sum(axis=0).astype(np.int64)


def _source(tables: ReportTables, portfolio_id: str, session: date) -> str:
    rows = tables.accounts[
        (tables.accounts["portfolio_id"] == portfolio_id) & (tables.accounts["session_date"] == pd.Timestamp(session))
    ]
    return str(min(rows["source"])) if len(rows) else "unknown"
