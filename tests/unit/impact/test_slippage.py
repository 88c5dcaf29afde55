import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.impact.book_curves import BookCurves, book_curve
from liquidity.impact.slippage import PaperSlippage, impact_report
from liquidity.impact.surface import IMMEDIATE_SESSIONS, LiquiditySurface


def surface() -> LiquiditySurface:
    """A thin and a deep book of one share, and an instrument without volume."""
    ask = np.array([100.01, 100.05, 100.1])
    bid = np.array([99.99, 99.95, 99.9])
    curves = BookCurves.of(
        3,
        {0: book_curve(ask, np.full(3, 5e4), 100.0), 1: book_curve(ask, np.full(3, 5e6), 100.0)},
        {0: book_curve(bid, np.full(3, 5e4), 100.0), 1: book_curve(bid, np.full(3, 5e6), 100.0)},
    )
    return LiquiditySurface.of(
        ["thin", "deep", "unknown"],
        spread_bps=2.0,
        adv_ccy=[1e7, 1e9, np.nan],
        volatility_daily_frac=0.02,
        price=100.0,
        curves=curves,
    )


@pytest.mark.feature("AP-IM-04")
class TestPaperSlippage:
    def test_the_same_order_costs_more_in_the_thin_book(self) -> None:
        costs = PaperSlippage().cost_bps(surface(), 1, np.full(3, 1e5), IMMEDIATE_SESSIONS)
        assert costs[0] > 2.0 * costs[1] >= 1.0
        assert np.isnan(costs[2])

    def test_the_fixed_model_stays_to_be_chosen(self) -> None:
        fixed = PaperSlippage("fixed_bps")
        assert fixed.cost_bps(surface(), -1, np.array([1e3, 1e6, np.nan]), 1.0)[:2].tolist() == [10.0, 10.0]
        assert np.isnan(fixed.cost_bps(surface(), -1, np.array([1e3, 1e6, np.nan]), 1.0)[2])
        assert PaperSlippage("fixed_bps", 3.0).cost_bps(surface(), 1, np.full(3, 1.0), 1.0).tolist() == [3.0] * 3

    def test_both_sides_are_filled_to_their_disadvantage(self) -> None:
        assert PaperSlippage().fill_price(200.0, [1, -1], [10.0, 10.0]).tolist() == pytest.approx([200.2, 199.8])

    def test_what_cannot_be_charged_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="model 'fixed'"):
            PaperSlippage("fixed")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="fixed_bps -1"):
            PaperSlippage("fixed_bps", -1.0)


def orders(scale: float, n: int = 200, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(1.0, 30.0, n)
    return predicted, scale * predicted + rng.normal(0.0, 5.0, n)


@pytest.mark.feature("AI-IM-06")
class TestImpactReport:
    def test_a_right_model_is_in_scale(self) -> None:
        told = impact_report(*orders(1.0))
        assert told.n == 200
        assert told.slope_low is not None
        assert told.slope_high is not None
        assert told.slope_low < 1.0 < told.slope_high
        assert told.mis_scaled is False
        assert told.finding.startswith("in scale")
        assert told.rmse_bps == pytest.approx(5.0, rel=0.15)

    @pytest.mark.parametrize("scale", [0.5, 1.3, 2.0])
    def test_a_mis_scaled_model_is_flagged(self, scale: float) -> None:
        told = impact_report(*orders(scale))
        assert told.mis_scaled is True
        assert told.slope == pytest.approx(scale, abs=0.1)
        assert "mis-scaled" in told.finding

    def test_the_interval_holds_the_truth_as_often_as_it_says(self) -> None:
        flagged = sum(impact_report(*orders(1.0, seed=seed)).mis_scaled is True for seed in range(400))
        assert 0.02 < flagged / 400 < 0.09

    def test_too_few_orders_or_nothing_predicted_is_unknown(self) -> None:
        few = impact_report([1.0] * 29, [1.0] * 29)
        assert (few.slope, few.mis_scaled) == (None, None)
        assert few.finding == "unknown: 29 orders with a prediction and a cost, 30 wanted"
        assert impact_report([0.0] * 40, [1.0] * 40).finding == "unknown: all 40 predictions are 0"
        assert impact_report([], []).n == 0

    def test_orders_of_one_moment_count_once(self) -> None:
        predicted, realised = orders(1.0, n=60)
        once = impact_report(predicted, realised)
        thrice = impact_report(np.tile(predicted, 3), np.tile(realised, 3), clusters=np.tile(np.arange(60), 3))
        assert thrice.slope == pytest.approx(once.slope)
        assert (thrice.slope_low, thrice.slope_high) == pytest.approx((once.slope_low, once.slope_high))
        assert (thrice.bias_low_bps, thrice.bias_high_bps) == pytest.approx((once.bias_low_bps, once.bias_high_bps))
        naive = impact_report(np.tile(predicted, 3), np.tile(realised, 3))
        assert naive.slope_low is not None
        assert once.slope_low is not None
        assert naive.slope_low > once.slope_low
        assert impact_report(predicted, realised, clusters=np.zeros(60, dtype=np.int64)).slope is None

    def test_a_pair_with_a_missing_number_is_left_out(self) -> None:
        predicted, realised = orders(1.0)
        predicted[0], realised[1] = np.nan, np.nan
        assert impact_report(predicted, realised).n == 198

    def test_series_that_do_not_fit_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="one per order"):
            impact_report([1.0], [1.0, 2.0])
        with pytest.raises(ConfigError, match="confidence"):
            impact_report([1.0], [1.0], confidence=1.0)
