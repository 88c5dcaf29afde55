import numpy as np
import pandas as pd
import pytest

from liquidity.book import BookSnapshot, book_sweep
from liquidity.domain.errors import ContractError, InsufficientDataError
from liquidity.impact.book_curves import Curve, book_curve
from liquidity.impact.calibrated_pools import ImpactCalibration
from liquidity.impact.ensemble import BlendedImpact
from liquidity.impact.round_trip import (
    QuotePath,
    TakerTrades,
    run_round_trips,
    walk_bps,
    walk_round_trips,
    window_round_trips,
)
from liquidity.impact.round_trip_judgement import cost_by_size, earlier_half, judge_round_trips

S = 10**9


def tape(*rows: tuple[float, float, float, float]) -> TakerTrades:
    """Seconds, price, size in currency, side."""
    columns = np.array(rows, dtype=np.float64).T
    return TakerTrades((columns[0] * S).astype(np.int64), columns[1], columns[2], columns[3])


QUOTES = QuotePath(
    np.array([0, 5, 20, 100]) * S, np.array([100.0, 100.1, 100.2, 100.0]), np.array([1.0, 2.0, 3.0, 4.0])
)


class TestRuns:
    def test_a_run_ends_when_the_side_turns_and_is_judged_by_the_mid_before_it(self) -> None:
        trades = tape((1, 100.02, 100.02, 1), (2, 100.04, 300.12, 1), (10, 100.05, 200.1, -1), (11, 99.9, 1.0, 1))
        legs = run_round_trips(trades, QUOTES, longest_pause_s=60.0, after_s=[10.0])
        assert legs["trip"].tolist() == [0, 0]
        assert legs["side_sign"].tolist() == [1.0, -1.0]
        assert legs["size_ccy"].tolist() == pytest.approx([400.14, 200.1])
        assert legs["trades"].tolist() == [2, 1]
        average = 400.14 / (1.0 + 3.0)
        assert legs["arrival_slippage_bps"].tolist() == pytest.approx(
            [1e4 * (average / 100.0 - 1.0), 1e4 * (1.0 - 100.05 / 100.1)]
        )
        assert legs["half_spread_bps"].tolist() == [1.0, 2.0]
        # ten seconds after the trades at 2 and at 10, in the order's direction
        assert legs["moved_10s_bps"].tolist() == pytest.approx([10.0, 0.0])

    def test_a_quote_of_the_same_instant_is_not_before_the_trade(self) -> None:
        legs = run_round_trips(tape((5, 100.1, 1.0, 1), (6, 100.0, 1.0, -1)), QUOTES, 60.0, [])
        assert legs["half_spread_bps"].tolist() == [1.0, 2.0]

    def test_a_pause_cuts_a_run_and_two_of_one_side_are_no_trip(self) -> None:
        trades = tape((1, 100.0, 1.0, 1), (30, 100.0, 1.0, 1), (31, 100.0, 1.0, -1))
        assert run_round_trips(trades, QUOTES, 60.0, [])["size_ccy"].tolist() == [2.0, 1.0]
        assert run_round_trips(trades, QUOTES, 10.0, [])["size_ccy"].tolist() == [1.0, 1.0]

    def test_an_unknown_side_or_no_quote_before_it_is_no_leg(self) -> None:
        early = QuotePath(QUOTES.at_ns + 10 * S, QUOTES.mid, QUOTES.half_spread_bps)
        trades = tape(
            (1, 100.0, 1.0, 1), (2, 100.0, 1.0, -1), (11, 100.0, 1.0, 0), (12, 100.0, 1.0, 1), (13, 100.0, 1.0, -1)
        )
        legs = run_round_trips(trades, early, 60.0, [10.0])
        assert legs["started_ns"].tolist() == [12 * S, 13 * S]

    def test_where_the_quotes_end_nothing_is_said_of_later(self) -> None:
        legs = run_round_trips(tape((98, 100.0, 1.0, 1), (99, 100.0, 1.0, -1)), QUOTES, 60.0, [1.0, 10.0])
        assert legs["moved_1s_bps"].notna().all()
        assert legs["moved_10s_bps"].isna().all()

    def test_no_trade_is_refused(self) -> None:
        nothing = TakerTrades(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0))
        with pytest.raises(InsufficientDataError):
            run_round_trips(nothing, QUOTES, 1.0, [])
        with pytest.raises(InsufficientDataError):
            window_round_trips(nothing, QUOTES, 1.0, [])


