"""The three time scales of the heterogeneous autoregressive model: the day, the week and the month.

Read next: ``members/har_regression.py`` regresses the change ahead on them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from liquidity.domain.observation import Observations, observed, or_none

__all__ = ["MONTH_SESSIONS", "WEEK_SESSIONS", "HarFeatures", "har_features"]

WEEK_SESSIONS: Final = 5
MONTH_SESSIONS: Final = 22


@dataclass(frozen=True, slots=True)
class HarFeatures:
    """Last value ``d``, means of the last 5 (``w``) and 22 (``m``) sessions; ``None`` while one is missing among them."""

    d: float | None
    w: float | None
    m: float | None


def har_features(series: Observations) -> HarFeatures:
    """Daily, weekly and monthly level at the end of a series.

    Parameters
    ----------
    series
        One value per session, oldest first.

    References
    ----------
    Corsi (2009), Journal of Financial Econometrics 7(2), 174-196, eq. 8.

    Examples
    --------
    >>> har_features([1.0, 2.0, 3.0, 4.0, 5.0])
    HarFeatures(d=5.0, w=3.0, m=None)
    """
    values = observed(series)

    def level(sessions: int) -> float | None:
        return or_none(float(np.mean(values[-sessions:]))) if len(values) >= sessions else None

    return HarFeatures(level(1), level(WEEK_SESSIONS), level(MONTH_SESSIONS))
