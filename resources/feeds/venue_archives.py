"""History that other crypto venues offer for download, landed as ``<landing>/venue_archives/**``.

Read are Kraken's candles (``XBTUSD_1440.csv``: no header; candles without trades are not in the file), Bybit's trades
(``BTCUSDT2024-01-01.csv.gz`` of perpetuals, ``BTCUSDT_2024-01-01.csv.gz`` of spot, known by their header) and OKX's
one-minute candles (known by their header; its files cut at 16:00 UTC, so that a UTC day needs two of them). Perpetuals are
``venue:SYMBOL-PERP`` on Bybit, which lists both under one symbol, and the venue's own name on OKX.
"""

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.domain.errors import ContractError
from resources.feeds._crypto_pairs import quote_currency
from resources.feeds._downloads import csv_cells, downloaded, numbers, read_each
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._market_days import recording_of_bars
from resources.feeds._recording import Recording, TableFeed, refuse

__all__ = ["KRAKEN_STEPS_MIN", "NAME", "open_feed", "read_download"]

NAME: Final = "venue_archives"
KRAKEN_STEPS_MIN: Final = (1, 5, 15, 30, 60, 240, 720, 1440)
"""Minutes of Kraken's candles."""
_KRAKEN: Final = re.compile(r"(?P<symbol>[A-Z0-9]{4,20})_(?P<minutes>\d{1,4})\.csv(?:\.gz)?", re.ASCII)
_BYBIT: Final = re.compile(
    r"(?P<symbol>[A-Z0-9]{4,30}?)[-_]?(?P<period>\d{4}-\d{2}(?:-\d{2})?)\.csv(?:\.gz)?", re.ASCII
)
_BYBIT_PERP: Final = ("timestamp", "symbol", "side", "size", "price")
_BYBIT_SPOT: Final = ("id", "timestamp", "price", "volume", "side")
_OKX: Final = (
    "instrument_name", "open", "high", "low", "close", "vol", "vol_ccy", "vol_quote", "open_time", "confirm",
)  # fmt: skip
_PRICES: Final = ["open", "high", "low", "close"]
_MINUTE_MS: Final = 60_000
Found = tuple[pd.DataFrame, list[pd.DataFrame]]


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on landed files; ``None`` without any."""
    paths = downloaded(roots.landing / NAME, (".csv", ".csv.gz", ".zip"))
    tables = ("instruments", "microstructure")
    return TableFeed(NAME, tables, ("crypto_spot", "crypto_perp"), _build, tuple(paths)) if paths else None


def read_download(path: Path) -> Found:
    """Bars of one file in the columns of :func:`resources.feeds._market_days.recording_of_bars`, and the rows set aside.

    Reasons: ``no_number``, ``bad_time`` (not on the grid, or outside the period in the name), ``no_price``,
    ``ohlc_order``, ``negative_volume``, ``zero_size``, ``other_symbol``, ``unfinished`` (OKX: a candle not confirmed),
    ``contract_value`` (OKX: a contract's candle without the value in the quote currency).

    Raises
    ------
    ContractError
        Neither name nor header is one of those known.
    """
    kraken = _KRAKEN.fullmatch(path.name)
    if kraken and int(kraken["minutes"]) in KRAKEN_STEPS_MIN:
        return _kraken(path, kraken["symbol"], int(kraken["minutes"]))
    cells = csv_cells(path)
    names = tuple(str(name).strip() for name in cells.columns)
    cells.columns = pd.Index(names)
    if names[:10] == _OKX:
        return _okx(cells)
    bybit = _BYBIT.fullmatch(path.name)
    if bybit and names[:5] in (_BYBIT_PERP, _BYBIT_SPOT):
        return _bybit(cells, bybit["symbol"], bybit["period"], perp=names[:5] == _BYBIT_PERP)
    raise ContractError(
        f"{path.name}: neither Kraken's candles (XBTUSD_1440.csv), Bybit's trades (BTCUSDT2024-01-01.csv.gz) nor OKX's "
        "candles; unpack archives of many files first"
    )


def _kraken(path: Path, symbol: str, minutes: int) -> Found:
    cells = csv_cells(path, header=None)
    if len(cells.columns) != 7:
        raise ContractError(f"{path.name}: {len(cells.columns)} columns; time, open, high, low, close, volume, trades")
    cells = cells.set_axis(["time", *_PRICES, "volume", "trades"], axis="columns").assign(
        instrument_id=f"kraken:{symbol}"
    )
    figures = cells[["time", *_PRICES, "volume", "trades"]].apply(numbers)
    off_grid = (figures["time"] < 0) | (figures["time"] % (minutes * 60) != 0)
    reasons = {
        "no_number": figures.isna().any(axis=1),
        "bad_time": off_grid,
        **_price_reasons(figures),
        "negative_volume": (figures[["volume", "trades"]] < 0).any(axis=1),
    }
    typical = (figures["high"] + figures["low"] + figures["close"]) / 3
    rows = figures.assign(
        ts=_utc(figures["time"], "s"),
        step_s=minutes * 60,
        coins=figures["volume"],
        value=figures["volume"] * typical,
        venue="kraken",
        asset_class="crypto_spot",
        currency=quote_currency(pd.Series(symbol, index=figures.index)),
        approximate=True,
        gaps=True,
    )
    return _kept(rows, cells, reasons, "time", "close")


def _okx(cells: pd.DataFrame) -> Found:
    symbols = cells["instrument_name"].str.strip()
    cells = cells.assign(instrument_id="okx:" + symbols)
    figures = cells[[*_PRICES, "vol", "vol_ccy", "vol_quote", "open_time"]].apply(numbers)
    spot = symbols.str.count("-") == 1
    swap = symbols.str.fullmatch(r"[A-Z0-9]+-(?:USDT|USDC)-SWAP")
    value = figures["vol_quote"].where(figures["vol_quote"].notna() | ~spot, figures["vol_ccy"])
    coins = figures["vol"].where(spot, figures["vol_ccy"])
    reasons = {
        "other_symbol": ~(spot | swap),
        "no_number": figures[[*_PRICES, "vol", "open_time"]].isna().any(axis=1),
        "bad_time": (figures["open_time"] < 0) | (figures["open_time"] % _MINUTE_MS != 0),
        **_price_reasons(figures),
        "unfinished": cells["confirm"].str.strip() != "1",
        "contract_value": value.isna() | coins.isna(),
        "negative_volume": (value < 0) | (coins < 0),
    }
    plain = symbols.str.removesuffix("-SWAP").str.replace("-", "", regex=False)
    rows = figures.assign(
        ts=_utc(figures["open_time"], "ms"),
        step_s=60,
        coins=coins,
        value=value,
        trades=np.nan,
        venue="okx",
        asset_class=np.where(spot, "crypto_spot", "crypto_perp"),
        currency=quote_currency(plain),
    )
    return _kept(rows, cells, reasons, "open_time", "close")


def _bybit(cells: pd.DataFrame, symbol: str, period: str, *, perp: bool) -> Found:
    try:
        first = pd.Timestamp(period if period.count("-") == 2 else f"{period}-01", tz="UTC")
    except ValueError as error:
        raise ContractError(f"{symbol} {period}: no day or month of the calendar ({error})") from error
    end = first + (pd.Timedelta(days=1) if period.count("-") == 2 else pd.offsets.MonthBegin(1))
    size, unit = ("size", "s") if perp else ("volume", "ms")
    cells = cells.assign(instrument_id=f"bybit:{symbol}{'-PERP' if perp else ''}")
    figures = cells[["timestamp", "price", size]].apply(numbers).rename(columns={size: "size"})
    at = _utc(figures["timestamp"], unit)
    other = cells["symbol"].str.strip() != symbol if perp else pd.Series(False, index=cells.index)
    reasons = {
        "no_number": figures.isna().any(axis=1),
        "other_symbol": other,
        "bad_time": ~((at >= first) & (at < end)),
        "no_price": ~(figures["price"] > 0),
        "zero_size": ~(figures["size"] > 0),
    }
    inverse = perp and symbol.endswith("USD")  # sized in dollars, all others in coins
    coins = figures["size"] / figures["price"] if inverse else figures["size"]
    value = figures["size"] if inverse else figures["size"] * figures["price"]
    rows = figures.assign(ts=at, coins=coins, value=value)
    good, aside = _kept(rows, cells, reasons, "timestamp", "price")
    good = good.sort_values("ts", kind="stable")
    days = good.groupby(good["ts"].dt.floor("D").rename("day")).agg(
        open=("price", "first"), high=("price", "max"), low=("price", "min"), close=("price", "last"),
        coins=("coins", "sum"), value=("value", "sum"), trades=("price", "size"),
    )  # fmt: skip
    days = days.reset_index().rename(columns={"day": "ts"})
    return days.assign(
        instrument_id=f"bybit:{symbol}{'-PERP' if perp else ''}",
        venue="bybit",
        asset_class="crypto_perp" if perp else "crypto_spot",
        currency=quote_currency(pd.Series(symbol, index=days.index)),
        step_s=0,
    ), aside


def _price_reasons(figures: pd.DataFrame) -> dict[str, pd.Series]:
    prices = figures[_PRICES]
    return {
        "no_price": ~(prices > 0).all(axis=1),
        "ohlc_order": (figures["low"] > prices.min(axis=1)) | (figures["high"] < prices.max(axis=1)),
    }


def _utc(stamps: pd.Series, unit: str) -> pd.Series:
    """Aware times of stamps; NaT where there is none or it lies beyond the calendar."""
    per_s = {"s": 1_000_000, "ms": 1_000}[unit]
    inside = stamps.where((stamps >= 0) & (stamps * per_s < 4e15))
    utc: pd.Series = pd.to_datetime((inside * per_s).round(), unit="us", utc=True, errors="coerce").astype(
        "datetime64[us, UTC]"
    )
    return utc


def _kept(rows: pd.DataFrame, cells: pd.DataFrame, reasons: dict[str, pd.Series], moment: str, detail: str) -> Found:
    told = pd.Series(np.select(list(reasons.values()), list(reasons), default=""), dtype="str", index=cells.index)
    told = told.mask((told == "") & rows["ts"].isna(), "bad_time")
    aside = [
        refuse("microstructure", reason, cells[told == reason], "instrument_id", moment, detail)
        for reason in sorted(set(told) - {""})
    ]
    names = ("venue", "asset_class", "currency", "step_s", "ts", *_PRICES, "price", "coins", "value", "trades")
    kept = [name for name in (*names, "approximate", "gaps") if name in rows]
    return rows[kept].assign(instrument_id=cells["instrument_id"])[told == ""], aside


def _build(*paths: Path) -> Recording:
    good, aside = read_each(paths, "microstructure", read_download)
    return recording_of_bars(good, aside, NAME)