def test_a_window_is_an_order_of_its_net_flow_at_the_price_of_that_side() -> None:
    trades = tape(
        (1, 100.0, 50.0, 1), (2, 99.0, 20.0, -1), (3, 101.0, 50.5, 1), (12, 100.0, 5.0, 1), (13, 99.5, 30.0, -1)
    )
    legs = window_round_trips(trades, QUOTES, window_s=10.0, after_s=[])
    assert legs["side_sign"].tolist() == [1.0, -1.0]
    assert legs["size_ccy"].tolist() == pytest.approx([80.5, 25.0])
    assert legs["arrival_slippage_bps"].iloc[0] == pytest.approx(1e4 * (100.5 / 1.0 / 100.0 - 1.0))
    assert legs["arrival_slippage_bps"].iloc[1] == pytest.approx(1e4 * (1.0 - 99.5 / 100.1))


BOOK = BookSnapshot.from_levels(
    bids=[[99.0, 10.0], [98.0, 20.0], [96.0, 30.0]], asks=[[101.0, 5.0], [103.0, 10.0], [104.0, 50.0]]
)


def curve(levels: np.ndarray, mid: float = 100.0) -> Curve:
    made = book_curve(levels[:, 0], levels[:, 0] * levels[:, 1], mid)
    assert made is not None
    return made


@pytest.mark.feature("AP-IM-02")
class TestWalks:
    def test_a_walk_is_the_sum_over_the_levels(self) -> None:
        for side, levels in ((1, BOOK.asks), (-1, BOOK.bids)):
            for qty in (1.0, 5.0, 12.0, 55.0):
                fill = book_sweep(BOOK, side, qty)
                assert fill.avg_price is not None
                # the curve spends currency, the sweep buys units
                spent = np.array([fill.avg_price * qty])
                levels_paid = np.minimum(
                    np.maximum(qty - np.append(0.0, np.cumsum(levels[:, 1])[:-1]), 0.0), levels[:, 1]
                )
                weights = levels_paid * levels[:, 0]
                expected = 1e4 * float((weights * np.abs(levels[:, 0] / 100.0 - 1.0)).sum() / weights.sum())
                assert walk_bps(curve(levels), spent)[0] == pytest.approx(expected)

    def test_beyond_the_book_and_at_no_size_there_is_no_walk(self) -> None:
        told = walk_bps(curve(BOOK.asks), np.array([0.0, 1.0, 1e9, np.nan]))
        assert np.isnan(told).tolist() == [True, False, True, True]

    def test_a_quiet_book_is_predicted_exactly(self) -> None:
        n = 12
        legs = walk_round_trips(
            np.arange(n) * S, [curve(BOOK.asks)] * n, [curve(BOOK.bids)] * n, np.array([100.0, 2000.0]), delay=1, hold=2
        )
        assert legs["trip"].nunique() == 6
        assert legs["arrival_slippage_bps"].tolist() == pytest.approx(legs["book_bps"].tolist())
        assert legs["half_spread_bps"].unique().tolist() == pytest.approx([100.0])
        assert (legs.groupby("trip")["side_sign"].sum() == 0.0).all()

    def test_the_sale_is_made_later_on_the_book_of_then(self) -> None:
        thin = curve(np.array([[90.0, 100.0]]))
        bids = [curve(BOOK.bids)] * 3 + [thin]
        legs = walk_round_trips(np.arange(4) * S, [curve(BOOK.asks)] * 4, bids, np.array([100.0]), delay=1, hold=2)
        sale = legs[legs["side_sign"] < 0.0].iloc[0]
        assert (sale["book_bps"], sale["arrival_slippage_bps"]) == pytest.approx((100.0, 1000.0))

    def test_a_size_beyond_either_book_is_left_out_and_no_book_is_refused(self) -> None:
        books = [curve(BOOK.asks)] * 4, [curve(BOOK.bids)] * 4
        legs = walk_round_trips(np.arange(4) * S, *books, np.array([100.0, 6000.0]), delay=1, hold=2)
        assert legs["size_ccy"].unique().tolist() == [100.0]
        with pytest.raises(InsufficientDataError):
            walk_round_trips(np.arange(4) * S, [None] * 4, books[1], np.array([100.0]), delay=1, hold=2)


