"""Histories of closing prices without volume: 20 large US shares, five factor funds, the S&P 500 index.

Each file is its own venue (``sp500_20_close``, ``us_factor_etf_close``, ``sp500_index_close``,
``sp500_index_ohlcv``), so that two series of one name stand side by side.
"""

from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.contracts.signals import MICROSTRUCTURE
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._listed_shares import CALENDAR, share_instruments
from resources.feeds._recording import Recording, closes_utc, contract_rows, open_recorded, refuse, split_sessions

__all__ = ["NAME", "open_feed", "recording_of"]

NAME: Final = "us_close_only"
_WIDE: Final = ("sp500_20_close", "us_factor_etf_close", "sp500_index_close")
_BARS: Final = "sp500_index_ohlcv"


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded closes; ``None`` when one of the four files is not there."""
    folder = None if roots.recorded is None else roots.recorded / "equities"
    files = tuple(f"{stem}.parquet" for stem in (*_WIDE, _BARS))
    return open_recorded(NAME, ("instruments", "microstructure"), ("equity",), _build, folder, files)


def recording_of(closes_by_venue: dict[str, pd.DataFrame], index_bars: pd.DataFrame) -> Recording:
    """Tables of wide closes (``date`` and one column per symbol) and of the index's bars.

    Notes
    -----
    Prices of shares and funds are adjusted at the source, so ``adj_factor`` is 1. The index's volume counts shares of
    its members: no amount follows from it, turnover stays null. Days before 1998 are set aside (``before_calendar``).
    """
    long = [
        wide.melt(id_vars="date", var_name="symbol", value_name="close").assign(venue=venue)
        for venue, wide in closes_by_venue.items()
    ]
    bars = index_bars[["date", "open", "high", "low", "close"]].assign(symbol="SP500", venue=_BARS)
    rows = pd.concat([*long, bars], ignore_index=True).rename(columns={"date": "session_date"})
    rows["name"] = rows["venue"] + " " + rows["symbol"]
    unpriced = ~(rows["close"] > 0)
    aside = [refuse("microstructure", "no_price", rows[unpriced], "name", "session_date")]
    rows, closed = split_sessions(rows[~unpriced], "microstructure", CALENDAR, "name")
    closes = closes_utc(CALENDAR, rows["session_date"])
    ids = "XNYS:" + rows["symbol"]
    microstructure = contract_rows(
        MICROSTRUCTURE,
        {
            **{name: rows[name] for name in ("session_date", "venue", "open", "high", "low", "close")},
            "instrument_id": ids,
            "adj_factor": 1.0,
            "last_trade_at": closes,
            "observed_at": closes,
            "known_at": closes,
            "source": NAME,
        },
    )
    seen = pd.DataFrame({"id": ids, "day": rows["session_date"]}).drop_duplicates()
    return Recording(
        {"instruments": share_instruments(seen["id"], seen["day"], NAME), "microstructure": microstructure},
        pd.concat([*aside, closed], ignore_index=True),
    )


def _build(*paths: Path) -> Recording:
    frames = {path.stem: pd.read_parquet(path) for path in paths}
    return recording_of({stem: frames[stem] for stem in _WIDE}, frames[_BARS])
