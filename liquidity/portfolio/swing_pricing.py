"""Who bears the cost of a redemption: dilution of those who stay, and the swing factor that makes the leavers pay.

The cost is the surface's cost of selling (or of buying, for subscriptions) slices or the most liquid first. With the full
factor on the price, the net asset value per unit of those who stay is what it was. Read next: ``redemption_coverage.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.ladder import on_surface
from liquidity.portfolio.liquidation import saleable_frac
from liquidity.portfolio.redemption_coverage import sale_haircut, sale_value

__all__ = ["Dilution", "Side", "SwingRules", "UnitAccount", "dilution", "settle_units", "trade_cost"]

Side = Literal["redemption", "subscription"]
SaleWay = Literal["slicing", "waterfall"]

_STEPS: Final = 100
_TOLERANCE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class SwingRules:
    """Partial swing: above which net flow (share of net asset value) the price swings, and by how much at most (bps)."""

    threshold_frac: float = 0.01
    largest_bps: float = 300.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.threshold_frac <= 1.0 and self.largest_bps >= 0.0):
            raise ConfigError(
                f"swing rules: threshold {self.threshold_frac} (0 to 1), largest factor {self.largest_bps} bps (0 or more)"
            )


@dataclass(frozen=True, slots=True)
class Dilution:
    """What one net flow costs those who stay; NaN where a traded position has no cost.

    Attributes
    ----------
    cost_base
        Cost of trading for the flow when the full factor is applied (what is traded is then worth the flow).
    full_factor_bps
        That cost over the flow: the factor at which those who stay lose nothing.
    factor_bps
        Factor applied under the rules: 0 at or below the threshold, at most the largest.
    unswung_bps, swung_bps
        Loss of net asset value per unit of those who stay without a factor, and with ``factor_bps``.
    swung
        Whether the flow is above the threshold.
    traded_frac
        (P,) share of each position traded for the flow.
    unmet_frac
        Share of the flow that the positions cannot raise.
    """

    cost_base: float
    full_factor_bps: float
    factor_bps: float
    unswung_bps: float
    swung_bps: float
    swung: bool
    traded_frac: NDArray[np.float64]
    unmet_frac: float


@dataclass(frozen=True, slots=True)
class UnitAccount:
    """A fund after a flow: net asset value and units left, and the value of one of them."""

    nav_base: float
    units: float

    @property
    def per_unit(self) -> float:
        """Net asset value per unit; NaN without units."""
        return self.nav_base / self.units if self.units > 0.0 else float("nan")


def trade_cost(
    held: Holdings,
    surface: LiquiditySurface,
    amount_base: float,
    participation: float,
    *,
    side: Side = "redemption",
    way: SaleWay = "slicing",
    horizon_sessions: float = 5.0,
) -> tuple[float, NDArray[np.float64], float]:
    """Cost of trading an amount of the portfolio.

    Parameters
    ----------
    amount_base
        Value traded, at least 0, before costs.
    side
        A redemption sells, a subscription buys more of the same.
    way
        ``slicing``: one share of everything, cash included. ``waterfall`` (redemptions): cash first, then the cheapest of
        what can be sold within the horizon.
    horizon_sessions
        Each position is traded over this time, or longer where its volume at the participation asks for it.

    Returns
    -------
    tuple
        Cost (NaN where a traded position has none), share of each position traded (P,), and the share of the amount that
        could not be traded.
    """
    if not amount_base >= 0.0:
        raise ConfigError(f"trade cost: amount {amount_base}, allowed 0 or more")
    if side == "subscription" and way == "waterfall":
        raise ConfigError("trade cost: a subscription buys slices; waterfall is a way to sell")
    value = np.nan_to_num(sale_value(held))
    size, adv = np.abs(held.quantity * held.price), on_surface(surface.adv_ccy, held)
    cash = max(held.cash_base, 0.0)
    total = float(value.sum()) + cash
    if way == "slicing":
        share = min(amount_base / total, 1.0) if total > 0.0 else 0.0
        if side == "subscription":
            share = amount_base / total if total > 0.0 else 0.0
        traded = np.where(value > 0.0, share, 0.0)
        raised = share * total
    else:
        capacity = saleable_frac(size, adv, participation, [horizon_sessions])[:, 0]
        traded, raised = _cheapest_first(held, surface, value, capacity, cash, amount_base, horizon_sessions)
    needed = np.full(len(held), np.nan)
    np.divide(traded * size, participation * adv, out=needed, where=adv > 0.0)
    sessions = np.fmax(needed, horizon_sessions)
    if side == "subscription":
        haircut = _buying_cost(held, surface, traded, sessions)
    else:
        haircut = sale_haircut(held, surface, traded, sessions)
    cost = np.where(traded == 0.0, 0.0, traded * value * haircut)
    unmet = 1.0 - raised / amount_base if amount_base > 0.0 else 0.0
    return float(cost.sum()), traded, max(unmet, 0.0)


def dilution(
    held: Holdings,
    surface: LiquiditySurface,
    flow_base: float,
    participation: float,
    rules: SwingRules | None = None,
    *,
    side: Side = "redemption",
    way: SaleWay = "slicing",
    horizon_sessions: float = 5.0,
) -> Dilution:
    """Cost of a net flow to those who stay, unswung and swung.

    Notes
    -----
    The flow is the value of the units at the unswung price. Redeeming units worth R at a price lowered by s pays R (1 - s),
    for which assets worth R (1 - s) + C must be sold at a cost of C; with s = C(R) / R exactly R is sold: the full factor.
    Without a factor the sale must bring R after costs: more than R is sold and those who stay lose its cost. Subscriptions
    mirror this: units worth R cost R (1 + s), and what is bought plus its cost is the money paid in.
    """
    rules = rules or SwingRules()
    net = held.equity_base
    if not (net > 0.0 and flow_base >= 0.0 and (side == "subscription" or flow_base < net)):
        raise ConfigError(
            f"dilution of {held.portfolio_id}: flow {flow_base:.6g} of net assets {net:.6g}; allowed 0 to below net assets"
        )

    def cost_of(amount: float) -> tuple[float, NDArray[np.float64], float]:
        return trade_cost(held, surface, amount, participation, side=side, way=way, horizon_sessions=horizon_sessions)

    full, traded, unmet = cost_of(flow_base)
    swung = flow_base > rules.threshold_frac * net
    full_bps = 1e4 * full / flow_base if flow_base > 0.0 else 0.0
    factor = float(np.minimum(full_bps, rules.largest_bps)) if swung else 0.0

    sharing = net - flow_base if side == "redemption" else net + flow_base

    def loss_bps(factor_bps: float) -> float:
        if not np.isfinite(factor_bps + full):
            return float("nan")
        kept = flow_base * factor_bps / 1e4
        money = flow_base - kept if side == "redemption" else flow_base + kept
        return 1e4 * (_cost_for_money(cost_of, money, side, full) - kept) / sharing

    unswung = loss_bps(0.0)
    return Dilution(
        cost_base=full,
        full_factor_bps=full_bps,
        factor_bps=factor,
        unswung_bps=unswung,
        swung_bps=loss_bps(factor) if factor else unswung,
        swung=bool(swung),
        traded_frac=traded,
        unmet_frac=unmet,
    )


def settle_units(
    nav_base: float, units: float, flow_base: float, factor_bps: float, cost_base: float, side: Side
) -> UnitAccount:
    """Account for one flow in units: what is paid, what trading cost, what is left.

    Parameters
    ----------
    flow_base
        Value of the units at the unswung price.
    factor_bps
        Lowers the price of units redeemed, raises that of units subscribed.
    cost_base
        Cost of the trades.
    """
    moved = flow_base / (nav_base / units)
    swing = factor_bps / 1e4
    if side == "redemption":
        return UnitAccount(nav_base - flow_base * (1.0 - swing) - cost_base, units - moved)
    return UnitAccount(nav_base + flow_base * (1.0 + swing) - cost_base, units + moved)


def _cost_for_money(
    cost_of: Callable[[float], tuple[float, NDArray[np.float64], float]], money: float, side: Side, first: float
) -> float:
    """Cost of the trades that raise (or spend) exactly ``money``, cost included; NaN where it is unknown.

    Fixed point of amount = money + cost (selling) or money - cost (buying), from a first guess of the cost: it rises by far
    less than the amount.
    """
    sign = 1.0 if side == "redemption" else -1.0
    cost = first
    for _ in range(_STEPS):
        found = cost_of(max(money + sign * cost, 0.0))[0]
        if not np.isfinite(found) or abs(found - cost) <= _TOLERANCE * max(money, 1.0):
            return found
        cost = found
    return float("nan")


def _cheapest_first(
    held: Holdings,
    surface: LiquiditySurface,
    value: NDArray[np.float64],
    capacity: NDArray[np.float64],
    cash: float,
    amount: float,
    horizon: float,
) -> tuple[NDArray[np.float64], float]:
    """Share of each position sold when cash goes first and then what costs least per unit of money."""
    sessions = np.full(len(held), horizon)
    haircut = sale_haircut(held, surface, capacity, sessions)
    able = np.where(np.isfinite(haircut), value * capacity, 0.0)
    order = np.argsort(np.where(np.isfinite(haircut), haircut, np.inf), kind="stable")
    rest = max(amount - cash, 0.0)
    before = np.concatenate([[0.0], np.cumsum(able[order])[:-1]])
    taken = np.empty(len(held))
    taken[order] = np.clip(rest - before, 0.0, able[order])
    traded = np.divide(taken, value, out=np.zeros(len(held)), where=value > 0.0)
    return traded, min(amount, cash) + float(taken.sum())


def _buying_cost(
    held: Holdings, surface: LiquiditySurface, share: NDArray[np.float64], sessions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(P,) expected cost of buying ``share`` of each position more, fraction."""
    out = np.full(len(held), np.nan)
    known = np.flatnonzero(held.known)
    if len(known):
        size = np.abs(held.quantity * held.price)[known] * share[known]
        out[known] = surface.take(held.place[known]).cost(1.0, size, sessions[known]).expected_bps / 1e4
    return np.where(share == 0.0, 0.0, out)
