"""Activity series as their publishers offer them: traffic on Interstate 94 (UCI) and weekly US energy (EIA).

Both become the series of feed ``alt_series``. The traffic file has one row for each weather description of an hour, so
an hour may come several times with the same count. EIA workbooks have one sheet a table, saved as CSV: a title line, the
publisher's series keys, the names, and a row a week.
"""

from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.domain.errors import ContractError
from resources.feeds._downloads import csv_cells, numbers
from resources.feeds._recording import refuse
from resources.feeds.alt_series import energy_series, traffic_series

__all__ = ["TRAFFIC_HEADER", "is_energy_sheet", "read_energy", "read_traffic"]

TRAFFIC_HEADER: Final = (
    "holiday", "temp", "rain_1h", "snow_1h", "clouds_all", "weather_main", "weather_description", "date_time",
    "traffic_volume",
)  # fmt: skip
_TITLE: Final = "back to contents"
_DAY_FORMATS: Final = ("%b %d, %Y", "%Y-%m-%d", "%m/%d/%Y")
Found = tuple[pd.DataFrame, list[pd.DataFrame]]


def read_traffic(cells: pd.DataFrame) -> Found:
    """Mean vehicles per hour of each UTC day, and the rows set aside.

    Parameters
    ----------
    cells
        Columns :data:`TRAFFIC_HEADER` as text; hours are of US Central time without a mark of daylight saving.

    Notes
    -----
    Set aside: ``bad_time``, ``negative_volume``, ``duplicate_key`` (an hour again with another count), and what
    :func:`resources.feeds.alt_series.traffic_series` sets aside.
    """
    rows = pd.DataFrame(
        {
            "ts_local": pd.to_datetime(cells["date_time"], format="%Y-%m-%d %H:%M:%S", errors="coerce").astype(
                "datetime64[us]"
            ),
            "traffic_volume": numbers(cells["traffic_volume"]),
            "series": "I94_TRAFFIC",
            "written": cells["date_time"],
        }
    )
    bad = rows["ts_local"].isna() | (rows["ts_local"] != rows["ts_local"].dt.floor("h"))
    negative = ~bad & (rows["traffic_volume"] < 0)
    good = rows[~(bad | negative)].drop_duplicates(["ts_local", "traffic_volume"])
    again = good.duplicated("ts_local")
    aside = [
        refuse("macro_series", "bad_time", rows[bad], "series", "written", "traffic_volume"),
        refuse("macro_series", "negative_volume", rows[negative], "series", "written", "traffic_volume"),
        refuse("macro_series", "duplicate_key", good[again], "series", "written", "traffic_volume"),
    ]
    daily, refused = traffic_series(good.loc[~again, ["ts_local", "traffic_volume"]])
    return daily, [*aside, refused]


def is_energy_sheet(names: list[str]) -> bool:
    """Whether a file's first line is that of an EIA table."""
    return names[0].strip().lower() == _TITLE


def read_energy(path: Path) -> Found:
    """Weekly series of one EIA table, and the rows set aside.

    The unit is the last parenthesis of a name. Only columns named ``Weekly ...`` are read, because months and years are
    dated inside their period, before they could be known: the others are set aside as ``not_weekly``. Further reasons:
    ``bad_day``, ``no_value`` (no number; an empty cell is no row).

    Raises
    ------
    ContractError
        There is no line of names that begins with ``Date``, or a weekly name tells no unit.
    """
    cells = csv_cells(path, header=None)
    first = cells[0].str.strip()
    heads = cells.index[first.str.lower() == "date"]
    if not len(heads):
        raise ContractError(f"{path.name}: no line of names that begins with Date; save the sheet Data 1 as CSV")
    names = cells.loc[heads[0]].str.strip()
    rows = cells.loc[heads[0] + 1 :]
    rows = rows[rows.apply(lambda column: column.str.strip() != "").any(axis=1)]
    days = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    for form in _DAY_FORMATS:
        days = days.fillna(pd.to_datetime(rows[0].str.strip(), format=form, errors="coerce"))
    bad = rows[days.isna()].assign(series=names[1] if len(names) > 1 else "", day=rows[0])
    aside = [refuse("macro_series", "bad_day", bad, "series", "day")]
    found = []
    for column in names.index[1:]:
        name = str(names[column])
        told = pd.DataFrame({"date": days, "series_id": name, "cell": rows[column].str.strip(), "day": rows[0]})
        told = told[days.notna() & (told["cell"] != "")]
        if not name.lower().startswith("weekly "):
            aside.append(refuse("macro_series", "not_weekly", told, "series_id", "day", "cell"))
            continue
        if not name.endswith(")"):
            raise ContractError(f"{path.name}: {name!r} tells no unit in parentheses at its end")
        told["value"] = numbers(told["cell"])
        empty = told["value"].isna()
        aside.append(refuse("macro_series", "no_value", told[empty], "series_id", "day", "cell"))
        found.append(told.loc[~empty, ["date", "series_id", "value"]])
    if not found:
        return pd.DataFrame(columns=["session_date", "series_id", "value", "unit"]), aside
    return energy_series(pd.concat(found, ignore_index=True)), aside
