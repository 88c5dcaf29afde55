"""Pictures of books: short enough to be shown, gaps left open, the zero line in the middle."""

import math

import numpy as np
import pandas as pd
import pytest

from pulse_assets.crypto_pictures import depth_profile, lines, profile_picture, time_picture
from pulse_assets.pictures import MAX_SVG_BYTES


@pytest.mark.parametrize("rows", [2, 26, 300, 86_400])
def test_two_lines_are_short_enough_whatever_the_rows(rows):
    path = np.cumsum(np.random.default_rng(rows).standard_normal(rows))
    assert len(lines([path, -path * 1e7], zero=True).encode()) <= MAX_SVG_BYTES
    assert len(lines([path, path]).encode()) <= MAX_SVG_BYTES


def test_a_gap_parts_a_line_and_zero_is_in_the_middle():
    picture = lines([[1.0, math.nan, -1.0, 0.0]], zero=True)
    assert "M0,2M20,98 30,50" in picture


def test_a_profile_leaves_out_bands_beyond_the_book():
    whole = depth_profile([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    part = depth_profile([1.0, 2.0, 3.0], [1.0, math.nan, math.nan])
    assert whole.count("z") == 6
    assert part.count("z") == 4
    assert len(depth_profile(range(1, 7), range(1, 7)).encode()) <= MAX_SVG_BYTES
    assert profile_picture("p", "1 %", [math.nan], [math.nan]) == {}


def test_one_known_value_is_no_picture_over_time():
    at = pd.Series(pd.date_range("2026-01-01", periods=3, freq="h", tz="UTC"))
    assert time_picture("x", "bps", at, pd.Series([1.0, np.nan, np.nan], name="a")) == {}
    told = time_picture("x", "bps", at, pd.Series([1.0, 2.0, 4.0], name="a"))
    assert told["x_axes"] == "bps; 2026-01-01 00:00 to 2026-01-01 02:00 UTC; blue a 1 to 4"
