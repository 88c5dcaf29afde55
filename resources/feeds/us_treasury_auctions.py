"""Note and bond auctions of the US Treasury, January 2008 to June 2009: demand at each, carried as it ages."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import AUCTION_MM, INSTRUMENTS
from liquidity.domain.session import is_session
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import Recording, contract_rows, open_recorded, refuse, split_sessions

__all__ = ["CARRIED_SESSIONS", "NAME", "is_cusip", "open_feed", "recording_of"]

NAME: Final = "us_treasury_auctions"
CALENDAR: Final = "XNYS"
CARRIED_SESSIONS: Final = 63
"""The latest auction speaks for this many sessions, one quarterly refunding cycle; its age grows meanwhile."""
_CLOSING_TIME: Final = pd.Timedelta(hours=13)
"""Competitive bids for notes and bonds close at 13:00 New York time; the result follows within minutes."""


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded auctions; ``None`` when they are not there."""
    folder = None if roots.recorded is None else roots.recorded / "bonds"
    return open_recorded(
        NAME, ("instruments", "auction_mm"), ("bond_sovereign",), _build, folder, ("us_treasury_auctions.csv.gz",)
    )


def is_cusip(text: str) -> bool:
    """Whether ``text`` is a CUSIP with a right check digit (ANSI X9.6).

    Examples
    --------
    >>> is_cusip("912828HP8"), is_cusip("912828HP9")
    (True, False)
    """
    if len(text) != 9 or not text.isascii() or not text[:8].isalnum() or not text[8].isdigit():
        return False
    values = [int(character, 36) * (2 if place % 2 else 1) for place, character in enumerate(text[:8].upper())]
    return (10 - sum(value // 10 + value % 10 for value in values) % 10) % 10 == int(text[8])


def recording_of(auctions: pd.DataFrame) -> Recording:
    """Tables of ``auction_date, cusip, offering_usd_bn, bid_to_cover``.

    Notes
    -----
    ``auction_demand`` is bid-to-cover. ``amount_outstanding`` is the sum of what was offered so far (first issue and
    reopenings seen here). The maturity date is not in the source and stays null. Set aside: ``bad_cusip``,
    ``no_value``, ``duplicate_key``, ``closed_day``.
    """
    rows = auctions.assign(session_date=pd.to_datetime(auctions["auction_date"]).astype("datetime64[us]"))
    wrong = ~rows["cusip"].map(is_cusip).astype(bool)
    empty = ~(rows["bid_to_cover"] > 0) & ~wrong
    again = rows.duplicated(["session_date", "cusip"]) & ~wrong & ~empty
    aside = [
        refuse("auction_mm", "bad_cusip", rows[wrong], "cusip", "auction_date"),
        refuse("auction_mm", "no_value", rows[empty], "cusip", "auction_date"),
        refuse("auction_mm", "duplicate_key", rows[again], "cusip", "auction_date"),
    ]
    rows, closed = split_sessions(rows[~(wrong | empty | again)], "auction_mm", CALENDAR, "cusip")
    rows = rows.sort_values("session_date", ignore_index=True)
    rows["at"] = (rows["session_date"] + _CLOSING_TIME).dt.tz_localize("America/New_York").dt.tz_convert("UTC")
    rows["outstanding"] = rows.groupby("cusip")["offering_usd_bn"].cumsum() * 1e9
    span = np.arange(
        rows["session_date"].min().to_datetime64().astype("datetime64[D]"),
        rows["session_date"].max().to_datetime64().astype("datetime64[D]") + 1,
    )
    sessions = pd.DataFrame({"day": span[is_session(CALENDAR, span)].astype("datetime64[us]")}).reset_index(
        names="number"
    )
    grid = sessions.merge(rows[["cusip"]].drop_duplicates(), how="cross").sort_values("day", ignore_index=True)
    numbered = rows.merge(sessions, left_on="session_date", right_on="day").rename(columns={"number": "auction_number"})
    latest = pd.merge_asof(
        grid,
        numbered.drop(columns="day").sort_values("session_date"),
        left_on="day",
        right_on="session_date",
        by="cusip",
    ).dropna(subset=["at"])
    carried = latest[latest["number"] - latest["auction_number"] < CARRIED_SESSIONS]
    instruments = contract_rows(
        INSTRUMENTS,
        {
            "session_date": latest["day"],
            "instrument_id": "UST:" + latest["cusip"],
            "asset_class": "bond_sovereign",
            "issuer_id": "US Treasury",
            "sector": "GOVERNMENT",
            "currency": "USD",
            "calendar": CALENDAR,
            "amount_outstanding": latest["outstanding"],
            "source": NAME,
        },
    )
    auction_mm = contract_rows(
        AUCTION_MM,
        {
            "session_date": carried["day"],
            "instrument_id": "UST:" + carried["cusip"],
            "auction_demand": carried["bid_to_cover"],
            "auction_at": carried["at"],
            "observed_at": carried["at"],
            "known_at": carried["at"],
            "source": NAME,
        },
    )
    return Recording(
        {"instruments": instruments, "auction_mm": auction_mm}, pd.concat([*aside, closed], ignore_index=True)
    )


def _build(path: Path) -> Recording:
    return recording_of(pd.read_csv(path))
