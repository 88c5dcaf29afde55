"""How fast the outstanding amount changes hands."""

from collections.abc import Mapping

import numpy as np

from liquidity.domain.errors import ContractError
from liquidity.domain.observation import Observations, observed
from liquidity.measures._registry import Matrix, Measure
from liquidity.measures._rows import row_counts, row_means

__all__ = ["MEASURE", "turnover_velocity"]

_MIN_OBSERVATIONS = 8


def turnover_velocity(turnover_ccy: Observations, amount_outstanding: Observations) -> float | None:
    """Mean session turnover over the amount outstanding.

    Parameters
    ----------
    turnover_ccy
        Turnover per session, currency; a session without trades counts as 0, one that is missing is left out.
    amount_outstanding
        Of the same sessions and in the same currency (bonds: amount issued and not redeemed; crypto: circulating
        supply or open interest).

    Returns
    -------
    float or None
        Fraction per session, >= 0; ``None`` without a session where both are known and something is outstanding.

    Raises
    ------
    ContractError
        The series differ in length.

    Examples
    --------
    >>> turnover_velocity([1e6, 0.0, None], [1e8, 1e8, 1e8])
    0.005
    """
    traded, outstanding = observed(turnover_ccy), observed(amount_outstanding)
    if len(traded) != len(outstanding):
        raise ContractError(
            f"turnover_velocity: {len(traded)} turnovers but {len(outstanding)} amounts; pass as many of each"
        )
    usable = ~np.isnan(traded) & (outstanding > 0.0)
    return float((traded[usable] / outstanding[usable]).mean()) if usable.any() else None


def _compute(inputs: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    traded, outstanding = inputs["turnover_ccy"], inputs["amount_outstanding"]
    velocity = np.divide(traded, outstanding, out=np.full(traded.shape, np.nan), where=outstanding > 0.0)
    sessions = row_counts(velocity)
    return np.where(sessions >= _MIN_OBSERVATIONS, row_means(velocity), np.nan), sessions


MEASURE = Measure(
    name="turnover_velocity",
    unit="frac per day",
    higher_is_liquid=True,
    window_days=30,
    min_observations=_MIN_OBSERVATIONS,
    inputs=("turnover_ccy", "amount_outstanding"),
    undefined_reason="nothing outstanding",
    formula="mean(turnover / amount outstanding)",
    source="Datar, Naik and Radcliffe (1998)",
    compute=_compute,
)
