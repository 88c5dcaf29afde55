"""Books in the microstructure: whose quotes count, what a part of a day may say, and what stays as delivered."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import BOOK_DAILY, MICROSTRUCTURE
from liquidity.contracts.conform import empty_table, frame_from_table, table_from_frame
from liquidity.contracts.example import example_table
from liquidity.contracts.validation import audit
from liquidity.features.book_signals import with_books

DAY = date(2026, 3, 19)


def delivered(*ids):
    rows = frame_from_table(example_table(MICROSTRUCTURE, DAY, len(ids), np.random.default_rng(1), null_frac=0.0))
    return rows.assign(instrument_id=list(ids)).sort_values(list(MICROSTRUCTURE.key), ignore_index=True)


def books(*ids, recorded_s=300.0, valid_frac=1.0):
    rows = frame_from_table(example_table(BOOK_DAILY, DAY, len(ids), np.random.default_rng(2), null_frac=0.0))
    close = pd.Timestamp(DAY, tz="UTC") + pd.Timedelta(hours=23)
    return rows.assign(
        instrument_id=list(ids), venue="binance", recorded_s=recorded_s, valid_frac=valid_frac, observed_at=close,
        last_trade_at=close, source="tapes", open=10.0, high=12.0, low=9.0, close=11.0, bid=10.9, ask=11.1,
    )  # fmt: skip


@pytest.mark.feature("PL-OB-02")
def test_a_delivered_row_takes_the_quotes_of_the_book_and_keeps_its_trades():
    before = delivered("binance:BTCUSDT", "XNYS:IBM")
    book = books("binance:BTCUSDT")
    after = with_books(before, book).set_index("instrument_id")
    old, new = before.set_index("instrument_id").loc["binance:BTCUSDT"], after.loc["binance:BTCUSDT"]
    assert new["quoted_spread_bps"] == book["quoted_spread_bps"].iloc[0]
    assert new["depth_ccy"] == book["bid_depth_10bps_quote"].iloc[0] + book["ask_depth_10bps_quote"].iloc[0]
    assert (new["depth_band_bps"], new["spread_method"]) == (10.0, "time_weighted")
    for name in ("turnover_ccy", "trades_count", "open", "close", "quality_frac", "age_market_s", "source"):
        assert new[name] == old[name]
    pd.testing.assert_series_equal(
        after.loc["XNYS:IBM"], before.set_index("instrument_id").loc["XNYS:IBM"], check_dtype=False
    )


@pytest.mark.feature("BX-SG-08")
def test_a_symbol_without_a_row_gets_one_and_minutes_are_no_turnover():
    after = with_books(delivered("XNYS:IBM"), books("okx:BTC-USDT")).set_index("instrument_id").loc["okx:BTC-USDT"]
    assert np.isnan(after["turnover_ccy"])
    assert pd.isna(after["trades_count"])
    assert (after["quality_frac"], after["quality_rules"]) == (0.8, "part_of_session")
    assert after["age_market_s"] == 3600.0
    whole = books("okx:BTC-USDT", recorded_s=80_000.0)
    full = with_books(delivered("XNYS:IBM"), whole).set_index("instrument_id").loc["okx:BTC-USDT"]
    assert full["turnover_ccy"] == whole["turnover_quote"].iloc[0]
    assert (full["quality_frac"], full["quality_rules"]) == (1.0, "")


def test_rows_with_books_keep_the_contract():
    rows = with_books(delivered("binance:BTCUSDT"), books("binance:BTCUSDT", "okx:BTC-USDT"))
    judged = audit(table_from_frame(rows, MICROSTRUCTURE), MICROSTRUCTURE, DAY)
    assert [each.code for each in judged.violations if each.key.find("okx") >= 0] == []
    assert len(rows) == 2
    only = with_books(frame_from_table(empty_table(MICROSTRUCTURE)), books("okx:BTC-USDT"))
    assert audit(table_from_frame(only, MICROSTRUCTURE), MICROSTRUCTURE, DAY).violations == ()


@pytest.mark.parametrize("change", [{"recorded_s": 59.0}, {"valid_frac": 0.1}])
def test_a_book_known_for_less_than_a_minute_changes_nothing(change):
    before = delivered("binance:BTCUSDT")
    assert with_books(before, books("binance:BTCUSDT", "okx:BTC-USDT", **change)) is before
