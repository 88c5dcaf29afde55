"""Small pictures of order books and derivatives, terse SVG like those of ``pictures.py``.

Time runs to the right; each line fills the height between its own lowest and highest value, which the axes text tells.
"""

import math
from collections.abc import Sequence
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from pulse_assets.pictures import BLUE, ORANGE, inline_markdown, svg

__all__ = ["depth_profile", "lines", "profile_picture", "time_picture"]

_POINTS = 26
_STEP = 10
_HEIGHT = 100


def lines(series: Sequence[Sequence[float]], *, zero: bool = False) -> str:
    """One or two lines over the same times, thinned to 26 points; a gap parts a line.

    ``zero`` scales all lines around a middle line of 0 instead of between their own ends.
    """
    body = f"<path d='M0 50h{_STEP * (_POINTS - 1)}' stroke='#999' stroke-width='.3'/>" if zero else ""
    for values, colour in zip(series, (BLUE, ORANGE), strict=False):
        body += f"<path fill='none' stroke='{colour}' d='{_path(_thin(values), zero=zero)}'/>"
    return svg(_STEP * (_POINTS - 1), _HEIGHT, body)


def depth_profile(bid: Sequence[float], ask: Sequence[float]) -> str:
    """Cumulated depth by band, nearest in the middle: bids to the left, asks to the right; unknown bands are left out."""
    known = [value for value in (*bid, *ask) if math.isfinite(value)]
    top = max(known, default=1.0) or 1.0
    paths = []
    for values, colour, sign in ((bid, BLUE, -1), (ask, ORANGE, 1)):
        bars = "".join(
            f"M{80 + sign * (2 + 12 * place)} 90h{sign * 10}v{-max(1, round(80 * value / top))}h{-sign * 10}z"
            for place, value in enumerate(values)
            if math.isfinite(value)
        )
        paths.append(f"<path fill='{colour}' d='{bars}'/>")
    return svg(160, 90, "".join(paths))


def time_picture(name: str, unit: str, at: pd.Series, *series: pd.Series, zero: bool = False) -> dict[str, Any]:
    """Metadata of a picture over time and of its axes; nothing for fewer than two known values."""
    columns = [each.to_numpy(dtype=np.float64) for each in series]
    if not columns or any(int(np.isfinite(each).sum()) < 2 for each in columns):
        return {}
    told = "; ".join(
        f"{colour} {each.name} {np.nanmin(values):.6g} to {np.nanmax(values):.6g}"
        for each, values, colour in zip(series, columns, ("blue", "orange"), strict=False)
    )
    return {
        name: dg.MetadataValue.md(inline_markdown(lines(columns, zero=zero))),
        f"{name}_axes": f"{unit}; {at.iloc[0]:%Y-%m-%d %H:%M} to {at.iloc[-1]:%Y-%m-%d %H:%M} UTC; {told}",
    }


def profile_picture(name: str, bands: str, bid: Sequence[float], ask: Sequence[float]) -> dict[str, Any]:
    """Metadata of a depth profile and of its axes."""
    known = [value for value in (*bid, *ask) if math.isfinite(value)]
    if not known:
        return {}
    return {
        name: dg.MetadataValue.md(inline_markdown(depth_profile(bid, ask))),
        f"{name}_axes": f"value in quote currency within {bands} of mid, blue bids, orange asks, highest {max(known):.6g}",
    }


def _thin(values: Sequence[float]) -> list[float]:
    """At most 26 values: means of equal stretches."""
    array = np.asarray(values, dtype=np.float64)
    parts = np.array_split(array, min(_POINTS, len(array)))
    return [float(np.nanmean(part)) if np.isfinite(part).any() else math.nan for part in parts]


def _path(values: Sequence[float], *, zero: bool) -> str:
    known = [value for value in values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if zero:
        high = max(abs(low), abs(high))
        low = -high
    span = (high - low) or 1.0
    text, pen = "", "M"
    for place, value in enumerate(values):
        if not math.isfinite(value):
            pen = "M"
            continue
        y = round((_HEIGHT - 4) * (1.0 - (value - low) / span)) + 2
        text += f"{pen}{place * _STEP},{y}"
        pen = " "
    return text
