"""One cost from many models: weights by what each got wrong on orders it had not seen, and the spread between them.

Read next: ``calibrated_pools.py``, which learns the blend of every pool; ``slippage.py``, which judges the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.observation import observed_number
from liquidity.impact.calibration import ENOUGH_PARENTS, huber_scale, member_costs
from liquidity.impact.members import BLENDED_MEMBERS, ImpactMember, prior_weights

__all__ = [
    "WEIGHT_FLOOR",
    "BlendedImpact",
    "EnsembleEstimate",
    "ensemble",
    "floored",
    "learned_weights",
    "out_of_sample_mse",
]

WEIGHT_FLOOR: Final = 0.05
"""No blended member is ever weighed lower: the best one so far may be the wrong one tomorrow."""
FOLDS: Final = 5
"""Blocks of sessions in the out-of-sample comparison; the first only trains."""


@dataclass(frozen=True, slots=True)
class EnsembleEstimate:
    """``weights`` by model (those that answered), blended ``mean_bps`` and the weighted ``spread_bps`` between models."""

    weights: dict[str, float]
    mean_bps: float | None
    spread_bps: float | None


def ensemble(predictions: Mapping[str, float | None], rmse: Mapping[str, float | None]) -> EnsembleEstimate:
    """Blend the models' predictions of one order by the inverse of their mean squared errors.

    w_m = rmse_m^-2 / sum, mean = sum w p, spread = sqrt(sum w (p - mean)^2).

    Parameters
    ----------
    predictions
        Cost by model, bps; a model without answer is dropped and the others' weights renormalised.
    rmse
        Past root mean squared error by model on own fills, bps. A model without one, or below 0, is dropped; those with 0
        share all the weight.

    Returns
    -------
    EnsembleEstimate
        Null, and no weights, when no model answered.

    References
    ----------
    Bates and Granger (1969), The combination of forecasts, Operational Research Quarterly 20(4), 451-468.

    Examples
    --------
    >>> ensemble({"a": 10.0, "b": 20.0, "c": None}, {"a": 1.0, "b": 1.0, "c": 1.0})
    EnsembleEstimate(weights={'a': 0.5, 'b': 0.5}, mean_bps=15.0, spread_bps=5.0)
    """
    costs = {name: observed_number(value) for name, value in predictions.items()}
    errors = {name: observed_number(rmse.get(name)) for name in costs}
    answered = [name for name in costs if np.isfinite(costs[name]) and errors[name] >= 0.0]
    if not answered:
        return EnsembleEstimate({}, None, None)
    error = np.array([errors[name] for name in answered])
    weight = (error == 0.0).astype(np.float64) if (error == 0.0).any() else (error.min() / error) ** 2
    weight = weight / weight.sum()
    cost = np.array([costs[name] for name in answered])
    mean = float(weight @ cost)
    spread = float(np.sqrt(weight @ (cost - mean) ** 2))
    return EnsembleEstimate(dict(zip(answered, weight.tolist(), strict=True)), mean, spread)


def floored(weights: NDArray[np.float64], floor: float = WEIGHT_FLOOR) -> NDArray[np.float64]:
    """Weights summing to 1 with none below ``floor``: the low ones are raised to it, the others scaled to the rest.

    Parameters
    ----------
    weights
        (M,) non-negative, sum above 0; ``floor * M`` at most 1.

    Examples
    --------
    >>> floored(np.array([0.98, 0.02, 0.0])).round(3).tolist()
    [0.9, 0.05, 0.05]
    """
    shares = weights / weights.sum()
    raised = np.zeros(len(shares), dtype=np.bool_)
    while True:
        rest = 1.0 - floor * raised.sum()
        free = float(shares[~raised].sum())
        scaled = np.where(raised, floor, shares * (rest / free if free > 0.0 else 0.0))
        low = ~raised & (scaled < floor)
        if not low.any():
            return scaled
        raised |= low


def out_of_sample_mse(
    parents: pd.DataFrame, members: tuple[ImpactMember, ...] = BLENDED_MEMBERS
) -> tuple[NDArray[np.float64], int]:
    """Mean squared error of each member on orders later than those its scale was learned from, bps^2.

    Sessions are cut into ``FOLDS`` blocks in time; each block but the first is predicted with scales learned from all
    earlier ones. Errors are weighed by 1 / (sigma^2 T), as in the calibration.

    Parameters
    ----------
    parents
        Output of ``usable_parents``.

    Returns
    -------
    tuple[NDArray[np.float64], int]
        (M,) errors, NaN without a predicted order, and the number of orders predicted.
    """
    sessions = pd.Index(parents["session_date"]).unique().sort_values()
    if len(sessions) < 2:
        return np.full(len(members), np.nan), 0
    block = pd.Series(np.arange(len(sessions)) * min(FOLDS, len(sessions)) // len(sessions), index=sessions)
    fold = block.loc[parents["session_date"]].to_numpy()
    costs, weight = member_costs(parents, members), parents["weight"].to_numpy(dtype=np.float64)
    found = parents["impact_bps"].to_numpy(dtype=np.float64)
    squared = np.zeros(len(members))
    total, n = 0.0, 0
    for test in range(1, int(fold.max()) + 1):
        train, held = fold < test, fold == test
        scale = np.array([huber_scale(cost[train], found[train], weight[train])[0] for cost in costs])
        error = found[held] - scale[:, None] * costs[:, held]
        squared += (weight[held] * error**2).sum(axis=1)
        total, n = total + float(weight[held].sum()), n + int(held.sum())
    return squared / total, n


def learned_weights(
    parents: pd.DataFrame, members: tuple[ImpactMember, ...] = BLENDED_MEMBERS
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Weights of the members for one pool of parents, their out-of-sample RMSE (bps), and the orders behind them.

    Inverse mean squared errors, floored at ``WEIGHT_FLOOR``, shrunk to the prior weights by n / (n + 50). Without an order
    that could be predicted the weights are the prior's.
    """
    prior = np.array([member.prior_weight for member in members])
    prior = prior / prior.sum()
    mse, n = out_of_sample_mse(parents, members)
    if n == 0 or not np.isfinite(mse).all():
        return prior, np.sqrt(mse), 0
    best = float(mse.min())
    inverse = (mse == 0.0).astype(np.float64) if best == 0.0 else best / mse
    trust = n / (n + ENOUGH_PARENTS)
    return trust * floored(inverse) + (1.0 - trust) * prior, np.sqrt(mse), n


