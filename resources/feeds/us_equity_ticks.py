"""Quotes and trades of IBM, tick by tick, one week of October 2013: time-weighted spread, VWAP, turnover.

Regular hours only; the quotes before the open set the state at the open.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import MICROSTRUCTURE
from liquidity.domain.session import market_age_s, session_close
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._listed_shares import CALENDAR, share_instruments
from resources.feeds._recording import Recording, contract_rows, open_recorded
from resources.feeds._ticks import TickSession, carried_quotes, clean_trades, session_from_ticks

__all__ = ["NAME", "open_feed", "sessions_of_ticks"]

NAME: Final = "us_equity_ticks"
ZONE: Final = "America/New_York"


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded ticks; ``None`` when they are not there."""
    folder = None if roots.recorded is None else roots.recorded / "equities"
    files = ("us_ibm_quotes_ticks.parquet", "us_ibm_trades_ticks.parquet")
    return open_recorded(NAME, ("instruments", "microstructure"), ("equity",), _build, folder, files)


def sessions_of_ticks(
    quotes: pd.DataFrame, trades: pd.DataFrame
) -> tuple[dict[tuple[pd.Timestamp, str], tuple[TickSession, pd.DataFrame]], pd.DataFrame]:
    """Averages of each session and symbol, with the regular-hours trades behind them, and the rows set aside.

    Parameters
    ----------
    quotes, trades
        ``symbol``, ``ts`` (aware UTC), and the columns of :mod:`resources.feeds._ticks`.
    """
    found: dict[tuple[pd.Timestamp, str], tuple[TickSession, pd.DataFrame]] = {}
    aside: list[pd.DataFrame] = []
    quote_day = quotes["ts"].dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()
    trade_day = trades["ts"].dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()
    for key, ticks in quotes.groupby([quote_day, quotes["symbol"]]):
        day, symbol = pd.Timestamp(str(key[0])), str(key[1])
        close = session_close(CALENDAR, [day.date()])[0]
        if np.isnat(close):
            continue
        closes = pd.Timestamp(close, tz="UTC")
        opens = closes - pd.Timedelta(seconds=float(market_age_s(day.to_datetime64(), close, CALENDAR)))
        two_sided, refused = carried_quotes(ticks)
        traded, refused_trades = clean_trades(trades[(trade_day == day) & (trades["symbol"] == symbol)])
        aside += [refused, refused_trades]
        inside = traded[(traded["ts"] >= opens) & (traded["ts"] < closes)]
        found[day, symbol] = (session_from_ticks(two_sided, traded, opens, closes), inside)
    return found, pd.concat(aside, ignore_index=True)


def _build(quotes_path: Path, trades_path: Path) -> Recording:
    found, aside = sessions_of_ticks(pd.read_parquet(quotes_path), pd.read_parquet(trades_path))
    rows = pd.DataFrame(
        {
            "session_date": day,
            "instrument_id": f"XNYS:{symbol}",
            "venue": NAME,
            "bid": averages.bid,
            "ask": averages.ask,
            "quoted_spread_bps": averages.quoted_spread_bps,
            "open": trades["price"].iloc[0],
            "high": trades["price"].max(),
            "low": trades["price"].min(),
            "close": trades["price"].iloc[-1],
            "vwap": averages.vwap,
            "trades_count": averages.trades_count,
            "turnover_ccy": averages.turnover_ccy,
            "last_trade_at": trades["ts"].iloc[-1],
        }
        for (day, symbol), (averages, trades) in found.items()
    )
    at = rows["last_trade_at"]
    microstructure = contract_rows(
        MICROSTRUCTURE,
        {
            **{name: rows[name] for name in rows.columns},
            "spread_method": "time_weighted",
            "adj_factor": 1.0,
            "observed_at": at,
            "known_at": at,
            "source": NAME,
        },
    )
    instruments = share_instruments(rows["instrument_id"], rows["session_date"].astype("datetime64[us]"), NAME)
    return Recording({"instruments": instruments, "microstructure": microstructure}, aside)
