"""Weekday and month effects: taken out of features with the past only, and STL for a look at a whole series.

:func:`seasonally_adjusted` is what features use: the value of a session is adjusted by effects estimated from strictly
earlier sessions, so that no score knows the future. :func:`stl` fits the whole series at once and is for display and
diagnosis, never for a feature.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.observation import Observations, observed

__all__ = ["Stl", "seasonally_adjusted", "stl"]

_SHOWN = 3
_WEEK_DAYS = 7
_YEAR_OF_WEEKS_DAYS = 364
_TWO_YEARS_DAYS = 730
_MIN_PER_PHASE_IN_REFERENCE = 2


@dataclass(frozen=True, slots=True)
class Stl:
    """Newest three values of each component, in the unit of the series; null together."""

    seasonal: tuple[float, ...] | None
    trend: tuple[float, ...] | None
    resid: tuple[float, ...] | None


def stl(series: Observations, period: int, seasonal: int) -> Stl:
    """Decompose a series into season, trend and remainder by loess, with robust weights.

    Parameters
    ----------
    series
        Equally spaced, oldest first.
    period
        Points per season, at least 2 (5 or 7 for daily series).
    seasonal
        Length of the seasonal smoother, odd, at least 3.

    Returns
    -------
    Stl
        Null when the series has a missing value or is shorter than two periods.

    Raises
    ------
    ConfigError
        ``period`` or ``seasonal`` is not allowed.

    References
    ----------
    Cleveland, Cleveland, McRae and Terpenning (1990), Journal of Official Statistics 6(1), 3-73; fitted by statsmodels.

    Examples
    --------
    >>> stl([1.0, 2.0, 3.0], period=7, seasonal=13).trend is None
    True
    """
    from statsmodels.tsa.seasonal import STL

    if period < 2 or seasonal < 3 or seasonal % 2 == 0:
        raise ConfigError(f"stl: found period={period!r}, seasonal={seasonal!r} points; allowed are >= 2 and odd >= 3")
    values = observed(series)
    if np.isnan(values).any() or len(values) < max(2 * period, _SHOWN):
        return Stl(None, None, None)
    fitted = STL(values, period=period, seasonal=seasonal, robust=True).fit()
    newest = (tuple(float(value) for value in part[-_SHOWN:]) for part in (fitted.seasonal, fitted.trend, fitted.resid))
    return Stl(*newest)


def seasonally_adjusted(
    values: NDArray[np.float64],
    session_ordinals: NDArray[np.int64],
    min_observations: int = 4,
    engine: Literal["auto", "numpy"] = "auto",
) -> NDArray[np.float64]:
    """Take the weekday effect, and over two years the month effect, out of each value with the past only.

    The effect of a weekday is its mean over strictly earlier sessions minus the mean over weekdays of those means, after
    removing the drift (the mean change over 7 days, in which no weekday effect is left). It is subtracted once that
    weekday was observed ``min_observations`` times; until then the value stays as it is. Once the earlier sessions span
    two years, the effect of the month is taken out of the result in the same way.

    Parameters
    ----------
    values
        Shape (instruments, sessions), NaN where missing.
    session_ordinals
        Days since 1970-01-01 of the sessions, strictly ascending, shape (sessions,).
    min_observations
        Earlier observations of the same weekday (month) that an effect needs.
    engine
        ``"auto"`` the compiled kernel where numba is installed and enabled, ``"numpy"`` the plain path. The numbers are
        the same, bit for bit.

    Returns
    -------
    NDArray[np.float64]
        Shape of ``values``, same unit; NaN where ``values`` is. Column t depends on columns up to t only, and a row on
        no other row.

    Raises
    ------
    ContractError
        The sessions do not fit the matrix or do not ascend.

    Examples
    --------
    >>> days = np.arange(20_000, 20_042)
    >>> planted = np.where(days % 7 == 0, 7.0, 0.0)[np.newaxis, :]
    >>> seasonally_adjusted(planted, days)[0, -7:].round(9).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    days = np.asarray(session_ordinals, dtype=np.int64)
    if values.ndim != 2 or days.shape != values.shape[1:] or (np.diff(days) <= 0).any():
        raise ContractError(
            f"seasonally_adjusted: values of shape {values.shape} with {days.shape} sessions; "
            "pass one strictly ascending day per column"
        )
    known = max(min_observations, _MIN_PER_PHASE_IN_REFERENCE)
    kernel = None if engine == "numpy" else _compiled_kernel()

    def without_phase(table: NDArray[np.float64], phase: NDArray[np.int64], cycle_days: int) -> NDArray[np.float64]:
        if kernel is None:
            return _without_phase(table, days, phase, cycle_days, known)
        out = np.empty(table.shape)
        table = np.require(table, np.float64, ["C", "W"])
        elapsed = (days - days[:1]).astype(np.float64)
        kernel(table, elapsed, phase, _partners(days, cycle_days), cycle_days, _MIN_PER_PHASE_IN_REFERENCE, known, out)
        return out

    adjusted = without_phase(values, days % _WEEK_DAYS, _WEEK_DAYS)
    if days.size and days[-1] - days[0] >= _TWO_YEARS_DAYS:
        month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        by_month = without_phase(adjusted, month, _YEAR_OF_WEEKS_DAYS)
        adjusted = np.where(days - days[0] >= _TWO_YEARS_DAYS, by_month, adjusted)
    return adjusted


