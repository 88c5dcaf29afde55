"""Can a fund pay: what can be turned into money within the notice period, over what is redeemed.

Two ways to sell, told side by side: the waterfall sells what is most liquid and leaves the remaining holders with the rest;
slicing sells the same share of everything and is fair to all. Haircuts are costs of the surface. Read next:
``swing_pricing.py`` (who bears the cost), ``redemption_at_risk.py`` (how much may be redeemed).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liquidity.domain.errors import ConfigError
from liquidity.domain.observation import or_none
from liquidity.impact.surface import LiquiditySurface
from liquidity.portfolio.holdings import Holdings
from liquidity.portfolio.ladder import on_surface
from liquidity.portfolio.liquidation import saleable_frac

__all__ = [
    "Coverage",
    "RedemptionAssets",
    "assets_of_holdings",
    "rcr",
    "redemption_coverage",
    "sale_haircut",
    "sale_value",
    "sellable",
    "selling_sessions",
]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Money from both ways of selling over a redemption; ratios are ``None`` where nothing is redeemed."""

    usable_waterfall: float | None
    usable_pro_rata: float | None
    rcr_waterfall: float | None
    rcr_pro_rata: float | None
    shortfall_waterfall: float | None


@dataclass(frozen=True, slots=True)
class RedemptionAssets:
    """What a fund could sell within one horizon; arrays (A,), cash is one of them.

    Attributes
    ----------
    value
        Money, at least 0; NaN where unknown.
    sold_frac
        Share that is sold and paid within the horizon, 0 to 1.
    haircut_frac
        Cost of selling that share, 0 to 1; NaN where the surface has none: that asset brings nothing.
    owed
        Money that must be repaid before holders are paid, at least 0: an overdraft.
    """

    value: NDArray[np.float64]
    sold_frac: NDArray[np.float64]
    haircut_frac: NDArray[np.float64]
    owed: float = 0.0


def rcr(
    assets: Sequence[Sequence[float | None]], participation: float, days: float, redemption: float | None
) -> Coverage:
    """Redemption coverage ratio from values, volumes and haircuts.

    traded_i = min(value_i, participation * ADV_i * days); the waterfall brings the sum of traded_i (1 - haircut_i),
    slicing f * sum value_i (1 - haircut_i) with f the smallest traded_i / value_i.

    Parameters
    ----------
    assets
        Triples of value, average daily volume and haircut (fraction) in one currency; volume ``None``: cash, all of it is
        there at once.
    participation
        Share of volume, above 0 to 1.
    days
        Sessions until the redemption must be paid, at least 0.
    redemption
        Money; ``None`` is missing.

    Returns
    -------
    Coverage
        An asset without a value leaves the sums unknown (``None``).

    References
    ----------
    ESMA, Stress simulation for investment funds (2019); Guidelines on liquidity stress testing, ESMA34-39-897.

    Examples
    --------
    >>> rcr([[1e6, None, 0.0], [9e6, 1e5, 0.1]], 0.1, 1, 3e6).rcr_waterfall
    0.3363333333333333
    """
    if not days >= 0.0:
        raise ConfigError(f"redemption coverage: {days} days, allowed 0 or more")
    table = np.array([list(row) for row in assets], dtype=np.float64).reshape(-1, 3)
    value, volume, haircut = table.T
    # None is cash; a volume that is there but unknown cannot be written in this form.
    sold = np.where(np.isnan(volume), 1.0, saleable_frac(value, volume, participation, [days])[:, 0])
    if np.isnan(value).any() or np.isnan(haircut).any():
        return Coverage(None, None, None, None, None)
    return redemption_coverage(RedemptionAssets(value, sold, haircut), redemption)


