"""A margin account that shares its equity over positions, and the prices at which it is liquidated.

Maintenance is counted in the venue's brackets (``liquidity/derivatives/margin_tiers.py``); one position's liquidation
price is the venue's own formula with the others at their marks, a joint one moves all of them at once. Read next:
``liquidation_risk.py`` (how near that is).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.derivatives.liquidation_price import binance_liq
from liquidity.derivatives.margin_tiers import checked_tiers
from liquidity.domain.errors import ConfigError, ContractError
from liquidity.domain.market_data import LeverageTier

__all__ = ["CloseRules", "JointLiquidation", "MarginAccount", "MarginTable", "adverse_direction", "joint_liquidation"]

_LEAST_MOVE = 1e-12  # return per unit of shock; what moves less stands still
_FURTHEST = 1e9  # times a mark may move: no answer lies beyond
_BRACKET_GUARD = 1e-9  # relative, of a bracket's edge: the price of a notional on it carries rounding


@dataclass(frozen=True, slots=True)
class CloseRules:
    """How a venue closes a position whose margin is gone.

    Attributes
    ----------
    partial_above_ccy
        Positions above this value are closed in parts; smaller ones at once.
    partial_frac
        Part of the position that one order closes.
    cooldown_s
        Wait after a partial close.
    backstop_ratio
        Equity below this share of maintenance hands the position to the venue's backstop, with what margin is left.
    """

    partial_above_ccy: float
    partial_frac: float
    cooldown_s: float
    backstop_ratio: float


@dataclass(frozen=True, slots=True)
class MarginTable:
    """Brackets of one market and where they come from.

    Attributes
    ----------
    tiers
        Brackets of the notional, from 0 up, joined.
    basis
        ``published`` by the venue, or ``demo``: invented for a simulated one.
    as_of
        Day the brackets were valid; venues change them often.
    close
        How the venue closes what is liquidated; ``None`` where it does not tell.
    """

    tiers: tuple[LeverageTier, ...]
    basis: str
    as_of: date
    close: CloseRules | None = None

    def __post_init__(self) -> None:
        checked_tiers(self.tiers)

    def maintenance(self, notional: ArrayLike) -> NDArray[np.float64]:
        """Maintenance margin of notionals (0 or more), same unit; above the last cap the last bracket goes on.

        Examples
        --------
        >>> table = MarginTable((LeverageTier(0, 5e4, 0.004, 125), LeverageTier(5e4, 1e6, 0.005, 100)), "demo", date.min)
        >>> table.maintenance([0.0, 5e4, 1e5]).round(6).tolist()
        [0.0, 200.0, 450.0]
        """
        at = np.asarray(notional, dtype=np.float64)
        joined = checked_tiers(self.tiers)
        place = np.minimum(np.searchsorted([tier.cap_quote for tier, _ in joined], at), len(joined) - 1)
        rate = np.array([tier.maintenance_frac for tier, _ in joined])
        cum = np.array([amount for _, amount in joined])
        owed: NDArray[np.float64] = at * rate[place] - cum[place]
        return owed

    def tier(self, notional: float) -> LeverageTier:
        """Bracket of a notional; above the last cap the last one."""
        ordered = [tier for tier, _ in checked_tiers(self.tiers)]
        return next((tier for tier in ordered if notional <= tier.cap_quote), ordered[-1])


@dataclass(frozen=True, slots=True, eq=False)
class MarginAccount:
    """Positions that are margined together in one currency.

    Attributes
    ----------
    equity
        Wallet plus unrealised profit at the marks, currency of the account; may be negative.
    quantity, mark
        (P,) signed base units, not 0, and mark prices above 0.
    tables
        Margin table of each position.
    """

    equity: float
    quantity: NDArray[np.float64]
    mark: NDArray[np.float64]
    tables: tuple[MarginTable, ...]

    def __post_init__(self) -> None:
        if not len(self.quantity) == len(self.mark) == len(self.tables):
            raise ContractError(
                f"margin account: {len(self.quantity)} quantities, {len(self.mark)} marks, {len(self.tables)} tables"
            )
        sound = np.isfinite(self.quantity).all() and (self.mark > 0.0).all() and np.isfinite(self.mark).all()
        if not (sound and math.isfinite(self.equity)):
            raise ContractError(
                "margin account: equity and quantities must be finite and marks above 0; leave out what has no mark, and say so"
            )

    def __len__(self) -> int:
        return len(self.quantity)

    @property
    def notional(self) -> NDArray[np.float64]:
        """(P,) value of each position at its mark, 0 or more."""
        return np.abs(self.quantity) * self.mark

    def maintenance(self, price: ArrayLike | None = None) -> NDArray[np.float64]:
        """Maintenance margin of each position: (P,) at the marks, or (..., P) at ``price``."""
        at = self.mark if price is None else np.asarray(price, dtype=np.float64)
        notional = np.abs(self.quantity) * at
        owed = np.empty_like(notional)
        for place, table in enumerate(self.tables):
            owed[..., place] = table.maintenance(notional[..., place])
        return owed

    def excess(self, price: ArrayLike | None = None) -> NDArray[np.float64]:
        """Equity less maintenance at ``price`` (..., P); liquidation begins where it reaches 0."""
        at = self.mark if price is None else np.asarray(price, dtype=np.float64)
        free: NDArray[np.float64] = self.equity + ((at - self.mark) * self.quantity - self.maintenance(at)).sum(axis=-1)
        return free

    def liquidation_prices(self) -> NDArray[np.float64]:
        """(P,) price of each position at which the account is liquidated while all other marks stand; NaN where none.

        The venues' formula for cross margin in the bracket that holds the notional at that price. An account that is
        below its maintenance already has its price on the winning side of the mark.
        """
        owed = self.maintenance()
        found = np.full(len(self), np.nan)
        for place, table in enumerate(self.tables):
            size = abs(float(self.quantity[place]))
            others = float(owed.sum() - owed[place])
            joined = checked_tiers(table.tiers)
            for tier, cum in joined:
                # Told about the mark: there the wallet is the equity and no profit is open.
                price = binance_liq(
                    1 if self.quantity[place] > 0.0 else -1,
                    self.equity,
                    others,
                    0.0,
                    cum,
                    size,
                    float(self.mark[place]),
                    tier.maintenance_frac,
                ).price
                cap = math.inf if tier is joined[-1][0] else tier.cap_quote
                if price is not None and (
                    tier.floor_quote * (1.0 - _BRACKET_GUARD) <= price * size <= cap * (1.0 + _BRACKET_GUARD)
                ):
                    found[place] = price
                    break
        return found

    def without(self, place: int, price: float) -> "MarginAccount":
        """The account after one position is closed at ``price``: its profit or loss against the mark is booked."""
        kept = np.arange(len(self)) != place
        booked = float((price - self.mark[place]) * self.quantity[place])
        tables = tuple(table for at, table in enumerate(self.tables) if at != place)
        return replace(
            self, equity=self.equity + booked, quantity=self.quantity[kept], mark=self.mark[kept], tables=tables
        )


@dataclass(frozen=True, slots=True, eq=False)
class JointLiquidation:
    """Where an account is liquidated along a direction.

    Attributes
    ----------
    shock
        Multiple of the direction, 0 or more: 0 is liquidatable now, infinite is never.
    price
        (P,) marks there; NaN where the shock is infinite.
    """

    shock: float
    price: NDArray[np.float64]


def joint_liquidation(account: MarginAccount, direction: ArrayLike) -> JointLiquidation:
    """Smallest multiple of a joint move at which equity has fallen to the sum of maintenance margins.

    Parameters
    ----------
    direction
        (P,) or one for all: return of each mark per unit of shock, fraction (-1 for "all fall alike", betas, or one
        standard deviation each). No price falls below 0.

    Notes
    -----
    Equity and maintenance are linear in the shock between the points where a notional crosses a bracket or a price
    reaches 0. These are all visited, so the answer is exact and is the first crossing.

    Examples
    --------
    >>> table = MarginTable((LeverageTier(0.0, 1e9, 0.005, 100.0),), "demo", date.min)
    >>> book = MarginAccount(20.0, np.array([1.0]), np.array([100.0]), (table,))
    >>> round(joint_liquidation(book, -1.0).shock, 6)
    0.19598
    """
    move = np.broadcast_to(np.asarray(direction, dtype=np.float64), (len(account),))
    if not np.isfinite(move).all():
        raise ConfigError(
            "joint_liquidation: the direction must be finite; leave positions without one out, and say so"
        )
    reach = float(np.abs(move).max(initial=0.0))
    if float(account.excess()) <= 0.0:
        return JointLiquidation(0.0, account.mark.copy())
    if reach < _LEAST_MOVE:
        return JointLiquidation(math.inf, np.full(len(account), np.nan))

    def prices(shock: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(account.mark * (1.0 + shock[:, None] * move), 0.0)

    knots = _knots(account, move)
    free = account.excess(prices(knots))
    below = np.flatnonzero(free <= 0.0)
    if len(below):
        last = int(below[0])
        share = free[last - 1] / (free[last - 1] - free[last])
        shock = float(knots[last - 1] + share * (knots[last] - knots[last - 1]))
    else:
        # Behind the last bend the excess is a straight line; what rounding leaves of equal slopes is no way down.
        step = 1.0 / reach
        fall = float(free[-1] - account.excess(prices(knots[-1:] + step))[0])
        flat = 1e-12 * float(account.notional.sum() + abs(free[-1]))
        shock = float(knots[-1] + step * free[-1] / fall) if fall > flat else math.inf
    if math.isinf(shock):
        return JointLiquidation(shock, np.full(len(account), np.nan))
    return JointLiquidation(shock, prices(np.array([shock]))[0])


def adverse_direction(account: MarginAccount, covariance: ArrayLike) -> NDArray[np.float64]:
    """The joint move that wears margin down with the fewest standard deviations: where liquidation is likeliest.

    Parameters
    ----------
    covariance
        (P, P) of daily returns, positive semi-definite.

    Returns
    -------
    NDArray[np.float64]
        (P,) returns per standard deviation of the account's margin excess: -C g / sqrt(g' C g), with g what the excess gains per
        unit of return at the marks. All 0 where the excess does not vary.

    Notes
    -----
    Along it :func:`joint_liquidation` counts in standard deviations. The design point of first-order reliability
    (Hasofer and Lind 1974, Journal of the Engineering Mechanics Division 100), with g taken at the marks.
    """
    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.shape != (len(account), len(account)) or not np.isfinite(matrix).all():
        raise ConfigError(f"adverse_direction: covariance {matrix.shape}, allowed ({len(account)},) twice and finite")
    rate = np.array([table.tier(float(n)).maintenance_frac for table, n in _paired(account)])
    gain = account.quantity * account.mark - account.notional * rate
    along = matrix @ gain
    variance = float(gain @ along)
    return -along / math.sqrt(variance) if variance > 0.0 else np.zeros(len(account))


def _paired(account: MarginAccount) -> Sequence[tuple[MarginTable, float]]:
    return list(zip(account.tables, account.notional.tolist(), strict=True))


def _knots(account: MarginAccount, move: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shocks of 0 and more where the slope of the excess may change, ascending, 0 first."""
    found, furthest = [0.0], _FURTHEST / float(np.abs(move).max())
    for place, (table, notional) in enumerate(_paired(account)):
        if abs(move[place]) * furthest < 1.0 or notional == 0.0:
            continue
        edges = [0.0, *(tier.cap_quote for tier in table.tiers if math.isfinite(tier.cap_quote))]
        found += [(edge / notional - 1.0) / float(move[place]) for edge in edges]
    knots = np.unique(np.array(found))
    return knots[(knots >= 0.0) & (knots <= furthest)]
