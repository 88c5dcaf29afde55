"""Weekly taps: an issuer reopens its bonds on its weekday; bids over the offered amount show the demand."""

from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.simulation.conditions import Conditions
from liquidity.simulation.config import MarketConfig
from liquidity.simulation.streams import stream
from liquidity.simulation.universe import Issuers

__all__ = ["hold_auctions"]

_CRISIS_LOG_FALL: Final = 0.55  # cover falls to 58 % at the peak of an issuer's own crisis
_MARKET_LOG_FALL: Final = 0.25
_MINUTES_BEFORE_CLOSE: Final = 90


def hold_auctions(
    config: MarketConfig,
    conditions: Conditions,
    issuers: Issuers,
    cover: NDArray[np.float64],
    auction_us: NDArray[np.int64],
    day: date,
    close_us: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Latest bid-to-cover and its time per issuer after session ``day``.

    Parameters
    ----------
    cover, auction_us
        Latest before the session: ratio (NaN without any) and microseconds UTC, shape (issuers,).
    close_us
        Close of the session; auctions are held 90 minutes before it.

    Returns
    -------
    tuple
        New ``cover`` and ``auction_us``; unchanged where the issuer did not tap.
    """
    rng = stream(config.seed, day, "auctions")
    taps = (issuers.tap_weekday == day.weekday()) & (rng.random(config.issuers) < config.tap_probability_frac)
    fall = _CRISIS_LOG_FALL * conditions.issuer_crisis + _MARKET_LOG_FALL * conditions.market_crisis
    drawn = config.auction_cover_median * np.exp(
        config.auction_cover_log_sd * rng.standard_normal(config.issuers) - fall
    )
    held_us = close_us - _MINUTES_BEFORE_CLOSE * 60_000_000
    return np.where(taps, np.round(drawn, 3), cover), np.where(taps, held_us, auction_us)
