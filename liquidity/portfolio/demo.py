"""Demo portfolios: what a fund and a crypto book would hold of the instruments that are there, by rule.

No draw depends on how many days or instruments there are: a name is held or not, in what amount, by a hash of its
identifier. Prices, cash and unit counts follow from that, so a demo portfolio is the same on each run and changes little
from day to day. Simulated instruments give ``demo_fund`` and ``demo_crypto_book``; recorded ones one portfolio for each
family and currency that has enough of them. Read next: ``holdings_table.py``.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.contracts import ACCOUNTS, POSITIONS
from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ConfigError
from liquidity.domain.instrument import BOND_CLASSES
from liquidity.domain.origin import SIMULATED, is_simulated
from liquidity.domain.session import session_close
from liquidity.simulation.streams import stream, student_t

__all__ = ["DEMO_RECORDED", "DemoStatement", "demo_portfolios", "demo_prices", "fund_units_frac", "simulated_rates"]

DEMO_RECORDED: Final = "demo_recorded"
"""``source`` of demo portfolios on recorded instruments."""

_FUND_NAMES: Final = 45
_BOOK_NAMES: Final = 9
_LEAST_NAMES: Final = 5  # of recorded instruments, below which no portfolio is shown
_CASH_FRAC: Final = 0.05
_UNITS: Final = 10_000_000.0
_FLOW_SD_FRAC: Final = 0.004
_REVERSION: Final = 0.99
_RUN_DAYS: Final = 120  # one redemption run in each block of so many days
_RUN_LENGTH: Final = 5
_SATURDAY: Final = 5
_FLOWS_FROM: Final = date(1998, 1, 1)
_FLOWS_TO: Final = date(2035, 12, 31)
_RUN_FLOW_FRAC: Final = -0.015
_POSITION_CCY: Final = {"bond": 10_000_000.0, "equity": 5_000_000.0, "crypto": 500_000.0}
_PERPS: Final = ((1.0, "cross", 3.0), (-1.0, "cross", 3.0), (1.0, "isolated", 8.0))  # side, margin mode, leverage


@dataclass(frozen=True, slots=True)
class DemoStatement:
    """Rows of POSITIONS and ACCOUNTS of one session."""

    positions: pd.DataFrame
    accounts: pd.DataFrame


def demo_portfolios(instruments: pd.DataFrame, prices: pd.DataFrame, session: date, seed: int) -> DemoStatement:
    """State the demo portfolios of one session.

    Parameters
    ----------
    instruments
        Rows of INSTRUMENTS of the session; simulated and recorded ones go to portfolios of their own.
    prices
        ``instrument_id, price`` in the instrument's currency; instruments without a price are held at amounts that
        follow from their issue size, else not at all.
    seed
        Seed of the funds' flows.

    Returns
    -------
    DemoStatement
        Sorted by key; empty where nothing is listed.

    Notes
    -----
    A simulated bond is held at 0.1 to 0.6 % of its issue, times the units in issue over those at the first. Of other
    instruments a round amount of money over the price rounded to a power of two is held: the quantity then changes only
    where the price has moved far.
    """
    listed = instruments.merge(prices[["instrument_id", "price"]], on="instrument_id", how="left")
    parts: list[tuple[pd.DataFrame, pd.DataFrame]] = []
    for (simulated, family, currency), rows in listed.groupby(
        [is_simulated(listed["source"]), _families(listed["asset_class"]), "currency"]
    ):
        if not simulated and rows["price"].notna().sum() < _LEAST_NAMES:
            continue
        name = _name(bool(simulated), str(family), str(currency))
        source = SIMULATED if simulated else DEMO_RECORDED
        if family == "crypto":
            parts.append(_crypto_book(rows, name, str(currency), session, source))
        else:
            parts.append(_fund(rows, name, str(family), str(currency), session, source, seed))
    positions = _rows(POSITIONS, [part[0] for part in parts])
    return DemoStatement(positions, _rows(ACCOUNTS, [part[1] for part in parts]))


def demo_prices(quotes: pd.DataFrame) -> pd.DataFrame:
    """Price of each instrument and session: that of the first venue with a quote (its middle) or with trades (its close).

    Parameters
    ----------
    quotes
        ``session_date, instrument_id, venue, bid, ask, close, turnover_ccy`` of MICROSTRUCTURE.

    Returns
    -------
    pd.DataFrame
        ``session_date, instrument_id, price``, without those that have neither: an index has closes, and nobody can hold it.
    """
    middle = (quotes["bid"] + quotes["ask"]) / 2.0
    traded = quotes["close"].where(quotes["turnover_ccy"] > 0.0)
    key = ["session_date", "instrument_id"]
    priced = quotes[[*key, "venue"]].assign(price=middle.where(middle.notna(), traded)).dropna(subset=["price"])
    return priced.sort_values([*key, "venue"], kind="stable").drop_duplicates(key, ignore_index=True)[[*key, "price"]]


def fund_units_frac(seed: int, session: date) -> float:
    """Units in issue over their long-run number: holders come and go, and now and then they run.

    On weekdays, log units = 0.99 of the day before + flow; flows are Student-t with 4 degrees of freedom and a daily
    standard deviation of 0.4 %. In each block of 120 days five days of a run take 1.5 % a day, which returns slowly.

    Examples
    --------
    >>> fund_units_frac(7, date(2026, 3, 19)) == fund_units_frac(7, date(2026, 3, 19))
    True
    """
    place = (session - _FLOWS_FROM).days
    path = _units_path(seed)
    if not 0 <= place < len(path):
        raise ConfigError(
            f"units of demo funds: {session} is outside {_FLOWS_FROM} to {_FLOWS_TO}; choose a day inside"
        )
    return float(path[place])


@lru_cache(maxsize=4)
def _units_path(seed: int) -> NDArray[np.float64]:
    days = (_FLOWS_TO - _FLOWS_FROM).days + 1
    path, level = np.empty(days), 0.0
    for place in range(days):
        day = _FLOWS_FROM + timedelta(days=place)
        if day.weekday() < _SATURDAY:
            level = _REVERSION * level + _FLOW_SD_FRAC * float(student_t(stream(seed, day, "portfolios"), 4.0, 1)[0])
            if place % _RUN_DAYS >= _RUN_DAYS - _RUN_LENGTH:
                level += _RUN_FLOW_FRAC
        path[place] = np.exp(level)
    path.setflags(write=False)
    return path


def simulated_rates(session: date, seed: int) -> pd.DataFrame:
    """Simulated exchange rates into US dollars: the rupee within a few per mille of 84, the coin dollar of 1."""
    noise = stream(seed, session, "portfolios").standard_normal(3)[1:]
    rates = np.array([1.0 / 84.0, 1.0]) * np.exp(np.array([2e-3, 3e-4]) * noise)
    return pd.DataFrame(
        {
            "session_date": pd.Timestamp(session),
            "currency": ["INR", "USDT"],
            "base_currency": "USD",
            "rate": rates,
            "observed_at": pd.Timestamp(session, tz="UTC") + pd.Timedelta(days=1),
            "source": SIMULATED,
        }
    )


def _fund(
    rows: pd.DataFrame, name: str, family: str, currency: str, session: date, source: str, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    chosen = _chosen(rows, name, _FUND_NAMES)
    share = _hashed(chosen["instrument_id"], "size")
    units_frac = fund_units_frac(seed, session)
    issue = chosen["amount_outstanding"].to_numpy(dtype=np.float64)
    price = chosen["price"].to_numpy(dtype=np.float64)
    money = _POSITION_CCY[family] * (0.3 + 2.0 * share)
    by_price = money / _octave(price, 1)
    quantity = np.where(source == SIMULATED, np.round((0.001 + 0.005 * share) * issue / 100.0), by_price) * units_frac
    held = np.isfinite(quantity) & (quantity > 0)
    positions = pd.DataFrame(
        {
            "session_date": pd.Timestamp(session),
            "portfolio_id": name,
            "instrument_id": chosen["instrument_id"],
            "account": "custody",
            "quantity": np.floor(quantity),
            "entry_price": np.nan,
            "price": price,
            "currency": chosen["currency"],
            "margin_mode": None,
            "leverage": np.nan,
            "settlement_days": pd.NA,
            "observed_at": _close(chosen["calendar"], session),
            "source": source,
        }
    )[held & (np.floor(quantity) > 0)]
    worth = float(np.nansum(positions["quantity"] * positions["price"].fillna(100.0)))
    accounts = _account(
        name,
        "custody",
        currency,
        "fund",
        currency,
        _CASH_FRAC * worth,
        None,
        _UNITS * units_frac,
        positions,
        session,
        source,
    )
    return positions, accounts


def _crypto_book(
    rows: pd.DataFrame, name: str, currency: str, session: date, source: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    priced = rows[rows["price"].notna()]
    spot = _chosen(priced[priced["asset_class"] == "crypto_spot"], name, _BOOK_NAMES)
    perps = _chosen(priced[priced["asset_class"] == "crypto_perp"], name, len(_PERPS))
    terms = pd.DataFrame(_PERPS[: len(perps)], columns=["side", "margin_mode", "leverage"])
    chosen = pd.concat([spot, perps], ignore_index=True)
    n_spot = len(spot)
    price = chosen["price"].to_numpy(dtype=np.float64)
    side = np.concatenate([np.ones(n_spot), terms["side"].to_numpy(dtype=np.float64)])
    money = _POSITION_CCY["crypto"] * np.where(
        np.arange(len(chosen)) < n_spot, 0.3 + 2.0 * _hashed(chosen["instrument_id"], "size"), 4.0
    )
    entry = _octave(price, 8)
    positions = pd.DataFrame(
        {
            "session_date": pd.Timestamp(session),
            "portfolio_id": name,
            "instrument_id": chosen["instrument_id"],
            "account": np.where(np.arange(len(chosen)) < n_spot, "spot", "margin"),
            "quantity": side * _two_digits(money / _octave(price, 1)),
            "entry_price": entry,
            "price": price,
            "currency": chosen["currency"],
            "margin_mode": [None] * n_spot + terms["margin_mode"].tolist(),
            "leverage": [np.nan] * n_spot + terms["leverage"].tolist(),
            "settlement_days": pd.array([0] * len(chosen), dtype="Int64"),
            "observed_at": _close(chosen["calendar"], session),
            "source": source,
        }
    )
    base = "USD" if source == SIMULATED else currency
    in_margin = positions["account"] == "margin"
    gains = float(((positions["price"] - positions["entry_price"]) * positions["quantity"])[in_margin].sum())
    collateral = 0.4 * float((positions["price"] * positions["quantity"]).abs()[in_margin].sum())
    collateral = float(_octave(np.array([collateral]), 4)[0]) if collateral > 0.0 else 0.0
    free = _CASH_FRAC * float((positions["price"] * positions["quantity"])[~in_margin].sum())
    accounts = [
        _account(name, "spot", currency, "crypto_book", base, round(free, 2), None, None, positions, session, source)
    ]
    if in_margin.any():
        accounts.append(
            _account(
                name,
                "margin",
                currency,
                "crypto_book",
                base,
                collateral,
                collateral + gains,
                None,
                positions,
                session,
                source,
            )
        )
    return positions, pd.concat(accounts, ignore_index=True)


def _account(
    portfolio: str,
    account: str,
    currency: str,
    kind: str,
    base_currency: str,
    cash: float,
    equity: float | None,
    units: float | None,
    positions: pd.DataFrame,
    session: date,
    source: str,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "session_date": [pd.Timestamp(session)],
            "portfolio_id": portfolio,
            "account": account,
            "currency": currency,
            "kind": kind,
            "base_currency": base_currency,
            "cash": cash,
            "equity": np.nan if equity is None else equity,
            "units": np.nan if units is None else np.floor(units),
            "observed_at": positions["observed_at"].max() if len(positions) else pd.Timestamp(session, tz="UTC"),
            "source": source,
        }
    )


def _rows(contract: TableContract, parts: list[pd.DataFrame]) -> pd.DataFrame:
    having = [part for part in parts if len(part)]
    if not having:
        return pd.DataFrame(columns=list(contract.column_names))
    whole = pd.concat(having, ignore_index=True)[list(contract.column_names)]
    return whole.sort_values(list(contract.key), ignore_index=True)


def _name(simulated: bool, family: str, currency: str) -> str:
    if simulated:
        return "demo_crypto_book" if family == "crypto" else f"demo_{'fund' if family == 'bond' else family}"
    return f"recorded_{family}_{currency.lower()}"


def _families(asset_class: pd.Series) -> pd.Series:
    return asset_class.map(lambda name: "bond" if name in BOND_CLASSES else name.split("_")[0])


def _chosen(rows: pd.DataFrame, name: str, count: int) -> pd.DataFrame:
    """Take the names with the smallest hashes, in order of their identifiers."""
    rank = _hashed(rows["instrument_id"], name)
    picked = rows.iloc[np.argsort(rank, kind="stable")[:count]]
    return picked.sort_values("instrument_id", ignore_index=True)


def _hashed(identifiers: pd.Series, salt: str) -> NDArray[np.float64]:
    """Put each identifier at its place in [0, 1), the same for ever."""
    digests = (hashlib.sha256(f"{salt}:{each}".encode()).digest()[:8] for each in identifiers)
    return np.array([int.from_bytes(digest, "big") / 2.0**64 for digest in digests], dtype=np.float64)


def _octave(values: NDArray[np.float64], parts: int) -> NDArray[np.float64]:
    """Round to powers of two in ``parts`` steps an octave."""
    rounded: NDArray[np.float64] = 2.0 ** (np.round(parts * np.log2(values)) / parts)
    return rounded


def _two_digits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    scale = 10.0 ** (np.floor(np.log10(values)) - 1.0)
    rounded: NDArray[np.float64] = np.round(values / scale) * scale
    return rounded


def _close(calendars: pd.Series, session: date) -> pd.DatetimeIndex:
    closes = {name: session_close(name, [session])[0] for name in calendars.unique()}
    return pd.DatetimeIndex(calendars.map(closes).to_numpy(dtype="datetime64[us]")).tz_localize("UTC")
