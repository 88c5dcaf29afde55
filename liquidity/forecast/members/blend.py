"""Blend: the mean of boosting and of a straight line with a forest on what it leaves.

Trees follow a slope in steps only, so before the forest a line through every input takes it. The mean of two unlike
forecasts is steadier than either (Bates and Granger 1969); quantiles are averaged level by level (Lichtendahl,
Grushka-Cockayne, Winkler 2013). Read next: ``boosting.py``, ``ridge.py``, ``forest.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.forecast.members._leaf_tables import drivers_of_inputs
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members.boosting import Boosting, FittedBoosting
from liquidity.forecast.members.forest import FittedForest, Forest
from liquidity.forecast.members.ridge import Ridge

__all__ = ["Blend", "FittedBlend"]


@dataclass(frozen=True, slots=True)
class FittedBlend:
    """Boosting, the line, and the forest that was fitted on the changes less the line."""

    boosting: FittedBoosting
    line: Ridge
    forest: FittedForest

    def quantiles(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5, 7) quantiles of the change, points; ascending.

        Raises
        ------
        ContractError
            The rows have other inputs than the training.
        """
        twice = self.forest.quantiles(rows)
        twice += self.line.change(rows)[:, :, np.newaxis]
        twice += self.boosting.quantiles(rows)
        return 0.5 * twice

    def drivers(self, rows: InputRows) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Subjects of the inputs and their parts of the median change, (R, 5, G) points; they add up to it."""
        names, twice = self.forest.drivers(rows)
        twice += self.boosting.drivers(rows)[1]
        (_, *inputs), of_line = self.line.drivers(rows)
        _, place = drivers_of_inputs(self.forest.names)
        twice[:, :, 0] += of_line[:, :, 0]
        for column, name in enumerate(inputs, start=1):
            twice[:, :, 1 + place[self.forest.names.index(name)]] += of_line[:, :, column]
        return names, 0.5 * twice

    def state(self) -> dict[str, NDArray[Any]]:
        """States of the three, each below its name."""
        return {
            f"{part}/{name}": array
            for part, member in (("boosting", self.boosting), ("line", self.line), ("forest", self.forest))
            for name, array in member.state().items()
        }


class Blend:
    """Boosting, and a forest on what ridge leaves, in equal parts."""

    name: ClassVar[str] = "blend"
    kind: ClassVar[Literal["baseline", "model"]] = "model"

    @classmethod
    def fit(cls, rows: InputRows, changes: NDArray[np.float64], seed: int) -> FittedBlend:
        """Fit boosting on the changes, the line on them too, and the forest on the changes less the line.

        Raises
        ------
        InsufficientDataError
            One of the three has too little to learn from.
        """
        line = Ridge.fit(rows, changes, seed)
        forest = Forest.fit(rows, changes - line.change(rows), seed)
        return FittedBlend(Boosting.fit(rows, changes, seed), line, forest)

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> FittedBlend:
        """The fitted blend again.

        Raises
        ------
        ContractError
            An array is missing, of another type or shape, or a tree is not sound.
        """

        def part(name: str) -> dict[str, NDArray[Any]]:
            return {key.removeprefix(f"{name}/"): array for key, array in state.items() if key.startswith(f"{name}/")}

        return FittedBlend(
            Boosting.from_state(part("boosting")), Ridge.from_state(part("line")), Forest.from_state(part("forest"))
        )
