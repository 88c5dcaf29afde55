"""Reverse stress: the smallest multiple, with its proof."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidity.domain.errors import ConfigError
from liquidity.stress.reverse import breaking_points


@pytest.mark.feature("AI-ST-02")
@settings(max_examples=40, deadline=None)
@given(at=st.floats(0.01, 3.9), steep=st.floats(0.01, 100.0))
def test_the_break_is_bracketed(at, steep) -> None:
    (found,) = breaking_points(lambda m: {"loss": steep * (at - m)}, tolerance=1e-5)
    assert found.verdict == "breaks"
    assert found.last_safe_multiple <= at <= found.multiple + 1e-12
    assert found.multiple - found.last_safe_multiple <= 1e-5
    assert found.monotone


def test_verdicts_and_order() -> None:
    found = breaking_points(
        lambda m: {
            "holds": 1.0,
            "late": 3.0 - m,
            "gone": -1.0,
            "unknown": math.nan,
            "early": 0.5 - m,
            "fades": 1.0 if m < 2 else math.nan,
        }
    )
    assert [(each.limit, each.verdict) for each in found] == [
        ("gone", "broken_already"),
        ("early", "breaks"),
        ("fades", "breaks"),
        ("late", "breaks"),
        ("holds", "holds"),
        ("unknown", "unknown"),
    ]
    by = {each.limit: each for each in found}
    assert by["gone"].multiple == 0.0
    assert by["early"].multiple == pytest.approx(0.5, abs=1e-4)
    assert by["fades"].multiple == pytest.approx(2.0, abs=1e-4)  # unknown means deny
    assert math.isnan(by["holds"].multiple)


def test_relief_at_a_deeper_stress_is_told() -> None:
    found, _ = breaking_points(lambda m: {"share": 0.1 - math.sin(m), "other": 1.0})
    assert found.multiple == pytest.approx(math.asin(0.1), abs=1e-4)
    assert not found.monotone


def test_each_multiple_is_evaluated_once() -> None:
    seen = []

    def headroom(multiple):
        seen.append(multiple)
        return {"a": 1.0 - multiple, "b": 1.0 - multiple}

    breaking_points(headroom)
    assert len(seen) == len(set(seen)) < 60


def test_wrong_search() -> None:
    with pytest.raises(ConfigError, match="largest"):
        breaking_points(lambda _: {}, largest=0.0)
