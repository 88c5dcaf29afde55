"""Trade bars in the layout of QuantConnect's Lean engine, landed as ``<landing>/lean_bars/`` with its folders inside.

Read are ``equity/usa/daily/spy.zip`` and ``equity/usa/minute/spy/20131007_trade.zip`` (prices in deci-cents, times of New
York), ``crypto/<market>/daily/btcusd_trade.zip`` and ``crypto/<market>/minute/btcusd/20180404_trade.zip`` (prices as they
are, UTC), and ``equity/usa/factor_files/spy.csv``. Minutes of a share are summed over the regular session, of a coin
over the UTC day. A share without its factor file has no ``adj_factor``: splits are then not known.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS, MICROSTRUCTURE
from liquidity.domain.errors import ContractError
from resources.feeds._crypto_pairs import CALENDAR as CRYPTO_CALENDAR
from resources.feeds._crypto_pairs import pair_instruments, quote_currency
from resources.feeds._downloads import csv_cells, downloaded, numbers, read_each
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._listed_shares import CALENDAR as SHARE_CALENDAR
from resources.feeds._listed_shares import share_instruments
from resources.feeds._recording import (
    SET_ASIDE_COLUMNS,
    Recording,
    TableFeed,
    closes_utc,
    contract_rows,
    refuse,
    split_sessions,
)

__all__ = ["DECI_CENTS", "NAME", "REGULAR_SESSION_MS", "LeanFile", "factors", "open_feed", "read_download"]

NAME: Final = "lean_bars"
DECI_CENTS: Final = 10_000.0
"""Prices of shares are written as this many parts of a dollar."""
REGULAR_SESSION_MS: Final = (34_200_000, 57_600_000)
"""Milliseconds since midnight in New York: bars that begin in [09:30, 16:00)."""
_DAY_MS: Final = 86_400_000
_TICKER: Final = r"(?P<ticker>[a-z0-9.]{1,20})"
_PATTERNS: Final = (
    re.compile(rf"(?P<kind>equity)/(?P<market>usa)/(?P<step>daily)/{_TICKER}\.zip", re.ASCII),
    re.compile(rf"(?P<kind>crypto)/(?P<market>[a-z0-9]{{2,20}})/(?P<step>daily)/{_TICKER}_trade\.zip", re.ASCII),
    re.compile(
        rf"(?P<kind>equity|crypto)/(?P<market>[a-z0-9]{{2,20}})/(?P<step>minute)/{_TICKER}/(?P<day>\d{{8}})_trade\.zip",
        re.ASCII,
    ),
)
_FACTOR_FILE: Final = re.compile(rf"equity/usa/factor_files/{_TICKER}\.csv", re.ASCII)
_PRICES: Final = ["open", "high", "low", "close"]


@dataclass(frozen=True, slots=True)
class LeanFile:
    """What a file's place in the layout says of it; ``day`` for files of minutes."""

    kind: str
    market: str
    ticker: str
    day: pd.Timestamp | None

    @classmethod
    def of(cls, place: str) -> "LeanFile":
        """Read the place below the landing folder, with ``/`` between its parts; :class:`ContractError` for any other."""
        for pattern in _PATTERNS:
            found = pattern.fullmatch(place)
            if found and not (found["kind"] == "equity" and found["market"] != "usa"):
                day = found.groupdict().get("day")
                try:
                    moment = None if day is None else pd.Timestamp(datetime.strptime(day, "%Y%m%d"))  # noqa: DTZ007 - a day has no zone
                except ValueError as error:
                    raise ContractError(f"{place}: its name holds no day of the calendar ({error})") from error
                return cls(found["kind"], found["market"], found["ticker"], moment)
        raise ContractError(f"{place}: no place of a daily or minute trade file of shares or coins in the Lean layout")

    @property
    def instrument_id(self) -> str:
        """``XNYS:SPY`` for a share, ``<market>:BTCUSD`` for a coin."""
        return f"{'XNYS' if self.kind == 'equity' else self.market}:{self.ticker.upper()}"


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on landed bars; ``None`` without any."""
    folder = roots.landing / NAME
    paths = downloaded(folder, (".zip", ".csv"))
    tables = ("instruments", "microstructure")
    return TableFeed(NAME, tables, ("equity", "crypto_spot"), _build, tuple(paths), (folder,)) if paths else None


def read_download(path: Path, folder: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Daily bars of one file, and the rows set aside.

    Returns
    -------
    tuple
        ``session_date, instrument_id, kind, symbol, open, high, low, close, volume, turnover`` and ``minutes`` (whether
        they were summed from minutes); and the refused
        rows: ``no_number``, ``bad_time``, ``no_price``, ``ohlc_order``, ``negative_volume``, ``duplicate_key``.

    Raises
    ------
    ContractError
        The file is of no known place or has not six columns.
    """
    place = path.relative_to(folder).as_posix()
    file = LeanFile.of(place)
    cells = csv_cells(path, header=None)
    if len(cells.columns) != 6:
        raise ContractError(
            f"{place}: {len(cells.columns)} columns; a trade file has 6: time, open, high, low, close, volume"
        )
    cells.columns = pd.Index(["time", *_PRICES, "volume"])
    bars = cells[[*_PRICES, "volume"]].apply(numbers)
    if file.kind == "equity":
        bars[_PRICES] = bars[_PRICES] / DECI_CENTS
    if file.day is None:
        times = pd.to_datetime(cells["time"], format="%Y%m%d %H:%M", errors="coerce").astype("datetime64[us]")
        bad_time = times.isna() | (times != times.dt.normalize())
    else:
        offset = numbers(cells["time"])
        bad_time = ~(offset.between(0, _DAY_MS - 1) & (offset % 60_000 == 0))
        times = (file.day + pd.to_timedelta(offset.where(~bad_time, 0), unit="ms")).astype("datetime64[us]")
    prices = bars[_PRICES]
    reasons = pd.Series(
        np.select(
            [
                bars.isna().any(axis=1),
                bad_time,
                ~(prices > 0).all(axis=1),
                (bars["low"] > prices.min(axis=1)) | (bars["high"] < prices.max(axis=1)),
                bars["volume"] < 0,
                times.duplicated(),
            ],
            ["no_number", "bad_time", "no_price", "ohlc_order", "negative_volume", "duplicate_key"],
            default="",
        ),
        dtype="str",
    )
    named = cells.assign(instrument_id=file.instrument_id)
    aside = [
        refuse("microstructure", reason, named[reasons == reason], "instrument_id", "time", "close")
        for reason in sorted(set(reasons) - {""})
    ]
    typical = (bars["high"] + bars["low"] + bars["close"]) / 3
    good = bars.assign(time=times, turnover=bars["volume"] * typical)[reasons == ""]
    return _daily(good, file), aside


