"""The score returns to its exponentially weighted average of the last 22 sessions, at once and for good."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._point_bands import PointBands, PointMember

__all__ = ["ALPHA", "Ewma"]

ALPHA: Final = 0.3
"""Weight of the newest score: half of the weight lies on the last two sessions."""


@dataclass(frozen=True, slots=True)
class Ewma(PointMember):
    """Forecast level s of s = a x + (1 - a) s from the oldest score on, the same at every horizon.

    A missing score leaves s as it is.
    """

    name: ClassVar[str] = "ewma"
    kind: ClassVar[Literal["baseline", "model"]] = "baseline"
    driver: ClassVar[str] = "moving_average"

    @classmethod
    def fit(cls, rows: InputRows, changes: NDArray[np.float64], seed: int) -> "Ewma":
        """Learn the width of the band; ``seed`` is not needed."""
        return cls(PointBands.fit(cls.name, _to_average(rows), changes, rows.scale))

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> "Ewma":
        """The fitted member again."""
        return cls(PointBands.from_state(cls.name, state))

    def change(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5) points."""
        return _to_average(rows)


def _to_average(rows: InputRows) -> NDArray[np.float64]:
    average = rows.recent[:, 0].copy()
    for score in rows.recent[:, 1:].T:
        first = np.isnan(average)
        moved = ALPHA * score + (1.0 - ALPHA) * average
        average = np.where(first, score, np.where(np.isnan(score), average, moved))
    return np.repeat((average - rows.base)[:, np.newaxis], len(HORIZONS), axis=1)
