"""Days added up are the rows added up; levels follow the days."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts import FORECAST_ACCURACY
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.validation import audit
from liquidity.forecast.accuracy import accuracy_table
from liquidity.forecast.adaptive import AdaptiveLevels
from liquidity.forecast.panel import MarketGroup
from liquidity.forecast.track_record import levels_from, rolling_accuracy

FIRST = dt.date(2026, 3, 2)
LAST = FIRST + dt.timedelta(days=39)
COINS = MarketGroup("crypto_spot", "24/7", "simulated")


def judged(seed: int = 0) -> pd.DataFrame:
    """Judged rows of 40 sessions, two horizons, an uneven number of names; a weekend without bonds."""
    random = np.random.default_rng(seed)
    rows = []
    for session in range(40):
        day = FIRST + dt.timedelta(days=session)
        for asset_class, calendar in (("crypto_spot", "24/7"), ("bond_corporate", "XBOM")):
            if calendar == "XBOM" and day.weekday() >= 5:
                continue
            for name in range(int(random.integers(5, 15))):
                for horizon in (1, 3):
                    error = float(random.normal(0.3, 3.0))
                    rows.append(
                        {
                            "session_date": np.datetime64(day, "ms"),
                            "instrument_id": f"sim:{asset_class}{name}",
                            "asset_class": asset_class,
                            "sector": ("FINANCIAL", None)[name % 2],
                            "calendar": calendar,
                            "origin": "simulated",
                            "target": "liquidity_score",
                            "horizon_sessions": horizon,
                            "liquidity_decile": name % 10,
                            "liquidity_group": name % 4,
                            "error_points": error,
                            "persistence_abs_error_points": abs(error) + float(random.normal(0.0, 0.5)) ** 2,
                            "pinball_points": abs(error) / 2,
                            "crps_points": abs(error),
                            "interval_score_80_points": 8.0,
                            "interval_score_95_points": 9.0 + abs(error),
                            "inside_50": abs(error) < 2,
                            "inside_80": abs(error) < 4,
                            "inside_95": abs(error) < 6,
                        }
                    )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def daily() -> pd.DataFrame:
    """Record of each session by itself, in no order."""
    rows = judged()
    tables = [
        accuracy_table(rows[rows["session_date"] == day], pd.Timestamp(day).date(), 1)
        for day in sorted(rows["session_date"].unique())
    ]
    return pd.concat(tables, ignore_index=True).sample(frac=1.0, random_state=2)


@pytest.mark.feature("BX-FC-05", "BX-MN-04")
@pytest.mark.parametrize("window", [7, 30, 60])
def test_days_added_up_equal_the_rows_of_the_window(window: int, daily: pd.DataFrame) -> None:
    rows = judged()
    session = dt.date(2026, 4, 9)  # a Thursday
    found = rolling_accuracy(daily, session, window)
    expected = accuracy_table(rows, session, window)
    key = list(FORECAST_ACCURACY.key)
    assert audit(table_from_frame(found, FORECAST_ACCURACY), FORECAST_ACCURACY, session).violations == ()
    pd.testing.assert_frame_equal(
        found.sort_values(key, ignore_index=True),
        expected.sort_values(key, ignore_index=True),
        check_dtype=False,
        rtol=1e-12,
    )


def test_a_market_at_rest_gets_no_row(daily: pd.DataFrame) -> None:
    sunday = dt.date(2026, 4, 5)
    assert set(rolling_accuracy(daily, sunday, 30)["asset_class"]) == {"crypto_spot"}
    before = dt.date(2026, 1, 1)
    assert len(rolling_accuracy(daily, before, 30)) == 0


@pytest.mark.feature("BX-FC-04")
def test_levels_of_days_equal_the_levels_of_rows_judged_since(daily: pd.DataFrame) -> None:
    rows = judged()
    since = FIRST + dt.timedelta(days=9)
    mine = rows[(rows["asset_class"] == "crypto_spot") & (rows["session_date"] > pd.Timestamp(since))]
    expected = AdaptiveLevels.start()
    for _, session in mine.groupby("session_date"):
        inside = np.full((5, 3, 4), np.nan)
        for (horizon, group), cell in session.groupby(["horizon_sessions", "liquidity_group"]):
            inside[horizon - 1, :, group] = cell[["inside_50", "inside_80", "inside_95"]].mean()
        expected = expected.step(inside)
    found = levels_from(daily, COINS, "liquidity_score", since)
    np.testing.assert_allclose(found, expected.alphas, rtol=0, atol=1e-12)
    assert not np.array_equal(found, AdaptiveLevels.start().alphas)
    nothing = levels_from(daily, COINS, "liquidity_score", LAST)
    np.testing.assert_array_equal(nothing, AdaptiveLevels.start().alphas)
