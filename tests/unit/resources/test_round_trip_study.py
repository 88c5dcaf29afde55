from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import SourceUnavailableError
from resources.round_trip_study import RoundTripTables, round_trip_tables

MARKETS = {"binance_usdm_btcusdt": 0.5, "binance_spot_btcusdt": 0.5, "binance_coinm_btcusd_perp": 300.0}
"""Recorded sets and the size of a level in the market's own units."""


def write_book(folder: Path, stem: str, size: float, rng: np.random.Generator, seconds: int = 90) -> None:
    """Four messages a second of a book whose mid wanders, and two trades a second at its best prices."""
    start_ms, ticks = 1_723_161_256_000, 600_000 + np.cumsum(rng.integers(-3, 4, 4 * seconds))
    levels = np.arange(1, 13)
    deltas: list[dict[str, object]] = []
    held: dict[tuple[str, int], float] = {}
    for step, middle in enumerate(ticks.tolist()):
        wanted = {("b", middle - 3 * int(level)): size * float(level) for level in levels}
        wanted |= {("a", middle + 3 * int(level)): size * float(level) for level in levels}
        changed = {key: 0.0 for key in held if key not in wanted} | wanted
        event = {"recv_ns": (start_ms + 250 * step) * 1_000_000, "event_ms": start_ms + 250 * step}
        event |= {"U": step + 2, "u": step + 2, "pu": step + 1}
        deltas += [event | {"side": s, "price": tick / 10, "qty": qty} for (s, tick), qty in changed.items()]
        held = wanted
    depth = pd.DataFrame(deltas)
    if "spot" in stem:
        depth["pu"] = pd.array([None] * len(depth), dtype="Int64")
    first = ticks[0]
    book = pd.DataFrame(
        [
            {"side": side, "price": (first + sign * 3 * level) / 10, "qty": size * float(level)}
            for side, sign in (("b", -1), ("a", 1))
            for level in levels
        ]
    )
    book.insert(0, "recv_ns", (start_ms - 100) * 1_000_000)
    book.insert(1, "event_ms", pd.array([None] * len(book), dtype="Int64"))
    book.insert(2, "last_update_id", 1)
    at = np.arange(2, 4 * seconds, 2)
    buys = rng.random(len(at)) < 0.5
    trades = pd.DataFrame(
        {
            "recv_ns": (start_ms + 250 * at + 100) * 1_000_000,
            "trade_ms": start_ms + 250 * at + 100,
            "trade_id": np.arange(len(at)) + 1,
            "price": (ticks[at] + np.where(buys, 3, -3)) / 10,
            "qty": size * np.ceil(rng.exponential(2.0, len(at))),
            "buyer_is_maker": ~buys,
        }
    )
    for part, table in (("depth", depth), ("snapshot", book), ("trades", trades)):
        table.to_parquet(folder / f"{stem}.{part}.parquet", index=False)


def write_ticks(folder: Path, rng: np.random.Generator) -> None:
    """Two hours of one-sided quote updates on two days, and trades against them."""
    quotes, trades = [], []
    for day in ("2013-10-07", "2013-10-08"):
        n = 7_200
        ts = pd.Timestamp(f"{day} 14:00", tz="UTC") + pd.to_timedelta(np.arange(n), unit="s")
        mid = 182.0 + np.round(np.cumsum(rng.normal(0.0, 0.005, n)), 2)
        bid_turn = np.arange(n) % 2 == 0
        quotes.append(
            pd.DataFrame(
                {
                    "bid": np.where(bid_turn, mid - 0.02, 0.0),
                    "bid_size": np.where(bid_turn, 100, 0),
                    "ask": np.where(bid_turn, 0.0, mid + 0.02),
                    "ask_size": np.where(bid_turn, 0, 100),
                    "susp": 0,
                    "ts": ts,
                    "symbol": "IBM",
                }
            )
        )
        at = np.sort(rng.choice(np.arange(10, n), 1500, replace=False))
        side = rng.choice([-1.0, 1.0], len(at))
        trades.append(
            pd.DataFrame(
                {
                    "price": mid[at - 1] + 0.02 * side,
                    "size": rng.integers(1, 20, len(at)) * 100,
                    "susp": 0,
                    "ts": ts[at] + pd.Timedelta(milliseconds=500),
                    "symbol": "IBM",
                }
            )
        )
    pd.concat(quotes).to_parquet(folder / "us_ibm_quotes_ticks.parquet", index=False)
    pd.concat(trades).to_parquet(folder / "us_ibm_trades_ticks.parquet", index=False)
    days = pd.bdate_range("2013-08-26", "2013-10-11")
    close = 180.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(days))))
    pd.DataFrame(
        {"date": days.date, "symbol": "IBM", "close": close, "volume": 4_000_000, "adj_factor": 0.7}
    ).to_parquet(folder / "us_equity_daily.parquet", index=False)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    rng = np.random.default_rng(11)
    for name in ("equities", "orderbook"):
        (folder / name).mkdir()
    write_ticks(folder / "equities", rng)
    for stem, size in MARKETS.items():
        write_book(folder / "orderbook", stem, size, rng)
    return folder


