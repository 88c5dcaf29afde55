"""Price impact of a day's trading: the illiquidity ratio of Amihud."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from liquidity.domain.errors import ContractError
from liquidity.domain.observation import Observations, observed
from liquidity.measures._registry import Matrix, Measure
from liquidity.measures._rows import row_counts, row_means

__all__ = ["MEASURE", "Amihud", "amihud"]

_MIN_OBSERVATIONS = 8
_PER_MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Amihud:
    """``illiq`` = fraction per ``scale`` of currency, >= 0; ``n`` days used."""

    illiq: float | None
    n: int


def amihud(returns: Observations, dollar_volume: Observations, scale: float = _PER_MILLION) -> Amihud:
    """Average absolute return per amount traded.

    ILLIQ = scale * mean |r_t| / V_t.

    Parameters
    ----------
    returns
        Simple returns, fractions, shape (n,).
    dollar_volume
        Turnover of the same days, currency.
    scale
        1e6 gives the return per million.

    Returns
    -------
    Amihud
        Null without a usable day.

    Raises
    ------
    ContractError
        The series differ in length.

    Notes
    -----
    A day without turnover has no impact to measure: it is left out, never counted as 0.

    References
    ----------
    Amihud (2002), Journal of Financial Markets 5(1), 31-56.

    Examples
    --------
    >>> amihud([0.5, -0.25, 0.5], [1e6, 1e6, 0.0])
    Amihud(illiq=0.375, n=2)
    """
    moves, traded = observed(returns), observed(dollar_volume)
    if len(moves) != len(traded):
        raise ContractError(f"amihud: {len(moves)} returns but {len(traded)} volumes; pass one volume for each return")
    usable = ~np.isnan(moves) & (traded > 0.0)
    if not usable.any():
        return Amihud(None, 0)
    return Amihud(float((np.abs(moves[usable]) / traded[usable]).mean() * scale), int(usable.sum()))


def _compute(inputs: Mapping[str, Matrix]) -> tuple[Matrix, Matrix]:
    traded = inputs["turnover_ccy"]
    impact = np.divide(np.abs(inputs["return_frac"]), traded, out=np.full(traded.shape, np.nan), where=traded > 0.0)
    days = row_counts(impact)
    return np.where(days >= _MIN_OBSERVATIONS, row_means(impact) * _PER_MILLION, np.nan), days


MEASURE = Measure(
    name="amihud",
    unit="frac per million currency",
    higher_is_liquid=False,
    window_days=30,
    min_observations=_MIN_OBSERVATIONS,
    inputs=("return_frac", "turnover_ccy"),
    undefined_reason="no session with turnover",
    formula="1e6 * mean(|return| / turnover) over sessions with turnover",
    source="Amihud (2002)",
    compute=_compute,
)
