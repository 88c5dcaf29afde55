"""Parts that feeds share: ticks, dealer presence, ticker reuse, liveness, local time, identifiers of treasuries."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.signals import ALT_SIGNALS, INSTRUMENTS, MICROSTRUCTURE
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError, ContractError
from resources.feeds._crypto_pairs import quote_currency
from resources.feeds._dealer_presence import auction_demand, online_ratio, snapshot_weights_s
from resources.feeds._recording import alive_days, contract_rows
from resources.feeds._ticker_reuse import newest_history
from resources.feeds._ticks import carried_quotes, clean_trades, session_from_ticks, vwap
from resources.feeds.adapters import collect_signals
from resources.feeds.alt_series import central_to_utc, energy_series, traffic_series
from resources.feeds.bondx_files import letter_rating
from resources.feeds.br_treasuries import recording_of as treasury_recording
from resources.feeds.crypto_daily import complete_days
from resources.feeds.landing import LandingFeed
from resources.feeds.macro import month_end
from resources.feeds.us_treasury_auctions import is_cusip
from resources.feeds.us_treasury_auctions import recording_of as auction_recording

OPENS, CLOSES = pd.Timestamp("2026-03-19T13:30Z"), pd.Timestamp("2026-03-19T20:00Z")


def ticks(rows: list[tuple[str, float, int, float, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["at", "bid", "bid_size", "ask", "ask_size"])
    return frame.assign(ts=pd.to_datetime("2026-03-19T" + frame["at"] + "Z"), symbol="X")


@pytest.mark.feature("BX-SG-02")
def test_vwap_is_sum_of_amounts_over_sum_of_sizes() -> None:
    rng = np.random.default_rng(3)
    prices, sizes = rng.uniform(90, 110, 1000), rng.integers(1, 500, 1000).astype(float)
    exact = sum(p * q for p, q in zip(prices, sizes, strict=True)) / sum(sizes)
    assert vwap(prices, sizes) == pytest.approx(exact, rel=1e-12)
    assert np.isnan(vwap(np.array([]), np.array([])))


def test_one_sided_quotes_are_carried_forward() -> None:
    quotes, aside = carried_quotes(
        ticks(
            [
                ("13:00", 99.0, 1, 0.0, 0),
                ("13:10", 0.0, 0, 101.0, 2),
                ("14:00", 99.5, 1, 0.0, 0),
                ("15:00", 0.0, 0, 100.0, 0),
                ("15:01", 0.0, 0, 0.0, 0),
            ]
        )
    )
    assert quotes["bid"].tolist() == [99.0, 99.0, 99.5]
    assert quotes["ask"].isna().tolist() == [True, False, False]
    assert sorted(aside["reason"]) == ["no_price", "zero_size"]


def test_spread_is_weighted_by_the_time_quotes_stood() -> None:
    quotes = pd.DataFrame(
        {
            "ts": pd.to_datetime(["2026-03-19T13:00Z", "2026-03-19T16:45Z", "2026-03-19T19:00Z"]),
            "bid": [999.5, 999.0, 1001.0],
            "ask": [1000.5, 1001.0, 1000.0],
        }
    )
    trades = pd.DataFrame(
        {
            "ts": pd.to_datetime(["2026-03-19T13:00Z", "2026-03-19T14:00Z", "2026-03-19T17:00Z"]),
            "price": [1.0, 1000.5, 999.0],
            "size": [9.0, 1.0, 3.0],
        }
    )
    got = session_from_ticks(quotes, trades, OPENS, CLOSES)
    # 10 bps for 3.25 h, 20 bps for 2.25 h; the crossed last hour is left out
    assert got.quoted_spread_bps == pytest.approx((10 * 3.25 + 20 * 2.25) / 5.5)
    assert got.unusable_frac == pytest.approx(1 / 6.5)
    assert got.effective_spread_bps == pytest.approx((10 * 1 + 20 * 3) / 4)
    assert (got.trades_count, got.bid, got.ask) == (2, 999.0, 1001.0)


@pytest.mark.feature("BX-SG-02")
def test_bad_trades_and_crossed_quotes_never_reach_the_table() -> None:
    trades = pd.DataFrame(
        {
            "ts": pd.to_datetime(["2026-03-19T14:00Z"] * 4),
            "price": [1.0, 0.0, 1.0, 1.0],
            "size": [1, 1, 0, 1],
            "susp": [0, 0, 0, 1],
            "symbol": "X",
        }
    )
    kept, aside = clean_trades(trades)
    assert len(kept) == 1
    assert sorted(aside["reason"]) == ["no_price", "suspicious_trade", "zero_size"]
    at = pd.Timestamp("2026-03-19T19:00Z")
    bids = pd.Series([99.0] * 19 + [101.5])
    rows = contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": pd.Timestamp("2026-03-19"), "instrument_id": [f"XNYS:S{n:02d}" for n in range(20)], "venue": "v", "bid": bids,
            "ask": 101.0, "observed_at": at, "known_at": at, "source": "s",
        },
        index=bids.index,
    ).assign(age_market_s=0.0, quality_frac=1.0, quality_rules="")  # fmt: skip
    judged = audit(
        table_from_frame(rows[list(MICROSTRUCTURE.column_names)], MICROSTRUCTURE), MICROSTRUCTURE, date(2026, 3, 19)
    )
    assert judged.accepted.num_rows == 19
    assert judged.rejected.column("reasons").to_pylist() == ["crossed_quote"]


@pytest.mark.feature("BX-SG-03")
def test_dealer_presence_and_auction_demand_by_hand() -> None:
    online = np.arange(360) < 270
    assert online_ratio(online[None, :], np.full(360, 60.0)).tolist() == [0.75]
    assert auction_demand(500.0, 200.0) == 2.5
    with pytest.raises(ContractError, match="the offer must be above 0"):
        auction_demand(500.0, 0.0)
    times = pd.Series(pd.to_datetime(["2026-03-19T14:00Z", "2026-03-19T19:00Z"]))
    weights = snapshot_weights_s(times, CLOSES)
    assert online_ratio(np.array([[True, False]]), weights).tolist() == [pytest.approx(5 / 6)]
    assert np.isnan(online_ratio(np.zeros((1, 0), dtype=bool), np.array([]))).all()
    assert online_ratio(np.array([[True]]), np.array([0.0])).tolist() == [1.0]


def bars(days: pd.DatetimeIndex, close: float, symbol: str = "ABC") -> pd.DataFrame:
    return pd.DataFrame({"session_date": days, "symbol": symbol, "close": close, "adj_factor": 1.0})


def test_a_reused_ticker_keeps_the_newest_history() -> None:
    old = bars(pd.bdate_range("2001-01-01", periods=50), 5.0)
    hole = bars(pd.bdate_range("2003-01-01", periods=40), 6.0)
    jump = bars(pd.bdate_range("2003-02-26", periods=30), 80.0)
    other = bars(pd.bdate_range("2003-01-01", periods=5), 1.0, "OTHER")
    kept, aside = newest_history(pd.concat([jump, other, old, hole]))
    assert len(kept) == 35
    assert set(kept.loc[kept["symbol"] == "ABC", "close"]) == {80.0}
    assert aside["reason"].value_counts().to_dict() == {"ticker_reused": 90}
    whole, none = newest_history(pd.concat([hole, bars(pd.bdate_range("2003-03-20", periods=5), 6.5)]))
    assert (len(whole), len(none)) == (45, 0)


def test_liveness_looks_back_only() -> None:
    days = pd.Series(pd.date_range("2026-01-01", periods=40, unit="us"))
    ids = pd.Series(["a"] * 40)
    once = alive_days(
        pd.concat([ids, pd.Series(["b"])], ignore_index=True),
        pd.concat([days, days.iloc[[3]]], ignore_index=True),
        "24/7",
    )
    assert once.loc[once["instrument_id"] == "b", "session_date"].tolist() == days.iloc[3:13].tolist()
    shorter = alive_days(ids.iloc[:20], days.iloc[:20], "24/7")
    longer = once[(once["instrument_id"] == "a") & (once["session_date"] <= days.iloc[19])]
    assert shorter["session_date"].tolist() == longer["session_date"].tolist()


def test_local_central_time_to_utc() -> None:
    hours = pd.Series(
        pd.to_datetime(
            [
                "2016-11-06 00:00",
                "2016-11-06 01:00",
                "2016-11-06 02:00",
                "2017-03-12 01:00",
                "2017-03-12 02:00",
                "2017-03-12 03:00",
            ]
        )
    )
    assert central_to_utc(hours).dt.strftime("%d %H").fillna("never").tolist() == [
        "06 05",
        "06 06",
        "06 08",
        "12 07",
        "never",
        "12 08",
    ]
    traffic = pd.DataFrame({"ts_local": pd.date_range("2017-03-11", periods=72, freq="h"), "traffic_volume": 100.0})
    daily, aside = traffic_series(traffic)
    assert daily["value"].tolist() == [100.0, 100.0]
    assert aside["reason"].value_counts().to_dict() == {"incomplete_day": 23, "nonexistent_local_time": 1}


def test_energy_names_carry_their_unit() -> None:
    name = "Weekly U.S. Field Production of Crude Oil  (Thousand Barrels per Day)"
    rows = energy_series(pd.DataFrame({"date": pd.to_datetime(["2000-06-02"]), "series_id": [name], "value": [5800.0]}))
    assert rows[["series_id", "unit"]].iloc[0].tolist() == [
        "EIA_U_S_FIELD_PRODUCTION_OF_CRUDE_OIL",
        "Thousand Barrels per Day",
    ]


def test_shorter_bars_fill_whole_days_only() -> None:
    bars_4h = pd.DataFrame(
        {
            "ts": pd.date_range("2026-01-01", periods=11, freq="4h", tz="UTC"),
            "symbol": "BTCUSDT",
            "open": 1.0,
            "high": 3.0,
            "low": 1.0,
            "close": 2.0,
            "volume": 10.0,
        }
    )
    days = complete_days(bars_4h, 6)
    assert days["ts"].dt.day.tolist() == [1]
    assert days[["volume", "quote_volume_approx"]].iloc[0].tolist() == [60.0, 120.0]


def test_treasury_auctions_are_carried_with_their_time() -> None:
    rows = pd.DataFrame(
        {
            "auction_date": ["2008-10-08", "2008-10-08", "2008-11-12"], "cusip": ["912828HP8", "912828HP9", "912828HQ6"],
            "offering_usd_bn": [10.0, 10.0, 20.0], "bid_to_cover": [1.22, 2.0, 2.5],
        }
    )  # fmt: skip
    recording = auction_recording(rows)
    assert recording.set_aside["reason"].tolist() == ["bad_cusip"]
    carried = recording.tables["auction_mm"].query("instrument_id == 'UST:912828HP8'")
    assert carried["session_date"].iloc[[0, -1]].dt.strftime("%m-%d").tolist() == ["10-08", "11-12"]
    assert set(carried["auction_demand"]) == {1.22}
    assert set(carried["auction_at"].astype("str")) == {"2008-10-08 17:00:00+00:00"}
    assert not is_cusip("912828HP9")


def treasury_quotes(snapshots: list[tuple[str, list[str], list[str]]]) -> pd.DataFrame:
    rows = [
        {
            "snapshot_utc": pd.Timestamp(at),
            "side": side,
            "bond_id": bond,
            "family": "LTN",
            "maturity": pd.Timestamp("2032-01-01"),
            "rate_pct": 14.0,
            "price": price,
        }
        for at, asks, bids in snapshots
        for side, bonds, price in (("ask", asks, 501.0), ("bid", bids, 499.0))
        for bond in bonds
    ]
    return pd.DataFrame(rows)


def test_a_dealer_outage_lowers_the_online_ratio() -> None:
    both = ["LTN_A", "LTN_B"]
    recording = treasury_recording(
        treasury_quotes(
            [
                ("2026-03-18T14:00Z", both, both),
                ("2026-03-19T14:00Z", both, both), ("2026-03-19T17:00Z", ["LTN_A"], both), ("2026-03-20T06:00Z", ["LTN_A"], both),
                ("2026-03-21T15:00Z", both, both),
            ]
        )
    )  # fmt: skip
    rows = recording.tables["auction_mm"].set_index(["session_date", "instrument_id"])
    event = rows.loc[pd.Timestamp("2026-03-19")]
    assert event["mm_online_ratio"].to_dict() == {
        "BVMF:LTN_A": 1.0,
        "BVMF:LTN_B": pytest.approx(3 / 7),
    }  # 14-17 of 14-21 UTC
    night = rows.loc[pd.Timestamp("2026-03-20")]
    assert night["mm_online_ratio"].isna().all()
    assert set(night["feed_rules"]) == {"outside_hours_snapshot"}
    assert recording.set_aside["reason"].value_counts().to_dict() == {"closed_day": 4}  # the Saturday
    micro = recording.tables["microstructure"].set_index(["session_date", "instrument_id"])
    assert micro["quoted_spread_bps"].dropna().unique() == pytest.approx([40.0])
    assert np.isnan(micro.loc[(pd.Timestamp("2026-03-20"), "BVMF:LTN_B"), "ask"])
    assert recording.tables["microstructure"]["close"].isna().all()


def test_a_broken_list_is_set_aside_whole() -> None:
    quotes = treasury_quotes(
        [("2026-03-18T14:00Z", ["LTN_A"], ["LTN_A"]), ("2026-03-18T16:00Z", [], ["LTN_A", "OTHER_1"])]
    )
    quotes.loc[quotes["bond_id"] == "OTHER_1", "family"] = "OTHER"
    recording = treasury_recording(quotes)
    assert recording.set_aside["reason"].value_counts().to_dict() == {"broken_scrape": 2}
    assert len(recording.tables["microstructure"]) == 1


@pytest.mark.feature("BX-SG-01")
def test_three_kinds_of_alternative_data_come_through_twice_the_same(tmp_path: Path) -> None:
    day = pd.Timestamp("2026-03-19")
    ids = ["INE094A08176", "US0378331005"]
    at = pd.Timestamp("2026-03-19T06:00Z")
    grid = pd.MultiIndex.from_product([ids, ["traffic", "utilities", "esg"]]).to_frame(index=False)
    kinds = {"traffic": "index_100", "utilities": "index_100", "esg": "score_0_100"}
    alt = contract_rows(
        ALT_SIGNALS,
        {
            "session_date": day,
            "instrument_id": grid[0],
            "kind": grid[1],
            "value": 55.0,
            "unit": grid[1].map(kinds),
            "observed_at": at,
            "known_at": at,
            "source": "vendor",
        },
    )
    listed = contract_rows(
        INSTRUMENTS,
        {
            "session_date": day,
            "instrument_id": pd.Series(ids),
            "asset_class": "bond_corporate",
            "currency": "INR",
            "calendar": "XBOM",
            "source": "vendor",
        },
    )
    for table, rows in (("alt_signals", alt), ("instruments", listed)):
        (tmp_path / table).mkdir()
        rows.to_parquet(tmp_path / table / "2026-03-19.parquet", index=False)
    got = [collect_signals([LandingFeed(tmp_path)], day.date(), day.date())["alt_signals"] for _ in range(2)]
    assert len(got[0]) == 6
    assert not got[0].duplicated(["instrument_id", "kind", "observed_at"]).any()
    assert got[0].groupby("instrument_id")["kind"].apply(set).tolist() == [set(kinds)] * 2
    assert got[0][["value", "source", "observed_at", "quality_frac"]].notna().all(axis=None)
    tables = [table_from_frame(rows, ALT_SIGNALS) for rows in got]
    assert tables[0].equals(tables[1])


def test_small_facts() -> None:
    assert quote_currency(pd.Series(["BTCUSDT", "BTCFDUSD", "XYZ"])).fillna("none").tolist() == [
        "USDT",
        "FDUSD",
        "none",
    ]
    assert letter_rating(pd.Series(["AA+", "BBB-", "A"])).tolist() == ["AA", "BBB", "A"]
    assert month_end(pd.Series(pd.to_datetime(["2019-12-01"]))).iloc[0] == pd.Timestamp("2019-12-31")


def test_contract_rows_refuses_unknown_columns_and_drops_infinity() -> None:
    with pytest.raises(ConfigError, match="colour"):
        contract_rows(MICROSTRUCTURE, {"colour": ["red"]})
    rows = contract_rows(MICROSTRUCTURE, {"close": [np.inf, 1.0]})
    assert rows["close"].isna().tolist() == [True, False]
    assert str(rows["trades_count"].dtype) == "Int64"
