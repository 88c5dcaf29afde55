"""Corporate bonds traded on the National Stock Exchange of India: one day, trades only, no quotes.

Reads the parsed table, or the public download itself (``read_download``), whose cells are broken over lines. The day
is not in the file. That of the recorded file is documented (``RECORDED_DAY``) and its rows carry the quality rule
``session_assumed``; a download landed in ``<landing>/nse`` says its day in its name (``2025-08-20`` or ``20-Aug-2025``)
or is told it by the setting ``landing_nse_day``, and is set aside as ``session_unknown`` otherwise.
"""

import csv
import gzip
import io
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS, MICROSTRUCTURE
from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ContractError
from liquidity.domain.identifier import is_isin_array
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import Recording, TableFeed, closes_utc, contract_rows, refuse, split_sessions

__all__ = ["LAKH", "NAME", "RECORDED_DAY", "day_in_name", "open_feed", "read_download", "recording_of"]

NAME: Final = "nse_corporate_bonds"
LAKH: Final = 1e5
CALENDAR: Final = "XBOM"
RECORDED_DAY: Final = date(2025, 8, 20)
"""Day on which the recorded file was published, as its description says."""
_RECORDED_FILES: Final = ("in_nse_corporate_bonds_1day.parquet", "in_nse_corporate_bonds_1day.raw.csv.gz")
_LANDED_ENDINGS: Final = (".csv", ".csv.gz", ".parquet")
_DAY_IN_NAME: Final = re.compile(r"(?<!\d)(?:(\d{4}-\d{2}-\d{2})|(\d{1,2}-[A-Za-z]{3}-\d{4}))(?!\d)", re.ASCII)
_DOWNLOAD_COLUMNS: Final = (
    "isin", "descriptor", "wap", "ltp", "way_pct", "lty_pct", "value_lakh_inr", "n_trades",
)  # fmt: skip
_MONTHS: Final = ("JN", "FB", "MR", "AP", "MY", "JU", "JL", "AG", "SP", "OT", "NV", "DC")
_MATURITY: Final = re.compile(r"(?P<day>\d{2})(?P<month>[A-Z]{2})(?P<year>\d{2})\s*FVRS", re.IGNORECASE)


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on landed downloads and the recorded one (parsed, else as downloaded); ``None`` without any file."""
    recorded = [] if roots.recorded is None else [roots.recorded / "bonds" / name for name in _RECORDED_FILES]
    recorded = [path for path in recorded if path.is_file()][:1]
    landed = _landed(roots.landing / "nse")
    if not recorded and not landed:
        return None
    days = tuple(day_in_name(path.name) or roots.nse_day for path in landed)
    options = ((*days, *(RECORDED_DAY for _ in recorded)), (*(False for _ in landed), *(True for _ in recorded)))
    return TableFeed(
        NAME, ("instruments", "microstructure"), ("bond_corporate",), _build, (*landed, *recorded), options
    )


def day_in_name(name: str) -> date | None:
    """Session that a file's name says; ``None`` where it says none.

    Raises
    ------
    ContractError
        The name says a day that no calendar has.

    Examples
    --------
    >>> day_in_name("MW-Bonds-20-Aug-2025.csv"), day_in_name("bonds_2025-08-20.csv.gz"), day_in_name("bonds.csv")
    (datetime.date(2025, 8, 20), datetime.date(2025, 8, 20), None)
    """
    found = _DAY_IN_NAME.search(name)
    if found is None:
        return None
    try:
        return date.fromisoformat(found[1]) if found[1] else datetime.strptime(found[2], "%d-%b-%Y").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        raise ContractError(f"{name}: its name holds no day of the calendar ({error}); rename it") from error


def _landed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith((".", "_")) and path.name.lower().endswith(_LANDED_ENDINGS)
    ]


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


def recording_of(bonds: pd.DataFrame, session: date, *, assumed: bool = False) -> Recording:
    """Tables of one day of trades.

    Parameters
    ----------
    bonds
        Columns of :func:`read_download`.
    session
        Session the rows belong to.
    assumed
        Whether nobody told the session: rows then carry the quality rule ``session_assumed``.

    Notes
    -----
    ``observed_at`` is the session's close and so is ``known_at``: the exchange publishes the day's table after it.
    ``last_trade_at`` is null, the file has no times. Rows whose ISIN has a wrong check digit, without a price,
    repeated, or of a day on which Mumbai does not open, are set aside.
    """
    rows, shut = split_sessions(bonds.assign(session_date=pd.Timestamp(session)), "microstructure", CALENDAR, "isin")
    wrong = ~pd.Series(is_isin_array(rows["isin"]), index=rows.index)
    unpriced = ~(rows["ltp"] > 0) & ~wrong
    again = rows.duplicated("isin") & ~wrong & ~unpriced
    aside = pd.concat(
        [
            shut,
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
            "feed_rules": "session_assumed" if assumed else "",
        },
    )
    return Recording({"instruments": instruments, "microstructure": microstructure}, aside)


def _build(*arguments: Any) -> Recording:
    """Files of many days: paths, then the session of each (``None`` where nobody told it) and whether it is assumed."""
    *paths, days, assumed = arguments
    parts, taken = [], set()
    for path, day, guess in zip(paths, days, assumed, strict=True):
        if day is None or day in taken:
            reason, detail = ("session_unknown", "no day in the name") if day is None else ("duplicate_file", str(day))
            file = pd.DataFrame({"file": [path.name], "day": ["" if day is None else str(day)], "detail": [detail]})
            parts.append(Recording({}, refuse("microstructure", reason, file, "file", "day", "detail")))
            continue
        taken.add(day)
        bonds = pd.read_parquet(path) if path.suffix == ".parquet" else read_download(path)
        parts.append(recording_of(bonds, day, assumed=guess))
    return Recording(
        {contract.name: _joined(contract, parts) for contract in (INSTRUMENTS, MICROSTRUCTURE)},
        pd.concat([part.set_aside for part in parts], ignore_index=True),
    )


def _joined(contract: TableContract, parts: Sequence[Recording]) -> pd.DataFrame:
    rows = [part.tables[contract.name] for part in parts if contract.name in part.tables]
    if not rows:
        return contract_rows(contract, {}, pd.RangeIndex(0))
    return pd.concat(rows, ignore_index=True).sort_values(list(contract.key), kind="stable", ignore_index=True)
