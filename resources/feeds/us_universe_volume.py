"""Close and dollar volume of about 7,000 US listings on eleven sessions of spring 2014."""

from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.contracts.signals import MICROSTRUCTURE
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._listed_shares import CALENDAR, share_instruments
from resources.feeds._recording import Recording, closes_utc, contract_rows, open_recorded, refuse, split_sessions

__all__ = ["NAME", "open_feed", "recording_of"]

NAME: Final = "us_universe_volume"


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded universe; ``None`` when it is not there."""
    folder = None if roots.recorded is None else roots.recorded / "equities"
    return open_recorded(
        NAME, ("instruments", "microstructure"), ("equity",), _build, folder, ("us_universe_volume_11d.parquet",)
    )


def recording_of(listings: pd.DataFrame) -> Recording:
    """Tables of ``date, symbol, close, volume`` (shares), ``dollar_volume``.

    Notes
    -----
    Two listings under one symbol on one day cannot be told apart: the one with the larger dollar volume stays, the
    other is set aside as ``duplicate_key``. A session without volume has turnover 0 and no trade of its own.
    """
    rows = listings.rename(columns={"date": "session_date"}).sort_values(
        "dollar_volume", ascending=False, kind="stable"
    )
    unpriced = ~(rows["close"] > 0)
    again = rows.duplicated(["session_date", "symbol"]) & ~unpriced
    aside = [
        refuse("microstructure", "no_price", rows[unpriced], "symbol", "session_date"),
        refuse("microstructure", "duplicate_key", rows[again], "symbol", "session_date", "dollar_volume"),
    ]
    rows, closed = split_sessions(rows[~(unpriced | again)], "microstructure", CALENDAR, "symbol")
    closes = closes_utc(CALENDAR, rows["session_date"])
    ids = "XNYS:" + rows["symbol"]
    microstructure = contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": rows["session_date"],
            "instrument_id": ids,
            "venue": NAME,
            "close": rows["close"],
            "turnover_ccy": rows["dollar_volume"],
            "last_trade_at": closes.where(rows["volume"] > 0),
            "observed_at": closes,
            "known_at": closes,
            "source": NAME,
        },
    )
    return Recording(
        {"instruments": share_instruments(ids, rows["session_date"], NAME), "microstructure": microstructure},
        pd.concat([*aside, closed], ignore_index=True),
    )


def _build(path: Path) -> Recording:
    return recording_of(pd.read_parquet(path))
