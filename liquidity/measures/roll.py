"""Effective spread from the bounce of closing prices: Roll."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from liquidity.domain.observation import Observations, observed, or_none
from liquidity.measures._registry import SPREAD_MIN_OBSERVATIONS, Matrix, Measure
from liquidity.measures._rows import measurable_bps, paired_covariance, positive

__all__ = ["MEASURE", "Roll", "roll"]


@dataclass(frozen=True, slots=True)
class Roll:
    """Spread as a fraction of price; ``undefined`` tells that the autocovariance has the wrong sign."""

    signed: float | None
    spread: float | None
    undefined: bool | None


def roll(close: Observations) -> Roll:
    """Spread implied by the autocovariance of log returns.

    s2 = -4 cov(r_t, r_{t-1}), sample covariance (ddof 1) over the pairs of adjacent returns; signed = sign(s2) sqrt|s2|.

    Parameters
    ----------
    close
        Closing prices, oldest first; pairs that touch a missing or non-positive price are left out.

    Returns
    -------
    Roll
        ``spread`` = max(signed, 0), with ``undefined`` true when s2 < 0, which is common. All null below two pairs.

    References
    ----------
    Roll (1984), Journal of Finance 39(4), 1127-1139.

    Examples
    --------
    >>> estimate = roll([100.0, 101.0, 100.0, 101.0, 100.0])
    >>> round(estimate.spread, 4), estimate.undefined
    (0.023, False)
    """
    prices = positive(observed(close))
    returns = np.diff(np.log(prices))
    pairs = ~(np.isnan(returns[:-1]) | np.isnan(returns[1:]))
    before, after = returns[:-1][pairs], returns[1:][pairs]
    if len(before) < 2:
        return Roll(None, None, None)
    covariance = float(((before - before.mean()) * (after - after.mean())).sum() / (len(before) - 1))
    squared = -4.0 * covariance
    signed = float(np.sign(squared) * np.sqrt(abs(squared)))
    return Roll(or_none(signed), max(signed, 0.0), squared < 0.0)


def _compute(inputs: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    covariance, pairs = paired_covariance(np.diff(np.log(positive(inputs["close"])), axis=1))
    signed = np.sign(-covariance) * np.sqrt(np.abs(4.0 * covariance))
    return measurable_bps(signed, signed, pairs, SPREAD_MIN_OBSERVATIONS), pairs


MEASURE = Measure(
    name="roll",
    unit="bps",
    higher_is_liquid=False,
    window_days=30,
    min_observations=SPREAD_MIN_OBSERVATIONS,
    inputs=("close",),
    undefined_reason="signed estimate not positive",
    formula="1e4 * sqrt(-4 cov(r_t, r_{t-1})) of log returns of closes",
    source="Roll (1984)",
    compute=_compute,
)
