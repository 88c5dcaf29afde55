"""Falls from the highest value so far, and the ratios that judge a series of returns.

Read next: ``market_risk_table.py``.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed, or_none

__all__ = ["Drawdown", "HighWater", "Performance", "drawdown", "high_water", "performance"]


@dataclass(frozen=True, slots=True)
class Performance:
    """Ratios of simple returns, risk-free rate 0; ``None`` where undefined, inf where unbounded.

    Attributes
    ----------
    max_drawdown
        Deepest fall from a peak, fraction <= 0.
    calmar
        ``annual_return`` over the depth of the deepest fall.
    sharpe, sortino
        Annual mean return over annual volatility (n - 1), and over the root mean square of losses.
    omega
        Sum of gains over sum of losses.
    tail_ratio
        95 % over 5 % quantile, absolute.
    annual_return, annual_volatility
        Compounded, and sqrt(periods) times the standard deviation (n - 1); fractions.
    """

    max_drawdown: float | None
    calmar: float | None
    sharpe: float | None
    sortino: float | None
    omega: float | None
    tail_ratio: float | None
    annual_return: float | None
    annual_volatility: float | None


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of a series of values and where it stands now; fractions of the peak, at least 0.

    Attributes
    ----------
    max_frac, current_frac
        Deepest fall, and the fall of the last value below the highest so far.
    peak, trough, recovered
        Places of the deepest fall: its peak, its lowest value, the first value back at the peak (``None``: not yet).
    longest_sessions
        Longest stretch below a former peak.
    """

    max_frac: float
    current_frac: float
    peak: int
    trough: int
    recovered: int | None
    longest_sessions: int


@dataclass(frozen=True, slots=True)
class HighWater:
    """Highest value ever, the newest value, and its fall below it (fraction, at least 0; ``None`` where the value is missing)."""

    mark: float | None
    drawdown_frac: float | None


def performance(returns: Observations, periods: int = 252) -> Performance:
    """Ratios of a series of simple returns, by the definitions of empyrical.

    Parameters
    ----------
    returns
        Simple returns in time order, each at least -1; missing ones are left out.
    periods
        Returns in a year: 252 for markets with sessions, 365 for those that never close.
    """
    r = observed(returns)
    r = r[~np.isnan(r)]
    if periods <= 0 or (r < -1.0).any():
        raise ConfigError(
            f"performance: {periods} periods a year, lowest return {r.min() if r.size else None}; allowed above 0 and at least -1"
        )
    if not r.size:
        return Performance(None, None, None, None, None, None, None, None)
    value = np.cumprod(1.0 + r)
    fall = -drawdown(np.concatenate(([1.0], value))).max_frac
    year = float(value[-1]) ** (periods / r.size) - 1.0
    mean = float(r.mean())
    sd = float(r.std(ddof=1)) if r.size > 1 else math.nan
    below = math.sqrt(float((np.minimum(r, 0.0) ** 2).mean()))
    losses = -float(r[r < 0.0].sum())
    low, high = np.quantile(r, [0.05, 0.95])
    return Performance(
        max_drawdown=fall,
        calmar=year / -fall if fall < 0.0 else None,
        sharpe=mean / sd * math.sqrt(periods) if sd > 1e-15 * max(1.0, abs(mean)) else None,
        sortino=mean / below * math.sqrt(periods) if below > 0.0 else (math.inf if mean > 0.0 else None),
        omega=float(r[r > 0.0].sum()) / losses if losses > 0.0 else None,
        tail_ratio=abs(float(high)) / abs(float(low)) if low != 0.0 else None,
        annual_return=year,
        annual_volatility=or_none(sd * math.sqrt(periods)),
    )


def drawdown(values: NDArray[np.float64]) -> Drawdown:
    """Falls of a series of positive values from their running peak.

    Raises
    ------
    ConfigError
        No value, a missing one, or one below 0: a fall from a peak that is not positive is no fraction.

    Examples
    --------
    >>> found = drawdown(np.array([100.0, 120.0, 90.0, 110.0]))
    >>> found.max_frac, found.peak, found.trough, found.recovered
    (0.25, 1, 2, None)
    """
    series = np.asarray(values, dtype=np.float64)
    if not series.size or not np.isfinite(series).all() or (series < 0.0).any() or series[0] <= 0.0:
        raise ConfigError("drawdown: values must be there, finite and at least 0, the first above 0")
    peaks = np.maximum.accumulate(series)
    falls = 1.0 - series / peaks
    trough = int(falls.argmax())
    peak = int(series[: trough + 1].argmax())
    back = np.flatnonzero(series[trough:] >= series[peak]) if falls[trough] > 0.0 else np.array([0])
    at_peak = np.concatenate((np.flatnonzero(falls == 0.0), [series.size]))
    return Drawdown(
        max_frac=float(falls[trough]),
        current_frac=float(falls[-1]),
        peak=peak,
        trough=trough,
        recovered=trough + int(back[0]) if back.size else None,
        longest_sessions=int(np.diff(at_peak).max()) - 1,
    )


def high_water(value: float | None, mark: float | None) -> HighWater:
    """Carry the highest value of an account forward by one value.

    ``mark`` is the one that was stored, so a restart changes nothing: feeding values one by one through stored marks gives
    the drawdowns of the whole series.

    Parameters
    ----------
    value
        Equity, or net asset value per unit where money flows in and out; ``None``: not known today.
    mark
        Highest before; ``None`` at the first value.
    """
    if value is None or not math.isfinite(value):
        return HighWater(mark, None)
    highest = value if mark is None else max(mark, value)
    return HighWater(highest, 1.0 - value / highest if highest > 0.0 else None)
