"""Liquidity index and repayment support: published weights, coverage, drivers, single call equals batch."""

import itertools
import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from liquidity.contracts.pulse import LIQUIDITY_INDEX, REPAYMENT_SUPPORT
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.features.scaling import component_scores
from liquidity.index.aggregation import weigh
from liquidity.index.liquidity_index import liquidity_index, score_liquidity, score_observed
from liquidity.index.profiles import profiles_for, weight_profile, with_overrides
from liquidity.index.repayment_support import repayment_support, score_repayment
from liquidity.index.thresholds import PulseThresholds

MakeFeatures = Callable[..., pd.DataFrame]
V1 = weight_profile("bondx_v1")
LIQUIDITY_WEIGHTS = {item.feature: item.weight for item in V1.liquidity}
REPAYMENT_WEIGHTS = {item.feature: item.weight for item in V1.repayment}


@pytest.mark.feature("BX-IX-02")
def test_published_weights_map_raw_sums_to_0_100() -> None:
    """C-04: with 0-1 features the signed raw sum lies in [-0.4, 0.6]; the index is 100 * (raw + 0.4)."""
    random = np.random.default_rng(7)
    for x in [np.zeros(6), np.ones(6), *random.random((50, 6))]:
        values = dict(zip(LIQUIDITY_WEIGHTS, x, strict=True))
        raw = sum(LIQUIDITY_WEIGHTS[name] * value for name, value in values.items())
        scores = {name: 100 * (v if LIQUIDITY_WEIGHTS[name] > 0 else 1 - v) for name, v in values.items()}
        assert liquidity_index(scores, LIQUIDITY_WEIGHTS, 0.5).index == pytest.approx(100 * (raw + 0.4), abs=1e-10)


@pytest.mark.feature("BX-IX-01", "BX-IX-03")
@pytest.mark.parametrize("weights", [LIQUIDITY_WEIGHTS, REPAYMENT_WEIGHTS])
def test_all_best_is_100_all_worst_is_0(weights: dict[str, float]) -> None:
    assert liquidity_index(dict.fromkeys(weights, 100.0), weights, 0.5).index == pytest.approx(100.0)
    assert liquidity_index(dict.fromkeys(weights, 0.0), weights, 0.5).index == 0.0


@pytest.mark.feature("BX-IX-04")
def test_repayment_row_equals_the_hand_result() -> None:
    scores = {"traffic_index": 55.0, "utilities_index": 60.0, "sentiment_intensity": 40.0, "buzz_volume": 30.0,
              "spread_stability": 75.0, "depth_stability": 70.0}  # fmt: skip
    by_hand = 0.25 * 55 + 0.2 * 60 + 0.15 * 40 + 0.1 * 30 + 0.2 * 75 + 0.1 * 70
    assert repayment_support(scores, REPAYMENT_WEIGHTS, 0.5).index == pytest.approx(by_hand) == pytest.approx(56.75)


@pytest.mark.feature("BX-IX-15")
@pytest.mark.parametrize("side", ["liquidity", "repayment"])
def test_any_subset_of_signals_gives_a_score_or_insufficient_data(make_features: MakeFeatures, side: str) -> None:
    """All 64 subsets at once: row i lacks the signals of subset i; vectorised equals the scalar."""
    items = V1.liquidity if side == "liquidity" else V1.repayment
    names = [item.feature for item in items]
    features = make_features(64 * 8, seed=3)
    subsets = list(itertools.chain.from_iterable(itertools.combinations(names, k) for k in range(7)))
    for i, lacking in enumerate(subsets):
        for name in lacking:
            features.loc[i * 8, [name, f"{name}_own_rank_frac"]] = np.nan
    score = score_observed if side == "liquidity" else score_repayment
    table = score(features, V1)
    column = table.columns[6]
    components = component_scores(features, V1)[names]
    weights = {item.feature: item.weight for item in items}
    for i, lacking in enumerate(subsets):
        row = table.iloc[i * 8]
        given = {n: (None if v != v else float(v)) for n, v in components.iloc[i * 8].items()}
        assert {n for n, v in given.items() if v is None} == set(lacking)
        expected = liquidity_index(given, weights, V1.min_coverage)
        assert row["coverage_frac"] == pytest.approx(expected.coverage)
        if expected.index is None:
            assert row["method"] == "insufficient_data"
            assert np.isnan(row[column])
            assert np.isnan(row["uncertainty_sd"])
            assert all(name in row["reason"] for name in lacking)
            assert row["drivers_json"] == "[]"
        else:
            assert row["method"] == "observed"
            assert row["reason"] == ""
            assert row[column] == pytest.approx(expected.index, abs=1e-9)
            assert {item["feature"] for item in json.loads(row["drivers_json"])} == set(names) - set(lacking)


