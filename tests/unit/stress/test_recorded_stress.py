"""Replays and the cascade on recorded markets."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from liquidity.stress.cascade_calibration import cascade_case, fit_density, predict_low
from liquidity.stress.replay import crisis_moves, crisis_named, replay_path, replay_vector
from tests.unit.stress.portfolios import make_holdings, objects

EVENT = pd.Timestamp("2025-10-10 21:00", tz="UTC")


@pytest.fixture(scope="module")
def cases(real_data):
    candles = pd.read_parquet(real_data / "derivs" / "perp_candles_1h.parquet")
    interest = pd.read_parquet(real_data / "derivs" / "perp_open_interest_1h.parquet").sort_values("ts")
    newest = interest.groupby(["coin", "venue"])["oi_usd"].last().groupby("coin").sum()
    made = {}
    for coin in ("BTC", "SOL", "HYPE"):
        rows = candles[(candles["venue"] == "binance") & (candles["coin"] == coin)].sort_values("ts")
        # The only reading of all venues is of March 2026: its ratio to the volume of the thirty days before is carried back.
        recent = rows[rows["ts"].between("2026-02-05", "2026-03-07")]
        ratio = newest[coin] / ((recent["c"] * recent["v"]).sum() / 30.0)
        span = rows[(rows["ts"] <= EVENT) & (rows["ts"] > EVENT - pd.Timedelta(days=30, hours=1))]
        columns = (span[name].to_numpy() for name in ("o", "l", "c", "v"))
        made[coin] = cascade_case(coin, *columns, event=len(span) - 1, open_interest_over_adv=float(ratio))
    return made


@pytest.mark.real_data
@pytest.mark.feature("PL-ST-04")
def test_the_tenth_of_october(cases):
    falls = {coin: round(case.observed_fall_frac, 3) for coin, case in cases.items()}
    assert falls == {"BTC": 0.129, "SOL": 0.311, "HYPE": 0.509}
    fits = {coin: fit_density(case) for coin, case in cases.items()}
    for coin, fit in fits.items():
        assert fit.result.low_price >= cases[coin].observed_low
        assert 1.0 < fit.density_adv < 10.0, coin  # bids of 1 to 10 % of a day for each 1 % of fall, refills included
        assert fit.result.observed_level_frac == 0.0
    # A quarter of the open interest went, as venues' totals did after the event.
    interest = cases["BTC"].level_adv.sum()
    assert fits["BTC"].result.quantity / interest == pytest.approx(0.25, abs=0.05)


@pytest.mark.real_data
@pytest.mark.feature("PL-ST-04")
def test_one_coins_depth_does_not_predict_the_others(cases):
    """Kept as a fact: the documentation must not claim more."""
    density = fit_density(cases["BTC"]).density_adv
    told = {coin: 1.0 - predict_low(case, density).low_price / case.price for coin, case in cases.items()}
    assert told["SOL"] < cases["SOL"].observed_fall_frac - 0.10
    assert told["HYPE"] > cases["HYPE"].observed_fall_frac + 0.10


@pytest.mark.real_data
@pytest.mark.feature("AP-ST-01", "BX-ST-05")
def test_recorded_crises_are_replayed(real_data):
    coins = pd.read_parquet(real_data / "ohlcv" / "crypto_spot_1d.parquet")
    stamp = next(name for name in ("ts", "date", "day") if name in coins)
    panel = pd.DataFrame(
        {
            "session_date": pd.to_datetime(coins[stamp], utc=True).dt.tz_localize(None).dt.normalize(),
            "instrument_id": "binance:" + coins["symbol"].astype(str).str.replace("/", ""),
            "asset_class": "crypto_spot",
            "rating": None,
            "close": coins["close"],
            "turnover_ccy": coins["quote_volume_approx"],
        }
    )
    held = make_holdings([0, 0, 0, 0, 0, 1e3, 1e3, 0])
    held = replace(held, instrument_id=objects([*held.instrument_id[:5], "binance:BTCUSDT", "binance:NEWUSDT", "x:Y"]))
    said = {}
    for name in ("luna_2022", "ftx_2022", "cascade_2025_10"):
        crisis = crisis_named(name)
        moves = crisis_moves(panel, crisis)
        vector, path = replay_vector(moves, crisis, held), replay_path(panel, moves, crisis, held)
        said[name] = (
            len(moves),
            vector.price_fall_frac[5],
            vector.conditions.volume_haircut_frac[5],
            vector.conditions.vol_mult[5],
        )
        assert path["loss_base"].max() > 0.0
        assert vector.note[6] == "proxy_class_median"
    assert said["luna_2022"][1] > 0.20
    assert said["ftx_2022"][1] > 0.20
    assert said["cascade_2025_10"][0] > 30
    assert all(haircut < 0.0 for _, _, haircut, _ in said.values())  # volume rises in a crash
    assert all(mult > 1.0 for *_, mult in said.values())


@pytest.mark.real_data
@pytest.mark.feature("AP-ST-01")
def test_the_spring_of_2020_in_equities(real_data):
    daily = pd.read_parquet(real_data / "equities" / "us_equity_daily.parquet")
    daily = daily[(daily["date"].astype(str) >= "2019-10-01") & (daily["date"].astype(str) <= "2020-04-30")]
    panel = pd.DataFrame(
        {
            "session_date": pd.to_datetime(daily["date"]),
            "instrument_id": "XNYS:" + daily["symbol"].astype(str),
            "asset_class": "equity",
            "rating": None,
            "close": daily["close"] * daily["adj_factor"],
            "turnover_ccy": daily["close"] * daily["volume"],
        }
    )
    moves = crisis_moves(panel, crisis_named("covid_2020"))
    assert moves.loc["XNYS:SPY", "price_fall_frac"] == pytest.approx(0.337, abs=0.001)
    assert moves.loc["XNYS:SPY", "vol_mult"] > 5.0
    assert np.isfinite(moves["volume_haircut_frac"]).all()
