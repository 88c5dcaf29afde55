"""Ranks are Spearman's, blocks are drawn evenly, and intervals hold the truth though series persist."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from liquidity.backtest.rank_bootstrap import block_counts, block_interval, centred_ranks
from tests.unit.backtest.market import illiquidity


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=5, max_size=30))
def test_ranks_correlate_as_spearman_does(pairs):
    x, y = (np.array(each, dtype=float)[np.newaxis] for each in zip(*pairs, strict=True))
    a, b = centred_ranks(x, 1), centred_ranks(y, 1)
    if not (a.any() and b.any()):
        return
    told = (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())
    assert told == pytest.approx(spearmanr(x[0], y[0]).statistic)


def test_ranks_leave_missing_values_out():
    values = np.array([[3.0, np.nan, 1.0], [np.nan, np.nan, 2.0]])
    assert centred_ranks(values, 1).tolist() == [[0.25, 0.0, -0.25], [0.0, 0.0, 0.0]]
    assert centred_ranks(values.T, 0).tolist() == centred_ranks(values, 1).T.tolist()


def test_each_resample_draws_as_many_sessions_in_blocks():
    drawn = block_counts(50, 5, 200, seed=1)
    assert (drawn.sum(axis=1) == 50).all()
    assert drawn.mean() == 1.0
    together = np.abs(np.diff(np.concatenate([drawn, drawn[:, :1]], axis=1), axis=1)).sum(axis=1)
    assert together.max() <= 2 * 5  # five blocks change the count at their ends only
    np.testing.assert_array_equal(drawn, block_counts(50, 5, 200, seed=1))


@pytest.mark.feature("BX-BT-05")
def test_intervals_hold_the_truth_though_both_series_persist():
    """Two unrelated persistent markets: the interval of their correlation misses 0 about one time in twenty."""
    missed, tries = 0, 200
    for seed in range(tries):
        one, other = (centred_ranks(illiquidity(seed * 2 + k, sessions=200), axis=1) for k in (0, 1))
        products = np.column_stack([(one * other).sum(axis=1), (one**2).sum(axis=1), (other**2).sum(axis=1)])
        drawn = block_counts(200, 8, 150, seed=0) @ products
        value = products.sum(axis=0)
        low, high = block_interval(
            value[0] / np.sqrt(value[1] * value[2]), drawn[:, 0] / np.sqrt(drawn[:, 1] * drawn[:, 2]), 8
        )
        missed += not low <= 0.0 <= high
    assert missed <= 0.1 * tries
