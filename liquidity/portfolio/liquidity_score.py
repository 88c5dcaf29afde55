"""The liquidity score of a portfolio: its mean, and how illiquid its worst tenth is."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["WORST_FRAC", "PortfolioScore", "portfolio_score"]

WORST_FRAC: Final = 0.10
"""Share of the value that the tail is made of."""


@dataclass(frozen=True, slots=True)
class PortfolioScore:
    """Scores 0-100, 100 is most liquid; NaN where no position with value has a score.

    Attributes
    ----------
    mean
        Value-weighted mean.
    worst_decile
        Value-weighted mean of the least liquid tenth of the value, the position at the border by its part.
    scored_frac
        Share of the value that has a score.
    """

    mean: float
    worst_decile: float
    scored_frac: float


def portfolio_score(values: ArrayLike, scores: ArrayLike) -> PortfolioScore:
    """Score a portfolio by its positions' liquidity scores.

    Parameters
    ----------
    values
        (P,) signed values in one currency; absolute values weigh. NaN is left out.
    scores
        (P,) liquidity scores 0-100; NaN where unknown.

    Examples
    --------
    >>> score = portfolio_score([900.0, 100.0], [80.0, 10.0])
    >>> score.mean, round(score.worst_decile, 9), score.scored_frac
    (73.0, 10.0, 1.0)
    """
    weight = np.abs(np.asarray(values, dtype=np.float64))
    score = np.asarray(scores, dtype=np.float64)
    valued = np.isfinite(weight) & (weight > 0.0)
    used = valued & np.isfinite(score)
    total = weight[valued].sum()
    if not used.any():
        return PortfolioScore(float("nan"), float("nan"), 0.0 if total > 0.0 else float("nan"))
    order = np.argsort(score[used], kind="stable")
    ranked, share = score[used][order], weight[used][order] / weight[used].sum()
    before = np.cumsum(share) - share
    tail = np.clip(WORST_FRAC - before, 0.0, share)
    return PortfolioScore(
        float((ranked * share).sum()), float((ranked * tail).sum() / tail.sum()), float(weight[used].sum() / total)
    )
