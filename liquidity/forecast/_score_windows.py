"""Inputs from an instrument's own scores: level, changes, distances from its averages, how much and how lately it moves.

Windows are lag major, (lags, rows), and summed lag by lag: a row's bits do not depend on which rows stand beside it.
Only ``inputs.py`` reads this.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.forecast.har import MONTH_SESSIONS, WEEK_SESSIONS

__all__ = ["LOOKBACK_SESSIONS", "RECENT_SESSIONS", "WINDOW_INPUTS", "ScoreWindows", "score_windows"]

LOOKBACK_SESSIONS: Final = 44
"""Sessions a row reads, its own included: two trading months, which ninety calendar days hold in every calendar."""

RECENT_SESSIONS: Final = MONTH_SESSIONS
"""Sessions of the longest average that members take, and of ``InputRows.recent``."""

EWMA_ALPHA: Final = 0.3
MIN_SCALE_POINTS: Final = 0.1
PRIOR_CHANGES: Final = 5.0

WINDOW_INPUTS: Final = (
    "level_points",
    "change_1_points",
    "change_2_points",
    "change_3_points",
    "change_5_points",
    "change_10_points",
    "change_22_points",
    "deviation_week_points",
    "deviation_month_points",
    "deviation_lookback_points",
    "deviation_ewma_points",
    "weekly_change_points",
    "month_low_points",
    "month_high_points",
    "month_sd_points",
    "scale_points",
    "sessions_since_change",
    "sessions_since_score",
    "scores_n",
)
"""``change_k``: score - score k sessions ago. ``deviation_x``: score - mean over 5, 22, 44 sessions, or - EWMA of 0.3.
``weekly_change``: score of the weekday of T+1, one week before it, - score. ``month_low``, ``month_high``: extremes of 22
sessions - score. ``scores_n``: scores in the look-back."""

_LAGS: Final = (1, 2, 3, 5, 10, 22)
_EQUAL_POINTS: Final = 1e-9


@dataclass(frozen=True, slots=True)
class ScoreWindows:
    """What the last 44 sessions say of R rows.

    Attributes
    ----------
    inputs
        (R,) each, in the order of :data:`WINDOW_INPUTS`; NaN where missing.
    base, scale
        (R,) points.
    recent
        (R, 22) points, oldest first.
    """

    inputs: dict[str, NDArray[np.float64]]
    base: NDArray[np.float64]
    scale: NDArray[np.float64]
    recent: NDArray[np.float64]


def score_windows(
    scores: NDArray[np.float64],
    session: NDArray[np.int64],
    instrument: NDArray[np.int64],
    typical_change: NDArray[np.float64],
    week_sessions: int,
) -> ScoreWindows:
    """Inputs of the cells (session, instrument) from their own scores.

    Parameters
    ----------
    scores
        (T, N) points, NaN where missing.
    session, instrument
        (R,) places; each cell has a score.
    typical_change
        (R,) points, the market's mean absolute change over one session; it stands in for ``PRIOR_CHANGES`` changes, so
        that a young instrument moves as its market does.
    week_sessions
        Sessions of a week: 7 where the market never closes, else 5.
    """
    # One more lag than the inputs read: the last absolute change needs its start.
    lags = np.arange(LOOKBACK_SESSIONS)[:, np.newaxis]
    window = np.where(session >= lags, scores[np.maximum(session - lags, 0), instrument], np.nan)
    base = window[0].copy()
    seen = np.isfinite(window)
    below = base - window  # 0 for a constant series, whatever its level
    there = np.where(seen, below, 0.0)

    inputs: dict[str, NDArray[np.float64]] = {"level_points": base}
    inputs |= {f"change_{lag}_points": below[lag] for lag in _LAGS}
    total, count, weighted, weight = (np.zeros(len(base)) for _ in range(4))
    for lag in range(LOOKBACK_SESSIONS):
        total += there[lag]
        count += seen[lag]
        decay = EWMA_ALPHA * (1.0 - EWMA_ALPHA) ** lag
        weighted += decay * there[lag]
        weight += decay * seen[lag]
        if lag == WEEK_SESSIONS - 1:
            inputs["deviation_week_points"] = total / count
        if lag == RECENT_SESSIONS - 1:
            inputs["deviation_month_points"], month_count = total / count, count.copy()
    inputs["deviation_lookback_points"] = total / count
    inputs["deviation_ewma_points"] = weighted / weight
    inputs["weekly_change_points"] = -below[week_sessions - 1]

    month = slice(0, RECENT_SESSIONS)
    inputs["month_low_points"] = -there[month].max(axis=0)
    inputs["month_high_points"] = -there[month].min(axis=0)
    squares = np.zeros(len(base))
    for lag in range(RECENT_SESSIONS):
        squares += np.where(seen[lag], (below[lag] - inputs["deviation_month_points"]) ** 2, 0.0)
    inputs["month_sd_points"] = np.sqrt(
        np.divide(squares, month_count - 1.0, out=np.full(len(base), np.nan), where=month_count > 1.0)
    )
    scale = _scale(below, typical_change)
    inputs["scale_points"] = scale
    changed = seen & (np.abs(there) > _EQUAL_POINTS)
    inputs["sessions_since_change"] = np.where(
        changed.any(axis=0), changed.argmax(axis=0) - 1.0, np.where(count > 1.0, LOOKBACK_SESSIONS - 1.0, np.nan)
    )
    earlier = seen[1:]
    inputs["sessions_since_score"] = np.where(earlier.any(axis=0), earlier.argmax(axis=0) + 1.0, np.nan)
    inputs["scores_n"] = count
    ordered = {name: inputs[name] for name in WINDOW_INPUTS}
    return ScoreWindows(ordered, base, scale, np.ascontiguousarray(window[month][::-1].T))


def _scale(below: NDArray[np.float64], typical_change: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean absolute change over one session of the last month, shrunk towards the market's; at least 0.1 points."""
    total, count = PRIOR_CHANGES * typical_change, np.full(below.shape[1], PRIOR_CHANGES)
    for lag in range(RECENT_SESSIONS):
        step = np.abs(below[lag + 1] - below[lag])
        known = np.isfinite(step)
        total += np.where(known, step, 0.0)
        count += known
    return np.asarray(np.maximum(total / count, MIN_SCALE_POINTS))