def _daily(bars: pd.DataFrame, file: LeanFile) -> pd.DataFrame:
    if file.day is not None:
        bars = bars.sort_values("time")
        if file.kind == "equity":
            since_midnight_ms = (bars["time"] - file.day) / pd.Timedelta(milliseconds=1)
            bars = bars[since_midnight_ms.between(*REGULAR_SESSION_MS, inclusive="left")]
        bars = bars.groupby(bars["time"].dt.normalize().rename("session_date"), as_index=False).agg(
            time=("time", "min"), open=("open", "first"), high=("high", "max"), low=("low", "min"),
            close=("close", "last"), volume=("volume", "sum"), turnover=("turnover", "sum"),
        )  # fmt: skip
    return bars.assign(
        session_date=bars["time"].dt.normalize(),
        instrument_id=file.instrument_id,
        kind=file.kind,
        symbol=file.ticker.upper(),
        minutes=file.day is not None,
    ).drop(columns="time")


def factors(path: Path) -> pd.DataFrame:
    """Rows ``until`` (a day, ascending) and ``factor`` (price factor times split factor) of a factor file.

    A factor holds for the days up to ``until`` that an earlier row does not cover.

    Raises
    ------
    ContractError
        A line is no day and two or more numbers above 0.
    """
    cells = csv_cells(path, header=None)
    if len(cells.columns) < 3:
        raise ContractError(
            f"{path.name}: {len(cells.columns)} columns; a factor file has day, price factor, split factor"
        )
    until = pd.to_datetime(cells[0], format="%Y%m%d", errors="coerce").astype("datetime64[us]")
    factor = numbers(cells[1]) * numbers(cells[2])
    bad = until.isna() | ~(factor > 0)
    if bad.any():
        raise ContractError(
            f"{path.name}: {int(bad.sum())} of {len(bad)} lines are no factors, first line {int(bad.argmax()) + 1}"
        )
    return pd.DataFrame({"until": until, "factor": factor}).sort_values("until", ignore_index=True)


