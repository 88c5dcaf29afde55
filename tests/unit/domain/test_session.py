"""Sessions and market time against dates that exchanges published."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.domain.session import is_session, market_age_s, session_close, session_seconds, sessions_between

FRIDAY_CLOSE = np.datetime64("2026-11-20T21:00")
MONDAY_CLOSE = np.datetime64("2026-11-23T21:00")


def test_holidays_and_half_days_are_the_published_ones():
    assert is_session("XNYS", [date(2026, 11, 26), date(2026, 11, 27), date(2026, 11, 28)]).tolist() == [
        False,
        True,
        False,
    ]
    closes = session_close("XNYS", [date(2026, 11, 25), date(2026, 11, 26), date(2026, 11, 27)])
    assert closes.astype("datetime64[m]").astype(str).tolist() == ["2026-11-25T21:00", "NaT", "2026-11-27T18:00"]
    assert len(sessions_between("XNYS", date(2026, 1, 1), date(2026, 12, 31))) == 251
    assert sessions_between("XNYS", date(2026, 2, 1), date(2026, 1, 1)) == []


@pytest.mark.parametrize(("calendar", "seconds"), [("XNYS", 23400.0), ("XBOM", 22500.0), ("24/7", 86400.0)])
def test_length_of_a_usual_session(calendar, seconds):
    assert session_seconds(calendar) == seconds


@pytest.mark.feature("BX-SG-09")
def test_weekend_does_not_age_a_bond_but_ages_a_coin():
    assert market_age_s(FRIDAY_CLOSE, np.datetime64("2026-11-23T14:30"), "XNYS").item() == 0.0
    assert market_age_s(FRIDAY_CLOSE, MONDAY_CLOSE, "XNYS").item() == 23400.0
    assert market_age_s(FRIDAY_CLOSE, MONDAY_CLOSE, "24/7").item() == 3 * 86400.0


@pytest.mark.feature("BX-SG-09")
@pytest.mark.parametrize("calendar", ["XNYS", "BVMF", "XBOM"])
@pytest.mark.filterwarnings("ignore:Series.values returning:Warning")  # exchange_calendars on pandas 3.1
def test_market_age_equals_counting_minutes(calendar):
    import exchange_calendars

    opened = exchange_calendars.get_calendar(calendar, start="2026-01-01", end="2026-12-31")
    minutes = opened.minutes.tz_localize(None).to_numpy()
    rng = np.random.default_rng(3)
    first = np.datetime64("2026-01-05") + rng.integers(0, 300 * 1440, 200).astype("timedelta64[m]")
    second = first + rng.integers(0, 20 * 1440, 200).astype("timedelta64[m]")
    counted = [60.0 * np.count_nonzero((minutes >= a) & (minutes < b)) for a, b in zip(first, second, strict=True)]
    assert market_age_s(first, second, calendar).tolist() == counted


def test_aware_times_missing_times_and_order():
    times = pd.Series(pd.to_datetime(["2026-11-23T15:30-05:00", None, "2026-11-23T16:30-05:00"]))
    ages = market_age_s(times, MONDAY_CLOSE, "XNYS")
    assert ages[0] == 1800.0
    assert np.isnan(ages[1])
    assert ages[2] == 0.0  # after the close nothing ages
    assert market_age_s(MONDAY_CLOSE, MONDAY_CLOSE - np.timedelta64(600, "s"), "XNYS").item() == -600.0


@pytest.mark.parametrize("calendar", ["XNYS", "BVMF", "XBOM", "24/7"])
def test_market_time_adds_up(calendar):
    moments = np.datetime64("2026-03-01T00:00") + np.arange(0, 60 * 1440, 777).astype("timedelta64[m]")
    parts = market_age_s(moments[:-1], moments[1:], calendar)
    assert (parts >= 0).all()
    assert parts.sum() == market_age_s(moments[0], moments[-1], calendar).item()


def test_days_beyond_the_known_ones_are_refused_and_older_facts_are_very_old():
    with pytest.raises(ConfigError, match=r"XBOM.*2027-01-02 lies outside its known days 1998-01-01\.\."):
        is_session("XBOM", [date(2027, 1, 2)])
    with pytest.raises(ConfigError, match="as-of moment 2040-01-01"):
        market_age_s(FRIDAY_CLOSE, np.datetime64("2040-01-01T12:00"), "XNYS")
    with pytest.raises(ConfigError, match="not known"):
        is_session("XXXX", [date(2026, 1, 2)])
    assert market_age_s(np.datetime64("1970-01-01"), FRIDAY_CLOSE, "XNYS").item() > 25 * 250 * 23400
