"""Line charts and heatmaps with labelled axes and a legend, within the length that the Dagster UI shows inline.

Read next: ``inline_svg.py`` (the limit, and how a picture becomes markdown).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from io_managers.inline_svg import FONT, fits, inline_markdown, numbers, svg

__all__ = [
    "LINE_BLUE",
    "LINE_GREEN",
    "LINE_ORANGE",
    "LINE_RED",
    "Line",
    "Ticks",
    "heatmap",
    "line_chart",
    "round_between",
]

LINE_BLUE: Final = "#16d"
LINE_GREEN: Final = "green"
LINE_ORANGE: Final = "#d60"
LINE_RED: Final = "red"
"""Colours in their shortest writing."""

_LEFT: Final = 24
_TOP: Final = 14
_WIDTH: Final = 200
_HEIGHT: Final = 100
_SCALE: Final = 2
_TOLERANCES: Final = (0.6, 1.0, 1.5, 2.5, 4.0, 8.0, 16.0, 100.0)
_STEPS: Final = ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
"""Round numbers of a decade, from the closest together to those furthest apart."""

Ticks = Sequence[tuple[float, str]]
"""Labels along an axis by their place from 0 to 1, in rising order; the last one may end with a space and the unit."""

_COLOURS: Final = ("#15a", "#48d", "#9ce", "#eed", "#fc7", "#e83", "#a30")
_CELL_WIDTH: Final = 30
_CELL_HEIGHT: Final = 12


@dataclass(frozen=True, slots=True)
class Line:
    """A line through places from 0 to 1 of both axes, of at least one point; NaN heights are left out.

    ``name`` stands in the legend in the line's colour; empty for a line that has no word of its own.
    """

    colour: str
    across: Sequence[float]
    up: Sequence[float]
    name: str = ""
    dashed: bool = False


def line_chart(lines: Sequence[Line], across: Ticks, up: Ticks, unit: str) -> str:
    """Markdown of a chart: its lines keep as many of their points as the length allows; unit and legend are above it."""
    for tolerance in _TOLERANCES:
        picture = _charted(lines, across, up, unit, tolerance)
        if fits(picture):
            break
    return inline_markdown(picture)


def heatmap(values: NDArray[np.float64], across: Ticks, up: Ticks, up_unit: str, unit: str) -> str:
    """Markdown of a heatmap with its colour scale at the right.

    Parameters
    ----------
    values
        (R, C) of numbers above 0, the first row lowest; NaN stays white. Colours change at the round numbers of
        :func:`round_between`, so that few are of one colour whatever their range; at fewer of them where the picture would
        be too long.
    across, up
        Labels by the middle of column and row: 0 is the first, 1 the last.
    up_unit, unit
        Unit of the rows, above their labels, and of the values, above the scale.
    """
    for most in range(len(_COLOURS) - 1, -1, -1):
        picture = _coloured(values, across, up, up_unit, unit, round_between(values, most) if most else [])
        if fits(picture):
            break
    return inline_markdown(picture)


def _coloured(
    values: NDArray[np.float64], across: Ticks, up: Ticks, up_unit: str, unit: str, edges: Sequence[float]
) -> str:
    rows, columns = values.shape
    shades = (
        [_COLOURS[round(at)] for at in np.linspace(0, len(_COLOURS) - 1, len(edges) + 1)] if edges else [_COLOURS[3]]
    )
    down = max(rows, len(shades))  # the scale may be higher than the cells
    paths = dict.fromkeys(shades, "")
    for row, of_row in enumerate(values[::-1]):
        shade = np.where(np.isfinite(of_row), np.searchsorted(edges, of_row, side="right"), -1)
        begins = np.flatnonzero(np.diff(shade, prepend=-2))
        for begin, end in pairwise([*begins.tolist(), columns]):
            if shade[begin] >= 0:
                paths[shades[shade[begin]]] += f"M{begin} {row + down - rows}h{end - begin}"
    for place, shade_name in enumerate(shades):
        paths[shade_name] += f"M{columns + 1} {down - 1 - place}h.5"
    body = "".join(f"<path stroke='{shade}' d='{d}'/>" for shade, d in paths.items())
    height = _CELL_HEIGHT * down
    scale = _LEFT + _CELL_WIDTH * (columns + 1) + _CELL_WIDTH // 2 + 4
    left = [(0, _TOP + round(height - _CELL_HEIGHT * (at * (rows - 1) + 0.25)), label) for at, label in up]
    right = [(scale, _TOP + height - _CELL_HEIGHT * (place + 1) + 3, f"{edge:g}") for place, edge in enumerate(edges)]
    below = [
        (_LEFT + round(_CELL_WIDTH * (at * (columns - 1) + 0.5)) - 4, _TOP + height + 10, label) for at, label in across
    ]
    words = numbers(left) + numbers(below) + numbers(right)
    words += f"<text y='8'>{up_unit}</text><text x='{scale - 20}' y='{_TOP + height - _CELL_HEIGHT * len(shades) - 4}'>{unit}</text>"
    move = f"translate({_LEFT} {_TOP + _CELL_HEIGHT // 2})scale({_CELL_WIDTH} {_CELL_HEIGHT})"
    return svg(scale + 26, _TOP + height + 14, f"{words}<g transform='{move}'>{body}</g>", _SCALE, FONT)


def round_between(values: NDArray[np.float64], most: int) -> list[float]:
    """Round numbers above the smallest and up to the largest value above 0, about evenly apart in their logarithm.

    The closest series of a decade that gives at most ``most`` is taken; empty without values above 0.
    """
    known = values[np.isfinite(values) & (values > 0.0)]
    if not len(known):
        return []
    low, high = float(known.min()), float(known.max())
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in _STEPS:
        inside = [each for decade in decades for step in steps if low < (each := float(f"{step}e{decade}")) <= high]
        if len(inside) <= most:
            return inside
    return inside[:: -(-len(inside) // most)]


def _charted(lines: Sequence[Line], across: Ticks, up: Ticks, unit: str, tolerance: float) -> str:
    foot = _TOP + _HEIGHT
    rules = "".join(f"M{_LEFT} {foot - round(_HEIGHT * at)}h{_WIDTH}" for at, _ in up)
    rules += "".join(f"M{_LEFT + round(_WIDTH * at)} {foot}v3" for at, _ in across)
    words = numbers([(0, foot + 3 - round(_HEIGHT * at), label) for at, label in up])
    words += numbers([(_LEFT - 3 + round(_WIDTH * at), foot + 12, label) for at, label in across])
    # A link inside text is drawn like a span of it, and shorter to write.
    names = "".join(f"<a fill='{line.colour}'>{line.name} </a>" for line in lines if line.name)
    words += f"<text y='8'>{unit}: {names}</text>"
    full, dashed = (_strokes([line for line in lines if line.dashed == wanted], tolerance) for wanted in (False, True))
    if dashed:
        dashed = f"<g stroke-dasharray='3'>{dashed}</g>"
    body = f"{words}<g fill='none'><path stroke='#ccc' d='{rules}'/>{full}{dashed}</g>"
    return svg(_LEFT + _WIDTH + 56, foot + 16, body, _SCALE, FONT)


def _strokes(lines: Sequence[Line], tolerance: float) -> str:
    """One path of each colour."""
    paths: dict[str, str] = {}
    for line in lines:
        paths[line.colour] = paths.get(line.colour, "") + _path(line, tolerance)
    return "".join(f"<path stroke='{colour}' d='{d}'/>" for colour, d in paths.items())


def _path(line: Line, tolerance: float) -> str:
    """Path in relative steps without the points that lie within ``tolerance`` units of the line through the kept ones."""
    x = _LEFT + np.round(_WIDTH * np.asarray(line.across, dtype=np.float64))
    y = _TOP + _HEIGHT - np.round(_HEIGHT * np.asarray(line.up, dtype=np.float64))
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if not len(x):
        return ""
    kept = _kept(x, y, tolerance)
    text = f"M{x[0]:.0f} {y[0]:.0f}l"
    for before, now in pairwise(kept):
        rise = f"{y[now] - y[before]:.0f}"
        text += f"{'' if text.endswith('l') else ' '}{x[now] - x[before]:.0f}{'' if rise[0] == '-' else ' '}{rise}"
    return text.removesuffix("l")


def _kept(x: NDArray[np.float64], y: NDArray[np.float64], tolerance: float) -> list[int]:
    """Indices that remain after Douglas and Peucker (1973), distances measured upwards."""
    spans, kept = [(0, len(x) - 1)], {0, len(x) - 1}
    while spans:
        begin, end = spans.pop()
        if end - begin < 2:
            continue
        inner = slice(begin + 1, end)
        away = np.abs(y[inner] - np.interp(x[inner], (x[begin], x[end]), (y[begin], y[end])))
        worst = begin + 1 + int(np.argmax(away))
        if away[worst - begin - 1] > tolerance:
            kept.add(worst)
            spans += [(begin, worst), (worst, end)]
    return sorted(kept)
