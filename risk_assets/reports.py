"""Stage 6: what holders may redeem, whether it can be paid, and the report packs of supervisors.

Every number of a pack carries the tables it was made from. Read next: ``report_pictures.py`` (what the UI shows),
``liquidity/regulation/packs.py`` (the same from the command line), ``docs/methodology/reports.md``.
"""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Final

import dagster as dg
import pandas as pd
from pydantic import Field

from io_managers.contract_assets import asset_out, asset_settings, borrow, history
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    ACCOUNTS,
    FUND_FLOWS,
    FX_RATES,
    LIQUIDITY_SURFACE,
    MICROSTRUCTURE,
    POSITIONS,
    REDEMPTION_COVERAGE,
    REDEMPTION_RISK,
    REGIMES,
    REGULATORY_BUCKETS,
    REGULATORY_TESTS,
    SIGNAL_PANEL,
    SURFACE_CURVES,
    VAR_BACKTEST,
)
from liquidity.contracts.conform import frame_from_table
from resources.dagster_wiring import DAILY, FeedsResource
from resources.lake import History
from resources.portfolio_policy import portfolio_policy
from resources.price_rows import held_and_peers, rows_of_names
from resources.report_tables import FLOW_DAYS, PRICE_COLUMNS, PRICE_DAYS, PRICE_PEERS, QUOTE_COLUMNS
from resources.settings import current_settings
from risk_assets.report_pictures import bucket_summary, coverage_summary, flow_summary, risk_summary, test_summary
from risk_assets.upstream import follow

if TYPE_CHECKING:
    from liquidity.regulation.packs import Liability, ReportTables
    from liquidity.regulation.report_pack import ReportPack
    from resources.lake import Lake

__all__ = ["REPORT_CHECKS", "ReportConfig", "fund_flows", "reports"]

_SETTINGS = current_settings()
_OUTS: Final = (REDEMPTION_RISK, REDEMPTION_COVERAGE, REGULATORY_BUCKETS, REGULATORY_TESTS)


class ReportConfig(dg.Config):
    """What is reported; change it in the launchpad for a what-if."""

    scenarios: list[str] = Field(
        default=["fund_redemption", "gfc_2008", "covid_2020"], description="Asset shocks of the ESMA pack, by file."
    )
    participation_frac: float = Field(
        default=_SETTINGS.execution.max_participation_frac,
        gt=0.0,
        le=1.0,
        description="Share of volume that sales may take [frac 0-1].",
    )
    thresholds: dict[str, float] = Field(default={}, description="Thresholds by name in place of the settings'.")
    swing_threshold_frac: float = Field(
        default=0.01, ge=0.0, le=1.0, description="Flow above which the price swings [frac of net assets]."
    )
    seed: int = Field(default=0, ge=0, description="Seed of the bootstrap intervals.")


