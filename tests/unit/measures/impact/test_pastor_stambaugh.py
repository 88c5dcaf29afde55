"""Pastor-Stambaugh gamma: planted reversal, and samples that say nothing."""

import numpy as np
import pytest

from liquidity.domain.errors import ContractError
from liquidity.measures.impact import PastorStambaugh, pastor_stambaugh


def test_a_planted_reversal_is_recovered() -> None:
    rng = np.random.default_rng(3)
    own, volume = rng.normal(0, 0.02, 400), rng.lognormal(0, 0.5, 400)
    excess = np.zeros(400)
    for t in range(399):
        excess[t] = excess[t] or rng.normal(0, 0.01)
        excess[t + 1] = 0.001 + 0.1 * own[t] - 0.004 * np.sign(excess[t]) * volume[t]
    estimate = pastor_stambaugh(own, excess, volume)
    assert estimate.gamma == pytest.approx(-0.004, rel=1e-6)
    assert estimate.phi == pytest.approx(0.1, rel=1e-6)
    assert estimate.theta == pytest.approx(0.001, rel=1e-6)


def test_a_gap_removes_its_pairs_only() -> None:
    rng = np.random.default_rng(4)
    own, excess, volume = rng.normal(0, 0.02, (3, 30))
    volume = np.abs(volume) * 100
    own[12] = np.nan
    kept = [t for t in range(29) if t != 12]
    design = np.column_stack((np.ones(28), own[kept], (np.sign(excess) * volume)[kept]))
    judge = np.linalg.lstsq(design, excess[np.array(kept) + 1], rcond=None)[0]
    estimate = pastor_stambaugh(own, excess, volume)
    assert (estimate.theta, estimate.phi, estimate.gamma) == pytest.approx(tuple(judge))


@pytest.mark.parametrize("days", [0, 1, 2, 3])
def test_too_few_pairs_are_missing(days: int) -> None:
    series = np.linspace(0.01, 0.02, days)
    assert pastor_stambaugh(series, -series, series + 1) == PastorStambaugh(None, None, None)


def test_regressors_that_cannot_be_told_apart_are_missing() -> None:
    ones = np.full(20, 0.01)
    assert pastor_stambaugh(ones, ones, ones) == PastorStambaugh(None, None, None)


def test_lengths_must_agree() -> None:
    with pytest.raises(ContractError, match="1 returns, 2 excess"):
        pastor_stambaugh([0.1], [0.1, 0.2], [1.0])
