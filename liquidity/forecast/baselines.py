"""Point forecasts that need no training: what every model has to beat.

Of one series, as the textbooks define them. Read next: ``members/`` holds the same ideas for whole panels, with bands.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed
from liquidity.forecast.horizons import HORIZONS

__all__ = ["Baselines", "baselines"]

Path = tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Baselines:
    """Forecasts of the next five values each; ``None`` where the series is too short or lacks a value that is needed."""

    persistence: Path
    seasonal_naive: Path
    ewma: Path
    ar1: Path
    drift: Path


def baselines(series: Observations, m: int, a: float) -> Baselines:
    """Five simple forecasts of a series for the horizons 1 to 5.

    persistence: the last value. seasonal_naive: x[T + h - m ceil(h/m)]. ewma: s = a x + (1 - a) s from s_0 = x_0, flat.
    ar1: x_t = c + phi x_{t-1} by least squares, iterated. drift: last + h (last - first)/(n - 1).

    Parameters
    ----------
    series
        Oldest first, one value per session. A missing value leaves the ewma where it was and takes its two pairs out of
        the AR(1); the forecasts that start from a missing value are ``None``.
    m
        Length of the season, sessions.
    a
        Weight of the newest value in the ewma, fraction in (0, 1].

    Returns
    -------
    Baselines
        Values needed: persistence and ewma 1, drift 2, AR(1) 3, seasonal naive ``m``. A constant series is its own AR(1)
        forecast; an AR(1) whose regressor does not vary otherwise is ``None``.

    Raises
    ------
    ConfigError
        ``m`` below 1 or ``a`` outside (0, 1].

    References
    ----------
    Hyndman, Athanasopoulos (2021), Forecasting: Principles and Practice, 3rd edition, chapters 5 and 8.

    Examples
    --------
    >>> result = baselines([1.0, 2.0, 3.0], m=2, a=0.5)
    >>> result.seasonal_naive, result.ewma[0], result.drift
    ((2.0, 3.0, 2.0, 3.0, 2.0), 2.25, (4.0, 5.0, 6.0, 7.0, 8.0))
    """
    if m < 1:
        raise ConfigError(f"baselines: found a season of m = {m!r} sessions; allowed are whole numbers >= 1")
    if not 0.0 < a <= 1.0:
        raise ConfigError(f"baselines: found a = {a!r}; allowed are fractions above 0 up to 1")
    values = observed(series)
    n = len(values)
    if n == 0:
        return Baselines(None, None, None, None, None)
    last = float(values[-1])
    season = [float(values[n - 1 + h - m * math.ceil(h / m)]) for h in HORIZONS] if n >= m else [math.nan]
    slope = (last - float(values[0])) / (n - 1) if n > 1 else math.nan
    return Baselines(
        persistence=_path([last] * len(HORIZONS)),
        seasonal_naive=_path(season),
        ewma=_path([_ewma(values, a)] * len(HORIZONS)),
        ar1=_path(_ar1(values)),
        drift=_path([last + h * slope for h in HORIZONS]),
    )


def _path(values: list[float]) -> Path:
    return None if any(math.isnan(value) for value in values) else tuple(values)


def _ewma(values: NDArray[np.float64], a: float) -> float:
    known = values[~np.isnan(values)]
    level = float(known[0]) if len(known) else math.nan
    for value in known[1:]:
        level = a * float(value) + (1.0 - a) * level
    return level


def _ar1(values: NDArray[np.float64]) -> list[float]:
    before, after = values[:-1], values[1:]
    both = ~(np.isnan(before) | np.isnan(after))
    before, after = before[both], after[both]
    if len(before) < 2:
        return [math.nan]
    if np.ptp(np.append(before, after)) == 0.0:
        return [float(values[-1])] * len(HORIZONS)
    around = before - before.mean()
    squares = float(around @ around)
    if np.ptp(before) == 0.0 or squares == 0.0:
        return [math.nan]
    phi = float(around @ (after - after.mean())) / squares
    constant = float(after.mean()) - phi * float(before.mean())
    path, level = [], float(values[-1])
    for _ in HORIZONS:
        level = constant + phi * level
        path.append(level)
    return path
