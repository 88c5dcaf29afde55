"""Levels that follow the measured coverage."""

import numpy as np
import pytest

from liquidity.domain.errors import ConfigError
from liquidity.forecast.adaptive import RELATIVE_GAMMA, AdaptiveLevels
from liquidity.forecast.bands import NOMINAL_ALPHAS
from liquidity.forecast.conformal import aci

pytestmark = pytest.mark.feature("BX-FC-04", "BX-FC-05")


def test_a_step_without_arrivals_changes_nothing() -> None:
    start = AdaptiveLevels.start()
    assert np.array_equal(start.step(np.full((5, 3, 4), np.nan)).alphas, start.alphas)


def test_only_what_arrived_moves() -> None:
    shares = np.full((5, 3, 4), np.nan)
    shares[2, 1, 3] = 0.0
    start = AdaptiveLevels.start()
    after = start.step(shares)
    moved = after.alphas != start.alphas
    assert np.argwhere(moved).tolist() == [[2, 1, 3]]
    assert after.alphas[2, 1, 3] < start.alphas[2, 1, 3]


def test_each_level_follows_the_scalar_rule() -> None:
    shares = np.random.default_rng(1).random((40, 5, 3, 4))
    levels = AdaptiveLevels.start()
    for share in shares:
        levels = levels.step(share)
    for band, alpha in enumerate(NOMINAL_ALPHAS):
        path = aci(alpha, RELATIVE_GAMMA * alpha, 1.0 - shares[:, 1, band, 2])
        assert levels.alphas[1, band, 2] == pytest.approx(path[-1], rel=1e-12)


def test_levels_are_kept_unclipped() -> None:
    levels = AdaptiveLevels.start()
    for _ in range(40):
        levels = levels.step(np.zeros((5, 3, 4)))
    assert levels.alphas[:, 2].max() < 0.0


def test_the_long_run_share_outside_is_the_nominal_one_although_the_world_changes() -> None:
    """A group whose spread trebles half-way, always told the same quantiles."""
    rng = np.random.default_rng(2)
    levels, outside = AdaptiveLevels.start(), []
    for session in range(1200):
        misses = rng.exponential(3.0 if session > 600 else 1.0, (200, 1, 1, 1))
        with np.errstate(divide="ignore"):
            inside = (misses <= -np.log(np.clip(levels.alphas, 0.0, 1.0))).mean(axis=0)
        levels = levels.step(inside)
        outside.append(1.0 - inside[0, :, 0])
    assert np.mean(outside, axis=0) == pytest.approx(NOMINAL_ALPHAS, abs=0.02)


def test_shares_of_another_shape_are_refused() -> None:
    with pytest.raises(ConfigError, match="shares of shape"):
        AdaptiveLevels.start().step(np.zeros((5, 3)))
