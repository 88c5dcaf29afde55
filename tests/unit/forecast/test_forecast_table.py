"""Drivers as JSON, made column by column."""

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from liquidity.forecast.forecast_table import DRIVERS_SHOWN, driver_texts

NAMES = ("level", "change_1", "weekday", "sector", "spread", "coverage", "volatility")


@given(arrays(np.float64, (3, 7), elements=st.floats(-50.0, 50.0)), st.floats(-1.0, 1.0))
def test_the_points_add_up_and_the_largest_come_first(contributions: np.ndarray, cut: float) -> None:
    change = contributions.sum(axis=1) + cut
    for row, text, total in zip(
        contributions, driver_texts(NAMES, contributions, change).to_pylist(), change, strict=True
    ):
        items = orjson.loads(text)
        named = [item for item in items if item["input"] != "other"]
        assert abs(sum(item["points"] for item in items) - total) < 1e-6
        assert len(named) <= DRIVERS_SHOWN
        sizes = [abs(item["points"]) for item in named]
        assert sizes == sorted(sizes, reverse=True)
        assert all(item["points"] == round(row[NAMES.index(item["input"])], 6) != 0.0 for item in named)


def test_extreme_numbers_are_valid_json() -> None:
    contributions = np.array([[1e-6, -99.999999, 12345.0], [1e-9, 0.0, -0.0]])
    texts = driver_texts(("a", "b", "c"), contributions, contributions.sum(axis=1)).to_pylist()
    assert [item["points"] for item in orjson.loads(texts[0])] == [12345.0, -99.999999, 1e-6]
    assert texts[1] == "[]"


def test_no_rows_and_few_names() -> None:
    assert driver_texts(("a",), np.zeros((0, 1)), np.zeros(0)).to_pylist() == []
    assert driver_texts(("a",), np.full((1, 1), 0.5), np.full(1, 0.5)).to_pylist() == ['[{"input":"a","points":0.5}]']
