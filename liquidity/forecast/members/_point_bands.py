"""Quantiles for members that tell one number: how far reality fell from it in training, in units of the row's scale."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import InsufficientDataError
from liquidity.forecast.horizons import HORIZONS, LEVELS, MEDIAN
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._state import state_array

__all__ = ["MIN_LABELLED_ROWS", "PointBands", "PointMember"]

MIN_LABELLED_ROWS: Final = 50
"""Fewest labels of a horizon from which outer quantiles are told: the 2.5 % quantile then rests on one or two rows."""


@dataclass(frozen=True, slots=True)
class PointBands:
    """Quantiles of (change - forecast change) / scale by horizon.

    Attributes
    ----------
    ratios
        (5, 7), ascending by level, 0 at the median: the member's number stays its median.
    """

    ratios: NDArray[np.float64]

    @classmethod
    def fit(
        cls, member: str, points: NDArray[np.float64], changes: NDArray[np.float64], scale: NDArray[np.float64]
    ) -> "PointBands":
        """Learn from (R, 5) forecast and real changes in points (NaN where not known) and the (R,) scales.

        Raises
        ------
        InsufficientDataError
            Fewer than :data:`MIN_LABELLED_ROWS` labels at a horizon.
        """
        ratios = np.zeros((len(HORIZONS), len(LEVELS)))
        for place, horizon in enumerate(HORIZONS):
            known = np.isfinite(changes[:, place])
            refuse_too_few(member, horizon, int(np.count_nonzero(known)))
            residuals = (changes[known, place] - points[known, place]) / scale[known]
            ratios[place] = np.quantile(residuals, LEVELS)
        ratios[:, :MEDIAN] = np.minimum(ratios[:, :MEDIAN], 0.0)
        ratios[:, MEDIAN] = 0.0
        ratios[:, MEDIAN + 1 :] = np.maximum(ratios[:, MEDIAN + 1 :], 0.0)
        return cls(ratios)

    def quantiles(self, points: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
        """(R, 5, 7) quantiles of the change around (R, 5) forecast changes, points."""
        return points[:, :, np.newaxis] + scale[:, np.newaxis, np.newaxis] * self.ratios

    @classmethod
    def from_state(cls, member: str, state: Mapping[str, NDArray[Any]]) -> "PointBands":
        """The bands again from a member's state."""
        return cls(state_array(state, member, "ratios", "f", (len(HORIZONS), len(LEVELS))))


def refuse_too_few(member: str, horizon: int, labels: int) -> None:
    """Stop where a horizon has too few labels to learn from."""
    if labels < MIN_LABELLED_ROWS:
        raise InsufficientDataError(
            f"{member}: {labels} labelled rows at {horizon} session(s) ahead, needed {MIN_LABELLED_ROWS}; "
            "give a longer history or more instruments"
        )


@dataclass(frozen=True, slots=True)
class PointMember(ABC):
    """A fitted member whose forecast is one number with bands around it; what it learned besides stands in its fields."""

    name: ClassVar[str]
    driver: ClassVar[str]

    bands: PointBands

    @abstractmethod
    def change(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5) forecast change, points."""

    def quantiles(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5, 7) quantiles of the change, points."""
        return self.bands.quantiles(self.change(rows), rows.scale)

    def drivers(self, rows: InputRows) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """One driver, which is the member's idea, and the whole change."""
        return (self.driver,), self.change(rows)[:, :, np.newaxis]

    def state(self) -> dict[str, NDArray[Any]]:
        """The bands."""
        return {"ratios": self.bands.ratios}
