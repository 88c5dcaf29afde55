"""What a holder stated, brought to each session: the newest statement counts until it is too old.

Funds state their holdings once a day, a week or a month. A statement stands for the sessions after it, on days on which
a market of its instruments is open; every row keeps the moment it was stated at. Read next: ``holdings_table.py``.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import pandas as pd

from liquidity.contracts import ACCOUNTS, FX_RATES, POSITIONS
from liquidity.contracts.table import TableContract

__all__ = ["carry_rates", "carry_statements", "rates_of_series"]

_PAIR: Final = re.compile(r"^FX_([A-Z0-9]{3,5})_([A-Z0-9]{3,5})$", re.ASCII)
_FRED_PAIRS: Final[Mapping[str, tuple[str, str]]] = {
    "FRED_DEXBZUS": ("USD", "BRL"),
    "FRED_DEXCAUS": ("USD", "CAD"),
    "FRED_DEXCHUS": ("USD", "CNY"),
    "FRED_DEXINUS": ("USD", "INR"),
    "FRED_DEXJPUS": ("USD", "JPY"),
    "FRED_DEXSZUS": ("USD", "CHF"),
    "FRED_DEXUSAL": ("AUD", "USD"),
    "FRED_DEXUSEU": ("EUR", "USD"),
    "FRED_DEXUSUK": ("GBP", "USD"),
}
"""Exchange rates of the Federal Reserve's H.10 release by FRED name: currency, and what its price is counted in."""


def carry_statements(
    positions: pd.DataFrame,
    accounts: pd.DataFrame,
    listed: pd.DataFrame,
    sessions: Sequence[date],
    max_age_days: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of POSITIONS and ACCOUNTS for each session, from statements of that day or earlier ones.

    Parameters
    ----------
    positions, accounts
        Rows as stated; ``session_date`` is the day of the statement. A portfolio states both tables for one day; its
        accounts may be absent (then it has no cash).
    listed
        ``session_date, instrument_id`` of the instruments that were alive on the sessions.
    max_age_days
        Calendar days that a statement stands for after its own.

    Returns
    -------
    tuple
        Positions and accounts with ``session_date`` of the session. On its own day a portfolio is always there; on later
        ones where one of its instruments is listed.
    """
    stated = _statement_days(positions, accounts)
    kept_positions, kept_accounts = [], []
    alive = {day: set(rows["instrument_id"]) for day, rows in listed.groupby("session_date")}
    held = dict(tuple(positions.groupby(["portfolio_id", "session_date"])))
    money = dict(tuple(accounts.groupby(["portfolio_id", "session_date"])))
    for session in pd.DatetimeIndex(sorted(pd.Timestamp(day) for day in sessions)).as_unit("us"):
        for portfolio, days in stated.items():
            newest = days[days <= session].max() if days[0] <= session else None
            if newest is None or (session - newest).days > max_age_days:
                continue
            rows = held.get((portfolio, newest), positions.iloc[:0])
            if newest < session and not set(rows["instrument_id"]) & alive.get(session, set()):
                continue
            kept_positions.append(rows.assign(session_date=session))
            kept_accounts.append(money.get((portfolio, newest), accounts.iloc[:0]).assign(session_date=session))
    return _joined(kept_positions, positions, POSITIONS), _joined(kept_accounts, accounts, ACCOUNTS)


def carry_rates(rates: pd.DataFrame, sessions: Sequence[date], max_age_days: int) -> pd.DataFrame:
    """Newest rate of each pair on each session, at most ``max_age_days`` calendar days old; rows of FX_RATES."""
    kept = []
    ordered = rates.sort_values("session_date", kind="stable")
    for session in pd.DatetimeIndex(sorted(pd.Timestamp(day) for day in sessions)).as_unit("us"):
        age_days = (session - ordered["session_date"]).dt.days
        near = ordered[(age_days >= 0) & (age_days <= max_age_days)]
        kept.append(near.drop_duplicates(["currency", "base_currency"], keep="last").assign(session_date=session))
    return _joined(kept, rates, FX_RATES)


def rates_of_series(macro: pd.DataFrame) -> pd.DataFrame:
    """Exchange rates among the macroeconomic series: ``FX_<currency>_<base>`` and the H.10 names of FRED.

    Examples
    --------
    >>> series = pd.DataFrame({"session_date": pd.to_datetime(["2026-03-19"]), "series_id": ["FRED_DEXINUS"],
    ...     "value": [83.0], "observed_at": pd.to_datetime(["2026-03-19T17:00Z"]), "source": ["macro"]})
    >>> rates_of_series(series)[["currency", "base_currency", "rate"]].values.tolist()
    [['USD', 'INR', 83.0]]
    """
    pairs = {name: _pair_of(str(name)) for name in macro["series_id"].unique()}
    found = {name: pair for name, pair in pairs.items() if pair is not None}
    rows = macro[macro["series_id"].isin(list(found)) & (macro["value"] > 0)]
    return pd.DataFrame(
        {
            "session_date": rows["session_date"],
            "currency": rows["series_id"].map({name: pair[0] for name, pair in found.items()}).astype("str"),
            "base_currency": rows["series_id"].map({name: pair[1] for name, pair in found.items()}).astype("str"),
            "rate": rows["value"].astype("float64"),
            "observed_at": rows["observed_at"],
            "source": rows["source"],
        }
    ).reset_index(drop=True)


def _pair_of(series: str) -> tuple[str, str] | None:
    named = _PAIR.match(series)
    return (named[1], named[2]) if named else _FRED_PAIRS.get(series)


def _statement_days(*tables: pd.DataFrame) -> dict[str, pd.DatetimeIndex]:
    days = pd.concat([table[["portfolio_id", "session_date"]] for table in tables], ignore_index=True)
    return {
        str(portfolio): pd.DatetimeIndex(sorted(rows["session_date"].unique()))
        for portfolio, rows in days.groupby("portfolio_id")
    }


def _joined(parts: list[pd.DataFrame], empty: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    rows = [part for part in parts if len(part)]
    whole = pd.concat(rows, ignore_index=True) if rows else empty.iloc[:0]
    return whole[list(contract.column_names)].sort_values(list(contract.key), ignore_index=True)
