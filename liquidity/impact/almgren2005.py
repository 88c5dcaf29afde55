"""Almgren, Thum, Hauptmann and Li (2005): half of a permanent, linear impact plus a temporary one of the trading rate.

Read next: ``istar.py``.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import observed_number, or_none

__all__ = ["ALMGREN_PRIOR", "AlmgrenCost", "AlmgrenParameters", "almgren2005", "average_cost_bps"]


@dataclass(frozen=True, slots=True)
class AlmgrenParameters:
    """``gamma`` permanent and ``eta`` temporary coefficient, ``beta`` in (0, 1] exponent of the rate; no turnover term."""

    gamma: float = 0.314
    eta: float = 0.142
    beta: float = 0.6
    volatility_power: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.beta <= 1.0:
            raise ConfigError(f"almgren2005.beta: found {self.beta}, allowed (0, 1]")


ALMGREN_PRIOR: Final = AlmgrenParameters()
"""Coefficients of the paper, US equities 2001-03, standard errors 0.041, 0.0062 and 0.038."""


@dataclass(frozen=True, slots=True)
class AlmgrenCost:
    """Permanent displacement I, temporary K, and what the order pays on average J = I/2 + K; bps, >= 0."""

    permanent_bps: float | None
    temporary_bps: float | None
    realised_bps: float | None


def almgren2005(
    X: float | None,
    V: float | None,
    theta: float | None,
    sigma: float | None,
    T_days: float | None,
    gamma: float | None = 0.314,
    eta: float | None = 0.142,
    beta: float | None = 0.6,
    delta: float | None = 0.25,
) -> AlmgrenCost:
    """Cost of an order executed evenly over ``T_days``.

    I = gamma sigma (|X|/V) (theta/V)^delta, K = eta sigma |X / (V T)|^beta, J = I/2 + K, each times 1e4.

    Parameters
    ----------
    X, V
        Order and average daily volume, shares; buys and sells of one size cost the same.
    theta
        Shares outstanding; theta/V is the inverse turnover. For markets without it pass ``V``: the term is 1.
    sigma
        Daily volatility, fraction.
    T_days
        Duration in days of volume time, above 0.
    gamma, eta, beta, delta
        Coefficients and exponents; the defaults are those of the paper.

    Returns
    -------
    AlmgrenCost
        Null where an input that it needs is missing, or ``V``, ``theta`` or ``T_days`` is not above 0.

    References
    ----------
    Almgren, Thum, Hauptmann and Li (2005), Direct estimation of equity market impact, Risk 18(7), 58-62, eq. (4)-(5).

    Examples
    --------
    >>> cost = almgren2005(X=656_100, V=6_561_000, theta=1.728e9, sigma=0.0157, T_days=0.5)
    >>> round(cost.permanent_bps, 1), round(cost.temporary_bps, 1), round(cost.realised_bps, 1)
    (19.9, 8.5, 18.4)
    """
    size, volume, volatility = abs(observed_number(X)), observed_number(V), observed_number(sigma)
    outstanding, days = observed_number(theta), observed_number(T_days)
    if not volume > 0.0:
        return AlmgrenCost(None, None, None)
    permanent = temporary = np.nan
    if outstanding > 0.0:
        turnover = (outstanding / volume) ** observed_number(delta)
        permanent = 1e4 * observed_number(gamma) * volatility * (size / volume) * turnover
    if days > 0.0:
        temporary = 1e4 * observed_number(eta) * volatility * (size / (volume * days)) ** observed_number(beta)
    return AlmgrenCost(or_none(permanent), or_none(temporary), or_none(permanent / 2.0 + temporary))


def average_cost_bps(
    size_over_adv: ArrayLike,
    volatility_daily_frac: ArrayLike,
    horizon_sessions: ArrayLike,
    parameters: AlmgrenParameters = ALMGREN_PRIOR,
) -> NDArray[np.float64]:
    """Average cost beyond half of the spread, bps, turnover term 1; see ``members.py`` for what every member promises."""
    size, horizon = np.asarray(size_over_adv, dtype=np.float64), np.asarray(horizon_sessions, dtype=np.float64)
    rate = size / np.where(horizon > 0.0, horizon, np.nan)
    paid = 0.5 * parameters.gamma * size + parameters.eta * rate**parameters.beta
    return 1e4 * np.asarray(volatility_daily_frac, dtype=np.float64) * paid
