"""Order books as a table in the terminal: what it costs to trade, how deep they are, how their flow leans."""

from collections.abc import Callable
from typing import Any, Final

import pandas as pd
from rich.console import Console
from rich.table import Table

from liquidity.contracts import BOOK_DAILY, LIQUIDITY_INDEX
from liquidity.contracts.conform import frame_from_table
from liquidity_service.pulse_table import WIDE
from resources.lake import Lake
from resources.settings import Settings

__all__ = ["book_rows", "print_books"]


def print_books(settings: Settings) -> None:
    """Print the newest session of every order book; nothing where no tape was replayed."""
    rows = book_rows(Lake(settings.lake_dir))
    if rows.empty:
        return
    console = Console()
    chosen = [name for name in _CELLS if console.width >= WIDE or name not in _WIDE_ONLY]
    title = f"order books: {len(rows)}, newest session of each; depth in thousands of quote currency"
    table = Table(title=title, title_justify="left", padding=(0, 0, 0, 1))
    for name in chosen:
        table.add_column(name, justify="left" if name in ("book", "session") else "right", no_wrap=name == "book")
    for row in rows.itertuples(index=False):
        table.add_row(*(_CELLS[name](row) for name in chosen))
    console.print(table)


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


# Heading -> cell text; a narrow terminal shows what an order needs to know.
_WIDE_ONLY: Final = ("session", "toxicity", "half-life s", "gaps", "book score")
_CELLS: Final[dict[str, Callable[[Any], str]]] = {
    "book": lambda row: row.instrument_id,
    "session": lambda row: f"{row.session_date:%Y-%m-%d}",
    "spread bps": lambda row: _shown(row.quoted_spread_bps, ".4f"),
    "bids 10 bps k": lambda row: _shown(row.bid_depth_10bps_quote / 1e3, ",.0f"),
    "asks 10 bps k": lambda row: _shown(row.ask_depth_10bps_quote / 1e3, ",.0f"),
    "100k both ways bps": lambda row: _shown(row.xlm_100k_bps, ".3f"),
    "toxicity": lambda row: _shown(row.toxicity, "+.2f"),
    "half-life s": lambda row: _shown(row.resiliency_half_life_s, ".1f"),
    "valid": lambda row: _shown(row.valid_frac, ".1%"),
    "gaps": lambda row: _shown(row.gaps_count, ".0f"),
    "book score": lambda row: _shown(row.book_score, ".1f"),
    "index": lambda row: _shown(row.liquidity_score, ".1f"),
}
