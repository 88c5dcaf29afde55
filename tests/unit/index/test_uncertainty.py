"""Uncertainty: golden formula, monotone total, component errors."""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.features.scaling import component_parts
from liquidity.index.liquidity_index import score_observed
from liquidity.index.profiles import weight_profile
from liquidity.index.thresholds import PulseThresholds
from liquidity.index.uncertainty import band_80, component_sd, total_sd, uncertainty

MakeFeatures = Callable[..., pd.DataFrame]
V1 = weight_profile("bondx_v1")


@pytest.mark.feature("BX-IX-08")
def test_the_known_part_is_the_published_formula() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        shares = random.dirichlet(np.ones(5)) * random.choice([1.0, 0.8, 0.4])
        sds = random.uniform(0, 25, 5)
        lost = random.random(5) < 0.3
        shares[lost], sds[lost] = 0.0, np.nan
        known = uncertainty(
            shares.tolist(), [None if x else float(s) for x, s in zip(lost, sds, strict=True)], 0.3, 25.0
        )
        coverage = shares.sum()
        expected = 25.0 if known.sd is None else coverage * known.sd + (1 - coverage) * 25.0
        assert total_sd(shares[np.newaxis], sds[np.newaxis], 0.3, 25.0)[0] == pytest.approx(expected)


def test_nothing_known_and_wrong_lengths() -> None:
    assert uncertainty([0.5, 0.5], [None, None], 0.3, 25.0).sd_total is None
    assert uncertainty([], [], 0.3, 25.0).sd is None
    with pytest.raises(ConfigError, match="2 weights for 1"):
        uncertainty([0.5, 0.5], [1.0], 0.3, 25.0)


@pytest.mark.feature("BX-IX-08")
def test_losing_1_2_or_3_signals_never_narrows_a_row(make_features: MakeFeatures) -> None:
    features = make_features(200, seed=5)
    names = [item.feature for item in V1.liquidity]

    def sd_without(lost: tuple[str, ...]) -> np.ndarray:
        columns = [c for name in lost for c in (name, f"{name}_own_rank_frac")]
        changed = features.copy()
        changed.loc[changed.index[::10], columns] = np.nan
        table = score_observed(changed, V1).iloc[::10]
        return np.where(table["method"] == "observed", table["uncertainty_sd"], np.inf)

    known = {lost: sd_without(lost) for k in range(4) for lost in itertools.combinations(names, k)}
    for lost, sd in known.items():
        for name in lost:
            assert (sd >= known[tuple(n for n in lost if n != name)] - 1e-12).all(), lost


@pytest.mark.feature("BX-IX-08")
def test_ageing_inputs_never_narrow(make_features: MakeFeatures) -> None:
    features = make_features(200, seed=6)
    last = np.zeros(200)
    for trust in (1.0, 0.9, 0.75, 0.6):
        sd = score_observed(features.assign(micro_weight_frac=trust), V1)["uncertainty_sd"].to_numpy()
        assert (sd >= last).all()
        last = sd


def test_component_error_counts_names_disagreement_and_missing_views(make_features: MakeFeatures) -> None:
    limits = PulseThresholds()
    features = make_features(300, seed=1)
    parts = component_parts(features, V1)
    few = component_sd(parts, np.full(300, 10.0), 0.5, limits)
    many = component_sd(parts, np.full(300, 60.0), 0.5, limits)
    ranked = ~parts.natural
    assert (few[:, ranked] >= many[:, ranked]).all()
    assert (many[:, parts.natural] == limits.natural_sd_points).all()
    j = parts.names.index("spread_bps")
    gap = np.abs(parts.own[:, j] - parts.peer[:, j])
    agree, differ = many[gap < 5, j], many[gap > 45, j]
    assert agree.max() < differ.min()
    assert many[:, ranked].max() <= limits.prior_sd_points
    assert many.min() > 0.0
    alone = component_parts(features.assign(spread_bps_own_rank_frac=np.nan), V1)
    assert (component_sd(alone, np.full(300, 60.0), 0.5, limits)[:, j] >= limits.unseen_view_sd_points).all()


def test_the_band_is_cut_at_the_scale() -> None:
    lower, upper = band_80(np.array([2.0, np.nan]), np.array([10.0, 10.0]))
    assert lower[0] == 0.0
    assert upper[0] == pytest.approx(14.816)
    assert np.isnan(lower[1])
    assert np.isnan(upper[1])
