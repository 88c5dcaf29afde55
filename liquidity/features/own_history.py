"""An instrument against its own past: latest known value, rank among earlier values, measures rolled over the past.

All functions take matrices (instruments, days) with NaN for missing, the newest day last, and treat each row by itself:
a row's result is the same whatever other rows and whatever empty days stand around it.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.features.nine import NineStatistics, nine_of_observations

__all__ = [
    "MIN_OWN_OBSERVATIONS",
    "at_column",
    "before",
    "latest_known",
    "own_rank_frac",
    "rolled",
    "rolled_share",
    "without_rounding_noise",
]

MIN_OWN_OBSERVATIONS: Final = 10
"""Fewest earlier values for a rank; below it one value moves the rank by more than 0.1."""


def latest_known(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Newest finite value of each row, and its column (-1 and NaN where there is none).

    Examples
    --------
    >>> value, column = latest_known(np.array([[1.0, 2.0, np.nan], [np.nan, np.nan, np.nan]]))
    >>> value.tolist(), column.tolist()
    ([2.0, nan], [1, -1])
    """
    columns = np.arange(matrix.shape[1])
    column = np.where(np.isfinite(matrix), columns, -1).max(axis=1, initial=-1)
    return at_column(matrix, column), column


def at_column(matrix: NDArray[np.float64], column: NDArray[np.int64]) -> NDArray[np.float64]:
    """``matrix[i, column[i]]``; NaN for column -1."""
    if not matrix.shape[1]:
        return np.full(matrix.shape[0], np.nan)
    taken = np.take_along_axis(matrix, np.maximum(column, 0)[:, None], axis=1)[:, 0]
    return np.where(column >= 0, taken, np.nan)


def before(matrix: NDArray[np.float64], column: NDArray[np.int64]) -> NDArray[np.float64]:
    """Take away everything from each row's ``column`` on; a row of column -1 becomes empty."""
    return np.where(np.arange(matrix.shape[1]) < column[:, None], matrix, np.nan)


def own_rank_frac(
    history: NDArray[np.float64], value: NDArray[np.float64], min_observations: int = MIN_OWN_OBSERVATIONS
) -> NDArray[np.float64]:
    """Mid-rank of each value among its row of history: (#less + 0.5 #equal) / n.

    Parameters
    ----------
    history
        Shape (instruments, earlier days); must not hold the value itself. NaN is skipped.
    value
        Shape (instruments,).
    min_observations
        Fewest finite values of the row.

    Returns
    -------
    NDArray[np.float64]
        Fraction 0-1, high means a high value; NaN for a NaN value or too short a history.

    Examples
    --------
    >>> own_rank_frac(np.array([[1.0, 2.0, 2.0, 3.0]]), np.array([2.0]), min_observations=4).tolist()
    [0.5]
    """
    n = np.isfinite(history).sum(axis=1)
    less = (history < value[:, None]).sum(axis=1)
    equal = (history == value[:, None]).sum(axis=1)
    enough = (n >= max(min_observations, 1)) & np.isfinite(value)
    return np.where(enough, (less + 0.5 * equal) / np.maximum(n, 1), np.nan)


def without_rounding_noise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep 40 bits (12 digits) of each value, so that equal quantities summed in another order compare as equal.

    Examples
    --------
    >>> (without_rounding_noise(np.array([0.1 + 0.2])) == without_rounding_noise(np.array([0.3]))).item()
    True
    """
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2.0**40) / 2.0**40, exponent)


def rolled(
    matrix: NDArray[np.float64],
    days: NDArray[np.int64],
    asked: NDArray[np.bool_],
    window_days: int,
    statistics: tuple[Literal["mean", "std"], ...],
    min_observations: int,
) -> tuple[NDArray[np.float64], ...]:
    """Mean or sample deviation over (d - window_days, d] for each asked cell, NaN elsewhere.

    Parameters
    ----------
    matrix
        Shape (instruments, days), NaN missing.
    days
        Calendar day numbers of the columns, ascending.
    asked
        Shape of ``matrix``: cells to evaluate.
    min_observations
        Fewest finite values in the window.
    """
    nine, rows, columns = _nine_of_cells(matrix, days, asked, window_days)
    found = []
    for statistic in statistics:
        table = np.full(matrix.shape, np.nan)
        table[rows, columns] = np.where(nine.n >= min_observations, nine[statistic], np.nan)
        found.append(table)
    return tuple(found)


def _nine_of_cells(
    matrix: NDArray[np.float64], days: NDArray[np.int64], asked: NDArray[np.bool_], window_days: int
) -> tuple[NineStatistics, NDArray[np.int64], NDArray[np.int64]]:
    rows, columns = np.nonzero(asked)
    seen = np.isfinite(matrix)
    place = np.zeros(seen.size + 1, dtype=np.int64)
    np.cumsum(seen, out=place[1:])
    left = np.searchsorted(days, days - window_days, side="right")
    flat = rows * matrix.shape[1]
    observed_days = np.broadcast_to(days, matrix.shape)[seen]
    nine = nine_of_observations(
        matrix[seen], observed_days, place[flat + left[columns]], place[flat + columns + 1], seen[rows, columns]
    )
    return nine, rows, columns


def rolled_share(
    event: NDArray[np.bool_], known: NDArray[np.bool_], days: NDArray[np.int64], window_days: int, min_known: int
) -> NDArray[np.float64]:
    """Share of the known cells of (d - window_days, d] in which the event happened; NaN below ``min_known`` of them."""
    left = np.searchsorted(days, days - window_days, side="right")

    def in_window(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
        total = np.zeros((flags.shape[0], flags.shape[1] + 1), dtype=np.int64)
        np.cumsum(flags, axis=1, out=total[:, 1:])
        counts: NDArray[np.int64] = total[:, 1:] - total[:, left]
        return counts

    n = in_window(known)
    return np.where(n >= max(min_known, 1), in_window(event & known) / np.maximum(n, 1), np.nan)
