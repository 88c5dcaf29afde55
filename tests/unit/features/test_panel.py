"""The panel from hand-written signal rows: every number can be checked with a pencil."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.features import SIGNAL_PANEL
from liquidity.contracts.signals import ALT_SIGNALS, AUCTION_MM, INSTRUMENTS, MICROSTRUCTURE, SENTIMENT
from liquidity.contracts.table import TableContract
from liquidity.contracts.validation import audit
from liquidity.domain.errors import ContractError
from liquidity.features.panel import build_signal_panel

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)
BOND, OTHER, COIN = "US0378331005", "US5949181045", "BINANCE:BTCUSDT"
NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def table(contract: TableContract, *rows: dict) -> pd.DataFrame:
    """Rows under a contract; columns not named are null."""
    shared = {"observed_at": NOON, "known_at": NOON, "age_market_s": 60.0, "source": "feed_a", "quality_frac": 1.0}
    full = [
        {name: {**shared, "session_date": MONDAY, **row}.get(name) for name in contract.column_names} for row in rows
    ]
    frame = pd.DataFrame(full, columns=list(contract.column_names))
    for column in contract.columns:
        kind = {"float64": "float64", "string": "str", "int64": "Int64", "timestamp": "datetime64[us, UTC]"}
        if column.dtype in kind:
            frame[column.name] = frame[column.name].astype(kind[column.dtype])
    return frame


def instrument(instrument_id: str = BOND, **facts) -> dict:
    base = {
        "instrument_id": instrument_id,
        "asset_class": "bond_corporate",
        "currency": "USD",
        "calendar": "XNYS",
        "amount_outstanding": 1e9,
    }
    return {**base, **facts}


def venue(name: str, instrument_id: str = BOND, **facts) -> dict:
    return {"instrument_id": instrument_id, "venue": name, **facts}


def build(
    instruments: pd.DataFrame,
    micro: tuple[dict, ...] = (),
    alt: tuple[dict, ...] = (),
    auction: tuple[dict, ...] = (),
    sentiment: tuple[dict, ...] = (),
) -> pd.DataFrame:
    return build_signal_panel(
        instruments,
        table(MICROSTRUCTURE, *micro),
        table(ALT_SIGNALS, *alt),
        table(AUCTION_MM, *auction),
        table(SENTIMENT, *sentiment),
    )


@pytest.mark.feature("BX-FE-07", "BX-FE-08")
def test_golden_row_over_two_venues():
    micro = (
        venue("AAA", quoted_spread_bps=40.0, depth_ccy=1_000_000.0, depth_band_bps=50.0, turnover_ccy=2e6,
              trades_count=3, open=100.0, high=102.0, low=99.0, close=101.0, adj_factor=0.5, age_market_s=600.0,
              quality_frac=0.9, last_trade_at=datetime(2026, 11, 20, 20, 0, tzinfo=UTC)),
        venue("BBB", quoted_spread_bps=60.0, depth_ccy=3_000_000.0, depth_band_bps=100.0, turnover_ccy=3e6,
              trades_count=4, open=98.0, high=99.0, low=97.0, close=98.5, age_market_s=30.0,
              quality_frac=0.8, last_trade_at=datetime(2026, 11, 23, 18, 0, tzinfo=UTC)),
    )  # fmt: skip
    alt = (
        {"instrument_id": BOND, "kind": "traffic", "value": 104.0, "age_market_s": 1000.0, "quality_frac": 0.7},
        {"instrument_id": BOND, "kind": "utilities", "value": 97.0, "age_market_s": 5000.0, "quality_frac": 0.95},
        {"instrument_id": BOND, "kind": "esg", "value": 55.0, "age_market_s": 9e6, "quality_frac": 0.1},
    )
    auction = ({"instrument_id": BOND, "auction_demand": 2.4, "mm_online_ratio": 0.75, "age_market_s": 10.0},)
    sentiment = ({"instrument_id": BOND, "sentiment_score": -0.3, "buzz_volume": 12.0, "quality_frac": 0.6},)
    panel = build(table(INSTRUMENTS, instrument()), micro, alt, auction, sentiment)
    assert list(panel.columns) == list(SIGNAL_PANEL.column_names)
    row = panel.iloc[0]
    expected = {
        "spread_bps": 55.0,  # (1 * 40 + 3 * 60) / 4, by depth
        "depth_density": 1e6 / 100 + 3e6 / 200,
        "turnover_ccy": 5e6,
        "turnover_velocity": 0.005,
        "trades_count": 7,
        "open": 98.0, "high": 99.0, "low": 97.0, "close": 98.5,  # venue BBB traded more
        "time_since_last_trade_h": 3.0,  # 18:00 to the close at 21:00
        "traffic_index": 104.0, "utilities_index": 97.0, "alt_age_s": 5000.0, "alt_quality_frac": 0.7,
        "auction_demand": 2.4, "mm_online_ratio": 0.75, "auction_age_s": 10.0, "auction_quality_frac": 1.0,
        "sentiment_signed": -0.3, "buzz_volume": 12.0, "sentiment_age_s": 60.0, "sentiment_quality_frac": 0.6,
        "micro_age_s": 30.0, "micro_quality_frac": 0.8,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    assert row["source"] == "feed_a"
    judged = audit(table_from_frame(panel, SIGNAL_PANEL), SIGNAL_PANEL, MONDAY)
    assert judged.rejected.num_rows == 0
    assert judged.violations == ()


def test_prices_are_adjusted_and_missing_stays_missing():
    micro = (venue("AAA", close=100.0, open=98.0, high=101.0, low=97.0, adj_factor=0.5),)
    row = build(table(INSTRUMENTS, instrument()), micro).iloc[0]
    assert (row["open"], row["high"], row["low"], row["close"]) == (49.0, 50.5, 48.5, 50.0)
    for name in ("spread_bps", "depth_density", "turnover_ccy", "turnover_velocity", "time_since_last_trade_h",
                 "traffic_index", "auction_demand", "buzz_volume", "alt_age_s", "sentiment_quality_frac"):  # fmt: skip
        assert np.isnan(row[name]), name
    assert row["trades_count"] is pd.NA


def test_known_zero_turnover_is_zero_and_unknown_outstanding_gives_no_velocity():
    micro = (venue("AAA", turnover_ccy=0.0, trades_count=0), venue("BBB"))
    row = build(table(INSTRUMENTS, instrument(amount_outstanding=None)), micro).iloc[0]
    assert row["turnover_ccy"] == 0.0
    assert row["trades_count"] == 0
    assert np.isnan(row["turnover_velocity"])


def test_spread_is_plain_mean_when_a_quoting_venue_shows_no_depth():
    micro = (venue("AAA", quoted_spread_bps=40.0, depth_ccy=1e6), venue("BBB", quoted_spread_bps=60.0))
    assert build(table(INSTRUMENTS, instrument()), micro).iloc[0]["spread_bps"] == 50.0


def test_each_listed_instrument_has_one_row_per_session_and_strangers_are_dropped():
    listed = table(
        INSTRUMENTS,
        instrument(OTHER),
        instrument(BOND),
        instrument(BOND, session_date=FRIDAY),
        instrument(COIN, calendar="24/7", asset_class="crypto_spot", currency="USDT"),
    )
    micro = (
        venue("AAA", OTHER, turnover_ccy=5.0),
        venue("AAA", "US0000000000", turnover_ccy=7.0),
        venue("AAA", BOND, session_date=date(2026, 11, 19), turnover_ccy=9.0),
        venue("AAA", COIN, last_trade_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC)),
    )
    panel = build(listed, micro)
    keys = list(zip(panel["session_date"].dt.date, panel["instrument_id"], strict=True))
    assert keys == [(FRIDAY, BOND), (MONDAY, COIN), (MONDAY, BOND), (MONDAY, OTHER)]
    assert panel["turnover_ccy"].sum() == 5.0
    assert panel["time_since_last_trade_h"].tolist()[1] == 12.0  # the coin's day ends at midnight


@pytest.mark.feature("BX-SG-09")
def test_weekend_does_not_count_in_the_time_since_the_last_trade():
    micro = (venue("AAA", last_trade_at=datetime(2026, 11, 20, 20, 30, tzinfo=UTC)),)
    assert build(table(INSTRUMENTS, instrument()), micro).iloc[0]["time_since_last_trade_h"] == 7.0
    late = (venue("AAA", last_trade_at=datetime(2026, 11, 23, 22, 0, tzinfo=UTC)),)
    assert build(table(INSTRUMENTS, instrument()), late).iloc[0]["time_since_last_trade_h"] == 0.0


def test_one_simulated_contribution_marks_the_row():
    micro = (venue("AAA", BOND, source="simulated"), venue("AAA", OTHER))
    panel = build(table(INSTRUMENTS, instrument(BOND), instrument(OTHER)), micro)
    assert panel["source"].tolist() == ["simulated", "feed_a"]


def test_order_of_rows_changes_nothing():
    rng = np.random.default_rng(1)
    ids = [f"US{k:09d}0" for k in range(20)]
    listed = table(INSTRUMENTS, *(instrument(i) for i in ids))
    rows = [
        venue(v, i, turnover_ccy=float(rng.integers(0, 3)), quoted_spread_bps=float(rng.random()), depth_ccy=float(rng.random()),
              depth_band_bps=10.0, close=float(rng.random()))
        for i in ids for v in ("AAA", "BBB", "CCC")
    ]  # fmt: skip
    shuffled = [rows[k] for k in rng.permutation(len(rows))]
    pd.testing.assert_frame_equal(
        build(listed, tuple(rows)), build(listed.sample(frac=1.0, random_state=2), tuple(shuffled)), check_exact=True
    )


def test_nothing_in_nothing_out_and_faults_are_named():
    empty = table(INSTRUMENTS)
    assert build(empty).empty
    assert list(build(empty).columns) == list(SIGNAL_PANEL.column_names)
    listed = table(INSTRUMENTS, instrument())
    with pytest.raises(ContractError, match="repeat their key"):
        build(pd.concat([listed, listed]))
    with pytest.raises(ContractError, match="repeat"):
        build(listed, (venue("AAA"), venue("AAA")))
    with pytest.raises(ContractError, match="auction_mm: columns"):
        build_signal_panel(
            listed,
            pd.DataFrame(),
            pd.DataFrame(),
            table(AUCTION_MM, {"instrument_id": BOND}).drop(columns=["source"]),
            pd.DataFrame(),
        )
