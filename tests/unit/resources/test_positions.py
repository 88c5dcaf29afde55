"""Statements from files, a database and a venue's account; the demo portfolios of a simulated market."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pandas as pd
import pytest

from liquidity.contracts import POSITION_CONTRACTS, POSITIONS
from liquidity.domain.errors import ConfigError, ContractError, SourceUnavailableError
from liquidity.domain.order import AccountTerms, Balance, VenuePosition
from liquidity.portfolio.policy import DEFAULT_POLICY
from liquidity.simulation import MarketConfig
from resources.demo_portfolios import demo_portfolios_to_landing
from resources.feeds._simulated_files import simulate_to_landing
from resources.portfolio_policy import portfolio_policy
from resources.positions import Statements, database_statements, landed_statements, venue_statement
from resources.settings import load_settings

DAY = date(2026, 3, 19)
HEAD = "session_date,portfolio_id,instrument_id,account,quantity,currency,observed_at,source\n"
ROW = "2026-03-19,f,binance:BTCUSDT,a,1.5,USDT,2026-03-19T12:00:00Z,t\n"


@dataclass
class Account:
    """An order entry that only tells what is held."""

    venue: str = "binanceusdm"

    async def positions(self):
        return [VenuePosition("binanceusdm", "BTCUSDT", Decimal("-0.5"), Decimal(60_000), Decimal(10), None)]

    async def account_terms(self, symbol):
        return AccountTerms(symbol, 5, "isolated", "one_way")

    async def markets(self):
        return {"BTCUSDT": SimpleNamespace(quote="USDT")}

    async def balances(self):
        return [Balance("binanceusdm", "USDT", Decimal(1_010), Decimal(700))]


def landed(folder, text, name="book.csv"):
    (folder / "positions").mkdir(exist_ok=True)
    (folder / "positions" / name).write_text(text, encoding="utf-8")
    return folder


def test_landed_files_are_read_in_the_contracts_types(tmp_path):
    rows = landed_statements(landed(tmp_path, HEAD + ROW), DAY, DAY).positions
    assert rows[["portfolio_id", "quantity"]].to_numpy().tolist() == [["f", 1.5]]
    assert list(rows.columns) == list(POSITIONS.column_names)
    assert rows["price"].isna().all()
    assert landed_statements(tmp_path, date(2026, 3, 20), date(2026, 3, 20)).positions.empty


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (HEAD.replace("quantity", "amount") + ROW, "book.csv", "amount"),
        (HEAD + ROW, "2026-03-18.csv", "other days"),
        (HEAD + ROW.replace("Z", ""), "book.csv", "zone"),
        (HEAD + ROW.replace("1.5", "many"), "book.csv", "many"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_named(tmp_path, text, name, message):
    with pytest.raises(ContractError, match=message) as refused:
        landed_statements(landed(tmp_path, text, name), date(2026, 3, 18), DAY)
    assert name in str(refused.value)


def test_of_one_key_the_first_source_counts(tmp_path):
    first = landed_statements(landed(tmp_path, HEAD + ROW), DAY, DAY)
    second = Statements.of(first.positions.assign(quantity=9.0), first.accounts)
    assert Statements.joined([first, second]).positions["quantity"].tolist() == [1.5]
    assert Statements.joined([]).positions.empty


def test_a_venue_account_becomes_a_portfolio():
    stated = asyncio.run(venue_statement(Account(), DAY, "USDT", datetime(2026, 3, 19, 12, tzinfo=UTC)))
    [row] = stated.positions.to_dict("records")
    assert (row["instrument_id"], row["quantity"], row["leverage"], row["margin_mode"]) == (
        "binanceusdm:BTCUSDT", -0.5, 5.0, "isolated",
    )  # fmt: skip
    [money] = stated.accounts.to_dict("records")
    assert (money["cash"], money["equity"], money["base_currency"]) == (700.0, 1_010.0, "USDT")


def test_a_venue_tells_nothing_of_another_day():
    with pytest.raises(ContractError, match="what is held now"):
        asyncio.run(venue_statement(Account(), DAY, "USDT", datetime(2026, 3, 20, 12, tzinfo=UTC)))


def test_a_database_that_does_not_answer_is_a_source_that_does_not():
    with pytest.raises(ConfigError, match="plain lower-case name"):
        database_statements("postgresql+psycopg2://u@127.0.0.1:1/d", "a;drop", DAY, DAY)
    with pytest.raises(SourceUnavailableError, match=r"holdings\.positions"):
        database_statements("postgresql+psycopg2://u@127.0.0.1:1/d", "holdings", DAY, DAY)


@pytest.mark.slow
def test_statements_are_read_from_a_database(empty_postgres_url):
    import sqlalchemy as sa

    kinds = {
        "string": "text",
        "float64": "double precision",
        "int64": "bigint",
        "timestamp": "timestamptz",
        "date": "date",
    }
    with sa.create_engine(empty_postgres_url, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("create schema holdings"))
        for contract in POSITION_CONTRACTS:
            columns = ", ".join(f"{column.name} {kinds[column.dtype]}" for column in contract.columns)
            connection.execute(sa.text(f"create table holdings.{contract.name} ({columns})"))
        connection.execute(
            sa.text(
                "insert into holdings.positions (session_date, portfolio_id, instrument_id, account, quantity, currency, "
                "observed_at, source) values ('2026-03-19', 'f', 'binance:BTCUSDT', 'a', 1.5, 'USDT', '2026-03-19T12:00Z', 't')"
            )
        )
    stated = database_statements(empty_postgres_url, "holdings", DAY, DAY)
    [row] = stated.positions.to_dict("records")
    assert (row["quantity"], row["observed_at"]) == (1.5, pd.Timestamp("2026-03-19T12:00Z"))
    assert stated.rates.empty
    assert database_statements(empty_postgres_url, "holdings", date(2026, 3, 20), date(2026, 3, 20)).positions.empty


def test_the_simulated_market_ships_a_fund_and_a_book(tmp_path):
    market, start, end = MarketConfig.sized(30, 7), date(2026, 6, 1), date(2026, 6, 4)
    simulate_to_landing(tmp_path, market, start, end)
    report = demo_portfolios_to_landing(tmp_path, start, end, 7)
    stated = landed_statements(tmp_path, start, end)
    assert set(stated.positions["portfolio_id"]) == {"demo_fund", "demo_crypto_book"}
    assert set(stated.positions["source"]) == {"simulated"}
    assert (report.sessions, report.positions) == (4, len(stated.positions))
    assert stated.rates["session_date"].nunique() == 4
    files = sorted(tmp_path.rglob("*.parquet"))
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    demo_portfolios_to_landing(tmp_path, start, end, 7)
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before  # not even written again
    assert demo_portfolios_to_landing(tmp_path / "none", start, end, 7).files == 0


def test_the_policy_of_the_default_settings_is_the_default_policy():
    policy = portfolio_policy(load_settings())
    assert policy.limits == DEFAULT_POLICY.limits
    assert dict(policy.urgency) == dict(DEFAULT_POLICY.urgency)
    assert (policy.warnings, policy.tiers, policy.participation_frac) == (
        DEFAULT_POLICY.warnings, DEFAULT_POLICY.tiers, DEFAULT_POLICY.participation_frac,
    )  # fmt: skip
    assert policy.stress == DEFAULT_POLICY.stress


def test_urgencies_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match="must not fall"):
        load_settings(urgency={"low": {"participation_frac": 0.5, "min_horizon_sessions": 2.0}})
