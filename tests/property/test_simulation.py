"""Over seeds, sizes and lengths: a longer run repeats the shorter one, and every row keeps its promises."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from liquidity.domain.identifier import is_isin_array
from liquidity.simulation import SIMULATED_CONTRACTS, MarketConfig, simulate_market

MARKETS = st.builds(
    lambda seed, bonds, issuers, coins: MarketConfig(
        seed=seed, bonds=bonds, issuers=min(bonds, issuers), crypto_coins=coins, crypto_perps=min(coins, 1)
    ),
    st.integers(0, 2**32),
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(0, 3),
)
STARTS = st.dates(date(2020, 1, 1), date(2026, 6, 1))


@pytest.mark.feature("BX-MK-04")
@settings(max_examples=15, deadline=None)
@given(config=MARKETS, start=STARTS, short=st.integers(1, 12), more=st.integers(1, 80))
def test_a_longer_run_starts_with_the_shorter_one(config, start, short, more):
    brief = list(simulate_market(config, start, start + timedelta(days=short)))
    long = simulate_market(config, start, start + timedelta(days=short + more))
    for left, right in zip(brief, long, strict=False):
        assert left.session_date == right.session_date
        assert left.truth.events == right.truth.events
        assert_frame_equal(left.truth.trades, right.truth.trades)
        for name in SIMULATED_CONTRACTS:
            assert_frame_equal(left.tables[name], right.tables[name])


@settings(max_examples=15, deadline=None)
@given(config=MARKETS, start=STARTS)
def test_every_day_is_sound(config, start):
    for day in simulate_market(config, start, start + timedelta(days=6)):
        tables = day.tables
        ids = set(tables["instruments"]["instrument_id"])
        bonds = [text for text in ids if text.startswith("ZZ")]
        assert is_isin_array(tables["instruments"]["instrument_id"]).sum() == len(bonds)
        for name, contract in SIMULATED_CONTRACTS.items():
            assert not tables[name].duplicated(list(contract.key)).any()
            if name != "macro_series":
                assert set(tables[name]["instrument_id"]) <= ids
        quotes = tables["microstructure"]
        assert not (quotes["bid"] > quotes["ask"]).any()
        assert (quotes["bid"].isna() == quotes["quoted_spread_bps"].isna()).all()
        assert not (quotes["low"] > quotes["high"]).any()
        assert (quotes["turnover_ccy"] >= 0).all()
        assert (quotes["trades_count"].eq(0) == quotes["close"].isna()).all()
        inside = quotes["close"].isna() | (
            (quotes["vwap"] - quotes["low"] > -1e-6) & (quotes["vwap"] - quotes["high"] < 1e-6)
        )
        assert inside.all()
        on_quotes = quotes[quotes["instrument_id"].isin(bonds)]
        if len(on_quotes):
            assert np.isclose(on_quotes["turnover_ccy"].sum(), day.truth.trades["value_ccy"].sum(), rtol=1e-12)
