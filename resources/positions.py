"""Where positions come from: landed files, a schema of the platform's database, or a venue's account.

``<landing>/positions/``, ``<landing>/accounts/`` and ``<landing>/fx_rates/`` hold the contracts' columns, in files named as
those of the other landed tables (docs/landing_layouts.md). Read next: ``liquidity/portfolio/statements.py`` (how a
statement reaches the sessions after it).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.contracts import ACCOUNTS, FUND_FLOWS, FX_RATES, POSITIONS
from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ConfigError, ContractError, SourceUnavailableError
from liquidity.ports.order_entry import OrderEntry
from resources.feeds._landing_files import landed_files, read_landed
from resources.feeds._recording import contract_rows

__all__ = ["Statements", "database_statements", "landed_flows", "landed_statements", "venue_statement"]

_SCHEMA_PATTERN: Final = r"[a-z_][a-z0-9_]{0,62}"


@dataclass(frozen=True, slots=True)
class Statements:
    """Rows of POSITIONS, ACCOUNTS and FX_RATES as they were stated."""

    positions: pd.DataFrame
    accounts: pd.DataFrame
    rates: pd.DataFrame

    @classmethod
    def of(cls, positions: pd.DataFrame, accounts: pd.DataFrame) -> "Statements":
        """Statements without exchange rates."""
        return cls(positions, accounts, _together(FX_RATES, []))

    @classmethod
    def joined(cls, parts: "Sequence[Statements]") -> "Statements":
        """All parts together; of one key the first part counts."""
        return cls(
            _together(POSITIONS, [part.positions for part in parts]),
            _together(ACCOUNTS, [part.accounts for part in parts]),
            _together(FX_RATES, [part.rates for part in parts]),
        )


def landed_statements(landing: Path, start: date, end: date, *, naive_times_utc: bool = False) -> Statements:
    """Read what was delivered for the days of [start, end], both included.

    Raises
    ------
    ContractError
        A file that cannot be read, holds another column, or is not of the days its name says; it is named.
    """
    return Statements(
        *(
            _landed(landing, each, start, end, naive_times_utc=naive_times_utc)
            for each in (POSITIONS, ACCOUNTS, FX_RATES)
        )
    )


def landed_flows(landing: Path, start: date, end: date, *, naive_times_utc: bool = False) -> pd.DataFrame:
    """Read ``<landing>/fund_flows/``, rows of FUND_FLOWS of [start, end]; raises as :func:`landed_statements`."""
    return _landed(landing, FUND_FLOWS, start, end, naive_times_utc=naive_times_utc)


def _landed(landing: Path, contract: TableContract, start: date, end: date, *, naive_times_utc: bool) -> pd.DataFrame:
    parts = [
        read_landed(file, contract, naive_times_utc=naive_times_utc)
        for file in landed_files(landing / contract.name)
        if file.may_hold(start, end)
    ]
    rows = _together(contract, parts)
    days = rows["session_date"]
    return rows[(days >= pd.Timestamp(start)) & (days <= pd.Timestamp(end))].reset_index(drop=True)


def database_statements(url: str, schema: str, start: date, end: date) -> Statements:
    """Read tables ``positions``, ``accounts`` and ``fx_rates`` of one schema of a PostgreSQL database.

    Parameters
    ----------
    schema
        Its tables have the contracts' columns; others are not read, and tables may be views.

    Raises
    ------
    ConfigError
        ``schema`` is no plain name.
    SourceUnavailableError
        The database does not answer, or has no such table or column.
    """
    import re

    import sqlalchemy as sa

    if re.fullmatch(_SCHEMA_PATTERN, schema) is None:
        raise ConfigError(f"database schema {schema!r}: allowed is a plain lower-case name, for example holdings")
    engine = sa.create_engine(url, poolclass=sa.NullPool)

    def read(contract: TableContract) -> pd.DataFrame:
        table = sa.table(contract.name, *(sa.column(name) for name in contract.column_names), schema=schema)
        query = sa.select(table).where(table.c.session_date.between(start, end))
        try:
            with engine.connect() as connection:
                found = connection.execute(query).mappings().all()
        except sa.exc.SQLAlchemyError as error:
            raise SourceUnavailableError(
                f"database table {schema}.{contract.name}: {str(error).splitlines()[0][:200]}; "
                f"it needs the columns {', '.join(contract.column_names)}"
            ) from error
        frame = pd.DataFrame([dict(row) for row in found], columns=list(contract.column_names))
        for name in (column.name for column in contract.columns if column.dtype in ("date", "timestamp")):
            frame[name] = pd.to_datetime(frame[name], utc=contract.column(name).dtype == "timestamp")
        return contract_rows(contract, {str(name): frame[name] for name in frame.columns})

    return Statements(read(POSITIONS), read(ACCOUNTS), read(FX_RATES))


async def venue_statement(entry: OrderEntry, session: date, base_currency: str, stated_at: datetime) -> Statements:
    """State one venue account as a portfolio named after the venue.

    Parameters
    ----------
    entry
        The account; only read from.
    session
        UTC day the statement is for.
    base_currency
        Currency the portfolio is reported in.
    stated_at
        Moment of the reading, aware.

    Raises
    ------
    ContractError
        The reading is of another UTC day than ``session``: a venue tells what is held now, nothing of the past.
    """
    if stated_at.astimezone(UTC).date() != session:
        raise ContractError(
            f"positions of {entry.venue}: read at {stated_at:%Y-%m-%d %H:%M} for session {session}; a venue tells what is held now"
        )
    held = await entry.positions()
    terms = {each.venue_symbol: await entry.account_terms(each.venue_symbol) for each in held}
    markets = await entry.markets()
    positions = {
        "instrument_id": [f"{entry.venue}:{each.venue_symbol}" for each in held],
        "quantity": [float(each.amount) for each in held],
        "entry_price": [float(each.entry_price) for each in held],
        "currency": [markets[each.venue_symbol].quote for each in held],
        "margin_mode": [terms[each.venue_symbol].margin_mode for each in held],
        "leverage": [float(terms[each.venue_symbol].leverage) for each in held],
    }
    money = await entry.balances()
    accounts = {
        "currency": [each.currency for each in money],
        "cash": [float(each.free) for each in money],
        "equity": [float(each.equity) for each in money],
    }
    shared = {
        "session_date": pd.Timestamp(session),
        "portfolio_id": entry.venue,
        "account": entry.venue,
        "observed_at": pd.Timestamp(stated_at),
        "source": f"venue {entry.venue}",
    }
    return Statements.of(
        contract_rows(POSITIONS, {**positions, **shared, "settlement_days": 0}, pd.RangeIndex(len(held))),
        contract_rows(
            ACCOUNTS,
            {**accounts, **shared, "kind": "crypto_book", "base_currency": base_currency},
            pd.RangeIndex(len(money)),
        ),
    )


def _together(contract: TableContract, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    having = [part for part in parts if len(part)]
    if not having:
        return contract_rows(contract, {}, pd.RangeIndex(0))
    whole = pd.concat(having, ignore_index=True)
    rows = contract_rows(contract, {str(name): whole[name] for name in whole.columns})
    return rows.drop_duplicates(list(contract.key), ignore_index=True)
