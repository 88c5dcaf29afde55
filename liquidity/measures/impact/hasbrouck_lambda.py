"""Return per square root of signed notional: Hasbrouck."""

from dataclasses import dataclass

import numpy as np

from liquidity.domain.observation import Observations, observed, or_none
from liquidity.measures.impact._line import fit_line

__all__ = ["HasbrouckLambda", "hasbrouck_lambda"]


@dataclass(frozen=True, slots=True)
class HasbrouckLambda:
    """``lambda_`` return per root of currency, high is illiquid; ``intercept`` in return; ``t`` classical."""

    lambda_: float | None
    intercept: float | None
    t: float | None


def hasbrouck_lambda(returns: Observations, signed_notional: Observations) -> HasbrouckLambda:
    """Least squares r = a + lambda S + e with S = sign(notional) sqrt|notional|.

    Parameters
    ----------
    returns
        Log return of each interval (fraction, or bps: lambda follows).
    signed_notional
        Buyer-initiated minus seller-initiated notional of the interval, quote currency.

    Returns
    -------
    HasbrouckLambda
        Over intervals with both values. Null below two of them or without variation in flow; ``t`` below three.

    Raises
    ------
    ContractError
        The series differ in length.

    References
    ----------
    Hasbrouck (2009), Journal of Finance 64(3), 1445-1477; Goyenko, Holden and Trzcinka (2009).

    Examples
    --------
    >>> round(hasbrouck_lambda([0.01, -0.01, 0.02], [1e4, -1e4, 4e4]).lambda_, 12)
    0.0001
    """
    flow = observed(signed_notional)
    line = fit_line(np.sign(flow) * np.sqrt(np.abs(flow)), observed(returns))
    return HasbrouckLambda(or_none(line.slope), or_none(line.intercept), or_none(line.t))
