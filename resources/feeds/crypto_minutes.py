"""Minutes of trades and quotes on Coinbase, Binance, Bybit and dYdX, summed to daily rows with time-weighted spread.

Spot pairs are ``venue:SYMBOL``, perpetuals ``venue:SYMBOL-PERP``: Bybit lists both under one symbol.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import MICROSTRUCTURE
from resources.feeds._crypto_pairs import CALENDAR, INVERSE_CONTRACT_USD, pair_instruments, quote_currency
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._quote_bars import quote_days
from resources.feeds._recording import Recording, closes_utc, contract_rows, open_recorded, refuse

__all__ = ["MINUTES_FOR_TRUST", "NAME", "open_feed", "recording_of"]

NAME: Final = "crypto_minutes"
MINUTES_FOR_TRUST: Final = 1080
"""Below three quarters of a day's minutes a row carries the rule ``part_of_session``."""
_KEY: Final = ["session_date", "venue", "market", "symbol"]


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded minutes; ``None`` when one of the two files is not there."""
    folder = None if roots.recorded is None else roots.recorded / "ohlcv"
    files = ("crypto_minute_trades.parquet", "crypto_minute_quotes.parquet")
    return open_recorded(NAME, ("instruments", "microstructure"), ("crypto_spot", "crypto_perp"), _build, folder, files)


def recording_of(trades: pd.DataFrame, quotes: pd.DataFrame) -> Recording:
    """Daily rows of minute bars.

    Parameters
    ----------
    trades
        ``ts`` (start of the minute), ``venue, market`` (spot or perp), ``symbol``, ``open, high, low, close``,
        ``volume`` (base coin, or contracts for inverse perpetuals).
    quotes
        The same key, ``bid_close, ask_close, bid_size_close, ask_size_close``.

    Notes
    -----
    Closing sizes are the depth at the touch: the contract's band cannot be 0, so ``depth_ccy`` stays null rather than
    claim a band. Set aside: ``crossed_quote``, ``no_price``.
    """
    bad_quote = ~((quotes["bid_close"] > 0) & (quotes["ask_close"] > 0))
    crossed = (quotes["bid_close"] > quotes["ask_close"]) & ~bad_quote
    bad_trade = ~(trades[["open", "high", "low", "close"]] > 0).all(axis=1)
    aside = [
        refuse("microstructure", "no_price", quotes[bad_quote], "symbol", "ts"),
        refuse("microstructure", "crossed_quote", quotes[crossed], "symbol", "ts", "bid_close"),
        refuse("microstructure", "no_price", trades[bad_trade], "symbol", "ts"),
    ]
    rows = _trade_days(trades[~bad_trade]).join(_quote_days(quotes[~(bad_quote | crossed)]), how="outer").reset_index()
    rows["asset_class"] = "crypto_" + rows["market"]
    rows["currency"] = quote_currency(rows["symbol"])
    rows["instrument_id"] = rows["venue"] + ":" + rows["symbol"] + rows["market"].map({"spot": "", "perp": "-PERP"})
    at = rows[["last_trade", "last_quote"]].max(axis=1)
    part = rows[["trade_minutes", "quote_minutes"]].max(axis=1) < MINUTES_FOR_TRUST
    closes = closes_utc(CALENDAR, rows["session_date"])
    at = at.clip(upper=closes)
    microstructure = contract_rows(
        MICROSTRUCTURE,
        {
            **{name: rows[name] for name in ("session_date", "instrument_id", "venue", "open", "high", "low", "close")},
            "bid": rows["bid"],
            "ask": rows["ask"],
            "quoted_spread_bps": rows["spread_bps"],
            "spread_method": rows["spread_bps"].map(lambda value: None if np.isnan(value) else "time_weighted"),
            "adj_factor": 1.0,
            "vwap": (rows["amount"] / rows["coins"]).where(rows["coins"] > 0),
            "turnover_ccy": rows["amount"],
            "last_trade_at": rows["last_trade"].clip(upper=closes),
            "observed_at": at,
            "known_at": at,
            "source": NAME,
            "feed_rules": np.where(part, "part_of_session,turnover_approximate", "turnover_approximate"),
        },
    )
    return Recording(
        {"instruments": pair_instruments(rows, NAME), "microstructure": microstructure},
        pd.concat(aside, ignore_index=True),
    )


def _with_day(minutes: pd.DataFrame) -> pd.DataFrame:
    rows = minutes.sort_values(["venue", "market", "symbol", "ts"], ignore_index=True)
    return rows.assign(
        session_date=rows["ts"].dt.tz_localize(None).dt.normalize(), ends=rows["ts"] + pd.Timedelta(minutes=1)
    )


def _trade_days(trades: pd.DataFrame) -> pd.DataFrame:
    rows = _with_day(trades)
    keys = list(zip(rows["venue"], rows["market"], rows["symbol"], strict=True))
    contract_usd = np.array([INVERSE_CONTRACT_USD.get(key, np.nan) for key in keys])
    typical = ((rows["high"] + rows["low"] + rows["close"]) / 3).to_numpy()
    volume = rows["volume"].to_numpy(dtype="float64")
    inverse = ~np.isnan(contract_usd)
    rows["amount"] = np.where(inverse, volume * contract_usd, volume * typical)
    rows["coins"] = rows["amount"] / typical
    return rows.groupby(_KEY).agg(
        open=("open", "first"), high=("high", "max"), low=("low", "min"), close=("close", "last"),
        amount=("amount", "sum"), coins=("coins", "sum"), last_trade=("ends", "last"), trade_minutes=("ts", "size"),
    )  # fmt: skip


def _quote_days(quotes: pd.DataFrame) -> pd.DataFrame:
    return quote_days(_with_day(quotes.rename(columns={"bid_close": "bid", "ask_close": "ask"})), _KEY)


def _build(trades: Path, quotes: Path) -> Recording:
    return recording_of(pd.read_parquet(trades), pd.read_parquet(quotes))
