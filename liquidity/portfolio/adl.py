"""What a venue does after the liquidation price: partial closes, the backstop, and auto-deleveraging of the winners.

Read first: ``margin_account.py``. Read next: ``leverage_table.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.portfolio.margin_account import CloseRules, MarginAccount, adverse_direction, joint_liquidation

__all__ = ["AdlEffect", "ForcedClose", "adl_effect", "adl_score", "forced_close"]

_MOST_STEPS: Final = 1_000


@dataclass(frozen=True, slots=True)
class ForcedClose:
    """End of a forced close at a standing mark.

    Attributes
    ----------
    outcome
        ``none``: margin was enough; ``restored``: the rest stands; ``closed``: all was closed; ``backstop``: the venue took
        what was left of the position and of its margin.
    closed_frac
        Share of the position that orders closed, 0-1.
    orders, seconds
        Orders sent, and the time that they and their waits took.
    cost_ccy
        Cost of the orders, 0 or more.
    equity_ccy
        Left to the holder; 0 after the backstop.
    """

    outcome: str
    closed_frac: float
    orders: int
    seconds: float
    cost_ccy: float
    equity_ccy: float


def forced_close(
    notional_ccy: float,
    equity_ccy: float,
    maintenance_of: Callable[[float], float],
    cost_ccy_of: Callable[[float], float],
    rules: CloseRules,
) -> ForcedClose:
    """Close a position as the venue does while its mark stands, each order paying its cost.

    Parameters
    ----------
    notional_ccy, equity_ccy
        Value of the position, above 0, and equity behind it.
    maintenance_of
        Maintenance margin of a notional (``MarginTable.maintenance``).
    cost_ccy_of
        Cost of closing a value at once, from the surface.

    Examples
    --------
    >>> rules = CloseRules(partial_above_ccy=100_000.0, partial_frac=0.2, cooldown_s=30.0, backstop_ratio=2 / 3)
    >>> forced_close(1_000_000.0, 9_000.0, lambda n: 0.01 * n, lambda n: 0.001 * n, rules).outcome
    'restored'
    >>> forced_close(1_000_000.0, 6_000.0, lambda n: 0.01 * n, lambda n: 0.001 * n, rules).outcome
    'backstop'
    """
    if not notional_ccy > 0.0 or not 0.0 < rules.partial_frac <= 1.0:
        raise ConfigError(f"forced_close: notional {notional_ccy}, allowed above 0; part {rules.partial_frac}, (0, 1]")
    left, equity, cost, orders, seconds = notional_ccy, equity_ccy, 0.0, 0, 0.0

    def told(outcome: str) -> ForcedClose:
        kept = 0.0 if outcome == "backstop" else equity
        return ForcedClose(outcome, 1.0 - left / notional_ccy, orders, seconds, cost, kept)

    while orders < _MOST_STEPS:
        needed = maintenance_of(left)
        if equity >= needed:
            return told("restored" if orders else "none")
        if equity < rules.backstop_ratio * needed:
            return told("backstop")
        size = left * rules.partial_frac if left > rules.partial_above_ccy else left
        paid = cost_ccy_of(size)
        left, equity, cost, orders = left - size, equity - paid, cost + paid, orders + 1
        if left <= 0.0:
            left = 0.0
            return told("closed")
        seconds += rules.cooldown_s
    return told("closed")


def adl_score(pnl_frac: ArrayLike, effective_leverage: ArrayLike) -> NDArray[np.float64]:
    """Rank for auto-deleveraging, highest first: profit over entry value times effective leverage, of losers over it.

    Parameters
    ----------
    pnl_frac
        Unrealised profit over the value at entry.
    effective_leverage
        Notional over the equity behind it, above 0; NaN gives NaN.

    Notes
    -----
    Winners with high leverage are closed first; among losers, who come last, the highly levered before the others.
    """
    gain, leverage = (np.asarray(values, dtype=np.float64) for values in (pnl_frac, effective_leverage))
    known = np.where(leverage > 0.0, leverage, np.nan)
    return np.where(gain > 0.0, gain * known, gain / known)


@dataclass(frozen=True, slots=True)
class AdlEffect:
    """Standard deviations to liquidation along the adverse direction, before and after a leg is taken, and the equity then."""

    sigmas_before: float
    sigmas_after: float
    equity_after: float


def adl_effect(account: MarginAccount, place: int, price: float, covariance: ArrayLike) -> AdlEffect:
    """Take a hedge leg away at the bankruptcy price of its counterparty and ask again how far liquidation is.

    Parameters
    ----------
    place
        Position that is deleveraged.
    price
        Bankruptcy price of the counterparty, above 0; the mark where it is unknown.
    covariance
        (P, P) of daily returns, as in :func:`adverse_direction`; each account is asked along its own adverse direction.
    """
    if not price > 0.0 or not 0 <= place < len(account):
        raise ConfigError(f"adl_effect: price {price}, allowed above 0; place {place}, allowed 0 to {len(account) - 1}")
    matrix = np.asarray(covariance, dtype=np.float64)
    left = account.without(place, price)
    kept = np.flatnonzero(np.arange(len(account)) != place)
    before = joint_liquidation(account, adverse_direction(account, matrix))
    after = joint_liquidation(left, adverse_direction(left, matrix[np.ix_(kept, kept)]))
    return AdlEffect(before.shock, after.shock, left.equity)
