"""Effective spread from close, high and low: Abdi and Ranaldo."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from liquidity.domain.errors import ContractError
from liquidity.domain.observation import Observations, observed
from liquidity.measures._registry import SPREAD_MIN_OBSERVATIONS, Matrix, Measure
from liquidity.measures._rows import measurable_bps, positive, row_counts, row_means

__all__ = ["MEASURE", "AbdiRanaldo", "abdi_ranaldo"]


@dataclass(frozen=True, slots=True)
class AbdiRanaldo:
    """Spread as a fraction of price: the root of the mean, with its sign, and the mean of the two-day roots."""

    monthly_signed: float | None
    two_day: float | None


def abdi_ranaldo(high: Observations, low: Observations, close: Observations) -> AbdiRanaldo:
    """Close-high-low spread.

    s2_t = 4 (c_{t-1} - m_{t-1}) (c_{t-1} - m_t), m = (ln H + ln L) / 2, c = ln C.

    Parameters
    ----------
    high, low, close
        Prices of consecutive sessions, oldest first; a pair of days with a missing or non-positive price is left out.

    Returns
    -------
    AbdiRanaldo
        ``monthly_signed`` = sign(mean s2) sqrt|mean s2|, ``two_day`` = mean sqrt(max(s2, 0)); null without any pair.

    Raises
    ------
    ContractError
        The series differ in length.

    References
    ----------
    Abdi and Ranaldo (2017), Review of Financial Studies 30(12), 4437-4480.

    Examples
    --------
    >>> abdi_ranaldo([10.0], [9.0], [9.5])
    AbdiRanaldo(monthly_signed=None, two_day=None)
    """
    highs, lows, closes = (np.log(positive(observed(series))) for series in (high, low, close))
    if not len(highs) == len(lows) == len(closes):
        raise ContractError(
            f"abdi_ranaldo: {len(highs)} highs, {len(lows)} lows, {len(closes)} closes; pass as many of each"
        )
    middle = (highs + lows) / 2.0
    squares = 4.0 * (closes[:-1] - middle[:-1]) * (closes[:-1] - middle[1:])
    squares = squares[~np.isnan(squares)]
    if len(squares) == 0:
        return AbdiRanaldo(None, None)
    mean = squares.mean()
    return AbdiRanaldo(float(np.sign(mean) * np.sqrt(abs(mean))), float(np.sqrt(np.maximum(squares, 0.0)).mean()))


def _compute(inputs: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    highs, lows, closes = (np.log(positive(inputs[name])) for name in ("high", "low", "close"))
    middle = (highs + lows) / 2.0
    squares = 4.0 * (closes[:, :-1] - middle[:, :-1]) * (closes[:, :-1] - middle[:, 1:])
    mean, pairs = row_means(squares), row_counts(squares)
    signed = np.sign(mean) * np.sqrt(np.abs(mean))
    return measurable_bps(signed, signed, pairs, SPREAD_MIN_OBSERVATIONS), pairs


MEASURE = Measure(
    name="abdi_ranaldo",
    unit="bps",
    higher_is_liquid=False,
    window_days=30,
    min_observations=SPREAD_MIN_OBSERVATIONS,
    inputs=("high", "low", "close"),
    undefined_reason="signed estimate not positive",
    formula="1e4 * sqrt(mean 4 (c_{t-1} - m_{t-1}) (c_{t-1} - m_t)), m the log mid-range",
    source="Abdi and Ranaldo (2017)",
    compute=_compute,
)
