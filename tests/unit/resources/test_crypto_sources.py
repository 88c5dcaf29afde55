"""Readers of tapes and derivatives: generated files in a landing folder, and the recorded Binance minutes."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import FUNDING_RATES, LIQUIDATION_EVENTS, OPEN_INTEREST
from liquidity.contracts.signals import INSTRUMENTS
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.features.book_daily import daily_liquidity
from liquidity.features.book_pass import ViewRules
from liquidity.features.derivative_tables import funding_with_forecast, interest_with_changes
from liquidity.simulation import MarketConfig
from liquidity.simulation.crypto_market import TapeConfig
from resources.book_facts import book_facts
from resources.crypto_sources import book_sources, crypto_days, derivative_rows, read_book
from resources.feeds import FeedRoots, open_feeds
from resources.feeds._simulated_tapes import read_tapes_truth, simulate_tapes_to_landing

START, DAY = date(2026, 6, 1), date(2026, 6, 4)
MARKET = MarketConfig(bonds=5, issuers=2, crypto_coins=2, crypto_perps=1)
CONFIG = TapeConfig(coins=("BTC",), minutes=2, rows_per_message=10.0)
TAPED = (date(2024, 8, 8), date(2024, 8, 9))


@pytest.fixture(scope="module")
def landing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("landing")
    report = simulate_tapes_to_landing(folder, CONFIG, MARKET, START, date(2026, 6, 3), DAY)
    assert report.days == 2
    return folder


@pytest.mark.feature("BX-MK-04")
def test_a_second_call_writes_only_the_days_that_are_missing(landing):
    files = {path: path.stat().st_mtime_ns for path in landing.rglob("*.parquet")}
    again = simulate_tapes_to_landing(landing, CONFIG, MARKET, START, date(2026, 6, 3), DAY)
    assert again.days == 0
    assert {path: path.stat().st_mtime_ns for path in landing.rglob("*.parquet")} == files
    assert sorted(read_tapes_truth(landing)["days"]) == ["2026-06-03", "2026-06-04"]


def test_other_tapes_in_the_folder_are_not_mixed(landing):
    with pytest.raises(ConfigError, match="other generated tapes"):
        simulate_tapes_to_landing(landing, TapeConfig(seed=8, coins=("BTC",)), MARKET, START, DAY, DAY)
    with pytest.raises(ConfigError, match="has perpetuals of"):
        simulate_tapes_to_landing(landing, TapeConfig(coins=("ETH",)), MARKET, START, DAY, DAY)


def test_books_days_and_instruments_of_generated_tapes(landing):
    roots = FeedRoots(None, landing)
    assert [source.name.instrument_id for source in book_sources(roots)] == ["sim:BTCUSDT-PERP", "sim_b:BTCUSDT-PERP"]
    assert crypto_days(roots)["sim:BTCUSDT-PERP"] == [date(2026, 6, 3), DAY]
    [feed] = [each for each in open_feeds(roots) if each.name == "tapes"]
    rows = feed.fetch("instruments", DAY, DAY)
    assert rows["source"].tolist() == ["simulated"] * 2
    assert rows["currency"].tolist() == ["USDT"] * 2
    assert rows["asset_class"].tolist() == ["crypto_perp"] * 2
    assert set(rows.columns) == set(INSTRUMENTS.column_names)


def test_a_book_is_read_for_the_asked_day_only(landing):
    [leader, _] = book_sources(FeedRoots(None, landing))
    tables = read_book(leader, [DAY], ViewRules())
    for name, rows in tables.items():
        assert set(rows["session_date"]) == {pd.Timestamp(DAY)}, name
        assert set(rows["source"]) == {"simulated"}, name
    both = read_book(leader, [date(2026, 6, 3), DAY], ViewRules())
    for name, rows in tables.items():
        later = both[name][both[name]["session_date"] == pd.Timestamp(DAY)].reset_index(drop=True)
        pd.testing.assert_frame_equal(later, rows)


def test_generated_derivatives_are_read_back(landing):
    roots = FeedRoots(None, landing)
    readings = derivative_rows(roots, OPEN_INTEREST, date(2026, 6, 3), DAY)
    told = interest_with_changes(readings, [DAY])
    assert len(told) == 24
    assert told["change_24h_frac"].notna().all()
    events = derivative_rows(roots, LIQUIDATION_EVENTS, DAY, DAY)
    np.testing.assert_allclose(events["notional_quote"], events["amount"] * events["price"], rtol=1e-12)


def test_a_file_that_is_no_tape_is_named(landing, tmp_path):
    folder = tmp_path / "tapes" / "okx" / "BTC-USDT" / "2026-06-04"
    folder.mkdir(parents=True)
    (folder / "1.book.parquet").write_bytes(b"PAR1 not a parquet file")
    with pytest.raises(ContractError, match=r"1\.book\.parquet"):
        book_sources(FeedRoots(None, tmp_path))


@pytest.mark.feature("PL-FU-02")
@pytest.mark.real_data
def test_recorded_funding_has_the_venues_own_interval(real_data: Path) -> None:
    rows = derivative_rows(
        FeedRoots(real_data, Path("/nonexistent")), FUNDING_RATES, date(2026, 2, 1), date(2026, 2, 28)
    )
    hours = rows.groupby("instrument_id")["interval_hours"].first()
    assert (hours["binanceusdm:BTCUSDT"], hours["binanceusdm:HYPEUSDT"], hours["hyperliquid:BTC"]) == (8.0, 4.0, 1.0)
    told = funding_with_forecast(rows, [date(2026, 2, 28)])
    yearly = told["rate_frac"] * 8760.0 / told["interval_hours"]
    np.testing.assert_allclose(told["annualised_frac"], yearly, rtol=1e-12)


@pytest.mark.feature("PL-FU-01")
@pytest.mark.real_data
def test_recorded_open_interest_of_one_row_has_no_changes(real_data: Path) -> None:
    days = [date(2026, 3, 6), date(2026, 3, 7)]
    rows = interest_with_changes(
        derivative_rows(FeedRoots(real_data, Path("/nonexistent")), OPEN_INTEREST, *days), days
    )
    alone = rows[rows["instrument_id"] == "binanceusdm:BTCUSDT"]
    assert len(alone) == 1
    assert alone[["change_1h_frac", "change_24h_frac", "open_interest_base"]].isna().all(axis=None)
    hourly = rows[(rows["instrument_id"] == "hyperliquid:BTC") & (rows["session_date"] == pd.Timestamp(days[1]))]
    assert hourly["change_1h_frac"].notna().mean() > 0.9


@pytest.mark.feature("PL-OB-02", "PL-OB-12", "PL-OB-16")
@pytest.mark.real_data
@pytest.mark.slow
def test_recorded_binance_books_of_two_days(real_data: Path) -> None:
    sources = book_sources(FeedRoots(real_data, Path("/nonexistent")))
    assert [each.name.instrument_id for each in sources] == [
        "binance:BTCUSDT",
        "binancecoinm:BTCUSD_PERP",
        "binanceusdm:BTCUSDT",
    ]
    read = [read_book(source, TAPED, ViewRules()) for source in sources]
    tables = {name: pd.concat([each[name] for each in read], ignore_index=True) for name in read[0]}
    daily = daily_liquidity(
        *(tables[name] for name in ("book_features", "market_depth", "venue_trades", "book_deltas"))
    )
    assert daily.groupby("instrument_id").size().to_dict() == {
        "binance:BTCUSDT": 2,
        "binancecoinm:BTCUSD_PERP": 2,
        "binanceusdm:BTCUSDT": 1,
    }
    spot = daily[daily["instrument_id"] == "binance:BTCUSDT"]
    assert spot["quoted_spread_bps"].between(0.0016, 0.005).all()
    assert (spot["bid_depth_10bps_quote"] + spot["ask_depth_10bps_quote"]).between(4e6, 8e6).all()
    # Inverse contracts of 100 USD: the depth within 10 bps is 4 M USD a side, not that times the price.
    coin = daily[daily["instrument_id"] == "binancecoinm:BTCUSD_PERP"]
    assert coin["bid_depth_10bps_quote"].between(3e6, 5e6).all()
    segments = tables["book_deltas"]
    assert (segments["clock_offset_ms"].between(-1277.0, -1215.0)).all()
    assert not segments[["gaps_count", "crossed_count", "duplicates_count"]].to_numpy().any()
    assert tables["venue_trades"].groupby("instrument_id").size().tolist() == [19904, 5235, 21313]


@pytest.mark.real_data
@pytest.mark.slow
def test_the_generated_book_has_the_recorded_facts(real_data: Path) -> None:
    outside = [
        (fact.name, fact.simulated, fact.lowest, fact.highest) for fact in book_facts(real_data) if not fact.inside
    ]
    assert outside == []
