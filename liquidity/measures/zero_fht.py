"""Cost of trading from the share of days without a price change: zeros and FHT, for thin bonds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from liquidity.domain.observation import Observations, observed
from liquidity.measures._registry import SPREAD_MIN_OBSERVATIONS, Matrix, Measure
from liquidity.measures._rows import measurable_bps, row_counts, row_means, row_std

__all__ = ["MEASURE", "ZeroFht", "zero_fht"]


@dataclass(frozen=True, slots=True)
class ZeroFht:
    """``zeros`` share of days without a price change, 0-1; ``fht`` full spread as a fraction of price."""

    zeros: float | None
    fht: float | None


def zero_fht(returns: Observations, tol: float = 0.0) -> ZeroFht:
    """Zero returns and the spread they imply.

    FHT = 2 sigma PhiInv((1 + zeros) / 2), sigma the sample standard deviation (ddof 1) of the returns.

    Parameters
    ----------
    returns
        Simple returns, fractions; missing ones are left out.
    tol
        A day counts as zero when |r| <= tol, fraction.

    Returns
    -------
    ZeroFht
        ``fht`` is null when every day is zero (no scale to measure against) or below two returns.

    References
    ----------
    Lesmond, Ogden and Trzcinka (1999), Review of Financial Studies 12(5), 1113-1141;
    Fong, Holden and Trzcinka (2017), Review of Finance 21(4), 1355-1401.

    Examples
    --------
    >>> zero_fht([0.0, 0.0, 0.0])
    ZeroFht(zeros=1.0, fht=None)
    """
    moves = observed(returns)
    moves = moves[~np.isnan(moves)]
    if len(moves) == 0:
        return ZeroFht(None, None)
    zeros = float((np.abs(moves) <= tol).mean())
    if zeros == 1.0 or len(moves) < 2:
        return ZeroFht(zeros, None)
    return ZeroFht(zeros, float(2.0 * moves.std(ddof=1) * ndtri((1.0 + zeros) / 2.0)))


def _compute(inputs: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    returns = inputs["return_frac"]
    days = row_counts(returns)
    zeros = row_means(np.where(np.isnan(returns), np.nan, returns == 0.0))
    with np.errstate(invalid="ignore"):
        spread = 2.0 * row_std(returns) * ndtri((1.0 + np.where(zeros < 1.0, zeros, np.nan)) / 2.0)
    return measurable_bps(spread, spread, days, SPREAD_MIN_OBSERVATIONS), days


MEASURE = Measure(
    name="zero_fht",
    unit="bps",
    higher_is_liquid=False,
    window_days=30,
    min_observations=SPREAD_MIN_OBSERVATIONS,
    inputs=("return_frac",),
    undefined_reason="no session without a price change, or none with one",
    formula="1e4 * 2 sigma PhiInv((1 + share of zero returns) / 2)",
    source="Fong, Holden and Trzcinka (2017)",
    compute=_compute,
)
