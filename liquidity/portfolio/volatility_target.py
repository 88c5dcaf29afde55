"""Exposure that keeps the volatility of a position or portfolio near a target.

Read next: ``sizing.py``, which turns the exposure into a quantity; ``optimizer.py``, which sees all positions at once.
"""

import math

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import observed_number

__all__ = ["vol_target"]


def vol_target(target: float | None, forecast: float | None, max_leverage: float | None) -> float:
    """Exposure over equity at which the forecast volatility equals the target.

    target / forecast, held to [0, max_leverage]

    Parameters
    ----------
    target
        Volatility aimed at, fraction of equity over the period of ``forecast``, 0 or more.
    forecast
        Volatility of one unit of exposure over the same period.
    max_leverage
        Largest exposure over equity, 0 or more; what a very calm forecast would exceed.

    Returns
    -------
    float
        0 when the forecast is 0 or negative, or an input is missing: an unknown risk gets no exposure.

    References
    ----------
    Moreira and Muir (2017), Journal of Finance 72(4), with volatility in place of variance.

    Examples
    --------
    >>> vol_target(target=0.15, forecast=0.30, max_leverage=3.0)
    0.5
    >>> vol_target(target=0.15, forecast=None, max_leverage=3.0)
    0.0
    """
    wanted, expected, most = map(observed_number, (target, forecast, max_leverage))
    if wanted < 0.0 or most < 0.0:
        raise ConfigError(f"vol_target: target {wanted} and max_leverage {most}, allowed 0 or more")
    if math.isnan(wanted) or math.isnan(most) or not expected > 0.0:
        return 0.0
    return min(wanted / expected, most)
