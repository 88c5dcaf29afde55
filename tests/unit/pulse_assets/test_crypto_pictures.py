"""Pictures of books: short enough to be shown, gaps left open, the zero line in the middle, numbers at the axes."""

import math

import numpy as np
import pandas as pd
import pytest

from io_managers.inline_svg import fits, short
from pulse_assets.crypto_pictures import depth_profile, panels, profile_picture, time_picture

ENDS = ("23:55", "23:59")


@pytest.mark.parametrize("rows", [2, 26, 300, 86_400])
def test_two_panels_are_short_enough_whatever_the_rows(rows):
    path = np.cumsum(np.random.default_rng(rows).standard_normal(rows))
    holes = np.where(np.arange(rows) % 3 == 0, math.nan, path)
    for series in ([path, -path * 1e7], [path, path], [holes, -1.234e-7 * holes]):
        for zero in (False, True):
            assert fits(panels(series, ENDS, zero=zero))


def test_a_gap_parts_a_line_and_zero_is_in_the_middle():
    picture = panels([[1.0, math.nan, -1.0, 0.0]], ENDS, zero=True)
    assert "M48 3M216 47 300 25" in picture
    assert "M48 25h252" in picture
    for label in ("1", "-1", "23:55"):
        assert f">{label}</text>" in picture


def test_three_points_fill_the_width_and_each_series_has_its_own_scale():
    picture = panels([[1.0, 2.0, 3.0], [3e6, 2e6, 1e6]], ENDS)
    assert "M48 47 174 25 300 3" in picture
    assert "M48 59 174 81 300 103" in picture
    assert ">3M</text>" in picture


def test_numbers_of_an_axis_have_four_digits():
    assert [short(value) for value in (999.96, 1e3, -2.5e9, 1.25e-5)] == ["1k", "1k", "-2.5G", "1.25e-05"]


def test_a_profile_leaves_out_bands_beyond_the_book():
    whole = depth_profile([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], "1 %")
    part = depth_profile([1.0, 2.0, 3.0], [1.0, math.nan, math.nan], "1 %")
    assert whole.count("z'") + whole.count("zM") == 6
    assert part.count("z'") + part.count("zM") == 4
    assert fits(depth_profile([1e8] * 6, [1e8] * 6, "50 levels"))
    assert profile_picture("p", ["1 %"], [math.nan], [math.nan]) == {}


def test_one_known_value_is_no_picture_over_time():
    at = pd.Series(pd.date_range("2026-01-01", periods=3, freq="h", tz="UTC"))
    assert time_picture("x", at, pd.Series([1.0, np.nan, np.nan], name="a_bps")) == {}
    told = time_picture("x", at, pd.Series([1.0, 2.0, 4.0], name="a_bps"))
    assert told["x_axes"] == "2026-01-01 00:00 to 2026-01-01 02:00 UTC; blue a_bps 1 to 4"
