"""Bars and ticks in the layout of QuantConnect's Lean engine, landed as ``<landing>/lean_bars/`` with its folders inside.

Read are trades and quotes of shares (``equity/usa``), coins (``crypto/<market>``) and perpetuals
(``cryptofuture/<market>``): daily bars, minute bars, ticks, and ``equity/usa/factor_files``. Where a day's trades are told
more than once the daily bar counts, then minutes, then ticks; of quotes the finest. A share without its factor file has
no ``adj_factor``: splits are then not known. Read next: ``_lean_files.py`` (layout), ``_lean_sessions.py`` (sums).
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS, MICROSTRUCTURE
from resources.feeds._crypto_pairs import CALENDAR as CRYPTO_CALENDAR
from resources.feeds._crypto_pairs import pair_instruments, quote_currency
from resources.feeds._downloads import downloaded, read_each
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._lean_files import FACTOR_FILE, LeanFile, factors
from resources.feeds._lean_sessions import STEPS, sessions_of
from resources.feeds._listed_shares import CALENDAR as SHARE_CALENDAR
from resources.feeds._listed_shares import share_instruments
from resources.feeds._recording import (
    SET_ASIDE_COLUMNS,
    Recording,
    TableFeed,
    closes_utc,
    contract_rows,
    refuse,
    split_sessions,
)
from resources.feeds.crypto_minutes import MINUTES_FOR_TRUST

__all__ = ["NAME", "open_feed", "read_download"]

NAME: Final = "lean_bars"
_CLASS: Final = {"crypto": "crypto_spot", "cryptofuture": "crypto_perp"}
_DAY: Final = ["instrument_id", "session_date"]
_FACTS: Final = ["kind", "symbol"]
_TRADES: Final = [
    "open",
    "high",
    "low",
    "close",
    "turnover",
    "vwap",
    "trades",
    "last_trade",
    "trade_step",
    "trade_minutes",
]
_QUOTES: Final = ["bid", "ask", "spread_bps", "last_quote", "quote_step", "quote_minutes"]


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on landed files; ``None`` without any."""
    folder = roots.landing / NAME
    paths = downloaded(folder, (".zip", ".csv"))
    tables, classes = ("instruments", "microstructure"), ("equity", "crypto_spot", "crypto_perp")
    return TableFeed(NAME, tables, classes, _build, tuple(paths), (folder,)) if paths else None


