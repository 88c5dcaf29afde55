"""The regression line behind the impact measures."""

import math

import numpy as np
import pytest

from liquidity.measures.impact._line import fit_line


def test_a_line_without_noise() -> None:
    line = fit_line(np.array([0.0, 1.0, 2.0, np.nan]), np.array([1.0, 3.0, 5.0, 9.0]))
    assert (line.slope, line.intercept, line.r2) == pytest.approx((2.0, 1.0, 1.0))
    assert line.t == math.inf


def test_no_data_settles_nothing() -> None:
    line = fit_line(np.array([]), np.array([]))
    assert all(math.isnan(value) for value in (line.slope, line.intercept, line.r2, line.t))
