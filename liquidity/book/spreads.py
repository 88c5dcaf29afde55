"""What a round trip costs at the top of the book: quoted, effective and realised spread.

All are full (two-sided) spreads. Effective = realised + impact holds exactly, because the three share the mid at the
trade as denominator.
"""

import math
from dataclasses import dataclass

from liquidity.domain.observation import observed_number, or_none

__all__ = ["EffectiveSpread", "QuotedSpread", "effective_spread", "quoted_spread"]


@dataclass(frozen=True, slots=True)
class QuotedSpread:
    """Ask minus bid, in price (``absolute``) and in ``bps`` of the ``mid``; all three null together."""

    absolute: float | None
    mid: float | None
    bps: float | None


@dataclass(frozen=True, slots=True)
class EffectiveSpread:
    """Spread paid by the taker and its two parts, bps of the mid at the trade; positive is a cost to the taker."""

    effective_bps: float | None
    realised_bps: float | None
    impact_bps: float | None


def quoted_spread(bid: float | None, ask: float | None) -> QuotedSpread:
    """Quoted spread of one pair of quotes.

    Parameters
    ----------
    bid, ask
        Best prices, quote currency.

    Returns
    -------
    QuotedSpread
        ``absolute`` >= 0 in price, ``bps`` = 1e4 (ask - bid) / mid. A locked quote gives 0. A crossed quote, or one
        that is missing, zero or negative, gives null in every field.

    References
    ----------
    Harris (2003), Trading and Exchanges.

    Examples
    --------
    >>> quoted_spread(99.0, 101.0).bps
    200.0
    >>> quoted_spread(101.0, 99.0).bps is None
    True
    """
    low, high = observed_number(bid), observed_number(ask)
    if not 0.0 < low <= high:
        return QuotedSpread(None, None, None)
    mid = (low + high) / 2
    return QuotedSpread(absolute=high - low, mid=mid, bps=1e4 * (high - low) / mid)


def effective_spread(
    price: float | None, mid: float | None, mid_after: float | None, side: float | None
) -> EffectiveSpread:
    """Effective and realised spread and price impact of one trade.

    effective = 2 side (price - mid) / mid, realised = 2 side (price - mid_after) / mid,
    impact = 2 side (mid_after - mid) / mid, each times 1e4.

    Parameters
    ----------
    price
        Trade price.
    mid, mid_after
        Mid prevailing at the trade, and after the horizon (5 minutes for bonds and equities, 10 or 60 s for crypto).
    side
        +1 buyer-initiated, -1 seller-initiated.

    Returns
    -------
    EffectiveSpread
        bps; negative when the taker was paid. A figure whose inputs are missing or not positive, or whose side is
        neither +1 nor -1, is null; without ``mid_after`` only the effective spread is known.

    References
    ----------
    Huang and Stoll (1996), Journal of Financial Economics 41, 313-357; Bessembinder (2003).

    Examples
    --------
    >>> spread = effective_spread(price=100.5, mid=100.0, mid_after=100.25, side=1)
    >>> spread.effective_bps, spread.realised_bps, spread.impact_bps
    (100.0, 50.0, 50.0)
    """
    sign = observed_number(side)
    direction = sign if abs(sign) == 1.0 else math.nan
    traded, before, after = (
        number if number > 0.0 else math.nan for number in map(observed_number, (price, mid, mid_after))
    )

    def cost_bps(paid: float, reference: float) -> float | None:
        return or_none(1e4 * 2 * direction * (paid - reference) / before)

    return EffectiveSpread(cost_bps(traded, before), cost_bps(traded, after), cost_bps(after, before))
