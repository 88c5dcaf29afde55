"""Weight profiles as versioned, checked facts."""

import dataclasses

import pytest

from liquidity.domain.errors import ConfigError
from liquidity.domain.instrument import ASSET_CLASSES
from liquidity.index.configuration import config_hash, read_configuration, run_configurations
from liquidity.index.profiles import (
    DEFAULT_PROFILES,
    PROFILES,
    RatingTilt,
    SectorWeight,
    profiles_for,
    spread_overlap,
    weight_profile,
    with_overrides,
)
from liquidity.index.thresholds import PulseThresholds

V1 = weight_profile("bondx_v1")


@pytest.mark.feature("BX-IX-02")
def test_liquidity_weights_are_the_published_ones_sign_for_sign() -> None:
    assert {item.feature: item.weight for item in V1.liquidity} == {
        "spread_bps": -0.3, "depth_density": 0.2, "turnover_velocity": 0.15, "mm_online_ratio": 0.15,
        "auction_demand": 0.1, "time_since_last_trade_h": -0.1,
    }  # fmt: skip
    assert sum(abs(item.weight) for item in V1.liquidity) == pytest.approx(1.0)


@pytest.mark.feature("BX-IX-03")
def test_repayment_weights_are_the_published_ones_and_sum_to_1() -> None:
    assert {item.feature: item.weight for item in V1.repayment} == {
        "traffic_index": 0.25, "utilities_index": 0.2, "sentiment_intensity": 0.15, "buzz_volume": 0.1,
        "spread_stability": 0.2, "depth_stability": 0.1,
    }  # fmt: skip
    for profile in PROFILES.values():
        for items in (profile.liquidity, profile.repayment):
            assert not items or sum(abs(item.weight) for item in items) == pytest.approx(1.0)


def test_every_asset_class_has_a_default_that_covers_it() -> None:
    assert set(DEFAULT_PROFILES) == set(ASSET_CLASSES)
    assert all(name in profile.asset_classes for name, profile in DEFAULT_PROFILES.items())
    chosen = profiles_for("bondx_v2")
    assert chosen["bond_corporate"].name == "bondx_v2"
    assert chosen["equity"].name == "traded_v1"


@pytest.mark.feature("BX-IX-13")
def test_changing_any_number_changes_the_hash_and_nothing_else_does() -> None:
    base = config_hash(V1)
    assert base == config_hash(dataclasses.replace(V1), PulseThresholds())
    assert len(base) == 16
    assert int(base, 16) >= 0
    changes = [
        config_hash(with_overrides(V1, {"liquidity": {"spread_bps": -0.31}})),
        config_hash(with_overrides(V1, {"min_coverage": 0.6})),
        config_hash(with_overrides(V1, {"sector_weights": {"FINANCIAL": {"liquidity": 0.6, "repayment": 0.4}}})),
        config_hash(with_overrides(V1, {"rating_tilt_points": {"AAA": 1.0}})),
        config_hash(V1, PulseThresholds(warning_fall_points=25.0)),
        config_hash(weight_profile("bondx_v2")),
    ]
    assert len({base, *changes}) == 7
    assert config_hash(with_overrides(V1, {"liquidity": {"spread_bps": -0.3}})) == base
    assert run_configurations(profiles_for()).keys() != run_configurations(profiles_for("bondx_v2")).keys()


