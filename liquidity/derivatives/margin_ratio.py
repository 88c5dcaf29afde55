"""How close an account is to liquidation."""

import math
from dataclasses import dataclass

from liquidity.domain.observation import observed_number, or_none

__all__ = ["MarginRatio", "margin_ratio"]


@dataclass(frozen=True, slots=True)
class MarginRatio:
    """``ratio`` maintenance over balance (1 and above: liquidation), ``utilisation`` initial margin over balance."""

    ratio: float | None
    utilisation: float | None
    liquidatable: bool | None


def margin_ratio(balance: float | None, maintenance: float | None, initial: float | None) -> MarginRatio:
    """Margin ratio and utilisation of a margin account.

    Parameters
    ----------
    balance
        Margin balance: wallet plus unrealised profit, settlement currency.
    maintenance, initial
        Maintenance and initial margin of all positions.

    Returns
    -------
    MarginRatio
        With a balance of 0 or below the ratios are null and the account is liquidatable. ``liquidatable`` is null
        when the balance, or the maintenance margin of a positive balance, is missing.

    Examples
    --------
    >>> margin_ratio(10_000.0, 2_500.0, 6_000.0)
    MarginRatio(ratio=0.25, utilisation=0.6, liquidatable=False)
    """
    equity, needed, opening = map(observed_number, (balance, maintenance, initial))
    if math.isnan(equity):
        return MarginRatio(None, None, None)
    if equity <= 0.0:
        return MarginRatio(None, None, True)
    ratio = needed / equity
    return MarginRatio(or_none(ratio), or_none(opening / equity), None if math.isnan(ratio) else ratio >= 1.0)
