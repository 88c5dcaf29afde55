"""Corporate bonds traded on the National Stock Exchange of India: one day, trades only, no quotes.

Reads the parsed table, or the public download itself (``read_download``), whose cells are broken over lines. The day
is not in the file: rows belong to ``FeedRoots.bond_day`` and carry the quality rule ``session_assumed``.
"""

import csv
import gzip
import io
import re
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS, MICROSTRUCTURE
from liquidity.domain.errors import ContractError
from liquidity.domain.identifier import is_isin_array
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import Recording, closes_utc, contract_rows, open_recorded, refuse

__all__ = ["LAKH", "NAME", "open_feed", "read_download", "recording_of"]

NAME: Final = "nse_corporate_bonds"
LAKH: Final = 1e5
CALENDAR: Final = "XBOM"
_DOWNLOAD_COLUMNS: Final = (
    "isin", "descriptor", "wap", "ltp", "way_pct", "lty_pct", "value_lakh_inr", "n_trades",
)  # fmt: skip
_MONTHS: Final = ("JN", "FB", "MR", "AP", "MY", "JU", "JL", "AG", "SP", "OT", "NV", "DC")
_MATURITY: Final = re.compile(r"(?P<day>\d{2})(?P<month>[A-Z]{2})(?P<year>\d{2})\s*FVRS", re.IGNORECASE)


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the parsed table, else on the compressed download; ``None`` when neither is there."""
    folder = None if roots.recorded is None else roots.recorded / "bonds"
    for file in ("in_nse_corporate_bonds_1day.parquet", "in_nse_corporate_bonds_1day.raw.csv.gz"):
        feed = open_recorded(
            NAME, ("instruments", "microstructure"), ("bond_corporate",), _build, folder, (file,), (roots.bond_day,)
        )
        if feed is not None:
            return feed
    return None


def read_download(path: Path) -> pd.DataFrame:
    """Parse the exchange's download: quoted cells broken over lines, thousands separators, blank lines on top.

    Returns
    -------
    pd.DataFrame
        ``isin, descriptor, wap, ltp`` (per 100), ``way_pct, lty_pct``, ``value_lakh_inr``, ``n_trades``, and
        ``maturity``, read from the descriptor where it has one (``29AP30`` is 2030-04-29).

    Raises
    ------
    ContractError
        The file has not the eight columns of the download.
    """
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    cells = [
        [" ".join(cell.split()) for cell in row]
        for row in csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
        if any(cell.strip() for cell in row)
    ]
    if not cells or len(cells[0]) != len(_DOWNLOAD_COLUMNS) or not cells[0][0].startswith("ISIN"):
        found = cells[0] if cells else []
        raise ContractError(
            f"{path.name}: first row has {len(found)} cells {found[:3]}; the NSE bond download has 8, the first ISIN"
        )
    frame = pd.DataFrame([row for row in cells[1:] if len(row) == 8], columns=list(_DOWNLOAD_COLUMNS))
    for name in _DOWNLOAD_COLUMNS[2:]:
        frame[name] = pd.to_numeric(frame[name].str.replace(",", ""), errors="coerce")
    parts = frame["descriptor"].str.extract(_MATURITY)
    month = parts["month"].str.upper().map({code: number for number, code in enumerate(_MONTHS, start=1)})
    frame["maturity"] = pd.to_datetime(
        "20" + parts["year"] + "-" + month.astype("Int64").astype("str") + "-" + parts["day"],
        format="%Y-%m-%d", errors="coerce",
    )  # fmt: skip
    frame["isin_issuer_code"] = frame["isin"].str[:7]
    return frame


def recording_of(bonds: pd.DataFrame, session: date) -> Recording:
    """Tables of one day of trades.

    Parameters
    ----------
    bonds
        Columns of :func:`read_download`.
    session
        Session the rows belong to.

    Notes
    -----
    ``observed_at`` is the session's close and so is ``known_at``: the exchange publishes the day's table after it.
    ``last_trade_at`` is null, the file has no times. Rows whose ISIN has a wrong check digit, without a price, or
    repeated, are set aside.
    """
    rows = bonds.assign(session_date=pd.Timestamp(session))
    wrong = ~pd.Series(is_isin_array(rows["isin"]), index=rows.index)
    unpriced = ~(rows["ltp"] > 0) & ~wrong
    again = rows.duplicated("isin") & ~wrong & ~unpriced
    aside = pd.concat(
        [
            refuse("microstructure", "bad_isin", rows[wrong], "isin", "session_date"),
            refuse("microstructure", "no_price", rows[unpriced], "isin", "session_date", "ltp"),
            refuse("microstructure", "duplicate_key", rows[again], "isin", "session_date"),
        ],
        ignore_index=True,
    )
    rows = rows[~(wrong | unpriced | again)].reset_index(drop=True)
    closes = closes_utc(CALENDAR, rows["session_date"])
    instruments = contract_rows(
        INSTRUMENTS,
        {
            "session_date": rows["session_date"],
            "instrument_id": rows["isin"],
            "asset_class": "bond_corporate",
            "issuer_id": rows["isin_issuer_code"],
            "currency": "INR",
            "calendar": CALENDAR,
            "maturity_date": rows["maturity"],
            "source": NAME,
        },
    )
    microstructure = contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": rows["session_date"],
            "instrument_id": rows["isin"],
            "venue": "NSE",
            "close": rows["ltp"],
            "vwap": rows["wap"],
            "adj_factor": 1.0,
            "trades_count": rows["n_trades"],
            "turnover_ccy": rows["value_lakh_inr"] * LAKH,
            "observed_at": closes,
            "known_at": closes,
            "source": NAME,
            "feed_rules": "session_assumed",
        },
    )
    return Recording({"instruments": instruments, "microstructure": microstructure}, aside)


def _build(path: Path, session: date) -> Recording:
    bonds = pd.read_parquet(path) if path.suffix == ".parquet" else read_download(path)
    return recording_of(bonds, session)
