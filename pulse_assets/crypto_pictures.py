"""Small pictures of order books and derivatives, terse SVG like those of ``pictures.py``, with numbers at their axes.

Time runs to the right. Each series has a panel of its own, because a spread and a depth share no scale.
"""

import math
from collections.abc import Sequence
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from io_managers.inline_svg import BLUE, ORANGE, fits, inline_markdown, short, svg

__all__ = ["depth_profile", "panels", "profile_picture", "time_picture"]

_LEFT = 48
_WIDTH = 252
_PANEL = 56
_POINTS = (26, 22, 18, 14, 10, 6)
"""Points of a line, most first; the first number with which the picture is small enough is taken."""


def panels(series: Sequence[Sequence[float]], ends: tuple[str, str], *, zero: bool = False) -> str:
    """One or two series over the same times, a panel each, with the values at its top and bottom; a gap parts a line.

    Parameters
    ----------
    ends
        First and last time as text.
    zero
        Scale each panel around a middle line of 0 instead of between the ends of its values.
    """
    for points in _POINTS:
        picture = _panels(series, ends, points, zero=zero)
        if fits(picture):
            break
    return picture


def _panels(series: Sequence[Sequence[float]], ends: tuple[str, str], points: int, *, zero: bool) -> str:
    body = ""
    for place, (values, colour) in enumerate(zip(series, (BLUE, ORANGE), strict=False)):
        top = _PANEL * place
        thin = _thin(values, points)
        known = [value for value in thin if math.isfinite(value)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        if zero:
            high = max(abs(low), abs(high))
            low = -high
            body += f"<path d='M{_LEFT} {top + 25}h{_WIDTH}' stroke='#999' stroke-width='.3'/>"
        body += f"<text y='{top + 9}'>{short(high)}</text><text y='{top + 49}'>{short(low)}</text>"
        body += f"<path fill='none' stroke='{colour}' d='{_path(thin, low, high, top)}'/>"
    height = _PANEL * len(series) + 9
    body += f"<text x='{_LEFT}' y='{height - 2}'>{ends[0]}</text><text x='{_LEFT + _WIDTH - 30}' y='{height - 2}'>{ends[1]}</text>"
    return svg(_LEFT + _WIDTH, height, f"<g font-size='10'>{body}</g>")


def depth_profile(bid: Sequence[float], ask: Sequence[float], edge: str) -> str:
    """Cumulated depth by band, nearest in the middle: bids to the left, asks to the right; unknown bands are left out.

    ``edge`` names the outermost band.
    """
    known = [value for value in (*bid, *ask) if math.isfinite(value)]
    top = max(known, default=1.0) or 1.0
    body = f"<text y='9'>{short(top)}</text><text x='56' y='99'>{edge}</text><text x='171' y='99'>mid</text><text x='281' y='99'>{edge}</text>"
    for values, colour, sign in ((bid, BLUE, -1), (ask, ORANGE, 1)):
        bars = "".join(
            f"M{180 + sign * (2 + 20 * place)} 88h{sign * 17}v{-max(1, round(84 * value / top))}h{-sign * 17}z"
            for place, value in enumerate(values)
            if math.isfinite(value)
        )
        body += f"<path fill='{colour}' d='{bars}'/>"
    return svg(310, 102, f"<g font-size='10'>{body}</g>")


def time_picture(name: str, at: pd.Series, *series: pd.Series, zero: bool = False) -> dict[str, Any]:
    """Metadata of a picture over time and of its axes; nothing for fewer than two known values of a series.

    The name of a series says its unit.
    """
    columns = [each.to_numpy(dtype=np.float64) for each in series]
    if not columns or any(int(np.isfinite(each).sum()) < 2 for each in columns):
        return {}
    told = "; ".join(
        f"{colour} {each.name} {short(np.nanmin(values))} to {short(np.nanmax(values))}"
        for each, values, colour in zip(series, columns, ("blue", "orange"), strict=False)
    )
    first, last = at.iloc[0], at.iloc[-1]
    form = "%H:%M" if first.date() == last.date() else "%m-%d"
    means = ", means of equal stretches" if max(map(len, columns)) > _POINTS[0] else ""
    line = "; grey line 0" if zero else ""
    return {
        name: dg.MetadataValue.md(inline_markdown(panels(columns, (f"{first:{form}}", f"{last:{form}}"), zero=zero))),
        f"{name}_axes": f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC{means}; {told}{line}",
    }


def profile_picture(name: str, bands: Sequence[str], bid: Sequence[float], ask: Sequence[float]) -> dict[str, Any]:
    """Metadata of a depth profile and of its axes; ``bands`` are named from the nearest."""
    known = [value for value in (*bid, *ask) if math.isfinite(value)]
    if not known:
        return {}
    return {
        name: dg.MetadataValue.md(inline_markdown(depth_profile(bid, ask, bands[-1]))),
        f"{name}_axes": f"value in quote currency within {', '.join(bands)} of mid; blue bids, orange asks; highest {max(known):,.0f}",
    }


def _thin(values: Sequence[float], points: int) -> list[float]:
    """At most ``points`` values: means of equal stretches."""
    array = np.asarray(values, dtype=np.float64)
    parts = np.array_split(array, min(points, len(array)))
    return [float(np.nanmean(part)) if np.isfinite(part).any() else math.nan for part in parts]


def _path(values: Sequence[float], low: float, high: float, top: int) -> str:
    span = (high - low) or 1.0
    step = _WIDTH / max(len(values) - 1, 1)
    text, pen = "", "M"
    for place, value in enumerate(values):
        if not math.isfinite(value):
            pen = "M"
            continue
        y = top + 3 + round(44 * (1.0 - (value - low) / span))
        text += f"{pen}{_LEFT + round(place * step)} {y}"
        pen = " "
    return text