@lru_cache(maxsize=1)
def _compiled_kernel() -> Any | None:
    """Give the compiled kernel, or None where numba is not installed or its compiler is switched off."""
    try:
        import numba
    except ImportError:
        return None
    if numba.config.DISABLE_JIT:
        return None
    from liquidity.features._season_kernel import without_phase

    return without_phase


def _without_phase(
    values: NDArray[np.float64],
    days: NDArray[np.int64],
    phase: NDArray[np.int64],
    cycle_days: int,
    known: int,
) -> NDArray[np.float64]:
    """Subtract from each column its phase's effect, estimated from earlier columns; sums run along the sessions."""
    elapsed = (days - days[:1]).astype(np.float64)
    drift = _drift_before(values, days, cycle_days)
    own_mean = np.full(values.shape, np.nan)
    own_n = np.zeros(values.shape)
    sum_of_means, phases = np.zeros(values.shape), np.zeros(values.shape)
    for one in np.unique(phase):
        mine = phase == one
        seen = ~np.isnan(values) & mine
        n = _sum_before(seen.astype(np.float64))
        total = _sum_before(np.where(seen, values, 0.0)) - drift * _sum_before(np.where(seen, elapsed, 0.0))
        mean = np.divide(total, n, out=np.zeros(values.shape), where=n > 0)
        own_mean[:, mine], own_n[:, mine] = mean[:, mine], n[:, mine]
        enough = n >= _MIN_PER_PHASE_IN_REFERENCE
        sum_of_means += np.where(enough, mean, 0.0)
        phases += enough
    reference = np.divide(sum_of_means, phases, out=np.full(values.shape, np.nan), where=phases > 0)
    return np.where(own_n >= known, values - (own_mean - reference), values)


def _sum_before(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over strictly earlier columns."""
    sums: NDArray[np.float64] = np.cumsum(values, axis=1) - values
    return sums


def _drift_before(values: NDArray[np.float64], days: NDArray[np.int64], cycle_days: int) -> NDArray[np.float64]:
    """Mean change per day over one cycle, from strictly earlier columns; 0 until a pair was seen."""
    at = _partners(days, cycle_days)
    change = np.where(at >= 0, values - values[:, np.maximum(at, 0)], np.nan)
    pairs = _sum_before((~np.isnan(change)).astype(np.float64))
    total = _sum_before(np.nan_to_num(change))
    return np.divide(total, pairs * cycle_days, out=np.zeros(values.shape), where=pairs > 0)


def _partners(days: NDArray[np.int64], cycle_days: int) -> NDArray[np.int64]:
    """Column of the day one cycle before each column's; -1 where there is none."""
    at = np.searchsorted(days, days - cycle_days)
    return np.where(days[np.minimum(at, max(days.size - 1, 0))] == days - cycle_days, at, -1)
