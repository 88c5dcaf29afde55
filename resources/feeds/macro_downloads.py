"""Economic series as their publishers offer them for download, landed in ``<landing>/macro_downloads/*.csv``.

Known by their header: the US Treasury's daily par yield curve (``Date,"1 Mo",...,"30 Yr"``, percent, month first), the
Cboe's index histories (``DATE,OPEN,HIGH,LOW,CLOSE`` in ``VIX_History.csv``), FRED (``observation_date`` or ``DATE`` and
one column for each series), UCI's traffic on Interstate 94 and weekly tables of the EIA (``_activity_downloads.py``).
Names and units are those of feeds ``macro`` and ``alt_series``.

A value belongs to its day; FRED dates a month, quarter or year at its first day, which is before it could be known: such
values belong to the last day of their period. Publication lags beyond that are not in the files.
"""

import re
from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.contracts.signals import MACRO_SERIES
from liquidity.domain.errors import ContractError
from resources.feeds._activity_downloads import TRAFFIC_HEADER, is_energy_sheet, read_energy, read_traffic
from resources.feeds._downloads import csv_cells, downloaded, numbers, read_each
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import SET_ASIDE_COLUMNS, Recording, TableFeed, contract_rows, refuse
from resources.feeds.macro import FRED_UNITS, macro_rows

__all__ = ["NAME", "YIELD_RANGE_FRAC", "open_feed", "read_download"]

NAME: Final = "macro_downloads"
YIELD_RANGE_FRAC: Final = (-0.05, 0.30)
"""Yields of US Treasuries since 1962 lie well inside; a value outside is in another unit."""
_ENDINGS: Final = (".csv", ".csv.gz", ".zip")
_TENOR: Final = re.compile(r"(\d+(?:\.\d+)?) ?(mo|month|yr|year)s?", re.IGNORECASE | re.ASCII)
_INDEX: Final = re.compile(r"([A-Z0-9]{2,12})_History", re.IGNORECASE | re.ASCII)
_SERIES: Final = re.compile(r"[A-Z0-9_]{2,40}", re.ASCII)
_PERIODS: Final = {1: 31, 3: 92, 6: 184}
"""Months of a period by the longest distance in days of two first days; a longer one is a year."""
_COLUMNS: Final = ["session_date", "series_id", "value", "unit"]


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on landed downloads; ``None`` without any."""
    paths = downloaded(roots.landing / NAME, _ENDINGS)
    return TableFeed(NAME, ("macro_series",), (), _build, tuple(paths)) if paths else None


def read_download(path: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Rows (``session_date, series_id, value, unit``) of one file, and those set aside.

    Reasons: ``bad_day``, ``no_value`` (no number), ``out_of_range`` (see :data:`YIELD_RANGE_FRAC`), ``ohlc_order``,
    ``period_unknown`` (a FRED series with one value, dated at the first of a month), and those of the activity series.
    A tenor that was not issued on a day (an empty cell) is no row and not set aside.

    Raises
    ------
    ContractError
        The header is of no known download.
    """
    cells = csv_cells(path)
    names = [str(name).strip() for name in cells.columns]
    cells.columns = pd.Index(names)
    lowered = [name.lower() for name in names]
    if is_energy_sheet(names):
        return read_energy(path)
    if tuple(lowered) == TRAFFIC_HEADER:
        return read_traffic(cells)
    if lowered[0] == "date" and len(names) > 1 and all(_TENOR.fullmatch(name) for name in names[1:]):
        return _curve(cells)
    if lowered == ["date", "open", "high", "low", "close"]:
        index = _INDEX.match(path.name)
        if index is None:
            raise ContractError(f"{path.name}: name the index as the Cboe does, VIX_History.csv")
        return _index(cells, index[1].upper())
    if lowered[0] in ("date", "observation_date") and len(names) > 1 and all(map(_SERIES.fullmatch, names[1:])):
        return _fred(cells)
    raise ContractError(
        f"{path.name}: header {names[:4]} is none of the US Treasury's par yield curve, a Cboe index history, "
        "FRED, UCI's Interstate 94 traffic or a weekly EIA table"
    )


