"""From target weights to trades in lots: what each costs, which need a plan, and over how many sessions they are worked.

A trade never passes its target: it is rounded towards the holding, so what is missing is less than a lot. Read next:
``optimizer.py`` (where targets come from), ``ladder.py`` (the same capacity in a liquidation).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.impact.surface import LiquiditySurface

__all__ = ["MAX_SESSIONS", "Trades", "rebalance_trades"]

MAX_SESSIONS: Final = 20
"""Longest ramp that is offered; a trade that needs more is cut to it, and says so."""
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades of one portfolio, arrays over N instruments; a quantity of 0 is no trade.

    Attributes
    ----------
    quantity
        (N,) signed units: a whole number of lots, or the whole holding when the target is 0.
    value_base, target_value_base
        (N,) signed money of the trade, and of the target.
    adv_frac
        (N,) size over average daily volume; NaN where that is unknown.
    needs_plan
        (N,) whether the trade needs an execution plan: too large a share of daily volume, more than a session, or volume
        unknown.
    sessions
        (N,) sessions over which it is worked at the participation cap; 0 without a trade, NaN where volume is unknown.
    per_session_quantity
        (N,) signed units of every session but the last, which takes the rest.
    expected_cost_bps, p90_cost_bps, expected_cost_base
        (N,) cost on the surface over those sessions; bps of the trade, and money; NaN where the surface has no answer.
    reason
        (N,) object array: why a trade was cut, left out or cannot be scheduled; empty otherwise.
    """

    quantity: NDArray[np.float64]
    value_base: NDArray[np.float64]
    target_value_base: NDArray[np.float64]
    adv_frac: NDArray[np.float64]
    needs_plan: NDArray[np.bool_]
    sessions: NDArray[np.float64]
    per_session_quantity: NDArray[np.float64]
    expected_cost_bps: NDArray[np.float64]
    p90_cost_bps: NDArray[np.float64]
    expected_cost_base: NDArray[np.float64]
    reason: NDArray[np.object_]

    def ramp(self) -> NDArray[np.float64]:
        """(N, S) signed units of each session, S the longest ramp; rows sum to ``quantity`` where they are scheduled."""
        scheduled = np.nan_to_num(self.sessions).astype(np.int64)
        longest = int(scheduled.max(initial=0))
        done = np.minimum(np.arange(1, longest + 1)[None, :], scheduled[:, None])
        ends = np.where(done == scheduled[:, None], self.quantity[:, None], done * self.per_session_quantity[:, None])
        ends[scheduled == 0] = 0.0
        return np.diff(ends, axis=1, prepend=0.0)

    def cash_path_base(self, cash_base: float) -> NDArray[np.float64]:
        """(S,) cash after each session of the ramp, costs left out; below 0 some buying must wait for sales."""
        safe = np.where(self.quantity == 0.0, 1.0, self.quantity)
        paid = self.ramp() * (np.nan_to_num(self.value_base) / safe)[:, None]
        path: NDArray[np.float64] = cash_base - np.cumsum(paid.sum(axis=0))
        return path


def rebalance_trades(
    *,
    quantity: NDArray[np.float64],
    target_weight: NDArray[np.float64],
    price: NDArray[np.float64],
    fx: NDArray[np.float64],
    equity_base: float,
    lot: NDArray[np.float64],
    surface: LiquiditySurface,
    participation_frac: float,
    plan_required_above_adv_frac: float,
) -> Trades:
    """Trades that bring holdings to their targets.

    Parameters
    ----------
    quantity
        (N,) signed units held now.
    target_weight
        (N,) signed shares of equity.
    price, fx
        (N,) price in the instrument's currency, and base currency per unit of that.
    equity_base
        Above 0.
    lot
        (N,) smallest tradable step, units, above 0.
    surface
        The N instruments.
    participation_frac
        Largest share of volume a trade may take in a session, in (0, 1].
    plan_required_above_adv_frac
        Trades above this share of average daily volume need a plan.

    Raises
    ------
    ContractError
        When lengths differ.
    ConfigError
        When equity, a lot or a share is outside its range.
    """
    arrays = {"quantity": quantity, "target_weight": target_weight, "price": price, "fx": fx, "lot": lot}
    wrong = {name: len(array) for name, array in arrays.items() if len(array) != len(surface)}
    if wrong:
        raise ContractError(f"rebalance: {len(surface)} instruments on the surface, but {wrong}")
    if not (equity_base > 0.0 and (lot > 0.0).all() and 0.0 < participation_frac <= 1.0):
        raise ConfigError(
            f"rebalance: equity {equity_base} and lots must be above 0, participation {participation_frac} in (0, 1]"
        )
    worth = price * fx
    priced = np.isfinite(worth) & (worth > 0.0) & np.isfinite(target_weight) & np.isfinite(quantity)
    unit = np.where(priced, worth, 1.0)
    held = np.nan_to_num(quantity)
    wanted = np.nan_to_num(target_weight) * equity_base / unit - held
    trade = np.sign(wanted) * np.floor(np.abs(wanted) / lot + _ROUNDING) * lot
    trade = np.where(target_weight == 0.0, -held, trade)  # a holding is closed whole, odd lots included
    trade = np.where(priced, trade, 0.0)
    reason = np.full(len(trade), "", dtype=object)
    reason[~priced] = "no price, quantity or target: not traded"

    adv_units = np.where(surface.adv_ccy > 0.0, surface.adv_ccy, np.nan) / np.where(priced, price, np.nan)
    # Whole lots a session where the capacity holds one; less than a lot a session is worked as its exact share.
    capacity = participation_frac * adv_units
    capacity = np.where(capacity >= lot, np.floor(capacity / lot + _ROUNDING) * lot, capacity)
    most = capacity * MAX_SESSIONS
    size = np.abs(trade)
    too_long = size > most * (1.0 + _ROUNDING)
    cut = np.floor(most / lot + _ROUNDING) * lot
    for row in np.flatnonzero(too_long):
        needed = int(np.ceil(size[row] / capacity[row]))
        reason[row] = f"needs {needed} sessions, cut to what {MAX_SESSIONS} can take"
    size = np.where(too_long, cut, size)
    trade = np.sign(trade) * size
    some = size > 0.0
    sessions = np.where(some, np.maximum(np.ceil(size / capacity - _ROUNDING), 1.0), 0.0)
    unknown = some & np.isnan(capacity)
    reason[unknown] = "daily volume unknown: cannot be scheduled"
    adv_frac = np.where(some, size / adv_units, 0.0)
    size_ccy = size * np.where(priced, price, 0.0)
    cost = surface.cost(np.sign(trade), size_ccy, np.where(np.nan_to_num(sessions) > 0.0, np.nan_to_num(sessions), 1.0))
    nothing = ~some
    return Trades(
        quantity=trade,
        value_base=np.where(priced, trade * worth, np.nan),
        target_value_base=np.nan_to_num(target_weight) * equity_base,
        adv_frac=adv_frac,
        needs_plan=some & ~((adv_frac <= plan_required_above_adv_frac) & (sessions <= 1.0)),
        sessions=sessions,
        per_session_quantity=np.sign(trade) * np.fmin(np.nan_to_num(capacity, nan=np.inf), size),
        expected_cost_bps=np.where(nothing, np.nan, cost.expected_bps),
        p90_cost_bps=np.where(nothing, np.nan, cost.at(0.9)),
        expected_cost_base=np.where(nothing, 0.0, cost.money(size_ccy) * fx),
        reason=reason,
    )
