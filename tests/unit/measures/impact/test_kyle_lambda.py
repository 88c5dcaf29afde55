"""Kyle's lambda against scipy's regression, and degenerate samples."""

import math

import numpy as np
import pytest
from scipy.stats import linregress

from liquidity.domain.errors import ContractError
from liquidity.measures.impact import KyleLambda, kyle_lambda


def test_equals_an_independent_regression_with_gaps_left_out() -> None:
    rng = np.random.default_rng(1)
    volume = rng.normal(0, 500, 60)
    change = 2e-5 * volume + rng.normal(0, 0.01, 60)
    judge = linregress(volume, change)
    with_gaps = kyle_lambda([*change, None, 1.0], [*volume, 5.0, None])
    assert with_gaps.lambda_ == pytest.approx(judge.slope)
    assert with_gaps.intercept == pytest.approx(judge.intercept)
    assert with_gaps.r2 == pytest.approx(judge.rvalue**2)
    assert with_gaps.t == pytest.approx(judge.slope / judge.stderr)


def test_degenerate_samples() -> None:
    nothing = KyleLambda(None, None, None, None)
    assert kyle_lambda([], []) == nothing
    assert kyle_lambda([1.0], [1.0]) == nothing
    assert kyle_lambda([1.0, 2.0, 3.0], [5.0, 5.0, 5.0]) == nothing
    two = kyle_lambda([1.0, 3.0], [1.0, 2.0])
    assert (two.lambda_, two.t) == (2.0, None)
    flat = kyle_lambda([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    assert (flat.lambda_, flat.r2, flat.t) == (0.0, None, None)
    assert kyle_lambda([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).t == math.inf


def test_lengths_must_agree() -> None:
    with pytest.raises(ContractError, match="2 regressors but 1"):
        kyle_lambda([1.0], [1.0, 2.0])
