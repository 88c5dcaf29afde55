"""Linear regression on every input, one per horizon, with a penalty that the training rows choose.

Missing numbers take the training mean and, where training has seen them missing, a flag of their own; numbers that are
names (weekday, sector) become flags.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.contracts.pulse import SCORE_METHODS
from liquidity.domain.errors import ContractError
from liquidity.domain.instrument import SECTORS
from liquidity.forecast.horizons import HORIZONS
from liquidity.forecast.members._member import InputRows
from liquidity.forecast.members._point_bands import MIN_LABELLED_ROWS, PointBands, PointMember, refuse_too_few
from liquidity.forecast.members._state import state_array

__all__ = ["Ridge"]

PENALTIES_PER_ROW: Final = (10.0, 3.0, 1.0, 0.3, 0.1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
VALIDATION_FRAC: Final = 0.25
MAX_DEVIATIONS: Final = 6.0
# Inputs whose numbers are names, and how many names there are; the others are quantities.
_CATEGORIES: Final = {"weekday": 7, "method_code": len(SCORE_METHODS), "sector_code": len(SECTORS)}
_QUANTITY, _MISSING = -1, -2
_CONSTANT: Final = 1e-6
_BLOCK_ROWS: Final = 16_384


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How inputs become standardised columns.

    Attributes
    ----------
    names
        (K,) inputs.
    columns
        (P, 2) input of each column, and what it tells: its quantity (-1), that it is missing (-2), or that it is the
        category of that number.
    centre, spread
        (P,) mean and standard deviation in training, missing quantities left out.
    """

    names: tuple[str, ...]
    columns: NDArray[np.int64]
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: InputRows) -> "_Encoding":
        """Every column that varies in training."""
        columns, centres, spreads = [], [], []
        for k, name in enumerate(rows.names):
            tells = range(_CATEGORIES[name]) if name in _CATEGORIES else (_QUANTITY,)
            for told in (*tells, _MISSING):
                raw = _raw(rows.values[:, k], told)
                known = raw[np.isfinite(raw)]
                centre, spread = (known.mean(), known.std()) if known.size else (0.0, 0.0)
                if spread > _CONSTANT * (1.0 + abs(centre)):
                    columns.append((k, told))
                    centres.append(float(centre))
                    spreads.append(float(spread))
        shaped = np.array(columns, dtype=np.int64).reshape(-1, 2)
        return cls(rows.names, shaped, np.array(centres), np.array(spreads))

    def standardised(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, P) deviations from the training mean, cut at +-6; 0 where a quantity is missing."""
        out = np.empty((len(rows), len(self.columns)))
        for p, (k, told) in enumerate(self.columns.tolist()):
            deviation = (_raw(rows.values[:, k], told) - self.centre[p]) / self.spread[p]
            out[:, p] = np.clip(np.where(np.isfinite(deviation), deviation, 0.0), -MAX_DEVIATIONS, MAX_DEVIATIONS)
        return out


@dataclass(frozen=True, slots=True)
class Ridge(PointMember):
    """Change ahead = a + sum of b_k x standardised input k, squared loss with penalty lambda |b|^2.

    lambda, one of :data:`PENALTIES_PER_ROW` times the rows, is the one that would have missed least (mean absolute error
    over all horizons) on the last quarter of the training sessions when learned from the labels known before them. With too
    few rows on either side it is the largest.

    Attributes
    ----------
    encoding
        How inputs become columns.
    intercept
        (5,) points.
    coefficients
        (P, 5) points per standard deviation of the input.

    References
    ----------
    Hoerl and Kennard (1970), Technometrics 12(1), 55-67.
    """

    name: ClassVar[str] = "ridge"
    kind: ClassVar[Literal["baseline", "model"]] = "model"
    driver: ClassVar[str] = "inputs"

    encoding: _Encoding
    intercept: NDArray[np.float64]
    coefficients: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: InputRows, changes: NDArray[np.float64], seed: int) -> "Ridge":
        """Learn coefficients and the width of the band; ``seed`` is not needed."""
        for place, horizon in enumerate(HORIZONS):
            refuse_too_few(cls.name, horizon, int(np.count_nonzero(np.isfinite(changes[:, place]))))
        encoding = _Encoding.fit(rows)
        design = encoding.standardised(rows)
        penalty = _penalty(design, rows.session, changes)
        fits = [_solved(design, changes[:, place], penalty) for place in range(len(HORIZONS))]
        intercept = np.array([fit[0] for fit in fits])
        coefficients = np.stack([fit[1] for fit in fits], axis=1)
        points = design @ coefficients + intercept
        return cls(PointBands.fit(cls.name, points, changes, rows.scale), encoding, intercept, coefficients)

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> "Ridge":
        """The fitted member again."""
        names = state_array(state, cls.name, "names", "U", (None,))
        columns = state_array(state, cls.name, "columns", "i", (None, 2))
        size = len(columns)
        if size and (columns[:, 0].min() < 0 or columns[:, 0].max() >= len(names)):
            raise ContractError(f"{cls.name}: stored 'columns' names inputs outside 0..{len(names) - 1}; train again")
        centre, spread = (state_array(state, cls.name, name, "f", (size,)) for name in ("centre", "spread"))
        if (spread <= 0.0).any():
            raise ContractError(
                f"{cls.name}: stored 'spread' holds {spread.min()}, allowed are numbers above 0; train again"
            )
        encoding = _Encoding(tuple(names.tolist()), columns, centre, spread)
        return cls(
            PointBands.from_state(cls.name, state),
            encoding,
            state_array(state, cls.name, "intercept", "f", (len(HORIZONS),)),
            state_array(state, cls.name, "coefficients", "f", (size, len(HORIZONS))),
        )

    def change(self, rows: InputRows) -> NDArray[np.float64]:
        """(R, 5) points.

        Raises
        ------
        ContractError
            The rows have other inputs than the training's.
        """
        self._refuse_other_inputs(rows)
        changes = np.empty((len(rows), len(HORIZONS)))
        for start in range(0, len(rows), _BLOCK_ROWS):
            block = np.arange(start, min(start + _BLOCK_ROWS, len(rows)))
            changes[block] = self.encoding.standardised(rows.take(block)) @ self.coefficients + self.intercept
        return changes

    def drivers(self, rows: InputRows) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Average change of training, and what each input's distance from its training mean adds."""
        self._refuse_other_inputs(rows)
        used, place = np.unique(self.encoding.columns[:, 0], return_inverse=True)
        points = np.zeros((len(rows), len(HORIZONS), len(used) + 1))
        points[:, :, 0] = self.intercept
        for start in range(0, len(rows), _BLOCK_ROWS):
            block = np.arange(start, min(start + _BLOCK_ROWS, len(rows)))
            design = self.encoding.standardised(rows.take(block))
            for p, driver in enumerate(place.tolist()):
                points[block, :, driver + 1] += design[:, p, np.newaxis] * self.coefficients[p]
        return ("average_change", *(self.encoding.names[k] for k in used.tolist())), points

    def state(self) -> dict[str, NDArray[Any]]:
        """Bands, encoding and coefficients."""
        return {
            "ratios": self.bands.ratios,
            "names": np.array(self.encoding.names, dtype=np.str_),
            "columns": self.encoding.columns,
            "centre": self.encoding.centre,
            "spread": self.encoding.spread,
            "intercept": self.intercept,
            "coefficients": self.coefficients,
        }

    def _refuse_other_inputs(self, rows: InputRows) -> None:
        if rows.names != self.encoding.names:
            other = sorted(set(rows.names) ^ set(self.encoding.names))
            raise ContractError(f"{self.name}: rows have other inputs than the training; they differ in {other[:5]}")


