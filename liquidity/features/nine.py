"""Nine statistics of windows given as spans: mean, std, min, max, z, median, q90, mad, slope.

One definition, two paths with the same numbers bit for bit: the compiled kernel in ``_kernels.py``, which slides, and
the numpy path here, which sorts each window. Read next: ``rolling.py``, which makes the spans.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError

__all__ = ["STATISTICS", "NineStatistics", "compiled_kernel", "nine_of_observations", "rolling_nine"]

STATISTICS: Final = ("mean", "std", "min", "max", "z", "median", "q90", "mad", "slope")
_CELLS_AT_ONCE: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class NineStatistics:
    """Statistics of each evaluated window.

    Parameters
    ----------
    n
        Observations per window, int64, shape (evaluations,).
    values
        float64, shape (9, evaluations), rows in the order of :data:`STATISTICS`; NaN where undefined.
    """

    n: NDArray[np.int64]
    values: NDArray[np.float64]

    def __getitem__(self, statistic: str) -> NDArray[np.float64]:
        """One statistic, shape (evaluations,)."""
        row: NDArray[np.float64] = self.values[STATISTICS.index(statistic)]
        return row


def rolling_nine(
    values: NDArray[np.float64],
    days: NDArray[Any],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    engine: Literal["auto", "numba", "numpy"] = "auto",
) -> NineStatistics:
    """Nine statistics of ``values[start:stop]`` for every span.

    Parameters
    ----------
    values
        Shape (rows,), in time order within each instrument; NaN is a missing observation and is skipped.
        Any memory layout; read-only arrays are fine.
    days
        Calendar day of each row as a number (any origin), shape (rows,). Only differences matter.
    starts, stops
        Row spans, shape (evaluations,), ``0 <= start <= stop <= rows``; the row ``stop - 1`` is the newest one.
        A span never crosses instruments. Fastest when neighbouring spans of one instrument move forward.
    engine
        ``"numba"`` the compiled kernel, ``"numpy"`` the plain path, ``"auto"`` the kernel where numba is installed
        and enabled. The numbers are the same.

    Returns
    -------
    NineStatistics
        ``std`` is the sample standard deviation (ddof 1), NaN for one observation; ``z`` is (newest - mean) / std,
        NaN when the newest row is missing or std is 0; ``q90`` interpolates linearly (Hyndman and Fan 1996, type 7);
        ``mad`` is unscaled; ``slope`` is least squares per calendar day, NaN for one distinct day. All are NaN for
        an empty window.

    Raises
    ------
    ContractError
        A value is infinite.
    ConfigError
        ``engine="numba"`` where numba is absent or disabled.

    Notes
    -----
    Each window is summed anew around its median, so nothing drifts, a constant window has std exactly 0, and the
    result depends on the window's observations alone, not on what was computed before.

    Examples
    --------
    >>> x, day = np.array([1.0, 2.0, np.nan, 6.0]), np.arange(4)
    >>> nine = rolling_nine(x, day, np.array([0, 1]), np.array([3, 4]))
    >>> nine.n.tolist(), nine["mean"].tolist(), nine["slope"].tolist()
    ([2, 2], [1.5, 4.0], [1.0, 2.0])
    """
    values = np.asarray(values, dtype=np.float64)
    valid = np.isfinite(values)
    if not valid.all() and np.isinf(values).any():
        first = int(np.flatnonzero(np.isinf(values))[0])
        raise ContractError(
            f"rolling_nine: values[{first}] is infinite; missing observations are NaN, infinity is refused"
        )
    place = np.zeros(values.size + 1, dtype=np.int64)
    np.cumsum(valid, out=place[1:])
    newest = np.maximum(np.asarray(stops, dtype=np.int64) - 1, 0)
    has_newest = valid[newest] if values.size else np.zeros(newest.size, dtype=np.bool_)
    observed = values[valid]
    return nine_of_observations(observed, np.asarray(days)[valid], place[starts], place[stops], has_newest, engine)


def nine_of_observations(
    observed: NDArray[np.float64],
    days: NDArray[Any],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    has_newest: NDArray[np.bool_],
    engine: Literal["auto", "numba", "numpy"] = "auto",
) -> NineStatistics:
    """As :func:`rolling_nine` for rows that are all finite; ``has_newest`` says whether ``stop - 1`` is the newest row."""
    # One entry: whatever came in, the kernel sees writable, contiguous arrays of one dtype (one compiled signature).
    observed = np.require(observed, np.float64, ["C", "W"])
    days = np.require(days, np.float64, ["C", "W"])
    starts = np.require(starts, np.int64, ["C", "W"])
    stops = np.require(stops, np.int64, ["C", "W"])
    has_newest = np.require(has_newest, np.bool_, ["C", "W"])
    out = np.empty((len(STATISTICS), starts.size), dtype=np.float64)
    kernel = None if engine == "numpy" else compiled_kernel()
    if kernel is not None:
        kernel(observed, days, starts, stops, has_newest, out)
    elif engine == "numba":
        raise ConfigError(
            "rolling_nine: engine 'numba' asked for, but numba is not installed or NUMBA_DISABLE_JIT is set; use 'auto'"
        )
    else:
        _nine_numpy(observed, days, starts, stops, has_newest, out)
    return NineStatistics(stops - starts, out)


@lru_cache(maxsize=1)
def compiled_kernel() -> Any | None:
    """Give the compiled kernel, or None where numba is not installed or its compiler is switched off."""
    try:
        import numba
    except ImportError:
        return None
    if numba.config.DISABLE_JIT:
        return None
    from liquidity.features._kernels import nine_statistics

    return nine_statistics


def _nine_numpy(
    observed: NDArray[np.float64],
    days: NDArray[np.float64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    has_newest: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> None:
    counts = stops - starts
    longest = int(counts.max(initial=0))
    if longest == 0:
        out[:] = np.nan
        return
    step = max(1, _CELLS_AT_ONCE // longest)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for first in range(0, starts.size, step):
            part = slice(first, first + step)
            _nine_of_tensor(observed, days, starts[part], counts[part], has_newest[part], out[:, part])


def _nine_of_tensor(
    observed: NDArray[np.float64],
    days: NDArray[np.float64],
    starts: NDArray[np.int64],
    n: NDArray[np.int64],
    has_newest: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> None:
    """Windows side by side as a (windows, longest) tensor, sorted along the window."""
    width = max(int(n.max(initial=0)), 1)
    place = np.minimum(starts[:, None] + np.arange(width), max(observed.size - 1, 0))
    inside = np.arange(width) < n[:, None]
    window = observed[place]
    ordered = np.sort(np.where(inside, window, np.inf), axis=1)

    def at(table: NDArray[np.float64], position: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.take_along_axis(table, np.clip(position, 0, width - 1)[:, None], axis=1)[:, 0]

    def middle(table: NDArray[np.float64]) -> NDArray[np.float64]:
        upper = at(table, n // 2)
        return np.where(n % 2 == 1, upper, 0.5 * (at(table, n // 2 - 1) + upper))

    median = middle(ordered)
    off = np.where(inside, window - median[:, None], 0.0)
    last = np.maximum(starts + n - 1, 0)
    since = np.where(inside, days[place] - days[last][:, None], 0.0)
    sum_d, sum_dd, sum_td = _lane_sum(off), _lane_sum(off * off), _lane_sum(since * off)
    sum_t, sum_tt = _lane_sum(since), _lane_sum(since * since)

    low, high = ordered[:, 0], at(ordered, n - 1)
    mean = np.minimum(np.maximum(median + sum_d / n, low), high)
    std = np.where(n > 1, np.sqrt(np.maximum(sum_dd - sum_d * sum_d / n, 0.0) / (n - 1)), np.nan)
    z = np.where(has_newest & (std > 0.0), (observed[last] - mean) / std, np.nan)
    spread_t = n * sum_tt - sum_t * sum_t
    slope = np.where(spread_t > 0.0, (n * sum_td - sum_t * sum_d) / spread_t, np.nan)
    position, rest = (9 * (n - 1)) // 10, ((9 * (n - 1)) % 10) / 10.0
    q90 = at(ordered, position)
    q90 = np.where(rest > 0.0, q90 + (at(ordered, position + 1) - q90) * rest, q90)
    mad = middle(np.sort(np.where(inside, np.abs(window - median[:, None]), np.inf), axis=1))
    for row, statistic in enumerate((mean, std, low, high, z, median, q90, mad, slope)):
        out[row] = np.where(n > 0, statistic, np.nan)


def _lane_sum(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Row sums in the kernel's order: four running lanes, then pairwise."""
    lanes = [np.zeros(table.shape[0]) for _ in range(4)]
    for column in range(table.shape[1]):
        lanes[column % 4] += table[:, column]
    total: NDArray[np.float64] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
    return total
