"""The combined score: sector weights, unknown sectors, rating adjustment, additive drivers."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.pulse import BONDX_SCORE, SCORE_METHODS
from liquidity.domain.errors import ContractError
from liquidity.index.bondx_score import _drivers, bondx_score, combine_scores
from liquidity.index.liquidity_index import score_liquidity
from liquidity.index.profiles import profiles_for, weight_profile, with_overrides
from liquidity.index.repayment_support import score_repayment

MakeFeatures = Callable[..., pd.DataFrame]
V1 = weight_profile("bondx_v1")


def tables(features: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return score_liquidity(features, profiles_for()), score_repayment(features, profiles_for())


@pytest.mark.feature("BX-IX-06")
@pytest.mark.parametrize(
    ("sector", "expected"),
    [
        ("FINANCIAL", 71.0),
        ("UTILITIES", 62.0),
        ("INDUSTRIAL", 65.0),
        ("GOVERNMENT", 59.0),
        ("RETAIL", 65.0),
        (None, 65.0),
    ],
)
def test_four_sectors_and_the_default(sector: str | None, expected: float) -> None:
    assert bondx_score(80.0, 50.0, sector).score == pytest.approx(expected)


def test_one_side_alone_carries_its_own_weight_as_coverage() -> None:
    assert bondx_score(None, 50.0, "UTILITIES").coverage == 0.6
    assert bondx_score(70.0, None, "UTILITIES").score == 70.0
    assert bondx_score(None, None, "UTILITIES").score is None


@pytest.mark.feature("BX-IX-05", "BX-IX-06")
def test_vectorised_equals_scalar_and_lies_between_both_sides(make_features: MakeFeatures) -> None:
    features = make_features(800, seed=6, missing_frac=0.2, trust=None)
    liquidity, repayment = tables(features)
    combined = combine_scores(liquidity, repayment, features, V1)
    assert list(combined.columns) == list(BONDX_SCORE.column_names)
    both = 0
    for i in range(800):
        left, right = liquidity["liquidity_score"][i], repayment["repayment_score"][i]
        sector = features["sector"][i]
        expected = bondx_score(
            None if np.isnan(left) else left,
            None if np.isnan(right) else right,
            sector if isinstance(sector, str) else None,
        )
        if expected.score is None:
            assert combined["method"][i] == "insufficient_data"
            continue
        assert combined["bondx_score"][i] == pytest.approx(expected.score, abs=1e-9)
        if not np.isnan(left) and not np.isnan(right):
            both += 1
            assert min(left, right) - 1e-9 <= combined["bondx_score"][i] <= max(left, right) + 1e-9
    assert both > 50


@pytest.mark.feature("BX-IX-06")
def test_an_unknown_sector_is_flagged_even_when_observed(make_features: MakeFeatures) -> None:
    features = make_features(200)
    combined = combine_scores(*tables(features), features, profiles_for())
    unknown = features["sector"].isna()
    assert unknown.any()
    assert set(combined.loc[unknown, "reason"]) == {"sector unknown: default weights 0.5/0.5"}
    assert set(combined.loc[~unknown, "reason"]) == {""}


@pytest.mark.feature("BX-IX-07")
def test_rating_adjustment_is_monotone_cut_at_the_ends_and_off_by_default(make_features: MakeFeatures) -> None:
    features = make_features(300, seed=8)
    liquidity, repayment = tables(features)
    plain = combine_scores(liquidity, repayment, features, V1)
    tilt = {"AAA": 60.0, "AA": 40.0, "A": 1.0, "BBB": 0.0, "BB": -30.0, "B": -40.0, "CCC": -50.0, "D": -60.0}
    tilted = combine_scores(liquidity, repayment, features, with_overrides(V1, {"rating_tilt_points": tilt}))
    change = (tilted["bondx_score"] - plain["bondx_score"]).groupby(features["rating"]).mean()
    assert change.loc[["AAA", "AA", "A", "BBB", "BB"]].is_monotonic_decreasing
    wished = features["rating"].map(tilt).fillna(0.0).to_numpy()
    np.testing.assert_allclose(tilted["bondx_score"], np.clip(plain["bondx_score"] + wished, 0, 100))
    off = with_overrides(V1, {"rating_tilt_points": dict.fromkeys(tilt, 0.0)})
    pd.testing.assert_frame_equal(combine_scores(liquidity, repayment, features, off), plain)
    for table in (plain, tilted):
        for score, drivers in zip(table["bondx_score"], table["drivers_json"], strict=True):
            assert abs(50 + sum(item["contribution"] for item in json.loads(drivers)) - score) < 1e-9


def test_method_is_the_weaker_of_the_sides_used_and_coverage_adds_by_weight(make_features: MakeFeatures) -> None:
    features = make_features(600, seed=9, missing_frac=0.25)
    liquidity, repayment = tables(features)
    combined = combine_scores(liquidity, repayment, features, V1)
    rank = {name: i for i, name in enumerate(SCORE_METHODS)}
    for i in range(600):
        weight = V1.sector_weight(features["sector"][i] if isinstance(features["sector"][i], str) else None)
        used = [(w, f["method"][i], f["coverage_frac"][i]) for w, f in ((weight.liquidity, liquidity), (weight.repayment, repayment))
                if f["method"][i] != "insufficient_data"]  # fmt: skip
        if used:
            assert combined["method"][i] == max((m for _, m, _ in used), key=rank.__getitem__)
            assert combined["coverage_frac"][i] == pytest.approx(sum(w * c for w, _, c in used))
            if combined["method"][i] != "observed" or len(used) < 2:
                assert combined["reason"][i] != ""


def test_shares_and_coins_combine_to_their_liquidity(make_features: MakeFeatures) -> None:
    features = make_features(40).assign(asset_class="crypto_spot", sector=None, rating=None)
    liquidity, repayment = tables(features)
    combined = combine_scores(liquidity, repayment, features, profiles_for())
    np.testing.assert_allclose(combined["bondx_score"], liquidity["liquidity_score"])
    assert set(combined["reason"]) == {""}
    assert set(combined["method"]) == {"observed"}


def test_tables_are_matched_by_key_and_a_missing_or_repeated_row_is_refused(make_features: MakeFeatures) -> None:
    features = make_features(50)
    liquidity, repayment = tables(features)
    expected = combine_scores(liquidity, repayment, features, V1)
    pd.testing.assert_frame_equal(combine_scores(liquidity, repayment.iloc[::-1], features, V1), expected)
    with pytest.raises(ContractError, match=r"repayment_support: 1 of 50 .* first: XNSE:B000007"):
        combine_scores(liquidity, repayment.drop(index=7), features, V1)
    with pytest.raises(ContractError, match="occurs twice"):
        combine_scores(liquidity, pd.concat([repayment, repayment.iloc[:1]]), features, V1)


def test_the_band_widens_when_one_side_is_lost(make_features: MakeFeatures) -> None:
    features = make_features(200, seed=3)
    liquidity, repayment = tables(features)
    lost = score_repayment(features.assign(alt_weight_frac=0.0, sentiment_weight_frac=0.0), profiles_for())
    before = combine_scores(liquidity, repayment, features, V1)["uncertainty_sd"]
    after = combine_scores(liquidity, lost, features, V1)["uncertainty_sd"]
    assert (after >= before - 1e-12).all()


def test_a_class_without_profile_is_refused(make_features: MakeFeatures) -> None:
    features = make_features(50)
    liquidity, repayment = tables(features)
    with pytest.raises(ContractError, match="no profile for the asset classes"):
        combine_scores(liquidity, repayment, features, {"bond_corporate": V1})


def test_drivers_are_the_sides_by_size_then_the_rating_and_nothing_where_not_observed() -> None:
    sides = np.array([[60.0, 20.0], [np.nan, 70.0], [50.0, 50.0], [80.0, 90.0], [np.nan, np.nan]])
    weight = np.array([[0.5, 0.5], [0.0, 1.0], [0.25, 0.75], [0.5, 0.5], [0.0, 0.0]])
    contribution = np.where(weight > 0.0, weight * (np.nan_to_num(sides) - 50.0), 0.0)
    tilt = np.array([0.0, -2.5, 1.0, 3.0, 4.0])
    observed = np.array([True, True, True, False, True])
    found = [json.loads(text) for text in _drivers(sides, weight, contribution, tilt, observed)]
    told = [[(item["feature"], item["score"], item["contribution"]) for item in row] for row in found]
    assert told == [
        [("repayment_score", 20.0, -15.0), ("liquidity_score", 60.0, 5.0)],
        [("repayment_score", 70.0, 20.0), ("rating_tilt", None, -2.5)],
        [("liquidity_score", 50.0, 0.0), ("repayment_score", 50.0, 0.0), ("rating_tilt", None, 1.0)],
        [],
        [("rating_tilt", None, 4.0)],
    ]
