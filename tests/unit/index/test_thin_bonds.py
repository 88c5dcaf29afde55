"""Thin bonds: which method, what value, and the error measured by hiding known bonds."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ContractError
from liquidity.index.liquidity_index import score_liquidity, score_observed
from liquidity.index.profiles import profiles_for, weight_profile
from liquidity.index.thin_bonds import estimate_thin_bonds, hidden_bond_errors
from liquidity.index.thresholds import PulseThresholds

MakeFeatures = Callable[..., pd.DataFrame]
V1 = weight_profile("bondx_v1")


def silenced(features: pd.DataFrame, rows: object) -> pd.DataFrame:
    """The same features where ``rows`` have no signal of their own."""
    changed = features.copy()
    for item in V1.liquidity:
        changed.loc[rows, [item.feature, f"{item.feature}_own_rank_frac"]] = np.nan
    return changed


def test_three_observed_bonds_of_the_issuer_make_a_pool_two_do_not(make_features: MakeFeatures) -> None:
    features = make_features(60).assign(sector="FINANCIAL", rating="AA", asset_class="bond_corporate")
    features["issuer_id"] = [f"OTHER{i}" for i in range(52)] + ["FOUR"] * 4 + ["THREE"] * 3 + ["LONE"]
    thin = silenced(features, [52, 56, 59])
    observed, table = score_observed(thin, V1), score_liquidity(thin, V1)
    assert table["method"][52] == "pooled_issuer"
    assert table["liquidity_score"][52] == pytest.approx(observed["liquidity_score"][53:56].mean())
    assert table["method"][56] == table["method"][59] == "pooled_sector"
    rest = observed["liquidity_score"].drop(index=[52, 56, 59]).mean()
    assert table["liquidity_score"][56] == pytest.approx(rest)
    assert "estimated from 3 observed bonds of the issuer" in table["reason"][52]
    assert table["drivers_json"][52] == "[]"
    pd.testing.assert_frame_equal(table.drop(index=[52, 56, 59]), observed.drop(index=[52, 56, 59]))


def test_sector_and_rating_before_sector_before_rule_before_nothing(make_features: MakeFeatures) -> None:
    features = make_features(40).assign(asset_class="bond_corporate")
    features["issuer_id"] = [f"I{i}" for i in range(40)]
    features["sector"] = ["FINANCIAL"] * 20 + ["UTILITIES"] * 16 + ["INDUSTRIAL"] * 3 + [None]
    features["rating"] = ["AA"] * 6 + ["BB"] * 34
    thin = silenced(features, [0, 6, 36, 37, 39])
    thin.loc[37, "amount_outstanding"] = np.nan
    thin.loc[[37, 39], "maturity_date"] = None
    thin.loc[37, "issue_date"] = None
    table, observed = score_liquidity(thin, V1), score_observed(thin, V1)["liquidity_score"]
    assert table["liquidity_score"][0] == pytest.approx(observed[1:6].mean())
    assert "5 observed bonds of sector and rating" in table["reason"][0]
    assert table["liquidity_score"][6] == pytest.approx(observed[7:20].mean())
    assert table["method"].loc[[0, 6, 36, 37, 39]].tolist() == [
        "pooled_sector", "pooled_sector", "rule_based", "insufficient_data", "rule_based",
    ]  # fmt: skip
    assert np.isnan(table["liquidity_score"][37])
    assert np.isnan(table["uncertainty_sd"][37])


def test_the_rule_likes_large_busy_young_short_bonds(make_features: MakeFeatures) -> None:
    features = silenced(
        make_features(30).assign(asset_class="bond_corporate", sector=None, issuer_id=None), slice(None)
    )
    features["amount_outstanding"] = np.arange(30.0) + 1
    features["turnover_ccy"] = np.arange(30.0)
    features["issue_date"] = sorted(features["issue_date"])
    features["maturity_date"] = sorted(features["maturity_date"], reverse=True)
    table = score_liquidity(features, V1)
    assert set(table["method"]) == {"rule_based"}
    assert table["liquidity_score"].is_monotonic_increasing
    assert table["liquidity_score"].iloc[[0, -1]].tolist() == pytest.approx([25.0, 75.0])
    assert (table["uncertainty_sd"] == 25.0).all()  # nothing could be hidden
    assert "error not measurable" in table["reason"][0]


def test_a_day_of_trade_reports_alone_is_scored_by_rule(make_features: MakeFeatures) -> None:
    features = silenced(
        make_features(30).assign(asset_class="bond_corporate", sector=None, issuer_id=None), slice(None)
    )
    features[["amount_outstanding", "issue_date"]] = None
    features["maturity_date"] = features["maturity_date"].iloc[0]
    features["turnover_ccy"] = np.arange(30.0)
    table = score_liquidity(features, V1)
    assert set(table["method"]) == {"rule_based"}
    assert table["liquidity_score"].is_monotonic_increasing
    assert (table["uncertainty_sd"] == 25.0).all()


def test_hidden_errors_equal_truly_hiding_each_bond(make_features: MakeFeatures) -> None:
    """The slow way: take each observed bond out of the pools and estimate it."""
    features = make_features(120, seed=4, missing_frac=0.2)
    scored = score_observed(features, V1)
    errors = hidden_bond_errors(scored, features).set_index(["asset_class", "method"])
    seen: dict[tuple[str, str], list[float]] = {}
    for i in scored.index[scored["method"] == "observed"]:
        hidden = scored.copy()
        hidden.loc[i, "liquidity_score"], hidden.loc[i, "method"] = np.nan, "insufficient_data"
        for method in ("pooled_issuer", "pooled_sector"):
            limits = PulseThresholds(pooled_issuer_min=3 if method == "pooled_issuer" else 10_000)
            table = estimate_thin_bonds(hidden, features, V1, limits)
            if table["method"][i] == method:
                key = (scored["asset_class"][i], method)
                seen.setdefault(key, []).append(table["liquidity_score"][i] - scored["liquidity_score"][i])
    for key, found in seen.items():
        error = np.array(found)
        assert errors.loc[key, "hidden_n"] == len(error)
        assert errors.loc[key, "mae_points"] == pytest.approx(np.abs(error).mean())
        assert errors.loc[key, "rmse_points"] == pytest.approx(np.sqrt((error**2).mean()))
        assert errors.loc[key, "bias_points"] == pytest.approx(error.mean(), abs=1e-9)
    assert len(seen) >= 3


def test_the_uncertainty_is_the_measured_error_and_never_below_the_pools_spread(make_features: MakeFeatures) -> None:
    features = make_features(800, seed=5, missing_frac=0.25)
    observed, table = score_observed(features, V1), score_liquidity(features, V1)
    errors = hidden_bond_errors(observed, features).set_index(["asset_class", "method"])
    estimated = table[table["method"].isin(["pooled_issuer", "pooled_sector", "rule_based"])]
    assert len(estimated) > 50
    for row in estimated.itertuples():
        error = errors.loc[(row.asset_class, row.method)]
        assert row.uncertainty_sd >= np.hypot(error["rmse_points"], error["yardstick_sd_points"]) - 1e-9
        assert row.uncertainty_sd >= 12.5
        assert f"{int(error['hidden_n'])} hidden bonds" in row.reason


def test_an_issuer_effect_makes_the_issuer_pool_better_than_the_class_mean(make_features: MakeFeatures) -> None:
    features = make_features(600, seed=6).assign(sector="FINANCIAL", asset_class="bond_corporate")
    level = pd.factorize(features["issuer_id"])[0] * 7919 % 100 / 100
    for item in V1.liquidity:
        if item.scaling == "rank":
            features[f"{item.feature}_own_rank_frac"] = level if item.weight > 0 else 1 - level
    features["mm_online_ratio"] = level
    errors = hidden_bond_errors(score_observed(features, V1), features).set_index(["asset_class", "method"])
    pooled = errors.loc[("bond_corporate", "pooled_issuer")]
    assert pooled["rmse_points"] < 0.5 * pooled["naive_rmse_points"]


def test_recorded_and_simulated_bonds_do_not_estimate_one_another(make_features: MakeFeatures) -> None:
    features = make_features(240, seed=7, missing_frac=0.25)
    simulated = np.arange(240) % 2 == 0
    features["source"] = np.where(simulated, "simulated", "nse_corporate_bonds")
    table, observed = score_liquidity(features, V1), score_observed(features, V1)
    errors = hidden_bond_errors(observed, features).set_index(["origin", "asset_class", "method"])
    assert {"pooled_issuer", "pooled_sector", "rule_based"} & set(table["method"])
    for origin, rows in (("simulated", simulated), ("recorded", ~simulated)):
        alone = features[rows].reset_index(drop=True)
        pd.testing.assert_frame_equal(table[rows].reset_index(drop=True), score_liquidity(alone, V1))
        separate = hidden_bond_errors(score_observed(alone, V1), alone)
        pd.testing.assert_frame_equal(
            errors.loc[origin], separate.drop(columns="origin").set_index(["asset_class", "method"])
        )


def test_an_issuer_known_to_the_simulator_only_does_not_pool_a_recorded_bond(make_features: MakeFeatures) -> None:
    features = make_features(12).assign(asset_class="bond_corporate", sector=None, issuer_id="ONE", maturity_date=None)
    features["source"] = ["simulated"] * 11 + ["landing"]
    thin = silenced(features, [10, 11])
    thin["issue_date"] = None
    table = score_liquidity(thin, V1)
    assert table["method"].iloc[[10, 11]].tolist() == ["pooled_issuer", "insufficient_data"]


def test_shares_are_never_estimated_and_rows_must_match(make_features: MakeFeatures) -> None:
    features = make_features(60).assign(asset_class="equity")
    features.loc[:5, ["spread_bps", "amihud_per_m", "turnover_ccy", "spread_bps_own_rank_frac"]] = np.nan
    table = score_liquidity(features, profiles_for())
    assert set(table["method"].iloc[:6]) == {"insufficient_data"}
    with pytest.raises(ContractError, match="key by key"):
        estimate_thin_bonds(table, features.iloc[::-1], profiles_for())
