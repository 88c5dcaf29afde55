"""One-minute bars of MSFT, August and September 2023, summed to sessions; regular hours only."""

from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.contracts.signals import MICROSTRUCTURE
from liquidity.domain.session import market_age_s
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._listed_shares import CALENDAR, share_instruments
from resources.feeds._recording import Recording, closes_utc, contract_rows, open_recorded, refuse

__all__ = ["NAME", "open_feed", "recording_of"]

NAME: Final = "us_equity_minutes"
ZONE: Final = "America/New_York"
_MINUTE: Final = pd.Timedelta(minutes=1)


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded minutes; ``None`` when they are not there."""
    folder = None if roots.recorded is None else roots.recorded / "equities"
    return open_recorded(
        NAME, ("instruments", "microstructure"), ("equity",), _build, folder, ("msft_1m.parquet",), ("MSFT",)
    )


def recording_of(minutes: pd.DataFrame, symbol: str) -> Recording:
    """Sessions of one share from its minute bars.

    Parameters
    ----------
    minutes
        ``ts`` (start of the minute, aware UTC), ``open, high, low, close``, ``volume`` (shares).

    Notes
    -----
    ``vwap`` and ``turnover_ccy`` take each minute at its typical price (high + low + close) / 3: rule
    ``turnover_approximate``. Minutes outside regular hours are set aside as ``outside_hours``.
    """
    inside = market_age_s(minutes["ts"], minutes["ts"] + _MINUTE, CALENDAR) > 0
    aside = refuse("microstructure", "outside_hours", minutes[~inside], "ts", "ts", "volume")
    rows = minutes[inside].sort_values("ts").copy()
    rows["session_date"] = rows["ts"].dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize().astype("datetime64[us]")
    rows["amount"] = rows["volume"] * (rows["high"] + rows["low"] + rows["close"]) / 3
    days = (
        rows.groupby("session_date")
        .agg(
            open=("open", "first"), high=("high", "max"), low=("low", "min"), close=("close", "last"),
            volume=("volume", "sum"), amount=("amount", "sum"), last=("ts", "last"),
        )
        .reset_index()
    )  # fmt: skip
    closes = closes_utc(CALENDAR, days["session_date"])
    at = (days["last"] + _MINUTE).clip(upper=closes)
    ids = pd.Series(f"XNYS:{symbol}", index=days.index)
    microstructure = contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": days["session_date"],
            "instrument_id": ids,
            "venue": NAME,
            "open": days["open"],
            "high": days["high"],
            "low": days["low"],
            "close": days["close"],
            "vwap": days["amount"] / days["volume"],
            "adj_factor": 1.0,
            "turnover_ccy": days["amount"],
            "last_trade_at": at,
            "observed_at": at,
            "known_at": at,
            "source": NAME,
            "feed_rules": "turnover_approximate",
        },
    )
    return Recording(
        {"instruments": share_instruments(ids, days["session_date"], NAME), "microstructure": microstructure}, aside
    )


def _build(path: Path, symbol: str) -> Recording:
    return recording_of(pd.read_parquet(path), symbol)
