from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import InsufficientDataError
from liquidity.market_risk.price_history import price_history, returns_on_grid
from liquidity.market_risk.scenarios import complete_scenarios

FRIDAY = date(2026, 3, 6)


def panel(**closes: tuple[str, str, dict[date, float]]) -> pd.DataFrame:
    rows = [
        {"session_date": pd.Timestamp(day), "instrument_id": name, "asset_class": kind, "calendar": calendar, "close": value}
        for name, (kind, calendar, series) in closes.items()
        for day, value in series.items()
    ]  # fmt: skip
    return pd.DataFrame(rows).sort_values(["session_date", "instrument_id"], ignore_index=True)


def days(n: int, start: date = FRIDAY) -> list[date]:
    return [start + timedelta(days=i) for i in range(n)]


def test_a_coin_beside_a_share_moves_from_friday_to_monday() -> None:
    coin = dict(zip(days(4), [100.0, 110.0, 120.0, 130.0], strict=True))
    share = {FRIDAY: 10.0, FRIDAY + timedelta(days=3): 11.0}
    history = price_history(panel(COIN=("crypto_spot", "24/7", coin), SHARE=("equity", "XNYS", share)))
    both = returns_on_grid(history, history.places(["COIN", "SHARE"]))
    assert both.days.astype(str).tolist() == ["2026-03-09"]
    np.testing.assert_allclose(both.returns, [[0.3, 0.1]])
    alone = returns_on_grid(history, history.places(["COIN"]))
    np.testing.assert_allclose(alone.returns[:, 0], [0.1, 120 / 110 - 1, 130 / 120 - 1])
    assert np.isnan(alone.returns[:, 1]).all()
    assert history.places(["COIN", "NONE"]).tolist() == [0, -1]


def test_the_move_over_a_halt_is_no_move_of_one_session() -> None:
    whole = dict.fromkeys(days(6), 10.0)
    halted = dict(zip(days(6), [10.0, None, None, 5.0, 5.0, 5.0], strict=True))
    history = price_history(
        panel(
            A=("equity", "XNYS", whole),
            B=("equity", "XNYS", whole),
            C=("equity", "XNYS", {d: v for d, v in halted.items() if v}),
        )
    )
    found = returns_on_grid(history, np.arange(3))
    assert np.isnan(found.returns[:3, 2]).all()
    np.testing.assert_allclose(found.returns[3:, 2], 0.0)


def test_a_gap_in_the_recording_is_no_session() -> None:
    series = dict(
        zip([FRIDAY, FRIDAY + timedelta(days=7), FRIDAY + timedelta(days=15)], [10.0, 11.0, 12.0], strict=True)
    )
    found = returns_on_grid(price_history(panel(A=("equity", "XNYS", series))), np.array([0]))
    assert found.returns[0, 0] == pytest.approx(0.1)
    assert np.isnan(found.returns[1, 0])


def test_a_split_that_was_not_adjusted_is_missing_and_counted_but_a_crash_stands() -> None:
    split = dict(zip(days(4), [100.0, 101.0, 50.4, 51.0], strict=True))
    crash = dict(zip(days(4), [100.0, 101.0, 48.0, 51.0], strict=True))
    coin = dict(zip(days(4), [100.0, 101.0, 50.5, 51.0], strict=True))
    history = price_history(
        panel(SPLIT=("equity", "XNYS", split), CRASH=("equity", "XNYS", crash), COIN=("crypto_spot", "24/7", coin))
    )
    found = returns_on_grid(history, np.arange(3))
    names = history.instrument_id.tolist()
    assert dict(zip(names, found.suspected_splits.tolist(), strict=True)) == {"COIN": 0, "CRASH": 0, "SPLIT": 1}
    assert np.isnan(found.returns[1, names.index("SPLIT")])
    assert found.returns[1, names.index("CRASH")] == pytest.approx(48 / 101 - 1)
    assert found.returns[1, names.index("COIN")] == pytest.approx(-0.5)


def test_quotes_stand_in_where_trades_are_rarer() -> None:
    rows = panel(BOND=("bond_corporate", "XNSE", dict.fromkeys(days(4), np.nan) | {FRIDAY: 99.0}))
    quotes = pd.DataFrame(
        {
            "session_date": [pd.Timestamp(day) for day in days(4) for _ in range(2)],
            "instrument_id": ["BOND", "BOND"] * 4,
            "bid": [99.0, 98.0, 100.0, np.nan, 101.0, 101.0, 102.0, 102.0],
            "ask": [101.0, 100.0, 102.0, 103.0, 103.0, 103.0, 104.0, 104.0],
        }
    )
    history = price_history(rows, quotes)
    assert history.price_kind.tolist() == ["mid"]
    assert history.prices[:, 0].tolist() == [99.5, 101.0, 102.0, 103.0]
    assert price_history(rows).price_kind.tolist() == ["close"]


def test_nothing_gives_nothing() -> None:
    with pytest.raises(InsufficientDataError, match="signal panel"):
        price_history(panel(A=("equity", "XNYS", {FRIDAY: 1.0})).iloc[:0])
    history = price_history(panel(A=("equity", "XNYS", {FRIDAY: 1.0})))
    assert returns_on_grid(history, np.array([0])).returns.shape == (0, 1)
    with pytest.raises(InsufficientDataError, match="no held"):
        returns_on_grid(history, np.array([], dtype=np.int64))


def market(n: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    factor = random.normal(0, 0.02, n)
    returns = factor[:, None] * np.array([0.5, 1.0, 1.5, 2.0, 1.0]) + random.normal(0, 0.001, (n, 5))
    groups = np.array(["equity"] * 4 + ["bond_sovereign"], dtype=object)
    return np.datetime64("2026-01-01") + np.arange(n), returns, groups


def test_gaps_are_lent_by_peers_with_beta_and_told() -> None:
    when, returns, groups = market()
    gappy = returns.copy()
    gappy[:30, 3] = np.nan
    found = complete_scenarios(when, gappy, groups, np.array([3, 0, -1]), window=100)
    assert found.returns.shape == (100, 3)
    assert found.proxied_frac.tolist() == [0.1, 0.0, 0.0]
    assert found.reason.tolist() == ["", "", "no_price_history"]
    assert not found.returns[:, 2].any()
    assert np.abs(found.returns[:10, 0] - returns[20:30, 3]).max() < 0.006
    np.testing.assert_array_equal(found.returns[10:, 0], returns[30:, 3])


def test_a_session_without_peers_is_left_out_and_a_short_history_has_its_reason() -> None:
    when, returns, groups = market()
    gappy = returns.copy()
    gappy[50, 4] = np.nan  # the only bond
    gappy[:105, 1] = np.nan
    found = complete_scenarios(when, gappy, groups, np.array([4, 1]), window=1000)
    assert len(found.returns) == 119
    assert when[50] not in found.days
    assert found.reason.tolist() == ["", "short_history"]
    assert found.included.tolist() == [True, False]