@dataclass(frozen=True, slots=True)
class BlendedImpact:
    """The blend of one pool of instruments, known elsewhere as a slippage model ensemble.

    Attributes
    ----------
    weights
        (M,) over ``BLENDED_MEMBERS``; they sum to 1.
    scale
        How many times the blend of the prior members is paid.
    """

    weights: NDArray[np.float64]
    scale: float

    @classmethod
    def prior(cls) -> "BlendedImpact":
        """The blend before any own fill."""
        return cls(prior_weights(), 1.0)

    def members_bps(
        self, size_over_adv: ArrayLike, volatility_daily_frac: ArrayLike, horizon_sessions: ArrayLike
    ) -> NDArray[np.float64]:
        """(M, ...) scaled cost by member beyond half of the spread, bps."""
        costs = [m.average_cost_bps(size_over_adv, volatility_daily_frac, horizon_sessions) for m in BLENDED_MEMBERS]
        return self.scale * np.array(costs)

    def cost_bps(
        self, size_over_adv: ArrayLike, volatility_daily_frac: ArrayLike, horizon_sessions: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Blended cost beyond half of the spread and one standard deviation between the members, bps, >= 0."""
        costs = self.members_bps(size_over_adv, volatility_daily_frac, horizon_sessions)
        mean = np.tensordot(self.weights, costs, axes=1)
        return mean, np.sqrt(np.tensordot(self.weights, (costs - mean) ** 2, axes=1))

    def explain(self, size_over_adv: float, volatility_daily_frac: float, horizon_sessions: float) -> pd.DataFrame:
        """One row per member: ``member``, ``weight``, ``cost_bps``, ``contribution_bps``, ``in_range``.

        The contributions sum to the blended cost; ``in_range`` says whether the participation lies where the model was
        observed.
        """
        costs = self.members_bps(size_over_adv, volatility_daily_frac, horizon_sessions)
        return pd.DataFrame(
            {
                "member": [member.name for member in BLENDED_MEMBERS],
                "weight": self.weights,
                "cost_bps": costs,
                "contribution_bps": self.weights * costs,
                "in_range": [bool(member.in_range(size_over_adv, horizon_sessions)) for member in BLENDED_MEMBERS],
            }
        )