def redemption_coverage(assets: RedemptionAssets, redemption: float | None) -> Coverage:
    """Hold what can be sold against a redemption.

    Assets without a value are left out of both sums. In slicing an asset that cannot be sold stops everything; assets
    without a cost bring nothing.

    Raises
    ------
    ConfigError
        A negative value or redemption, or a haircut outside 0 to 1.
    """
    known = np.isfinite(assets.value)
    value, sold, haircut = assets.value[known], assets.sold_frac[known], assets.haircut_frac[known]
    if (value < 0.0).any() or ((haircut < 0.0) | (haircut > 1.0)).any():
        raise ConfigError("redemption coverage: values at least 0 and haircuts 0 to 1 (fraction) are allowed")
    if redemption is not None and redemption < 0.0:
        raise ConfigError(
            f"redemption coverage: redemption {redemption}, allowed 0 or more; it is an amount, not a flow"
        )
    kept = np.where(np.isnan(haircut), 0.0, 1.0 - haircut)
    waterfall = max(float((value * sold * kept).sum()) - assets.owed, 0.0)
    held = value > 0.0
    share = float(sold[held].min()) if held.any() else 0.0
    pro_rata = max(share * float((value * kept).sum()) - assets.owed, 0.0)
    if redemption is None or np.isnan(redemption):
        return Coverage(waterfall, pro_rata, None, None, None)
    return Coverage(
        waterfall,
        pro_rata,
        or_none(waterfall / redemption) if redemption > 0.0 else None,
        or_none(pro_rata / redemption) if redemption > 0.0 else None,
        max(0.0, redemption - waterfall),
    )


def assets_of_holdings(
    held: Holdings, surface: LiquiditySurface, horizon_sessions: float, participation: float
) -> RedemptionAssets:
    """What a portfolio could sell and be paid for within a horizon, its cash first.

    Parameters
    ----------
    held, surface
        P positions and the surface (calm or stressed) that their ``place`` points at.
    horizon_sessions
        Sessions until money must be there. A position that settles S sessions after the sale has the horizon less S to be
        sold in.
    participation
        Share of volume, above 0 to 1.

    Returns
    -------
    RedemptionAssets
        1 + P assets. The haircut is the surface's expected cost of what is sold, over the time it is sold in. A short and a
        perpetual bring no money to redeem with: their value is 0.
    """
    value, share = sellable(held, surface, horizon_sessions, participation)
    haircut = sale_haircut(held, surface, share, selling_sessions(held, horizon_sessions))
    return RedemptionAssets(
        value=np.concatenate([[max(held.cash_base, 0.0)], value]),
        sold_frac=np.concatenate([[1.0], share]),
        haircut_frac=np.concatenate([[0.0], haircut]),
        owed=max(-held.cash_base, 0.0),
    )


def selling_sessions(held: Holdings, horizon_sessions: float) -> NDArray[np.float64]:
    """(P,) sessions in which a sale may be worked so that it has settled by the horizon, at least 0."""
    return np.maximum(horizon_sessions - held.settlement_days.astype(np.float64), 0.0)


def sellable(
    held: Holdings, surface: LiquiditySurface, horizon_sessions: float, participation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(P,) value that a sale could bring before costs, and the share of it sold and paid within the horizon."""
    size = np.abs(held.quantity * held.price)
    time = selling_sessions(held, horizon_sessions)
    share = np.zeros(len(held))
    for sessions in np.unique(time):
        there = time == sessions
        adv = on_surface(surface.adv_ccy, held)[there]
        share[there] = saleable_frac(size[there], adv, participation, [sessions])[:, 0]
    return sale_value(held), share


def sale_value(held: Holdings) -> NDArray[np.float64]:
    """(P,) value that a sale could bring before costs: that of longs paid in full, 0 of others, NaN where unknown."""
    pays = (held.quantity > 0.0) & (held.asset_class != "crypto_perp")
    return np.where(pays, held.value_base, np.where(np.isfinite(held.value_base), 0.0, np.nan))


def sale_haircut(
    held: Holdings, surface: LiquiditySurface, share: ArrayLike, sessions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(P,) expected cost of selling ``share`` of each position over ``sessions``, fraction of what is sold, at most 1.

    0 where nothing is sold, NaN where the surface has no cost.
    """
    sold = np.broadcast_to(np.asarray(share, dtype=np.float64), (len(held),))
    out = np.full(len(held), np.nan)
    known = np.flatnonzero(held.known)
    if len(known):
        size = np.abs(held.quantity * held.price)[known] * sold[known]
        horizon = np.where(sessions[known] > 0.0, sessions[known], 1.0)
        found = surface.take(held.place[known]).cost(held.side_sign[known], size, horizon)
        out[known] = np.minimum(found.expected_bps / 1e4, 1.0)
    return np.where(sold == 0.0, 0.0, out)
