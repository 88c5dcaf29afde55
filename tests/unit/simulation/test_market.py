from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from liquidity.contracts.validation import audit
from liquidity.domain.errors import ConfigError
from liquidity.domain.identifier import is_isin_array
from liquidity.domain.instrument import SECTORS
from liquidity.domain.session import market_age_s, session_close, sessions_between
from liquidity.simulation import SIMULATED_CONTRACTS, MarketConfig, fed_columns, ground_truth, simulate_market

START = date(2026, 1, 1)
QUIET = {
    "issuer_crises_per_block": 0, "market_crises_per_year": 0, "dealer_outages_per_block": 0, "adapter_outages_per_block": 0,
}  # fmt: skip


def bond_rows(day, table):
    frame = day.tables[table]
    return frame[frame["instrument_id"].str.startswith("ZZ")]


def sessions_of(days):
    return [day for day in days if len(day.truth.bonds)]


@pytest.mark.feature("BX-MK-04", "PL-SG-02")
def test_every_row_says_simulated_and_keeps_its_contract(half_year):
    for day in [*half_year[:8], *half_year[-8:]]:
        for name, contract in SIMULATED_CONTRACTS.items():
            frame = day.tables[name]
            assert tuple(frame.columns) == fed_columns(contract)
            assert (frame["source"] == "simulated").all()
            given_later = {"age_market_s": 0.0, "quality_frac": 1.0, "quality_rules": ""}
            whole = frame.assign(**{key: value for key, value in given_later.items() if key in contract.column_names})
            table = pa.Table.from_pandas(whole, schema=contract.arrow_schema, preserve_index=False)
            judged = audit(table, contract, day.session_date)
            assert judged.violations == (), judged.violations[:3]
            assert judged.accepted.equals(table.combine_chunks()), f"{name} is not sorted by its key"


def test_every_input_table_is_written_for_every_bond_and_all_sectors(half_year, config):
    monday = half_year[4]
    assert monday.session_date == date(2026, 1, 5)
    instruments = bond_rows(monday, "instruments")
    assert len(instruments) == config.bonds
    assert is_isin_array(instruments["instrument_id"]).all()
    assert set(instruments["sector"]) == set(SECTORS)
    assert len(bond_rows(monday, "microstructure")) == config.bonds
    assert len(bond_rows(monday, "sentiment")) == config.bonds
    assert set(monday.tables["alt_signals"]["kind"]) == {"traffic", "utilities", "esg"}
    assert 0.5 * config.bonds < len(monday.tables["auction_mm"]) <= config.bonds


def test_bonds_follow_their_calendar_and_coins_trade_every_day(half_year, config):
    sessions = set(sessions_between("XBOM", START, date(2026, 6, 30)))
    for day in half_year:
        assert len(bond_rows(day, "instruments")) == (config.bonds if day.session_date in sessions else 0)
        assert len(day.tables["instruments"]) - len(bond_rows(day, "instruments")) == 13


@pytest.mark.feature("BX-MK-04")
def test_the_same_seed_repeats_the_market_and_another_seed_does_not(config):
    def make(seed):
        return list(simulate_market(MarketConfig(seed=seed, bonds=80, issuers=24), START, date(2026, 1, 12)))

    one, again, other = make(7), make(7), make(8)
    for left, right in zip(one, again, strict=True):
        for name in SIMULATED_CONTRACTS:
            assert_frame_equal(left.tables[name], right.tables[name])
    assert not one[4].tables["microstructure"].equals(other[4].tables["microstructure"])


def test_a_late_day_reached_silently_equals_the_day_of_the_full_run(half_year, config):
    late = list(simulate_market(config, START, date(2026, 6, 30), emit_from=date(2026, 6, 29)))
    assert [day.session_date.day for day in late] == [29, 30]
    for name in SIMULATED_CONTRACTS:
        assert_frame_equal(late[-1].tables[name], half_year[-1].tables[name])


def test_turnover_is_the_sum_of_the_trades_and_vwap_their_weighted_price(half_year):
    for day in sessions_of(half_year)[::9]:
        quotes = bond_rows(day, "microstructure").set_index("instrument_id")
        trades = day.truth.trades
        if quotes.empty:
            continue
        assert quotes["turnover_ccy"].sum() == pytest.approx(trades["value_ccy"].sum(), rel=1e-12)
        assert quotes["trades_count"].sum() == len(trades)
        by_bond = trades.groupby("instrument_id")
        vwap = by_bond.apply(lambda part: (part["price"] * part["face_ccy"]).sum() / part["face_ccy"].sum())
        assert quotes.loc[vwap.index, "vwap"].to_numpy() == pytest.approx(vwap.to_numpy(), rel=1e-12)
        assert (by_bond["traded_at"].max() == quotes.loc[vwap.index, "last_trade_at"]).all()


def test_the_last_trade_is_carried_and_never_later_than_the_close(half_year):
    last = {}
    for day in sessions_of(half_year)[:40]:
        quotes = bond_rows(day, "microstructure")
        close = pd.Timestamp(session_close("XBOM", [day.session_date])[0]).tz_localize("UTC")
        for row in quotes.itertuples():
            if row.trades_count > 0:
                last[row.instrument_id] = row.last_trade_at
                assert row.last_trade_at <= close
            elif row.instrument_id in last:
                assert row.last_trade_at == last[row.instrument_id]
            else:
                assert pd.isna(row.last_trade_at)


def test_ages_are_never_negative_at_the_close(half_year):
    for day in sessions_of(half_year)[::17]:
        close = session_close("XBOM", [day.session_date])[0]
        for name in ("microstructure", "alt_signals", "auction_mm", "sentiment"):
            ages = market_age_s(bond_rows(day, name)["observed_at"], close, "XBOM")
            assert (ages >= 0.0).all()


