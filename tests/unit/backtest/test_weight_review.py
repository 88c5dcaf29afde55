"""Weight review: a feature that knows is raised, one that does not is lowered, and the profile stays as it is."""

import numpy as np
import pandas as pd
import pytest

from liquidity.backtest.score_validation import ValidationSettings
from liquidity.backtest.weight_review import review_weights
from liquidity.contracts.conform import table_from_frame
from liquidity.contracts.evidence import WEIGHT_REVIEW
from liquidity.contracts.validation import audit
from liquidity.index.profiles import FeatureWeight, WeightProfile
from tests.unit.backtest.market import FIRST, SESSIONS, features_of, illiquidity, panel_of

LAST = FIRST + SESSIONS - 1
QUICK = ValidationSettings(window_sessions=150, resamples=100)
PROFILE = WeightProfile(
    "test_v1",
    ("crypto_spot",),
    liquidity=(
        FeatureWeight("spread_bps", -0.25, "micro"),
        FeatureWeight("turnover_ccy", 0.50, "micro"),
        FeatureWeight("depth_density", 0.25, "micro"),
    ),
    repayment=(),
)


def reviewed(seed=0, profile=PROFILE):
    state = illiquidity(seed)
    rng = np.random.default_rng(4)
    features = features_of(state)
    features["spread_bps_own_rank_frac"] = 1.0 / (1.0 + np.exp(-np.roll(state, -1, axis=0))).ravel()
    features["turnover_ccy_own_rank_frac"] = rng.random(state.size)
    features["depth_density_own_rank_frac"] = np.nan
    table = review_weights(panel_of(50.0 - state), features, profile, LAST, QUICK)
    assert audit(table_from_frame(table, WEIGHT_REVIEW), WEIGHT_REVIEW).rejected.num_rows == 0
    return table.set_index("feature")


@pytest.mark.feature("BX-FC-11")
def test_the_feature_that_knows_is_raised_and_noise_is_lowered():
    table = reviewed()
    assert table["finding"].to_dict() == {
        "spread_bps": "raise",
        "turnover_ccy": "lower",
        "depth_density": "insufficient_data",
    }
    assert table.loc["spread_bps", "rank_correlation_high"] < 0.0
    assert table.loc["spread_bps", "evidence_share_frac"] == pytest.approx(0.125 + 0.375)
    assert table.loc["turnover_ccy", "evidence_share_frac"] == pytest.approx(0.25)
    assert np.isnan(table.loc["depth_density", "evidence_share_frac"])
    assert table["weight_share_frac"].sum() == pytest.approx(1.0)


@pytest.mark.feature("BX-FC-11")
def test_a_weight_of_the_wrong_sign_is_lowered():
    flipped = WeightProfile(
        "test_v2",
        ("crypto_spot",),
        liquidity=(FeatureWeight("spread_bps", 0.5, "micro"), FeatureWeight("turnover_ccy", 0.5, "micro")),
        repayment=(),
    )
    table = reviewed(profile=flipped)
    assert table.loc["spread_bps", "rank_correlation"] > 0.0
    assert table.loc["spread_bps", "finding"] in ("keep", "lower")
    assert table.loc["spread_bps", "finding"] != "raise"


@pytest.mark.feature("BX-FC-11")
def test_the_profile_is_not_changed_and_the_review_repeats():
    before = PROFILE.liquidity
    pd.testing.assert_frame_equal(reviewed(), reviewed())
    assert PROFILE.liquidity == before


def test_an_empty_market_has_no_rows():
    state = illiquidity()
    features = features_of(state)
    empty = review_weights(panel_of(50.0 - state[:, :0]), features, PROFILE, LAST, QUICK)
    assert audit(table_from_frame(empty, WEIGHT_REVIEW), WEIGHT_REVIEW).rows == 0
