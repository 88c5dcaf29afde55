"""Hasbrouck's lambda: the signed root of the notional."""

import pytest

from liquidity.measures.impact import HasbrouckLambda, hasbrouck_lambda


def test_the_sign_goes_outside_the_root() -> None:
    estimate = hasbrouck_lambda([0.01, -0.01, 0.02, -0.02], [1e4, -1e4, 4e4, -4e4])
    assert estimate.lambda_ == pytest.approx(1e-4)
    assert estimate.intercept == pytest.approx(0.0, abs=1e-15)


def test_too_little_is_missing() -> None:
    assert hasbrouck_lambda([0.01, None], [1e4, 1e4]) == HasbrouckLambda(None, None, None)
