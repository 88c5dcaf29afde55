"""Effective spread from daily highs and lows: Corwin and Schultz."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from liquidity.domain.errors import ContractError
from liquidity.domain.observation import Observations, observed
from liquidity.measures._registry import SPREAD_MIN_OBSERVATIONS, Matrix, Measure
from liquidity.measures._rows import measurable_bps, positive, row_counts, row_means

__all__ = ["MEASURE", "CorwinSchultz", "corwin_schultz"]

_K = 3.0 - 2.0 * np.sqrt(2.0)


@dataclass(frozen=True, slots=True)
class CorwinSchultz:
    """Mean of the two-day estimates, fraction of price, as they are and with negative ones set to 0."""

    signed_mean: float | None
    nonneg_mean: float | None


def corwin_schultz(high: Observations, low: Observations, close: Observations) -> CorwinSchultz:
    """High-low spread with the overnight adjustment.

    S = 2 (e^a - 1) / (1 + e^a), a = (sqrt(2b) - sqrt(b)) / (3 - 2 sqrt 2) - sqrt(g / (3 - 2 sqrt 2)),
    b the sum of the two days' squared log ranges, g the squared log range of both days together after the later day was
    shifted by the overnight gap max(0, c_1 - h) + min(0, c_1 - l).

    Parameters
    ----------
    high, low, close
        Prices of consecutive sessions, oldest first; a pair of days with a missing or non-positive price is left out.

    Returns
    -------
    CorwinSchultz
        ``nonneg_mean`` is the measure; null without any pair.

    Raises
    ------
    ContractError
        The series differ in length.

    References
    ----------
    Corwin and Schultz (2012), Journal of Finance 67(2), 719-760.

    Examples
    --------
    >>> corwin_schultz([10.0], [9.0], [9.5])
    CorwinSchultz(signed_mean=None, nonneg_mean=None)
    """
    highs, lows, closes = (np.log(positive(observed(series))) for series in (high, low, close))
    if not len(highs) == len(lows) == len(closes):
        raise ContractError(
            f"corwin_schultz: {len(highs)} highs, {len(lows)} lows, {len(closes)} closes; pass as many of each"
        )
    estimates = []
    for day in range(1, len(highs)):
        h1, l1, c1, h, low_now = highs[day - 1], lows[day - 1], closes[day - 1], highs[day], lows[day]
        gap = max(0.0, c1 - h) + min(0.0, c1 - low_now)
        b = (h - low_now) ** 2 + (h1 - l1) ** 2
        g = (max(h + gap, h1) - min(low_now + gap, l1)) ** 2
        a = (np.sqrt(2.0 * b) - np.sqrt(b)) / _K - np.sqrt(g / _K)
        if not np.isnan([h1, l1, c1, h, low_now]).any():
            estimates.append(2.0 * (np.exp(a) - 1.0) / (1.0 + np.exp(a)))
    if not estimates:
        return CorwinSchultz(None, None)
    return CorwinSchultz(float(np.mean(estimates)), float(np.mean(np.maximum(estimates, 0.0))))


def _compute(inputs: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    highs, lows, closes = (np.log(positive(inputs[name])) for name in ("high", "low", "close"))
    h1, l1, c1, h, low_now = highs[:, :-1], lows[:, :-1], closes[:, :-1], highs[:, 1:], lows[:, 1:]
    gap = np.maximum(0.0, c1 - h) + np.minimum(0.0, c1 - low_now)
    b = (h - low_now) ** 2 + (h1 - l1) ** 2
    g = (np.maximum(h + gap, h1) - np.minimum(low_now + gap, l1)) ** 2
    a = (np.sqrt(2.0 * b) - np.sqrt(b)) / _K - np.sqrt(g / _K)
    estimates = 2.0 * (np.exp(a) - 1.0) / (1.0 + np.exp(a))
    pairs = row_counts(estimates)
    values = measurable_bps(row_means(np.maximum(estimates, 0.0)), row_means(estimates), pairs, SPREAD_MIN_OBSERVATIONS)
    return values, pairs


MEASURE = Measure(
    name="corwin_schultz",
    unit="bps",
    higher_is_liquid=False,
    window_days=30,
    min_observations=SPREAD_MIN_OBSERVATIONS,
    inputs=("high", "low", "close"),
    undefined_reason="signed estimate not positive",
    formula="1e4 * mean of the two-day high-low estimates, negative ones as 0, overnight gap removed",
    source="Corwin and Schultz (2012)",
    compute=_compute,
)
