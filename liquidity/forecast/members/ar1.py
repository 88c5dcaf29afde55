"""First-order autoregression: the score closes a share of its distance from its own mean each session."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._point_bands import PointBands, PointMember, refuse_too_few
from liquidity.forecast.members._state import state_array

__all__ = ["Ar1"]

MIN_PAIRS: Final = 15
MAX_PHI: Final = 0.99
_NO_VARIANCE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Ar1(PointMember):
    """x_{t+1} = c + phi x_t, iterated to each horizon.

    c and phi are the least-squares fit to an instrument's own last 22 sessions; with fewer than 15 pairs of neighbours,
    or a constant score, they are the pooled ones: phi of all training rows towards the mean of the last 22 sessions.
    phi is kept within [-0.99, 0.99], so that no forecast leaves the range of the scores it came from by much.

    Attributes
    ----------
    phi
        The pooled coefficient.
    """

    name: ClassVar[str] = "ar1"
    kind: ClassVar[Literal["baseline", "model"]] = "baseline"
    driver: ClassVar[str] = "mean_reversion"

    phi: float

    @classmethod
    def fit(cls, rows: InputRows, changes: NDArray[np.float64], seed: int) -> "Ar1":
        """Learn the pooled coefficient and the width of the band; ``seed`` is not needed."""
        known = np.isfinite(changes[:, 0])
        refuse_too_few(cls.name, HORIZONS[0], int(np.count_nonzero(known)))
        distance = _distance_from_mean(rows)[known]
        spread = float(distance @ distance)
        phi = 1.0 + float(distance @ changes[known, 0]) / spread if spread > _NO_VARIANCE else 0.0
        phi = float(np.clip(phi, -MAX_PHI, MAX_PHI))
        return cls(PointBands.fit(cls.name, _iterated(rows, phi), changes, rows.scale), phi)

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> "Ar1":
        """The fitted member again."""
        phi = float(state_array(state, cls.name, "phi", "f", ()))
        return cls(PointBands.from_state(cls.name, state), phi)

    def change(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5) points."""
        return _iterated(rows, self.phi)

    def state(self) -> dict[str, NDArray[Any]]:
        """Bands and pooled coefficient."""
        return {"ratios": self.bands.ratios, "phi": np.array(self.phi)}


def _distance_from_mean(rows: InputRows) -> NDArray[np.float64]:
    """(R,) score - mean of the last 22 sessions."""
    below = rows.base[:, np.newaxis] - rows.recent
    known = np.isfinite(below)
    return np.asarray(np.where(known, below, 0.0).sum(axis=1) / known.sum(axis=1))


def _iterated(rows: InputRows, pooled_phi: float) -> NDArray[np.float64]:
    """(R, 5) change: phi^h d + c (1 + phi + ... + phi^(h-1)) for scores measured from today's, so that d is 0."""
    score = rows.recent - rows.base[:, np.newaxis]
    earlier, later = score[:, :-1], score[:, 1:]
    pair = np.isfinite(earlier) & np.isfinite(later)
    n = np.maximum(pair.sum(axis=1), 1)
    x, y = np.where(pair, earlier, 0.0), np.where(pair, later, 0.0)
    mean_x, mean_y = x.sum(axis=1) / n, y.sum(axis=1) / n
    x_off = np.where(pair, earlier - mean_x[:, np.newaxis], 0.0)
    spread = (x_off**2).sum(axis=1)
    own = (pair.sum(axis=1) >= MIN_PAIRS) & (spread > _NO_VARIANCE)
    slope = np.divide((x_off * y).sum(axis=1), spread, out=np.zeros(len(rows)), where=own)
    phi = np.where(own, np.clip(slope, -MAX_PHI, MAX_PHI), pooled_phi)
    pooled_constant = -(1.0 - pooled_phi) * _distance_from_mean(rows)
    constant = np.where(own, mean_y - phi * mean_x, pooled_constant)
    changes, level = [], np.zeros(len(rows))
    for _ in HORIZONS:
        level = constant + phi * level
        changes.append(level)
    return np.stack(changes, axis=1)