@pytest.mark.feature("BX-IX-02", "BX-IX-09")
def test_contributions_add_up_and_equal_the_scalar_with_fresh_and_stale_inputs(make_features: MakeFeatures) -> None:
    features = make_features(400, seed=1, missing_frac=0.1, trust=None)
    weighted = weigh(features, V1, V1.liquidity, PulseThresholds())
    components = component_scores(features, V1)
    table = score_observed(features, V1)
    scored = 0
    for i in range(400):
        given = {n: (None if v != v else float(v)) for n, v in components.iloc[i][list(LIQUIDITY_WEIGHTS)].items()}
        trust = {item.feature: float(features[f"{item.group}_weight_frac"].iloc[i]) for item in V1.liquidity}
        expected = liquidity_index(given, LIQUIDITY_WEIGHTS, V1.min_coverage, trust)
        assert weighted.coverage[i] == pytest.approx(expected.coverage, abs=1e-12)
        if expected.index is None:
            assert np.isnan(weighted.score[i])
            continue
        scored += 1
        assert weighted.score[i] == pytest.approx(expected.index, abs=1e-9)
        drivers = json.loads(table["drivers_json"].iloc[i])
        assert abs(50 + sum(d["contribution"] for d in drivers) - table["liquidity_score"].iloc[i]) < 1e-9
        sizes = [abs(d["contribution"]) for d in drivers]
        assert sizes == sorted(sizes, reverse=True)
        assert sum(d["weight"] for d in drivers) == pytest.approx(1.0)
    assert 100 < scored < 400


@pytest.mark.feature("BX-IX-14")
def test_5000_instruments_in_one_pass_equal_single_calls(make_features: MakeFeatures) -> None:
    features = make_features(5000, seed=2, missing_frac=0.15, trust=None)
    profiles = profiles_for()
    batch = score_liquidity(features, profiles)
    support = score_repayment(features, profiles)
    assert list(batch.columns) == list(LIQUIDITY_INDEX.column_names)
    assert list(support.columns) == list(REPAYMENT_SUPPORT.column_names)
    assert set(batch["method"]) >= {"observed", "pooled_issuer", "pooled_sector"}
    by_method = batch.groupby("method").head(4).index
    for i in by_method:
        name = batch.at[i, "instrument_id"]
        pd.testing.assert_frame_equal(score_liquidity(features, profiles, instrument_ids=[name]), batch.loc[[i]])
        pd.testing.assert_frame_equal(score_repayment(features, profiles, instrument_ids=[name]), support.loc[[i]])


def test_scores_never_leave_0_100_and_the_band_holds_them(make_features: MakeFeatures) -> None:
    table = score_liquidity(make_features(2000, seed=4, missing_frac=0.3, trust=None), V1)
    known = table[table["liquidity_score"].notna()]
    assert known["liquidity_score"].between(0, 100).all()
    assert (known["lower_80"] <= known["liquidity_score"]).all()
    assert (known["liquidity_score"] <= known["upper_80"]).all()
    assert known["lower_80"].ge(0).all()
    assert known["upper_80"].le(100).all()
    assert known["uncertainty_sd"].notna().all()
    assert (known["config_hash"].str.len() == 16).all()


def test_the_oldest_age_counts_only_inputs_that_carry_weight(make_features: MakeFeatures) -> None:
    features = make_features(40).assign(micro_age_s=10.0, auction_age_s=500.0, alt_age_s=9e9)
    assert score_observed(features, V1)["oldest_input_age_s"].tolist() == [500.0] * 40
    assert score_observed(features.assign(auction_weight_frac=0.0), V1)["oldest_input_age_s"].tolist() == [10.0] * 40


