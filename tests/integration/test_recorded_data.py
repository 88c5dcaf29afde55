"""Known answers of the recorded market data, as its description states them and as counted here."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resources.feeds import Feed, FeedRoots, open_feeds
from resources.feeds._recording import TableFeed
from resources.feeds._ticker_reuse import newest_history
from resources.feeds.adapters import collect_signals
from resources.feeds.br_treasuries import quotes_of_scrape, two_way_quotes
from resources.feeds.nse_corporate_bonds import read_download
from resources.feeds.us_equities_daily import recording_of as equity_recording
from resources.feeds.us_equity_ticks import sessions_of_ticks

pytestmark = pytest.mark.real_data

# feed: (sessions, first, last, {table: rows}, instruments, {reason: rows set aside})
KNOWN = {
    "alt_series": (1648, "2000-06-02", "2020-02-07", {"macro_series": 9976}, 0, {"incomplete_day": 113, "no_value": 104}),
    "bondx_files": (1, "2026-11-20", "2026-11-20", {"instruments": 287, "microstructure": 287, "alt_signals": 780, "auction_mm": 260, "sentiment": 260}, 287, {"matured": 3, "naive_time": 37}),
    "br_treasuries": (129, "2025-08-25", "2026-08-21", {"instruments": 5980, "microstructure": 3546, "auction_mm": 3588}, 42, {"broken_scrape": 722, "closed_day": 1051, "crossed_quote": 1, "matured": 8, "never_two_way": 805}),
    "coinbase_daily_quotes": (1451, "2014-12-01", "2018-12-24", {"instruments": 1474, "microstructure": 1451}, 1, {}),
    "crypto_daily": (3121, "2017-08-17", "2026-03-03", {"instruments": 36604, "microstructure": 36546}, 40, {"half_hour_missing": 2}),
    "crypto_minutes": (11, "2016-10-07", "2026-01-01", {"instruments": 108, "microstructure": 18}, 8, {}),
    "macro": (10208, "1919-01-31", "2026-07-23", {"macro_series": 114451}, 0, {"no_value": 144, "ohlc_order": 47}),
    "nse_corporate_bonds": (1, "2025-08-20", "2025-08-20", {"instruments": 101, "microstructure": 101}, 101, {}),
    "tapes": (2, "2024-08-08", "2024-08-09", {"instruments": 5}, 3, {}),
    "us_close_only": (6289, "1998-01-02", "2022-12-28", {"instruments": 143389, "microstructure": 148420}, 26, {"before_calendar": 42504}),
    "us_equities_daily": (5849, "1998-01-02", "2021-03-31", {"instruments": 44118, "microstructure": 44108}, 10, {}),
    "us_equity_minutes": (15, "2023-08-17", "2023-09-07", {"instruments": 15, "microstructure": 15}, 1, {"outside_hours": 7770}),
    "us_equity_ticks": (5, "2013-10-07", "2013-10-11", {"instruments": 5, "microstructure": 5}, 1, {}),
    "us_treasury_auctions": (357, "2008-01-28", "2009-06-25", {"instruments": 9730, "auction_mm": 3750}, 62, {}),
    "us_universe_volume": (11, "2014-03-24", "2014-04-07", {"instruments": 79692, "microstructure": 77888}, 7292, {"duplicate_key": 79}),
}  # fmt: skip


@pytest.fixture(scope="module")
def feeds(real_data: Path) -> dict[str, Feed]:
    return {
        feed.name: feed for feed in open_feeds(FeedRoots(real_data, Path("/nonexistent"), bondx_day=date(2026, 11, 20)))
    }


def rows_of(feed: Feed, table: str) -> pd.DataFrame:
    return feed.fetch(table, date(1900, 1, 1), date(2100, 1, 1))


def test_all_feeds_open(feeds: dict[str, Feed]) -> None:
    assert set(feeds) == set(KNOWN)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_counts_of_each_feed(feeds: dict[str, Feed], name: str) -> None:
    sessions_n, first, last, tables, instruments_n, aside = KNOWN[name]
    feed = feeds[name]
    assert isinstance(feed, TableFeed)
    sessions = feed.sessions()
    assert (len(sessions), str(sessions[0]), str(sessions[-1])) == (sessions_n, first, last)
    assert {table: len(rows_of(feed, table)) for table in feed.tables} == tables
    if instruments_n:
        assert rows_of(feed, "instruments")["instrument_id"].nunique() == instruments_n
    assert feed.set_aside()["reason"].value_counts().to_dict() == aside


def test_nse_download_equals_the_parsed_table(real_data: Path) -> None:
    download = read_download(real_data / "bonds" / "in_nse_corporate_bonds_1day.raw.csv.gz").set_index("isin")
    parsed = pd.read_parquet(real_data / "bonds" / "in_nse_corporate_bonds_1day.parquet").set_index("isin")
    assert len(download) == 101
    for column in ("wap", "ltp", "way_pct", "lty_pct", "value_lakh_inr", "n_trades"):
        assert (download[column] == parsed[column]).all()
    assert (download["maturity"].fillna(pd.Timestamp(0)) == parsed["maturity"].fillna(pd.Timestamp(0))).mean() >= 0.98


def test_undated_bondx_files_open_only_when_told_their_day(real_data: Path) -> None:
    assert "bondx_files" not in {feed.name for feed in open_feeds(FeedRoots(real_data, Path("/nonexistent")))}
    [told] = [
        feed
        for feed in open_feeds(FeedRoots(real_data, Path("/nonexistent"), bondx_day=date(2026, 11, 18)))
        if feed.name == "bondx_files"
    ]
    assert told.sessions() == [date(2026, 11, 18)]
    rules = set(",".join(rows_of(told, "microstructure")["feed_rules"]).split(","))
    assert rules == {"currency_assumed", "depth_unit_assumed"}


def test_a_landed_nse_download_needs_its_day_told(real_data: Path, tmp_path: Path) -> None:
    download = real_data / "bonds" / "in_nse_corporate_bonds_1day.raw.csv.gz"
    (tmp_path / "nse").mkdir()
    for name in ("bonds-21-Aug-2025.csv.gz", "bonds-2025-08-22.csv.gz", "bonds.csv.gz", "bonds-2025-08-23.csv.gz"):
        (tmp_path / "nse" / name).write_bytes(download.read_bytes())

    def nse(roots: FeedRoots) -> Feed:
        return next(feed for feed in open_feeds(roots) if feed.name == "nse_corporate_bonds")

    untold = nse(FeedRoots(real_data, tmp_path))
    assert untold.sessions() == [date(2025, 8, 20), date(2025, 8, 21), date(2025, 8, 22)]
    assert isinstance(untold, TableFeed)
    aside = untold.set_aside()
    assert aside["reason"].value_counts().to_dict() == {
        "closed_day": 101,
        "session_unknown": 1,
    }  # 23 August is a Saturday
    assert aside.loc[aside["reason"] == "session_unknown", "identity"].tolist() == ["bonds.csv.gz"]
    rules = rows_of(untold, "microstructure").groupby("session_date")["feed_rules"].agg(set)
    assert rules.tolist() == [{"session_assumed"}, {""}, {""}]
    told = nse(FeedRoots(None, tmp_path, nse_day=date(2025, 8, 25)))
    assert told.sessions() == [date(2025, 8, 21), date(2025, 8, 22), date(2025, 8, 25)]


def test_nse_turnover_is_in_rupees(feeds: dict[str, Feed]) -> None:
    rows = rows_of(feeds["nse_corporate_bonds"], "microstructure").set_index("instrument_id")
    assert rows.loc["INE094A08176", "turnover_ccy"] == 50_000 * 1e5
    assert rows.loc["INE094A08176", ["close", "vwap"]].tolist() == [100.0553, 100.0553]
    assert set(rows["feed_rules"]) == {"session_assumed"}
    assert rows["bid"].isna().all()


def test_br_pairs_equal_the_recorded_pairs(real_data: Path) -> None:
    ours = two_way_quotes(pd.read_parquet(real_data / "bonds" / "br_treasury_quotes.parquet"))
    theirs = pd.read_parquet(real_data / "bonds" / "br_treasury_two_way.parquet")
    both = ours.merge(theirs, on=["snapshot_utc", "bond_id"])
    assert len(ours) == len(theirs) == len(both) == 7359
    assert (both["ask"] == both["ask_price"]).all()
    assert (both["bid"] == both["bid_price"]).all()
    assert np.allclose(both["spread_bps"], both["spread_bps_price"], atol=1e-9)


def test_br_dealers_fall_silent_on_2026_03_19(feeds: dict[str, Feed]) -> None:
    rows = rows_of(feeds["br_treasuries"], "auction_mm").set_index("session_date")
    ratio = rows["mm_online_ratio"].groupby(level=0).median()
    assert ratio["2026-03-18"] == 1.0
    assert ratio["2026-03-19"] == pytest.approx(0.6244, abs=1e-3)
    assert ratio.idxmin() == pd.Timestamp("2026-03-19")
    assert ratio["2026-03-24"] == 1.0
    event = rows.loc["2026-03-19"].set_index("instrument_id")["mm_online_ratio"]
    assert event["BVMF:LFT_20310301"] == 1.0
    assert len(event) == 32


def test_br_broken_scrape_is_refused_row_by_row(real_data: Path) -> None:
    kept, refused = quotes_of_scrape(real_data / "bad_inputs" / "br_treasury_scrape_broken.csv.gz")
    assert (len(kept), len(refused)) == (371, 219)
    assert refused["reason"].value_counts().to_dict() == {
        "shifted_title": 124, "market_suspended": 63, "zero_minimum": 30, "shifted_minimum": 2,
    }  # fmt: skip
    recorded = pd.read_parquet(real_data / "bonds" / "br_treasury_quotes.parquet")
    same = kept.merge(recorded, on=["snapshot_utc", "side", "bond_id", "price", "maturity"])
    assert len(same) == len(kept)


def test_ibm_time_weighted_spreads(feeds: dict[str, Feed], real_data: Path) -> None:
    rows = rows_of(feeds["us_equity_ticks"], "microstructure")
    assert np.allclose(rows["quoted_spread_bps"], [2.10, 2.22, 3.27, 2.81, 2.81], atol=0.006)
    found, _ = sessions_of_ticks(
        pd.read_parquet(real_data / "equities" / "us_ibm_quotes_ticks.parquet"),
        pd.read_parquet(real_data / "equities" / "us_ibm_trades_ticks.parquet"),
    )
    effective = [averages.effective_spread_bps for averages, _ in found.values()]
    assert np.allclose(effective, [2.15, 2.13, 2.57, 2.90, 3.04], atol=0.006)


def test_google_misprint_is_flagged(feeds: dict[str, Feed]) -> None:
    rows = rows_of(feeds["us_equities_daily"], "microstructure").set_index(["session_date", "instrument_id"])
    flagged = rows[rows["feed_rules"].str.contains("price_outlier")]
    assert ("2008-09-30", "XNYS:GOOG") in {(str(day.date()), name) for day, name in flagged.index}
    assert len(flagged) == 8
    got = collect_signals([feeds["us_equities_daily"]], date(2008, 9, 30), date(2008, 9, 30))["microstructure"]
    google = got.set_index("instrument_id").loc["XNYS:GOOG"]
    assert google["quality_frac"] == pytest.approx(0.2 * 0.98)
    assert "price_outlier" in google["quality_rules"]


def test_reused_tickers_keep_the_newest_company(real_data: Path) -> None:
    bars = pd.read_parquet(real_data / "bad_inputs" / "us_equity_ticker_reuse_and_gaps.parquet")
    recording = equity_recording(bars)
    rows = recording.tables["microstructure"]
    first = rows.groupby("instrument_id")["session_date"].min().dt.strftime("%Y-%m-%d").to_dict()
    assert first == {
        "XNYS:FB": "2012-05-18",
        "XNYS:GOOG": "2004-08-19",
        "XNYS:QQQ": "2011-03-23",
        "XNYS:USO": "2006-04-10",
    }
    reused = recording.set_aside
    assert set(reused["reason"]) == {"ticker_reused"}
    assert len(rows) + len(reused) == len(bars) == 15004
    kept, aside = newest_history(bars.rename(columns={"date": "session_date"}))
    assert len(kept) == len(rows)
    assert len(aside) == len(reused)


def test_ibm_turnover_is_counted_once(feeds: dict[str, Feed]) -> None:
    chosen = [feeds[name] for name in ("us_equities_daily", "us_equity_ticks", "us_close_only")]
    rows = collect_signals(chosen, date(2013, 10, 8), date(2013, 10, 8))["microstructure"]
    ibm = rows[rows["instrument_id"] == "XNYS:IBM"].set_index("venue")
    assert ibm["turnover_ccy"].notna().to_dict() == {"us_equities_daily": True, "us_equity_ticks": False}
    assert "turnover_counted_elsewhere" in ibm.loc["us_equity_ticks", "quality_rules"]
    assert ibm.loc["us_equity_ticks", "quoted_spread_bps"] == pytest.approx(2.22, abs=0.006)


def test_treasury_auction_of_october_2008(feeds: dict[str, Feed]) -> None:
    rows = rows_of(feeds["us_treasury_auctions"], "auction_mm")
    day = rows[rows["session_date"] == "2008-10-08"]
    assert day["auction_demand"].min() == pytest.approx(1.22)
    weakest = day.loc[day["auction_demand"].idxmin()]
    assert str(weakest["auction_at"]) == "2008-10-08 17:00:00+00:00"


def test_inverse_contracts_are_not_multiplied_by_price(feeds: dict[str, Feed]) -> None:
    rows = rows_of(feeds["crypto_minutes"], "microstructure").set_index(["session_date", "instrument_id"])
    day = pd.Timestamp("2022-12-13")
    assert rows.loc[(day, "binance:BTCUSD-PERP"), "turnover_ccy"] == pytest.approx(1.793e9, rel=1e-3)
    assert rows.loc[(day, "bybit:BTCUSD-PERP"), "turnover_ccy"] == pytest.approx(2.059e8, rel=1e-3)
    assert rows.loc[(day, "bybit:BTCUSDT"), "vwap"] == pytest.approx(17450, rel=0.01)
    assert rows["quoted_spread_bps"].dropna().between(0.0, 20.0).all()


@pytest.mark.feature("BX-SG-05")
def test_every_signal_table_of_one_day_of_all_feeds_is_collected(feeds: dict[str, Feed]) -> None:
    got = collect_signals(list(feeds.values()), date(2026, 3, 19), date(2026, 3, 19))
    status = got["signal_status"].set_index("adapter")
    assert status.loc["auction_mm", ["state", "rows_count", "coverage_frac"]].tolist() == ["active", 32, 1.0]
    assert status.loc["microstructure", "state"] == "active"
    assert status.loc["sentiment", "state"] == "missing"
    assert (got["microstructure"]["age_market_s"] >= 0).all()
