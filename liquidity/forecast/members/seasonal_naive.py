"""The score of the same weekday one week earlier."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError
from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._point_bands import PointBands, PointMember
from liquidity.forecast.members._state import state_array

__all__ = ["SeasonalNaive"]

_TRADING_WEEK: Final = 5
_FULL_WEEK: Final = 7
_SATURDAY: Final = 5
# A market that trades every day has 2/7 of its rows on weekends; a rare Saturday session makes no full week.
_MIN_WEEKEND_FRAC: Final = 0.1


@dataclass(frozen=True, slots=True)
class SeasonalNaive(PointMember):
    """Forecast level of horizon h: the score m - h sessions ago, m sessions in a week; today's where it is missing.

    Attributes
    ----------
    week_sessions
        7 where a tenth or more of the training rows are of weekends, else 5.
    """

    name: ClassVar[str] = "seasonal_naive"
    kind: ClassVar[Literal["baseline", "model"]] = "baseline"
    driver: ClassVar[str] = "same_weekday"

    week_sessions: int

    @classmethod
    def fit(cls, rows: InputRows, changes: NDArray[np.float64], seed: int) -> "SeasonalNaive":
        """Learn the week and the width of the band; ``seed`` is not needed."""
        weekday = rows.values[:, rows.names.index("weekday")] if "weekday" in rows.names else np.zeros(len(rows))
        on_weekend = np.count_nonzero(weekday >= _SATURDAY)
        week = _FULL_WEEK if on_weekend >= max(_MIN_WEEKEND_FRAC * len(rows), 1.0) else _TRADING_WEEK
        return cls(PointBands.fit(cls.name, _week_earlier(rows, week), changes, rows.scale), week)

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> "SeasonalNaive":
        """The fitted member again."""
        week = int(state_array(state, cls.name, "week_sessions", "i", ()))
        if week not in (_TRADING_WEEK, _FULL_WEEK):
            raise ContractError(f"{cls.name}: stored week_sessions is {week}, allowed are 5 and 7; train again")
        return cls(PointBands.from_state(cls.name, state), week)

    def change(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5) points."""
        return _week_earlier(rows, self.week_sessions)

    def state(self) -> dict[str, NDArray[Any]]:
        """Bands and week."""
        return {"ratios": self.bands.ratios, "week_sessions": np.array(self.week_sessions, dtype=np.int64)}


def _week_earlier(rows: InputRows, week: int) -> NDArray[np.float64]:
    newest = rows.recent.shape[1] - 1
    then = rows.recent[:, [newest - week + horizon for horizon in HORIZONS]]
    return np.where(np.isnan(then), 0.0, then - rows.base[:, np.newaxis])
