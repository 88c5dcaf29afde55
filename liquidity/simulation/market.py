"""The simulated market day by day: tables as the feeds would deliver them, and the truth behind them.

Everything of a day follows from the state of the day before and from random streams of (seed, day): simulating to a
later end changes nothing earlier, and no state is stored. A late day is reached by evolving silently from the start,
which costs about a tenth of writing the tables. Read next: ``config.py`` (the dials), ``events.py`` (what is planted).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.session import sessions_between
from liquidity.simulation.alternative import first_readings, next_readings
from liquidity.simulation.bond_market import BOND_CALENDAR, BondMarket, BondSession
from liquidity.simulation.config import BOND_RATINGS, MarketConfig
from liquidity.simulation.crypto import COIN_ADV_USD, CryptoDay, crypto_instruments, first_state, next_day
from liquidity.simulation.events import PlantedEvent, ground_truth, issuer_intensity, market_intensity
from liquidity.simulation.tables import MISSING_TIME, SIMULATED_CONTRACTS, contract_frame

__all__ = ["DayTruth", "SimulatedDay", "simulate_market"]

_DAY_US = 86_400_000_000
_MARKET_VALUE_DAYS = 20.0  # a coin's market value over its daily turnover


@dataclass(frozen=True, slots=True)
class DayTruth:
    """What the tables of a day hide.

    Parameters
    ----------
    events
        Planted events active on the day.
    bonds
        One row per bond, in ISIN order; empty on a closed day: ``instrument_id, issuer_id, rating, yield_frac,
        credit_spread_frac, fair_price`` (per 100), ``duration_years, stress_log, lone_spread_bps``.
    trades
        One row per trade, by ISIN and time: ``instrument_id, traded_at`` (UTC), ``price`` (per 100), ``face_ccy,
        value_ccy, side_sign`` (+1 the customer bought).
    """

    events: tuple[PlantedEvent, ...]
    bonds: pd.DataFrame
    trades: pd.DataFrame


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """One UTC day of the market.

    ``tables`` holds a frame per table of :data:`SIMULATED_CONTRACTS`, sorted by key, possibly empty: bonds have no
    rows on days their market is closed, and a silent adapter has none at all. Every row has source ``simulated``.
    """

    session_date: date
    tables: dict[str, pd.DataFrame]
    truth: DayTruth


def simulate_market(
    config: MarketConfig, start: date, end: date, *, emit_from: date | None = None
) -> Iterator[SimulatedDay]:
    """Simulate every UTC day of ``start``..``end``, one at a time.

    Parameters
    ----------
    start
        Epoch of the market: its first day. Another start is another market.
    end
        Last day, inclusive. ``simulate_market(c, s, e1)`` is a prefix of ``simulate_market(c, s, e2)`` for e1 <= e2.
    emit_from
        First day to yield; earlier days are evolved silently. Default: ``start``.

    Yields
    ------
    SimulatedDay
        Memory is that of one day, whatever the length.

    Raises
    ------
    ConfigError
        ``end`` is before ``start``, or the bond calendar does not know one of the days.

    Examples
    --------
    >>> config = MarketConfig(bonds=5, issuers=2, crypto_coins=1, crypto_perps=0)
    >>> friday, saturday = simulate_market(config, date(2026, 1, 9), date(2026, 1, 10))
    >>> len(friday.tables["instruments"]), saturday.tables["instruments"]["instrument_id"].tolist()
    (6, ['sim:BTCUSDT'])
    """
    if end < start:
        raise ConfigError(f"simulated market: end {end} is before start {start}")
    first = start if emit_from is None else emit_from
    planted = ground_truth(config, start, end).events
    open_days = set(sessions_between(BOND_CALENDAR, start, end))
    bonds = BondMarket(config, start)
    coins = first_state(config)
    readings = first_readings(config, start)
    for offset in range((end - start).days + 1):
        day = start + timedelta(days=offset)
        active = tuple(event for event in planted if event.first_day <= day <= event.last_day)
        readings = next_readings(config, readings, day, issuer_intensity(active, day, config.issuers))
        coins, crypto = next_day(config, coins, day, market_intensity(active, day))
        session = bonds.advance(day, active) if day in open_days else None
        if day < first:
            continue
        parts = [] if session is None else [bonds.tables(session, readings, active)]
        parts.append(_crypto_tables(config, crypto, day))
        silent = {event.subject for event in active if event.kind == "adapter_outage"}
        tables = {name: _assemble(name, [] if name in silent else parts) for name in SIMULATED_CONTRACTS}
        yield SimulatedDay(day, tables, _truth(bonds, session, active))


def _assemble(name: str, parts: list[dict[str, dict[str, NDArray[Any]]]]) -> pd.DataFrame:
    contract = SIMULATED_CONTRACTS[name]
    having = [part[name] for part in parts if name in part]
    if not having:
        return contract_frame(contract, _no_rows(name))
    joined = {column: np.concatenate([part[column] for part in having]) for column in having[0]}
    return contract_frame(contract, joined)


def _no_rows(name: str) -> dict[str, NDArray[Any]]:
    from liquidity.simulation.tables import fed_columns

    contract = SIMULATED_CONTRACTS[name]
    floats = {"float64", "int64"}
    return {
        column: np.empty(0, dtype=np.float64 if contract.column(column).dtype in floats else np.int64)
        if contract.column(column).dtype != "string"
        else np.empty(0, dtype=object)
        for column in fed_columns(contract)
    }


def _crypto_tables(config: MarketConfig, crypto: CryptoDay, day: date) -> dict[str, dict[str, NDArray[Any]]]:
    ids, classes = crypto_instruments(config)
    rows = len(ids)
    if not rows:
        return {}
    order = np.argsort(np.array(ids))
    close_us = int(np.datetime64(day, "us").astype(np.int64)) + _DAY_US
    missing = np.full(rows, MISSING_TIME, dtype=np.int64)
    spread = crypto.spread_bps / 2e4
    own: dict[str, NDArray[Any]] = {
        "session_date": np.full(rows, int(np.datetime64(day, "D").astype(np.int64))),
        "instrument_id": np.array(ids, dtype=object),
        "source": np.full(rows, "simulated", dtype=object),
    }
    nothing = np.full(rows, None, dtype=object)
    observed = {
        "observed_at": np.full(rows, close_us - 1_000_000),
        "known_at": np.full(rows, close_us - 500_000),
    }
    tables: dict[str, dict[str, NDArray[Any]]] = {
        "instruments": own
        | {
            "asset_class": np.array(classes, dtype=object),
            "issuer_id": nothing,
            "sector": nothing,
            "rating": nothing,
            "currency": np.full(rows, "USDT", dtype=object),
            "calendar": np.full(rows, "24/7", dtype=object),
            "issue_date": missing,
            "maturity_date": missing,
            "amount_outstanding": _MARKET_VALUE_DAYS * COIN_ADV_USD[crypto.coin],
        },
        "microstructure": own
        | observed
        | {
            "venue": np.full(rows, "sim.exchange", dtype=object),
            "bid": crypto.close * (1.0 - spread),
            "ask": crypto.close * (1.0 + spread),
            "quoted_spread_bps": crypto.spread_bps,
            "spread_method": np.full(rows, "time_weighted", dtype=object),
            "depth_ccy": crypto.depth_ccy,
            "depth_band_bps": np.full(rows, 10.0),
            "l2_levels": np.full(rows, 1000.0),
            "open": crypto.open,
            "high": crypto.high,
            "low": crypto.low,
            "close": crypto.close,
            "adj_factor": np.ones(rows),
            "vwap": crypto.vwap,
            "trades_count": crypto.trades_count.astype(np.float64),
            "turnover_ccy": crypto.turnover_ccy,
            "last_trade_at": np.full(rows, close_us - 1_000_000),
        },
        "sentiment": own
        | observed
        | {
            "issuer_id": nothing,
            "sentiment_score": crypto.stories.score[crypto.coin],
            "buzz_volume": crypto.stories.count[crypto.coin].astype(np.float64),
            "topics": crypto.stories.topics[crypto.coin],
        },
    }
    return {name: {column: values[order] for column, values in table.items()} for name, table in tables.items()}


def _truth(market: BondMarket, session: BondSession | None, active: tuple[PlantedEvent, ...]) -> DayTruth:
    bonds, issuers = market.bonds, market.issuers
    order = market.order() if session is not None else np.arange(0)
    who = bonds.issuer[order]
    isin = bonds.isin[order]
    hidden: dict[str, Any] = {
        "instrument_id": isin,
        "issuer_id": issuers.name[who],
        "rating": np.array(BOND_RATINGS)[issuers.rating[who]],
    }
    names = ("yield_frac", "credit_spread_frac", "fair_price", "duration_years", "stress_log")
    for name in names:
        hidden[name] = getattr(session.pricing, name)[order] if session is not None else np.empty(0)
    hidden["lone_spread_bps"] = session.lone_spread_bps[order] if session is not None else np.empty(0)
    if session is None:
        none = np.empty(0)
        empty = dict.fromkeys(("price", "face_ccy", "value_ccy", "side_sign"), none)
        at = pd.DatetimeIndex(np.empty(0, dtype="datetime64[us]")).tz_localize("UTC")
        return DayTruth(active, pd.DataFrame(hidden), pd.DataFrame({"instrument_id": isin, "traded_at": at, **empty}))
    trades = session.trades
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    by_isin = np.argsort(rank[trades.bond], kind="stable")
    listed = pd.DataFrame(
        {
            "instrument_id": bonds.isin[trades.bond[by_isin]],
            "traded_at": pd.DatetimeIndex(trades.time_us[by_isin].view("datetime64[us]")).tz_localize("UTC"),
            "price": trades.price[by_isin],
            "face_ccy": trades.face_ccy[by_isin],
            "value_ccy": trades.value_ccy[by_isin],
            "side_sign": trades.side_sign[by_isin],
        }
    )
    return DayTruth(active, pd.DataFrame(hidden), listed)
