"""Inputs from all instruments of a session: where a score stands among them, where the market stands and how it moves.

Moves of the market are medians of instruments' own changes, so that a universe that changes does not look like a move.
Only ``inputs.py`` reads this.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.forecast._score_windows import RECENT_SESSIONS

__all__ = ["CROSS_SECTION_INPUTS", "CrossSections", "cross_section_inputs"]

CROSS_SECTION_INPUTS: Final = (
    "rank_frac",
    "group_median_points",
    "group_iqr_points",
    "group_change_1_points",
    "group_change_5_points",
    "group_falling_frac",
    "above_group_points",
    "relative_change_1_points",
    "relative_change_5_points",
)
"""Mid-rank of the score among the session's, 0-1; their median and interquartile range; the median change of the
instruments over 1 and 5 sessions and the share that fell; score - median; own change - median change. All are missing
below :data:`MIN_NAMES` scores in the session, the changes below as many changes."""

MIN_NAMES: Final = 5
"""Scores of a session from which a place among them says something."""

UNKNOWN_CHANGE_POINTS: Final = 5.0
"""Typical change over one session, points, of a market that has shown none yet: wide, and replaced by the first one."""


@dataclass(frozen=True, slots=True)
class CrossSections:
    """Facts of the sessions, one for each of R rows.

    Attributes
    ----------
    rank_frac
        (R,) 0-1; NaN below :data:`MIN_NAMES` scores.
    typical_change
        (R,) points, mean absolute change over one session of all instruments in the last month.
    market
        (5, R): median, interquartile range, median changes over 1 and 5 sessions, share falling; NaN below as many.
    level
        (R,) score, points.
    """

    rank_frac: NDArray[np.float64]
    typical_change: NDArray[np.float64]
    market: NDArray[np.float64]
    level: NDArray[np.float64]

    def of_block(
        self, block: slice, change_1: NDArray[np.float64], change_5: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], ...]:
        """Inputs of some rows in the order of :data:`CROSS_SECTION_INPUTS`, given their own changes in points."""
        market = self.market[:, block]
        return (
            self.rank_frac[block],
            *market,
            self.level[block] - market[0],
            change_1 - market[2],
            change_5 - market[3],
        )


def cross_section_inputs(
    scores: NDArray[np.float64], session: NDArray[np.int64], instrument: NDArray[np.int64]
) -> CrossSections:
    """Facts of the rows' sessions; each reads its session and the month before it.

    Parameters
    ----------
    scores
        (T, N) points, NaN where missing.
    session, instrument
        (R,) places, ``session`` ascending; each cell has a score.
    """
    level = scores[session, instrument]
    rank, market = np.full(len(session), np.nan), np.full((5, len(session)), np.nan)
    typical = np.empty(len(session))
    moved: dict[int, tuple[float, int]] = {}
    needed, starts = np.unique(session, return_index=True)
    bounds = np.append(starts, len(session))
    for place, t in enumerate(needed.tolist()):
        rows = slice(bounds[place], bounds[place + 1])
        typical[rows] = _typical_change(scores, t, moved)
        ordered = np.sort(_known(scores[t]))
        if len(ordered) < MIN_NAMES:
            continue
        below = np.searchsorted(ordered, level[rows], side="left")
        upto = np.searchsorted(ordered, level[rows], side="right")
        rank[rows] = 0.5 * (below + upto) / len(ordered)
        low, median, high = np.quantile(ordered, (0.25, 0.5, 0.75))
        by_one, by_five = _changes(scores, t, 1), _changes(scores, t, 5)
        falling = float(np.mean(by_one < 0.0)) if by_one.size >= MIN_NAMES else np.nan
        market[:, rows] = np.array([[median], [high - low], [_median(by_one)], [_median(by_five)], [falling]])
    return CrossSections(rank, typical, market, level)


def _typical_change(scores: NDArray[np.float64], t: int, moved: dict[int, tuple[float, int]]) -> float:
    """Mean absolute change of all instruments over the month that ends with session t; ``moved`` remembers sums."""
    total, count = 0.0, 0
    for day in range(max(t - RECENT_SESSIONS + 1, 1), t + 1):
        if day not in moved:
            steps = np.abs(_changes(scores, day, 1))
            moved[day] = (float(steps.sum()), steps.size)
        total += moved[day][0]
        count += moved[day][1]
    return total / count if count else UNKNOWN_CHANGE_POINTS


def _changes(scores: NDArray[np.float64], t: int, lag: int) -> NDArray[np.float64]:
    """Changes over ``lag`` sessions up to t of the instruments that have both scores."""
    return _known(scores[t] - scores[t - lag]) if t >= lag else np.zeros(0)


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    kept: NDArray[np.float64] = values[np.isfinite(values)]  # what is left out cannot shift the order of a sum
    return kept


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if values.size >= MIN_NAMES else np.nan