@pytest.fixture(scope="module")
def tables(recorded: Path) -> RoundTripTables:
    return round_trip_tables(recorded)


@pytest.mark.feature("AI-IM-06")
def test_every_recording_is_judged_by_every_model(recorded: Path, tables: RoundTripTables) -> None:
    recordings = tables.inputs["data"].tolist()
    assert len(recordings) == len(set(recordings)) == 12
    assert set(tables.judged["data"]) == set(tables.by_size["data"]) == set(recordings)
    models = tables.judged.groupby("data")["model"].agg(list)
    assert all(("book" in told) == name.endswith("walks") for name, told in models.items())
    inputs = tables.inputs.set_index("data")
    daily = pd.read_parquet(recorded / "equities" / "us_equity_daily.parquet")
    before = daily[pd.to_datetime(daily["date"]) < "2013-10-07"]
    runs = inputs.loc["IBM ticks 2013-10-07..11, runs"]
    assert runs["adv_ccy"] == pytest.approx((before["close"] * before["volume"]).tail(20).mean())
    assert runs["volatility_daily_frac"] == pytest.approx(np.log(before["close"]).diff().tail(20).std())
    assert (inputs["trips"] > 0).all()
    assert inputs["volatility_daily_frac"].between(0.001, 1.0).all()


def test_a_tape_whose_takers_pay_the_touch_costs_half_the_spread(tables: RoundTripTables) -> None:
    judged = tables.judged.set_index(["data", "model"])
    for name in ("IBM ticks 2013-10-07..11, runs", "binance_spot_btcusdt 2024-08-08, runs"):
        row = judged.loc[(name, "half spread only")]
        assert row["mean_realised_bps"] == pytest.approx(row["mean_predicted_bps"], rel=0.25)
    # the two perpetuals rest the same size in their own units: 0.5 coins, and 300 contracts of 100 USD
    inputs = tables.inputs.set_index("data")["adv_ccy"]
    linear, inverse = (
        inputs[f"{stem} 2024-08-08, runs"] for stem in ("binance_usdm_btcusdt", "binance_coinm_btcusd_perp")
    )
    assert linear / inverse == pytest.approx(1.0, rel=0.3)


def test_an_absent_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="us_ibm_quotes_ticks"):
        round_trip_tables(tmp_path)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.feature("AP-IM-02", "AI-IM-06")
def test_on_the_recorded_markets_the_blend_beats_the_fixed_cost_and_the_book_is_in_scale(real_data: Path) -> None:
    judged = round_trip_tables(real_data).judged.set_index(["model", "data"])
    enough = judged["rmse_bps"].notna()
    errors = judged["rmse_bps"][enough].unstack("model")
    assert len(errors) >= 10
    assert (errors["blend"] < 0.5 * errors["fixed"]).all()
    books = judged.loc["book"]
    assert books["slope"].between(0.95, 1.05).all()
    best_single = judged["rmse_bps"][judged["best_before"]].droplevel("model")
    assert (errors["blend"] <= 1.4 * best_single.reindex(errors.index)).all()
