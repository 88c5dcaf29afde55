"""How long ago the last trade was."""

from collections.abc import Mapping

import numpy as np

from liquidity.domain.observation import Observations, observed, or_none
from liquidity.measures._registry import Matrix, Measure

__all__ = ["MEASURE", "time_since_trade"]


def time_since_trade(time_since_last_trade_h: Observations) -> float | None:
    """Open hours since the latest trade, as of the newest session.

    Parameters
    ----------
    time_since_last_trade_h
        Market hours at each session's close, oldest first.

    Returns
    -------
    float or None
        The newest reading; ``None`` when the newest session has none (an older reading would be too short by the
        sessions since).

    Examples
    --------
    >>> time_since_trade([1.0, 7.5])
    7.5
    >>> time_since_trade([1.0, None]) is None
    True
    """
    hours = observed(time_since_last_trade_h)
    return or_none(float(hours[-1])) if len(hours) else None


def _compute(inputs: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    newest = inputs["time_since_last_trade_h"][:, -1].copy()
    return newest, (~np.isnan(newest)).astype(np.float64)


MEASURE = Measure(
    name="time_since_trade",
    unit="market hours",
    higher_is_liquid=False,
    window_days=1,
    min_observations=1,
    inputs=("time_since_last_trade_h",),
    undefined_reason="no reading in the newest session",
    formula="open hours from the latest trade to the close",
    source="definition",
    compute=_compute,
)
