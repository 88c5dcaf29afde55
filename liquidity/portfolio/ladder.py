"""The liquidation ladder: how much of a portfolio is sold and paid for after each session, and at what cost.

Times are size over participation times ADV, costs are :meth:`LiquiditySurface.cost` of what is sold over the time it
takes; nothing else enters, so the ladder of a portfolio is the sum of the ladders of its positions. Read next:
``limits.py`` (what is asked of a ladder), ``liquidation.py`` (the shares).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.liquidation import saleable_frac
from liquidity.portfolio.policy import LADDER_SESSIONS

__all__ = ["APPROACHES", "Ladder", "Sales", "ladder", "on_surface", "sales", "sold_frac"]

APPROACHES: Final = ("waterfall", "pro_rata", "mixed")
"""Ways to sell: everything as fast as its market takes it; the same share of every position; the same share of what
can be sold in time."""

_PERPETUAL: Final = "crypto_perp"


@dataclass(frozen=True, slots=True)
class Sales:
    """What is sold by H horizons of P positions, in the portfolio's base currency.

    Attributes
    ----------
    horizon_sessions
        (H,).
    gross_base
        Absolute value of all positions that have one.
    sold_base
        (P, H) absolute value sold by then; NaN for a position without value.
    """

    horizon_sessions: NDArray[np.float64]
    gross_base: float
    sold_base: NDArray[np.float64]

    @property
    def sold_frac(self) -> NDArray[np.float64]:
        """(H,) share of the portfolio's value sold, at most 1; NaN for a portfolio without value."""
        total: NDArray[np.float64] = np.nansum(self.sold_base, axis=0)
        # Shares of positions add up to 1 within rounding only.
        return np.minimum(total / (self.gross_base if self.gross_base > 0.0 else np.nan), 1.0)

    def first_session(self, share: float) -> float:
        """First horizon by which ``share`` of the value is sold; NaN when none of them."""
        reached = np.flatnonzero(self.sold_frac >= share * (1.0 - 1e-12))
        return float(self.horizon_sessions[reached[0]]) if len(reached) else float("nan")


@dataclass(frozen=True, slots=True)
class Ladder(Sales):
    """Sales with their cost and the money they bring.

    Attributes
    ----------
    cost_base
        (P, H) expected cost of selling that much in that time; NaN where the surface has no cost and something is sold.
    cash_base
        (P, H) money received by then: after settlement, net of cost. Buying back a short costs money; closing a
        perpetual moves its cost alone, its gain is equity already. Where the cost is unknown no money is counted.
    """

    cost_base: NDArray[np.float64]
    cash_base: NDArray[np.float64]

    @property
    def cost_bps(self) -> NDArray[np.float64]:
        """(H,) cost over the value sold of the positions that have a cost; NaN while nothing is sold."""
        priced = np.where(np.isfinite(self.cost_base), self.sold_base, 0.0)
        sold = np.nansum(priced, axis=0)
        out = np.full(len(sold), np.nan)
        np.divide(1e4 * np.nansum(self.cost_base, axis=0), sold, out=out, where=sold > 0.0)
        return out

    @property
    def uncosted_frac(self) -> NDArray[np.float64]:
        """(H,) share of the value that is sold without a known cost."""
        without: NDArray[np.float64] = np.where(np.isnan(self.cost_base), self.sold_base, 0.0)
        total = np.nansum(without, axis=0)
        return np.asarray(total / (self.gross_base if self.gross_base > 0.0 else np.nan))


def on_surface(values: NDArray[np.float64], held: Holdings) -> NDArray[np.float64]:
    """Values of the surface (N,) at the positions (P,); NaN for those it does not know."""
    out = np.full(len(held), np.nan)
    known = held.place >= 0
    out[known] = values[held.place[known]]
    return out


