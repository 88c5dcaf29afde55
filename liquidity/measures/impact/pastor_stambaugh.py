"""Return reversal after volume: the gamma of Pastor and Stambaugh."""

from dataclasses import dataclass

import numpy as np

from liquidity.domain.errors import ContractError
from liquidity.domain.observation import Observations, observed

__all__ = ["PastorStambaugh", "pastor_stambaugh"]

_COEFFICIENTS = 3


@dataclass(frozen=True, slots=True)
class PastorStambaugh:
    """``gamma`` return per million traded the day before, negative is illiquid; ``phi`` and ``theta`` of the regression."""

    gamma: float | None
    phi: float | None
    theta: float | None


def pastor_stambaugh(returns: Observations, excess_returns: Observations, volume_musd: Observations) -> PastorStambaugh:
    """Least squares re_{t+1} = theta + phi r_t + gamma sign(re_t) v_t + e over consecutive days.

    Parameters
    ----------
    returns
        r, simple returns, fractions.
    excess_returns
        re, returns over the market's, fractions.
    volume_musd
        v, turnover in millions.

    Returns
    -------
    PastorStambaugh
        Over pairs of days with every value. Null below three pairs or when they do not tell the coefficients apart;
        ask for a month of at least 15 days before showing it.

    Raises
    ------
    ContractError
        The series differ in length.

    References
    ----------
    Pastor and Stambaugh (2003), Journal of Political Economy 111(3), 642-685, eq. (1).

    Examples
    --------
    >>> pastor_stambaugh([0.01], [0.01], [1.0])
    PastorStambaugh(gamma=None, phi=None, theta=None)
    """
    own, excess, volume = observed(returns), observed(excess_returns), observed(volume_musd)
    if not len(own) == len(excess) == len(volume):
        raise ContractError(
            f"pastor_stambaugh: {len(own)} returns, {len(excess)} excess returns, {len(volume)} volumes; pass as many of each"
        )
    design = np.column_stack((np.ones(max(len(own) - 1, 0)), own[:-1], (np.sign(excess) * volume)[:-1]))
    response = excess[1:]
    usable = ~(np.isnan(design).any(axis=1) | np.isnan(response))
    design, response = design[usable], response[usable]
    size = np.sqrt((design**2).sum(axis=0))
    if len(response) < _COEFFICIENTS or not size.all():
        return PastorStambaugh(None, None, None)
    coefficients, _, rank, _ = np.linalg.lstsq(design / size, response, rcond=None)
    if rank < _COEFFICIENTS:
        return PastorStambaugh(None, None, None)
    theta, phi, gamma = (float(value) for value in coefficients / size)
    return PastorStambaugh(gamma=gamma, phi=phi, theta=theta)
