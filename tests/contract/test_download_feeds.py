"""Feeds of files as their publishers offer them: right values, every bad row with its reason, and the feed kit."""

import gzip
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ContractError
from resources.feeds import (
    FeedRoots,
    binance_archive,
    lean_bars,
    macro_downloads,
    tesouro_direto,
    treasury_auction_results,
)
from resources.feeds._downloads import downloaded, text_of
from resources.feeds._feed import FEED_RULES, FEED_TABLES, delivered_columns
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
        "under a folder spot or um",
        "candles of 1w",
        "no candle file's name",
        "3 columns",
        "fetch it again",
    ):
        assert told in details


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
    [binance_archive, lean_bars, macro_downloads, tesouro_direto, treasury_auction_results],
    ids=lambda m: m.NAME,
)
def test_no_files_no_feed_and_only_broken_files_no_rows(tmp_path, module):
    assert module.open_feed(FeedRoots(None, tmp_path)) is None
    put(tmp_path / module.NAME / "broken.zip", "no such layout")
    feed = module.open_feed(FeedRoots(None, tmp_path))
    assert feed.sessions() == []
    assert all(whole(feed, table).empty for table in feed.tables)
    assert reasons(feed) == {"unreadable_file": 1}
