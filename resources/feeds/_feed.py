"""What every feed looks like from outside, and where feeds look for their files.

A feed is one file of this folder: it exposes ``NAME`` (equal to the file name) and ``open_feed(roots)``. The shared
kit in ``tests/contract/test_feed_kit.py`` runs on each of them. Read next: ``_recording.py`` (feeds of whole files).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import pandas as pd

from liquidity.contracts.signals import (
    ALT_SIGNALS,
    AUCTION_MM,
    INSTRUMENTS,
    MACRO_SERIES,
    MICROSTRUCTURE,
    SENTIMENT,
)
from liquidity.contracts.table import TableContract

__all__ = [
    "COLLECTED_COLUMNS",
    "FEED_RULES",
    "FEED_TABLES",
    "Feed",
    "FeedRoots",
    "HasFeedRoots",
    "delivered_columns",
]

FEED_TABLES: Final[dict[str, TableContract]] = {
    contract.name: contract
    for contract in (INSTRUMENTS, MICROSTRUCTURE, ALT_SIGNALS, AUCTION_MM, SENTIMENT, MACRO_SERIES)
}
"""Tables a feed may deliver, by name."""

COLLECTED_COLUMNS: Final = ("age_market_s", "quality_frac", "quality_rules")
"""Contract columns that the adapter kit adds; a feed never delivers them."""

FEED_RULES: Final = "feed_rules"
"""Optional extra column of a feed's rows: quality rules the feed itself knows to apply, comma-separated."""


@dataclass(frozen=True, slots=True)
class FeedRoots:
    """Folders that feeds read, and the facts their files may leave out.

    Parameters
    ----------
    recorded
        Folder of recorded market data; ``None`` where there is none (feeds of recorded data then do not open).
    landing
        Landing folder ``<landing>/<table>/*.parquet|csv|json``; it may not exist yet.
    naive_times_utc
        Whether times without a zone in landed files are UTC. ``False`` refuses them: local time taken for UTC shifts
        every age by hours.
    bondx_day
        Session of the issuer and bond files of a BondX installation, which name no day. ``None`` leaves the feed shut:
        a day is told, never assumed.
    nse_day
        Session of a landed NSE corporate-bond download whose name holds no day. ``None`` sets such a file aside.
    """

    recorded: Path | None
    landing: Path
    naive_times_utc: bool = False
    bondx_day: date | None = None
    nse_day: date | None = None

    @property
    def feed_roots(self) -> "FeedRoots":
        """Itself, so that settings and bare roots open feeds alike."""
        return self


class HasFeedRoots(Protocol):
    """Settings that know where feeds look."""

    @property
    def feed_roots(self) -> FeedRoots:
        """Folders of the feeds."""
        ...


@runtime_checkable
class Feed(Protocol):
    """A source of signal tables.

    ``fetch`` returns the contract's columns without :data:`COLLECTED_COLUMNS`, sorted by the contract key, for the
    sessions of [start, end] (both included), and may add :data:`FEED_RULES`. It is a pure slice: the rows of a
    sub-range equal that part of the rows of any longer range.
    """

    @property
    def name(self) -> str:
        """File name of the feed."""
        ...

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables it can deliver, among :data:`FEED_TABLES`."""
        ...

    @property
    def asset_classes(self) -> tuple[str, ...]:
        """Asset classes of its instruments; empty for macroeconomic series."""
        ...

    def sessions(self) -> list[date]:
        """Days with data, ascending."""
        ...

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        """Rows of ``table`` for the sessions of [start, end]."""
        ...


def delivered_columns(contract: TableContract) -> tuple[str, ...]:
    """Columns a feed delivers for a contract, in contract order.

    Examples
    --------
    >>> delivered_columns(MACRO_SERIES)
    ('session_date', 'series_id', 'value', 'unit', 'observed_at', 'source')
    """
    return tuple(name for name in contract.column_names if name not in COLLECTED_COLUMNS)
