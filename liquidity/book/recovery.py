"""Recovery of a book after shocks: half-life of deviations, and time until spread and depth are back to normal.

The half-life is :func:`~liquidity.book.resiliency.resiliency` in seconds; this file adds single shocks.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.book.resiliency import resiliency
from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed, or_none

__all__ = ["RECOVERY_RULE", "BookRecovery", "RecoveryRule", "Shock", "find_shocks", "recovery"]


@dataclass(frozen=True, slots=True)
class RecoveryRule:
    """What a shock is and when it is over.

    Attributes
    ----------
    prior_n
        Observations before the shock whose median is normal.
    shock_frac
        A value further than this share from the prior median is a shock.
    back_frac
        And it is over with the first value within this share of that median.
    """

    prior_n: int = 30
    shock_frac: float = 0.5
    back_frac: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a rule that cannot be applied."""
        if not (self.prior_n >= 1 and 0.0 < self.back_frac < self.shock_frac):
            raise ConfigError(f"RecoveryRule: found {self}; allowed prior_n from 1, 0 < back_frac < shock_frac")


RECOVERY_RULE: Final = RecoveryRule()


@dataclass(frozen=True, slots=True)
class Shock:
    """One shock: ``start`` row, the ``prior_median``, and periods until the series was back (null: not within it)."""

    start: int
    prior_median: float
    recovery_periods: int | None


@dataclass(frozen=True, slots=True)
class BookRecovery:
    """Recovery of one series.

    ``half_life_s`` of deviations (AR(1)), null when the series does not revert; ``recovery_s`` the median over shocks
    that ended, null without one; ``shocks_n`` all shocks, ``open_n`` those that the series ends within.
    """

    half_life_s: float | None
    recovery_s: float | None
    shocks_n: int
    open_n: int


def find_shocks(series: Observations, rule: RecoveryRule = RECOVERY_RULE) -> tuple[Shock, ...]:
    """Shocks of an equally spaced series and how long each lasted.

    The next shock is looked for once the last is over, so that one shock is not counted twice.

    Parameters
    ----------
    series
        Spread or depth, oldest first; a missing value is neither a shock nor a recovery and does not enter medians.

    Examples
    --------
    >>> find_shocks([2.0] * 5 + [6.0, 4.0, 2.1, 2.0], RecoveryRule(prior_n=5))
    (Shock(start=5, prior_median=2.0, recovery_periods=2),)
    """
    values = observed(series)
    medians = _prior_medians(values, rule.prior_n)
    shocked = np.flatnonzero(np.abs(values - medians) > rule.shock_frac * np.abs(medians))
    found: list[Shock] = []
    resume = 0
    for start in shocked:
        if start < resume:
            continue
        normal = float(medians[start])
        periods = _periods_until(values, int(start), normal, rule.back_frac * abs(normal))
        found.append(Shock(int(start), normal, periods))
        if periods is None:
            break
        resume = int(start) + periods
    return tuple(found)


def _periods_until(values: NDArray[np.float64], start: int, normal: float, tolerance: float) -> int | None:
    """Periods from ``start`` to the first value within the tolerance, searched in growing stretches."""
    place, width = start, 64
    while place < len(values):
        back = np.flatnonzero(np.abs(values[place : place + width] - normal) <= tolerance)
        if len(back):
            return place + int(back[0]) - start
        place, width = place + width, 2 * width
    return None


def _prior_medians(values: NDArray[np.float64], prior_n: int) -> NDArray[np.float64]:
    """Median of the ``prior_n`` values before each row; NaN until so many rows are there or where all are missing."""
    medians = np.full(len(values), np.nan)
    if len(values) > prior_n:
        windows = np.lib.stride_tricks.sliding_window_view(values[:-1], prior_n)
        missing = np.isnan(windows).sum(axis=1)
        whole, part = missing == 0, (missing > 0) & (missing < prior_n)
        # nanmedian goes row by row: only where it must.
        medians[prior_n:][whole] = np.median(windows[whole], axis=1)
        medians[prior_n:][part] = np.nanmedian(windows[part], axis=1)
    return medians


def recovery(series: Observations, *, step_s: float, rule: RecoveryRule = RECOVERY_RULE) -> BookRecovery:
    """Half-life and shock recovery of a spread or depth series.

    Parameters
    ----------
    series
        Equally spaced, oldest first.
    step_s
        Seconds between observations.

    Raises
    ------
    ConfigError
        ``step_s`` is not above 0.

    References
    ----------
    Foucault, Kadan and Kandel (2005), Review of Financial Studies 18(4), 1171-1217, for the notion.

    Examples
    --------
    >>> recovery([2.0] * 5 + [6.0, 4.0, 2.1, 2.0], step_s=0.5, rule=RecoveryRule(prior_n=5)).recovery_s
    1.0
    """
    if not 0.0 < step_s < math.inf:
        raise ConfigError(f"recovery: step_s {step_s}, allowed (0, inf) seconds")
    half_life = resiliency(series).half_life
    shocks = find_shocks(series, rule)
    ended = [shock.recovery_periods for shock in shocks if shock.recovery_periods is not None]
    return BookRecovery(
        half_life_s=None if half_life is None else half_life * step_s,
        recovery_s=or_none(float(np.median(ended)) * step_s if ended else math.nan),
        shocks_n=len(shocks),
        open_n=len(shocks) - len(ended),
    )
