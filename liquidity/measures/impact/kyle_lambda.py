"""Price change per unit of signed volume: Kyle."""

from dataclasses import dataclass

from liquidity.domain.observation import Observations, observed, or_none
from liquidity.measures.impact._line import fit_line

__all__ = ["KyleLambda", "kyle_lambda"]


@dataclass(frozen=True, slots=True)
class KyleLambda:
    """``lambda_`` price per base unit, high is illiquid; ``intercept`` price; ``r2`` 0-1; ``t`` classical."""

    lambda_: float | None
    intercept: float | None
    r2: float | None
    t: float | None


def kyle_lambda(dp: Observations, signed_volume: Observations) -> KyleLambda:
    """Least squares dP = a + lambda q + e.

    Parameters
    ----------
    dp
        Price change of each interval (5 minutes is customary), quote currency.
    signed_volume
        Buyer-initiated minus seller-initiated volume of the interval, base units.

    Returns
    -------
    KyleLambda
        Over intervals with both values. Null below two of them or without variation in volume; ``t`` below three.

    Raises
    ------
    ContractError
        The series differ in length.

    References
    ----------
    Kyle (1985), Econometrica 53(6), 1315-1335; Goyenko, Holden and Trzcinka (2009).

    Examples
    --------
    >>> kyle_lambda([1.0, -1.0, 2.0, -2.0], [10.0, -10.0, 20.0, -20.0]).lambda_
    0.1
    """
    line = fit_line(observed(signed_volume), observed(dp))
    return KyleLambda(or_none(line.slope), or_none(line.intercept), or_none(line.r2), or_none(line.t))
