"""Margin spiral: a loss that forces sales, whose cost and impact are the next loss.

Brunnermeier and Pedersen (2009), Review of Financial Studies 22(6), call it the loss and margin spiral. Costs and lasting
impact are read from the liquidity surface. Read next: ``cascade.py`` (many accounts on one book).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError, ContractError
from liquidity.impact.surface import immediate_sessions
from liquidity.stress.engine import Condition

__all__ = ["MarginSpiral", "margin_spiral"]

_ROUNDS: Final = 500
_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class MarginSpiral:
    """End of a spiral; money in the base currency.

    Attributes
    ----------
    outcome
        ``no_call``: the margin was enough; ``restored``: sales restored it; ``closed_out``: everything was sold and equity
        is left; ``bankrupt``: everything was sold and equity is below 0.
    sold_frac
        Share of each position that was sold, 0-1, the same for all: the account is cut evenly.
    rounds
        Margin calls that were answered by sales.
    equity_base, required_base
        At the end.
    cost_base, impact_loss_base
        Cost of the sales, and what their lasting impact took from the positions that were kept.
    amplification
        Gross value sold over what would have sufficed without cost and impact; NaN where nothing was sold.
    sold_by_round, equity_by_round
        (rounds,) share sold so far, and equity, after each round.
    """

    outcome: str
    sold_frac: float
    rounds: int
    equity_base: float
    required_base: float
    cost_base: float
    impact_loss_base: float
    amplification: float
    sold_by_round: NDArray[np.float64]
    equity_by_round: NDArray[np.float64]


def margin_spiral(condition: Condition, equity_base: float, margin_frac: NDArray[np.float64]) -> MarginSpiral:
    """Cut a margined account until its equity covers the requirement, paying what the surface says.

    Each round sells the share of all remaining positions whose margin equals the shortfall. Selling costs money and pushes
    the price of what is kept, so the next call follows; each round's share is what would do without that cost, so the
    shares approach the smallest sufficient one from below.

    Parameters
    ----------
    condition
        The account's positions and the surface, after the shock (``StressedPortfolio.after``). Positions without answer on
        the surface are refused: their sale cannot be priced.
    equity_base
        Equity at the prices of ``condition``.
    margin_frac
        (P,) maintenance margin of each position as a share of its gross value, 0 to below 1.

    Raises
    ------
    ConfigError
        A margin outside its range.
    ContractError
        A position whose sale the surface cannot price.
    """
    holdings, surface = condition.holdings, condition.surface
    margin = np.asarray(margin_frac, dtype=np.float64)
    if margin.shape != (len(holdings),) or not ((margin >= 0.0) & (margin < 1.0)).all():
        raise ConfigError(f"margin_spiral: margins {margin.tolist()[:5]}, one per position, 0 to below 1 (frac)")
    gross = np.abs(holdings.value_base)
    held = gross > 0.0
    if np.isnan(holdings.value_base).any() or np.isnan(condition.cost_now_bps[held]).any():
        unpriced = holdings.instrument_id[np.isnan(holdings.value_base) | (held & np.isnan(condition.cost_now_bps))]
        raise ContractError(
            f"margin_spiral: the sale of {list(unpriced[:5])} cannot be priced; leave them out and say so"
        )
    place, side = holdings.place, holdings.side_sign
    chosen = surface.take(place)
    size = np.abs(holdings.quantity * holdings.price)
    now = immediate_sessions(chosen.asset_class)

    def state(sold: float) -> tuple[float, float, float, float]:
        """Equity, requirement, cost of sales and loss on what is kept, with a share sold."""
        estimate = chosen.cost(side, size * sold, now)
        cost = float((np.where(held & (sold > 0.0), estimate.expected_bps, 0.0) * gross * sold).sum() / 1e4)
        # The mean over the order is half of where a linear lasting impact ends.
        lasting = np.where(held & (sold > 0.0), np.minimum(2.0 * estimate.permanent_bps / 1e4, 1.0), 0.0)
        kept = gross * (1.0 - sold)
        impact = float((kept * lasting).sum())
        marked = kept * np.where(side < 0.0, 1.0 - lasting, 1.0 + lasting)
        return equity_base - cost - impact, float((marked * margin).sum()), cost, impact

    sold = 0.0
    shares: list[float] = []
    equities: list[float] = []
    equity, required, cost, impact = state(0.0)
    first_call = required - equity
    suffices = min(first_call / required, 1.0) if required > 0.0 and first_call > 0.0 else 0.0
    while required - equity > _TOLERANCE * max(required, 1e-300) and sold < 1.0 and len(shares) < _ROUNDS:
        step = (1.0 - sold) * (min((required - equity) / required, 1.0) if required > 0.0 else 1.0)
        sold = 1.0 if 1.0 - sold - step < _TOLERANCE else sold + step
        equity, required, cost, impact = state(sold)
        shares.append(sold)
        equities.append(equity)
    if not shares:
        outcome = "no_call"
    elif sold < 1.0:
        outcome = "restored"
    else:
        outcome = "bankrupt" if equity < 0.0 else "closed_out"
    return MarginSpiral(
        outcome=outcome,
        sold_frac=sold,
        rounds=len(shares),
        equity_base=equity,
        required_base=required,
        cost_base=cost,
        impact_loss_base=impact,
        amplification=sold / suffices if suffices > 0.0 else float("nan"),
        sold_by_round=np.array(shares),
        equity_by_round=np.array(equities),
    )
