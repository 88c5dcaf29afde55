"""Daily bars of 40 Binance spot pairs, 2017 to 2026; hours and four-hour bars fill days that have no daily bar."""

from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.contracts.signals import MICROSTRUCTURE
from resources.feeds._crypto_pairs import CALENDAR, pair_instruments, quote_currency
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import Recording, closes_utc, contract_rows, open_recorded, refuse

__all__ = ["NAME", "complete_days", "open_feed", "recording_of"]

NAME: Final = "crypto_daily"
VENUE: Final = "binance"


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded bars; ``None`` when one of the three files is not there."""
    folder = None if roots.recorded is None else roots.recorded / "ohlcv"
    files = ("crypto_spot_1d.parquet", "crypto_spot_1h.parquet", "crypto_spot_4h_long.parquet")
    return open_recorded(NAME, ("instruments", "microstructure"), ("crypto_spot",), _build, folder, files)


def complete_days(bars: pd.DataFrame, bars_per_day: int) -> pd.DataFrame:
    """Sum shorter bars to UTC days and keep the days that have all of them.

    Parameters
    ----------
    bars
        ``ts`` (start, aware UTC), ``symbol``, ``open, high, low, close``, ``volume`` (base coin).

    Returns
    -------
    pd.DataFrame
        The daily bars: the same columns, ``ts`` the day, and ``quote_volume_approx`` (quote currency).
    """
    rows = bars.sort_values(["symbol", "ts"])
    rows = rows.assign(amount=rows["volume"] * (rows["high"] + rows["low"] + rows["close"]) / 3)
    days = rows.groupby(["symbol", rows["ts"].dt.floor("D")]).agg(
        open=("open", "first"), high=("high", "max"), low=("low", "min"), close=("close", "last"),
        volume=("volume", "sum"), quote_volume_approx=("amount", "sum"), bars_n=("open", "size"),
    )  # fmt: skip
    return days[days["bars_n"] == bars_per_day].drop(columns="bars_n").reset_index()


def recording_of(daily: pd.DataFrame, hourly: pd.DataFrame, four_hourly: pd.DataFrame) -> Recording:
    """Tables of the three files.

    Notes
    -----
    A daily bar wins over hours, hours over four-hour bars. ``turnover_ccy`` is volume at the typical price of each
    source bar: rule ``turnover_approximate``. Days without volume are kept with turnover 0 and no trade. Set aside:
    ``half_hour_missing`` (hours that lack one of their two half-hours), ``no_price``, ``ohlc_order``.
    """
    half = hourly["n_bars"] != 2
    parts = [
        daily.assign(rank=0),
        complete_days(hourly[~half], 24).assign(rank=1),
        complete_days(four_hourly, 6).assign(rank=2),
    ]
    rows = pd.concat(parts, ignore_index=True).sort_values(["ts", "symbol", "rank"], ignore_index=True)
    rows = rows.drop_duplicates(["ts", "symbol"], ignore_index=True)
    prices = rows[["open", "high", "low", "close"]]
    unpriced = ~(prices > 0).all(axis=1)
    disordered = ((rows["low"] > prices.min(axis=1)) | (rows["high"] < prices.max(axis=1))) & ~unpriced
    aside = [
        refuse("microstructure", "half_hour_missing", hourly[half], "symbol", "ts", "n_bars"),
        refuse("microstructure", "no_price", rows[unpriced], "symbol", "ts"),
        refuse("microstructure", "ohlc_order", rows[disordered], "symbol", "ts"),
    ]
    rows = rows[~(unpriced | disordered)].reset_index(drop=True)
    rows["session_date"] = rows["ts"].dt.tz_localize(None)
    rows["instrument_id"] = f"{VENUE}:" + rows["symbol"]
    closes = closes_utc(CALENDAR, rows["session_date"])
    microstructure = contract_rows(
        MICROSTRUCTURE,
        {
            **{name: rows[name] for name in ("session_date", "instrument_id", "open", "high", "low", "close")},
            "venue": VENUE,
            "adj_factor": 1.0,
            "vwap": (rows["quote_volume_approx"] / rows["volume"]).where(rows["volume"] > 0),
            "turnover_ccy": rows["quote_volume_approx"],
            "last_trade_at": closes.where(rows["volume"] > 0),
            "observed_at": closes,
            "known_at": closes,
            "source": NAME,
            "feed_rules": "turnover_approximate",
        },
    )
    pairs = rows.assign(asset_class="crypto_spot", currency=quote_currency(rows["symbol"]))
    return Recording(
        {"instruments": pair_instruments(pairs, NAME), "microstructure": microstructure},
        pd.concat(aside, ignore_index=True),
    )


def _build(daily: Path, hourly: Path, four_hourly: Path) -> Recording:
    return recording_of(pd.read_parquet(daily), pd.read_parquet(hourly), pd.read_parquet(four_hourly))
