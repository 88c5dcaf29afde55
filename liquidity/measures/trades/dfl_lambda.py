"""One figure from four bond measures: the lambda of Dick-Nielsen, Feldhutter and Lando."""

import numpy as np

from liquidity.domain.errors import ContractError
from liquidity.domain.observation import Observations, observed

__all__ = ["dfl_lambda"]

_MEASURES = 4


def dfl_lambda(
    values: Observations, mean: Observations, sd: Observations, renormalise: bool, min_available: int
) -> float | None:
    """Sum of four standardised measures: Amihud, imputed round-trip cost, and the standard deviations of both.

    Parameters
    ----------
    values
        The four measures, missing where not measured.
    mean, sd
        Reference mean and standard deviation of each over the whole panel, FIXED and stored: re-estimating them would
        rewrite history. A missing reference, or one without spread, makes its measure missing.
    renormalise
        Whether four times the mean of what is available may stand in when some are missing.
    min_available
        Measures that must be available for that.

    Returns
    -------
    float or None
        Standard deviations, high is illiquid; ``None`` when too much is missing.

    Raises
    ------
    ContractError
        The inputs are not four numbers each.

    References
    ----------
    Dick-Nielsen, Feldhutter and Lando (2012), Journal of Financial Economics 103(3), 471-492, section 3.

    Examples
    --------
    >>> dfl_lambda([3, 2, 1, None], [1, 1, 1, 1], [1, 1, 1, 1], renormalise=True, min_available=3)
    4.0
    """
    measured, centre, scale = observed(values), observed(mean), observed(sd)
    if not len(measured) == len(centre) == len(scale) == _MEASURES:
        raise ContractError(
            f"dfl_lambda: {len(measured)} values, {len(centre)} means, {len(scale)} sds; pass {_MEASURES} of each"
        )
    standardised = (measured - centre) / np.where(scale > 0.0, scale, np.nan)
    available = standardised[~np.isnan(standardised)]
    enough = len(available) == _MEASURES or (renormalise and len(available) >= max(min_available, 1))
    return float(_MEASURES * available.mean()) if enough else None
