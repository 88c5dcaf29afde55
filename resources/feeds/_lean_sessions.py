"""Rows of files in the Lean layout, summed to the sessions they are of: trades and quotes, from bars or ticks.

Of shares only the regular session counts, half days included; of coins the whole UTC day. Read next: ``_lean_files.py``.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from liquidity.domain.session import market_age_s
from resources.feeds._downloads import numbers
from resources.feeds._lean_files import DECI_CENTS, LeanFile
from resources.feeds._quote_bars import quote_days
from resources.feeds._recording import refuse
from resources.feeds._ticks import SPREAD_LIMIT_BPS, carried_quotes, clean_trades, session_from_ticks

__all__ = ["STEPS", "sessions_of"]

STEPS: Final = ("daily", "minute", "tick")
"""Steps of the files by the order in which their trades count where a day is told more than once."""
_MINUTE: Final = pd.Timedelta(minutes=1)
_PRICES: Final = ["open", "high", "low", "close"]
_NO_TICKS: Final = pd.DataFrame(
    {
        "ts": pd.Series(dtype="datetime64[us, UTC]"),
        **{name: pd.Series(dtype="float64") for name in ("bid", "ask", "price", "size")},
    }
)
Found = tuple[pd.DataFrame, list[pd.DataFrame]]


def sessions_of(path: Path, file: LeanFile) -> Found:
    """Sessions of one file, and the rows set aside.

    Returns
    -------
    tuple
        ``session_date, instrument_id, kind, symbol, step, content``; of trades ``open, high, low, close, turnover``
        (quote currency), ``vwap``, ``trades`` (number, NaN from bars), ``minutes`` (bars of minutes seen), ``last``
        (moment of the last trade or quote, NaT from daily bars); of quotes ``bid, ask, spread_bps, last, minutes``. And
        the refused rows: ``no_number``, ``bad_time``, ``no_price``, ``ohlc_order``, ``negative_volume``,
        ``duplicate_key``, ``one_sided_quote``, ``crossed_quote``, ``suspicious_quote`` (flagged by the
        publisher), ``closed_day``, and those of
        :mod:`resources.feeds._ticks`.

    Raises
    ------
    ContractError
        The file has not the columns of its place, or the size of a contract is unknown.
    """
    cells = file.cells(path).assign(instrument_id=file.instrument_id)
    ts = file.times(cells)
    if file.day is not None and file.hours() is None:
        shut = pd.DataFrame({"instrument_id": [file.instrument_id], "day": [file.day]})
        return pd.DataFrame(), [refuse("microstructure", "closed_day", shut, "instrument_id", "day")]
    if file.step == "tick":
        days, aside = _tick_trades(cells, ts, file) if file.content == "trade" else _tick_quotes(cells, ts, file)
    else:
        days, aside = _trade_bars(cells, ts, file) if file.content == "trade" else _quote_bars(cells, ts, file)
    named = days.assign(
        instrument_id=file.instrument_id,
        kind=file.kind,
        symbol=file.ticker.upper(),
        step=file.step,
        content=file.content,
    )
    return named, aside


def _trade_bars(cells: pd.DataFrame, ts: pd.Series, file: LeanFile) -> Found:
    figures = _figures(cells, [*_PRICES, "volume"], _PRICES, file)
    prices = figures[_PRICES]
    good, aside = _sorted_out(
        figures,
        cells,
        ts,
        {
            "no_number": figures.isna().any(axis=1),
            "bad_time": ts.isna(),
            "no_price": ~(prices > 0).all(axis=1),
            "ohlc_order": (figures["low"] > prices.min(axis=1)) | (figures["high"] < prices.max(axis=1)),
            "negative_volume": figures["volume"] < 0,
            "duplicate_key": ts.duplicated(),
        },
        "close",
    )
    good = _inside(good, file)
    typical = (good["high"] + good["low"] + good["close"]) / 3
    usd = file.contract_usd
    good["turnover"] = good["volume"] * (typical if usd is None else usd)
    good["units"] = good["turnover"] / typical
    days = (
        good.sort_values("ts")
        .groupby("session_date", as_index=False)
        .agg(
            open=("open", "first"), high=("high", "max"), low=("low", "min"), close=("close", "last"),
            turnover=("turnover", "sum"), units=("units", "sum"), last=("ts", "last"), minutes=("ts", "size"),
        )
    )  # fmt: skip
    vwap = (days["turnover"] / days["units"]).where(days["units"] > 0)
    days = days.drop(columns="units").assign(vwap=vwap if file.step == "minute" else np.nan, trades=np.nan)
    return _with_last(days, file), aside


def _quote_bars(cells: pd.DataFrame, ts: pd.Series, file: LeanFile) -> Found:
    sides = ["bid", "ask"]
    figures = _figures(cells, sides, sides, file)
    empty = cells[sides].apply(lambda side: side.str.strip() == "")
    good, aside = _sorted_out(
        figures,
        cells,
        ts,
        {
            "no_number": (figures.isna() & ~empty).any(axis=1),
            "bad_time": ts.isna(),
            "one_sided_quote": empty.any(axis=1),
            "no_price": ~(figures > 0).all(axis=1),
            "crossed_quote": figures["bid"] > figures["ask"],
            "duplicate_key": ts.duplicated(),
        },
        "bid",
    )
    good = _inside(good, file).sort_values("ts", ignore_index=True)
    if file.step == "daily":
        spread = 2e4 * (good["ask"] - good["bid"]) / (good["ask"] + good["bid"])
        days = good.assign(spread_bps=spread, last=good["ts"], minutes=1).drop(columns="ts")
    else:
        days = quote_days(good.assign(ends=good["ts"] + _MINUTE), ["session_date"]).reset_index()
        days = days.rename(columns={"last_quote": "last", "quote_minutes": "minutes"})
        return days, aside
    return _with_last(days, file), aside


def _tick_trades(cells: pd.DataFrame, ts: pd.Series, file: LeanFile) -> Found:
    figures = _figures(cells, ["price", "size"], ["price"], file).assign(susp=_flags(cells))
    good, aside = _sorted_out(
        figures, cells, ts, {"no_number": figures.isna().any(axis=1), "bad_time": ts.isna()}, "price"
    )
    good, refused = clean_trades(good.assign(symbol=file.instrument_id).sort_values("ts", kind="stable"))
    opens, closes = _hours(file)
    inside = good[(good["ts"] >= opens) & (good["ts"] < closes)]
    if not len(inside):
        return pd.DataFrame(), [*aside, refused]
    told = session_from_ticks(_NO_TICKS[["ts", "bid", "ask"]], inside, opens, closes)
    usd = file.contract_usd
    coins = inside["size"] * usd / inside["price"] if usd is not None else inside["size"]
    turnover = float((coins * inside["price"]).sum())
    day = {
        "session_date": file.day,
        "open": inside["price"].iloc[0],
        "high": inside["price"].max(),
        "low": inside["price"].min(),
        "close": inside["price"].iloc[-1],
        "turnover": turnover,
        "vwap": turnover / float(coins.sum()),
        "trades": float(told.trades_count),
        "minutes": np.nan,
        "last": inside["ts"].iloc[-1],
    }
    return _one_day(day), [*aside, refused]


def _tick_quotes(cells: pd.DataFrame, ts: pd.Series, file: LeanFile) -> Found:
    names = ["bid", "bid_size", "ask", "ask_size"]
    figures = _figures(cells, names, ["bid", "ask"], file).assign(susp=_flags(cells))
    reasons = {
        "no_number": figures.isna().any(axis=1),
        "bad_time": ts.isna(),
        "suspicious_quote": figures["susp"] != 0,
    }
    good, aside = _sorted_out(figures, cells, ts, reasons, "bid")
    good = good.assign(symbol=file.instrument_id).sort_values("ts", kind="stable", ignore_index=True)
    carried, refused = carried_quotes(good)
    opens, closes = _hours(file)
    limit_bps = SPREAD_LIMIT_BPS if file.kind == "equity" else float("inf")
    told = session_from_ticks(carried, _NO_TICKS[["ts", "price", "size"]], opens, closes, limit_bps)
    seen = carried["ts"][carried["ts"] < closes]
    if np.isnan(told.quoted_spread_bps):
        return pd.DataFrame(), [*aside, refused]
    day = {
        "session_date": file.day,
        "bid": told.bid,
        "ask": told.ask,
        "spread_bps": told.quoted_spread_bps,
        "minutes": np.nan,
        "last": seen.iloc[-1],
    }
    return _one_day(day), [*aside, refused]


def _figures(cells: pd.DataFrame, names: list[str], prices: list[str], file: LeanFile) -> pd.DataFrame:
    figures = cells[names].apply(numbers)
    if file.kind == "equity":
        figures[prices] = figures[prices] / DECI_CENTS
    return figures


def _flags(cells: pd.DataFrame) -> Any:
    return numbers(cells["susp"]) if "susp" in cells else 0.0


def _sorted_out(
    figures: pd.DataFrame, cells: pd.DataFrame, ts: pd.Series, reasons: dict[str, pd.Series], detail: str
) -> Found:
    """Good rows with ``ts``, and the others by the first reason that applies."""
    told = pd.Series(np.select(list(reasons.values()), list(reasons), default=""), dtype="str", index=cells.index)
    aside = [
        refuse("microstructure", reason, cells[told == reason], "instrument_id", "time", detail)
        for reason in sorted(set(told) - {""})
    ]
    return figures.assign(ts=ts)[told == ""].reset_index(drop=True), aside


def _inside(bars: pd.DataFrame, file: LeanFile) -> pd.DataFrame:
    """Bars with their session; of a share's minutes those of the regular session."""
    if file.day is None:
        return bars.assign(session_date=bars["ts"].dt.tz_localize(None))
    if file.kind == "equity":
        bars = bars[market_age_s(bars["ts"], bars["ts"] + _MINUTE, file.calendar) > 0]
    return bars.assign(session_date=file.day).reset_index(drop=True)


def _with_last(days: pd.DataFrame, file: LeanFile) -> pd.DataFrame:
    if file.step == "daily":
        return days.assign(last=days["last"].where(days["last"].isna()), minutes=np.nan)
    return days.assign(last=days["last"] + _MINUTE)


def _hours(file: LeanFile) -> tuple[pd.Timestamp, pd.Timestamp]:
    hours = file.hours()
    if hours is None:  # sessions_of has set the file aside
        raise ValueError(f"{file.instrument_id}: shut on {file.day}")
    return hours


def _one_day(day: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame([day])
    return frame.assign(session_date=frame["session_date"].astype("datetime64[us]"))
