"""How the daily liquidity of a book becomes microstructure of its symbol, and so enters the index.

Read next: ``panel.py``.
"""

from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.conform import empty_table, frame_from_table
from liquidity.contracts.signals import MICROSTRUCTURE
from liquidity.domain.session import market_age_s, session_close
from liquidity.features.quality import QUALITY_RULES

__all__ = ["DEPTH_BAND_BPS", "MIN_VALID_S", "WHOLE_DAY_S", "with_books"]

DEPTH_BAND_BPS: Final = 10.0
MIN_VALID_S: Final = 60.0
"""A book that was known for less of the session says nothing about it."""
WHOLE_DAY_S: Final = 0.75 * 86_400.0
"""Below three quarters of a day the tape's turnover is a part that is not known, and the row carries ``part_of_session``."""
_CALENDAR: Final = "24/7"
_PART: Final = "part_of_session"


def with_books(microstructure: pd.DataFrame, book_daily: pd.DataFrame) -> pd.DataFrame:
    """Microstructure with the quotes and depth of order books.

    Parameters
    ----------
    microstructure, book_daily
        Rows under their contracts.

    Returns
    -------
    pd.DataFrame
        The rows of ``microstructure`` under its contract; where a symbol has a book for the session,

        - the row that a feed delivered for it takes over ``bid``, ``ask``, ``quoted_spread_bps`` (weighted by time),
          ``depth_ccy`` within 10 bps of mid and ``l2_levels``, because a book of every change is the better witness
          of quotes; trades, turnover, age and quality stay the feed's;
        - a symbol without such a row gets one. Its prices are the tape's; turnover and count only when the tape
          covers three quarters of the day, because a part of a day is not the day.

        A book that was valid for less than :data:`MIN_VALID_S` changes nothing. An instrument id names one venue, so
        a delivered row of the same id is of the same market; of several, the first by venue takes over.
    """
    books = book_daily[book_daily["recorded_s"] * book_daily["valid_frac"] >= MIN_VALID_S].reset_index(drop=True)
    if books.empty:
        return microstructure
    delivered = microstructure.sort_values(list(MICROSTRUCTURE.key), ignore_index=True)
    key = ["session_date", "instrument_id"]
    first = delivered[~delivered.duplicated(key)]
    place = pd.Series(first.index, index=pd.MultiIndex.from_frame(first[key]))
    wanted = pd.MultiIndex.from_frame(books[key])
    known = wanted.isin(place.index)
    at = place.reindex(wanted[known]).to_numpy()
    quotes = _quotes(books)
    for name in quotes.columns:
        delivered.loc[at, name] = quotes.loc[known, name].to_numpy()
    fresh = _rows(books[~known].reset_index(drop=True), quotes[~known].reset_index(drop=True))
    whole = pd.concat([part for part in (delivered, fresh) if len(part)], ignore_index=True)
    return whole.sort_values(list(MICROSTRUCTURE.key), ignore_index=True)


def _quotes(books: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "bid": books["bid"],
            "ask": books["ask"],
            "quoted_spread_bps": books["quoted_spread_bps"],
            "spread_method": "time_weighted",
            "depth_ccy": books["bid_depth_10bps_quote"] + books["ask_depth_10bps_quote"],
            "depth_band_bps": DEPTH_BAND_BPS,
            "l2_levels": books["levels_count"].astype("Int64"),
        }
    )


def _rows(books: pd.DataFrame, quotes: pd.DataFrame) -> pd.DataFrame:
    rows = frame_from_table(empty_table(MICROSTRUCTURE))
    if books.empty:
        return rows
    part = books["recorded_s"] < WHOLE_DAY_S
    closes = session_close(_CALENDAR, books["session_date"].to_numpy().astype("datetime64[D]"))
    columns = {
        **{name: books[name] for name in ("session_date", "instrument_id", "venue", "open", "high", "low", "close", "vwap", "source", "observed_at", "last_trade_at")},
        **{name: quotes[name] for name in quotes.columns},
        "adj_factor": 1.0,
        "known_at": books["observed_at"],
        "trades_count": books["trades_count"].astype("Int64").mask(part),
        "turnover_ccy": books["turnover_quote"].mask(part),
        "age_market_s": np.maximum(market_age_s(books["observed_at"], closes, _CALENDAR), 0.0),
        "quality_frac": np.where(part, QUALITY_RULES[_PART].factor_frac, 1.0),
        "quality_rules": np.where(part, _PART, ""),
    }  # fmt: skip
    return pd.DataFrame(columns)[list(rows.columns)]
