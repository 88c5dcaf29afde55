"""Files of Binance's public archive: what their names say, and their rows as candles or as trades.

Spot, USD-M and COIN-M files differ in columns and units and share names, so the folder says which they are (``spot``,
``um``, ``cm``). COIN-M amounts are contracts of a fixed number of US dollars: value is contracts times that number, and
coins are told beside it or follow from the price. Stamps are milliseconds, of spot files since 2025 microseconds.
"""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.book.wire import units_of
from liquidity.domain.errors import ContractError
from resources.feeds._downloads import csv_cells, numbers
from resources.feeds._recording import refuse

__all__ = ["STEP_S", "ArchiveFile", "read_candles", "read_trades"]

STEP_S: Final = {
    "1s": 1, "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200, "4h": 14_400,
    "6h": 21_600, "8h": 28_800, "12h": 43_200, "1d": 86_400,
}  # fmt: skip
"""Seconds of the candles that are read; longer ones (3d, 1w, 1mo) say nothing of a day."""

_TRADES: Final = ("trades", "aggTrades")
_MICROSECONDS_FROM: Final = 10**14
"""Larger stamps are microseconds: as milliseconds they would lie after the year 5138, as microseconds before 1973."""
_VENUE: Final = {
    "spot": ("binance", "crypto_spot"),
    "um": ("binanceusdm", "crypto_perp"),
    "cm": ("binancecoinm", "crypto_perp"),
}
_NAME: Final = re.compile(
    r"(?P<symbol>[A-Z0-9]{2,30}(?:_(?:PERP|\d{6}))?)-(?P<content>\d{1,2}(?:s|m|h|d|w|mo)|trades|aggTrades)"
    r"-(?P<period>\d{4}-\d{2}(?:-\d{2})?)\.(?:csv|zip|csv\.gz)",
    re.ASCII,
)
_CANDLES: Final = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "other_volume", "trades", "taker_volume",
    "taker_other", "ignore",
)  # fmt: skip
"""``volume`` is coins and ``other_volume`` their value; in COIN-M files contracts, and coins."""
_PRICES: Final = ["open", "high", "low", "close"]


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """What a file's name and folder say: market, content (a step of :data:`STEP_S`, ``trades``, ``aggTrades``), period."""

    venue: str
    asset_class: str
    symbol: str
    content: str
    period: str
    contract_usd: float | None

    @classmethod
    def of(cls, path: Path, folder: Path) -> "ArchiveFile":
        """Read a path below ``folder``.

        Raises
        ------
        ContractError
            The name is no candle or trade file's, no single one of ``spot``, ``um``, ``cm`` is above it, the future has
            an expiry, or the candles are longer than a day.
        """
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise ContractError(
                f"{path.name}: no candle or trade file's name; the archive writes BTCUSDT-1h-2025-01.zip and "
                "BTCUSDT-aggTrades-2025-01-02.zip"
            )
        kinds = [part for part in path.relative_to(folder).parts[:-1] if part in _VENUE]
        if len(set(kinds)) != 1:
            raise ContractError(
                f"{path.name}: put it under a folder spot, um or cm, as the archive has it; found {kinds}"
            )
        symbol, content = name["symbol"], name["content"]
        if re.search(r"_\d{6}$", symbol):
            raise ContractError(f"{path.name}: a future with an expiry; only spot and perpetuals are read")
        if symbol.endswith("_PERP") != (kinds[0] == "cm"):
            raise ContractError(
                f"{path.name}: COIN-M symbols end in _PERP and lie under cm, no others; found {kinds[0]}"
            )
        if content not in STEP_S and content not in _TRADES:
            raise ContractError(f"{path.name}: candles of {content}; read are {', '.join(STEP_S)}")
        venue, asset_class = _VENUE[kinds[0]]
        units = units_of(venue, symbol)
        inverse = units is not None and units[0] == "inverse"
        return cls(venue, asset_class, symbol, content, name["period"], units[1] if units and inverse else None)

    def first_and_end(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """Begin and end of the period; :class:`ContractError` where the name holds no day or month of the calendar."""
        try:
            parts = [int(part) for part in self.period.split("-")]
            first = pd.Timestamp(date(parts[0], parts[1], parts[2] if len(parts) == 3 else 1), tz="UTC")
        except ValueError as error:
            raise ContractError(f"{self.symbol} {self.period}: no day or month of the calendar ({error})") from error
        step = pd.Timedelta(days=1) if len(parts) == 3 else pd.offsets.MonthBegin(1)
        return first, first + step


def read_candles(path: Path, file: ArchiveFile) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Candles of one file and those set aside.

    Returns
    -------
    tuple
        ``venue, asset_class, symbol, step_s, ts`` (start, aware UTC), ``open, high, low, close``, ``coins`` and ``value``
        (traded base amount, and its worth in the quote currency), ``trades``; and the refused rows: ``no_number``,
        ``bad_time`` (not on the candle's grid), ``no_price``, ``ohlc_order``, ``negative_volume``.

    Raises
    ------
    ContractError
        The file has not the archive's twelve columns.
    """
    cells = _headless(csv_cells(path, header=None), path, (len(_CANDLES),), "candle")
    cells.columns = pd.Index(_CANDLES)
    step_us = STEP_S[file.content] * 1_000_000
    figures = cells[[name for name in _CANDLES if name != "ignore"]].apply(numbers)
    stamp_us = _microseconds(figures["open_time"])
    prices = figures[_PRICES]
    reasons = np.select(
        [
            figures.isna().any(axis=1),
            (stamp_us < 0) | (stamp_us % step_us != 0),
            ~(prices > 0).all(axis=1),
            (figures["low"] > prices.min(axis=1)) | (figures["high"] < prices.max(axis=1)),
            (figures[["volume", "other_volume", "trades"]] < 0).any(axis=1),
        ],
        ["no_number", "bad_time", "no_price", "ohlc_order", "negative_volume"],
        default="",
    )
    inverse = file.contract_usd is not None
    rows = figures.assign(
        ts=pd.to_datetime(stamp_us, unit="us", utc=True),
        step_s=STEP_S[file.content],
        coins=figures["other_volume"] if inverse else figures["volume"],
        value=figures["volume"] * file.contract_usd if file.contract_usd else figures["other_volume"],
    )
    return _kept(rows, cells, reasons, file, "open_time", ["step_s", "ts", *_PRICES, "coins", "value", "trades"])


def read_trades(path: Path, file: ArchiveFile) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Daily sums of a file of trades or aggregated trades, and the rows set aside.

    Returns
    -------
    tuple
        As of :func:`read_candles`, one row a UTC day with ``step_s`` 0; and the refused rows: ``no_number``, ``bad_time``
        (outside the day or month of the file's name), ``no_price``, ``zero_size``, ``bad_ids`` (an aggregate whose last
        trade is before its first), ``duplicate_key`` (an id again).

    Raises
    ------
    ContractError
        The columns are not the archive's, or the name holds no day or month.
    """
    first, end = file.first_and_end()
    spot, aggregated = file.venue == "binance", file.content == "aggTrades"
    names = ["id", "price", "amount", *(("first", "last") if aggregated else ("other",)), "time"]
    cells = _headless(csv_cells(path, header=None), path, (len(names) + 1 + spot,), file.content)
    cells = cells.iloc[:, : len(names)].set_axis(names, axis="columns")
    figures = cells.apply(numbers)
    stamp_us = _microseconds(figures["time"])
    at = pd.to_datetime(stamp_us.clip(lower=0), unit="us", utc=True)
    figures["count"] = figures["last"] - figures["first"] + 1 if aggregated else 1
    reasons = np.select(
        [
            figures.isna().any(axis=1),
            (stamp_us < 0) | (at < first) | (at >= end),
            ~(figures["price"] > 0),
            ~(figures["amount"] > 0),
            figures["count"] < 1,
            figures["id"].duplicated(),
        ],
        ["no_number", "bad_time", "no_price", "zero_size", "bad_ids", "duplicate_key"],
        default="",
    )
    traded = figures["price"] * figures["amount"]
    rows = figures.assign(at=at, coins=figures["amount"], value=traded if aggregated else figures.get("other"))
    if file.contract_usd is not None:
        rows["value"] = figures["amount"] * file.contract_usd
        rows["coins"] = rows["value"] / figures["price"] if aggregated else figures["other"]
    good, aside = _kept(rows, cells, reasons, file, "time", ["at", "id", "price", "coins", "value", "count"])
    good = good.sort_values(["at", "id"], kind="stable")
    market = ["venue", "asset_class", "symbol"]
    days = good.groupby([*market, good["at"].dt.floor("D").rename("ts")], as_index=False).agg(
        open=("price", "first"), high=("price", "max"), low=("price", "min"), close=("price", "last"),
        coins=("coins", "sum"), value=("value", "sum"), trades=("count", "sum"),
    )  # fmt: skip
    return days.assign(step_s=0), aside


def _headless(cells: pd.DataFrame, path: Path, widths: tuple[int, ...], what: str) -> pd.DataFrame:
    if len(cells.columns) not in widths:
        raise ContractError(f"{path.name}: {len(cells.columns)} columns; a {what} file of this market has {widths[0]}")
    named = str(cells.iloc[0, 0]).strip().lower()
    return cells.iloc[1:].reset_index(drop=True) if named in ("open_time", "id", "agg_trade_id") else cells


def _microseconds(stamps: pd.Series) -> pd.Series:
    stamp = stamps.fillna(-1).astype("int64")
    return stamp.where(stamp >= _MICROSECONDS_FROM, stamp * 1000)


def _kept(
    rows: pd.DataFrame, cells: pd.DataFrame, reasons: object, file: ArchiveFile, moment: str, columns: list[str]
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    told = pd.Series(reasons, dtype="str")
    named = cells.assign(symbol=file.symbol)
    price = "close" if "close" in cells else "price"
    aside = [
        refuse("microstructure", reason, named[told == reason], "symbol", moment, price)
        for reason in sorted(set(told) - {""})
    ]
    good = rows.loc[told == "", columns]
    return good.assign(venue=file.venue, asset_class=file.asset_class, symbol=file.symbol), aside
