"""How much positions move together before and after a stress: one standard deviation of a day's result.

Volatility is the surface's, correlation the table's; a stress moves both. Read first: ``engine.py``.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError
from liquidity.stress.engine import Condition, StressedPortfolio

__all__ = ["JointRisk", "joint_risk", "stressed_correlation"]


@dataclass(frozen=True, slots=True)
class JointRisk:
    """One standard deviation of a day's result in the base currency; NaN without correlations.

    ``covered_frac`` is the share of gross value that has a correlation; the rest is in neither number.
    """

    before_base: float
    after_base: float
    covered_frac: float


def stressed_correlation(correlation: NDArray[np.float64], floor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move correlations towards one common factor.

    Each return becomes sqrt(1 - f) times itself plus sqrt(f) times the factor, so that
    c'_ij = sqrt((1 - f_i)(1 - f_j)) c_ij + sqrt(f_i f_j).

    Parameters
    ----------
    correlation
        (K, K), positive semi-definite; the result is too, which raising entries one by one would not keep.
    floor
        (K,) weight of the factor, 0-1. Of equal weights f, a correlation that is not negative ends at f or above.

    Examples
    --------
    >>> stressed_correlation(np.array([[1.0, 0.2], [0.2, 1.0]]), np.array([0.9, 0.9])).round(3).tolist()
    [[1.0, 0.92], [0.92, 1.0]]
    """
    if not ((floor >= 0.0) & (floor <= 1.0)).all():
        raise ContractError(f"stressed_correlation: weights {floor.min()} to {floor.max()}, allowed 0 to 1")
    kept, common = np.sqrt(1.0 - floor), np.sqrt(floor)
    moved: NDArray[np.float64] = np.outer(kept, kept) * correlation + np.outer(common, common)
    return moved


def joint_risk(found: StressedPortfolio, pairs: pd.DataFrame | None) -> JointRisk:
    """Joint risk of the positions that have correlations.

    Parameters
    ----------
    pairs
        Rows of the table ``correlation`` of this portfolio: ``instrument_id, other_id, correlation``, each pair once; a pair
        that is missing between named instruments counts as uncorrelated. None or empty: NaN.
    """
    held = found.before.holdings
    if pairs is None or pairs.empty:
        return JointRisk(np.nan, np.nan, 0.0)
    named = set(pairs["instrument_id"]) | set(pairs["other_id"])
    chosen = np.array(
        [place for place in np.flatnonzero(held.known) if held.instrument_id[place] in named], dtype=np.int64
    )
    row_of = {held.instrument_id[place]: row for row, place in enumerate(chosen)}
    correlation = np.eye(len(chosen))
    for one, other, value in zip(pairs["instrument_id"], pairs["other_id"], pairs["correlation"], strict=True):
        if one in row_of and other in row_of:
            correlation[row_of[one], row_of[other]] = correlation[row_of[other], row_of[one]] = value
    gross = np.abs(np.where(np.isfinite(held.value_base), held.value_base, 0.0))
    after = stressed_correlation(correlation, found.vector.correlation_floor[chosen])
    return JointRisk(
        before_base=_deviation(found.before, chosen, correlation),
        after_base=_deviation(found.after, chosen, after),
        covered_frac=min(float(gross[chosen].sum() / gross.sum()), 1.0) if gross.sum() > 0.0 else 0.0,
    )


def _deviation(condition: Condition, chosen: NDArray[np.int64], correlation: NDArray[np.float64]) -> float:
    held = condition.holdings
    move = held.value_base[chosen] * condition.surface.volatility_daily_frac[held.place[chosen]]
    # Rounding may leave a perfectly hedged pair a hair below 0.
    variance = max(float(move @ correlation @ move), 0.0)
    return variance**0.5 if len(chosen) else float("nan")
