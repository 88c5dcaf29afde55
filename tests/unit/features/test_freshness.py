"""Decay of old readings."""

import math

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.features.freshness import freshness, freshness_weights


def test_halves_per_half_life_and_ends_beyond_the_maximum_age() -> None:
    assert [freshness(age, 60, 180) for age in (0, 60, 120, 180, 180.001, math.inf)] == [
        1.0,
        0.5,
        0.25,
        0.125,
        0.0,
        0.0,
    ]


def test_clock_skew_is_new_and_an_unknown_age_is_missing() -> None:
    assert freshness(-5, 60, 600) == 1.0
    assert freshness(None, 60, 600) is None
    assert freshness(math.nan, 60, 600) is None


def test_the_vectorised_form_equals_the_scalar_one() -> None:
    ages = np.array([-1.0, 0.0, 3.0, 59.9, 600.0, 601.0, np.inf, np.nan])
    scalar = [freshness(age, 60, 600) for age in ages]
    np.testing.assert_allclose(
        freshness_weights(ages, 60, 600), [np.nan if w is None else w for w in scalar], rtol=1e-14
    )


@pytest.mark.parametrize(("half_life_s", "max_age_s"), [(0, 10), (-1, 10), (math.nan, 10), (10, -1)])
def test_impossible_settings_are_refused(half_life_s: float, max_age_s: float) -> None:
    with pytest.raises(ConfigError, match="half_life_s"):
        freshness(1.0, half_life_s, max_age_s)
    with pytest.raises(ConfigError, match="half_life_s"):
        freshness_weights(np.ones(2), half_life_s, max_age_s)
