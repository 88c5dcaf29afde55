"""Every feed passes the same kit: contract-valid rows, sorted sessions, slices that agree, two reads that agree.

The kit runs on all feeds of recorded data where it is there, on a landing folder written here, and on a newcomer
that exists only in this file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.signals import INSTRUMENTS, MICROSTRUCTURE
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from resources.feeds import Feed, FeedRoots, feed_modules, feed_of_module, open_feeds
from resources.feeds._feed import FEED_RULES, FEED_TABLES, delivered_columns
from resources.feeds._recording import contract_rows
from resources.feeds.adapters import collect_signals

NAMES = sorted(module.__name__.rpartition(".")[2] for module in feed_modules())


def assert_keeps_the_protocol(feed: Feed) -> None:
    assert isinstance(feed, Feed)
    sessions = feed.sessions()
    assert sessions
    assert sessions == sorted(set(sessions))
    assert set(feed.tables) <= set(FEED_TABLES)
    for table in feed.tables:
        assert_table(feed, table, sessions)


def assert_table(feed: Feed, table: str, sessions: list[date]) -> None:
    contract = FEED_TABLES[table]
    whole = feed.fetch(table, sessions[0], sessions[-1])
    names = [name for name in whole.columns if name != FEED_RULES]
    assert tuple(names) == delivered_columns(contract)
    assert not whole.duplicated(list(contract.key)).any()
    pd.testing.assert_frame_equal(whole, whole.sort_values(list(contract.key), kind="stable", ignore_index=True))
    pd.testing.assert_frame_equal(whole, feed.fetch(table, sessions[0], sessions[-1]))
    middle = sessions[len(sessions) // 3 : len(sessions) // 3 + 5]
    part = feed.fetch(table, middle[0], middle[-1])
    inside = whole["session_date"].between(pd.Timestamp(middle[0]), pd.Timestamp(middle[-1]))
    pd.testing.assert_frame_equal(part, whole[inside].reset_index(drop=True))
    before = feed.fetch(table, date(1900, 1, 1), date(1900, 1, 2))
    assert before.empty
    assert list(before.columns)[: len(names)] == names


def assert_collected_rows_are_valid(feed: Feed) -> None:
    days = feed.sessions()
    middle = days[len(days) // 2]
    for first, last in ((days[-1], days[-1]), (middle, min(middle + timedelta(days=6), days[-1]))):
        for table, rows in collect_signals([feed], first, last).items():
            if table == "signal_status":
                continue
            contract = FEED_TABLES[table]
            found = audit(table_from_frame(rows, contract), contract, first if first == last else None)
            assert found.violations == (), table


@pytest.mark.real_data
@pytest.mark.parametrize("name", NAMES)
def test_every_feed_of_recorded_data_passes_the_kit(name: str, real_data: Path, tmp_path: Path) -> None:
    opened = {feed.name: feed for feed in open_feeds(FeedRoots(real_data, tmp_path, bondx_day=date(2026, 11, 20)))}
    if name not in opened:
        pytest.skip(f"{name} has no recorded file")
    assert_keeps_the_protocol(opened[name])
    assert_collected_rows_are_valid(opened[name])


def landed(folder: Path) -> FeedRoots:
    days = pd.to_datetime(["2026-03-18", "2026-03-19", "2026-03-20", "2026-03-23"])
    ids = pd.Series(["INE094A08176", "US0378331005"])
    grid = pd.MultiIndex.from_product([days, ids], names=["session_date", "instrument_id"]).to_frame(index=False)
    at = grid["session_date"].dt.tz_localize("UTC") + pd.Timedelta(hours=9)
    instruments = contract_rows(
        INSTRUMENTS,
        {
            "session_date": grid["session_date"], "instrument_id": grid["instrument_id"], "asset_class": "bond_corporate",
            "currency": "INR", "calendar": "XBOM", "source": "vendor",
        },
    )  # fmt: skip
    quotes = contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": grid["session_date"], "instrument_id": grid["instrument_id"], "venue": "NSE", "bid": 99.5, "ask": 100.5,
            "quoted_spread_bps": 100.0, "spread_method": "closing_quote", "observed_at": at, "known_at": at, "source": "vendor",
        },
    )  # fmt: skip
    for table, frame in (("instruments", instruments), ("microstructure", quotes)):
        (folder / table).mkdir(parents=True)
        for day, rows in frame.groupby("session_date"):
            rows.to_parquet(folder / table / f"vendor-session_date={day:%Y-%m-%d}.parquet", index=False)
    return FeedRoots(None, folder)


def test_a_landing_folder_passes_the_kit(tmp_path: Path) -> None:
    (feed,) = open_feeds(landed(tmp_path))
    assert feed.name == "landing"
    assert_keeps_the_protocol(feed)
    assert_collected_rows_are_valid(feed)


@dataclass(frozen=True)
class NewcomerFeed:
    """All that a new source needs: one class."""

    name: str = "newcomer"
    tables: tuple[str, ...] = ("instruments", "microstructure")
    asset_classes: tuple[str, ...] = ("crypto_spot",)

    def sessions(self) -> list[date]:
        return [date(2026, 3, day) for day in range(1, 8)]

    def fetch(self, table: str, start: date, end: date) -> pd.DataFrame:
        days = [day for day in self.sessions() if start <= day <= end]
        shared = {
            "session_date": pd.to_datetime(pd.Series(days, dtype="datetime64[us]")),
            "instrument_id": "kraken:BTCUSD",
            "source": self.name,
        }
        if table == "instruments":
            facts = {"asset_class": "crypto_spot", "currency": "USD", "calendar": "24/7"}
            return contract_rows(INSTRUMENTS, {**shared, **facts})
        at = shared["session_date"].dt.tz_localize("UTC") + pd.Timedelta(hours=23)
        return contract_rows(
            MICROSTRUCTURE, {**shared, "venue": "kraken", "close": 70000.0, "observed_at": at, "known_at": at}
        )


def newcomer_module(name: str, make: Callable[[FeedRoots], Feed | None]) -> ModuleType:
    module = ModuleType("resources.feeds.newcomer")
    module.NAME = name
    module.open_feed = make
    return module


@pytest.mark.feature("BX-SG-11")
def test_a_new_feed_is_one_class_that_passes_the_kit() -> None:
    feed = feed_of_module(newcomer_module("newcomer", lambda _roots: NewcomerFeed()), FeedRoots(None, Path()))
    assert feed is not None
    assert_keeps_the_protocol(feed)
    assert_collected_rows_are_valid(feed)
    got = collect_signals([feed], date(2026, 3, 1), date(2026, 3, 7))
    assert got["microstructure"]["close"].tolist() == [70000.0] * 7
    assert np.allclose(got["microstructure"]["age_market_s"], 3600.0)


def test_a_feed_whose_name_differs_from_its_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"newcomer\.py: NAME is 'other'"):
        feed_of_module(newcomer_module("other", lambda _roots: NewcomerFeed()), FeedRoots(None, Path()))


def test_feeds_are_found_by_folder() -> None:
    assert {"landing", "br_treasuries", "nse_corporate_bonds", "crypto_daily", "us_equities_daily"} <= set(NAMES)
    assert open_feeds(FeedRoots(None, Path("/nonexistent"))) == []