def test_a_planted_dealer_withdrawal_shows_as_a_fall_of_the_online_share(half_year, config):
    events = [
        event
        for event in ground_truth(config, START, date(2026, 6, 30)).of_kind("dealer_outage")
        if event.subject == "market"
    ]
    assert events
    by_day = {day.session_date: day.tables["auction_mm"]["mm_online_ratio"].mean() for day in sessions_of(half_year)}
    usual = pd.Series(by_day).median()
    for event in events:
        if event.first_day in by_day and not np.isnan(by_day[event.first_day]):
            assert by_day[event.first_day] < 0.5 * usual
            assert by_day[event.first_day + timedelta(days=1)] > 0.75 * usual


@pytest.mark.feature("BX-MK-04")
def test_an_issuer_crisis_widens_spreads_darkens_news_and_thins_quotes(half_year, config):
    events = ground_truth(config, START, date(2026, 5, 31)).of_kind("issuer_crisis")
    by_day = {day.session_date: day for day in sessions_of(half_year)}
    days = sorted(by_day)
    factors, tones = [], []
    for event in events:
        begin = next(place for place, day in enumerate(days) if day >= event.first_day)

        def look(day, event=event):
            hidden = by_day[day].truth.bonds
            stories = bond_rows(by_day[day], "sentiment")
            tone = stories.loc[stories["issuer_id"] == event.subject, "sentiment_score"].mean()
            return hidden.loc[hidden["issuer_id"] == event.subject, "lone_spread_bps"].mean(), tone

        before, after = look(days[begin - 1]), look(days[begin + 2])
        factors.append(np.log(after[0] / before[0]) / event.size)
        tones.append(after[1])
    assert np.median(factors) == pytest.approx(1.0, abs=0.2)
    assert np.nanmean(tones) < -0.4


def test_a_market_crisis_widens_all_spreads():
    config = MarketConfig(bonds=60, issuers=20, crypto_coins=2, crypto_perps=0)
    end = START + timedelta(days=359)
    crisis = ground_truth(config, START, end).of_kind("market_crisis")[0]
    peak = crisis.first_day + timedelta(days=crisis.ramp_days)
    run = simulate_market(config, START, peak + timedelta(days=3), emit_from=crisis.first_day - timedelta(days=4))
    level = {day.session_date: np.log(day.truth.bonds["lone_spread_bps"]).median() for day in sessions_of(run)}
    before, at_peak = (
        level[max(day for day in level if day < limit)] for limit in (crisis.first_day, peak + timedelta(days=3))
    )
    assert at_peak - before == pytest.approx(crisis.size, abs=0.25)


def test_a_silent_adapter_has_no_row_while_the_others_speak(half_year, config):
    outages = ground_truth(config, START, date(2026, 6, 30)).of_kind("adapter_outage")
    assert len(outages) >= 3
    for event in outages:
        for day in half_year:
            if event.first_day <= day.session_date <= event.last_day:
                assert day.tables[event.subject].empty
                assert not day.tables["instruments"].empty


def test_planted_weekday_effects_on_trading_and_spreads_are_found_again():
    config = MarketConfig(
        bonds=400, issuers=80, crypto_coins=0, crypto_perps=0, stress_log_sd=0.0, credit_daily_log_sd=0.0, **QUIET
    )
    sessions = sessions_of(simulate_market(config, START, date(2026, 8, 31)))
    weekday = np.array([day.session_date.weekday() for day in sessions])
    traded = np.array([(day.tables["microstructure"]["trades_count"] > 0).mean() for day in sessions])
    spread = np.array([np.log(day.truth.bonds["lone_spread_bps"] - 2.0).mean() for day in sessions])
    spread -= pd.Series(spread).rolling(21, center=True, min_periods=5).mean().to_numpy()
    share = np.array([traded[weekday == place].mean() for place in range(5)])
    widen = np.exp([spread[weekday == place].mean() for place in range(5)])
    trading = np.array(config.trading_weekday_frac)
    assert share / share.mean() == pytest.approx(trading / trading.mean(), abs=0.04)
    assert widen / widen.mean() == pytest.approx(np.array(config.spread_weekday_frac), abs=0.02)


def test_most_bonds_do_not_trade_and_matured_ones_are_replaced(config):
    first, *_, last = sessions_of(simulate_market(config, START, date(2026, 12, 30), emit_from=date(2026, 1, 1)))
    known, later = (set(day.truth.bonds["instrument_id"]) for day in (first, last))
    assert 0 < len(later - known) == len(known - later) < len(known)
    for day in (first, last):
        static = bond_rows(day, "instruments")
        assert (static["maturity_date"] > day.session_date).all()
        assert (static["issue_date"] <= day.session_date).all()


def test_bad_spans_are_refused():
    with pytest.raises(ConfigError, match="before start"):
        next(simulate_market(MarketConfig(), START, date(2025, 12, 31)))
    with pytest.raises(ConfigError, match="XBOM"):
        next(simulate_market(MarketConfig(), date(2034, 1, 1), date(2034, 2, 1)))


def test_the_market_series_show_the_rate_and_a_credit_spread_on_sessions_only(half_year):
    for day in half_year[:12]:
        series = day.tables["macro_series"]
        assert series["series_id"].tolist() == (["sim.base_rate", "sim.bbb_aaa_spread"] if len(day.truth.bonds) else [])
    first = sessions_of(half_year)[0].tables["macro_series"]["value"].to_numpy()
    assert first[0] == pytest.approx(MarketConfig().base_rate_frac, abs=0.003)
    assert 200.0 < first[1] < 400.0
