"""Funding of perpetuals: what a position pays, what it comes to in a year, and the rate the venue will ask next."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import Observations, observed, observed_number, or_none

__all__ = [
    "CLAMP_FRAC",
    "HOURS_PER_YEAR",
    "INTEREST_8H_FRAC",
    "Funding",
    "FundingEstimate",
    "funding",
    "funding_rate",
    "next_funding",
    "payments_per_year",
    "premium_index",
]

INTEREST_8H_FRAC: Final = 0.0001
"""Interest rate component of the usual contracts, for 8 hours."""
CLAMP_FRAC: Final = 0.0005
"""How far the interest component may pull the rate away from the premium."""
HOURS_PER_YEAR: Final = 365 * 24
_BASE_INTERVAL_H: Final = 8.0


@dataclass(frozen=True, slots=True)
class Funding:
    """``payment`` in quote currency, positive when the holder pays; ``annualised`` the simple yearly rate (fraction)."""

    payment: float | None
    annualised: float | None


@dataclass(frozen=True, slots=True)
class FundingEstimate:
    """``rate`` per payment, fraction of notional; positive: longs pay."""

    rate: float | None


def funding(
    side: int, qty: float | None, price: float | None, rate: float | None, periods_per_year: float | None
) -> Funding:
    """One funding payment of a position, and the rate over a year.

    Parameters
    ----------
    side
        +1 long, -1 short.
    qty, price
        Base units, and mark (Binance) or oracle price (Hyperliquid).
    rate
        Fraction per payment.
    periods_per_year
        Payments in a year: :func:`payments_per_year` of the venue's interval.

    Returns
    -------
    Funding
        Null where an input is missing.

    Examples
    --------
    >>> funding(1, 2.0, 60_000.0, 0.0001, 1095)
    Funding(payment=12.0, annualised=0.1095)
    """
    if side not in (1, -1):
        raise ConfigError(f"funding.side: found {side!r}, allowed +1 (long) or -1 (short)")
    size, at, paid, periods = map(observed_number, (qty, price, rate, periods_per_year))
    return Funding(or_none(side * size * at * paid), or_none(paid * periods))


def payments_per_year(interval_hours: float) -> float:
    """Payments in a year of 365 days.

    Raises
    ------
    ConfigError
        An interval that is not above 0.

    Examples
    --------
    >>> [payments_per_year(hours) for hours in (1, 4, 8)]
    [8760.0, 2190.0, 1095.0]
    """
    if not 0.0 < interval_hours < math.inf:
        raise ConfigError(
            f"payments_per_year: interval of {interval_hours} h, allowed (0, inf); read it from the venue"
        )
    return HOURS_PER_YEAR / interval_hours


def funding_rate(
    premium: float | None, interest: float | None = INTEREST_8H_FRAC, clamp: float = CLAMP_FRAC, intervals: float = 1
) -> FundingEstimate:
    """Funding rate from the average premium index.

    F = [P + clamp(I - P, -c, +c)] / intervals.

    Parameters
    ----------
    premium
        Average premium index, fraction of the index price.
    interest
        For 8 hours.
    clamp
        Bound c >= 0.
    intervals
        Payments in 8 hours: 1 for an 8 h interval, 2 for 4 h, 8 for hourly venues.

    Returns
    -------
    FundingEstimate
        Per payment; null where the premium or interest is missing.

    Raises
    ------
    ConfigError
        A clamp below 0 or intervals not above 0.

    Examples
    --------
    >>> funding_rate(-0.002, intervals=8).rate
    -0.0001875
    """
    bound, payments = observed_number(clamp), observed_number(intervals)
    if not (bound >= 0.0 and payments > 0.0):
        raise ConfigError(f"funding_rate: clamp {clamp}, allowed from 0; intervals {intervals}, allowed above 0")
    average, cost = observed_number(premium), observed_number(interest)
    if math.isnan(average) or math.isnan(cost):
        return FundingEstimate(None)
    return FundingEstimate((average + min(max(cost - average, -bound), bound)) / payments)


def premium_index(impact_bid: float | None, impact_ask: float | None, index_price: float | None) -> float | None:
    """How far the contract's impact prices lie outside the index.

    P = [max(0, impact bid - index) - max(0, index - impact ask)] / index; the impact prices are averages of filling
    the venue's impact notional (:func:`liquidity.book.market_depth` gives them).

    Examples
    --------
    >>> premium_index(100.5, 100.75, 100.0)
    0.005
    """
    bid, ask, index = map(observed_number, (impact_bid, impact_ask, index_price))
    if math.isnan(bid) or math.isnan(ask) or not index > 0.0:
        return None
    return (max(0.0, bid - index) - max(0.0, index - ask)) / index


def next_funding(
    premiums: Observations | Sequence[float | None],
    *,
    interval_hours: float,
    interest_8h_frac: float = INTEREST_8H_FRAC,
    clamp_frac: float = CLAMP_FRAC,
    cap_frac: float | None = None,
) -> FundingEstimate:
    """Prediction of the next funding rate from the premium index of the running interval.

    The samples so far are averaged with weights 1, 2, 3, ..., the newest heaviest, as Binance does; then
    :func:`funding_rate`, then the venue's cap.

    Parameters
    ----------
    premiums
        Premium index at equal steps since the last funding, oldest first; a missing sample keeps its place.
    interval_hours
        The venue's interval (1, 4 or 8).
    cap_frac
        Largest absolute rate per payment, where the venue has one.

    Returns
    -------
    FundingEstimate
        Per payment; null without a known sample.

    Examples
    --------
    >>> next_funding([0.0, 0.0015], interval_hours=8).rate
    0.0005
    """
    samples = observed(premiums)
    weight = np.arange(1.0, len(samples) + 1.0)
    known = ~np.isnan(samples)
    if cap_frac is not None and not cap_frac > 0.0:
        raise ConfigError(f"next_funding: cap_frac {cap_frac}, allowed above 0, or None for a venue without a cap")
    payments_per_year(interval_hours)
    if not known.any():
        return FundingEstimate(None)
    average = float((samples[known] * weight[known]).sum() / weight[known].sum())
    rate = funding_rate(average, interest_8h_frac, clamp_frac, _BASE_INTERVAL_H / interval_hours).rate
    if rate is None or cap_frac is None:
        return FundingEstimate(rate)
    return FundingEstimate(min(max(rate, -cap_frac), cap_frac))
