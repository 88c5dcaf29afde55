"""Reference series of the economy: US treasury curve, VIX, Moody's yields, monthly FRED series.

A daily value belongs to its day and is observed at the end of it; a monthly value belongs to the last day of its
month, because the source dates it at the first day, a month before it could be known. Publication lags beyond that
are not in the sources.
"""

from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.contracts.signals import MACRO_SERIES
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import Recording, contract_rows, open_recorded, refuse

__all__ = ["FRED_UNITS", "NAME", "macro_rows", "month_end", "open_feed"]

NAME: Final = "macro"
FRED_UNITS: Final = {
    "AAA": "percent per year",
    "BAA": "percent per year",
    "CSUSHPISA": "index 2000-01 is 100",
    "EMVOVERALLEMV": "index",
    "EXCAUS": "CAD per USD",
    "EXCHUS": "CNY per USD",
    "EXUSEU": "USD per EUR",
    "GS10": "percent per year",
    "MCOILWTICO": "USD per barrel",
    "T10YIEM": "percent per year",
    "USEPUINDXM": "index",
}
_FILES: Final = ("us_treasury_curve_daily", "vix_daily", "moodys_aaa_baa_monthly", "fred_monthly")


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded series; ``None`` when one of the four files is not there."""
    folder = None if roots.recorded is None else roots.recorded / "macro"
    return open_recorded(NAME, ("macro_series",), (), _build, folder, tuple(f"{stem}.parquet" for stem in _FILES))


def month_end(days: pd.Series) -> pd.Series:
    """Last day of each day's month.

    Examples
    --------
    >>> month_end(pd.Series(pd.to_datetime(["2008-02-01"]))).dt.strftime("%Y-%m-%d").tolist()
    ['2008-02-29']
    """
    return days + pd.offsets.MonthEnd(0)


def macro_rows(series: pd.DataFrame, source: str) -> pd.DataFrame:
    """Contract rows of ``session_date, series_id, value, unit``, observed at the end of the UTC day."""
    return contract_rows(
        MACRO_SERIES,
        {
            **{name: series[name] for name in ("session_date", "series_id", "value", "unit")},
            "observed_at": (series["session_date"] + pd.Timedelta(days=1)).dt.tz_localize("UTC"),
            "source": source,
        },
    )


def _curve(curve: pd.DataFrame) -> pd.DataFrame:
    long = curve.melt(id_vars="date", var_name="tenor", value_name="value").dropna(subset=["value"])
    return pd.DataFrame(
        {
            "session_date": long["date"],
            "series_id": "UST_YIELD_" + long["tenor"].str.upper(),
            "value": long["value"],
            "unit": "frac per year",
        }
    )


def _vix(vix: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    inner = vix[["open", "close"]]
    disordered = (vix["low"] > inner.min(axis=1)) | (vix["high"] < inner.max(axis=1))
    aside = refuse("macro_series", "ohlc_order", vix[disordered].assign(series="VIX"), "series", "date", "close")
    long = vix[~disordered].melt(id_vars="date", var_name="price", value_name="value")
    rows = pd.DataFrame(
        {
            "session_date": long["date"],
            "series_id": "VIX_" + long["price"].str.upper(),
            "value": long["value"],
            "unit": "percent per year",
        }
    )
    return rows, aside


def _moodys(yields: pd.DataFrame) -> pd.DataFrame:
    named = {
        "aaa_yield_pct": ("MOODYS_AAA_YIELD", "percent per year"),
        "baa_yield_pct": ("MOODYS_BAA_YIELD", "percent per year"),
        "baa_aaa_spread_bps": ("MOODYS_BAA_AAA_SPREAD", "bps"),
    }
    days = month_end(yields["date"])
    return pd.concat(
        [
            pd.DataFrame({"session_date": days, "series_id": name, "value": yields[column], "unit": unit})
            for column, (name, unit) in named.items()
        ],
        ignore_index=True,
    )


def _fred(series: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    empty = series["value"].isna()
    good = series[~empty]
    rows = pd.DataFrame(
        {
            "session_date": month_end(good["date"]),
            "series_id": "FRED_" + good["series_id"],
            "value": good["value"],
            "unit": good["series_id"].map(FRED_UNITS).fillna("unit of the source"),
        }
    )
    return rows, refuse("macro_series", "no_value", series[empty], "series_id", "date")


def _build(*paths: Path) -> Recording:
    frames = {path.stem: pd.read_parquet(path) for path in paths}
    vix, vix_aside = _vix(frames["vix_daily"])
    fred, fred_aside = _fred(frames["fred_monthly"])
    rows = pd.concat(
        [_curve(frames["us_treasury_curve_daily"]), vix, _moodys(frames["moodys_aaa_baa_monthly"]), fred],
        ignore_index=True,
    )
    return Recording({"macro_series": macro_rows(rows, NAME)}, pd.concat([vix_aside, fred_aside], ignore_index=True))
