"""Files in the layout of QuantConnect's Lean engine: what their place says, their times, and factor files.

Shares are priced in ten-thousandths of a dollar and stamped in milliseconds since midnight of New York; coins are priced
as they are and stamped in UTC. Read next: ``_lean_sessions.py`` (what is made of their rows).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.book.wire import units_of
from liquidity.domain.errors import ContractError
from liquidity.domain.session import market_age_s, session_close
from resources.feeds._crypto_pairs import CALENDAR as CRYPTO_CALENDAR
from resources.feeds._downloads import csv_cells, numbers
from resources.feeds._listed_shares import CALENDAR as SHARE_CALENDAR

__all__ = ["DECI_CENTS", "FACTOR_FILE", "LeanFile", "factors"]

DECI_CENTS: Final = 10_000.0
"""Prices of shares are written as this many parts of a dollar."""
_ZONE: Final = "America/New_York"
_DAY_MS: Final = 86_400_000
_TICKER: Final = r"(?P<ticker>[a-z0-9.]{1,20})"
_MARKET: Final = r"(?P<kind>equity(?=/usa/)|crypto|cryptofuture)/(?P<market>[a-z0-9]{2,20})"
_PATTERNS: Final = (
    re.compile(rf"(?P<kind>equity)/(?P<market>usa)/(?P<step>daily)/{_TICKER}\.zip", re.ASCII),
    re.compile(
        rf"(?P<kind>crypto|cryptofuture)/(?P<market>[a-z0-9]{{2,20}})/(?P<step>daily)/{_TICKER}_(?P<content>trade|quote)\.zip",
        re.ASCII,
    ),
    re.compile(rf"{_MARKET}/(?P<step>minute|tick)/{_TICKER}/(?P<day>\d{{8}})_(?P<content>trade|quote)\.zip", re.ASCII),
)
FACTOR_FILE: Final = re.compile(rf"equity/usa/factor_files/{_TICKER}\.csv", re.ASCII)
"""Place of a share's factor file."""
_COLUMNS: Final = {
    ("bar", "trade"): ("time", "open", "high", "low", "close", "volume"),
    ("bar", "quote"): (
        "time", "bid_open", "bid_high", "bid_low", "bid", "bid_size", "ask_open", "ask_high", "ask_low", "ask", "ask_size",
    ),
    ("tick", "trade"): ("time", "price", "size"),
    ("tick", "quote"): ("time", "bid", "bid_size", "ask", "ask_size"),
}  # fmt: skip
_SHARE_TICKS: Final = {"trade": ("exchange", "condition", "susp"), "quote": ("exchange", "condition", "susp")}


