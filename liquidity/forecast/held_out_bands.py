"""Bands of held-out forecasts: each block's are calibrated on the blocks before it, as they would have been on its day.

Only ``evaluation.py`` reads this. Read next: ``bands.py`` and ``adaptive.py``.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import InsufficientDataError
from liquidity.forecast.adaptive import AdaptiveLevels
from liquidity.forecast.bands import LIQUIDITY_GROUPS, MIN_ROWS, Calibration
from liquidity.forecast.horizons import BANDS, HORIZONS
from liquidity.forecast.walk_forward import Split

if TYPE_CHECKING:
    from liquidity.forecast.evaluation import HeldOut

__all__ = ["calibrated_scores", "first_judged"]


def first_judged(result: "HeldOut", splits: Sequence[Split], edges: NDArray[np.int64]) -> int:
    """Place of the first block whose bands the blocks before it can calibrate at every horizon."""
    for place in range(1, len(splits)):
        known = ~np.isnan(result.known_by(splits[place].test_start - 1)[: edges[place]])
        if known.sum(axis=0).min() >= MIN_ROWS:
            return place
    raise InsufficientDataError(
        f"forecast of {result.group.key} {result.target}: fewer than {MIN_ROWS} known labels before the last held-out block; "
        "run it on a longer history or more instruments"
    )


def calibrated_scores(
    result: "HeldOut", raw: NDArray[np.float32], splits: Sequence[Split], edges: NDArray[np.int64], first: int
) -> NDArray[np.float32]:
    """Quantiles of the future scores: each block calibrated on those before it, levels moved by what was judged by then."""
    scores = np.full(raw.shape, np.nan, np.float32)
    arrivals = _Arrivals(len(result.sessions))
    for place, split in enumerate(splits[first:], start=first):
        past = slice(0, edges[place])
        calibration = Calibration.fit(
            raw[past].astype(np.float64),
            result.known_by(split.test_start - 1)[past],
            result.scale[past],
            result.liquidity_group[past],
            result.session[past],
        )
        levels = AdaptiveLevels.start()
        for session in range(split.test_start, split.test_end):
            levels = levels.step(arrivals.inside_frac(session))
            rows = slice(*np.searchsorted(result.session, (session, session + 1)))
            scores[rows] = calibration.apply(
                raw[rows].astype(np.float64),
                result.base[rows],
                result.scale[rows],
                result.liquidity_group[rows],
                levels.alphas,
            )
            arrivals.add(session, scores[rows], result.realised[rows], result.liquidity_group[rows])
    return scores


class _Arrivals:
    """Shares inside each band by the session that judges them."""

    def __init__(self, sessions_n: int) -> None:
        shape = (sessions_n + max(HORIZONS), len(HORIZONS), len(BANDS), LIQUIDITY_GROUPS)
        self._inside, self._judged = np.zeros(shape), np.zeros(shape)

    def add(
        self, session: int, scores: NDArray[np.float32], realised: NDArray[np.float64], group: NDArray[np.int8]
    ) -> None:
        """Keep the forecasts of a session until their day."""
        for place, horizon in enumerate(HORIZONS):
            known = ~np.isnan(realised[:, place])
            truth, of = realised[known, place], group[known]
            judged = np.bincount(of, minlength=LIQUIDITY_GROUPS)
            for band, (low, high) in enumerate(BANDS.values()):
                inside = (scores[known, place, low] <= truth) & (truth <= scores[known, place, high])
                self._judged[session + horizon, place, band] = judged
                self._inside[session + horizon, place, band] = np.bincount(of, inside, LIQUIDITY_GROUPS)

    def inside_frac(self, session: int) -> NDArray[np.float64]:
        """(5, 3, 4) shares of what is judged in a session; NaN where nothing is."""
        judged = self._judged[session]
        return np.asarray(np.divide(self._inside[session], judged, out=np.full(judged.shape, np.nan), where=judged > 0))
