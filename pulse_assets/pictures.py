"""Small pictures of the pulse tables for asset metadata: bands, heatmaps, bars.

Each is an SVG short enough for the Dagster UI to show it inline; see ``io_managers/inline_svg.py``.
"""

from collections.abc import Sequence

from io_managers.inline_svg import BLUE, GREY, ORANGE, svg

__all__ = ["bars", "grid", "history_band"]


def history_band(low: Sequence[float], middle: Sequence[float], high: Sequence[float]) -> str:
    """Line of ``middle`` over a band from ``low`` to ``high``, all 0-100 points, oldest first; the newest 20 are drawn."""
    low, middle, high = ([float(v) for v in values][-20:] for values in (low, middle, high))
    step = 13

    def points(values: Sequence[float], xs: Sequence[int]) -> str:
        return " ".join(f"{x},{100 - round(v)}" for x, v in zip(xs, values, strict=True))

    xs = [i * step for i in range(len(middle))]
    band = points(high, xs) + " " + points(low[::-1], xs[::-1])
    grid_line = "<path d='M0 50h260' stroke='#999' stroke-width='.3'/>"
    return svg(
        260,
        100,
        f"{grid_line}<path fill='{BLUE}' opacity='.2' d='M{band}z'/><path fill='none' stroke='{BLUE}' d='M{points(middle, xs)}'/>",
    )


def grid(cells: Sequence[Sequence[float | None]]) -> str:
    """Heatmap of 0-100 points: orange is illiquid, grey is middling, blue is liquid, a gap is no value."""
    paths: dict[str, str] = {ORANGE: "", "#d9a06f": "", GREY: "", "#7ba3d6": "", BLUE: ""}
    colours = list(paths)
    for row, values in enumerate(cells):
        for column, value in enumerate(values):
            if value is not None:
                paths[colours[min(int(value // 20), 4)]] += f"M{column} {row}h.9"
    body = "".join(f"<path stroke='{colour}' d='{d}'/>" for colour, d in paths.items() if d)
    # One unit a cell and a stroke as thick as one: every sector by every rating stays below the limit.
    across, down = max((len(row) for row in cells), default=1), max(len(cells), 1)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{30 * across}' height='{30 * down}' "
        f"viewBox='0 -.5 {across} {down}' stroke-width='.9'>{body}</svg>"
    )


def bars(values: Sequence[float]) -> str:
    """Horizontal bars around a zero line, blue to the right for positive, orange to the left for negative."""
    largest = max((abs(v) for v in values), default=1.0) or 1.0
    paths = {BLUE: "", ORANGE: ""}
    for row, value in enumerate(values[:12]):
        length = round(75 * value / largest)
        paths[BLUE if value >= 0 else ORANGE] += f"M80 {row * 10}h{length}v8h{-length}z"
    body = "".join(f"<path fill='{colour}' d='{d}'/>" for colour, d in paths.items() if d)
    return svg(160, 10 * max(len(values[:12]), 1), body)
