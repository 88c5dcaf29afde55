"""Stage 1: what is held, from whoever states it, and the exchange rates that bring it into one currency.

Read next: ``surface.py`` (what liquidity costs), ``portfolio_liquidity.py`` (both together).
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pandas as pd
from pydantic import Field

from io_managers.contract_assets import asset_out, borrow, history
from io_managers.day_metadata import report_days
from io_managers.sessions import run_sessions
from liquidity.contracts import (
    ACCOUNTS,
    FX_RATES,
    INSTRUMENTS,
    MACRO_SERIES,
    MICROSTRUCTURE,
    POSITION_CONTRACTS,
    POSITIONS,
)
from liquidity.domain.errors import ConfigError
from resources.dagster_wiring import DAILY, ClockResource, FeedsResource, PulseStoreResource
from resources.positions import Statements, database_statements, landed_statements, venue_statement
from resources.settings import current_settings
from risk_assets.upstream import follow

__all__ = ["PositionsConfig", "positions"]

_SETTINGS = current_settings()
_PAST = _SETTINGS.portfolio.max_statement_age_days


class PositionsConfig(dg.Config):
    """Who states positions."""

    sources: list[str] = Field(
        default=["landing", "demo_recorded"],
        description="Sources in order of trust: landing, database, venue (settings venue_account), demo_recorded (recorded instruments, where recorded data are there).",
    )
    database_schema: str = Field(
        default="holdings",
        description="Schema of the platform's database with tables positions, accounts and fx_rates.",
    )


@dg.multi_asset(
    name="positions",
    outs={
        contract.name: asset_out(contract, automation_condition=follow(MACRO_SERIES)) for contract in POSITION_CONTRACTS
    },
    ins={
        "instruments": borrow(INSTRUMENTS),
        "quotes": borrow(
            MICROSTRUCTURE, "session_date", "instrument_id", "venue", "bid", "ask", "close", "turnover_ccy"
        ),
        "macro": history(MACRO_SERIES, days=_PAST + 1),
    },
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def positions(
    context: dg.AssetExecutionContext,
    config: PositionsConfig,
    feeds: FeedsResource,
    store: PulseStoreResource,
    clock: ClockResource,
    instruments: pd.DataFrame,
    quotes: pd.DataFrame,
    macro: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Read every source's statements and bring the newest of each portfolio to the sessions of the run."""
    from liquidity.portfolio.statements import carry_rates, carry_statements, rates_of_series

    sessions = run_sessions(context)
    first = sessions[0] - timedelta(days=_PAST)
    read: dict[str, Callable[[], Statements]] = {
        "landing": lambda: _landed(feeds, first, sessions[-1]),
        "database": lambda: database_statements(store.url, config.database_schema, first, sessions[-1]),
        "venue": lambda: _venue(clock, sessions[-1]),
        "demo_recorded": lambda: _demo(feeds, instruments, quotes, sessions),
    }
    unknown = sorted(set(config.sources) - set(read))
    if unknown:
        raise ConfigError(f"positions: sources {unknown} are not known; allowed: {list(read)}")
    stated = Statements.joined([read[source]() for source in config.sources])
    held, money = carry_statements(stated.positions, stated.accounts, instruments, sessions, _PAST)
    rates = carry_rates(pd.concat([stated.rates, rates_of_series(macro)], ignore_index=True), sessions, _PAST)
    for contract, table in ((POSITIONS, held), (ACCOUNTS, money), (FX_RATES, rates)):
        report_days(context, contract, table, _counted)
        yield dg.Output(table, output_name=contract.name)


def _landed(feeds: FeedsResource, start: date, end: date) -> Statements:
    roots = feeds.roots()
    return landed_statements(roots.landing, start, end, naive_times_utc=roots.naive_times_utc)


def _venue(clock: ClockResource, session: date) -> Statements:
    from resources.venues import VenueKeys, open_order_entry

    account = _SETTINGS.venue_account
    if account.venue is None:
        raise ConfigError("positions: source venue, but the setting venue_account.venue is null; name the account")
    keys = VenueKeys(
        api_key=account.api_key.get_secret_value() if account.api_key else "",
        secret=account.secret.get_secret_value() if account.secret else "",
        wallet=account.wallet or "",
        private_key=account.private_key.get_secret_value() if account.private_key else "",
    )
    venue = account.venue

    async def read() -> Statements:
        async with open_order_entry(venue, base_url=account.url, keys=keys) as entry:
            return await venue_statement(entry, session, account.base_currency, clock.now())

    return asyncio.run(read())


def _demo(feeds: FeedsResource, instruments: pd.DataFrame, quotes: pd.DataFrame, sessions: list[date]) -> Statements:
    from liquidity.domain.origin import is_simulated
    from liquidity.portfolio.demo import demo_portfolios, demo_prices

    recorded = instruments[~is_simulated(instruments["source"])]
    prices = demo_prices(quotes)
    made = [
        demo_portfolios(
            recorded[recorded["session_date"] == day],
            prices[prices["session_date"] == day],
            day.date(),
            _SETTINGS.simulate_seed,
        )
        for day in pd.DatetimeIndex(sessions)
        if feeds.real_data is not None
    ]
    return Statements.joined([Statements.of(positions=each.positions, accounts=each.accounts) for each in made])


def _counted(rows: pd.DataFrame) -> dict[str, Any]:
    """Rows, portfolios and sources of one day."""
    told: dict[str, Any] = {"rows": len(rows)}
    if "portfolio_id" in rows:
        told["portfolios"] = int(rows["portfolio_id"].nunique())
    if len(rows):
        told["sources"] = ", ".join(sorted(rows["source"].unique()))
        told["stated at, oldest"] = f"{rows['observed_at'].min():%Y-%m-%d %H:%M} UTC"
    return told
