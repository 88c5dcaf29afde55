"""Pictures small enough to be shown, in well-formed SVG, true to their numbers."""

import re
import urllib.parse
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from io_managers.inline_svg import MAX_MARKDOWN, fits, inline_markdown
from liquidity.domain.errors import ConfigError
from liquidity.domain.instrument import RATINGS, SECTORS
from pulse_assets.pictures import bars, grid, history_band

points = st.floats(0, 100)


def paths(svg):
    return ET.fromstring(svg).findall("{http://www.w3.org/2000/svg}path")


def drawn(markdown):
    start, end = "![](<data:image/svg+xml,", ">)"
    assert markdown.startswith(start)
    assert markdown.endswith(end)
    return urllib.parse.unquote(re.sub(r"\\([<>])", r"\1", markdown[len(start) : -len(end)]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(points, points, points).map(sorted), min_size=1, max_size=60))
def test_history_is_always_small_enough_and_draws_the_newest_twenty(band):
    low, middle, high = ([row[k] for row in band] for k in range(3))
    svg = history_band(low, middle, high)
    markdown = inline_markdown(svg)
    assert len(markdown) < 1000
    assert drawn(markdown) == svg
    line = paths(svg)[-1].get("d")[1:].split()
    expected = [f"{13 * k},{100 - round(value)}" for k, value in enumerate(middle[-20:])]
    assert line == expected


def test_a_full_heatmap_of_all_sectors_and_ratings_fits():
    rng = np.random.default_rng(1)
    for _ in range(50):
        cells = rng.uniform(0, 100, (len(SECTORS) + 1, len(RATINGS) + 1)).tolist()
        svg = grid(cells)
        assert drawn(inline_markdown(svg)) == svg
        assert sum(path.get("d").count("M") for path in paths(svg)) == sum(map(len, cells))


def test_heatmap_colours_run_from_illiquid_to_liquid_and_leave_gaps():
    svg = grid([[0.0, 19.9, None], [50.0, 99.0, 100.0]])
    by_colour = {path.get("stroke"): path.get("d") for path in paths(svg)}
    assert by_colour == {
        "#c8641a": "M0 0h.9M1 0h.9",
        "#8a97a8": "M0 1h.9",
        "#1f6fd1": "M1 1h.9M2 1h.9",
    }


def test_bars_point_to_the_side_of_their_sign():
    blue, orange = paths(bars([2.0, -1.0]))
    assert (blue.get("d"), orange.get("d")) == ("M80 0h75v8h-75z", "M80 10h-38v8h38z")
    assert len(paths(bars([]))) == 0
    assert len(paths(bars([0.0, 0.0]))) == 1
    assert inline_markdown(bars(list(range(-20, 20))))


def test_a_picture_that_would_not_be_shown_is_refused():
    exact = "<svg>" + "x" * (MAX_MARKDOWN - len(inline_markdown("<svg>")))
    assert len(inline_markdown(exact)) == MAX_MARKDOWN
    assert fits(exact)
    assert not fits(exact + "x")
    with pytest.raises(ConfigError, match=f"has {MAX_MARKDOWN + 1} characters, at most {MAX_MARKDOWN}"):
        inline_markdown(exact + "x")


def test_empty_pictures_are_pictures():
    assert ET.fromstring(grid([])) is not None
    assert ET.fromstring(history_band([], [], [])) is not None
