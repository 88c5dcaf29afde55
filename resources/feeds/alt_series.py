"""Activity series that are not about one issuer: weekly US energy, hourly traffic on Interstate 94.

The traffic file carries local US Central time without a zone. :func:`central_to_utc` turns it into UTC: the hour
that exists twice in autumn is taken as the first (daylight) one, because the file has one row for it and counts in
order; the hour that does not exist in spring is refused when it has a value.
"""

import re
from pathlib import Path
from typing import Final

import pandas as pd

from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import Recording, open_recorded, refuse
from resources.feeds.macro import macro_rows

__all__ = ["HOURS_FOR_A_DAY", "NAME", "central_to_utc", "energy_series", "open_feed", "traffic_series"]

NAME: Final = "alt_series"
HOURS_FOR_A_DAY: Final = 20
"""A UTC day with fewer observed hours gives no daily mean: rush hours may be missing."""
_ENERGY: Final = re.compile(r"^(?:Weekly\s+)?(?P<what>.*?)\s*\((?P<unit>[^()]+)\)\s*$")


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded series; ``None`` when one of the two files is not there."""
    folder = None if roots.recorded is None else roots.recorded / "alt"
    files = ("eia_energy_weekly.parquet", "traffic_i94_hourly.parquet")
    return open_recorded(NAME, ("macro_series",), (), _build, folder, files)


def central_to_utc(local: pd.Series) -> pd.Series:
    """UTC of naive US Central times; NaT for an hour that does not exist, the daylight one of an hour that exists twice.

    Examples
    --------
    >>> hours = pd.Series(pd.to_datetime(["2016-11-06 01:00", "2017-03-12 02:00", "2017-07-01 00:00"]))
    >>> central_to_utc(hours).dt.strftime("%d %H:%M").tolist()
    ['06 06:00', nan, '01 05:00']
    """
    first = pd.Series(True, index=local.index).to_numpy()
    utc: pd.Series = local.dt.tz_localize("America/Chicago", ambiguous=first, nonexistent="NaT").dt.tz_convert("UTC")
    return utc


def traffic_series(hours: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean vehicles per hour of each UTC day, and the rows set aside.

    Parameters
    ----------
    hours
        ``ts_local`` (naive US Central), ``traffic_volume`` (vehicles in the hour, null where not counted).

    Notes
    -----
    Set aside: ``no_value``, ``nonexistent_local_time``, ``incomplete_day`` (hours of days with fewer than
    :data:`HOURS_FOR_A_DAY`).
    """
    rows = hours.assign(ts=central_to_utc(hours["ts_local"]), series="I94_TRAFFIC")
    empty = rows["traffic_volume"].isna()
    impossible = rows["ts"].isna() & ~empty
    counted = rows[~(empty | impossible)].copy()
    counted["session_date"] = counted["ts"].dt.tz_localize(None).dt.normalize()
    hours_n = counted.groupby("session_date")["ts"].transform("size")
    short = hours_n < HOURS_FOR_A_DAY
    aside = pd.concat(
        [
            refuse("macro_series", "no_value", rows[empty], "series", "ts_local"),
            refuse("macro_series", "nonexistent_local_time", rows[impossible], "series", "ts_local", "traffic_volume"),
            refuse("macro_series", "incomplete_day", counted[short], "series", "ts_local", "traffic_volume"),
        ],
        ignore_index=True,
    )
    daily = counted[~short].groupby("session_date")["traffic_volume"].mean().rename("value").reset_index()
    return daily.assign(series_id="I94_TRAFFIC", unit="vehicles per hour"), aside


def energy_series(weekly: pd.DataFrame) -> pd.DataFrame:
    """Weekly energy series under short names ``EIA_...``, unit read from the parentheses of the long name.

    Parameters
    ----------
    weekly
        ``date`` (Friday the week ends), ``series_id`` (long name), ``value``.
    """
    names = weekly["series_id"].drop_duplicates()
    parts = names.str.extract(_ENERGY)
    slug = "EIA_" + parts["what"].str.upper().str.replace(r"[^A-Z0-9]+", "_", regex=True).str.strip("_")
    short = dict(zip(names, slug, strict=True))
    unit = dict(zip(names, parts["unit"], strict=True))
    return pd.DataFrame(
        {
            "session_date": weekly["date"],
            "series_id": weekly["series_id"].map(short),
            "value": weekly["value"],
            "unit": weekly["series_id"].map(unit),
        }
    )


def _build(energy: Path, traffic: Path) -> Recording:
    vehicles, aside = traffic_series(pd.read_parquet(traffic))
    rows = pd.concat([energy_series(pd.read_parquet(energy)), vehicles], ignore_index=True)
    return Recording({"macro_series": macro_rows(rows, NAME)}, aside)
