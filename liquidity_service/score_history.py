"""Scores over whole histories, in memory: what the daily assets would have published on every session of a source.

The same pure functions as the assets, fed by the same feeds, without Dagster, lake or database; each session still sees
only the ninety days up to it. Histories are kept as parquet under ``<data_dir>/histories``, one folder per fingerprint
of inputs and code. Read next: ``forecast_report.py``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts import (
    ALT_SIGNALS,
    AUCTION_MM,
    INSTRUMENTS,
    MICROSTRUCTURE,
    SENTIMENT,
    TableContract,
)
from liquidity.contracts.conform import frame_from_table, table_from_frame
from liquidity.contracts.validation import inspect_rows
from liquidity.domain.errors import ConfigError, SourceUnavailableError
from liquidity.domain.session import FIRST_DAY
from liquidity.features.assemble import liquidity_features
from liquidity.features.panel import build_signal_panel
from liquidity.index.configuration import config_document
from liquidity.index.profiles import WeightProfile, profiles_for
from liquidity.index.pulse_engine import score_sessions
from liquidity.index.thresholds import PulseThresholds
from liquidity.measures import measure_sessions
from liquidity.simulation import SIMULATED_CONTRACTS, MarketConfig, simulate_market
from liquidity_service.kept_folder import digest_of, file_facts, libraries, sources, whole_folder
from resources.feeds import Feed, open_feeds
from resources.feeds._recording import TableFeed
from resources.feeds.adapters import collect
from resources.settings import Settings

__all__ = [
    "HISTORIES",
    "HistorySource",
    "ScoreHistory",
    "SimulatedFeed",
    "cached_history",
    "history_folder",
    "score_history",
]

LOOKBACK: Final = timedelta(days=90)
_CHUNK_DAYS: Final = 31  # each session looks through the measures of its whole chunk
_COLLECT_TIMEOUT_S: Final = 900.0
_SIGNALS: Final = (INSTRUMENTS, MICROSTRUCTURE, ALT_SIGNALS, AUCTION_MM, SENTIMENT)
_COMPUTING: Final = ("contracts", "domain", "features", "index", "measures", "simulation")
_READING: Final = ("feeds", "settings.py")


@dataclass(frozen=True, slots=True)
class HistorySource:
    """Where a history comes from.

    Parameters
    ----------
    name
        File name of its tables.
    title
        What a page calls it.
    feed
        Feed of recorded data; empty for the simulator.
    market, start, end
        The simulated market and its days; recorded sources give all they have.
    """

    name: str
    title: str
    feed: str = ""
    market: MarketConfig | None = None
    start: date | None = None
    end: date | None = None


HISTORIES: Final = (
    HistorySource("crypto", "40 crypto pairs, recorded, 2017-2026", "crypto_daily"),
    HistorySource("equities", "US shares and funds, recorded, 1998-2021", "us_equities_daily"),
    HistorySource("treasuries", "Brazilian government bonds, recorded, 2025-2026", "br_treasuries"),
    HistorySource(
        "simulated",
        "bonds, coins and perpetuals of the simulator",
        market=MarketConfig(crypto_perps=10),
        start=date(2024, 1, 1),
        end=date(2026, 3, 31),
    ),
)
"""Every history that the forecast report is about."""


@dataclass(frozen=True, slots=True)
class ScoreHistory:
    """Tables of all sessions of one source, each under its contract and sorted by its key."""

    instruments: pd.DataFrame
    signal_panel: pd.DataFrame
    liquidity_features: pd.DataFrame
    liquidity_index: pd.DataFrame
    repayment_support: pd.DataFrame
    bondx_score: pd.DataFrame


class SimulatedFeed:
    """A feed over a simulated market in memory; see :class:`resources.feeds.Feed`."""

    name = "simulated"

    def __init__(self, market: MarketConfig, start: date, end: date) -> None:
        parts: dict[str, list[pd.DataFrame]] = {name: [] for name in SIMULATED_CONTRACTS}
        self._days: list[date] = []
        for day in simulate_market(market, start, end):
            self._days.append(day.session_date)
            for name, rows in day.tables.items():
                if len(rows) or not parts[name]:
                    parts[name].append(rows)
        self._rows = {
            name: pd.concat([part for part in found if len(part)] or found, ignore_index=True)
            for name, found in parts.items()
        }
        self._day_of_row = {
            name: rows["session_date"].to_numpy(dtype="datetime64[D]") for name, rows in self._rows.items()
        }
        self.tables = tuple(self._rows)
        self.asset_classes = tuple(sorted(set(self._rows[INSTRUMENTS.name]["asset_class"])))

    def sessions(self) -> list[date]:
        """Every day of the market."""
        return self._days

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        """Rows of the days [start, end]."""
        days = self._day_of_row[table]
        low, high = np.searchsorted(days, np.datetime64(start)), np.searchsorted(days, np.datetime64(end), side="right")
        return self._rows[table].iloc[low:high].reset_index(drop=True)


def score_history(
    feed: Feed, profiles: Mapping[str, WeightProfile] | None = None, thresholds: PulseThresholds | None = None
) -> ScoreHistory:
    """Compute panel, features and scores of every session of ``feed``.

    Parameters
    ----------
    feed
        Source of the signals; all its sessions are taken.
    profiles, thresholds
        Weights and thresholds; the defaults are those of a deployment without settings.

    Returns
    -------
    ScoreHistory
        Rows of a session equal those that a daily run of that session publishes from the same feed alone. Signal rows
        that break their contract are left out, as publication sets them aside.

    Raises
    ------
    SourceUnavailableError
        The feed has no session, or failed to deliver one of its tables: a history with a hole in it is none.
    """
    days = feed.sessions()
    if not days:
        raise SourceUnavailableError(f"history of feed {feed.name}: it has no session; check its files")
    collected = collect([feed], days[0], days[-1], timeout_s=_COLLECT_TIMEOUT_S)
    if collected.failures:
        raise SourceUnavailableError(
            f"history of feed {feed.name}: {'; '.join(text for texts in collected.failures.values() for text in texts)[:500]}"
        )
    kept = {contract.name: _kept(collected.tables[contract.name], contract) for contract in _SIGNALS}
    panel = build_signal_panel(*(kept[contract.name] for contract in _SIGNALS))
    chosen = profiles_for() if profiles is None else profiles
    features, liquidity, repayment, bondx = [], [], [], []
    for rows, sessions in _chunks(panel):
        made = liquidity_features(rows, measure_sessions(rows, sessions), sessions)
        scored = score_sessions(made, chosen, thresholds)
        for whole, part in zip(
            (features, liquidity, repayment, bondx),
            (made, scored.liquidity, scored.repayment, scored.bondx),
            strict=True,
        ):
            whole.append(part)
    return ScoreHistory(
        kept[INSTRUMENTS.name],
        panel,
        *(pd.concat(parts, ignore_index=True) for parts in (features, liquidity, repayment, bondx)),
    )


def cached_history(source: HistorySource, settings: Settings) -> ScoreHistory:
    """Read the history of ``source`` from its folder, or compute and keep it; the folder appears whole or not at all.

    Raises
    ------
    SourceUnavailableError
        The source's recorded files are not there.
    """
    folder = history_folder(source, settings)
    if not folder.is_dir():
        _store(score_history(_feed_of(source, settings), *_weighing(settings)), folder)
    return ScoreHistory(*(pd.read_parquet(folder / f"{each.name}.parquet") for each in fields(ScoreHistory)))


def history_folder(source: HistorySource, settings: Settings) -> Path:
    """Name the folder of a history, there or not.

    It holds the hash of the source, the content of its files, the weights and thresholds, the code that reads and
    computes it and the releases of the libraries, so a stale history is never read.

    Raises
    ------
    SourceUnavailableError
        The source's recorded files are not there.
    ConfigError
        The source's feed reads no files that could be told apart.
    """
    profiles, thresholds = _weighing(settings)
    facts = [repr(source), libraries(), *_files_of(source, settings)]
    facts += [f"{name} {config_document(profiles[name], thresholds)}" for name in sorted(profiles)]
    facts += sources("liquidity", *_COMPUTING) + sources("resources", *_READING)
    facts += sources("liquidity_service", "score_history.py", "kept_folder.py")
    return settings.data_dir / "histories" / f"{source.name}-{digest_of(facts)}"


def _weighing(settings: Settings) -> tuple[Mapping[str, WeightProfile], PulseThresholds]:
    warning = settings.early_warning
    thresholds = PulseThresholds(
        warning_fall_points=warning.fall_points,
        warning_within_sessions=warning.within_sessions,
        clear_within_points=warning.clear_within_points,
    )
    return profiles_for(settings.weight_profile), thresholds


def _kept(rows: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    return frame_from_table(inspect_rows(table_from_frame(rows, contract), contract).accepted)


def _chunks(panel: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, list[date]]]:
    """Panel rows and the sessions to compute from them, about a month at a time; rows are sorted by day.

    Sessions whose look-back begins before the calendars do are not computed.
    """
    days = panel["session_date"]
    first, last = max(days.iloc[0], pd.Timestamp(FIRST_DAY) + LOOKBACK), days.iloc[-1]
    while first <= last:
        stop = first + timedelta(days=_CHUNK_DAYS)
        low, begin, end = (int(days.searchsorted(day)) for day in (first - LOOKBACK, first, stop))
        sessions: Sequence[pd.Timestamp] = days.iloc[begin:end].unique().tolist()
        if sessions:
            yield panel.iloc[low:end].reset_index(drop=True), [day.date() for day in sessions]
        first = stop


def _feed_of(source: HistorySource, settings: Settings) -> Feed:
    if not source.feed:
        if source.market is None or source.start is None or source.end is None:
            raise ConfigError(f"history {source.name}: a simulated source needs a market, a start and an end")
        return SimulatedFeed(source.market, source.start, source.end)
    opened = {feed.name: feed for feed in open_feeds(settings.feed_roots)}
    if source.feed not in opened:
        raise SourceUnavailableError(
            f"history {source.name}: feed {source.feed} is not open; set real_data to the folder of recorded market data"
        )
    return opened[source.feed]


def _files_of(source: HistorySource, settings: Settings) -> list[str]:
    if not source.feed:
        return []
    feed = _feed_of(source, settings)
    if not isinstance(feed, TableFeed):
        raise ConfigError(
            f"history {source.name}: feed {source.feed} does not say which files it reads; it cannot be kept"
        )
    return [repr(feed.options), *(file_facts(path) for path in feed.paths)]


def _store(history: ScoreHistory, folder: Path) -> None:
    with whole_folder(folder) as staged:
        for each in fields(ScoreHistory):
            getattr(history, each.name).to_parquet(staged / f"{each.name}.parquet", compression="zstd", index=False)
