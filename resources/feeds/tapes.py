"""Instruments that order-book tapes speak of; what the tapes say of their liquidity comes through the book tables.

Only days with a tape are listed. A pair that another feed lists too keeps that feed's facts.
"""

import re
from typing import Any, Final

import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS
from liquidity.domain.origin import SIMULATED
from liquidity.simulation.crypto_market import FOLLOWER_VENUE, LEADER_VENUE
from resources.crypto_sources import TapeFile, tape_file, tape_paths
from resources.feeds._crypto_pairs import CALENDAR, quote_currency
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import Recording, TableFeed, contract_rows, refuse

__all__ = ["NAME", "open_feed", "recording_of"]

NAME: Final = "tapes"
_ENDING: Final = re.compile(r"[-_/](?:PERP|PERPETUAL|SWAP)$", re.ASCII)
_DOLLAR_VENUES: Final = ("hyperliquid", "deribit", "bitmex", "lighter")
"""Venues whose contracts are in US dollars and whose symbols may name the base coin alone."""


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the tapes of both folders; ``None`` where there is no tape."""
    paths = tape_paths(roots)
    if not paths:
        return None
    folders = tuple(folder for _, folder in paths)
    return TableFeed(
        NAME, ("instruments",), ("crypto_spot", "crypto_perp"), _build, tuple(path for path, _ in paths), (folders,)
    )


def recording_of(files: list[TapeFile]) -> Recording:
    """Instruments of tape files, one row for each book and day.

    Notes
    -----
    The currency is read from the end of the symbol. Set aside: ``unknown_currency`` (the book tables still hold it,
    the index does not).
    """
    days = pd.DataFrame(
        [
            {"venue": each.venue, "symbol": each.venue_symbol, "kind": each.kind, "session_date": day}
            for each in files
            for day in pd.date_range(each.first, each.last, unit="us")
        ]
    ).drop_duplicates(["venue", "symbol", "session_date"])
    plain = days["symbol"].map(lambda symbol: re.sub(r"[^A-Za-z0-9]", "", _ENDING.sub("", symbol)).upper())
    currency = quote_currency(plain)
    currency = currency.where(currency.notna() | ~days["venue"].isin(_DOLLAR_VENUES), "USD")
    unknown = currency.isna()
    rows = days[~unknown]
    generated = rows["venue"].isin((LEADER_VENUE, FOLLOWER_VENUE))
    instruments = contract_rows(
        INSTRUMENTS,
        {
            "session_date": rows["session_date"],
            "instrument_id": (rows["venue"] + ":" + rows["symbol"]).astype("str"),
            "asset_class": rows["kind"].map(lambda kind: "crypto_spot" if kind == "spot" else "crypto_perp"),
            "currency": currency[~unknown].astype("str"),
            "calendar": CALENDAR,
            "source": generated.map({True: SIMULATED, False: NAME}),
        },
    )
    return Recording(
        {"instruments": instruments},
        refuse("instruments", "unknown_currency", days[unknown], "symbol", "session_date", "venue"),
    )


def _build(*arguments: Any) -> Recording:
    *paths, folders = arguments
    return recording_of([tape_file(path, folder) for path, folder in zip(paths, folders, strict=True)])