@pytest.mark.feature("BX-IX-13")
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"liquidity": {"spred_bps": -0.3}}, r"no feature 'spred_bps'; did you mean 'spread_bps'"),
        ({"liqidity": {}}, r"unknown setting 'liqidity'; did you mean 'liquidity'"),
        ({"liquidity": {"spread_bps": 0.3}}, "opposite sign"),
        ({"liquidity": {"spread_bps": -3.0}}, "at most 1"),
        ({"liquidity": {"spread_bps": "high"}}, "not a finite number"),
        ({"liquidity": {"spread_bps": True}}, "not a finite number"),
        ({"liquidity": 3}, "expected names with values"),
        ({"liquidity": {item.feature: 0 for item in V1.liquidity}}, "at least one"),
        ({"sector_weights": {"FINANCE": {"liquidity": 0.5, "repayment": 0.5}}}, "did you mean 'FINANCIAL'"),
        ({"sector_weights": {"FINANCIAL": {"liquidity": 0.7}}}, "exactly liquidity and repayment"),
        ({"sector_weights": {"FINANCIAL": {"liquidity": 0.7, "repayment": 0.7}}}, "sum to 1"),
        ({"rating_tilt_points": {"AAAA": 1.0}}, "did you mean 'AAA'"),
        ({"min_coverage": 1.5}, r"outside \[0.0, 1.0\]"),
        ({"min_peers": 1}, r"outside \[2"),
        ({"min_peers": 20.5}, "whole number"),
        ({"own_weight": float("nan")}, "not a finite number"),
    ],
)  # fmt: skip
def test_an_override_that_makes_no_sense_is_refused_with_a_suggestion(
    overrides: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        with_overrides(V1, overrides)


def test_a_zero_weight_leaves_the_feature_out_and_the_published_name_is_understood() -> None:
    changed = with_overrides(V1, {"liquidity": {"time_since_last_trade": 0.0, "spread_bps": -0.4}})
    assert [item.feature for item in changed.liquidity][-1] == "auction_demand"
    assert changed.liquidity[0].weight == -0.4


def test_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'bondx_v1'"):
        weight_profile("bondx_v11")


@pytest.mark.feature("BX-IX-07")
def test_a_tilt_that_rewards_a_worse_rating_is_refused() -> None:
    falling = {"AAA": 4.0, "AA": 3.0, "A": 2.0, "BBB": 0.0, "BB": -1.0, "B": -2.0, "CCC": -3.0, "D": -5.0}
    assert with_overrides(V1, {"rating_tilt_points": falling}).rating_points("D") == -5.0
    with pytest.raises(ConfigError, match="worse rating"):
        with_overrides(V1, {"rating_tilt_points": {"BB": 1.0}})
    assert all(V1.rating_points(rating) == 0.0 for rating in ("AAA", "D", None))


def test_a_profile_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match="occurs twice"):
        dataclasses.replace(V1, liquidity=(*V1.liquidity, V1.liquidity[0]))
    with pytest.raises(ConfigError, match="good in one score"):
        dataclasses.replace(V1, repayment=(dataclasses.replace(V1.liquidity[0], weight=0.3),))
    with pytest.raises(ConfigError, match="does not go with transform"):
        dataclasses.replace(V1.liquidity[0], scaling="natural") and dataclasses.replace(
            V1, liquidity=(dataclasses.replace(V1.liquidity[0], scaling="natural"),)
        )
    with pytest.raises(ConfigError, match="unknown feature"):
        dataclasses.replace(V1, liquidity=(dataclasses.replace(V1.liquidity[0], feature="esg"),))
    with pytest.raises(ConfigError, match="sum to 1"):
        dataclasses.replace(V1, default_sector_weight=SectorWeight("DEFAULT", 0.5, 0.6))
    with pytest.raises(ConfigError, match="unknown or repeated"):
        dataclasses.replace(V1, rating_tilt_points=(RatingTilt("AAA", 0.0), RatingTilt("AAA", 1.0)))


@pytest.mark.parametrize(
    "bad", [{"rho": 1.2}, {"warning_within_sessions": 0}, {"clear_within_points": 20.0}, {"prior_sd_points": -1.0}]
)
def test_thresholds_outside_their_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"thresholds\."):
        PulseThresholds(**bad)  # type: ignore[arg-type]


def test_the_second_version_counts_the_spread_once() -> None:
    before, after = spread_overlap(V1), spread_overlap(weight_profile("bondx_v2"))
    assert before["GOVERNMENT"] == pytest.approx(0.3 * 0.3 + 0.7 * 0.2)
    assert after["GOVERNMENT"] == pytest.approx(0.3 * 0.3)
    assert all(after[sector] < before[sector] for sector in before)


@pytest.mark.feature("BX-IX-13")
@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_hash_turns_back_into_the_configuration(name: str) -> None:
    documents = run_configurations({"any": PROFILES[name]}, PulseThresholds(warning_fall_points=25.0))
    assert list(documents) == [config_hash(PROFILES[name], PulseThresholds(warning_fall_points=25.0))]
    assert read_configuration(documents[config_hash(PROFILES[name], PulseThresholds(warning_fall_points=25.0))]) == (
        PROFILES[name],
        PulseThresholds(warning_fall_points=25.0),
    )
