"""No change: the score stays what it is. The forecast that every other has to beat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._point_bands import PointBands, PointMember

__all__ = ["Persistence"]


@dataclass(frozen=True, slots=True)
class Persistence(PointMember):
    """Forecast change 0 at every horizon."""

    name: ClassVar[str] = "persistence"
    kind: ClassVar[Literal["baseline", "model"]] = "baseline"
    driver: ClassVar[str] = "no_change"

    @classmethod
    def fit(cls, rows: InputRows, changes: NDArray[np.float64], seed: int) -> "Persistence":
        """Learn the width of the band; ``seed`` is not needed."""
        return cls(PointBands.fit(cls.name, _no_change(rows), changes, rows.scale))

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> "Persistence":
        """The fitted member again."""
        return cls(PointBands.from_state(cls.name, state))

    def change(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5) zeros."""
        return _no_change(rows)


def _no_change(rows: InputRows) -> NDArray[np.float64]:
    return np.zeros((len(rows), len(HORIZONS)))
