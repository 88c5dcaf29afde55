"""The landing folder: tables that somebody delivers as files, picked up as they are.

``<landing>/<table>/*.parquet|csv|json`` hold the contract's columns without age and quality (docs/landing_layouts.md);
``<landing>/stories/`` holds single stories, counted once each into ``sentiment``; ``<landing>/bondx/`` holds the four
files of a BondX installation under their own names. A file that cannot be read stops the table it belongs to, loudly.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pandas as pd

from liquidity.contracts.signals import INSTRUMENTS
from liquidity.contracts.table import Column, TableContract
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.instrument import ASSET_CLASSES
from resources.feeds._bondx_bridge import BONDX_TABLES, bridge
from resources.feeds._feed import FEED_TABLES, Feed, FeedRoots
from resources.feeds._landing_files import SUFFIXES, LandedFile, landed_files, read_landed
from resources.feeds._recording import contract_rows
from resources.feeds._stories import ROLL_DAYS, STORIES, sentiment_of_stories

__all__ = ["ISSUER_MAP", "NAME", "LandingFeed", "open_feed"]

NAME: Final = "landing"
ISSUER_MAP: Final = TableContract(
    name="issuer_map",
    location="pulse",
    group="signals",
    row_means="One bond of an issuer, for tables that are keyed by issuer.",
    key=("issuer_id", "isin"),
    columns=(
        Column("issuer_id", "string", "id", "Issuer as the delivering system names it."),
        Column("isin", "string", "id", "ISIN of one of its bonds."),
    ),
)


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the landing folder; ``None`` while it has no file."""
    feed = LandingFeed(roots.landing, roots.naive_times_utc)
    return feed if feed.tables else None


@dataclass(frozen=True, slots=True)
class LandingFeed:
    """A feed over delivered files; see :class:`resources.feeds._feed.Feed` for what each member promises."""

    folder: Path
    naive_times_utc: bool = False

    @property
    def name(self) -> str:
        """``landing``."""
        return NAME

    @property
    def asset_classes(self) -> tuple[str, ...]:
        """Any: what the delivered instruments say."""
        return ASSET_CLASSES

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables with at least one file; ``sentiment`` also when there are stories."""
        return tuple(
            name
            for name in FEED_TABLES
            if _has_files(self.folder / name) or self._bondx_file(name) or (name == "sentiment" and self._has_stories())
        )

    def sessions(self) -> list[date]:
        """Days of the delivered signals: from file names where they say one day, else from the rows."""
        days: set[date] = set()
        for table in self.tables:
            contract = FEED_TABLES[table]
            if table == "instruments" and len(self.tables) > 1:
                continue
            for file in landed_files(self.folder / table):
                if file.names_one_day and file.first is not None:
                    days.add(file.first)
                else:
                    days.update(stamp.date() for stamp in self._read(file, contract)["session_date"].unique())
            if self._bondx_file(table):
                days.update(stamp.date() for stamp in self._bridged(table)["session_date"].unique())
        return sorted(days)

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        """Rows of ``table`` for [start, end]; only files whose name leaves room for these days are opened."""
        if table not in FEED_TABLES:
            raise ConfigError(f"feed {NAME} has no table {table!r}; it has {list(FEED_TABLES)}")
        contract = FEED_TABLES[table]
        parts = [self._read(file, contract) for file in landed_files(self.folder / table) if file.may_hold(start, end)]
        if self._bondx_file(table):
            parts.append(self._bridged(table))
        if table == "sentiment" and self._has_stories():
            parts.append(self._told(start, end))
        parts = [_between(part, start, end) for part in parts]
        rows = pd.concat([part for part in parts if len(part)], ignore_index=True) if any(map(len, parts)) else None
        if rows is None:
            return contract_rows(contract, {}, pd.RangeIndex(0))
        return contract_rows(contract, {str(name): rows[name] for name in rows.columns})

    def set_aside(self) -> pd.DataFrame:
        """List the readings of the BondX files that could not be bridged: table, reason, identity, moment, detail."""
        parts = [self._bridge(table)[1] for table in BONDX_TABLES if self._bondx_file(table)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def _read(self, file: LandedFile, contract: TableContract) -> pd.DataFrame:
        return read_landed(file, contract, naive_times_utc=self.naive_times_utc)

    def _has_stories(self) -> bool:
        return _has_files(self.folder / STORIES.name)

    def _told(self, start: date, end: date) -> pd.DataFrame:
        early = start - timedelta(days=ROLL_DAYS)
        stories = [
            self._read(file, STORIES)
            for file in landed_files(self.folder / STORIES.name)
            if file.may_hold(early, end + timedelta(days=1))
        ]
        instruments = self.fetch(INSTRUMENTS.name, start, end)
        if not stories or instruments.empty:
            return contract_rows(FEED_TABLES["sentiment"], {}, pd.RangeIndex(0))
        return sentiment_of_stories(pd.concat(stories, ignore_index=True), instruments)

    def _bondx_file(self, table: str) -> LandedFile | None:
        if table not in BONDX_TABLES:
            return None
        paths = [self.folder / "bondx" / f"{table}{suffix}" for suffix in SUFFIXES]
        found = [path for path in paths if path.is_file()]
        return LandedFile(found[0], None, None) if found else None

    def _bridged(self, table: str) -> pd.DataFrame:
        return self._bridge(table)[0]

    def _bridge(self, table: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        file = self._bondx_file(table)
        if file is None:
            raise ConfigError(f"no BondX file of table {table}; put bondx/{table}.parquet into the landing folder")
        return bridge(table, self._read(file, BONDX_TABLES[table]), self._issuer_map(table))

    def _issuer_map(self, table: str) -> pd.DataFrame:
        path = self.folder / "bondx" / "issuer_map.csv"
        if path.is_file():
            return self._read(LandedFile(path, None, None), ISSUER_MAP)
        if table in ("alt_signals", "sentiment"):
            raise ContractError(
                f"{path}: missing; bondx/{table} is keyed by issuer, so a table issuer_id,isin must say which bonds it speaks for"
            )
        return pd.DataFrame({"issuer_id": pd.Series(dtype="str"), "isin": pd.Series(dtype="str")})


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() and not path.name.startswith((".", "_")) for path in folder.iterdir())


def _between(rows: pd.DataFrame, start: date, end: date) -> pd.DataFrame:
    return rows[(rows["session_date"] >= pd.Timestamp(start)) & (rows["session_date"] <= pd.Timestamp(end))]
