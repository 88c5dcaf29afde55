import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ContractError
from liquidity.impact.calibrated_pools import PRIOR_LABEL, ImpactCalibration
from liquidity.impact.calibration import PARENT_COLUMNS, calibrate_Y, huber_scale, pool_scale, usable_parents
from liquidity.impact.ensemble import ENOUGH_PARENTS, BlendedImpact, learned_weights, out_of_sample_mse
from liquidity.impact.members import BLENDED_MEMBERS, prior_weights

NAMED = {member.name: member for member in BLENDED_MEMBERS}


def parents(n: int, member: str, scale: float = 1.0, noise_bps: float = 0.0, seed: int = 5) -> pd.DataFrame:
    """Orders whose cost is that of one model, times ``scale``."""
    rng = np.random.default_rng(seed)
    size, volatility = np.exp(rng.uniform(-8.0, -1.5, n)), rng.uniform(0.01, 0.04, n)
    horizon = rng.uniform(0.05, 1.0, n)
    impact = scale * NAMED[member].average_cost_bps(size, volatility, horizon)
    return pd.DataFrame(
        {
            "size_ccy": size * 1e7,
            "adv_ccy": 1e7,
            "volatility_daily_frac": volatility,
            "horizon_sessions": horizon,
            "arrival_slippage_bps": 2.0 + impact + noise_bps * rng.normal(size=n),
            "half_spread_bps": 2.0,
            "asset_class": "equity",
            "venue": np.where(np.arange(n) % 2 == 0, "A", "B"),
            "session_date": pd.Timestamp("2026-01-05") + pd.to_timedelta(np.arange(n) // 4, unit="D"),
        }
    )


class TestCalibrateY:
    def test_rows_with_a_missing_number_are_left_out(self) -> None:
        told = calibrate_Y([100.0, 400.0, None, 9.0], [1e4, 1e4, 1e4, 0.0], [0.01] * 4, [10.0, 20.0, 3.0, 3.0])
        assert pytest.approx(1.0) == told.Y
        assert told.se == pytest.approx(0.0, abs=1e-12)

    def test_nothing_to_learn_from_is_missing(self) -> None:
        assert calibrate_Y([], [], [], []).Y is None
        assert calibrate_Y([0.0], [1e4], [0.01], [3.0]).Y is None


class TestHuberScale:
    def test_it_solves_hubers_equation(self) -> None:
        rng = np.random.default_rng(3)
        x, weights = rng.uniform(1.0, 20.0, 300), rng.uniform(0.5, 2.0, 300)
        y = 0.7 * x + rng.standard_t(2, 300)
        slope, error = huber_scale(x, y, weights)
        root = np.sqrt(weights / weights.mean())
        residual = root * (y - slope * x)
        edge = 1.345 * np.median(np.abs(residual)) / 0.6744897501960817
        assert abs(float(np.clip(residual, -edge, edge) @ (root * x))) < 1e-6 * float((root * x) @ (root * x))
        assert slope == pytest.approx(0.7, abs=4.0 * error)
        assert 0.001 < error < 0.05

    def test_wild_orders_hardly_move_it(self) -> None:
        rng = np.random.default_rng(4)
        x = rng.uniform(1.0, 20.0, 200)
        y = 0.8 * x + rng.normal(size=200)
        y[:5] += 5000.0
        slope, _ = huber_scale(x, y, np.ones(200))
        least_squares = float(x @ y / (x @ x))
        assert abs(slope - 0.8) < 0.03
        assert abs(least_squares - 0.8) > 0.5

    def test_the_standard_error_covers_the_truth_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(9)
        covered = 0
        for _ in range(300):
            x = rng.uniform(1.0, 20.0, 100)
            slope, error = huber_scale(x, 0.6 * x + rng.normal(0.0, 3.0, 100), np.ones(100))
            covered += abs(slope - 0.6) < 1.96 * error
        assert 0.90 < covered / 300 < 0.98

    def test_without_a_prediction_there_is_no_slope(self) -> None:
        assert np.isnan(huber_scale(np.zeros(3), np.ones(3), np.ones(3))).all()
        assert np.isnan(huber_scale(np.zeros(0), np.zeros(0), np.zeros(0))).all()


def test_an_estimate_outside_the_range_is_held_and_says_so() -> None:
    assert pool_scale(9.0, 500, 1.0, "x") == (3.0, "held at the edge")
    assert pool_scale(-1.0, 500, 1.0, "x") == (0.2, "held at the edge")
    assert pool_scale(float("nan"), 0, 0.9, "shrunk to asset class") == (0.9, "shrunk to asset class")


def test_orders_that_cannot_teach_are_left_out_and_a_missing_column_is_refused() -> None:
    table = parents(5, "square_root")
    table.loc[0, "adv_ccy"] = 0.0
    table.loc[1, "arrival_slippage_bps"] = np.nan
    table.loc[2, "volatility_daily_frac"] = 0.0
    assert len(usable_parents(table)) == 2
    with pytest.raises(ContractError, match="half_spread_bps"):
        usable_parents(table.drop(columns="half_spread_bps"))


@pytest.mark.feature("AP-IM-03")
class TestWeights:
    @pytest.mark.parametrize("truth", ["square_root", "almgren2005", "obizhaeva_wang"])
    def test_the_model_that_made_the_orders_earns_the_most(self, truth: str) -> None:
        weights, rmse, n = learned_weights(usable_parents(parents(400, truth, scale=0.5, noise_bps=0.05)))
        names = [member.name for member in BLENDED_MEMBERS]
        assert names[int(weights.argmax())] == truth
        assert names[int(rmse.argmin())] == truth
        assert weights.sum() == pytest.approx(1.0)
        assert weights.min() >= 0.05 * n / (n + ENOUGH_PARENTS)

    def test_only_later_orders_are_predicted(self) -> None:
        table = usable_parents(parents(200, "square_root", noise_bps=1.0))
        whole, n = out_of_sample_mse(table)
        changed = table.copy()
        first = changed["session_date"] <= changed["session_date"].quantile(0.19)
        assert n == int((~first).sum()) == 160
        # what happens in the last block changes only the errors of that block
        last = changed["session_date"] > changed["session_date"].quantile(0.81)
        changed.loc[last, "impact_bps"] += 1000.0
        before_last, _ = out_of_sample_mse(table[~last].reset_index(drop=True))
        assert np.isfinite(before_last).all()
        assert (out_of_sample_mse(changed)[0] > whole).all()

    def test_one_session_leaves_the_prior(self) -> None:
        table = usable_parents(parents(3, "square_root"))
        weights, rmse, n = learned_weights(table)
        assert weights == pytest.approx(prior_weights())
        assert n == 0
        assert np.isnan(rmse).all()


@pytest.mark.feature("AP-IM-01", "AP-IM-03")
class TestPools:
    def test_no_fills_is_the_prior_with_its_label(self) -> None:
        for calibration in (
            ImpactCalibration.prior(),
            ImpactCalibration.from_parents(pd.DataFrame(columns=list(PARENT_COLUMNS))),
        ):
            told = calibration.arrays(np.array(["equity", "corporate"], dtype=object))
            assert told.weight == pytest.approx(np.tile(prior_weights(), (2, 1)))
            assert told.scale.tolist() == [1.0, 1.0]
            assert np.isnan(told.scale_se).all()
            assert told.label.tolist() == [PRIOR_LABEL, PRIOR_LABEL]

    def test_the_scale_that_was_paid_is_found(self) -> None:
        rng = np.random.default_rng(2)
        table = parents(300, "square_root")
        prior = BlendedImpact.prior()
        cost = prior.cost_bps(
            table["size_ccy"] / table["adv_ccy"], table["volatility_daily_frac"], table["horizon_sessions"]
        )[0]
        # every member is asked to be right at once: all cost the same
        table["arrival_slippage_bps"] = 2.0 + 0.6 * cost + rng.normal(0.0, 0.5, len(table))
        calibrated = ImpactCalibration.from_parents(table).blend("equity")
        found = calibrated.cost_bps(
            table["size_ccy"] / table["adv_ccy"], table["volatility_daily_frac"], table["horizon_sessions"]
        )[0]
        assert float(found.sum() / (0.6 * cost).sum()) == pytest.approx(1.0, abs=0.1)

    def test_few_orders_stay_near_the_pool_around_them(self) -> None:
        table = parents(300, "square_root", scale=0.5, noise_bps=0.5)
        table.loc[:, "venue"] = np.where(np.arange(300) < 10, "A", "B")
        told = ImpactCalibration.from_parents(table)
        pools = told.pools.set_index("venue")
        wider = float(pools.loc["", "scale"])
        alone = pools.loc["A"]
        assert pools.loc["A", "label"] == "shrunk to asset class"
        assert pools.loc["B", "label"] == pools.loc["", "label"] == "own fills"
        assert float(alone["scale"]) == pytest.approx((10 * float(alone["scale_found"]) + 50 * wider) / 60)
        seen = told.arrays(
            np.array(["equity"] * 3 + ["bond"], dtype=object), np.array(["A", "C", None, "A"], dtype=object)
        )
        assert seen.label.tolist() == ["shrunk to asset class", "own fills", "own fills", PRIOR_LABEL]
        assert seen.n.tolist() == [10, 300, 300, 0]
        assert seen.scale[1] == seen.scale[2] == wider

    def test_a_class_of_few_orders_is_shrunk_to_one(self) -> None:
        told = ImpactCalibration.from_parents(parents(20, "square_root", scale=2.0)).pools.iloc[0]
        assert told["label"] == "shrunk to prior"
        assert float(told["scale"]) == pytest.approx((20 * float(told["scale_found"]) + 50.0) / 70.0)

    def test_what_the_members_say_is_shown_and_adds_up(self) -> None:
        blend = ImpactCalibration.from_parents(parents(300, "almgren2005", scale=0.7, noise_bps=0.2)).blend(
            "equity", "A"
        )
        shown = blend.explain(0.02, 0.02, 0.5)
        mean, between = blend.cost_bps(0.02, 0.02, 0.5)
        assert shown["member"].tolist() == [member.name for member in BLENDED_MEMBERS]
        assert shown["weight"].sum() == pytest.approx(1.0)
        assert shown["contribution_bps"].sum() == pytest.approx(float(mean))
        spread = np.sqrt((shown["weight"] * (shown["cost_bps"] - float(mean)) ** 2).sum())
        assert spread == pytest.approx(float(between))
        assert not shown.set_index("member").loc["linear", "in_range"]

    def test_the_order_of_the_rows_does_not_matter(self) -> None:
        table = parents(120, "istar", noise_bps=1.0)
        told = ImpactCalibration.from_parents(table)
        shuffled = ImpactCalibration.from_parents(table.sample(frac=1.0, random_state=1))
        pd.testing.assert_frame_equal(told.pools, shuffled.pools)
        pd.testing.assert_frame_equal(told.members, shuffled.members)
