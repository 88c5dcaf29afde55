"""From the tables of positions, accounts and rates to arrays: what each portfolio holds, and what keeps it from a number.

Nothing is dropped: an unknown instrument, a missing or stale price stays in the holdings with its reason. A portfolio
without the rates it needs is refused as a whole, the others are made. Read next: ``ladder.py``.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import InsufficientDataError
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.currency import Rates
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.policy import SETTLEMENT_SESSIONS

__all__ = ["HOLDING_REASONS", "holdings", "refused_portfolios"]

HOLDING_REASONS: Final[Mapping[str, str]] = {
    "unknown_instrument": "the surface of the session does not have the instrument",
    "currency_differs": "the position is stated in another currency than the market's, or by its accounts in two",
    "no_price": "neither the holder nor the market names a price",
    "stale_price": "the newest price is older than max_price_age_sessions",
    "no_volume": "average daily volume is 0 or unknown: there is no time to liquidate",
    "no_cost": "the surface has no cost for the instrument",
}
"""Reasons of positions that are left out of a number."""

_ALWAYS_OPEN: Final = ("crypto_spot", "crypto_perp")
_PERPETUAL: Final = "crypto_perp"
_DEFAULT_SETTLEMENT: Final = 1


def holdings(
    positions: pd.DataFrame,
    accounts: pd.DataFrame,
    fx: pd.DataFrame,
    surface: LiquiditySurface,
    session: date,
    *,
    max_price_age_sessions: float = 5.0,
    settlement_sessions: Mapping[str, int] = SETTLEMENT_SESSIONS,
) -> list[Holdings]:
    """Portfolios of one session as arrays, by name.

    Parameters
    ----------
    positions, accounts, fx
        Rows of POSITIONS, ACCOUNTS and FX_RATES; rows of other sessions are left out.
    surface
        Gives place, market price and the instrument's facts.
    max_price_age_sessions
        A price older than this values nothing.
    settlement_sessions
        Sessions from sale to cash by asset class, for positions that state none.

    Returns
    -------
    list of Holdings
        One position per instrument: amounts in several accounts are added with their signs, since what is traded to close
        them is the sum. Portfolios of :func:`refused_portfolios` are left out.

    Notes
    -----
    The price is the younger of the holder's mark and the market's; at equal age the mark. Ages count weekdays, of crypto
    days. Equity of an account is what it states, all it holds included; else cash plus the value of what is paid in full plus the unrealised
    gain of perpetuals (none where no entry price is known). Without account a portfolio has no cash and is reported in
    its first position's currency.
    """
    refused = refused_portfolios(positions, accounts, fx, session)
    held, money, rates = (
        _of_session(positions, session),
        _of_session(accounts, session),
        Rates.of(_of_session(fx, session)),
    )
    names = sorted((set(held["portfolio_id"]) | set(money["portfolio_id"])) - set(refused))
    by_name, cash_of = dict(tuple(held.groupby("portfolio_id"))), dict(tuple(money.groupby("portfolio_id")))
    return [
        _portfolio(
            str(name),
            by_name.get(name, held.iloc[:0]),
            cash_of.get(name, money.iloc[:0]),
            rates,
            surface,
            session,
            max_price_age_sessions,
            settlement_sessions,
        )
        for name in names
    ]


def refused_portfolios(
    positions: pd.DataFrame, accounts: pd.DataFrame, fx: pd.DataFrame, session: date
) -> dict[str, str]:
    """Portfolios of the session that cannot be brought into one currency, with the reason."""
    held, money, rates = (
        _of_session(positions, session),
        _of_session(accounts, session),
        Rates.of(_of_session(fx, session)),
    )
    refused: dict[str, str] = {}
    for name in sorted(set(held["portfolio_id"]) | set(money["portfolio_id"])):
        own, cash = held[held["portfolio_id"] == name], money[money["portfolio_id"] == name]
        if cash["base_currency"].nunique() > 1:
            refused[str(name)] = f"its accounts name several base currencies: {sorted(set(cash['base_currency']))}"
            continue
        base = _base_currency(own, cash)
        for currency in sorted({*own["currency"], *cash["currency"]}):
            try:
                rates.convert(currency, base)
            except InsufficientDataError as missing:
                refused[str(name)] = str(missing)
                break
    return refused


def _portfolio(
    name: str,
    rows: pd.DataFrame,
    money: pd.DataFrame,
    rates: Rates,
    surface: LiquiditySurface,
    session: date,
    max_age: float,
    settlement: Mapping[str, int],
) -> Holdings:
    base = _base_currency(rows, money)
    rate_of = {currency: rates.convert(currency, base) for currency in {*rows["currency"], *money["currency"]}}
    rows = rows.sort_values(["instrument_id", "account"], ignore_index=True)
    place_all = surface.places(rows["instrument_id"].to_numpy(dtype=object))
    price_all, age_all = _prices(rows, surface, place_all, session)
    asset_class_all = _fact(surface.asset_class, place_all)
    quantity_all = rows["quantity"].to_numpy(dtype=np.float64)
    fx_all = _rates_of(rows["currency"], rate_of).to_numpy(dtype=np.float64)

    opens = ~rows["instrument_id"].duplicated().to_numpy(dtype=np.bool_)
    first, group = np.flatnonzero(opens), np.cumsum(opens) - 1
    quantity = np.bincount(group, weights=quantity_all, minlength=len(first)).astype(np.float64)
    # Accounts may mark one instrument at different times: the youngest price counts, of equally old ones the first.
    old = np.where(np.isnan(age_all), np.inf, age_all)
    youngest = np.lexsort((np.arange(len(rows)), old, group))[first]
    place, price, age, fx = place_all[first], price_all[youngest], age_all[youngest], fx_all[first]
    asset_class = asset_class_all[first]
    stated_in = rows["currency"].to_numpy(dtype=object)
    differs = (stated_in != stated_in[first][group]) | (
        (place_all >= 0) & (stated_in != _fact(surface.currency, place_all))
    )
    mismatch = np.bincount(group, weights=differs, minlength=len(first)) > 0.0
    reason = _reasons(surface, place, price, age, mismatch, max_age)
    place = np.where(mismatch, -1, place)
    usable = np.isfinite(price) & ~(age > max_age)
    price = np.where(usable, price, np.nan)
    stated = rows["settlement_days"].to_numpy(dtype=np.float64, na_value=np.nan)[first]
    usual = np.array([settlement.get(each, _DEFAULT_SETTLEMENT) for each in asset_class], dtype=np.float64)
    cash = float((money["cash"] * _rates_of(money["currency"], rate_of)).sum())
    return Holdings(
        portfolio_id=name,
        base_currency=base,
        cash_base=cash,
        equity_base=_equity(
            rows, money, rate_of, price_all, (age_all <= max_age) & ~mismatch[group], asset_class_all, fx_all
        ),
        instrument_id=rows["instrument_id"].to_numpy(dtype=object)[first],
        quantity=quantity,
        price=price,
        fx=fx,
        value_base=quantity * price * fx,
        place=place.astype(np.int64),
        asset_class=asset_class,
        sector=_fact(surface.sector, place),
        rating=_fact(surface.rating, place),
        issuer_id=_fact(surface.issuer_id, place),
        settlement_days=np.where(np.isfinite(stated), stated, usual).astype(np.int64),
        price_age_sessions=np.where(np.isfinite(price), age, np.nan),
        reason=reason,
    )


def _prices(
    rows: pd.DataFrame, surface: LiquiditySurface, place: NDArray[np.int64], session: date
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Price and its age in sessions: the younger of mark and market, at equal age the mark."""
    mark = rows["price"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = place >= 0
    at = np.where(known, place, 0)
    market = np.where(known, surface.price[at], np.nan) if len(surface) else np.full(len(rows), np.nan)
    market_age = np.where(known, surface.age_sessions[at], np.nan) if len(surface) else np.full(len(rows), np.nan)
    # A pooled or rule-based cost has no age; its price is then as old as the newest the surface could have: today's.
    market_age = np.where(np.isfinite(market) & np.isnan(market_age), 0.0, market_age)
    stated = rows["observed_at"].dt.tz_convert(None).to_numpy(dtype="datetime64[s]")
    days = (stated - np.timedelta64(1, "s")).astype("datetime64[D]")
    today = np.datetime64(session, "D")
    always = np.isin(_fact(surface.asset_class, place), _ALWAYS_OPEN)
    weekdays = np.busday_count(np.minimum(days, today), today).astype(np.float64)
    mark_age = np.where(always, (today - np.minimum(days, today)).astype(np.float64), weekdays)
    takes_mark = np.isfinite(mark) & (~np.isfinite(market) | (mark_age <= market_age))
    price = np.where(takes_mark, mark, market)
    age = np.where(takes_mark, mark_age, market_age)
    return price, np.where(np.isfinite(price), age, np.nan)


def _reasons(
    surface: LiquiditySurface,
    place: NDArray[np.int64],
    price: NDArray[np.float64],
    age: NDArray[np.float64],
    mismatch: NDArray[np.bool_],
    max_age: float,
) -> NDArray[np.object_]:
    known = place >= 0
    at = np.where(known, place, 0)
    adv = np.where(known, surface.adv_ccy[at], np.nan) if len(surface) else np.full(len(place), np.nan)
    answered = np.where(known, surface.answered[at], False) if len(surface) else np.zeros(len(place), dtype=bool)
    chosen = np.select(
        [~known, mismatch, np.isnan(price), age > max_age, ~(adv > 0.0), ~answered.astype(bool)],
        list(HOLDING_REASONS),
        default="",
    )
    return chosen.astype(object)


def _equity(
    rows: pd.DataFrame,
    money: pd.DataFrame,
    rate_of: Mapping[str, float],
    price: NDArray[np.float64],
    usable: NDArray[np.bool_],
    asset_class: NDArray[np.object_],
    fx: NDArray[np.float64],
) -> float:
    quantity = rows["quantity"].to_numpy(dtype=np.float64)
    entry = rows["entry_price"].to_numpy(dtype=np.float64, na_value=np.nan)
    perpetual = asset_class == _PERPETUAL
    worth = np.where(perpetual, np.nan_to_num(price - entry), price) * quantity * fx
    worth = np.where(np.isfinite(worth) & usable, worth, 0.0)
    stated = money[money["equity"].notna()]
    spoken_for = rows["account"].isin(set(stated["account"])).to_numpy(dtype=np.bool_)
    stated_or_cash = money["equity"].where(money["equity"].notna(), money["cash"])
    total = float((stated_or_cash * _rates_of(money["currency"], rate_of)).sum())
    return total + float(worth[~spoken_for].sum())


def _rates_of(currency: pd.Series, rate_of: Mapping[str, float]) -> pd.Series:
    return currency.map(dict(rate_of)).astype("float64")


def _fact(values: NDArray[np.object_], place: NDArray[np.int64]) -> NDArray[np.object_]:
    out = np.full(len(place), None, dtype=object)
    known = place >= 0
    out[known] = values[place[known]]
    return out


def _base_currency(rows: pd.DataFrame, money: pd.DataFrame) -> str:
    return str(money["base_currency"].iloc[0]) if len(money) else str(rows["currency"].iloc[0])


def _of_session(rows: pd.DataFrame, session: date) -> pd.DataFrame:
    return rows[rows["session_date"] == pd.Timestamp(session)]
