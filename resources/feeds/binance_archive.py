"""Candles of Binance's public archive, landed as downloaded: ``<landing>/binance_archive/**/BTCUSDT-1h-2025-01.zip``.

Spot and USD-M futures files have the same names, so the folder must say which they are, as the archive's own does:
``spot`` or ``um`` somewhere between the landing folder and the file. Files come with or without a header; times are in
milliseconds, those of spot files since 2025 in microseconds. Shorter candles are summed to UTC days that have all of
them.
"""

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS, MICROSTRUCTURE
from liquidity.domain.errors import ContractError
from resources.feeds._crypto_pairs import CALENDAR, pair_instruments, quote_currency
from resources.feeds._downloads import csv_cells, downloaded, numbers, read_each
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import (
    SET_ASIDE_COLUMNS,
    Recording,
    TableFeed,
    closes_utc,
    contract_rows,
    refuse,
    split_sessions,
)

__all__ = ["NAME", "STEP_S", "open_feed", "read_download"]

NAME: Final = "binance_archive"
STEP_S: Final = {
    "1s": 1, "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "4h": 14_400,
    "6h": 21_600, "8h": 28_800, "12h": 43_200, "1d": 86_400,
}  # fmt: skip
"""Seconds of the candles that are read; longer ones (3d, 1w, 1mo) say nothing of a day."""

_DAY_S: Final = 86_400
_MICROSECONDS_FROM: Final = 10**14
"""Larger stamps are microseconds: as milliseconds they would lie after the year 5138, as microseconds before 1973."""
_VENUE: Final = {"spot": ("binance", "crypto_spot"), "um": ("binanceusdm", "crypto_perp")}
_NAME: Final = re.compile(
    r"(?P<symbol>[A-Z0-9]{2,30}(?:_\d{6})?)-(?P<step>\d{1,2}(?:s|m|h|d|w|mo))-\d{4}-\d{2}(?:-\d{2})?\.(?:csv|zip|csv\.gz)",
    re.ASCII,
)
_COLUMNS: Final = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades", "taker_base",
    "taker_quote", "ignore",
)  # fmt: skip
_PRICES: Final = ["open", "high", "low", "close"]


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on landed candle files; ``None`` without any."""
    folder = roots.landing / NAME
    paths = downloaded(folder, (".csv", ".csv.gz", ".zip"))
    tables = ("instruments", "microstructure")
    return TableFeed(NAME, tables, ("crypto_spot", "crypto_perp"), _build, tuple(paths), (folder,)) if paths else None


def read_download(path: Path, folder: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Candles of one file and those set aside.

    Returns
    -------
    tuple
        ``venue, asset_class, symbol, step_s, ts`` (start, aware UTC), ``open, high, low, close``, ``volume`` (base),
        ``quote_volume``, ``trades``; and the refused rows: ``no_number``, ``bad_time`` (not on the candle's grid),
        ``no_price``, ``ohlc_order``, ``negative_volume``.

    Raises
    ------
    ContractError
        The name is no candle file's, neither ``spot`` nor ``um`` is said, the future has an expiry, the candles are
        longer than a day, or the file has not the archive's twelve columns.
    """
    venue, asset_class, symbol, step_s = _facts(path, folder)
    cells = csv_cells(path, header=None)
    if len(cells.columns) != len(_COLUMNS):
        raise ContractError(f"{path.name}: {len(cells.columns)} columns; a candle file has {len(_COLUMNS)}")
    cells.columns = pd.Index(_COLUMNS)
    if cells["open_time"].iloc[0] == "open_time":
        cells = cells.iloc[1:].reset_index(drop=True)
    figures = cells[[name for name in _COLUMNS if name != "ignore"]].apply(numbers)
    stamp = figures["open_time"].fillna(-1).astype("int64")
    stamp_us = stamp.where(stamp >= _MICROSECONDS_FROM, stamp * 1000)
    prices = figures[_PRICES]
    reasons = pd.Series(
        np.select(
            [
                figures.isna().any(axis=1),
                (stamp < 0) | (stamp_us % (step_s * 1_000_000) != 0),
                ~(prices > 0).all(axis=1),
                (figures["low"] > prices.min(axis=1)) | (figures["high"] < prices.max(axis=1)),
                (figures[["volume", "quote_volume", "trades"]] < 0).any(axis=1),
            ],
            ["no_number", "bad_time", "no_price", "ohlc_order", "negative_volume"],
            default="",
        ),
        dtype="str",
    )
    named = cells.assign(symbol=symbol)
    aside = [
        refuse("microstructure", reason, named[reasons == reason], "symbol", "open_time", "close")
        for reason in sorted(set(reasons) - {""})
    ]
    good = figures.assign(
        ts=pd.to_datetime(stamp_us, unit="us", utc=True),
        venue=venue,
        asset_class=asset_class,
        symbol=symbol,
        step_s=step_s,
    )
    columns = ["venue", "asset_class", "symbol", "step_s", "ts", *_PRICES, "volume", "quote_volume", "trades"]
    return good.loc[reasons == "", columns], aside


