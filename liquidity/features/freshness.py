"""How much an old reading still counts: exponential decay with a hard end."""

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError

__all__ = ["freshness", "freshness_weights"]


def freshness(age_s: float | None, half_life_s: float, max_age_s: float) -> float | None:
    """Weight of a reading by its age.

    0.5 ** (age / half_life), and 0 beyond ``max_age_s``.

    Parameters
    ----------
    age_s
        Age in seconds (of market time, where the market closes); a negative age is clock skew and counts as 0.
    half_life_s
        Age at which the weight is one half, above 0.
    max_age_s
        Age above which the reading counts nothing; at exactly this age it still counts.

    Returns
    -------
    float or None
        Weight 0-1; ``None`` when the age is missing.

    Raises
    ------
    ConfigError
        ``half_life_s`` is not above 0 or ``max_age_s`` is below 0.

    Examples
    --------
    >>> freshness(3600, half_life_s=3600, max_age_s=86400)
    0.5
    """
    _check(half_life_s, max_age_s)
    if age_s is None or np.isnan(age_s):
        return None
    age = max(float(age_s), 0.0)
    return 0.0 if age > max_age_s else float(0.5 ** (age / half_life_s))


def freshness_weights(age_s: NDArray[np.float64], half_life_s: float, max_age_s: float) -> NDArray[np.float64]:
    """:func:`freshness` of every age at once, any shape; NaN where the age is.

    Examples
    --------
    >>> freshness_weights(np.array([0.0, 60.0, 601.0, np.nan, -5.0]), half_life_s=60.0, max_age_s=600.0).tolist()
    [1.0, 0.5, 0.0, nan, 1.0]
    """
    _check(half_life_s, max_age_s)
    age = np.maximum(age_s, 0.0)
    return np.where(age > max_age_s, 0.0, np.power(0.5, age / half_life_s))


def _check(half_life_s: float, max_age_s: float) -> None:
    if not half_life_s > 0.0 or not max_age_s >= 0.0:
        raise ConfigError(
            f"freshness: found half_life_s={half_life_s!r}, max_age_s={max_age_s!r} (seconds); "
            "allowed are half_life_s > 0 and max_age_s >= 0"
        )