@dg.asset(
    **asset_settings(FUND_FLOWS),
    ins={"positions": borrow(POSITIONS), "accounts": borrow(ACCOUNTS)},
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    automation_condition=follow(),
)
def fund_flows(
    context: dg.AssetExecutionContext, feeds: FeedsResource, positions: pd.DataFrame, accounts: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Read what the registrar delivered (``<landing>/fund_flows``); demo funds on recorded instruments have their own."""
    from liquidity.portfolio.demo import DEMO_RECORDED
    from liquidity.portfolio.fund_flows import demo_fund_flows
    from liquidity.regulation.packs import table_of
    from resources.positions import landed_flows

    sessions, roots = run_sessions(context), feeds.roots()
    landed = landed_flows(roots.landing, sessions[0], sessions[-1], naive_times_utc=roots.naive_times_utc)
    shown = accounts[accounts["source"] == DEMO_RECORDED]
    made = [
        demo_fund_flows(
            positions, shown[shown["session_date"] == pd.Timestamp(session)], session, _SETTINGS.simulate_seed
        )
        for session in sessions
    ]
    table = table_of(FUND_FLOWS, [landed[landed["session_date"].isin(pd.DatetimeIndex(sessions))], *made])
    report_days(context, FUND_FLOWS, table, flow_summary)
    return dg.Output(table)


@dg.multi_asset(
    name="reports",
    outs={
        contract.name: asset_out(
            contract, automation_condition=follow(FUND_FLOWS, SIGNAL_PANEL, MICROSTRUCTURE, FX_RATES, SURFACE_CURVES)
        )
        for contract in _OUTS
    },
    ins={
        "positions": borrow(POSITIONS),
        "accounts": borrow(ACCOUNTS),
        "fx": history(FX_RATES, days=PRICE_DAYS),
        "flows": history(FUND_FLOWS, days=FLOW_DAYS),
        "surface_rows": borrow(LIQUIDITY_SURFACE),
        "curve_rows": borrow(SURFACE_CURVES),
        "backtest": borrow(VAR_BACKTEST),
        "panel": history(SIGNAL_PANEL, *PRICE_COLUMNS, days=PRICE_DAYS),
        "quotes": history(MICROSTRUCTURE, *QUOTE_COLUMNS, days=PRICE_DAYS),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def reports(
    context: dg.AssetExecutionContext,
    config: ReportConfig,
    positions: pd.DataFrame,
    accounts: pd.DataFrame,
    fx: pd.DataFrame,
    flows: pd.DataFrame,
    surface_rows: pd.DataFrame,
    curve_rows: pd.DataFrame,
    backtest: pd.DataFrame,
    panel: History,
    quotes: History,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Measure the liability side of every fund and fill in the report packs of the run's days."""
    from liquidity.impact.surface import LiquiditySurface
    from liquidity.market_risk.price_history import price_history
    from liquidity.regulation.packs import ReportTables, table_of

    sessions = run_sessions(context)
    wanted = held_and_peers(panel, sessions, set(positions["instrument_id"]), PRICE_PEERS)
    prices = rows_of_names(panel, wanted)
    past = price_history(prices, rows_of_names(quotes, wanted)) if len(prices) else None
    liabilities: list[Liability] = []
    packs: list[ReportPack] = []
    for session in sessions:
        own, money, surface_day, curves_day, judged = (
            _of_day(rows, session) for rows in (positions, accounts, surface_rows, curve_rows, backtest)
        )
        if not (len(own) or len(money)):
            continue
        surface = LiquiditySurface.from_tables(surface_day, curves_day)
        tables = ReportTables(own, money, fx[fx["session_date"] <= pd.Timestamp(session)], flows, surface, past, judged)
        told, made = _reported(tables, session, config)
        liabilities += told
        packs += made
    parts = (
        [each.risk for each in liabilities],
        [each.coverage for each in liabilities],
        [each.buckets for each in packs],
        [each.test_rows() for each in packs],
    )
    summaries = (risk_summary, coverage_summary, bucket_summary, test_summary)
    documents = {
        f"{each.regime} {each.portfolio_id}": dg.MetadataValue.md(each.as_markdown())
        for each in packs
        if each.session_date == sessions[-1]
    }
    for contract, rows, summary in zip(_OUTS, parts, summaries, strict=True):
        table = table_of(contract, rows)
        report_days(context, contract, table, summary, documents if contract is REGULATORY_TESTS else None)
        yield dg.Output(table, output_name=contract.name)


def _reported(
    tables: "ReportTables", session: date, config: ReportConfig
) -> "tuple[list[Liability], list[ReportPack]]":
    from dataclasses import replace

    from liquidity.portfolio.swing_pricing import SwingRules
    from liquidity.regulation.packs import fund_holdings, liability_of, report_packs
    from liquidity.regulation.thresholds import thresholds
    from resources.scenarios import chosen_scenarios

    policy = replace(portfolio_policy(_SETTINGS), participation_frac=config.participation_frac)
    limits = thresholds({**_SETTINGS.regulation.model_dump(), **config.thresholds})
    scenarios = chosen_scenarios(config.scenarios)
    rules = SwingRules(config.swing_threshold_frac)
    told = {
        held.portfolio_id: liability_of(held, tables, session, scenarios, policy, limits, rules, seed=config.seed)
        for held in fund_holdings(tables, session, policy, funds_only=True)
    }
    packs = report_packs(tables, session, scenarios, policy, limits, liabilities=told, seed=config.seed)
    return list(told.values()), packs


def _of_day(rows: pd.DataFrame, session: date) -> pd.DataFrame:
    return rows[rows["session_date"] == pd.Timestamp(session)].reset_index(drop=True)


def _report_check(regime: str) -> dg.AssetChecksDefinition:
    """Warn where a test of one regime fails; the failed ones are listed with number and bound."""

    @dg.asset_check(
        asset=dg.AssetKey(REGULATORY_TESTS.asset_path),
        name=f"{regime}_tests_hold",
        description=f"No test of the {regime} pack fails; tests without a number are counted apart.",
        partitions_def=DAILY,
        required_resource_keys={"lake"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        lake: Lake = context.resources.lake.open()
        days = sorted(date.fromisoformat(key) for key in context.partition_keys)
        parts = [frame_from_table(lake.read(REGULATORY_TESTS, day, day)) for day in days]
        rows = pd.concat(parts, ignore_index=True)
        rows = rows[rows["regime"] == regime]
        failed = rows[rows["passed"].eq(False).fillna(False)]
        unknown = rows[rows["passed"].isna() & (rows["side"] != "told")]
        told = [
            f"{row.session_date:%Y-%m-%d} {row.portfolio_id} {row.test}: {row.value:.6g}, bound {row.bound:.6g} {row.unit}"
            for row in failed.head(50).itertuples()
        ]
        return dg.AssetCheckResult(
            passed=failed.empty,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "tests": int((rows["side"] != "told").sum()),
                "failed": len(failed),
                "without a number": len(unknown),
                "failed tests": dg.MetadataValue.json(told),
            },
        )

    return check


REPORT_CHECKS: Final = tuple(_report_check(regime) for regime in REGIMES)
"""One warning check for each regime on ``regulatory_tests``."""
