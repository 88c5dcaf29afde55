"""Bitcoin on Coinbase, 2014-12 to 2018-12: daily bars of trades and, from 2015 on and with holes, of quotes."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import MICROSTRUCTURE
from resources.feeds._crypto_pairs import CALENDAR, pair_instruments
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import Recording, closes_utc, contract_rows, open_recorded, refuse

__all__ = ["NAME", "open_feed", "recording_of"]

NAME: Final = "coinbase_daily_quotes"


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded bars; ``None`` when they are not there."""
    folder = None if roots.recorded is None else roots.recorded / "ohlcv"
    file = "coinbase_btcusd_daily_with_quotes.parquet"
    return open_recorded(NAME, ("instruments", "microstructure"), ("crypto_spot",), _build, folder, (file,))


def recording_of(bars: pd.DataFrame) -> Recording:
    """Tables of ``date``, trade bars and quote bars (``bid_close``, ``ask_close``; null where nothing was recorded).

    Notes
    -----
    The spread is the one of the closing quotes. Days without trades (2018-08 on) have quotes only: their trade
    columns and turnover are null, because the trades were not recorded. Set aside: ``crossed_quote`` (the quote
    alone; the day's trades stay), ``no_value`` (a day with neither).
    """
    rows = bars.rename(columns={"date": "session_date"}).reset_index(drop=True)
    crossed = rows["bid_close"] > rows["ask_close"]
    nothing = rows["close"].isna() & rows["bid_close"].isna()
    aside = [
        refuse("microstructure", "crossed_quote", rows[crossed], "session_date", "session_date", "bid_close"),
        refuse("microstructure", "no_value", rows[nothing], "session_date", "session_date"),
    ]
    rows.loc[crossed, ["bid_close", "ask_close"]] = np.nan
    rows = rows[~nothing].reset_index(drop=True)
    closes = closes_utc(CALENDAR, rows["session_date"])
    spread_bps = 2e4 * (rows["ask_close"] - rows["bid_close"]) / (rows["ask_close"] + rows["bid_close"])
    rows["instrument_id"] = "coinbase:BTCUSD"
    microstructure = contract_rows(
        MICROSTRUCTURE,
        {
            **{name: rows[name] for name in ("session_date", "instrument_id", "open", "high", "low", "close")},
            "venue": "coinbase_daily",
            "bid": rows["bid_close"],
            "ask": rows["ask_close"],
            "quoted_spread_bps": spread_bps,
            "spread_method": spread_bps.map(lambda value: None if np.isnan(value) else "closing_quote"),
            "adj_factor": 1.0,
            "turnover_ccy": rows["volume"] * (rows["high"] + rows["low"] + rows["close"]) / 3,
            "last_trade_at": closes.where(rows["volume"] > 0),
            "observed_at": closes,
            "known_at": closes,
            "source": NAME,
            "feed_rules": np.where(rows["close"].isna(), "", "turnover_approximate"),
        },
    )
    pairs = rows.assign(asset_class="crypto_spot", currency="USD")
    return Recording(
        {"instruments": pair_instruments(pairs, NAME), "microstructure": microstructure},
        pd.concat(aside, ignore_index=True),
    )


def _build(path: Path) -> Recording:
    return recording_of(pd.read_parquet(path))