def _curve(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    rows, aside = _long(cells, ("%m/%d/%Y", "%m/%d/%y"))
    rows = rows[rows["cell"] != ""]
    tenor = rows["column"].str.extract(_TENOR)
    kind = tenor[1].str.lower().map({"mo": "MONTH", "month": "MONTH", "yr": "YEAR", "year": "YEAR"})
    rows = rows.assign(
        series_id="UST_YIELD_" + tenor[0].str.replace(".", "_", regex=False) + kind, unit="frac per year"
    )
    rows["value"] = rows["value"] / 100.0
    good, refused = _with_value(rows)
    outside = ~good["value"].between(*YIELD_RANGE_FRAC)
    refused.append(refuse("macro_series", "out_of_range", good[outside], "series_id", "day", "cell"))
    return good.loc[~outside, _COLUMNS], [*aside, *refused]


def _index(cells: pd.DataFrame, index: str) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    cells.columns = pd.Index(["Date", "OPEN", "HIGH", "LOW", "CLOSE"])
    prices = cells.drop(columns="Date").apply(numbers)
    disordered = (prices["LOW"] > prices.min(axis=1)) | (prices["HIGH"] < prices.max(axis=1))
    refused = refuse("macro_series", "ohlc_order", cells[disordered].assign(index=index), "index", "Date", "CLOSE")
    rows, aside = _long(cells[~disordered], ("%m/%d/%Y",))
    good, empty = _with_value(rows.assign(series_id=f"{index}_" + rows["column"], unit="percent per year"))
    return good[_COLUMNS], [*aside, refused, *empty]


def _fred(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    rows, aside = _long(cells, ("%Y-%m-%d",))
    rows = rows.assign(
        series_id="FRED_" + rows["column"], unit=rows["column"].map(FRED_UNITS).fillna("unit of the source")
    )
    good, empty = _with_value(rows)
    # A file may hold series of several frequencies: an empty cell is then no period of that series.
    told_days = rows[(rows["cell"] != "") | (len(cells.columns) == 2)].groupby("column")["session_date"]
    dated = []
    for column, series in good.groupby("column", sort=False):
        days = told_days.get_group(column).drop_duplicates().sort_values()
        starts = (days.dt.day == 1).all()
        if starts and len(days) == 1:
            aside.append(refuse("macro_series", "period_unknown", series, "column", "day", "cell"))
            continue
        gap_days = days.diff().dt.days.min() if starts else 1.0
        months = next((months for months, most in _PERIODS.items() if gap_days <= most), 12) if gap_days >= 28 else 0
        ends = series["session_date"] + pd.offsets.MonthEnd(months) if months else series["session_date"]
        dated.append(series.assign(session_date=ends))
    told = pd.concat(dated, ignore_index=True) if dated else good.iloc[:0]
    return told[_COLUMNS], [*aside, *empty]


def _long(cells: pd.DataFrame, formats: tuple[str, ...]) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """One row for each day and column: ``day`` and ``cell`` as written, ``session_date``, ``column``, ``value``."""
    first = cells.columns[0]
    days = pd.Series(pd.NaT, index=cells.index, dtype="datetime64[us]")
    for form in formats:
        days = days.fillna(pd.to_datetime(cells[first].str.strip(), format=form, errors="coerce"))
    bad = refuse("macro_series", "bad_day", cells[days.isna()].assign(file="row"), "file", str(first))
    known = cells[days.notna()].assign(session_date=days[days.notna()])
    rows = known.melt(id_vars=[first, "session_date"], var_name="column", value_name="cell").rename(
        columns={first: "day"}
    )
    rows["cell"] = rows["cell"].str.strip()
    return rows.assign(value=numbers(rows["cell"])), [bad]


def _with_value(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    empty = rows["value"].isna()
    return rows[~empty], [refuse("macro_series", "no_value", rows[empty], "series_id", "day", "cell")]


def _build(*paths: Path) -> Recording:
    good, aside = read_each(paths, "macro_series", read_download)
    if not good:
        return Recording({"macro_series": contract_rows(MACRO_SERIES, {}, pd.RangeIndex(0))}, _joined(aside))
    rows = pd.concat(good, ignore_index=True).drop_duplicates()  # yearly files overlap; the same value twice is one
    again = rows.duplicated(["session_date", "series_id"])
    aside.append(refuse("macro_series", "duplicate_key", rows[again], "series_id", "session_date", "value"))
    return Recording({"macro_series": macro_rows(rows[~again].reset_index(drop=True), NAME)}, _joined(aside))


def _joined(aside: list[pd.DataFrame]) -> pd.DataFrame:
    parts = [part for part in aside if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(SET_ASIDE_COLUMNS), dtype="str")