def _facts(path: Path, folder: Path) -> tuple[str, str, str, int]:
    name = _NAME.fullmatch(path.name)
    if name is None:
        raise ContractError(f"{path.name}: no candle file's name; the archive writes BTCUSDT-1h-2025-01.zip")
    kinds = [part for part in path.relative_to(folder).parts[:-1] if part in _VENUE]
    if len(set(kinds)) != 1:
        raise ContractError(f"{path.name}: put it under a folder spot or um, as the archive has it; found {kinds}")
    if "_" in name["symbol"]:
        raise ContractError(f"{path.name}: a future with an expiry; only spot and perpetuals are read")
    if name["step"] not in STEP_S:
        raise ContractError(f"{path.name}: candles of {name['step']}; read are {', '.join(STEP_S)}")
    return (*_VENUE[kinds[0]], name["symbol"], STEP_S[name["step"]])


def _days(candles: pd.DataFrame) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Daily bars; of several steps for a day the longest complete one counts."""
    market = ["venue", "asset_class", "symbol"]
    candles = candles.drop_duplicates()  # a month and its days may both be there
    again = candles.duplicated([*market, "step_s", "ts"])
    aside = [refuse("microstructure", "duplicate_key", candles[again], "symbol", "ts", "close")]
    rows = candles[~again].sort_values([*market, "step_s", "ts"]).assign(day=lambda bars: bars["ts"].dt.floor("D"))
    days = (
        rows.groupby([*market, "step_s", "day"])
        .agg(
            open=("open", "first"), high=("high", "max"), low=("low", "min"), close=("close", "last"),
            volume=("volume", "sum"), quote_volume=("quote_volume", "sum"), trades=("trades", "sum"), bars_n=("open", "size"),
        )
        .reset_index()
    )  # fmt: skip
    days["missing_n"] = _DAY_S // days["step_s"] - days["bars_n"]
    complete = days[days["missing_n"] == 0].sort_values([*market, "day", "step_s"])
    complete = complete.drop_duplicates([*market, "day"], keep="last")
    known = pd.MultiIndex.from_frame(complete[[*market, "day"]])
    lacking = days[~pd.MultiIndex.from_frame(days[[*market, "day"]]).isin(known)]
    aside.append(refuse("microstructure", "incomplete_day", lacking, "symbol", "day", "missing_n"))
    complete = complete.assign(session_date=complete["day"].dt.tz_localize(None).astype("datetime64[us]"))
    complete["instrument_id"] = complete["venue"] + ":" + complete["symbol"]
    return complete.sort_values(["session_date", "instrument_id"], ignore_index=True), aside


def _build(*arguments: Path) -> Recording:
    *paths, folder = arguments
    good, aside = read_each(paths, "microstructure", lambda path: read_download(path, folder))
    rows = pd.concat(good, ignore_index=True) if good else pd.DataFrame()
    if len(rows):
        rows, refused = _days(rows)
        rows, early = split_sessions(rows, "microstructure", CALENDAR, "instrument_id")
        unknown = quote_currency(rows["symbol"]).isna()
        strangers = refuse("microstructure", "unknown_currency", rows[unknown], "instrument_id", "session_date")
        rows = rows[~unknown].reset_index(drop=True)
        aside += [*refused, early, strangers]
    parts = [part for part in aside if len(part)]
    refused_rows = (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(SET_ASIDE_COLUMNS), dtype="str")
    )
    if not len(rows):
        empty = {table.name: contract_rows(table, {}, pd.RangeIndex(0)) for table in (INSTRUMENTS, MICROSTRUCTURE)}
        return Recording(empty, refused_rows)
    rows = rows.assign(currency=quote_currency(rows["symbol"]))
    return Recording(
        {"instruments": pair_instruments(rows, NAME), "microstructure": _microstructure(rows)}, refused_rows
    )


def _microstructure(rows: pd.DataFrame) -> pd.DataFrame:
    closes = closes_utc(CALENDAR, rows["session_date"])
    return contract_rows(
        MICROSTRUCTURE,
        {
            **{name: rows[name] for name in ("session_date", "instrument_id", "venue", *_PRICES)},
            "adj_factor": 1.0,
            "vwap": (rows["quote_volume"] / rows["volume"]).where(rows["volume"] > 0),
            "trades_count": rows["trades"],
            "turnover_ccy": rows["quote_volume"],
            "last_trade_at": closes.where(rows["volume"] > 0),
            "observed_at": closes,
            "known_at": closes,
            "source": NAME,
        },
    )