def sold_frac(
    held: Holdings,
    surface: LiquiditySurface,
    approach: str,
    horizons: NDArray[np.float64],
    participation: float,
    mixed_sessions: float = 10.0,
) -> NDArray[np.float64]:
    """Share of each position that is sold within each horizon.

    Parameters
    ----------
    held, surface
        P positions and the surface their ``place`` points at.
    approach
        ``waterfall``: each position as fast as the participation allows, the most liquid done first.
        ``pro_rata``: one share of every position, set by the slowest; 0 while one cannot be sold at all.
        ``mixed``: one share of every position's part that can be sold within ``mixed_sessions``, so that what the market
        takes in time goes evenly and one that never sells does not stop the rest.
    horizons
        (H,) sessions above 0.
    participation
        Share of the market's volume, above 0 to 1.

    Returns
    -------
    NDArray
        (P, H), 0 to 1, non-decreasing in the horizon; 0 for a position without value.
    """
    size = np.abs(held.quantity * held.price)
    adv = on_surface(surface.adv_ccy, held)
    alone = saleable_frac(size, adv, participation, horizons)
    if approach == "waterfall":
        return alone
    moving = np.isfinite(size) & (size > 0.0)
    if approach == "pro_rata":
        slowest = alone[moving].min(axis=0, initial=1.0)
        return np.where(np.isfinite(size)[:, None], slowest[None, :], 0.0)
    if approach == "mixed":
        part = saleable_frac(size, adv, participation, [mixed_sessions])
        sells = moving & (part[:, 0] > 0.0)
        slowest = np.minimum(alone[sells] / part[sells], 1.0).min(axis=0, initial=1.0)
        return np.where(np.isfinite(size)[:, None], part * slowest[None, :], 0.0)
    raise ConfigError(f"ladder: approach {approach!r}; allowed: {', '.join(APPROACHES)}")


def ladder(
    held: Holdings,
    surface: LiquiditySurface,
    approach: str,
    participation: float,
    *,
    horizons: NDArray[np.float64] | None = None,
    mixed_sessions: float = 10.0,
) -> Ladder:
    """Liquidate a portfolio step by step.

    Parameters
    ----------
    surface
        Calm or stressed; the same rows that ``held.place`` points at.
    participation
        Share of the market's volume, above 0 to 1.
    horizons
        (H,) whole sessions; by default 1 to 20.
    """
    steps = np.arange(1.0, LADDER_SESSIONS + 1.0) if horizons is None else np.asarray(horizons, dtype=np.float64)
    share = sold_frac(held, surface, approach, steps, participation, mixed_sessions)
    sold = _sales(held, steps, share)
    bps = np.full(share.shape, np.nan)
    known = np.flatnonzero(held.place >= 0)
    if len(known):
        size = np.abs(held.quantity * held.price)[known, None] * share[known]
        priced = surface.take(held.place[known])
        bps[known] = priced.cost(held.side_sign[known], np.nan_to_num(size), steps[None, :]).expected_bps
    cost = np.where(sold.sold_base == 0.0, 0.0, sold.sold_base * bps / 1e4)
    paid_after = np.maximum(steps[None, :] - held.settlement_days[:, None], 0.0)
    paid = _settled(share, steps, paid_after, held, surface, approach, participation, mixed_sessions)
    flow = np.where(held.asset_class == _PERPETUAL, 0.0, -held.side_sign)[:, None]
    cash = np.abs(held.value_base)[:, None] * paid * (flow - bps / 1e4)
    cash = np.where(np.isfinite(cash), cash, 0.0)
    return Ladder(steps, sold.gross_base, sold.sold_base, cost, cash)


def sales(
    held: Holdings,
    surface: LiquiditySurface,
    approach: str,
    participation: float,
    horizons: NDArray[np.float64],
    mixed_sessions: float = 10.0,
) -> Sales:
    """What :func:`ladder` sells, without asking for its cost."""
    return _sales(held, horizons, sold_frac(held, surface, approach, horizons, participation, mixed_sessions))


def _sales(held: Holdings, steps: NDArray[np.float64], share: NDArray[np.float64]) -> Sales:
    value = np.abs(held.value_base)
    return Sales(steps, float(np.nansum(value)), value[:, None] * share)


def _settled(
    share: NDArray[np.float64],
    steps: NDArray[np.float64],
    paid_after: NDArray[np.float64],
    held: Holdings,
    surface: LiquiditySurface,
    approach: str,
    participation: float,
    mixed_sessions: float,
) -> NDArray[np.float64]:
    """Share sold at each position's own earlier time: of the sales so far, those that have settled."""
    times = np.unique(paid_after)
    if len(times) == len(steps) and (times == steps).all():
        return share
    by_time = np.zeros((len(held), len(times)))
    later = times > 0.0
    by_time[:, later] = sold_frac(held, surface, approach, times[later], participation, mixed_sessions)
    place = np.searchsorted(times, paid_after)
    return np.take_along_axis(by_time, place, axis=1)