def test_a_value_without_history_and_peers_is_not_called_missing(make_features: MakeFeatures) -> None:
    names = [item.feature for item in V1.liquidity if item.scaling == "rank"]
    alone = make_features(1).assign(**{f"{name}_own_rank_frac": np.nan for name in names})
    alone["depth_density"] = np.nan
    there = ", ".join(name for name in names if name != "depth_density")
    assert score_observed(alone, V1)["reason"].iloc[0] == (
        f"coverage 0.15 below 0.50; missing: depth_density; not comparable, short history and few peers: {there}"
    )


def test_stale_inputs_are_named_stale_not_missing(make_features: MakeFeatures) -> None:
    table = score_observed(make_features(40).assign(micro_weight_frac=0.0), V1)
    assert (table["method"] == "insufficient_data").all()
    assert table["reason"].iloc[0] == (
        "coverage 0.25 below 0.50; stale: spread_bps, depth_density, turnover_velocity, time_since_last_trade_h"
    )


def test_coverage_exactly_at_the_minimum_scores(make_features: MakeFeatures) -> None:
    features = make_features(40)
    features[["mm_online_ratio", "auction_demand", "time_since_last_trade_h", "turnover_velocity"]] = np.nan
    table = score_observed(features, V1)  # spread and depth: 0.3 + 0.2
    assert (table["method"] == "observed").all()
    np.testing.assert_allclose(table["coverage_frac"], 0.5)


def test_a_profile_scores_its_own_classes_only_and_says_so(make_features: MakeFeatures) -> None:
    features = make_features(30)
    features.loc[:9, "asset_class"] = "equity"
    table = score_liquidity(features, V1)
    assert table.index.tolist() == features.index.tolist()
    assert set(table["reason"].iloc[:10]) == {"profile bondx_v1 does not cover this asset class"}
    assert table["method"].iloc[10:].tolist() == score_liquidity(features.iloc[10:], V1)["method"].tolist()
    both = score_liquidity(features, profiles_for())
    assert both["profile"].iloc[:10].tolist() == ["traded_v1"] * 10
    assert both["instrument_id"].tolist() == features["instrument_id"].tolist()
    repayment = score_repayment(features, profiles_for())
    assert set(repayment["reason"].iloc[:10]) == {"profile traded_v1 has no repayment weights"}


@pytest.mark.feature("BX-IX-13")
def test_changing_a_weight_changes_scores_and_recorded_hash(make_features: MakeFeatures) -> None:
    features = make_features(60)
    changed = with_overrides(V1, {"liquidity": {"spread_bps": -0.6}})
    a, b = score_observed(features, V1), score_observed(features, changed)
    assert (a["liquidity_score"] != b["liquidity_score"]).mean() > 0.9
    assert set(a["config_hash"]).isdisjoint(b["config_hash"])


def test_bad_requests_are_refused(make_features: MakeFeatures) -> None:
    with pytest.raises(ContractError, match="'XNSE:NOBODY'"):
        score_liquidity(make_features(5), V1, instrument_ids=["XNSE:NOBODY"])
    with pytest.raises(ConfigError, match="have no weight"):
        liquidity_index({"esg": 1.0}, LIQUIDITY_WEIGHTS, 0.5)
    with pytest.raises(ContractError, match="micro_weight_frac"):
        score_observed(make_features(5).drop(columns="micro_weight_frac"), V1)


def test_no_rows_give_no_rows(make_features: MakeFeatures) -> None:
    empty = make_features(5).iloc[:0]
    assert list(score_liquidity(empty, V1).columns) == list(LIQUIDITY_INDEX.column_names)
    assert len(score_liquidity(empty, profiles_for())) == 0


def test_a_repeated_index_keeps_the_order_of_rows(make_features: MakeFeatures) -> None:
    features = make_features(30)
    features.loc[::3, "asset_class"] = "equity"
    expected = score_liquidity(features, profiles_for())
    repeated = score_liquidity(features.set_axis([0] * 30), profiles_for())
    pd.testing.assert_frame_equal(repeated.reset_index(drop=True), expected)
