"""Histories of scores equal what the daily run computes, and are read back only while they are current."""

import dataclasses
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import SourceUnavailableError
from liquidity.features.assemble import liquidity_features
from liquidity.features.panel import build_signal_panel
from liquidity.index.profiles import profiles_for
from liquidity.index.pulse_engine import score_sessions
from liquidity.measures import measure_sessions
from liquidity.simulation import MarketConfig
from liquidity_service import score_history as module
from liquidity_service.score_history import (
    HistorySource,
    ScoreHistory,
    SimulatedFeed,
    cached_history,
    score_history,
)
from resources.feeds.adapters import collect_signals
from resources.settings import Settings, load_settings

START, DAYS = date(2026, 1, 1), 96
MARKET = MarketConfig(bonds=8, issuers=4, crypto_coins=3, crypto_perps=1)
END = START + timedelta(days=DAYS - 1)
SOURCE = HistorySource("small", "a small market", market=MARKET, start=START, end=END)


@pytest.fixture(scope="module")
def feed() -> SimulatedFeed:
    return SimulatedFeed(MARKET, START, END)


@pytest.fixture(scope="module")
def history(feed: SimulatedFeed) -> ScoreHistory:
    """Computed in three pieces, so that a seam would show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK_DAYS", 40)
        return score_history(feed)


def settings(folder: Path) -> Settings:
    return load_settings(data_dir=folder, lake_dir=folder / "lake", landing_dir=folder / "landing", real_data=None)


@pytest.mark.slow
def test_a_session_equals_the_daily_run_of_it(feed: SimulatedFeed, history: ScoreHistory) -> None:
    day = END
    tables = collect_signals([feed], day - timedelta(days=89), day)
    names = ("instruments", "microstructure", "alt_signals", "auction_mm", "sentiment")
    panel = build_signal_panel(*(tables[name] for name in names))
    features = liquidity_features(panel, measure_sessions(panel, [day]), [day])
    daily = score_sessions(features, profiles_for())
    for name, table in (
        ("liquidity_index", daily.liquidity),
        ("repayment_support", daily.repayment),
        ("bondx_score", daily.bondx),
    ):
        whole = getattr(history, name)
        mine = whole[whole["session_date"] == pd.Timestamp(day)].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, table.reset_index(drop=True), check_dtype=False)
    assert history.liquidity_index["liquidity_score"].notna().mean() > 0.5


def test_a_feed_of_the_simulator_is_a_pure_slice(feed: SimulatedFeed) -> None:
    whole = feed.fetch("microstructure", START, END)
    part = feed.fetch("microstructure", START + timedelta(days=3), START + timedelta(days=9))
    days = whole["session_date"].to_numpy(dtype="datetime64[D]")
    inside = (days >= np.datetime64(START + timedelta(days=3))) & (days <= np.datetime64(START + timedelta(days=9)))
    pd.testing.assert_frame_equal(part, whole[inside].reset_index(drop=True))
    assert feed.sessions() == [START + timedelta(days=n) for n in range(DAYS)]


@pytest.mark.slow
def test_a_history_is_kept_and_read_back(
    history: ScoreHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []

    def counted(*_: object) -> ScoreHistory:
        computed.append(1)
        return history

    monkeypatch.setattr(module, "score_history", counted)
    first, second = (cached_history(SOURCE, settings(tmp_path)) for _ in range(2))
    assert len(computed) == 1
    for each in dataclasses.fields(ScoreHistory):
        pd.testing.assert_frame_equal(getattr(first, each.name), getattr(second, each.name))
        assert len(getattr(first, each.name)) == len(getattr(history, each.name))
    cached_history(dataclasses.replace(SOURCE, end=END - timedelta(days=1)), settings(tmp_path))
    assert len(computed) == 2, "another market is another history"


@pytest.mark.slow
def test_a_stopped_write_leaves_nothing(history: ScoreHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(module, "score_history", lambda *_: history)
    monkeypatch.setattr(pd.DataFrame, "to_parquet", stopped)
    with pytest.raises(OSError, match="disk full"):
        cached_history(SOURCE, settings(tmp_path))
    assert not list((tmp_path / "histories").iterdir())


def test_a_feed_that_fails_gives_no_history_with_a_hole(feed: SimulatedFeed) -> None:
    class Broken:
        name, tables, asset_classes, sessions = "broken", feed.tables, feed.asset_classes, feed.sessions

        def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
            if table == "sentiment":
                raise ValueError("the file ends in the middle")
            return feed.fetch(table, start, end)

    with pytest.raises(SourceUnavailableError, match="the file ends in the middle"):
        score_history(Broken())


def test_a_recorded_source_without_files_says_what_to_set(tmp_path: Path) -> None:
    source = HistorySource("crypto", "pairs", "crypto_daily")
    with pytest.raises(SourceUnavailableError, match="real_data"):
        cached_history(source, settings(tmp_path))
