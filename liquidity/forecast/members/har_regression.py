"""Heterogeneous autoregression (Corsi 2009): today's score, its weekly and its monthly mean, one regression per horizon."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.forecast.har import WEEK_SESSIONS
from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._point_bands import PointBands, PointMember, refuse_too_few
from liquidity.forecast.members._state import state_array

__all__ = ["HarRegression"]

_TERMS: Final = ("average_change", "day", "week", "month")


@dataclass(frozen=True, slots=True)
class HarRegression(PointMember):
    """Change ahead = b0 + b1 day + b2 week + b3 month, ordinary least squares over all instruments.

    Day is the score, week and month its means over the last 5 and 22 sessions (over those that are there).

    Attributes
    ----------
    coefficients
        (4, 5) by term and horizon.
    typical
        (3,) mean day, week and month of training: drivers are told as distances from them.

    References
    ----------
    Corsi (2009), Journal of Financial Econometrics 7(2), 174-196, equation 8.
    """

    name: ClassVar[str] = "har_regression"
    kind: ClassVar[Literal["baseline", "model"]] = "baseline"
    driver: ClassVar[str] = "day_week_month"

    coefficients: NDArray[np.float64]
    typical: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: InputRows, changes: NDArray[np.float64], seed: int) -> "HarRegression":
        """Learn coefficients and the width of the band; ``seed`` is not needed."""
        terms = _terms(rows)
        typical = terms.mean(axis=0) if len(terms) else np.zeros(len(_TERMS) - 1)
        design = _design(terms, typical)
        coefficients = np.zeros((len(_TERMS), len(HORIZONS)))
        for place, horizon in enumerate(HORIZONS):
            known = np.isfinite(changes[:, place])
            refuse_too_few(cls.name, horizon, int(np.count_nonzero(known)))
            coefficients[:, place] = np.linalg.lstsq(design[known], changes[known, place], rcond=None)[0]
        bands = PointBands.fit(cls.name, design @ coefficients, changes, rows.scale)
        return cls(bands, coefficients, typical)

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> "HarRegression":
        """The fitted member again."""
        coefficients = state_array(state, cls.name, "coefficients", "f", (len(_TERMS), len(HORIZONS)))
        typical = state_array(state, cls.name, "typical", "f", (len(_TERMS) - 1,))
        return cls(PointBands.from_state(cls.name, state), coefficients, typical)

    def change(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5) points."""
        return _design(_terms(rows), self.typical) @ self.coefficients

    def drivers(self, rows: InputRows) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Average change of training, and what day, week and month add to it."""
        design = _design(_terms(rows), self.typical)
        return _TERMS, design[:, np.newaxis, :] * self.coefficients.T

    def state(self) -> dict[str, NDArray[Any]]:
        """Bands, coefficients and typical terms."""
        return {"ratios": self.bands.ratios, "coefficients": self.coefficients, "typical": self.typical}


def _terms(rows: InputRows) -> NDArray[np.float64]:
    """(R, 3) day, week, month."""
    known = np.isfinite(rows.recent)
    score = np.where(known, rows.recent, 0.0)
    week = score[:, -WEEK_SESSIONS:].sum(axis=1) / known[:, -WEEK_SESSIONS:].sum(axis=1)
    return np.stack((rows.base, week, score.sum(axis=1) / known.sum(axis=1)), axis=1)


def _design(terms: NDArray[np.float64], typical: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate((np.ones((len(terms), 1)), terms - typical), axis=1)
