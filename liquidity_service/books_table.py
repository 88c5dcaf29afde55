"""Order books as a table in the terminal: what it costs to trade, how deep they are, how their flow leans."""

from typing import Final

import pandas as pd
from rich.console import Console
from rich.table import Table

from liquidity.contracts import BOOK_DAILY, LIQUIDITY_INDEX
from liquidity.contracts.conform import frame_from_table
from resources.lake import Lake
from resources.settings import Settings

__all__ = ["book_rows", "print_books"]

_COLUMNS: Final = (
    "book", "session", "spread bps", "bid 10bps k", "ask 10bps k", "xlm 100k", "toxicity", "half-life s", "valid", "gaps",
    "book score", "index",
)  # fmt: skip


def print_books(settings: Settings) -> None:
    """Print the newest session of every order book; nothing where no tape was replayed."""
    rows = book_rows(Lake(settings.lake_dir))
    if rows.empty:
        return
    table = Table(title=f"order books: {len(rows)}, newest session of each", title_justify="left", padding=(0, 0, 0, 1))
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in ("book", "session") else "right", no_wrap=column == "book")
    for row in rows.itertuples(index=False):
        table.add_row(
            row.instrument_id, f"{row.session_date:%Y-%m-%d}", _shown(row.quoted_spread_bps, ".4f"),
            _shown(row.bid_depth_10bps_quote / 1e3, ",.0f"), _shown(row.ask_depth_10bps_quote / 1e3, ",.0f"),
            _shown(row.xlm_100k_bps, ".2f"), _shown(row.toxicity, "+.2f"), _shown(row.resiliency_half_life_s, ".1f"),
            _shown(row.valid_frac, ".1%"), _shown(row.gaps_count, ".0f"), _shown(row.book_score, ".1f"),
            _shown(row.liquidity_score, ".1f"),
        )  # fmt: skip
    Console().print(table)


def book_rows(lake: Lake) -> pd.DataFrame:
    """Newest row of ``book_daily`` of each book, with its ``liquidity_score`` of that session; by instrument id."""
    days = lake.sessions(BOOK_DAILY)
    if not days:
        return pd.DataFrame()
    daily = frame_from_table(lake.read(BOOK_DAILY, days[0], days[-1]))
    newest = daily.sort_values("session_date").groupby("instrument_id").tail(1)
    scores = [
        frame_from_table(lake.read(LIQUIDITY_INDEX, day, day, ("session_date", "instrument_id", "liquidity_score")))
        for day in sorted({stamp.date() for stamp in newest["session_date"]})
    ]
    known = pd.concat(scores, ignore_index=True) if scores else pd.DataFrame()
    if known.empty:
        return newest.assign(liquidity_score=float("nan")).sort_values("instrument_id", ignore_index=True)
    joined = newest.merge(known, on=["session_date", "instrument_id"], how="left", validate="one_to_one")
    return joined.sort_values("instrument_id", ignore_index=True)


def _shown(value: float, form: str) -> str:
    return "-" if pd.isna(value) else format(value, form)
