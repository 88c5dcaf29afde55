"""Candles and trades of Binance's public archive, landed as downloaded: ``<landing>/binance_archive/**/BTCUSDT-1h-2025-01.zip``.

The folder says the market, as the archive's own does: ``spot``, ``um`` or ``cm`` somewhere between the landing folder and
the file. Candles shorter than a day are summed to UTC days that have all of them; ``trades`` and ``aggTrades`` to the days
they hold. A day with both counts from its candles. Open interest and funding of the archive are rows of other tables and
land there (``_binance_derivatives.py``). Read next: ``_binance_files.py`` (columns and units).
"""

from pathlib import Path
from typing import Final

import pandas as pd

from resources.feeds._binance_files import ArchiveFile, read_candles, read_trades
from resources.feeds._crypto_pairs import quote_currency
from resources.feeds._downloads import downloaded, read_each
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._market_days import recording_of_bars
from resources.feeds._recording import Recording, TableFeed

__all__ = ["NAME", "open_feed", "read_download"]

NAME: Final = "binance_archive"


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on landed files; ``None`` without any."""
    folder = roots.landing / NAME
    paths = downloaded(folder, (".csv", ".csv.gz", ".zip"))
    tables = ("instruments", "microstructure")
    return TableFeed(NAME, tables, ("crypto_spot", "crypto_perp"), _build, tuple(paths), (folder,)) if paths else None


def read_download(path: Path, folder: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Bars of one file and the rows set aside; see :func:`read_candles` and :func:`read_trades`."""
    file = ArchiveFile.of(path, folder)
    return read_trades(path, file) if file.content in ("trades", "aggTrades") else read_candles(path, file)


def _build(*arguments: Path) -> Recording:
    *paths, folder = arguments
    good, aside = read_each(paths, "microstructure", lambda path: read_download(path, folder))
    return recording_of_bars([_named(rows) for rows in good], aside, NAME)


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(
        instrument_id=rows["venue"] + ":" + rows["symbol"],
        currency=quote_currency(rows["symbol"].str.removesuffix("_PERP")),
    )
