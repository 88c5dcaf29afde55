"""Results of US Treasury auctions as the Treasury offers them for download, carried as they age.

Landed in ``<landing>/treasury_auction_results/`` as CSV or JSON, in either of the two layouts: FiscalData
(``auction_date``, ``bid_to_cover_ratio``, ``offering_amt``; JSON with the rows under ``data``) or TreasuryDirect
(``auctionDate``, ``bidToCoverRatio``, ``offeringAmount``; JSON a list). Amounts are in USD; ``null`` and empty mean none.

The file says no time of the result: 13:00 New York is taken, when bids for notes and bonds close; results follow within
minutes, and those of bills are known earlier.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import AUCTION_MM, INSTRUMENTS
from liquidity.domain.errors import ContractError
from liquidity.domain.session import is_session
from resources.feeds._downloads import csv_cells, downloaded, numbers, read_each, text_of
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import (
    SET_ASIDE_COLUMNS,
    Recording,
    TableFeed,
    contract_rows,
    refuse,
    split_sessions,
)
from resources.feeds.us_treasury_auctions import CARRIED_SESSIONS, is_cusip

__all__ = ["NAME", "open_feed", "read_download"]

NAME: Final = "treasury_auction_results"
CALENDAR: Final = "XNYS"
_CLOSING_TIME: Final = pd.Timedelta(hours=13)
_LAYOUTS: Final = (
    ("cusip", "auction_date", "maturity_date", "bid_to_cover_ratio", "offering_amt"),
    ("cusip", "auctionDate", "maturityDate", "bidToCoverRatio", "offeringAmount"),
)
_NAMES: Final = ("cusip", "auction_date", "maturity_date", "bid_to_cover", "offering_usd")


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on landed downloads; ``None`` without any."""
    paths = downloaded(roots.landing / NAME, (".csv", ".csv.gz", ".json", ".json.gz", ".zip"))
    tables = ("instruments", "auction_mm")
    return TableFeed(NAME, tables, ("bond_sovereign",), _build, tuple(paths)) if paths else None


