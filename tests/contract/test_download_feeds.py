"""Feeds of files as their publishers offer them: right values, every bad row with its reason, and the feed kit."""

import gzip
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.crypto import FUNDING_RATES, OPEN_INTEREST
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ContractError
from liquidity.features.derivative_tables import funding_with_forecast, interest_with_changes
from resources.crypto_sources import derivative_rows
from resources.feeds import (
    FeedRoots,
    alt_series,
    binance_archive,
    lean_bars,
    macro_downloads,
    tesouro_direto,
    treasury_auction_results,
    us_equity_ticks,
    venue_archives,
)
from resources.feeds._downloads import downloaded, text_of
from resources.feeds._feed import FEED_RULES, FEED_TABLES, delivered_columns
from resources.feeds._lean_files import factors
from resources.feeds.adapters import collect_signals


def put(path: Path, text: str) -> Path:
    """Write a file as its ending says: plain, .gz or .zip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{path.stem}.csv", text)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def assert_keeps_the_kit(feed):
    """Contract-valid rows in contract order, and slices that equal that part of the whole."""
    days = feed.sessions()
    assert days == sorted(set(days))
    for table in feed.tables:
        contract = FEED_TABLES[table]
        whole = feed.fetch(table, days[0], days[-1])
        assert tuple(name for name in whole.columns if name != FEED_RULES) == delivered_columns(contract)
        pd.testing.assert_frame_equal(whole, whole.sort_values(list(contract.key), kind="stable", ignore_index=True))
        middle = days[len(days) // 2]
        inside = whole["session_date"] == pd.Timestamp(middle)
        pd.testing.assert_frame_equal(feed.fetch(table, middle, middle), whole[inside].reset_index(drop=True))
        assert feed.fetch(table, date(1900, 1, 1), date(1900, 1, 2)).empty
    for table, rows in collect_signals([feed], days[-1], days[-1]).items():
        if table != "signal_status":
            contract = FEED_TABLES[table]
            assert audit(table_from_frame(rows, contract), contract, days[-1]).violations == (), table


def reasons(feed):
    return feed.set_aside()["reason"].value_counts().to_dict()


def whole(feed, table):
    return feed.fetch(table, date(1990, 1, 1), date(2035, 1, 1))


MS_2024 = 1_704_067_200_000  # 2024-01-01
HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


def candles(start, step, n, *, price=100.0, factor=1):
    rows = []
    for k in range(n):
        at = start + k * step
        rows.append(
            f"{at * factor},{price + k},{price + k + 2},{price + k - 1},{price + k + 1},2.5,{(at + step) * factor - 1},{250.0 + k},7,1.0,100.0,0"
        )
    return rows


@pytest.mark.feature("BX-SG-11", "BX-SG-02")
def test_binance_archive_candles(tmp_path):
    base = tmp_path / "binance_archive"
    put(base / "spot/BTCUSDT/BTCUSDT-1h-2024-01.zip", "\n".join(candles(MS_2024, 3_600_000, 49)))
    put(
        base / "spot/ETHUSDT-1d-2025-01.csv", "\n".join(candles(MS_2024 + 366 * 86_400_000, 86_400_000, 3, factor=1000))
    )
    put(base / "um/BTCUSDT-1d-2024-01.zip", "\n".join([HEADER, *candles(MS_2024, 86_400_000, 4, price=200.0)]))
    put(base / "um/BTCUSDT-1d-2024-01-02.zip", "\n".join([HEADER, *candles(MS_2024, 86_400_000, 4, price=200.0)[1:2]]))
    feed = binance_archive.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    rows = whole(feed, "microstructure").set_index(["instrument_id", "session_date"]).sort_index()
    first = rows.loc[("binance:BTCUSDT", "2024-01-01")]
    assert (first["open"], first["high"], first["low"], first["close"]) == (100.0, 125.0, 99.0, 124.0)
    assert first["turnover_ccy"] == sum(250.0 + k for k in range(24))
    assert first["vwap"] == pytest.approx(first["turnover_ccy"] / 60.0)
    assert first["trades_count"] == 24 * 7
    assert len(rows.loc["binance:BTCUSDT"]) == 2  # the third day has one hour of 24
    assert rows.loc["binance:ETHUSDT"].index.strftime("%Y-%m-%d").tolist() == ["2025-01-01", "2025-01-02", "2025-01-03"]
    assert rows.loc["binanceusdm:BTCUSDT", "close"].tolist() == [201.0, 202.0, 203.0, 204.0]
    kinds = whole(feed, "instruments").drop_duplicates("instrument_id").set_index("instrument_id")["asset_class"]
    assert kinds.to_dict() == {
        "binance:BTCUSDT": "crypto_spot", "binance:ETHUSDT": "crypto_spot", "binanceusdm:BTCUSDT": "crypto_perp",
    }  # fmt: skip
    assert reasons(feed) == {"incomplete_day": 1}


@pytest.mark.feature("BX-SG-11", "BX-SG-02")
def test_binance_archive_refuses_by_reason(tmp_path):
    base = tmp_path / "binance_archive"
    good = candles(MS_2024, 86_400_000, 8)

    def cell(row, place, text):
        cells = good[row].split(",")
        cells[place] = text
        return ",".join(cells)

    bad = [
        good[0],
        cell(1, 4, "x"),
        cell(2, 0, str(MS_2024 + 5)),
        cell(3, 3, "0"),
        cell(4, 2, "1"),
        cell(5, 5, "-1"),
        good[0].replace(",250.0,", ",251.0,"),
        cell(6, 4, "inf"),
    ]
    put(base / "spot/BTCUSDT-1d-2024-01.csv", "\n".join(bad))
    for name in (
        "um/BTCUSDT_240329-1d-2024-01.csv",
        "BTCUSDT-1d-2024-02.csv",
        "spot/BTCUSDT-1w-2024-01.csv",
        "spot/prices.csv",
    ):
        put(base / name, "\n".join(good))
    put(base / "spot/LTCXXX-1d-2024-01.csv", "\n".join(good))
    put(base / "spot/BTCEUR-1d-2024-01.csv", "1,2,3")
    (base / "spot/BTCUSDC-1d-2024-01.zip").write_bytes(b"PK\x03\x04 torn")
    put(base / "spot/.BTCFDUSD-1d-2024-01.csv", "being written")
    feed = binance_archive.open_feed(FeedRoots(None, tmp_path))
    assert len(whole(feed, "microstructure")) == 1
    assert reasons(feed) == {
        "no_number": 2, "bad_time": 1, "no_price": 1, "ohlc_order": 1, "negative_volume": 1, "duplicate_key": 1,
        "unreadable_file": 6, "unknown_currency": 8,
    }  # fmt: skip
    details = " ".join(feed.set_aside().query("reason == 'unreadable_file'")["detail"])
    for told in (
        "an expiry",
        "under a folder spot, um or cm",
        "candles of 1w",
        "no candle or trade file's name",
        "3 columns",
        "fetch it again",
    ):
        assert told in details


def put_lines(path, *lines):
    return put(path, "\n".join(lines))


@pytest.mark.feature("BX-SG-11", "BX-SG-02")
def test_binance_archive_trades(tmp_path):
    base = tmp_path / "binance_archive"
    at, us = MS_2024, 366 * 86_400_000
    put_lines(
        base / "um/BTCUSDT-trades-2024-01-01.zip",
        "id,price,qty,quote_qty,time,is_buyer_maker",
        f"11,101.0,2.0,202.0,{at + 5000},true",
        f"10,100.0,1.0,100.0,{at + 1000},false",
        f"12,99.0,1.0,99.0,{at + 86_399_999},false",
    )
    put_lines(
        base / "spot/ETHUSDT-aggTrades-2025-01-01.csv",
        f"1,10.0,3.0,100,102,{(at + us) * 1000 + 7},True,True",
        f"2,12.0,1.0,103,103,{(at + us) * 1000 + 8},False,True",
    )
    put_lines(
        base / "cm/BTCUSD_PERP-trades-2024-01-01.zip",
        "id,price,qty,base_qty,time,is_buyer_maker",
        f"1,50000.0,83,0.166,{at},true",
        f"2,40000.0,4,0.01,{at + 9},true",
    )
    put_lines(
        base / "cm/ETHUSD_PERP-aggTrades-2024-01.zip",
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
        f"1,2000.0,50,1,3,{at},true",
        f"2,2500.0,100,4,4,{at + 86_400_000},true",
    )
    # COIN-M candles: contracts of 100 USD, then coins.
    put_lines(
        base / "cm/BTCUSD_PERP-1d-2024-02.zip", f"{at + 31 * 86_400_000},40000,41000,39000,40500,2000,1,5.0,9,1,1,0"
    )
    # A day told by candles too counts from its candles.
    put(base / "um/BTCUSDT-1d-2024-01.zip", "\n".join(candles(at, 86_400_000, 1, price=200.0)))
    feed = binance_archive.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    rows = whole(feed, "microstructure").set_index(["instrument_id", "session_date"]).sort_index()
    assert rows.loc[("binanceusdm:BTCUSDT", "2024-01-01"), "close"] == 201.0
    ether = rows.loc[("binance:ETHUSDT", "2025-01-01")]
    assert (ether["turnover_ccy"], ether["trades_count"], ether["vwap"]) == (42.0, 4, 10.5)
    coin = rows.loc[("binancecoinm:BTCUSD_PERP", "2024-01-01")]
    assert (coin["open"], coin["high"], coin["low"], coin["close"]) == (50000.0, 50000.0, 40000.0, 40000.0)
    assert (coin["turnover_ccy"], coin["trades_count"]) == (8700.0, 2)
    assert coin["vwap"] == pytest.approx(8700.0 / 0.176)
    day = rows.loc[("binancecoinm:BTCUSD_PERP", "2024-02-01")]
    assert (day["turnover_ccy"], day["vwap"]) == (200_000.0, 40_000.0)
    inverse = rows.loc["binancecoinm:ETHUSD_PERP"]
    assert inverse["turnover_ccy"].tolist() == [500.0, 1000.0]  # contracts of 10 USD
    assert inverse["vwap"].tolist() == [2000.0, 2500.0]
    assert inverse["trades_count"].tolist() == [3, 1]
    facts = whole(feed, "instruments").drop_duplicates("instrument_id").set_index("instrument_id")
    assert facts.loc["binancecoinm:BTCUSD_PERP", ["asset_class", "currency"]].tolist() == ["crypto_perp", "USD"]
    assert feed.set_aside().empty
    (base / "um/BTCUSDT-1d-2024-01.zip").unlink()
    feed = binance_archive.open_feed(FeedRoots(None, tmp_path))
    perp = whole(feed, "microstructure").set_index("instrument_id").loc["binanceusdm:BTCUSDT"]
    assert [perp[name] for name in ("open", "high", "low", "close")] == [100.0, 101.0, 99.0, 99.0]
    assert (perp["turnover_ccy"], perp["trades_count"]) == (401.0, 3)
    assert perp["vwap"] == 401.0 / 4.0


@pytest.mark.feature("BX-SG-11", "BX-SG-02")
def test_binance_archive_trades_refused_by_reason(tmp_path):
    base, at = tmp_path / "binance_archive", MS_2024
    put_lines(
        base / "um/BTCUSDT-aggTrades-2024-01-01.zip",
        f"1,100,1,1,1,{at},true",
        f"1,100,1,1,1,{at},true",
        f"2,x,1,1,1,{at},true",
        f"3,100,1,1,1,{at + 86_400_000},true",
        f"4,0,1,1,1,{at},true",
        f"5,100,0,1,1,{at},true",
        f"6,100,1,9,1,{at},true",
    )
    put_lines(base / "spot/BTCUSDT-trades-2024-01-01.zip", f"1,100,1,100,{at},true")
    put_lines(base / "um/BTCUSD_PERP-trades-2024-01-01.zip", f"1,100,1,100,{at},true")
    put_lines(base / "um/BTCUSDT-trades-2024-13-01.zip", f"1,100,1,100,{at},true")
    feed = binance_archive.open_feed(FeedRoots(None, tmp_path))
    assert len(whole(feed, "microstructure")) == 1
    assert reasons(feed) == {
        "duplicate_key": 1, "no_number": 1, "bad_time": 1, "no_price": 1, "zero_size": 1, "bad_ids": 1,
        "unreadable_file": 3,
    }  # fmt: skip
    details = " ".join(feed.set_aside().query("reason == 'unreadable_file'")["detail"])
    for told in ("has 7", "end in _PERP", "no day or month"):
        assert told in details


OKX = "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm"
BYBIT = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"


@pytest.mark.feature("BX-SG-11", "BX-SG-02")
def test_archives_of_other_venues(tmp_path):
    base, s = tmp_path / "venue_archives", MS_2024 // 1000
    put_lines(base / "kraken/XBTUSD_1440.csv", f"{s},100,130,90,110,3,7", f"{s + 86_400},110,120,100,105,2,5")
    put_lines(base / "kraken/XBTUSD_60.csv", f"{s},1,1,1,1,1,1", f"{s + 172_800},105,106,104,105,4,9")
    put_lines(
        base / "BTCUSDT2024-01-01.csv.gz",
        BYBIT,
        f"{s}.5,BTCUSDT,Buy,2,100,PlusTick,a,0,0,0",
        f"{s}.25,BTCUSDT,Sell,1,90,PlusTick,b,0,0,0",
    )
    put_lines(
        base / "BTCUSD2024-01-01.csv.gz",
        BYBIT + ",RPI",
        f"{s},BTCUSD,Buy,500,50000,PlusTick,a,0,0,0,0",
        f"{s + 1},BTCUSD,Buy,500,25000,PlusTick,b,0,0,0,0",
    )
    put_lines(base / "BTCUSDT_2024-01-01.csv.gz", "id,timestamp,price,volume,side", f"1,{MS_2024},100,0.5,sell")
    minutes = [f"BTC-USDT,100,101,99,100,2,200,None,{MS_2024 + k * 60_000},1" for k in range(1440)]
    put_lines(base / "okx/BTC-USDT-candles-2024-01-01.zip", OKX, *minutes[:960], *minutes[:3])
    put_lines(base / "okx/BTC-USDT-candles-2024-01-02.zip", OKX, *minutes[960:])
    swap = [line.replace("BTC-USDT,", "BTC-USDT-SWAP,").replace("2,200,None", "2000,2,200.5") for line in minutes]
    put_lines(base / "okx/swap.csv", OKX, *swap, swap[0].replace(str(MS_2024), str(MS_2024 + 86_400_000)))
    feed = venue_archives.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    found = whole(feed, "microstructure").set_index(["instrument_id", "session_date"]).sort_index()
    kraken = found.loc["kraken:XBTUSD"]
    assert kraken["close"].tolist() == [110.0, 105.0, 105.0]  # a day's candle counts before its hours
    assert kraken["turnover_ccy"].tolist() == pytest.approx([330.0, 2 * 325 / 3, 420.0])
    assert set(kraken[FEED_RULES]) == {"turnover_approximate"}
    linear = found.loc[("bybit:BTCUSDT-PERP", "2024-01-01")]
    assert (linear["open"], linear["close"], linear["turnover_ccy"], linear["trades_count"]) == (90.0, 100.0, 290.0, 2)
    inverse = found.loc[("bybit:BTCUSD-PERP", "2024-01-01")]
    assert (inverse["turnover_ccy"], inverse["vwap"]) == (1000.0, pytest.approx(1000 / 0.03))
    assert found.loc[("bybit:BTCUSDT", "2024-01-01"), "turnover_ccy"] == 50.0
    assert found.loc[("okx:BTC-USDT", "2024-01-01"), "turnover_ccy"] == 1440 * 200
    assert found.loc[("okx:BTC-USDT-SWAP", "2024-01-01"), ["turnover_ccy", "vwap"]].tolist() == [1440 * 200.5, 100.25]
    classes = whole(feed, "instruments").drop_duplicates("instrument_id").set_index("instrument_id")
    assert classes.loc["okx:BTC-USDT-SWAP", ["asset_class", "currency"]].tolist() == ["crypto_perp", "USDT"]
    assert reasons(feed) == {"incomplete_day": 1}


@pytest.mark.feature("BX-SG-11", "BX-SG-02")
def test_archives_of_other_venues_refuse_by_reason(tmp_path):
    base, s = tmp_path / "venue_archives", MS_2024 // 1000
    put_lines(
        base / "XBTUSD_60.csv",
        f"{s},1,1,1,1,1,1", f"{s + 5},1,1,1,1,1,1", f"{s + 3600},x,1,1,1,1,1", f"{s + 7200},1,1,0,1,1,1",
        f"{s + 10_800},1,1,2,1,1,1", f"{s + 14_400},1,1,1,1,-1,1",
    )  # fmt: skip
    put_lines(
        base / "BTCUSDT2024-01-01.csv.gz", BYBIT,
        f"{s},ETHUSDT,Buy,2,100,P,a,0,0,0", f"{s + 86_400},BTCUSDT,Buy,2,100,P,a,0,0,0", f"{s},BTCUSDT,Buy,0,100,P,a,0,0,0",
    )  # fmt: skip
    put_lines(
        base / "okx.csv", OKX,
        f"BTC-USDT-SWAP,100,101,99,100,2,200,None,{MS_2024},1", f"BTC-USD-SWAP,100,101,99,100,2,200,5,{MS_2024},1",
        f"BTC-USDT,100,101,99,100,2,200,5,{MS_2024},0",
    )  # fmt: skip
    put_lines(base / "XBTUSD_7.csv", f"{s},1,1,1,1,1,1")
    put_lines(base / "BTCUSDT2024-13-01.csv.gz", BYBIT)
    put_lines(base / "ABCXYZ_1440.csv", f"{s},1,1,1,1,1,1")
    feed = venue_archives.open_feed(FeedRoots(None, tmp_path))
    assert len(whole(feed, "microstructure")) == 1
    assert reasons(feed) == {
        "bad_time": 2, "no_number": 1, "no_price": 1, "ohlc_order": 1, "negative_volume": 1, "other_symbol": 2,
        "zero_size": 1, "contract_value": 1, "unfinished": 1, "unknown_currency": 1, "unreadable_file": 2,
    }  # fmt: skip


METRICS = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)


@pytest.mark.feature("PL-FU-01", "PL-FU-02")
def test_binance_archive_derivatives_are_rows_of_their_tables(tmp_path):
    crypto = tmp_path / "crypto"
    readings = [
        f"2024-01-01 {n // 12:02d}:{n % 12 * 5:02d}:00,BTCUSDT,{100 + n},{1000 + n},,,1.1," for n in range(1, 288)
    ]
    readings.append("2024-01-02 00:00:00,BTCUSDT,388,1288,,,1.1,")
    put_lines(crypto / "open_interest/BTCUSDT-metrics-2024-01-01.zip", METRICS, *readings)
    payments = [f"{MS_2024 + n * 28_800_000 + n % 2},8,0.000{n + 1}" for n in range(6)]
    for symbol in ("BTCUSDT", "BTCUSD_PERP"):
        put_lines(
            crypto / f"funding_rates/{symbol}-fundingRate-2024-01.zip",
            "calc_time,funding_interval_hours,last_funding_rate",
            *payments,
        )
    roots, days = FeedRoots(None, tmp_path), [date(2024, 1, 1), date(2024, 1, 2)]
    told = interest_with_changes(derivative_rows(roots, OPEN_INTEREST, *days), days)
    assert len(told) == 288
    assert told["instrument_id"].unique().tolist() == ["binanceusdm:BTCUSDT"]
    put_lines(
        crypto / "open_interest/ETHUSD_PERP-metrics-2024-01-01.zip",
        METRICS,
        "2024-01-01 00:05:00,ETHUSD_PERP,700,3.5,,,,",
        "2024-01-01 01:05:00,ETHUSD_PERP,735,3.4,,,,",
    )
    both = interest_with_changes(derivative_rows(roots, OPEN_INTEREST, *days), days)
    inverse = both[both["instrument_id"] == "binancecoinm:ETHUSD_PERP"]
    assert inverse["open_interest_quote"].tolist() == [7000.0, 7350.0]  # contracts of 10 USD
    assert inverse["open_interest_base"].isna().all()
    assert inverse["change_1h_frac"].iloc[1] == pytest.approx(0.05)
    last = told.iloc[-1]
    assert (last["at"], last["open_interest_base"]) == (pd.Timestamp("2024-01-02", tz="UTC"), 388.0)
    assert last["change_1h_frac"] == pytest.approx(388 / 376 - 1)
    rates = funding_with_forecast(derivative_rows(roots, FUNDING_RATES, *days), days)
    assert sorted(rates["instrument_id"].unique()) == ["binancecoinm:BTCUSD_PERP", "binanceusdm:BTCUSDT"]
    assert rates["rate_frac"].iloc[:3].tolist() == [0.0001, 0.0002, 0.0003]
    assert set(rates["interval_hours"]) == {8.0}
    for contract, rows in ((OPEN_INTEREST, told), (FUNDING_RATES, rates)):
        assert audit(table_from_frame(rows, contract), contract, None).violations == ()
    assert derivative_rows(roots, OPEN_INTEREST, date(2024, 2, 1), date(2024, 2, 2)).empty


@pytest.mark.parametrize(
    ("name", "lines", "told"),
    [
        ("open_interest/BTCUSDT-fundingRate-2024-01.zip", [METRICS], "no rows of open_interest"),
        ("open_interest/BTCUSDT-metrics-2024-01-01.zip", ["a,b", "1,2"], "missing"),
        ("open_interest/BTCUSDT-metrics-2024-01-01.zip", [METRICS, "2024-01-01 00:05:00,ETHUSDT,1,1,,,,"], "first line 2"),
        ("open_interest/BTCUSDT-metrics-2024-01-01.csv", [METRICS, "2024-01-01 00:05:00,BTCUSDT,oops,1,,,,"], "1 of 1 lines"),
        ("open_interest/BTCUSDT-metrics-2024-01-01.csv", [METRICS, "2024-01-05 00:05:00,BTCUSDT,1,1,,,,"], "of other days"),
        ("open_interest/BTCUSDT-metrics-2024-13-01.csv", [METRICS], "no day of the calendar"),
    ],
)  # fmt: skip
def test_binance_archive_derivatives_are_refused_whole(tmp_path, name, lines, told):
    put_lines(tmp_path / "crypto" / name, *lines)
    with pytest.raises(ContractError, match=told):
        derivative_rows(FeedRoots(None, tmp_path), OPEN_INTEREST, date(2024, 1, 1), date(2024, 1, 31))


@pytest.mark.feature("BX-SG-11")
def test_economic_series_as_downloaded(tmp_path):
    base = tmp_path / "macro_downloads"
    put(
        base / "daily-treasury-rates.csv",
        'Date,"1 Mo","1.5 Month","2 Mo","10 Yr"\n10/09/2026,4.14,,4.15,5.22\n10/08/2026,4.10,4.11,n/a,52.2\n13/45/2026,1,1,1,1\n',
    )
    put(base / "par-yield-curve-rates-1990-2022.csv", "date,3 mo,10 yr\n12/30/22,4.42,3.88\n")
    put(base / "VIX_History.csv", "DATE,OPEN,HIGH,LOW,CLOSE\n01/02/2026,15.1,16.2,14.9,15.0\n01/05/2026,15,14,13,16\n")
    put(base / "GS10.csv", "observation_date,GS10\n2026-01-01,4.2\n2026-02-01,.\n2026-03-01,4.3\n")
    put(base / "fredgraph.csv.gz", "DATE,DGS10,EXUSEU\n2026-01-02,4.1,1.1\n2026-01-05,,1.2\n")
    put(base / "GDP.csv", "observation_date,GDP\n2025-07-01,30.1\n2025-10-01,30.5\n2026-01-01,30.9\n")
    put(base / "alone.csv", "observation_date,UNRATE\n2026-01-01,4.2\n")
    put(base / "weather.csv", "when,rain\n2026-01-01,1\n")
    put(base / "prices.csv", "DATE,OPEN,HIGH,LOW,CLOSE\n01/02/2026,15.1,16.2,14.9,15.0\n")
    feed = macro_downloads.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    rows = whole(feed, "macro_series").set_index(["series_id", "session_date"])["value"]
    expected = {
        ("UST_YIELD_10YEAR", "2026-10-09"): 0.0522,
        ("UST_YIELD_1_5MONTH", "2026-10-08"): 0.0411,
        ("UST_YIELD_3MONTH", "2022-12-30"): 0.0442,
        ("VIX_HIGH", "2026-01-02"): 16.2,
        ("FRED_GS10", "2026-01-31"): 4.2,
        ("FRED_GS10", "2026-03-31"): 4.3,
        ("FRED_DGS10", "2026-01-02"): 4.1,
        ("FRED_EXUSEU", "2026-01-05"): 1.2,
        ("FRED_GDP", "2025-12-31"): 30.5,
    }
    for key, value in expected.items():
        assert rows[key] == pytest.approx(value, rel=1e-12), key
    assert ("VIX_CLOSE", pd.Timestamp("2026-01-05")) not in rows.index
    assert len(rows) == 3 + 2 + 2 + 4 + 2 + 3 + 3
    assert reasons(feed) == {
        "unreadable_file": 2, "no_value": 3, "out_of_range": 1, "bad_day": 1, "ohlc_order": 1, "period_unknown": 1,
    }  # fmt: skip
    units = whole(feed, "macro_series").drop_duplicates("series_id").set_index("series_id")["unit"]
    assert (units["UST_YIELD_10YEAR"], units["FRED_GS10"], units["FRED_GDP"]) == (
        "frac per year", "percent per year", "unit of the source",
    )  # fmt: skip


@pytest.mark.feature("BX-SG-11")
def test_fred_series_of_several_frequencies_in_one_file(tmp_path):
    base = tmp_path / "macro_downloads"
    put_lines(
        base / "fredgraph.csv",
        "observation_date,DGS10,AAA,BAA,GDP,SEMI,ONCE",
        "2026-01-01,4.1,5.2,6.1,30.1,7,1",
        "2026-01-02,4.2,,,,,",
        "2026-02-01,,5.3,6.2,,,",
        "2026-03-01,,5.4,6.3,,,",
        "2026-04-01,4.3,5.5,6.4,30.2,,",
        "2026-07-01,,,,30.3,8,",
    )
    feed = macro_downloads.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    rows = whole(feed, "macro_series")
    days = rows.groupby("series_id")["session_date"].agg(lambda days: days.dt.strftime("%m-%d").tolist()).to_dict()
    assert days == {
        "FRED_DGS10": ["01-01", "01-02", "04-01"],
        "FRED_AAA": ["01-31", "02-28", "03-31", "04-30"],
        "FRED_BAA": ["01-31", "02-28", "03-31", "04-30"],
        "FRED_GDP": ["03-31", "06-30", "09-30"],
        "FRED_SEMI": ["06-30", "12-31"],
    }
    assert set(rows.loc[rows["series_id"].isin(["FRED_AAA", "FRED_BAA"]), "unit"]) == {"percent per year"}
    assert reasons(feed)["period_unknown"] == 1


TRAFFIC = "holiday,temp,rain_1h,snow_1h,clouds_all,weather_main,weather_description,date_time,traffic_volume"


@pytest.mark.feature("BX-SG-11")
def test_traffic_as_downloaded(tmp_path):
    hours = pd.date_range("2017-03-11 18:00", periods=54, freq="h")  # the night of 12 March has no hour from 2 to 3
    lines = [
        f"None,280.0,0.0,0.0,40,Clouds,broken clouds,{hour:%Y-%m-%d %H:%M:%S},{1000 + k}"
        for k, hour in enumerate(hours)
    ]
    weather = lines[10].replace("Clouds,broken clouds", "Mist,mist")
    other = "None,280.0,0.0,0.0,40,Clouds,broken clouds,2017-03-12 05:00:00,1"
    bad = ["None,1,0,0,1,Rain,rain,12-03-2017 05:00,1", "None,1,0,0,1,Rain,rain,2017-03-12 05:00:00,-4"]
    put_lines(
        tmp_path / "macro_downloads/Metro_Interstate_Traffic_Volume.csv.gz", TRAFFIC, *lines, weather, other, *bad
    )
    feed = macro_downloads.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    rows = whole(feed, "macro_series")
    assert rows["series_id"].unique().tolist() == ["I94_TRAFFIC"]
    assert rows["session_date"].dt.strftime("%m-%d").tolist() == ["03-12", "03-13"]
    # 12 March UTC: 18:00..23:00 of the 11th is 00:00..05:00, 00:00 and 01:00 follow, then 03:00..18:00.
    expected = np.mean([1000 + k for k in range(25) if k != 8])
    assert rows["value"].iloc[0] == pytest.approx(expected)
    assert set(rows["unit"]) == {"vehicles per hour"}
    assert reasons(feed) == {
        "bad_time": 1, "negative_volume": 1, "duplicate_key": 1, "nonexistent_local_time": 1, "incomplete_day": 5,
    }  # fmt: skip


@pytest.mark.feature("BX-SG-11")
def test_weekly_energy_as_downloaded(tmp_path):
    base = tmp_path / "macro_downloads"
    stocks = "Weekly U.S. Ending Stocks of Crude Oil and Petroleum Products  (Thousand Barrels)"
    put_lines(
        base / "PET_STOC.csv",
        f"Back to Contents,Data 1: {stocks},,",
        "Sourcekey,WTTSTUS1,X,M",
        ",,,",
        f"Date,{stocks},Weekly U.S. Percent Utilization of Refinery Operable Capacity (Percent),U.S. Stocks (Thousand Barrels)",
        '"Jan 02, 2026",1600123,90.1,5',
        "2026-01-09,1600456,,5",
        "01/16/2026,NA,91.5,",
        "Week 4,1,1,1",
        ",,,",
    )
    put_lines(base / "no_head.csv", "Back to Contents,Data 1", "Sourcekey,X")
    put_lines(base / "no_unit.csv", "Back to Contents,Data 1", "Date,Weekly stocks", "2026-01-09,1")
    feed = macro_downloads.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    rows = whole(feed, "macro_series").set_index(["series_id", "session_date"])
    name = "EIA_U_S_ENDING_STOCKS_OF_CRUDE_OIL_AND_PETROLEUM_PRODUCTS"
    assert rows.loc[name, "value"].tolist() == [1600123.0, 1600456.0]
    assert rows.loc[name, "unit"].tolist() == ["Thousand Barrels"] * 2
    used = rows.loc["EIA_U_S_PERCENT_UTILIZATION_OF_REFINERY_OPERABLE_CAPACITY"]
    assert used.index.strftime("%m-%d").tolist() == ["01-02", "01-16"]
    assert reasons(feed) == {"bad_day": 1, "no_value": 1, "not_weekly": 2, "unreadable_file": 2}


@pytest.mark.real_data
def test_downloads_give_the_series_of_the_recorded_files(tmp_path, real_data):
    base = tmp_path / "macro_downloads"
    hours = pd.read_parquet(real_data / "alt/traffic_i94_hourly.parquet").dropna(subset=["traffic_volume"])
    cells = pd.DataFrame(dict.fromkeys(TRAFFIC.split(","), "x"), index=hours.index)
    cells["date_time"] = hours["ts_local"].dt.strftime("%Y-%m-%d %H:%M:%S")
    cells["traffic_volume"] = hours["traffic_volume"].astype("int64")
    put(base / "Metro_Interstate_Traffic_Volume.csv.gz", cells.to_csv(index=False))
    weekly = pd.read_parquet(real_data / "alt/eia_energy_weekly.parquet").dropna(subset=["value"])
    weekly["date"] = weekly["date"].dt.strftime("%b %d, %Y")
    table = weekly.pivot_table(index="date", columns="series_id", values="value").rename_axis("Date").reset_index()
    put(base / "eia.csv", f"Back to Contents,Data 1{',' * (len(table.columns) - 2)}\n" + table.to_csv(index=False))
    names = ["session_date", "series_id", "value", "unit"]
    landed = whole(macro_downloads.open_feed(FeedRoots(None, tmp_path)), "macro_series")[names]
    recorded = whole(alt_series.open_feed(FeedRoots(real_data, tmp_path)), "macro_series")[names]
    recorded = recorded.dropna(subset=["value"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(landed, recorded, rtol=1e-12)


TESOURO = "Tipo Titulo;Data Vencimento;Data Base;Taxa Compra Manha;Taxa Venda Manha;PU Compra Manha;PU Venda Manha;PU Base Manha"


@pytest.mark.feature("BX-SG-11", "BX-SG-02")
def test_tesouro_direto_prices(tmp_path):
    lines = [
        TESOURO,
        "Tesouro Prefixado;01/01/2029;02/03/2026;12,85;12,97;712,34;710,12;710,01",
        "Tesouro Prefixado;01/01/2029;03/03/2026;12,85;12,97;1.712,34;1.710,12;710,01",
        "Tesouro IPCA+ com Juros Semestrais;15/08/2040;02/03/2026;0,00;7,1;0,00;4.100,55;4.100,00",
        "Tesouro Prefixado;01/01/2029;02/03/2026;12,85;12,97;712,34;710,12;710,01",
        "Tesouro Prefixado;01/01/2029;02/03/2026;12,85;12,97;713,34;710,12;710,01",
        "Tesouro Prefixado;01/01/2029;01/03/2026;12,85;12,97;712,34;710,12;710,01",
        "Tesouro Outro;01/01/2029;02/03/2026;1;1;712,34;710,12;1",
        "Tesouro Selic;31/02/2029;02/03/2026;1;1;712,34;710,12;1",
        "Tesouro Selic;01/03/2029;2026-03-02;1;1;712,34;710,12;1",
        "Tesouro Selic;01/03/2025;02/03/2026;1;1;712,34;710,12;1",
        "Tesouro Selic;01/03/2029;02/03/2026;1;1;0;0;1",
        "Tesouro Selic;01/03/2029;02/03/2026;1;1;12,34;11,2;1",
        "Tesouro Selic;01/03/2029;02/03/2026;1;1;712,34;713,12;1",
    ]
    put(tmp_path / "tesouro_direto/precotaxatesourodireto.csv", "\n".join(lines))
    put(tmp_path / "tesouro_direto/other.csv", "a;b\n1;2\n")
    feed = tesouro_direto.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    rows = whole(feed, "microstructure").set_index(["instrument_id", "session_date"])
    two_way = rows.loc[("BVMF:LTN_20290101", "2026-03-02")]
    assert (two_way["bid"], two_way["ask"]) == (710.12, 712.34)
    assert two_way["quoted_spread_bps"] == pytest.approx(1e4 * 2.22 / 711.23)
    assert rows.loc[("BVMF:LTN_20290101", "2026-03-03"), "ask"] == 1712.34
    redeem_only = rows.loc[("BVMF:NTNB_20400815", "2026-03-02")]
    assert redeem_only["bid"] == 4100.55
    assert np.isnan(redeem_only["ask"])
    assert np.isnan(redeem_only["quoted_spread_bps"])
    assert whole(feed, "instruments")["maturity_date"].min() == pd.Timestamp("2029-01-01")
    assert reasons(feed) == {
        "unreadable_file": 1, "bad_day": 1, "unknown_family": 1, "bad_maturity": 1, "matured": 1, "no_price": 1,
        "shifted_price": 1, "crossed_quote": 1, "duplicate_key": 1, "closed_day": 1,
    }  # fmt: skip


@pytest.mark.feature("BX-SG-11", "BX-SG-02")
def test_lean_bars(tmp_path):
    base = tmp_path / "lean_bars"
    put(
        base / "equity/usa/daily/spy.zip",
        "20131007 00:00,1679100,1687000,1676700,1677200,88000000\n20131008 00:00,1677000,1678000,1652000,1656200,178000000\n",
    )
    put(base / "equity/usa/factor_files/spy.csv", "20131007,0.5,0.25,167.72\n20501231,1,1,0\n")
    minutes = [(34_140_000, 9), (34_200_000, 10), (34_260_000, 12), (57_540_000, 11), (57_600_000, 30)]
    rows = [f"{ms},{p}0000,{p}5000,{p}0000,{p}1000,100" for ms, p in minutes]
    put(base / "equity/usa/minute/aapl/20131007_trade.zip", "\n".join(rows))
    put(base / "equity/usa/minute/spy/20131007_trade.zip", "\n".join(rows))
    put(base / "crypto/coinbase/daily/btcusd_trade.zip", "20180101 00:00,13900.5,14000,13000,13500.25,12.5\n")
    put(
        base / "crypto/coinbase/minute/ethusd/20180101_trade.zip",
        "0,740,741,739,740.5,2\n86340000,750,751,749,750.5,3\n",
    )
    feed = lean_bars.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    found = whole(feed, "microstructure").set_index(["instrument_id", "session_date"])
    spy = found.loc["XNYS:SPY"]
    assert spy["close"].tolist() == [167.72, 165.62]  # the daily bar counts, not its minutes
    assert spy["adj_factor"].tolist() == [0.125, 1.0]
    apple = found.loc[("XNYS:AAPL", "2013-10-07")]
    assert (apple["open"], apple["high"], apple["low"], apple["close"]) == (10.0, 12.5, 10.0, 11.1)
    assert apple["turnover_ccy"] == pytest.approx(100 * sum(p + 0.2 for p in (10, 12, 11)))
    assert np.isnan(apple["adj_factor"])
    assert found.loc[("coinbase:BTCUSD", "2018-01-01"), "close"] == 13500.25
    ether = found.loc[("coinbase:ETHUSD", "2018-01-01")]
    assert (ether["open"], ether["close"], ether["adj_factor"]) == (740.0, 750.5, 1.0)
    assert feed.set_aside().empty


@pytest.mark.feature("BX-SG-11", "BX-SG-02")
def test_lean_bars_refuses_by_reason(tmp_path):
    base = tmp_path / "lean_bars"
    lines = [
        "20131007 00:00,1679100,1687000,1676700,1677200,88000000",
        "20131007 00:00,1679100,1687000,1676700,1677200,88000000",
        "20131005 00:00,1679100,1687000,1676700,1677200,88000000",
        "20131008 09:30,1679100,1687000,1676700,1677200,88000000",
        "20131009 00:00,1679100,1687000,1676700,oops,88000000",
        "20131010 00:00,0,1687000,0,1677200,88000000",
        "20131011 00:00,1679100,1677000,1676700,1677200,88000000",
        "20131014 00:00,1679100,1687000,1676700,1677200,-1",
    ]
    put(base / "equity/usa/daily/spy.zip", "\n".join(lines))
    put(base / "equity/usa/factor_files/spy.csv", "20131007,zero,1\n")
    put(base / "equity/usa/minute/spy/20131007_quote.zip", "0,1\n")
    put(base / "equity/usa/minute/spy/20131399_trade.zip", "0,1,1,1,1,1\n")
    put(base / "crypto/coinbase/daily/btcxyz_trade.zip", "20180101 00:00,1,1,1,1,1\n")
    feed = lean_bars.open_feed(FeedRoots(None, tmp_path))
    assert len(whole(feed, "microstructure")) == 1
    assert reasons(feed) == {
        "unreadable_file": 3, "duplicate_key": 1, "closed_day": 1, "bad_time": 1, "no_number": 1, "no_price": 1,
        "ohlc_order": 1, "negative_volume": 1, "unknown_currency": 1,
    }  # fmt: skip


@pytest.mark.feature("BX-SG-11", "BX-SG-02")
def test_lean_quotes_and_ticks(tmp_path):
    base = tmp_path / "lean_bars"
    open_ms = 34_200_000
    # Minute quotes of a share: 10.00/10.02 for one minute, then 10.00/10.04; outside hours, one-sided and crossed left out.
    put_lines(
        base / "equity/usa/minute/aapl/20131007_quote.zip",
        f"{open_ms - 60_000},1,1,1,10000,1,1,1,1,90000,1",
        f"{open_ms},1,1,1,100000,5,1,1,1,100200,5",
        f"{open_ms + 60_000},1,1,1,100000,5,1,1,1,100400,5",
        f"{open_ms + 120_000},,,,,,1,1,1,100400,5",
        f"{open_ms + 180_000},1,1,1,100500,5,1,1,1,100400,5",
    )
    # Ticks in summer and in winter time: 09:30 in New York is 13:30 and 14:30 UTC.
    for day in ("20131007", "20131223"):
        put_lines(
            base / f"equity/usa/tick/ibm/{day}_trade.zip",
            f"{open_ms - 1},1790000,100,P,20,0",
            f"{open_ms}.5,1800000,100,P,20,0",
            f"{open_ms + 1000},1810000,300,D,1,0",
            f"{open_ms + 2000},1990000,300,D,1,1",
            f"{open_ms + 3000},1810000,0,D,1,0",
        )
        put_lines(
            base / f"equity/usa/tick/ibm/{day}_quote.zip",
            f"{open_ms - 5000},1799000,100,0,0,Q,1,0",
            f"{open_ms - 4000},0,0,1801000,100,Q,1,0",
            f"{open_ms + 11_700_000},0,0,1800000,100,Q,1,0",
            f"{open_ms + 11_700_001},1,100,0,0,Q,1,1",
        )
    put_lines(base / "crypto/coinbase/daily/btcusd_quote.zip", "20180101 00:00,1,1,1,13000,5,1,1,1,13013,5")
    put_lines(base / "crypto/coinbase/tick/btcusd/20180102_trade.zip", "0,100,2", "3600000,110,1")
    put_lines(base / "crypto/coinbase/tick/btcusd/20180102_quote.zip", "0,99,1,101,1", "43200000,99.5,1,100.5,1")
    put_lines(base / "cryptofuture/binance/minute/btcusd/20221213_trade.zip", "0,20000,20000,20000,20000,300")
    put_lines(base / "cryptofuture/bybit/minute/btcusd/20221213_trade.zip", "0,20000,20000,20000,20000,300")
    put_lines(base / "cryptofuture/dydx/minute/btcusd/20221213_trade.zip", "0,20000,20000,20000,20000,3")
    put_lines(base / "cryptofuture/other/minute/btcusd/20221213_trade.zip", "0,20000,20000,20000,20000,3")
    put_lines(base / "equity/usa/tick/ibm/20131005_trade.zip", f"{open_ms},1790000,100,P,20,0")
    feed = lean_bars.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    found = whole(feed, "microstructure").set_index(["instrument_id", "session_date"]).sort_index()
    apple = found.loc[("XNYS:AAPL", "2013-10-07")]
    assert (apple["bid"], apple["ask"], apple["spread_method"]) == (10.0, 10.04, "time_weighted")
    assert apple["quoted_spread_bps"] == pytest.approx((1e4 * 0.02 / 10.01 + 1e4 * 0.04 / 10.02) / 2)
    assert apple["observed_at"] == pd.Timestamp("2013-10-07 13:32", tz="UTC")
    assert np.isnan(apple["turnover_ccy"])
    for day, hour in (("2013-10-07", 13), ("2013-12-23", 14)):
        ibm = found.loc[("XNYS:IBM", day)]
        assert (ibm["open"], ibm["high"], ibm["low"], ibm["close"]) == (180.0, 181.0, 180.0, 181.0)
        assert (ibm["turnover_ccy"], ibm["trades_count"], ibm["vwap"]) == (72_300.0, 2, 180.75)
        assert ibm["quoted_spread_bps"] == pytest.approx((1e4 * 0.2 / 180.0 + 1e4 * 0.1 / 179.95) / 2)
        assert (ibm["bid"], ibm["ask"]) == (179.9, 180.0)
        assert ibm["last_trade_at"] == pd.Timestamp(f"{day} {hour}:30:01", tz="UTC")
    assert found.loc[("coinbase:BTCUSD", "2018-01-01"), "spread_method"] == "closing_quote"
    assert found.loc[("coinbase:BTCUSD", "2018-01-01"), "quoted_spread_bps"] == pytest.approx(1e4 * 13 / 13006.5)
    ticks = found.loc[("coinbase:BTCUSD", "2018-01-02")]
    assert (ticks["turnover_ccy"], ticks["quoted_spread_bps"]) == (310.0, pytest.approx(150.0))
    inverse = found.loc[[f"{venue}:BTCUSD-PERP" for venue in ("binance", "bybit", "dydx")], "turnover_ccy"]
    assert inverse.tolist() == [30_000.0, 300.0, 60_000.0]
    rules = whole(feed, "microstructure").set_index("instrument_id")[FEED_RULES]
    assert rules["binance:BTCUSD-PERP"] == "part_of_session,turnover_approximate"
    assert set(rules["XNYS:IBM"]) == {""}
    assert reasons(feed) == {
        "one_sided_quote": 1, "crossed_quote": 1, "suspicious_trade": 2, "zero_size": 2, "suspicious_quote": 2,
        "unreadable_file": 1, "closed_day": 1,
    }  # fmt: skip


@pytest.mark.feature("BX-SG-02")
@pytest.mark.real_data
def test_lean_files_give_the_figures_of_the_recorded_ticks(tmp_path, real_data):
    base = tmp_path / "lean_bars/equity/usa/tick/ibm"
    for content, sides in (("quote", ("bid", "bid_size", "ask", "ask_size")), ("trade", ("price", "size"))):
        ticks = pd.read_parquet(real_data / f"equities/us_ibm_{content}s_ticks.parquet")
        local = ticks["ts"].dt.tz_convert("America/New_York").dt.tz_localize(None)
        cells = pd.DataFrame({"time": (local - local.dt.normalize()) / pd.Timedelta(milliseconds=1)})
        for side in sides:
            cells[side] = ticks[side] if "size" in side else (ticks[side] * 1e4).round().astype("int64")
        cells = pd.concat([cells, ticks[["exch", "cond", "susp"]]], axis=1)
        for day, rows in cells.groupby(local.dt.strftime("%Y%m%d")):
            put(base / f"{day}_{content}.zip", rows.to_csv(index=False, header=False))
    landed = whole(lean_bars.open_feed(FeedRoots(None, tmp_path)), "microstructure")
    recorded = whole(us_equity_ticks.open_feed(FeedRoots(real_data, tmp_path)), "microstructure")
    names = ["open", "high", "low", "close", "bid", "ask", "quoted_spread_bps", "vwap", "turnover_ccy"]
    assert len(landed) == 5
    np.testing.assert_allclose(landed[names], recorded[names], rtol=1e-4)  # three flagged quotes of 575,589 count there
    assert landed["trades_count"].tolist() == recorded["trades_count"].tolist()
    assert landed["last_trade_at"].tolist() == recorded["last_trade_at"].tolist()


def test_lean_factor_files_as_the_engine_reads_them(tmp_path):
    path = put(
        tmp_path / "gbsn.csv",
        "20140930,1,inf,1\n20141231,1,1.6667e+06,1\n20151211,0,80,0.09\n20160915,0.5,80,0.07\n20501231,1,1,0\n",
    )
    rows = factors(path)
    assert rows["until"].dt.strftime("%Y-%m-%d").tolist()[3:] == ["2016-09-15", "2050-12-31"]
    np.testing.assert_array_equal(rows["factor"], [np.nan, np.nan, np.nan, 40.0, 1.0])
    for text, told in (
        ("20160915,x,1,0\n", "1 of 1 lines"),
        ("2016,1\n", "2 columns"),
        ("20160915,0,1,0\n", "none of 1"),
    ):
        with pytest.raises(ContractError, match=told):
            factors(put(tmp_path / "bad.csv", text))


@pytest.mark.feature("BX-SG-11", "BX-SG-03")
def test_treasury_auction_results(tmp_path):
    base = tmp_path / "treasury_auction_results"
    note, bill, bond = "91282CRL7", "912828HP8", "912828HQ6"
    head = "record_date,cusip,security_type,auction_date,maturity_date,bid_to_cover_ratio,offering_amt"
    put(
        base / "Auctions_Query.csv",
        f"""{head}
