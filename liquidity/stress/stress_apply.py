"""One position under one scenario, by the square-root law alone: arithmetic that can be redone on paper.

The engine reads the liquidity surface instead; this is its smallest relative and the form that published examples use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import observed_number, or_none

__all__ = ["StressedPosition", "stress_apply"]

_KEYS: Final = ("shock", "spread_mult", "volume_haircut", "vol_mult")


@dataclass(frozen=True, slots=True)
class StressedPosition:
    """Days to liquidate, cost of one day's child order (bps), and losses in the currency of the value; None: no answer."""

    days: float | None
    cost_bps: float | None
    price_loss: float | None
    liquidation_cost: float | None
    stressed_loss: float | None


def stress_apply(
    value: float | None,
    adv: float | None,
    spread_bps: float | None,
    sigma: float | None,
    participation: float | None,
    Y: float | None,
    scenario: Mapping[str, float | None],
) -> StressedPosition:
    """Apply a scenario to one position.

    adv' = adv (1 - volume_haircut), spread' = spread_bps * spread_mult, sigma' = sigma * vol_mult;
    days = value / (participation adv'); cost_bps = spread'/2 + 1e4 Y sigma' sqrt(min(value, participation adv') / adv');
    price_loss = value * shock; liquidation_cost = value (1 - shock) cost_bps / 1e4; stressed_loss is their sum.

    Parameters
    ----------
    value, adv
        Position and average daily volume, same currency; value at least 0.
    sigma
        Daily volatility, fraction.
    participation
        Share of daily volume, above 0 to 1.
    Y
        Prefactor of the square-root law.
    scenario
        ``shock`` (fraction of the price lost, negative a gain, at most 1), ``spread_mult``, ``volume_haircut`` (at most 1),
        ``vol_mult``.

    Returns
    -------
    StressedPosition
        What cannot be told is None: a missing input, and days and costs when no volume is left.

    Raises
    ------
    ConfigError
        A scenario key that is missing or unknown, or a number outside its range.

    Examples
    --------
    >>> one = stress_apply(200_000.0, 5e8, 0.5, 0.025, 0.1, 0.9, dict(shock=0.0, spread_mult=1, volume_haircut=0, vol_mult=1))
    >>> one.days, round(one.cost_bps, 9), round(one.liquidation_cost, 9)
    (0.004, 4.75, 95.0)
    """
    if set(scenario) != set(_KEYS):
        raise ConfigError(f"stress_apply: scenario has the keys {sorted(scenario)}, needs exactly {sorted(_KEYS)}")
    shock, spread_mult, haircut, vol_mult = (observed_number(scenario[key]) for key in _KEYS)
    size, volume, spread, volatility, share, prefactor = map(
        observed_number, (value, adv, spread_bps, sigma, participation, Y)
    )
    for name, number, low, high in (
        ("value", size, 0.0, np.inf),
        ("adv", volume, 0.0, np.inf),
        ("spread_bps", spread, 0.0, np.inf),
        ("sigma", volatility, 0.0, np.inf),
        ("participation", share, 0.0, 1.0),
        ("Y", prefactor, 0.0, np.inf),
        ("shock", shock, -np.inf, 1.0),
        ("spread_mult", spread_mult, 0.0, np.inf),
        ("volume_haircut", haircut, -np.inf, 1.0),
        ("vol_mult", vol_mult, 0.0, np.inf),
    ):
        if number < low or number > high:
            raise ConfigError(f"stress_apply: {name} is {number}, allowed {low:g} to {high:g}")
    left = volume * (1.0 - haircut)
    price_loss = size * shock
    if not (left > 0.0 and share > 0.0):
        return StressedPosition(None, None, or_none(price_loss), None, None)
    cost_bps = spread * spread_mult / 2.0 + 1e4 * prefactor * volatility * vol_mult * float(
        np.sqrt(np.minimum(size, share * left) / left)
    )
    cost = size * (1.0 - shock) * cost_bps / 1e4
    return StressedPosition(
        days=or_none(size / (share * left)),
        cost_bps=or_none(cost_bps),
        price_loss=or_none(price_loss),
        liquidation_cost=or_none(cost),
        stressed_loss=or_none(price_loss + cost),
    )
