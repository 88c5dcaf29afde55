"""Candles and daily sums of crypto markets, of any step, as daily rows of the tables."""

from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS, MICROSTRUCTURE
from resources.feeds._crypto_pairs import CALENDAR, pair_instruments
from resources.feeds._recording import (
    SET_ASIDE_COLUMNS,
    Recording,
    closes_utc,
    contract_rows,
    refuse,
    split_sessions,
)

__all__ = ["recording_of_bars"]

_DAY_S: Final = 86_400
_PRICES: Final = ["open", "high", "low", "close"]
_MARKET: Final = ["instrument_id", "venue", "asset_class", "currency"]


def recording_of_bars(good: list[pd.DataFrame], aside: list[pd.DataFrame], source: str) -> Recording:
    """Tables of bars: of several steps for a day the longest complete one counts, and sums of trades where there is none.

    Parameters
    ----------
    good
        ``instrument_id, venue, asset_class, currency`` (null when unknown), ``step_s`` (0: a day's sum of trades), ``ts``
        (start, aware UTC), ``open, high, low, close``, ``coins`` (traded base amount), ``value`` (its worth in the
        quote currency), ``trades`` (number, NaN when not told); ``approximate`` (value at the typical price) and
        ``gaps`` (bars without trades are not in the file) may be absent.
    aside
        Rows set aside so far; added are ``duplicate_key``, ``incomplete_day`` (bars missing that should be there),
        ``before_calendar`` and ``unknown_currency``.
    """
    aside, found = list(aside), [rows for rows in good if len(rows)]
    if found:
        bars = pd.concat(found, ignore_index=True)
        for flag in ("approximate", "gaps"):
            bars[flag] = bars[flag].eq(True) if flag in bars else False
        rows, refused = _days(bars)
        rows, early = split_sessions(rows, "microstructure", CALENDAR, "instrument_id")
        unknown = rows["currency"].isna()
        strangers = refuse("microstructure", "unknown_currency", rows[unknown], "instrument_id", "session_date")
        rows = rows[~unknown].reset_index(drop=True)
        aside += [*refused, early, strangers]
    parts = [part for part in aside if len(part)]
    refused_rows = (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(SET_ASIDE_COLUMNS), dtype="str")
    )
    if not found or not len(rows):
        empty = {table.name: contract_rows(table, {}, pd.RangeIndex(0)) for table in (INSTRUMENTS, MICROSTRUCTURE)}
        return Recording(empty, refused_rows)
    return Recording(
        {"instruments": pair_instruments(rows, source), "microstructure": _microstructure(rows, source)}, refused_rows
    )


def _days(bars: pd.DataFrame) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    bars = bars.drop_duplicates()  # a month and its days may both be there
    again = bars.duplicated(["instrument_id", "step_s", "ts"])
    aside = [refuse("microstructure", "duplicate_key", bars[again], "instrument_id", "ts", "close")]
    rows = bars[~again].sort_values(["instrument_id", "step_s", "ts"]).assign(day=lambda each: each["ts"].dt.floor("D"))
    days = (
        rows.groupby([*_MARKET, "step_s", "day"], dropna=False)
        .agg(
            open=("open", "first"), high=("high", "max"), low=("low", "min"), close=("close", "last"),
            coins=("coins", "sum"), value=("value", "sum"), trades=("trades", lambda counts: counts.sum(skipna=False)),
            approximate=("approximate", "any"), gaps=("gaps", "any"), bars_n=("open", "size"),
        )
        .reset_index()
    )  # fmt: skip
    expected = _DAY_S // days["step_s"].where(days["step_s"] > 0, _DAY_S)
    days["missing_n"] = (expected - days["bars_n"]).where(~days["gaps"], 0)
    complete = days[days["missing_n"] == 0].sort_values(["instrument_id", "day", "step_s"])
    complete = complete.drop_duplicates(["instrument_id", "day"], keep="last")
    known = pd.MultiIndex.from_frame(complete[["instrument_id", "day"]])
    lacking = days[~pd.MultiIndex.from_frame(days[["instrument_id", "day"]]).isin(known)]
    aside.append(refuse("microstructure", "incomplete_day", lacking, "instrument_id", "day", "missing_n"))
    complete = complete.assign(session_date=complete["day"].dt.tz_localize(None).astype("datetime64[us]"))
    return complete.sort_values(["session_date", "instrument_id"], ignore_index=True), aside


def _microstructure(rows: pd.DataFrame, source: str) -> pd.DataFrame:
    closes = closes_utc(CALENDAR, rows["session_date"])
    return contract_rows(
        MICROSTRUCTURE,
        {
            **{name: rows[name] for name in ("session_date", "instrument_id", "venue", *_PRICES)},
            "adj_factor": 1.0,
            "vwap": (rows["value"] / rows["coins"]).where(rows["coins"] > 0),
            "trades_count": rows["trades"].astype("Int64"),
            "turnover_ccy": rows["value"],
            "last_trade_at": closes.where(rows["coins"] > 0),
            "observed_at": closes,
            "known_at": closes,
            "source": source,
            "feed_rules": np.where(rows["approximate"], "turnover_approximate", ""),
        },
    )
