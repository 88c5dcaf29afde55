"""Effective spread from open, high, low and close: EDGE, the least biased of the daily estimators.

:func:`edge_spread` calls the authors' own package. The package has no version for many instruments at once, so the
vectorised form below follows the published formula and is judged against the package in the tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from liquidity.domain.errors import ContractError
from liquidity.domain.observation import Observations, observed, or_none
from liquidity.measures._registry import SPREAD_MIN_OBSERVATIONS, Matrix, Measure
from liquidity.measures._rows import measurable_bps, positive, row_counts, row_means

__all__ = ["MEASURE", "EdgeSpread", "edge_matrix", "edge_spread"]


@dataclass(frozen=True, slots=True)
class EdgeSpread:
    """Spread as a fraction of price (0.01 is 1 %): ``signed``, and ``spread`` its absolute value."""

    signed: float | None
    spread: float | None


def edge_spread(open: Observations, high: Observations, low: Observations, close: Observations) -> EdgeSpread:  # noqa: A002 - the field's words
    """EDGE estimate of one instrument.

    Parameters
    ----------
    open, high, low, close
        Prices, oldest first, equal lengths; missing and non-positive prices are allowed and left out.

    Returns
    -------
    EdgeSpread
        Null below three observations, or when prices do not move. A negative ``signed`` means that the spread is too
        small to be measured on this sample: do not show its absolute value as a cost.

    Raises
    ------
    ContractError
        The series differ in length.

    References
    ----------
    Ardia, Guidotti and Kroencke (2024), Journal of Financial Economics 161, 103916.

    Examples
    --------
    >>> edge_spread([18.21, 17.61, 17.61], [18.21, 17.61, 17.61], [17.61, 17.61, 17.61], [17.61, 17.61, 17.61])
    EdgeSpread(signed=None, spread=None)
    """
    from bidask import edge

    prices = [positive(observed(series)) for series in (open, high, low, close)]
    if len({len(series) for series in prices}) > 1:
        raise ContractError(
            f"edge_spread: series of lengths {[len(series) for series in prices]}; pass as many of each"
        )
    signed = float(edge(*prices, sign=True))
    return EdgeSpread(or_none(signed), or_none(abs(signed)))


def edge_matrix(opens: Matrix, highs: Matrix, lows: Matrix, closes: Matrix) -> tuple[Matrix, Matrix]:
    """Signed EDGE estimates of many instruments.

    Parameters
    ----------
    opens, highs, lows, closes
        Shape (instruments, sessions), NaN where missing, newest session last.

    Returns
    -------
    tuple of arrays
        Signed spreads as fractions, shape (instruments,), NaN where undefined; and the sessions that carried both
        moment conditions.

    Notes
    -----
    With log prices o, h, l, c, mid-range m and the previous session's values marked 1, the two moment conditions are
    x1 = -4/po d1 (o - m1) - 4/pc d3 (c1 - m1) and x2 = -4/po d1 (o - c1) - 4/pc d5 (c1 - m1), where d1, d3 and d5 are
    m - o, m - c1 and o - c1 without their means over sessions with a price change, and po and pc are the shares of
    sessions whose open and previous close are not at the extremes. The squared spread is their mean weighted by the
    other's variance.
    """
    o, h, low, c = (np.log(positive(prices)) for prices in (opens, highs, lows, closes))
    if o.shape[1] < 3:
        return np.full(len(o), np.nan), np.zeros(len(o))
    m = (h + low) / 2.0
    h1, l1, c1, m1 = h[:, :-1], low[:, :-1], c[:, :-1], m[:, :-1]
    o, h, low, m = o[:, 1:], h[:, 1:], low[:, 1:], m[:, 1:]

    moved = np.where(np.isnan(h) | np.isnan(low) | np.isnan(c1), np.nan, (h != low) | (low != c1))

    def share_inside(price: Matrix, extreme: Matrix) -> Matrix:
        return row_means(moved * np.where(np.isnan(price) | np.isnan(extreme), np.nan, price != extreme))

    pt = row_means(moved)
    po = share_inside(o, h) + share_inside(o, low)
    pc = share_inside(c1, h1) + share_inside(c1, l1)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight_open, weight_close = (-4.0 / po)[:, np.newaxis], (-4.0 / pc)[:, np.newaxis]

        def demeaned(returns: Matrix) -> Matrix:
            return returns - (row_means(returns) / pt)[:, np.newaxis] * moved

        overnight, to_close = o - c1, c1 - m1
        d1, d3, d5 = demeaned(m - o), demeaned(m - c1), demeaned(overnight)
        x1 = weight_open * d1 * (o - m1) + weight_close * d3 * to_close
        x2 = weight_open * d1 * overnight + weight_close * d5 * to_close
        e1, e2 = row_means(x1), row_means(x2)
        v1, v2 = row_means(x1**2) - e1**2, row_means(x2**2) - e2**2
        total = v1 + v2
        squared = np.where(total > 0.0, (v2 * e1 + v1 * e2) / total, (e1 + e2) / 2.0)
    undefined = (np.nansum(moved, axis=1) < 2.0) | (po == 0.0) | (pc == 0.0)
    signed = np.sign(squared) * np.sqrt(np.abs(squared))
    return np.where(undefined, np.nan, signed), row_counts(overnight + to_close + m)


def _compute(inputs: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    signed, sessions = edge_matrix(inputs["open"], inputs["high"], inputs["low"], inputs["close"])
    return measurable_bps(signed, signed, sessions, SPREAD_MIN_OBSERVATIONS), sessions


MEASURE = Measure(
    name="edge_spread",
    unit="bps",
    higher_is_liquid=False,
    window_days=30,
    min_observations=SPREAD_MIN_OBSERVATIONS,
    inputs=("open", "high", "low", "close"),
    undefined_reason="signed estimate not positive",
    formula="1e4 * EDGE(open, high, low, close)",
    source="Ardia, Guidotti and Kroencke (2024)",
    compute=_compute,
)
