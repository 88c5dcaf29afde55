import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from liquidity.domain.errors import ConfigError
from liquidity.market_risk.drawdown import drawdown, high_water, performance

VALUES = arrays(np.float64, st.integers(1, 40), elements=st.floats(1.0, 1000.0))


@pytest.mark.feature("ET-MR-10")
@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_the_deepest_fall_equals_brute_force(values: np.ndarray) -> None:
    found = drawdown(values)
    falls = [1.0 - values[j] / values[i] for i in range(values.size) for j in range(i, values.size)]
    assert found.max_frac == pytest.approx(max(falls), abs=1e-12)
    assert found.max_frac == pytest.approx(1.0 - values[found.trough] / values[found.peak], abs=1e-12)
    assert found.current_frac == pytest.approx(1.0 - values[-1] / values.max(), abs=1e-12)
    below = [bool(values[: i + 1].max() > values[i]) for i in range(values.size)]
    longest = max((len(run) for run in "".join("x" if b else " " for b in below).split()), default=0)
    assert found.longest_sessions == longest
    if found.recovered is not None and found.max_frac > 0.0:
        assert values[found.recovered] >= values[found.peak]


@pytest.mark.feature("ET-MR-10")
@given(VALUES, st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_a_stored_mark_survives_a_restart(values: np.ndarray, restart: int) -> None:
    mark = None
    for i, value in enumerate(values):
        if i == restart:
            mark = None if mark is None else float(str(mark))  # read back from where it was stored
        found = high_water(value, mark)
        mark = found.mark
        assert found.mark == values[: i + 1].max()
        assert found.drawdown_frac == pytest.approx(drawdown(values[: i + 1]).current_frac, abs=1e-12)


def test_a_missing_or_worthless_value_keeps_the_mark() -> None:
    assert high_water(None, 120.0).mark == 120.0
    assert high_water(float("nan"), 120.0).drawdown_frac is None
    assert high_water(-5.0, 100.0).drawdown_frac == pytest.approx(1.05)
    assert high_water(-5.0, None).drawdown_frac is None


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [0.0, 1.0], [1.0, -1.0]])
def test_values_that_have_no_peak_are_refused(values: list[float]) -> None:
    with pytest.raises(ConfigError, match="drawdown"):
        drawdown(np.array(values))


def test_ratios_at_their_edges() -> None:
    assert performance([]).sharpe is None
    rising = performance([0.01, 0.02, 0.03])
    assert (rising.max_drawdown, rising.calmar, rising.omega) == (0.0, None, None)
    assert rising.sortino == math.inf
    assert performance([0.01, 0.01]).sharpe is None
    assert performance([None, 0.01, -0.02]).omega == pytest.approx(0.5)
    assert performance([0.5, -1.0]).max_drawdown == -1.0
    assert performance([0.01]).annual_volatility is None
    with pytest.raises(ConfigError):
        performance([-1.5])
    with pytest.raises(ConfigError):
        performance([0.1], 0)
