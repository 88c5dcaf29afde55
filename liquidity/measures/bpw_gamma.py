"""Transitory price movement of a bond: gamma of Bao, Pan and Wang."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from liquidity.domain.observation import Observations, observed
from liquidity.measures._registry import SPREAD_MIN_OBSERVATIONS, Matrix, Measure
from liquidity.measures._rows import paired_covariance, positive

__all__ = ["MEASURE", "BpwGamma", "bpw_gamma"]


@dataclass(frozen=True, slots=True)
class BpwGamma:
    """``gamma`` in squared percent; ``implied_spread_pct`` the spread it implies, in percent of price (unit as published)."""

    gamma: float | None
    implied_spread_pct: float | None


def bpw_gamma(prices: Observations) -> BpwGamma:
    """Negative autocovariance of price changes.

    gamma = -cov(dp_t, dp_{t-1}), dp = change in 100 ln(price), sample covariance (ddof 1);
    implied spread = 2 sqrt(max(gamma, 0)).

    Parameters
    ----------
    prices
        Prices of consecutive trades (or closes), oldest first; pairs that touch a missing or non-positive price are
        left out.

    Returns
    -------
    BpwGamma
        High is illiquid; gamma may be negative (prices trend), then the implied spread is 0. Null below two pairs.

    References
    ----------
    Bao, Pan and Wang (2011), Journal of Finance 66(3), 911-946, eq. (2).

    Examples
    --------
    >>> round(bpw_gamma([100.0, 101.0, 100.0, 101.0, 100.0]).gamma, 4)
    1.3201
    """
    changes = np.diff(100.0 * np.log(positive(observed(prices))))
    pairs = ~(np.isnan(changes[:-1]) | np.isnan(changes[1:]))
    before, after = changes[:-1][pairs], changes[1:][pairs]
    if len(before) < 2:
        return BpwGamma(None, None)
    gamma = -float(((before - before.mean()) * (after - after.mean())).sum() / (len(before) - 1))
    return BpwGamma(gamma, 2.0 * max(gamma, 0.0) ** 0.5)


def _compute(inputs: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    covariance, pairs = paired_covariance(np.diff(100.0 * np.log(positive(inputs["close"])), axis=1))
    return np.where(pairs >= SPREAD_MIN_OBSERVATIONS, -covariance, np.nan), pairs


MEASURE = Measure(
    name="bpw_gamma",
    unit="squared percent",
    higher_is_liquid=False,
    window_days=30,
    min_observations=SPREAD_MIN_OBSERVATIONS,
    inputs=("close",),
    undefined_reason="no pair of adjacent price changes",
    formula="-cov(dp_t, dp_{t-1}), dp the change in 100 ln(close)",
    source="Bao, Pan and Wang (2011)",
    compute=_compute,
)
