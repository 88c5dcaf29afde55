"""Holdings from tables: prices and their age, currencies, equity, and what keeps a position from a number."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import InsufficientDataError
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.currency import Rates
from liquidity.portfolio.holdings_table import HOLDING_REASONS, holdings, refused_portfolios

DAY = date(2026, 3, 19)  # a Thursday


def surface(**changes):
    given = {
        "spread_bps": [10.0, 20.0, 5.0, 8.0],
        "adv_ccy": [1e6, 0.0, 1e8, 1e7],
        "volatility_daily_frac": 0.01,
        "price": [100.0, 50.0, 2.0, 10.0],
        "asset_class": ["bond_corporate", "equity", "crypto_perp", "crypto_spot"],
        "currency": ["INR", "INR", "USDT", "USDT"],
        "issuer_id": ["I1", "I2", None, None],
        "session_date": DAY,
    }
    return LiquiditySurface.of(["B", "E", "P", "S"], **(given | changes))


def position(
    name, quantity, *, price=None, portfolio="f", account="a", currency="INR", stated="2026-03-19", entry=None
):
    return {
        "session_date": pd.Timestamp(DAY), "portfolio_id": portfolio, "instrument_id": name, "account": account,
        "quantity": quantity, "entry_price": np.nan if entry is None else entry, "price": np.nan if price is None else price,
        "currency": currency, "margin_mode": None, "leverage": np.nan, "settlement_days": pd.NA,
        "observed_at": pd.Timestamp(f"{stated}T12:00Z"), "source": "t",
    }  # fmt: skip


def account(cash, *, currency="INR", base="INR", equity=None, portfolio="f", name="a"):
    return {
        "session_date": pd.Timestamp(DAY), "portfolio_id": portfolio, "account": name, "currency": currency, "kind": "fund",
        "base_currency": base, "cash": cash, "equity": np.nan if equity is None else equity, "units": np.nan,
        "observed_at": pd.Timestamp("2026-03-19T12:00Z"), "source": "t",
    }  # fmt: skip


def rates(*pairs):
    frame = pd.DataFrame(pairs, columns=["currency", "base_currency", "rate"])
    return frame.assign(session_date=pd.Timestamp(DAY))


def made(positions, accounts, fx=(), **options):
    return holdings(
        pd.DataFrame(positions), pd.DataFrame(accounts), rates(*fx), options.pop("on", surface()), DAY, **options
    )


def test_value_equity_and_place():
    [held] = made([position("B", 10.0, price=101.0), position("E", -4.0)], [account(500.0)])
    assert held.value_base.tolist() == [1010.0, -200.0]
    assert held.place.tolist() == [0, 1]
    assert held.equity_base == 500.0 + 1010.0 - 200.0
    assert held.side_sign.tolist() == [-1.0, 1.0]
    assert held.settlement_days.tolist() == [1, 1]


def test_one_instrument_in_two_accounts_is_one_position():
    [held] = made([position("B", 10.0), position("B", -4.0, account="b")], [account(0.0)])
    assert (held.instrument_id.tolist(), held.quantity.tolist()) == (["B"], [6.0])


@pytest.mark.parametrize(
    ("rows", "changes", "reason"),
    [
        (position("X", 1.0, price=1.0), {}, "unknown_instrument"),
        (position("B", 1.0, currency="USD", price=1.0), {}, "currency_differs"),
        (position("B", 1.0), {"price": np.nan}, "no_price"),
        (position("B", 1.0, price=9.0, stated="2026-03-10"), {"price": np.nan}, "stale_price"),
        (position("E", 1.0), {}, "no_volume"),
        (position("B", 1.0), {"method": "none"}, "no_cost"),
        (position("B", 1.0), {}, ""),
    ],
)
def test_a_position_that_is_left_out_says_why_and_the_others_stand(rows, changes, reason):
    [held] = made(
        [rows, position("P", 5.0, currency="USDT", account="z")],
        [account(1.0)],
        [("USDT", "INR", 80.0), ("USD", "INR", 80.0)],
        on=surface(**changes),
    )
    at = {name: place for place, name in enumerate(held.instrument_id)}
    assert held.reason[at[rows["instrument_id"]]] == reason
    assert reason in {"", *HOLDING_REASONS}
    assert len(held) == 2


@pytest.mark.parametrize(
    ("stated", "age", "market_age", "price"),
    [
        ("2026-03-19", 0.0, 3.0, 7.0),  # today's mark
        ("2026-03-16", 1.0, 1.0, 100.0),  # older than the market's price
        ("2026-03-18", 1.0, 1.0, 7.0),  # at equal age the mark
        ("2026-03-13", 4.0, 9.0, 7.0),  # over a weekend: four weekdays
    ],
)
def test_the_younger_price_counts(stated, age, market_age, price):
    [held] = made([position("B", 1.0, price=7.0, stated=stated)], [account(0.0)], on=surface(age_sessions=market_age))
    assert (held.price.tolist(), held.price_age_sessions.tolist()) == ([price], [age])


@pytest.mark.feature("ET-SZ-09")
def test_currencies_are_converted_or_the_portfolio_is_refused():
    positions = [position("B", 10.0), position("S", 3.0, currency="USDT", portfolio="g")]
    accounts = [account(100.0, currency="USD"), account(1.0, currency="USDT", base="USDT", portfolio="g")]
    [other] = made(positions, accounts)
    assert other.portfolio_id == "g"  # the others are computed
    refused = refused_portfolios(pd.DataFrame(positions), pd.DataFrame(accounts), rates(), DAY)
    assert list(refused) == ["f"]
    assert "USD to INR" in refused["f"]
    first, _ = made(positions, accounts, [("INR", "USD", 0.0125)])
    assert first.cash_base == 8_000.0


def test_several_base_currencies_refuse_a_portfolio():
    rows = pd.DataFrame([account(1.0), account(1.0, base="USD", name="b")])
    assert "several base currencies" in refused_portfolios(pd.DataFrame([position("B", 1.0)]), rows, rates(), DAY)["f"]


def test_perpetuals_count_by_their_gain_and_stated_equity_holds_everything_of_its_account():
    perp = position("P", -100.0, currency="USDT", entry=3.0, price=2.0)
    [gain] = made([perp], [account(50.0, currency="USDT", base="USDT")])
    assert gain.equity_base == 50.0 + 100.0
    [stated] = made([perp], [account(50.0, currency="USDT", base="USDT", equity=-7.0)])
    assert stated.equity_base == -7.0


def test_rates_are_found_the_other_way_round_and_over_a_third_currency():
    known = Rates({("INR", "USD"): 0.0125, ("EUR", "USD"): 1.25})
    assert known.convert("USD", "INR") == 80.0
    assert known.convert("EUR", "INR") == pytest.approx(100.0)
    assert known.convert("X", "X") == 1.0
    with pytest.raises(InsufficientDataError, match="from INR to BRL"):
        known.convert("INR", "BRL")
