"""Statements reach the sessions after them; demo portfolios are the same on every run."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import ACCOUNTS, POSITIONS
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import inspect_rows
from liquidity.domain.errors import ConfigError
from liquidity.portfolio.demo import DEMO_RECORDED, demo_portfolios, demo_prices, fund_units_frac, simulated_rates
from liquidity.portfolio.statements import carry_rates, carry_statements, rates_of_series

MONDAY = date(2026, 3, 16)
DAYS = [MONDAY + timedelta(days=n) for n in range(10)]


def stated(day, name="B", quantity=5.0, portfolio="f"):
    return {
        "session_date": pd.Timestamp(day), "portfolio_id": portfolio, "instrument_id": name, "account": "a", "quantity": quantity,
        "entry_price": np.nan, "price": np.nan, "currency": "INR", "margin_mode": None, "leverage": np.nan,
        "settlement_days": pd.NA, "observed_at": pd.Timestamp(day, tz="UTC"), "source": "t",
    }  # fmt: skip


def listed(days, name="B"):
    return pd.DataFrame({"session_date": pd.DatetimeIndex(days), "instrument_id": name})


NO_ACCOUNTS = pd.DataFrame(columns=list(ACCOUNTS.column_names))


def test_the_newest_statement_stands_until_it_is_too_old():
    rows = pd.DataFrame([stated(DAYS[0]), stated(DAYS[2], quantity=7.0)])
    held, _ = carry_statements(rows, NO_ACCOUNTS, listed(DAYS), DAYS, 3)
    assert held["session_date"].dt.day.tolist() == [16, 17, 18, 19, 20, 21]
    assert held["quantity"].tolist() == [5.0, 5.0, 7.0, 7.0, 7.0, 7.0]
    assert held["observed_at"].dt.day.tolist() == [16, 16, 18, 18, 18, 18]


def test_a_statement_is_not_carried_to_a_day_on_which_nothing_of_it_is_listed():
    held, _ = carry_statements(pd.DataFrame([stated(DAYS[4])]), NO_ACCOUNTS, listed([DAYS[4], DAYS[7]]), DAYS, 7)
    assert held["session_date"].dt.day.tolist() == [20, 23]  # not over the weekend


def test_a_position_that_is_gone_from_the_newest_statement_is_gone():
    rows = pd.DataFrame([stated(DAYS[0]), stated(DAYS[0], name="C"), stated(DAYS[1], name="C")])
    held, _ = carry_statements(rows, NO_ACCOUNTS, listed(DAYS, "C"), DAYS[1:2], 7)
    assert held["instrument_id"].tolist() == ["C"]


def test_rates_are_carried_and_read_from_series():
    series = pd.DataFrame(
        {
            "session_date": pd.DatetimeIndex([DAYS[0]] * 4),
            "series_id": ["FRED_DEXUSEU", "FX_USDT_USD", "VIX_CLOSE", "FX_A_B"],
            "value": [1.25, 0.999, 20.0, 0.0],
            "observed_at": pd.Timestamp(DAYS[0], tz="UTC"),
            "source": "macro",
        }
    )
    rates = rates_of_series(series)
    assert rates[["currency", "base_currency", "rate"]].to_numpy().tolist() == [
        ["EUR", "USD", 1.25],
        ["USDT", "USD", 0.999],
    ]
    carried = carry_rates(rates, DAYS, 2)
    assert carried["session_date"].dt.day.unique().tolist() == [16, 17, 18]
    assert rates_of_series(series.iloc[:0]).empty


def instruments(n, *, asset_class="bond_corporate", currency="INR", source="simulated", calendar="XBOM"):
    return pd.DataFrame(
        {
            "session_date": pd.Timestamp(MONDAY), "instrument_id": [f"sim:X{i:03d}{asset_class[-4:].upper()}" for i in range(n)],
            "asset_class": asset_class, "currency": currency, "calendar": calendar,
            "amount_outstanding": np.linspace(1e9, 9e9, n), "source": source,
        }
    )  # fmt: skip


def prices(rows, price=99.5):
    return pd.DataFrame({"instrument_id": rows["instrument_id"], "price": price})


def test_the_demo_fund_keeps_its_contract_and_its_names():
    rows = instruments(80)
    made = demo_portfolios(rows, prices(rows), MONDAY, 7)
    again = demo_portfolios(rows.sample(frac=1.0, random_state=1), prices(rows), MONDAY, 7)
    pd.testing.assert_frame_equal(made.positions, again.positions)
    assert made.positions["portfolio_id"].unique().tolist() == ["demo_fund"]
    assert len(made.positions) == 45
    for contract, table in ((POSITIONS, made.positions), (ACCOUNTS, made.accounts)):
        assert not inspect_rows(table_from_frame(table, contract), contract, MONDAY).violations
    share = made.positions.merge(rows, on="instrument_id")
    held = share["quantity"] * 100.0 / share["amount_outstanding"] / fund_units_frac(7, MONDAY)
    assert held.between(0.0009, 0.0061).all()


def test_the_demo_book_holds_coins_and_margined_perpetuals():
    rows = pd.concat(
        [
            instruments(10, asset_class="crypto_spot", currency="USDT", calendar="24/7"),
            instruments(3, asset_class="crypto_perp", currency="USDT", calendar="24/7"),
        ]
    )
    made = demo_portfolios(rows, prices(rows, 123.0), MONDAY, 7)
    perps = made.positions[made.positions["account"] == "margin"]
    assert sorted(perps["margin_mode"]) == ["cross", "cross", "isolated"]
    assert (np.sign(perps["quantity"]) == [1.0, -1.0, 1.0]).all()
    assert (perps["price"] / perps["entry_price"] - 1.0).abs().max() < 0.05
    accounts = made.accounts.set_index("account")
    gains = ((perps["price"] - perps["entry_price"]) * perps["quantity"]).sum()
    assert accounts.loc["margin", "equity"] == pytest.approx(accounts.loc["margin", "cash"] + gains)


def test_recorded_instruments_get_portfolios_of_their_own():
    rows = pd.concat([instruments(8, source="feed"), instruments(3, source="feed", currency="BRL"), instruments(6)])
    rows["instrument_id"] = [f"v:N{i}" for i in range(len(rows))]
    made = demo_portfolios(rows, prices(rows), MONDAY, 7)
    assert set(made.positions["portfolio_id"]) == {"demo_fund", "recorded_bond_inr"}  # three are too few
    assert set(made.positions.loc[made.positions["portfolio_id"] != "demo_fund", "source"]) == {DEMO_RECORDED}


def test_units_fall_in_a_run_and_come_back():
    path = [fund_units_frac(7, date(2026, 1, 1) + timedelta(days=n)) for n in range(365)]
    assert 0.7 < min(path) < 0.97
    assert fund_units_frac(8, MONDAY) != fund_units_frac(7, MONDAY)
    with pytest.raises(ConfigError, match="1998-01-01"):
        fund_units_frac(7, date(1990, 1, 1))


def test_prices_are_the_middle_of_a_quote_or_the_close_of_a_day_with_trades():
    quotes = pd.DataFrame(
        {"session_date": pd.Timestamp(MONDAY), "instrument_id": ["A", "A", "B", "C"], "venue": ["v", "u", "v", "v"],
         "bid": [1.0, 3.0, np.nan, np.nan], "ask": [2.0, 5.0, np.nan, np.nan], "close": [9.0, 9.0, 7.0, 8.0], "turnover_ccy": [0.0, 0.0, 5.0, np.nan]}
    )  # fmt: skip
    told = demo_prices(quotes).set_index("instrument_id")["price"]
    assert (told["A"], told["B"]) == (4.0, 7.0)
    assert "C" not in told


def test_simulated_rates_are_seeded():
    assert simulated_rates(MONDAY, 7).equals(simulated_rates(MONDAY, 7))
    assert not simulated_rates(MONDAY, 7).equals(simulated_rates(MONDAY, 8))