def legs_of(scale: float, n: int = 400, noise_bps: float = 0.5, seed: int = 8) -> pd.DataFrame:
    """Trips whose legs cost the prior blend times ``scale``."""
    rng = np.random.default_rng(seed)
    size = np.repeat(np.exp(rng.uniform(-8.0, -2.0, n // 2)), 2)
    impact = BlendedImpact.prior().cost_bps(size, 0.02, 0.1)[0]
    return pd.DataFrame(
        {
            "trip": np.arange(n) // 2,
            "started_ns": np.arange(n) * S,
            "side_sign": np.tile([1.0, -1.0], n // 2),
            "size_ccy": size * 1e8,
            "adv_ccy": 1e8,
            "volatility_daily_frac": 0.02,
            "horizon_sessions": 0.1,
            "half_spread_bps": 1.0,
            "arrival_slippage_bps": 1.0 + scale * impact + noise_bps * rng.normal(size=n),
            "asset_class": "equity",
            "venue": "XNYS",
            "session_date": pd.Timestamp("2026-03-02") + pd.to_timedelta(np.arange(n) // 40, unit="D"),
        }
    )


@pytest.mark.feature("AP-IM-03", "AI-IM-06")
class TestJudging:
    def test_what_was_learned_from_the_first_half_predicts_the_second(self) -> None:
        judged = judge_round_trips(legs_of(0.5)).set_index("model")
        assert judged.loc["blend", "scale"] == pytest.approx(0.5, abs=0.03)
        assert judged.loc["blend", "slope"] == pytest.approx(1.0, abs=0.05)
        assert judged.loc["blend before calibration", "slope"] == pytest.approx(0.55, abs=0.05)
        assert str(judged.loc["blend before calibration", "verdict"]).startswith("mis-scaled")
        assert judged.loc["blend", "rmse_bps"] < judged.loc["blend before calibration", "rmse_bps"]
        assert judged.loc["blend", "rmse_bps"] < judged.loc["fixed", "rmse_bps"]
        assert judged.loc["blend", "beats_fixed_t"] > 2.0
        assert int(judged["best_before"].sum()) == 1
        assert judged["n"].tolist() == [100] * len(judged)
        assert (judged["fit_n"] == 200).all()

    def test_nothing_of_the_second_half_is_learned_from(self) -> None:
        legs = legs_of(0.5)
        changed = legs.copy()
        later = ~earlier_half(legs)
        changed.loc[later, "arrival_slippage_bps"] *= 7.0
        one, other = judge_round_trips(legs), judge_round_trips(changed)
        assert one["scale"].tolist() == pytest.approx(other["scale"].tolist(), nan_ok=True)
        assert one["best_before"].tolist() == other["best_before"].tolist()
        assert one["mean_predicted_bps"].tolist() == pytest.approx(other["mean_predicted_bps"].tolist())

    def test_a_trip_is_never_cut(self) -> None:
        legs = legs_of(1.0, n=10)
        early = earlier_half(legs)
        assert (pd.Series(early).groupby(legs["trip"]).nunique() == 1).all()
        assert 0 < early.sum() < len(legs)

    def test_a_leg_without_a_number_takes_its_trip_along(self) -> None:
        legs = legs_of(0.5)
        legs.loc[399, "half_spread_bps"] = np.nan
        assert judge_round_trips(legs)["n"].iloc[0] == 99

    def test_two_pools_or_no_trip_are_refused(self) -> None:
        legs = legs_of(0.5)
        legs.loc[0, "venue"] = "XNAS"
        with pytest.raises(ContractError, match="2 pools"):
            judge_round_trips(legs)
        with pytest.raises(InsufficientDataError):
            judge_round_trips(legs_of(0.5).iloc[::2])

    def test_cost_by_size_shows_the_same_prediction(self) -> None:
        legs = legs_of(0.5, noise_bps=0.0)
        shown = cost_by_size(legs, ImpactCalibration.from_parents(legs), buckets=4)
        assert shown["legs"].sum() == 400
        assert (shown["size_adv_frac"].diff().dropna() > 0.0).all()
        assert shown["predicted_bps"].tolist() == pytest.approx(shown["realised_bps"].tolist(), rel=0.05)