def read_download(path: Path, folder: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Sessions of one file and the rows set aside; see :func:`resources.feeds._lean_sessions.sessions_of`."""
    return sessions_of(path, LeanFile.of(path.relative_to(folder).as_posix()))


def _adjustments(rows: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> pd.Series:
    adjusted = pd.Series(np.where(rows["kind"] == "equity", np.nan, 1.0), index=rows.index)
    for ticker, table in tables.items():
        mine = rows.index[(rows["kind"] == "equity") & (rows["symbol"] == ticker.upper())]
        place = table["until"].searchsorted(rows.loc[mine, "session_date"])
        known = np.append(table["factor"].to_numpy(), np.nan)  # days after the last line are not covered
        adjusted[mine] = known[place]
    return adjusted


def _one_row_a_day(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Trades and quotes of each instrument and day side by side; columns of a kind that no file has are null."""
    found = pd.concat(parts, ignore_index=True)
    found["rank"] = found["step"].map(STEPS.index)
    sides = []
    for content, fine_first, names in (("trade", False, _TRADES), ("quote", True, _QUOTES)):
        mine = found[found["content"] == content].sort_values([*_DAY, "rank"], ascending=[True, True, not fine_first])
        mine = mine.drop_duplicates(_DAY).rename(
            columns={"last": f"last_{content}", "step": f"{content}_step", "minutes": f"{content}_minutes"}
        )
        sides.append(mine.reindex(columns=[*_DAY, *_FACTS, *names]))
    return sides[0].merge(sides[1], how="outer", on=[*_DAY, *_FACTS], validate="one_to_one")


def _build(*arguments: Path) -> Recording:
    *paths, folder = arguments
    tables: dict[str, pd.DataFrame] = {}

    def keep_factors(path: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
        tables[path.stem] = factors(path)
        return pd.DataFrame(), []

    is_factors = {path: bool(FACTOR_FILE.fullmatch(path.relative_to(folder).as_posix())) for path in paths}
    _, aside = read_each([path for path in paths if is_factors[path]], "microstructure", keep_factors)
    good, refused = read_each(
        [path for path in paths if not is_factors[path]], "microstructure", lambda path: read_download(path, folder)
    )
    aside += refused
    good = [part for part in good if len(part)]
    found: dict[str, list[pd.DataFrame]] = {"instruments": [], "microstructure": []}
    if good:
        rows = _one_row_a_day(good)
        for shares, calendar in ((True, SHARE_CALENDAR), (False, CRYPTO_CALENDAR)):
            mine, shut = split_sessions(
                rows[(rows["kind"] == "equity") == shares].reset_index(drop=True),
                "microstructure",
                calendar,
                "instrument_id",
            )
            unknown = quote_currency(mine["symbol"]).isna() & (not shares)
            aside += [
                shut,
                refuse("microstructure", "unknown_currency", mine[unknown], "instrument_id", "session_date"),
            ]
            mine = mine[~unknown].reset_index(drop=True)
            if len(mine):
                found["microstructure"].append(_microstructure(mine, calendar, _adjustments(mine, tables)))
                found["instruments"].append(_instruments(mine, shares=shares))
    parts = [part for part in aside if len(part)]
    return Recording(
        {
            table.name: pd.concat(found[table.name], ignore_index=True).sort_values(
                list(table.key), kind="stable", ignore_index=True
            )
            if found[table.name]
            else contract_rows(table, {}, pd.RangeIndex(0))
            for table in (INSTRUMENTS, MICROSTRUCTURE)
        },
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(SET_ASIDE_COLUMNS), dtype="str"),
    )


def _instruments(rows: pd.DataFrame, *, shares: bool) -> pd.DataFrame:
    if shares:
        return share_instruments(rows["instrument_id"], rows["session_date"], NAME)
    facts = rows.assign(asset_class=rows["kind"].map(_CLASS), currency=quote_currency(rows["symbol"]))
    return pair_instruments(facts, NAME)


def _microstructure(rows: pd.DataFrame, calendar: str, adjustments: pd.Series) -> pd.DataFrame:
    closes = closes_utc(calendar, rows["session_date"])
    traded = rows["close"].notna()
    last_trade = rows["last_trade"].where(rows["trade_step"] != "daily", closes).clip(upper=closes)
    last_quote = rows["last_quote"].where(rows["quote_step"] != "daily", closes).clip(upper=closes)
    at = pd.concat([last_trade.where(traded), last_quote], axis=1).max(axis=1)
    minutes = rows[["trade_minutes", "quote_minutes"]].max(axis=1)
    part = (rows["kind"] != "equity") & (minutes < MINUTES_FOR_TRUST)
    part &= (rows["trade_step"] != "daily") & (rows["quote_step"] != "tick")
    approximate = rows["trade_step"].isin(["daily", "minute"])
    rules = np.select(
        [part & approximate, part, approximate],
        ["part_of_session,turnover_approximate", "part_of_session", "turnover_approximate"],
        default="",
    )
    method = rows["quote_step"].map({"daily": "closing_quote", "minute": "time_weighted", "tick": "time_weighted"})
    return contract_rows(
        MICROSTRUCTURE,
        {
            **{name: rows[name] for name in ("session_date", "instrument_id", "open", "high", "low", "close", "vwap")},
            "venue": NAME,
            "bid": rows["bid"],
            "ask": rows["ask"],
            "quoted_spread_bps": rows["spread_bps"],
            "spread_method": method.astype("object").where(method.notna(), None),
            "adj_factor": adjustments,
            "trades_count": rows["trades"].astype("Int64"),
            "turnover_ccy": rows["turnover"],
            "last_trade_at": last_trade.where(rows["turnover"] > 0),
            "observed_at": at,
            "known_at": at,
            "source": NAME,
            "feed_rules": rules,
        },
    )
