"""Prices of Brazilian government bonds since 2002 as the treasury offers them for download, one row a bond and morning.

The file (``PrecoTaxaTesouroDireto.csv``, semicolons, decimal commas, day first) is landed in
``<landing>/tesouro_direto/*.csv``. Its names are from the investor's side: ``PU Compra`` is the price at which an investor
buys (the platform's ask), ``PU Venda`` the one at which a bond is redeemed (its bid); a price of 0 means that side was not
offered. The prices are set in the morning and hold for orders of that day; the file says no time, so they count as
observed at the session's close.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS, MICROSTRUCTURE
from liquidity.domain.errors import ContractError
from resources.feeds._br_treasury_scrape import FAMILIES, PRICE_FLOOR
from resources.feeds._downloads import csv_cells, downloaded, numbers, read_each
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import (
    SET_ASIDE_COLUMNS,
    Recording,
    TableFeed,
    alive_days,
    closes_utc,
    contract_rows,
    refuse,
    split_sessions,
)

__all__ = ["NAME", "open_feed", "read_download"]

NAME: Final = "tesouro_direto"
CALENDAR: Final = "BVMF"
VENUE: Final = "tesouro_direto"
_ENDINGS: Final = (".csv", ".csv.gz", ".zip")
_COLUMNS: Final = {
    "Tipo Titulo": "title",
    "Data Vencimento": "maturity_text",
    "Data Base": "day",
    "PU Compra Manha": "ask_text",
    "PU Venda Manha": "bid_text",
}


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on landed downloads; ``None`` without any."""
    paths = downloaded(roots.landing / NAME, _ENDINGS)
    tables = ("instruments", "microstructure")
    return TableFeed(NAME, tables, ("bond_sovereign",), _build, tuple(paths)) if paths else None


def read_download(path: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Rows ``session_date, bond_id, maturity, bid, ask`` of one file, and those set aside.

    Reasons, first that applies: ``bad_day``, ``unknown_family``, ``bad_maturity``, ``matured``, ``no_price`` (neither
    side), ``shifted_price`` (below the cheapest bond ever), ``crossed_quote``.

    Raises
    ------
    ContractError
        A column of the download is missing.
    """
    cells = csv_cells(path, separator=";")
    cells.columns = pd.Index([str(name).strip() for name in cells.columns])
    missing = [name for name in _COLUMNS if name not in cells.columns]
    if missing:
        raise ContractError(f"{path.name}: columns {missing} missing; the treasury's price file has {list(_COLUMNS)}")
    rows = cells[list(_COLUMNS)].rename(columns=_COLUMNS)
    rows["title"] = rows["title"].str.strip()
    rows["session_date"] = _day(rows["day"])
    rows["maturity"] = _day(rows["maturity_text"])
    family = rows["title"].map({name: pair[0] for name, pair in FAMILIES.items()})
    for side in ("bid", "ask"):
        text = rows[f"{side}_text"].str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
        rows[side] = numbers(text).where(lambda price: price != 0)
    prices = rows[["bid", "ask"]]
    reasons = pd.Series(
        np.select(
            [
                rows["session_date"].isna(),
                family.isna(),
                rows["maturity"].isna(),
                rows["session_date"] >= rows["maturity"],
                prices.isna().all(axis=1),
                (prices < PRICE_FLOOR).any(axis=1),
                rows["bid"] > rows["ask"],
            ],
            ["bad_day", "unknown_family", "bad_maturity", "matured", "no_price", "shifted_price", "crossed_quote"],
            default="",
        ),
        dtype="str",
    )
    aside = [
        refuse("microstructure", reason, rows[reasons == reason], "title", "day", "ask_text")
        for reason in sorted(set(reasons) - {""})
    ]
    rows["bond_id"] = family + "_" + rows["maturity"].dt.strftime("%Y%m%d")
    return rows.loc[reasons == "", ["session_date", "bond_id", "maturity", "bid", "ask"]], aside


def _day(text: pd.Series) -> pd.Series:
    days: pd.Series = pd.to_datetime(text.str.strip(), format="%d/%m/%Y", errors="coerce").astype("datetime64[us]")
    return days


def _build(*paths: Path) -> Recording:
    good, aside = read_each(paths, "microstructure", read_download)
    rows = pd.concat(good, ignore_index=True).drop_duplicates() if good else pd.DataFrame()
    if len(rows):
        again = rows.duplicated(["session_date", "bond_id"])
        aside.append(refuse("microstructure", "duplicate_key", rows[again], "bond_id", "session_date", "ask"))
        rows, shut = split_sessions(rows[~again].reset_index(drop=True), "microstructure", CALENDAR, "bond_id")
        aside.append(shut)
    parts = [part for part in aside if len(part)]
    refused = (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(SET_ASIDE_COLUMNS), dtype="str")
    )
    if not len(rows):
        empty = {table.name: contract_rows(table, {}, pd.RangeIndex(0)) for table in (INSTRUMENTS, MICROSTRUCTURE)}
        return Recording(empty, refused)
    return Recording({"instruments": _instruments(rows), "microstructure": _microstructure(rows)}, refused)


def _instruments(rows: pd.DataFrame) -> pd.DataFrame:
    alive = alive_days(rows["bond_id"], rows["session_date"], CALENDAR)
    maturity = rows.drop_duplicates("bond_id").set_index("bond_id")["maturity"]
    alive["maturity"] = alive["instrument_id"].map(maturity)
    alive = alive[alive["session_date"] < alive["maturity"]]
    return contract_rows(
        INSTRUMENTS,
        {
            "session_date": alive["session_date"],
            "instrument_id": "BVMF:" + alive["instrument_id"],
            "asset_class": "bond_sovereign",
            "issuer_id": "Tesouro Nacional",
            "sector": "GOVERNMENT",
            "currency": "BRL",
            "calendar": CALENDAR,
            "maturity_date": alive["maturity"],
            "source": NAME,
        },
    )


def _microstructure(rows: pd.DataFrame) -> pd.DataFrame:
    closes = closes_utc(CALENDAR, rows["session_date"])
    spread_bps = 2e4 * (rows["ask"] - rows["bid"]) / (rows["ask"] + rows["bid"])
    return contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": rows["session_date"],
            "instrument_id": "BVMF:" + rows["bond_id"],
            "venue": VENUE,
            "bid": rows["bid"],
            "ask": rows["ask"],
            "quoted_spread_bps": spread_bps,
            "spread_method": spread_bps.map(lambda value: None if np.isnan(value) else "snapshot_median"),
            "observed_at": closes,
            "known_at": closes,
            "source": NAME,
        },
    )
