"""Which venue moves first: correlation of mid returns at every delay, on a grid and on raw ticks.

The grid is quick and easy to read but blurs delays shorter than its step and pulls correlations towards 0 when ticks
are rare (Epps 1979); the Hayashi-Yoshida estimator uses every overlap of tick intervals and needs no grid.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.observation import Observations, observed

__all__ = ["LeadLag", "hayashi_yoshida", "lead_lag_grid", "lead_lag_ticks", "mids_on_grid"]


@dataclass(frozen=True, slots=True, eq=False)
class LeadLag:
    """Correlation of two venues at each delay.

    Attributes
    ----------
    lags_ns, correlation
        Shape ``(lags,)``: correlation of the first series' returns with the second's this much later; NaN where not
        defined.
    lag_ns
        Delay of the largest absolute correlation, above 0 when the first venue leads; the smallest such delay among
        equals. Null with a ``reason``.
    peak_correlation, zero_lag_correlation
        Correlation at that delay, and at the same time.
    lead_lag_ratio
        Sum of squared correlations at delays above 0 over that at delays below 0; above 1 the first venue leads. Null
        when either sum has no delay or the second is 0.
    """

    lags_ns: NDArray[np.int64]
    correlation: NDArray[np.float64]
    lag_ns: int | None
    peak_correlation: float | None
    zero_lag_correlation: float | None
    lead_lag_ratio: float | None
    reason: str | None


def mids_on_grid(
    at_ns: NDArray[np.int64], mid: Observations, start_ns: int, stop_ns: int, step_ns: int
) -> NDArray[np.float64]:
    """Last mid at or before each instant start, start + step, ... <= stop; NaN before the first and in invalid times.

    Examples
    --------
    >>> mids_on_grid(np.array([5, 12]), [1.0, 2.0], 0, 20, 10).tolist()
    [nan, 1.0, 2.0]
    """
    times, values = _series(at_ns, mid, "mids_on_grid")
    if step_ns < 1:
        raise ConfigError(f"mids_on_grid: step of {step_ns} ns, allowed from 1")
    place = np.searchsorted(times, np.arange(start_ns, stop_ns + 1, step_ns), side="right") - 1
    return np.where(place >= 0, values[np.maximum(place, 0)], np.nan) if len(times) else np.full(len(place), np.nan)


def lead_lag_grid(
    first_ns: NDArray[np.int64],
    first_mid: Observations,
    second_ns: NDArray[np.int64],
    second_mid: Observations,
    *,
    step_ns: int,
    max_lag_steps: int,
) -> LeadLag:
    """Cross-correlation of log returns on a common grid.

    Parameters
    ----------
    first_ns, first_mid, second_ns, second_mid
        Mids of two venues, ascending in nanoseconds since 1970 UTC; a missing mid is unknown until the next.
    step_ns
        Grid step: no finer than usual gaps between ticks, no coarser than the delay sought.
    max_lag_steps
        Delays from minus to plus so many steps.

    Returns
    -------
    LeadLag
        Over the time both venues cover. Null with ``too_short`` when fewer than three pairs of returns exist at any
        delay, and with ``no_movement`` when a series does not move.

    Raises
    ------
    ConfigError
        A step or number of steps below 1.

    Examples
    --------
    >>> steps = np.array([0.0, 1, 0, 2, 1, 3, 2, 2, 4, 3])
    >>> at = np.arange(10) * 100
    >>> lead_lag_grid(at, np.exp(steps), at + 200, np.exp(steps), step_ns=100, max_lag_steps=3).lag_ns
    200
    """
    if max_lag_steps < 1:
        raise ConfigError(f"lead_lag_grid: max_lag_steps {max_lag_steps}, allowed from 1")
    lags = np.arange(-max_lag_steps, max_lag_steps + 1, dtype=np.int64)
    start, stop = _overlap(np.asarray(first_ns), np.asarray(second_ns))
    one, two = (
        np.diff(np.log(mids_on_grid(at_ns, mid, start, stop, step_ns)))
        for at_ns, mid in ((first_ns, first_mid), (second_ns, second_mid))
    )
    correlation = np.array([_correlation(one, two, int(lag)) for lag in lags])
    return _judged(lags * step_ns, correlation, "too_short" if len(one) < 3 else "no_movement")


def _overlap(first_ns: NDArray[np.int64], second_ns: NDArray[np.int64]) -> tuple[int, int]:
    if len(first_ns) == 0 or len(second_ns) == 0:
        return 0, -1
    return int(max(first_ns[0], second_ns[0])), int(min(first_ns[-1], second_ns[-1]))


def _correlation(one: NDArray[np.float64], two: NDArray[np.float64], lag: int) -> float:
    """Correlation of one[t] with two[t + lag]; NaN with fewer than three known pairs or without movement."""
    length = len(one) - abs(lag)
    if length < 3:
        return math.nan
    early, late = (one[:length], two[lag:]) if lag >= 0 else (one[-lag:], two[:length])
    known = ~(np.isnan(early) | np.isnan(late))
    if known.sum() < 3:
        return math.nan
    early, late = early[known] - early[known].mean(), late[known] - late[known].mean()
    spread = math.sqrt(float(early @ early) * float(late @ late))
    return float(early @ late) / spread if spread > 0.0 else math.nan


def hayashi_yoshida(
    first_ns: NDArray[np.int64],
    first_mid: Observations,
    second_ns: NDArray[np.int64],
    second_mid: Observations,
    lags_ns: Sequence[int] | NDArray[np.int64] = (0,),
) -> NDArray[np.float64]:
    """Correlation of two tick series without a grid, at each delay.

    Sum of r_i s_j over all pairs of return intervals that overlap once the second series is moved earlier by the
    delay, over the root of both realised variances.

    Parameters
    ----------
    first_ns, first_mid, second_ns, second_mid
        Ticks, strictly ascending; missing mids are left out.
    lags_ns
        Delays of the second series.

    Returns
    -------
    ndarray
        Shape ``(lags,)``; NaN when a series has fewer than two ticks or never moves. Noise can push it beyond +-1.

    References
    ----------
    Hayashi and Yoshida (2005), Bernoulli 11(2), 359-379; Hoffmann, Rosenbaum and Yoshida (2013), Bernoulli 19(2),
    426-461, for the contrast over delays.

    Examples
    --------
    >>> at, mid = np.array([0, 10, 25, 40]), np.exp([0.0, 1.0, 0.5, 2.0])
    >>> hayashi_yoshida(at, mid, at + 7, mid, [0, 7]).round(3).tolist()
    [0.643, 1.0]
    """
    one_ns, one = _ticks(first_ns, first_mid)
    two_ns, two = _ticks(second_ns, second_mid)
    lags = np.asarray(lags_ns, dtype=np.int64)
    scale = math.sqrt(float((np.diff(one) ** 2).sum()) * float((np.diff(two) ** 2).sum()))
    if not scale > 0.0:
        return np.full(len(lags), np.nan)
    moves = np.diff(one)
    last = len(two) - 1
    result = np.empty(len(lags))
    for place, lag in enumerate(lags):
        # The second series' intervals that overlap (t_{i-1}, t_i] reach from its last tick at or before t_{i-1} to its
        # first tick at or after t_i, so their sum of returns is one difference.
        opened = np.searchsorted(two_ns, one_ns[:-1] + lag, side="right") - 1
        closed = np.searchsorted(two_ns, one_ns[1:] + lag, side="left")
        result[place] = float(moves @ (two[np.minimum(closed, last)] - two[np.maximum(opened, 0)])) / scale
    return result


def lead_lag_ticks(
    first_ns: NDArray[np.int64],
    first_mid: Observations,
    second_ns: NDArray[np.int64],
    second_mid: Observations,
    *,
    lags_ns: Sequence[int] | NDArray[np.int64],
) -> LeadLag:
    """Lead-lag by the Hayashi-Yoshida correlation over a set of delays; ticks need no common grid.

    The delay found is the one of largest contrast (Hoffmann, Rosenbaum and Yoshida 2013); its resolution is that of
    ``lags_ns``, which must be given ascending. Null with ``no_movement`` when a series does not move.
    """
    lags = np.asarray(lags_ns, dtype=np.int64)
    if len(lags) == 0 or (np.diff(lags) <= 0).any():
        raise ConfigError(f"lead_lag_ticks: {len(lags)} delays; give at least one, strictly ascending")
    return _judged(lags, hayashi_yoshida(first_ns, first_mid, second_ns, second_mid, lags), "no_movement")


def _series(at_ns: NDArray[np.int64], mid: Observations, who: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    times, values = np.asarray(at_ns, dtype=np.int64), observed(mid)
    if len(times) != len(values) or (np.diff(times) < 0).any():
        raise ContractError(f"{who}: {len(times)} times for {len(values)} mids, ascending times; sort and align them")
    values[~(values > 0.0)] = np.nan
    return times, values


def _ticks(at_ns: NDArray[np.int64], mid: Observations) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Known ticks as log prices; of several in one nanosecond the last."""
    times, values = _series(at_ns, mid, "hayashi_yoshida")
    known = ~np.isnan(values)
    times, values = times[known], values[known]
    last = np.append(np.diff(times) > 0, True) if len(times) else np.zeros(0, dtype=bool)
    return times[last], np.log(values[last])


def _judged(lags_ns: NDArray[np.int64], correlation: NDArray[np.float64], why_null: str) -> LeadLag:
    if np.isnan(correlation).all():
        return LeadLag(lags_ns, correlation, None, None, None, None, why_null)
    strength = np.abs(correlation)
    best = np.flatnonzero(strength >= np.nanmax(strength) * (1.0 - 1e-12))
    peak = int(best[np.argmin(np.abs(lags_ns[best]))])
    ahead, behind = (float(np.nansum(correlation[chosen] ** 2)) for chosen in (lags_ns > 0, lags_ns < 0))
    same_time = correlation[lags_ns == 0]
    return LeadLag(
        lags_ns=lags_ns,
        correlation=correlation,
        lag_ns=int(lags_ns[peak]),
        peak_correlation=float(correlation[peak]),
        zero_lag_correlation=float(same_time[0]) if len(same_time) and not np.isnan(same_time[0]) else None,
        lead_lag_ratio=ahead / behind if behind > 0.0 and (lags_ns > 0).any() else None,
        reason=None,
    )
