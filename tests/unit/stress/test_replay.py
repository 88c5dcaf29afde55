"""Replays: what the record says of each position, and what is only a proxy."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ConfigError, InsufficientDataError
from liquidity.stress.engine import stress
from liquidity.stress.replay import Crisis, crisis_moves, crisis_named, replay_path, replay_vector
from tests.unit.stress.portfolios import make_holdings, make_surface

FIRST = date(2026, 1, 1)
CRISIS = Crisis("test", "Test", FIRST + timedelta(days=70), FIRST + timedelta(days=74))


def history(name, kind, fall, *, spread=(10.0, 30.0), volume=(1e6, 2e6), online=1.0, days=75, rating=None):
    rng = np.random.default_rng(len(name))
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, days)))
    close[70:] = close[69] * (1.0 - fall * np.array([0.2, 0.6, 1.0, 0.9, 0.5])[: days - 70])
    during = np.arange(days) >= 70
    return pd.DataFrame(
        {
            "session_date": [FIRST + timedelta(days=day) for day in range(days)],
            "instrument_id": name,
            "asset_class": kind,
            "rating": rating,
            "close": close,
            "spread_bps": np.where(during, spread[1], spread[0]),
            "turnover_ccy": np.where(during, volume[1], volume[0]),
            "depth_density": np.nan,
            "mm_online_ratio": np.where(during, online, 1.0),
        }
    )


PANEL = pd.concat(
    [
        history("binance:BTCUSDT", "crypto_spot", 0.3),
        history("other:LINKUSDT", "crypto_spot", 0.5, volume=(1e6, 5e5)),
        history("other:APTUSDT", "crypto_spot", 0.7, volume=(1e6, 5e5)),
        history("sim:GOV", "bond_sovereign", 0.02, online=0.1, volume=(np.nan, np.nan)),
        history("late", "equity", 0.9)[60:],
    ],
    ignore_index=True,
)


@pytest.mark.feature("AP-ST-01")
def test_moves_are_those_of_the_record() -> None:
    moves = crisis_moves(PANEL, CRISIS)
    assert list(moves.index) == ["binance:BTCUSDT", "other:APTUSDT", "other:LINKUSDT", "sim:GOV"]
    btc = moves.loc["binance:BTCUSDT"]
    assert btc["stress_class"] == "crypto_major"
    assert btc["price_fall_frac"] == pytest.approx(0.3)
    assert btc["spread_mult"] == pytest.approx(3.0)
    assert btc["volume_haircut_frac"] == pytest.approx(-1.0)  # volume rises in a crash
    assert btc["vol_mult"] > 5.0
    assert np.isnan(btc["depth_haircut_frac"])
    assert (btc["calm_sessions"], btc["crisis_sessions"]) == (60.0, 5.0)
    assert moves.loc["sim:GOV", "dealer_withdrawal_frac"] == pytest.approx(0.9)


@pytest.mark.feature("AP-ST-01", "BX-ST-05")
def test_positions_without_record_follow_their_class() -> None:
    held, surface = make_holdings(), make_surface()
    vector = replay_vector(crisis_moves(PANEL, CRISIS), CRISIS, held)
    assert vector.price_fall_frac[5] == pytest.approx(0.3)
    assert vector.note[5] == ""
    assert vector.price_fall_frac[6] == pytest.approx(0.6)  # median of LINK and APT
    assert vector.note[6] == "proxy_class_median"
    assert vector.note[4] == "no_history_of_class"
    assert vector.price_fall_frac[4] == 0.0
    found = stress(held, surface, vector)
    assert found.price_loss_base[5] == pytest.approx(0.3 * held.value_base[5])
    assert found.after.days[0] > found.before.days[0] * 9.0  # dealers left


@pytest.mark.feature("AP-ST-01")
def test_the_path_ends_where_the_prices_end() -> None:
    held = make_holdings()
    path = replay_path(PANEL, crisis_moves(PANEL, CRISIS), CRISIS, held)
    assert list(path["session_date"]) == [CRISIS.first + timedelta(days=day) for day in range(5)]
    assert path["loss_base"].idxmax() == 2
    btc = 0.3 * held.value_base[5]
    alts = 0.6 * held.value_base[6]
    gov = 0.02 * held.value_base[0]
    assert path["loss_base"].max() == pytest.approx(btc + alts + gov, rel=1e-9)
    assert 0.0 < path["own_frac"].iloc[0] < 1.0


def test_later_rows_change_nothing() -> None:
    later = history("binance:BTCUSDT", "crypto_spot", 0.3).tail(1).assign(session_date=date(2026, 6, 1), close=1.0)
    pd.testing.assert_frame_equal(
        crisis_moves(pd.concat([PANEL, later], ignore_index=True), CRISIS), crisis_moves(PANEL, CRISIS)
    )


def test_nothing_recorded() -> None:
    with pytest.raises(InsufficientDataError, match="signal_panel"):
        replay_vector(crisis_moves(PANEL.iloc[:0], CRISIS), CRISIS, make_holdings())
    with pytest.raises(InsufficientDataError, match="closes before"):
        replay_path(PANEL.iloc[:0], crisis_moves(PANEL, CRISIS), CRISIS, make_holdings())
    with pytest.raises(ConfigError, match="covid_2020"):
        crisis_named("covid_2021")