def _raw(values: NDArray[np.float32], told: int) -> NDArray[np.float64]:
    """What a column tells of an input; NaN only for a missing quantity."""
    if told == _QUANTITY:
        return np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    told_of: NDArray[np.bool_] = ~np.isfinite(values) if told == _MISSING else values == told
    return told_of.astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Moments:
    """What least squares needs of rows with a label.

    Attributes
    ----------
    n
        Rows.
    mean_x, mean_y
        (P,) and one number.
    covered, aimed
        (P, P) and (P,) sums of centred products of the columns, and of columns and labels.
    """

    n: int
    mean_x: NDArray[np.float64]
    mean_y: float
    covered: NDArray[np.float64]
    aimed: NDArray[np.float64]

    @classmethod
    def of(cls, design: NDArray[np.float64], label: NDArray[np.float64]) -> "_Moments":
        n = len(design)
        mean_x, mean_y = design.mean(axis=0), float(label.mean())
        covered = design.T @ design - n * np.outer(mean_x, mean_x)
        return cls(n, mean_x, mean_y, covered, design.T @ label - n * mean_x * mean_y)

    def solved(self, penalties: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(L,) intercepts and (L, P) coefficients for each penalty per row."""
        values, vectors = np.linalg.eigh(self.covered)
        turned, least = vectors.T @ self.aimed, np.array(penalties)[:, np.newaxis] * self.n
        coefficients = (turned / (np.maximum(values, 0.0) + least)) @ vectors.T
        return self.mean_y - coefficients @ self.mean_x, coefficients


def _later_losses(
    design: NDArray[np.float64], session: NDArray[np.int64], change: NDArray[np.float64], horizon: int, split: float
) -> NDArray[np.float64]:
    """(L,) mean absolute error of each penalty on rows after the split, learned from labels known at it; 0 with too few."""
    known = np.isfinite(change)
    first, later = known & (session <= split - horizon), known & (session > split)
    if min(np.count_nonzero(first), np.count_nonzero(later)) < MIN_LABELLED_ROWS:
        return np.zeros(len(PENALTIES_PER_ROW))
    intercepts, coefficients = _Moments.of(design[first], change[first]).solved(PENALTIES_PER_ROW)
    missed = change[later] - (coefficients @ design[later].T + intercepts[:, np.newaxis])
    return np.asarray(np.abs(missed).mean(axis=1))


def _penalty(design: NDArray[np.float64], session: NDArray[np.int64], changes: NDArray[np.float64]) -> float:
    """The penalty per row with the least loss over all horizons; the largest of equals."""
    split = float(np.quantile(session, 1.0 - VALIDATION_FRAC))
    losses = sum(
        _later_losses(design, session, changes[:, place], horizon, split) for place, horizon in enumerate(HORIZONS)
    )
    return PENALTIES_PER_ROW[int(np.argmin(losses))]


def _solved(
    design: NDArray[np.float64], change: NDArray[np.float64], penalty: float
) -> tuple[float, NDArray[np.float64]]:
    """Intercept and (P,) coefficients from the rows with a label."""
    known = np.isfinite(change)
    intercepts, coefficients = _Moments.of(design[known], change[known]).solved((penalty,))
    return float(intercepts[0]), coefficients[0]
