"""Fan charts of forecasts: the score so far, then the median in its 50, 80 and 95 % bands; terse SVG like ``pictures.py``."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from io_managers.inline_svg import BLUE, ORANGE, fits, inline_markdown

__all__ = ["FAN_SESSIONS", "fan", "fan_charts"]

FAN_SESSIONS: Final = 40
"""Past sessions that a fan chart shows."""

_BANDS: Final = (95, 80, 50)  # each lies on the one before, so that the inner ones are darker
_STEP: Final = 5
_AHEAD: Final = 16
_HEIGHT: Final = 100
_LEFT: Final = 24
_WIDE_POINTS: Final = 10.0  # from here on the ends of the axis need no decimals
_BELOW: Final = 12  # room for the days under the picture
_SHORTER: Final = (FAN_SESSIONS, 36, 32, 28, 24, 20, 16)


def fan(
    past: Sequence[float],
    median: Sequence[float],
    bands: Mapping[int, tuple[Sequence[float], Sequence[float]]],
    days: Sequence[str],
    until: str,
) -> str:
    """Markdown of a picture: past scores as a line, the median ahead as another, and its bands around it.

    Parameters
    ----------
    past
        Scores 0-100, oldest first, the session of the forecast last; NaN parts the line. As many of the newest
        ``FAN_SESSIONS`` are drawn as fit into a picture.
    median
        Points by horizon.
    bands
        Lower and upper ends by horizon, of the 50, 80 and 95 % band.
    days
        Day of each past score, written under the first that is drawn and under the last.
    until
        Day of the last horizon.
    """
    for kept in _SHORTER:
        shown = list(days)[-kept:]
        picture = _drawn(list(past)[-kept:], median, bands, (shown[0] if len(shown) > 1 else "", shown[-1], until))
        if fits(picture):
            break
    return inline_markdown(picture)


def fan_charts(
    history: pd.DataFrame, forecasts: pd.DataFrame, target: str, instruments: Sequence[str] = (), most: int = 6
) -> dict[str, Any]:
    """Metadata of one fan chart for each instrument asked for, or for the deepest expected fall of each market.

    Parameters
    ----------
    history
        ``session_date``, ``instrument_id`` and the target, any order; rows of later sessions are left out.
    forecasts
        ``INDEX_FORECAST`` rows; the newest session is drawn.
    target
        Score to draw.
    instruments
        Instruments to draw; empty draws, of each asset class and origin, the one whose median falls most.
    most
        Charts at most.
    """
    newest = forecasts["session_date"] == forecasts["session_date"].max()
    rows = forecasts[newest & (forecasts["target"] == target) & (forecasts["status"] != "insufficient_data")]
    pictures: dict[str, Any] = {}
    for name in (list(instruments) or _deepest_falls(rows))[:most]:
        mine = rows[rows["instrument_id"] == name].sort_values("horizon_sessions")
        if not len(mine):
            continue
        session = mine["session_date"].iloc[0]
        of_name = (history["instrument_id"] == name) & (history["session_date"] <= session)
        known = history[of_name].sort_values("session_date")
        past = known[target].to_numpy(dtype=np.float64, na_value=np.nan)
        days = [f"{day:%d %b}" for day in known["session_date"]]
        ends = {band: (_numbers(mine, f"lower_{band}"), _numbers(mine, f"upper_{band}")) for band in _BANDS}
        median = _numbers(mine, "forecast_score")
        last = mine.iloc[-1]
        unknown = pd.isna(last["target_date"])
        until = "" if unknown else f" to {last['target_date']:%Y-%m-%d}"
        below = f"T+{len(mine)}" if unknown else f"{last['target_date']:%d %b}"
        pictures[f"fan {name}"] = dg.MetadataValue.md(fan(past, median, ends, days, below))
        pictures[f"fan {name} axes"] = (
            f"{target} 0-100 points: up to {FAN_SESSIONS} past sessions to {session:%Y-%m-%d} in grey, then {len(mine)} sessions{until}; "
            f"orange: median {median[0]:.1f} to {median[-1]:.1f}; blue from dark to light: 50, 80 and 95 % bands, 95 % at the end "
            f"{last['lower_95']:.1f} to {last['upper_95']:.1f}; {last['status']}, member {last['member']}"
        )
    return pictures


def _deepest_falls(rows: pd.DataFrame) -> list[str]:
    end = rows[rows["horizon_sessions"] == rows["horizon_sessions"].max()]
    fall = (end["forecast_score"] - end["base_score"]).astype(float)
    market = [end["asset_class"], end["source"] == "simulated"]
    places = fall.groupby(market, sort=True).idxmin()
    return [str(name) for name in end.loc[places, "instrument_id"]]


def _numbers(rows: pd.DataFrame, name: str) -> list[float]:
    return list(rows[name].to_numpy(dtype=np.float64, na_value=np.nan).tolist())


def _drawn(
    past: Sequence[float],
    median: Sequence[float],
    bands: Mapping[int, tuple[Sequence[float], Sequence[float]]],
    below: tuple[str, str, str],
) -> str:
    seen = np.array([*past, *(end for pair in bands.values() for side in pair for end in side)])
    low, high = float(np.nanmin(seen)), float(np.nanmax(seen))
    span = max(high - low, 1.0)

    def down(values: Sequence[float]) -> NDArray[np.float64]:
        return np.round(_HEIGHT - 3 - (np.asarray(values, dtype=np.float64) - low) / span * (_HEIGHT - 6))

    start = _LEFT + _STEP * (len(past) - 1)
    ahead = [start + _AHEAD * step for step in range(len(median) + 1)]
    today = past[-1]
    digits = 0 if span >= _WIDE_POINTS else 1
    body = f"<text y='9'>{high:.{digits}f}</text><text y='{_HEIGHT}'>{low:.{digits}f}</text>"
    for place, day in zip((_LEFT, start - _LEFT // 2, ahead[-1] - _LEFT), below, strict=True):
        body += f"<text x='{place}' y='{_HEIGHT + _BELOW - 1}'>{day}</text>" if day else ""
    areas = ""
    for band in _BANDS:
        lower, upper = (down([today, *side]) for side in bands[band])
        outline = _parted([*ahead, *ahead[::-1]], np.concatenate([upper, lower[::-1]]))
        areas += f"<path d='{outline}z'/>"
    body += f"<g fill='{BLUE}' fill-opacity='.28'>{areas}</g>"
    lines = (
        ("#667", [_LEFT + _STEP * step for step in range(len(past))], past),
        (ORANGE, ahead, [today, *median]),
    )
    for colour, across, values in lines:
        body += f"<path fill='none' stroke='{colour}' d='{_parted(across, down(values))}'/>"
    width, height = ahead[-1] + 4, _HEIGHT + _BELOW
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{2 * width}' height='{2 * height}' viewBox='0 0 {width} {height}'>"
        f"<g font-size='9'>{body}</g></svg>"
    )


def _parted(across: Sequence[int], down: NDArray[np.float64]) -> str:
    """Path in relative steps, which are shorter to write; a missing value starts a new piece."""
    text = ""
    before: tuple[int, float] | None = None
    for x, y in zip(across, down.tolist(), strict=True):
        if y != y:
            before = None
            continue
        if before is None:
            text += f"M{x} {y:.0f}l"
        else:
            rise = f"{y - before[1]:.0f}"
            text += f"{'' if text.endswith('l') else ' '}{x - before[0]}{'' if rise[0] == '-' else ' '}{rise}"
        before = (x, y)
    return text.replace("lM", "M").removesuffix("l")  # a lone value has no step to draw
