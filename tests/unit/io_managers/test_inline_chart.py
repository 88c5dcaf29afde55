"""Charts and heatmaps: their numbers at their places, short enough whatever is drawn."""

import re
import urllib.parse
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from io_managers.inline_chart import Line, heatmap, line_chart, round_between
from io_managers.inline_svg import MAX_MARKDOWN, numbers

TICKS = [(0.0, "0"), (1.0, "10 days")]
SPACE = "{http://www.w3.org/2000/svg}"


def drawn(markdown):
    address = markdown.removeprefix("![](<data:image/svg+xml,").removesuffix(">)")
    return ET.fromstring(urllib.parse.unquote(re.sub(r"\\([<>])", r"\1", address)))


def paths(markdown):
    return {path.get("stroke"): path.get("d") for path in drawn(markdown).iter(f"{SPACE}path")}


def test_lines_stand_at_their_places_without_the_points_between():
    straight = Line("red", [0.0, 0.25, 0.5, 1.0], [0.0, 0.25, 0.5, 1.0], name="up")
    bent = Line("green", [0.0, 0.5, 1.0], [1.0, 1.0, np.nan])
    picture = line_chart([straight, bent], TICKS, TICKS, "bps")
    assert paths(picture)["red"] == "M24 114l200-100"
    assert paths(picture)["green"] == "M24 14l100 0"
    assert ["".join(text.itertext()) for text in drawn(picture).iter(f"{SPACE}text")] == [
        "010 days",
        "010 days",
        "bps: up ",
    ]


@pytest.mark.parametrize("seed", range(5))
def test_any_lines_are_short_enough(seed):
    rng = np.random.default_rng(seed)
    lines = [
        Line(colour, np.linspace(0.0, 1.0, 200), rng.random(200), name=colour, dashed=dashed)
        for colour in ("red", "green", "#16d")
        for dashed in (False, True)
    ]
    assert len(line_chart(lines, TICKS, TICKS, "%")) <= MAX_MARKDOWN


def test_a_heatmap_changes_colour_at_the_numbers_of_its_scale():
    values = np.array([[1.0, 2.0, np.nan], [20.0, 200.0, 200.0]])
    picture = heatmap(values, TICKS, TICKS, "rows", "bps")
    cells = [path for path in paths(picture).values() if "h" in path]
    edges = round_between(values, 6)
    assert edges == [3.0, 10.0, 30.0, 100.0]
    assert cells[0] == "M0 4h2M4 4h.5"  # 1 and 2 are below 3
    assert cells[-1] == "M1 3h2M4 0h.5"
    assert "310301" in "".join(drawn(picture).itertext())


def test_a_restless_heatmap_has_fewer_colours():
    values = np.exp(np.random.default_rng(1).normal(3.0, 3.0, (10, 10)))
    assert len(heatmap(values, TICKS, TICKS, "rows", "bps")) <= MAX_MARKDOWN


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (16.0, 42.0, [20, 25, 30, 40]),
        (0.9, 1_200.0, [1, 10, 100, 1000]),
        (5.0, 5.0, []),
        (0.02, 0.6, [0.05, 0.1, 0.2, 0.5]),
    ],
)
def test_round_numbers_lie_between_the_values(low, high, expected):
    assert round_between(np.array([low, high, np.nan, 0.0]), 4) == pytest.approx(expected)


def test_labels_share_an_element():
    assert numbers([(0, 9, "0.5"), (40, 9, "10 bps")]) == "<text x='0 5 8 40 45' y='9'>0.510 bps</text>"
    assert numbers([]) == ""