def read_download(path: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Rows ``session_date, cusip, maturity, bid_to_cover, offering_usd`` of one file, and those set aside.

    Reasons, first that applies: ``bad_cusip``, ``bad_day``, ``no_value`` (announced, not yet held, or held before the
    ratio was told), ``bad_maturity`` (not after the auction).

    Raises
    ------
    ContractError
        The file has the columns of neither layout.
    """
    cells = _cells(path)
    layout = next((names for names in _LAYOUTS if set(names) <= set(cells.columns)), None)
    if layout is None:
        raise ContractError(
            f"{path.name}: columns {list(cells.columns)[:4]}; auction results have {' or '.join(map(str, _LAYOUTS))}"
        )
    rows = cells[list(layout)].set_axis(list(_NAMES), axis=1)
    rows["cusip"] = rows["cusip"].str.strip()
    rows["session_date"] = _day(rows["auction_date"])
    rows["maturity"] = _day(rows["maturity_date"])
    rows["bid_to_cover"] = numbers(rows["bid_to_cover"])
    rows["offering_usd"] = numbers(rows["offering_usd"]).where(lambda amount: amount > 0)
    told = ~rows["maturity_date"].str.strip().isin(["", "null"])
    reasons = pd.Series(
        np.select(
            [
                ~rows["cusip"].map(is_cusip).astype(bool),
                rows["session_date"].isna(),
                ~(rows["bid_to_cover"] > 0),
                told & ~(rows["maturity"] > rows["session_date"]),
            ],
            ["bad_cusip", "bad_day", "no_value", "bad_maturity"],
            default="",
        ),
        dtype="str",
    )
    aside = [
        refuse("auction_mm", reason, rows[reasons == reason], "cusip", "auction_date", "bid_to_cover")
        for reason in sorted(set(reasons) - {""})
    ]
    return rows.loc[reasons == "", ["session_date", "cusip", "maturity", "bid_to_cover", "offering_usd"]], aside


def _cells(path: Path) -> pd.DataFrame:
    if ".json" not in path.suffixes:
        return csv_cells(path)
    try:
        document: Any = json.loads(text_of(path))
    except json.JSONDecodeError as error:
        raise ContractError(f"{path.name}: no JSON ({error}); fetch it again") from error
    listed = document.get("data") if isinstance(document, dict) else document
    if not isinstance(listed, list) or not listed or not all(isinstance(row, dict) for row in listed):
        raise ContractError(f"{path.name}: no list of auctions; give the list, or an object with the list under data")
    return pd.DataFrame(listed).map(lambda cell: "" if cell is None else str(cell)).astype("str")


def _day(text: pd.Series) -> pd.Series:
    days: pd.Series = pd.to_datetime(text.str.strip().str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
    return days.astype("datetime64[us]")


def _build(*paths: Path) -> Recording:
    good, aside = read_each(paths, "auction_mm", read_download)
    rows = pd.concat(good, ignore_index=True).drop_duplicates() if good else pd.DataFrame()
    if len(rows):
        again = rows.duplicated(["session_date", "cusip"])
        aside.append(refuse("auction_mm", "duplicate_key", rows[again], "cusip", "session_date", "bid_to_cover"))
        rows, shut = split_sessions(rows[~again].reset_index(drop=True), "auction_mm", CALENDAR, "cusip")
        aside.append(shut)
    parts = [part for part in aside if len(part)]
    refused = (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(SET_ASIDE_COLUMNS), dtype="str")
    )
    if not len(rows):
        empty = {table.name: contract_rows(table, {}, pd.RangeIndex(0)) for table in (INSTRUMENTS, AUCTION_MM)}
        return Recording(empty, refused)
    carried = _carried(rows)
    shared = {
        "session_date": carried["day"],
        "instrument_id": "UST:" + carried["cusip"],
        "source": NAME,
    }
    at = (carried["session_date"] + _CLOSING_TIME).dt.tz_localize("America/New_York").dt.tz_convert("UTC")
    tables = {
        "instruments": contract_rows(
            INSTRUMENTS,
            {
                **shared,
                "asset_class": "bond_sovereign",
                "issuer_id": "US Treasury",
                "sector": "GOVERNMENT",
                "currency": "USD",
                "calendar": CALENDAR,
                "maturity_date": carried["maturity"],
                "amount_outstanding": carried["outstanding"],
            },
        ),
        "auction_mm": contract_rows(
            AUCTION_MM,
            {
                **shared,
                "auction_demand": carried["bid_to_cover"],
                "auction_at": at,
                "observed_at": at,
                "known_at": at,
            },
        ),
    }
    return Recording(tables, refused)


def _carried(rows: pd.DataFrame) -> pd.DataFrame:
    """Each auction on its own session (``session_date``) and the following ones (``day``) that it speaks for.

    That is 63 sessions, less when the bond is auctioned again or matures, and not beyond the newest auction of the files.
    ``outstanding`` sums what was offered so far; null when an amount is not told.
    """
    rows = rows.sort_values(["cusip", "session_date"], ignore_index=True)
    rows["outstanding"] = rows.groupby("cusip")["offering_usd"].transform(lambda amounts: amounts.cumsum(skipna=False))
    first, last = (
        moment.to_datetime64().astype("datetime64[D]")
        for moment in (rows["session_date"].min(), rows["session_date"].max())
    )
    span = np.arange(first, last + 1)
    sessions = span[is_session(CALENDAR, span)]
    begins = np.searchsorted(sessions, rows["session_date"].to_numpy().astype("datetime64[D]"))
    next_auction = pd.Series(begins).groupby(rows["cusip"]).shift(-1, fill_value=len(sessions)).to_numpy()
    matures = np.searchsorted(
        sessions, rows["maturity"].fillna(pd.Timestamp("2200-01-01")).to_numpy().astype("datetime64[D]")
    )
    ends = np.minimum.reduce([begins + CARRIED_SESSIONS, next_auction, matures, np.full(len(rows), len(sessions))])
    lengths = ends - begins
    place = np.repeat(begins, lengths) + np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    carried = rows.loc[np.repeat(np.arange(len(rows)), lengths)].reset_index(drop=True)
    return carried.assign(day=sessions[place].astype("datetime64[us]"))