@dataclass(frozen=True, slots=True)
class LeanFile:
    """What a file's place in the layout says of it: ``step`` daily, minute or tick; ``day`` for the last two."""

    kind: str
    market: str
    step: str
    ticker: str
    content: str
    day: pd.Timestamp | None

    @classmethod
    def of(cls, place: str) -> "LeanFile":
        """Read the place below the landing folder, with ``/`` between its parts; :class:`ContractError` for any other."""
        for pattern in _PATTERNS:
            found = pattern.fullmatch(place)
            if found:
                facts = found.groupdict()
                try:
                    day = facts.get("day")
                    moment = None if day is None else pd.Timestamp(datetime.strptime(day, "%Y%m%d"))  # noqa: DTZ007 - a day has no zone
                except ValueError as error:
                    raise ContractError(f"{place}: its name holds no day of the calendar ({error})") from error
                content = facts.get("content") or "trade"
                return cls(found["kind"], found["market"], found["step"], found["ticker"], content, moment)
        raise ContractError(
            f"{place}: no place of a daily, minute or tick file of shares, coins or coin futures in the Lean layout"
        )

    @property
    def instrument_id(self) -> str:
        """``XNYS:SPY`` for a share, ``<market>:BTCUSD`` for a coin, ``<market>:BTCUSD-PERP`` for a perpetual."""
        symbol = self.ticker.upper()
        return {
            "equity": f"XNYS:{symbol}",
            "crypto": f"{self.market}:{symbol}",
            "cryptofuture": f"{self.market}:{symbol}-PERP",
        }[self.kind]

    @property
    def calendar(self) -> str:
        """Calendar of its sessions."""
        return SHARE_CALENDAR if self.kind == "equity" else CRYPTO_CALENDAR

    @property
    def contract_usd(self) -> float | None:
        """US dollars of one contract of an inverse perpetual; ``None`` where volume counts coins or shares.

        Raises
        ------
        ContractError
            A perpetual in US dollars of a venue whose contracts are not known.
        """
        symbol = self.ticker.upper()
        if self.kind != "cryptofuture" or not symbol.endswith("USD") or symbol.endswith("BUSD"):
            return None
        if self.market == "dydx":
            return None
        venue = {"binance": "binancecoinm", "bybit": "bybit"}.get(self.market)
        units = None if venue is None else units_of(venue, symbol)
        if units is None:
            raise ContractError(f"{self.instrument_id}: size of its contracts unknown; known are Binance's and Bybit's")
        return units[1]

    def cells(self, path: Path) -> pd.DataFrame:
        """Cells as text, named; shares' ticks have exchange, condition and suspicion beside price and size.

        Raises
        ------
        ContractError
            The file has another number of columns.
        """
        names = _COLUMNS["tick" if self.step == "tick" else "bar", self.content]
        if self.step == "tick" and self.kind == "equity":
            names = (*names, *_SHARE_TICKS[self.content])
        cells = csv_cells(path, header=None)
        if len(cells.columns) != len(names):
            raise ContractError(
                f"{path.name}: {len(cells.columns)} columns; a {self.step} {self.content} file has {len(names)}: {', '.join(names)}"
            )
        return cells.set_axis(list(names), axis="columns")

    def times(self, cells: pd.DataFrame) -> pd.Series:
        """Aware UTC times of the rows; NaT where there is none, or none of a bar's grid.

        Daily rows are at the midnight that begins their day. New York's clock has an hour twice in autumn: the first
        one is meant; and misses one in spring: NaT.
        """
        if self.day is None:
            naive = pd.to_datetime(cells["time"], format="%Y%m%d %H:%M", errors="coerce").astype("datetime64[us]")
            return naive.where(naive == naive.dt.normalize()).dt.tz_localize("UTC")
        offset = numbers(cells["time"])
        good = offset.between(0, _DAY_MS, inclusive="left")
        if self.step == "minute":
            good &= offset % 60_000 == 0
        naive = self.day + pd.to_timedelta((offset.where(good) * 1000).round(), unit="us")
        naive = naive.astype("datetime64[us]")
        if self.kind != "equity":
            return naive.dt.tz_localize("UTC")
        first = np.ones(len(naive), dtype=bool)
        utc: pd.Series = naive.dt.tz_localize(_ZONE, ambiguous=first, nonexistent="NaT").dt.tz_convert("UTC")
        return utc

    def hours(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """Open and close of the file's day in UTC; ``None`` when the market was shut."""
        if self.day is None:
            raise ContractError(f"{self.instrument_id}: a daily file has no one day")
        if self.kind != "equity":
            first = self.day.tz_localize("UTC")
            return first, first + pd.Timedelta(days=1)
        close = session_close(SHARE_CALENDAR, [self.day.date()])[0]
        if np.isnat(close):
            return None
        closes = pd.Timestamp(close, tz="UTC")
        open_s = float(market_age_s(self.day.to_datetime64(), close, SHARE_CALENDAR))
        return closes - pd.Timedelta(seconds=open_s), closes


def factors(path: Path) -> pd.DataFrame:
    """Rows ``until`` (a day, ascending) and ``factor`` (price factor times split factor) of a factor file.

    Each line is of the last session before a dividend or split and holds up to and with that day, back to the line
    before. Lines whose factor is 0, infinite or written with an exponent (which has lost digits) are not used, as the
    engine itself does; the day of the next line then tells how far back the factors are known.

    Raises
    ------
    ContractError
        A line is no day and two or more numbers, or none can be used.
    """
    cells = csv_cells(path, header=None)
    if len(cells.columns) < 3:
        raise ContractError(
            f"{path.name}: {len(cells.columns)} columns; a factor file has day, price factor, split factor"
        )
    usable = ~(cells[1] + cells[2]).str.contains(r"inf|e\+", case=False, regex=True)
    until = pd.to_datetime(cells[0], format="%Y%m%d", errors="coerce").astype("datetime64[us]")
    factor = numbers(cells[1]) * numbers(cells[2])
    bad = until.isna() | (usable & ~(factor >= 0))
    if bad.any():
        raise ContractError(
            f"{path.name}: {int(bad.sum())} of {len(bad)} lines are no factors, first line {int(bad.to_numpy().argmax()) + 1}"
        )
    usable &= factor > 0
    if not usable.any():
        raise ContractError(f"{path.name}: none of {len(cells)} lines holds a factor above 0; fetch it again")
    rows = pd.DataFrame({"until": until, "factor": factor}).sort_values("until", ignore_index=True)
    unusable = (~usable)[until.sort_values(kind="stable").index].to_numpy()
    rows.loc[unusable, "factor"] = np.nan
    return rows
