"""Daily bars of ten US shares and funds since 1998, with the factors that make prices comparable over splits.

Prices stay as traded; ``adj_factor`` carries splits and dividends. A bar whose range or jump cannot be a price (the
famous GOOG print of 2008-09-30) stays and carries the rule ``price_outlier``.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import MICROSTRUCTURE
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._listed_shares import CALENDAR, share_instruments
from resources.feeds._recording import Recording, closes_utc, contract_rows, open_recorded, refuse, split_sessions
from resources.feeds._ticker_reuse import newest_history

__all__ = ["JUMP_LOG", "NAME", "RANGE_RATIO", "open_feed", "recording_of"]

NAME: Final = "us_equities_daily"
RANGE_RATIO: Final = 1.9
"""A day's high over its low from here on is a misprint: the widest true days of these names stay below (IBM, AAPL, BAC 2009)."""
JUMP_LOG: Final = 0.55
"""Absolute log change of the adjusted close from here on is flagged: about +73 % or -42 % in one session."""


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded daily bars; ``None`` when they are not there."""
    folder = None if roots.recorded is None else roots.recorded / "equities"
    return open_recorded(
        NAME, ("instruments", "microstructure"), ("equity",), _build, folder, ("us_equity_daily.parquet",)
    )


def recording_of(bars: pd.DataFrame) -> Recording:
    """Tables of daily bars.

    Parameters
    ----------
    bars
        ``date, symbol, open, high, low, close, volume`` (shares), ``adj_factor``.

    Notes
    -----
    ``turnover_ccy`` is volume times the close (the bars carry no traded amount): rule ``turnover_approximate``.
    Set aside: ``closed_day``, ``before_calendar``, ``no_price``, ``duplicate_key``, ``ticker_reused``.
    """
    rows = bars.rename(columns={"date": "session_date"})
    unpriced = ~(rows[["open", "high", "low", "close", "adj_factor"]] > 0).all(axis=1)
    again = rows.duplicated(["session_date", "symbol"]) & ~unpriced
    aside = [
        refuse("microstructure", "no_price", rows[unpriced], "symbol", "session_date"),
        refuse("microstructure", "duplicate_key", rows[again], "symbol", "session_date"),
    ]
    rows, closed = split_sessions(rows[~(unpriced | again)], "microstructure", CALENDAR, "symbol")
    rows, reused = newest_history(rows)
    aside += [closed, reused]
    adjusted = rows["close"] * rows["adj_factor"]
    jump_log = np.log(adjusted / adjusted.groupby(rows["symbol"]).shift()).abs()
    outlier = (rows["high"] / rows["low"] >= RANGE_RATIO) | (jump_log >= JUMP_LOG)
    closes = closes_utc(CALENDAR, rows["session_date"])
    ids = "XNYS:" + rows["symbol"]
    microstructure = contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": rows["session_date"],
            "instrument_id": ids,
            "venue": NAME,
            "open": rows["open"],
            "high": rows["high"],
            "low": rows["low"],
            "close": rows["close"],
            "adj_factor": rows["adj_factor"],
            "turnover_ccy": rows["volume"] * rows["close"],
            "last_trade_at": closes.where(rows["volume"] > 0),
            "observed_at": closes,
            "known_at": closes,
            "source": NAME,
            "feed_rules": np.where(outlier, "price_outlier,turnover_approximate", "turnover_approximate"),
        },
    )
    return Recording(
        {"instruments": share_instruments(ids, rows["session_date"], NAME), "microstructure": microstructure},
        pd.concat(aside, ignore_index=True),
    )


def _build(path: Path) -> Recording:
    return recording_of(pd.read_parquet(path))