2026-01-06,{note},Note,2026-01-06,2029-01-15,2.72,58000000000
2026-02-10,{note},Note,2026-02-10,2029-01-15,2.50,42000000000
2026-01-05,{bill},Bill,2026-01-05,2026-01-13,3.10,90000000000
2026-03-02,{bond},Bond,2026-03-02,2056-02-15,null,25000000000
2026-01-06,91282CRL8,Note,2026-01-06,2029-01-15,2.72,1
2026-01-06,{bond},Note,2026-13-06,2029-01-15,2.72,1
2026-01-06,{bond},Note,2026-01-06,2020-01-15,2.72,1
2026-01-01,{bond},Note,2026-01-01,2029-01-15,2.72,1
""",
    )
    put(
        base / "securities.json",
        f'[{{"cusip": "{bond}", "auctionDate": "2026-03-09T00:00:00", "maturityDate": "2056-02-15T00:00:00", "bidToCoverRatio": "2.400000", "offeringAmount": null}}]',
    )
    put(
        base / "fiscal.json",
        f'{{"data": [{{"cusip": "{note}", "auction_date": "2026-01-06", "maturity_date": "2029-01-15", "bid_to_cover_ratio": "2.72", "offering_amt": "58000000000"}}]}}',
    )
    put(base / "empty.json", "[]")
    put(base / "other.csv", "a,b\n1,2\n")
    feed = treasury_auction_results.open_feed(FeedRoots(None, tmp_path))
    assert_keeps_the_kit(feed)
    rows = whole(feed, "auction_mm").set_index(["instrument_id", "session_date"])
    assert rows.loc[(f"UST:{note}", "2026-02-09"), "auction_demand"] == 2.72
    assert rows.loc[(f"UST:{note}", "2026-02-10"), "auction_demand"] == 2.5
    assert rows.loc[(f"UST:{note}", "2026-02-10"), "auction_at"] == pd.Timestamp("2026-02-10T18:00Z")
    assert rows.loc[f"UST:{note}"].index.max() == pd.Timestamp("2026-03-09")  # the newest auction of the files
    days = rows.loc[f"UST:{bill}"].index.strftime("%m-%d").tolist()
    assert days == ["01-05", "01-06", "01-07", "01-08", "01-09", "01-12"]  # it matures on the 13th
    outstanding = whole(feed, "instruments").set_index(["instrument_id", "session_date"])["amount_outstanding"]
    assert outstanding[(f"UST:{note}", pd.Timestamp("2026-02-10"))] == 100e9
    assert np.isnan(outstanding[(f"UST:{bond}", pd.Timestamp("2026-03-09"))])
    assert reasons(feed) == {
        "unreadable_file": 2, "no_value": 1, "bad_cusip": 1, "bad_day": 1, "bad_maturity": 1, "closed_day": 1,
    }  # fmt: skip


@pytest.mark.feature("BX-SG-11")
def test_unpacking_is_bounded_and_links_are_refused(tmp_path):
    bomb = put(tmp_path / "in" / "bomb.zip", "0" * 5_000_000)
    assert bomb.stat().st_size < 10_000
    with pytest.raises(ContractError, match="more than 1,000,000 bytes"):
        text_of(bomb, 1_000_000)
    two = tmp_path / "in" / "two.zip"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.csv", "1")
        archive.writestr("b.csv", "2")
    with pytest.raises(ContractError, match="holds 2 files"):
        text_of(two)
    torn = put(tmp_path / "in" / "torn.csv.gz", "a,b\n" * 1000)
    torn.write_bytes(torn.read_bytes()[:-12])
    with pytest.raises(ContractError, match="cannot be unpacked"):
        text_of(torn)
    latin = tmp_path / "in" / "latin.csv"
    latin.write_bytes("Título;1".encode("latin-1"))
    with pytest.raises(ContractError, match="no UTF-8"):
        text_of(latin)
    assert [path.name for path in downloaded(tmp_path / "in", (".zip",))] == ["bomb.zip", "two.zip"]
    (tmp_path / "out.zip").write_bytes(b"")
    (tmp_path / "in" / "link.zip").symlink_to(tmp_path / "out.zip")
    with pytest.raises(ContractError, match="leads outside"):
        downloaded(tmp_path / "in", (".zip",))


@pytest.mark.parametrize(
    "module",
    [binance_archive, lean_bars, macro_downloads, tesouro_direto, treasury_auction_results, venue_archives],
    ids=lambda m: m.NAME,
)
def test_no_files_no_feed_and_only_broken_files_no_rows(tmp_path, module):
    assert module.open_feed(FeedRoots(None, tmp_path)) is None
    put(tmp_path / module.NAME / "broken.zip", "no such layout")
    feed = module.open_feed(FeedRoots(None, tmp_path))
    assert feed.sessions() == []
    assert all(whole(feed, table).empty for table in feed.tables)
    assert reasons(feed) == {"unreadable_file": 1}
