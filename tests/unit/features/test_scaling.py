"""Component scores: ranks among peers, blend with own history, natural scaling."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.features.percentile import percentile_score
from liquidity.features.scaling import component_parts, component_scores, peer_groups, peer_mid_ranks
from liquidity.index.profiles import FeatureWeight, WeightProfile

SPREAD = FeatureWeight("spread_bps", -0.6, "micro")
DEPTH = FeatureWeight("depth_density", 0.4, "micro")
ONLINE = FeatureWeight("mm_online_ratio", 0.4, "auction", "natural", "unit")
TONE = FeatureWeight("sentiment_intensity", 0.4, "sentiment", "natural", "signed_unit")


def profile(*items: FeatureWeight, own_weight: float = 0.5, min_peers: int = 20) -> WeightProfile:
    return WeightProfile("test", ("bond_corporate",), items, (), own_weight=own_weight, min_peers=min_peers)


def frame(n: int, **columns: object) -> pd.DataFrame:
    base: dict[str, object] = {
        "session_date": pd.Series([dt.date(2026, 3, 2)] * n, dtype=object),
        "asset_class": ["bond_corporate"] * n,
        "currency": ["INR"] * n,
        "sector": ["FINANCIAL"] * n,
        "rating": ["AAA"] * n,
        "source": ["nse_corporate_bonds"] * n,
    }
    for name in ("spread_bps", "depth_density", "mm_online_ratio", "sentiment_intensity"):
        base[name], base[f"{name}_own_rank_frac"] = np.full(n, np.nan), np.full(n, np.nan)
    return pd.DataFrame({**base, **columns})


def slow_mid_rank(values: np.ndarray, codes: np.ndarray) -> list[float]:
    ranks = []
    for i, value in enumerate(values):
        others = [v for j, v in enumerate(values) if j != i and codes[j] == codes[i] >= 0 and v == v]
        if value != value or codes[i] < 0 or not others:
            ranks.append(float("nan"))
        else:
            ranks.append((sum(v < value for v in others) + 0.5 * sum(v == value for v in others)) / len(others))
    return ranks


@pytest.mark.feature("BX-IX-01", "BX-FE-05")
@pytest.mark.parametrize("seed", range(6))
def test_peer_mid_ranks_equal_the_slow_definition_with_ties_gaps_and_strangers(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.integers(0, 12, 150).astype(float)
    values[random.random(150) < 0.2] = np.nan
    codes = random.integers(-1, 6, 150)
    ranks, others = peer_mid_ranks(values, codes)
    np.testing.assert_allclose(ranks, slow_mid_rank(values, codes), rtol=0, atol=1e-15)
    for i in range(150):
        expected = int(((codes == codes[i]) & ~np.isnan(values)).sum()) - 1
        assert others[i] == (0 if np.isnan(values[i]) or codes[i] < 0 else expected)


@pytest.mark.feature("BX-IX-01")
def test_the_mid_rank_is_the_percentile_of_the_others() -> None:
    values = np.array([4.0, 1.0, 4.0, 9.0, 2.0])
    ranks, _ = peer_mid_ranks(values, np.zeros(5, dtype=np.int64))
    for i, value in enumerate(values):
        others = np.delete(values, i)
        assert 100 * ranks[i] == pytest.approx(percentile_score(others, value, True, 1))


@pytest.mark.feature("BX-IX-01", "BX-FE-05")
def test_best_is_100_and_worst_is_0_in_the_stated_direction() -> None:
    values = np.arange(30.0)
    ranks = values / 29
    features = frame(
        30, spread_bps=values, spread_bps_own_rank_frac=ranks, depth_density=values, depth_density_own_rank_frac=ranks
    )
    scores = component_scores(features, profile(SPREAD, DEPTH))
    assert scores["spread_bps"].iloc[[0, -1]].tolist() == [100.0, 0.0]
    assert scores["depth_density"].iloc[[0, -1]].tolist() == [0.0, 100.0]
    assert scores["spread_bps"].is_monotonic_decreasing
    assert scores["depth_density"].is_monotonic_increasing


def test_own_and_peer_ranks_blend_by_own_weight_and_either_stands_alone() -> None:
    values = np.arange(25.0)
    own = np.full(25, 0.25)
    own[0] = np.nan
    features = frame(25, depth_density=values, depth_density_own_rank_frac=own)
    parts = component_parts(features, profile(DEPTH, own_weight=0.3))
    assert parts.score[24, 0] == pytest.approx(0.3 * 25 + 0.7 * 100)
    assert parts.score[0, 0] == 0.0  # peers alone
    few = component_scores(features.iloc[:19], profile(DEPTH))["depth_density"]
    assert np.isnan(few[0])  # 19 names are no peer group, and it has no history
    assert few[1:].tolist() == [25.0] * 18


def test_peers_are_the_finest_group_that_is_large_enough() -> None:
    # 20 AAA financials, 5 BBB financials (fall back to the sector), 4 utilities and one unknown (fall back to the class)
    sector = ["FINANCIAL"] * 25 + ["UTILITIES"] * 4 + [None]
    rating = ["AAA"] * 20 + ["BBB"] * 5 + ["AAA"] * 4 + [None]
    values = np.arange(30.0)
    parts = component_parts(frame(30, sector=sector, rating=rating, depth_density=values), profile(DEPTH))
    assert parts.peers_n[:, 0].tolist() == [19] * 20 + [24] * 5 + [29] * 5
    assert parts.score[19, 0] == 100.0
    assert parts.score[24, 0] == 100.0
    assert parts.score[25, 0] == pytest.approx(100 * 25 / 29)
    assert parts.score[29, 0] == 100.0


def test_currencies_and_sessions_are_never_ranked_against_each_other() -> None:
    currency = ["INR"] * 20 + ["USD"] * 20
    features = frame(40, currency=currency, depth_density=np.r_[np.arange(20.0), 1e6 + np.arange(20.0)])
    scores = component_scores(features, profile(DEPTH))["depth_density"]
    assert scores.iloc[:20].tolist() == scores.iloc[20:].tolist()
    two_days = pd.concat(
        [features, features.assign(session_date=dt.date(2026, 3, 3), depth_density=1.0)], ignore_index=True
    )
    assert component_scores(two_days, profile(DEPTH))["depth_density"].iloc[:40].tolist() == scores.tolist()


@pytest.mark.feature("BX-IX-01")
def test_recorded_and_simulated_instruments_are_never_peers() -> None:
    source = ["nse_corporate_bonds"] * 20 + ["simulated"] * 20 + ["landing"] * 5
    values = np.r_[np.arange(20.0), 1e6 + np.arange(20.0), np.arange(20.0, 25.0)]
    features = frame(45, source=source, depth_density=values)
    parts = component_parts(features, profile(DEPTH))
    assert parts.peers_n[:, 0].tolist() == [24] * 20 + [19] * 20 + [24] * 5  # feeds of recorded data are peers
    recorded = np.array(source) != "simulated"
    for rows in (recorded, ~recorded):  # as if the other world were not there
        alone = component_parts(features[rows].reset_index(drop=True), profile(DEPTH))
        np.testing.assert_array_equal(parts.score[rows], alone.score)
    few = component_parts(features.iloc[10:40].reset_index(drop=True), profile(DEPTH))
    assert np.isnan(few.score[:10, 0]).all()  # ten recorded names are no peer group beside twenty simulated ones


def test_groups_without_label_are_minus_one() -> None:
    finest, by_sector, whole = peer_groups(
        frame(3, sector=["FINANCIAL", "FINANCIAL", None], rating=["AAA", None, "AAA"])
    )
    assert finest.tolist() == [0, -1, -1]
    assert by_sector.tolist() == [0, 0, -1]
    assert whole.tolist() == [0, 0, 0]


def test_natural_scaling_is_absolute_and_needs_no_peers() -> None:
    features = frame(2, mm_online_ratio=[1.0, 0.25], sentiment_intensity=[-1.0, 0.5])
    scores = component_scores(features, profile(ONLINE, TONE))
    assert scores["mm_online_ratio"].tolist() == [100.0, 25.0]
    assert scores["sentiment_intensity"].tolist() == [0.0, 75.0]
    against = FeatureWeight("zero_trade_share_frac", -0.1, "micro", "natural", "unit")
    assert component_scores(features.assign(zero_trade_share_frac=0.2), profile(against)).iloc[0, 0] == 80.0


def test_a_ratio_outside_0_1_and_infinity_are_refused_with_the_value() -> None:
    with pytest.raises(ContractError, match=r"mm_online_ratio.*found 95"):
        component_scores(frame(2, mm_online_ratio=[0.5, 95.0]), profile(ONLINE))
    with pytest.raises(ContractError, match="infinite"):
        component_scores(frame(2, spread_bps=[1.0, np.inf]), profile(SPREAD))
    with pytest.raises(ContractError, match="no column 'depth_density'"):
        component_scores(frame(2).drop(columns="depth_density"), profile(DEPTH))
    with pytest.raises(ConfigError, match="not in the profile"):
        component_parts(frame(2), profile(DEPTH), ["spread_bps"])


def test_nobody_there_gives_an_empty_table() -> None:
    assert component_scores(frame(0), profile(SPREAD, ONLINE)).shape == (0, 2)


@pytest.mark.parametrize("groups_n", [3, 70_000])
def test_few_and_more_than_16_bit_groups_rank_alike(groups_n: int) -> None:
    random = np.random.default_rng(5)
    values = random.random(2 * groups_n)
    codes = np.repeat(np.arange(groups_n), 2)
    ranks, others = peer_mid_ranks(values, codes)
    pairs = values.reshape(-1, 2)
    assert (others == 1).all()
    np.testing.assert_array_equal(ranks.reshape(-1, 2)[:, 0], (pairs[:, 0] > pairs[:, 1]).astype(float))
