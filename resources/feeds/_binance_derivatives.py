"""Open interest (``metrics``) and funding (``fundingRate``) of Binance's public archive as rows of the crypto tables.

The files are landed as downloaded beside the tables' own: ``<landing>/crypto/open_interest/BTCUSDT-metrics-2025-01-02.zip``
and ``<landing>/crypto/funding_rates/BTCUSDT-fundingRate-2025-01.zip``. COIN-M symbols end in ``_PERP``, no others do. Read
next: ``_landing_files.py``, which opens them.
"""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa

from liquidity.book.wire import units_of
from liquidity.contracts.crypto import FUNDING_RATES, OPEN_INTEREST
from liquidity.contracts.table import TableContract
from liquidity.domain.errors import ContractError
from resources.feeds._downloads import csv_cells, numbers

__all__ = ["archive_days", "archive_table", "is_archived"]

SOURCE: Final = "binance_archive"
_NAME: Final = re.compile(
    r"(?P<symbol>[A-Z0-9]{2,30}(?P<inverse>_PERP)?)-(?P<content>metrics|fundingRate)"
    r"-(?P<year>\d{4})-(?P<month>\d{2})(?:-(?P<day>\d{2}))?\.(?:csv|zip|csv\.gz)",
    re.ASCII,
)
_TABLE: Final = {"metrics": OPEN_INTEREST.name, "fundingRate": FUNDING_RATES.name}
_COLUMNS: Final = {
    "metrics": ("create_time", "symbol", "sum_open_interest", "sum_open_interest_value"),
    "fundingRate": ("calc_time", "funding_interval_hours", "last_funding_rate"),
}


def is_archived(name: str) -> bool:
    """Whether a file's name is one of the archive's open-interest or funding files."""
    return _NAME.fullmatch(name) is not None


def archive_days(name: str) -> tuple[date, date]:
    """First and last UTC day a file can hold; the last reading of a day's metrics is at the next midnight."""
    found = _NAME.fullmatch(name)
    try:
        if found is None:
            raise ValueError("another name")
        first = date(int(found["year"]), int(found["month"]), int(found["day"] or 1))
    except ValueError as error:
        raise ContractError(
            f"landing file {name!r}: its name holds no day of the calendar ({error}); rename it"
        ) from error
    if found["day"]:
        return first, first + timedelta(days=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def archive_table(path: Path, contract: TableContract) -> pa.Table:
    """Rows of one file in columns of ``contract``; those that the archive does not tell are absent.

    USD-M open interest is in coins, with its value in the quote currency beside it; COIN-M open interest is in contracts
    of a fixed number of US dollars, whose coins are left out.

    Raises
    ------
    ContractError
        The file is of another table, has not the archive's columns, or holds a cell that is no time, no number, or
        another symbol.
    """
    name = _NAME.fullmatch(path.name)
    if name is None or _TABLE[name["content"]] != contract.name:
        raise ContractError(f"{path}: holds no rows of {contract.name}; move it to the folder of its table")
    content, symbol = name["content"], name["symbol"]
    venue = "binancecoinm" if name["inverse"] else "binanceusdm"
    cells = csv_cells(path)
    missing = [column for column in _COLUMNS[content] if column not in cells.columns]
    if missing:
        raise ContractError(f"{path}: columns {missing} missing; a {content} file has {list(_COLUMNS[content])}")
    if content == "metrics":
        at = pd.to_datetime(cells["create_time"], format="%Y-%m-%d %H:%M:%S", errors="coerce", utc=True)
        bad = cells["symbol"] != symbol
        amount, units = numbers(cells["sum_open_interest"]), units_of(venue, symbol)
        if units is not None and units[0] == "inverse":
            figures = pd.DataFrame({"open_interest_quote": amount * units[1]})
        else:
            value = numbers(cells["sum_open_interest_value"])
            figures = pd.DataFrame({"open_interest_base": amount, "open_interest_quote": value})
    else:
        at = pd.to_datetime(numbers(cells["calc_time"]), unit="ms", errors="coerce", utc=True)
        bad = pd.Series(False, index=cells.index)
        figures = pd.DataFrame(
            {
                "rate_frac": numbers(cells["last_funding_rate"]),
                "interval_hours": numbers(cells["funding_interval_hours"]),
            }
        )
    bad |= at.isna() | figures.isna().any(axis=1)
    if bad.any():
        raise ContractError(
            f"{path}: {int(bad.sum())} of {len(bad)} lines hold no time, no number or another symbol, first line "
            f"{int(bad.to_numpy().argmax()) + 2}; fetch it again"
        )
    at = at.astype("datetime64[us, UTC]")
    return pa.Table.from_pandas(
        figures.assign(session_date=at.dt.date, instrument_id=f"{venue}:{symbol}", venue=venue, at=at, source=SOURCE),
        preserve_index=False,
    )