def _adjustments(rows: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> pd.Series:
    adjusted = pd.Series(np.where(rows["kind"] == "crypto", 1.0, np.nan), index=rows.index)
    for ticker, table in tables.items():
        mine = rows.index[(rows["kind"] == "equity") & (rows["symbol"] == ticker.upper())]
        place = table["until"].searchsorted(rows.loc[mine, "session_date"])
        known = np.append(table["factor"].to_numpy(), np.nan)  # days after the last line are not covered
        adjusted[mine] = known[place]
    return adjusted


def _build(*arguments: Path) -> Recording:
    *paths, folder = arguments
    aside: list[pd.DataFrame] = []
    tables: dict[str, pd.DataFrame] = {}

    def keep_factors(path: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
        tables[path.stem] = factors(path)
        return pd.DataFrame(), []

    is_factors = {path: bool(_FACTOR_FILE.fullmatch(path.relative_to(folder).as_posix())) for path in paths}
    _, aside = read_each([path for path in paths if is_factors[path]], "microstructure", keep_factors)
    good, refused = read_each(
        [path for path in paths if not is_factors[path]], "microstructure", lambda path: read_download(path, folder)
    )
    aside += refused
    good = [part for part in good if len(part)]
    rows = pd.concat(good, ignore_index=True) if good else pd.DataFrame()
    found: dict[str, list[pd.DataFrame]] = {"instruments": [], "microstructure": []}
    if len(rows):
        # Where a day is there as minutes and as a bar, the bar counts.
        rows = rows.sort_values(["instrument_id", "session_date", "minutes"], ignore_index=True)
        rows = rows.drop_duplicates(["instrument_id", "session_date"])
        for kind, calendar in (("equity", SHARE_CALENDAR), ("crypto", CRYPTO_CALENDAR)):
            mine, shut = split_sessions(
                rows[rows["kind"] == kind].reset_index(drop=True), "microstructure", calendar, "instrument_id"
            )
            unknown = quote_currency(mine["symbol"]).isna() & (kind == "crypto")
            aside += [
                shut,
                refuse("microstructure", "unknown_currency", mine[unknown], "instrument_id", "session_date"),
            ]
            mine = mine[~unknown].reset_index(drop=True)
            if len(mine):
                found["microstructure"].append(_microstructure(mine, calendar, _adjustments(mine, tables)))
                found["instruments"].append(_instruments(mine, kind))
    parts = [part for part in aside if len(part)]
    return Recording(
        {
            table.name: pd.concat(found[table.name], ignore_index=True).sort_values(
                list(table.key), kind="stable", ignore_index=True
            )
            if found[table.name]
            else contract_rows(table, {}, pd.RangeIndex(0))
            for table in (INSTRUMENTS, MICROSTRUCTURE)
        },
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(SET_ASIDE_COLUMNS), dtype="str"),
    )


def _instruments(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    if kind == "equity":
        return share_instruments(rows["instrument_id"], rows["session_date"], NAME)
    return pair_instruments(rows.assign(asset_class="crypto_spot", currency=quote_currency(rows["symbol"])), NAME)


def _microstructure(rows: pd.DataFrame, calendar: str, adjustments: pd.Series) -> pd.DataFrame:
    closes = closes_utc(calendar, rows["session_date"])
    return contract_rows(
        MICROSTRUCTURE,
        {
            **{name: rows[name] for name in ("session_date", "instrument_id", *_PRICES)},
            "venue": NAME,
            "adj_factor": adjustments,
            "turnover_ccy": rows["turnover"],
            "last_trade_at": closes.where(rows["volume"] > 0),
            "observed_at": closes,
            "known_at": closes,
            "source": NAME,
            "feed_rules": "turnover_approximate",
        },
    )
